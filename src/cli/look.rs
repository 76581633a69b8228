//! Commands that look and change nothing: `check`, `status`.

use std::cmp::Reverse;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::table::{Cell, Table, Tone};
use super::{Ending, contact, is_taken, load, note, print, print_json, print_table, runtime};
use crate::config::{Config, ConfigError};
use crate::fetch::{Fetcher, Known, Outcome};
use crate::model::source::Source;
use crate::model::visible;
use crate::model::zone::Zone;
use crate::poll::{PollError, read_document};
use crate::status::{Report, SourceReport};
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(super) struct CheckArguments {
    /// Fetch every source too and say what it holds
    #[arg(long)]
    online: bool,
    /// Check the store too, page by page
    #[arg(long)]
    store: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct StatusArguments {
    /// Only the sources that fail or are gone
    #[arg(long)]
    failing: bool,
    /// The order; that of feeds.toml if none is named
    #[arg(long, value_enum, value_name = "COLUMN")]
    sort: Option<Column>,
    /// Show it again every two seconds until it is stopped
    #[arg(short, long, conflicts_with = "json")]
    watch: bool,
    /// Print as JSON, in the form of /status.json
    #[arg(long)]
    json: bool,
}

/// What `status` can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Column {
    /// By name
    Source,
    /// Those that fail first
    State,
    /// The longest ago first
    LastSuccess,
    /// The soonest first
    NextPoll,
    /// The most first
    Entries,
}

/// Between two looks of `status --watch`.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

pub(super) fn check(path: &Path, arguments: &CheckArguments) -> Result<(), Ending> {
    let config = load(path)?;
    if arguments.store {
        let found = Store::look_at_files(&config.store)?.integrity()?;
        if !found.is_empty() {
            return Err(Ending::Failed(format!(
                "the store {} is damaged: {}; put a backup in its place",
                config.store.display(),
                found.join("; ")
            )));
        }
        note(&format!("{}: no damage", config.store.display()));
    }
    for source in
        config.sources.iter().filter(|source| source.private_url.is_none() && source.public_address().is_none())
    {
        note(&format!(
            "{}: the address of `{}` looks as if it held a secret: it is kept from feeds, subscription lists and pages; \
             `private_url = true` hides all of it, `false` publishes it",
            path.display(),
            source.id
        ));
    }
    for source in config.sources.iter().filter(|source| source.is_told_by_id()) {
        note(&format!(
            "{}: the id `{id}` is made of a private address, and ids stand in feeds, links and the ids of entries: \
             `newsriver rename {id} NEW` gives the source another, which new entries are named by",
            path.display(),
            id = source.id
        ));
    }
    if !arguments.online {
        let text = if arguments.json {
            json!({ "ok": true, "sources": config.sources.len() }).to_string()
        } else {
            format!("{}: {} sources, no problems", path.display(), config.sources.len())
        };
        return print(&text);
    }
    let found = runtime()?.block_on(look_online(&config))?;
    let failed = found.iter().filter(|f| f.result.is_err()).count();
    if arguments.json {
        let rows: Vec<_> = found.iter().map(Found::json).collect();
        print_json(&rows)?;
    } else {
        let mut rows = Table::new(&["source", "found"]);
        for one in &found {
            rows.add_row([one.source.id.to_string(), one.words()]);
        }
        print_table(&rows, &format!("{} sources, {failed} failed", found.len()))?;
    }
    if failed > 0 { Err(Ending::Failed(format!("{failed} of {} sources failed", found.len()))) } else { Ok(()) }
}

/// What a source holds now.
struct Found {
    source: Source,
    result: Result<(String, usize, &'static str, &'static str), PollError>,
}

impl Found {
    fn words(&self) -> String {
        match &self.result {
            Ok((title, entries, format, charset)) => format!("{format} in {charset}, {entries} entries: {title}"),
            Err(error) => format!("{}: {}", error.kind().name(), self.source.redacted(&error.to_string())),
        }
    }

    fn json(&self) -> serde_json::Value {
        match &self.result {
            Ok((title, entries, format, charset)) => {
                json!({ "id": self.source.id, "title": title, "entries": entries, "format": format, "charset": charset, "error": null })
            }
            Err(error) => {
                let message = self.source.redacted(&error.failure().message);
                json!({ "id": self.source.id, "error": { "kind": error.kind(), "message": message } })
            }
        }
    }
}

async fn look_online(config: &Config) -> Result<Vec<Found>, Ending> {
    use futures_util::StreamExt;
    let base = contact(config);
    let fetcher = Fetcher::new(&base, config.connect_timeout, Default::default())?;
    let looks = config.sources.iter().filter(|s| s.enabled).map(|source| {
        let fetcher = fetcher.clone();
        async move { Found { source: source.clone(), result: look_at(&fetcher, source).await } }
    });
    Ok(futures_util::stream::iter(looks).buffered(config.concurrency.min(16)).collect().await)
}

async fn look_at(fetcher: &Fetcher, source: &Source) -> Result<(String, usize, &'static str, &'static str), PollError> {
    let fetched = fetcher.fetch(source, &Known::NOTHING, Utc::now()).await.map_err(|failed| failed.error)?;
    let Outcome::Document(document) = fetched.outcome else { return Err(PollError::NothingToKeep) };
    let reading = read_document(source, document)?;
    Ok((reading.feed.title, reading.feed.entries.len(), reading.raw.format.name(), reading.charset))
}

pub(super) fn status(path: &Path, arguments: &StatusArguments) -> Result<(), Ending> {
    if !arguments.watch {
        let (report, error) = report(path, arguments)?;
        if arguments.json {
            return print_json(&report);
        }
        if let Some(error) = &error {
            note(&format!("{ERRORS}\n{error}\n"));
        }
        let (table, below) = status_table(path, &report, arguments);
        return print_table(&table, &below);
    }
    // The screen is cleared where there is one; elsewhere one table follows the other.
    let clear = if std::io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
    loop {
        let (report, error) = report(path, arguments)?;
        let (table, below) = status_table(path, &report, arguments);
        let above = error.map(|error| format!("{ERRORS}\n{error}\n\n")).unwrap_or_default();
        if !is_taken(format!("{clear}{}{table}\n{}", visible::lines(&above), visible::lines(&below)).as_bytes())? {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

const ERRORS: &str = "feeds.toml has errors; a running daemon goes on with the configuration before:";

/// The sources that are asked for, in their order; and what is wrong with feeds.toml.
fn report(path: &Path, arguments: &StatusArguments) -> Result<(Report, Option<ConfigError>), Ending> {
    let loaded = Config::load(path);
    let store = Store::look_at(&Config::store_path_of(path))?;
    let rows = store.sources()?.into_iter().map(|row| (row.id.clone(), row)).collect();
    let (config, error) = match loaded {
        Ok(config) => (config, None),
        // The daemon runs on with the configuration before; its sources are those of the store.
        Err(error) => (Config::of_rows(&rows), Some(error)),
    };
    let mut report = Report::new(&config, &rows, store.story_count(), None, error.as_ref());
    if arguments.failing {
        report.sources.retain(SourceReport::is_failing);
    }
    if let Some(column) = arguments.sort {
        sort(&mut report.sources, column);
    }
    Ok((report, error))
}

/// Sorts sources; those that a column says the same of stay in their order.
fn sort(sources: &mut [SourceReport], column: Column) {
    match column {
        Column::Source => sources.sort_by(|a, b| a.id.cmp(&b.id)),
        Column::State => sources.sort_by_key(|source| {
            let states = ["failing", "gone", "new", "ok", "paused"];
            (states.iter().position(|state| *state == source.state), Reverse(source.failures_in_a_row))
        }),
        Column::LastSuccess => sources.sort_by(|a, b| a.last_success.cmp(&b.last_success)),
        Column::NextPoll => sources.sort_by(|a, b| {
            // Those that are not polled come last.
            (a.next_poll.is_none(), &a.next_poll).cmp(&(b.next_poll.is_none(), &b.next_poll))
        }),
        Column::Entries => sources.sort_by_key(|source| Reverse(source.entries)),
    }
}

fn status_table(path: &Path, report: &Report, arguments: &StatusArguments) -> (Table, String) {
    let zone = Config::timezone_of(path);
    let local = |moment: &str| local(moment, zone);
    let mut table = Table::new(&["source", "state", "last success", "next poll", "entries", "remark"]);
    for source in &report.sources {
        table.add_row([
            Cell::from(source.id.clone()),
            Cell::new(source.state, Tone::of_state(source.state)),
            source.last_success.as_deref().map_or_else(|| "never".to_owned(), local).into(),
            source.next_poll.as_deref().map_or_else(|| "-".to_owned(), local).into(),
            source.entries.to_string().into(),
            source.remark_or_reason().into(),
        ]);
    }
    let (sources, entries) = (report.sources.len(), report.river.entries);
    let what = if arguments.failing { "failing sources" } else { "sources" };
    (table, format!("{sources} {what}, {entries} entries in all; times in {zone}"))
}

/// A moment (RFC 3339) as clocks in `zone` show it.
fn local(moment: &str, zone: Zone) -> String {
    DateTime::parse_from_rfc3339(moment)
        .map_or_else(|_| moment.to_owned(), |m| zone.at(m.to_utc()).format("%Y-%m-%d %H:%M:%S").to_string())
}
