//! Commands that look and change nothing: `check`, `status`, `log`.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::{Ending, Table, contact, load, note, print, print_json, runtime};
use crate::config::{Config, parse_duration};
use crate::fetch::{Fetcher, Known, Outcome};
use crate::model::redact;
use crate::model::source::{Source, SourceId};
use crate::model::zone::Zone;
use crate::poll::{PollError, read_document};
use crate::status::Report;
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
    /// Print as JSON, in the form of /status.json
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct LogArguments {
    /// The source; all of them if none is named
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// How far back
    #[arg(long, default_value = "1d", value_name = "DURATION", value_parser = since)]
    since: Duration,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

fn since(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a duration such as 90m, 12h or 7d".to_owned())
}

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
        print(&format!("{rows}\n{} sources, {failed} failed", found.len()))?;
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
    let loaded = Config::load(path);
    let store = Store::look_at(&Config::store_path_of(path))?;
    let rows = store.sources()?.into_iter().map(|row| (row.id.clone(), row)).collect();
    let (config, error) = match loaded {
        Ok(config) => (config, None),
        // The daemon runs on with the configuration before; its sources are those of the store.
        Err(error) => (Config::of_rows(&rows), Some(error)),
    };
    let report = Report::new(&config, &rows, store.story_count(), None, error.as_ref());
    if arguments.json {
        return print_json(&report);
    }
    if let Some(error) = &error {
        note(&format!("feeds.toml has errors; a running daemon goes on with the configuration before:\n{error}\n"));
    }
    let zone = Config::timezone_of(path);
    let local = |moment: &str| local(moment, zone);
    let mut lines = Table::new(&["source", "state", "last success", "next poll", "entries", "remark"]);
    for source in &report.sources {
        lines.add_row([
            source.id.clone(),
            source.state.to_owned(),
            source.last_success.as_deref().map_or_else(|| "never".to_owned(), local),
            source.next_poll.as_deref().map_or_else(|| "-".to_owned(), local),
            source.entries.to_string(),
            source.remark(),
        ]);
    }
    let (sources, entries) = (report.sources.len(), report.river.entries);
    print(&format!("{lines}\n{sources} sources, {entries} entries; times in {zone}"))
}

pub(super) fn log(path: &Path, arguments: &LogArguments) -> Result<(), Ending> {
    let store = Store::look_at(&Config::store_path_of(path))?;
    let id = arguments.id.as_deref().map(SourceId::new).transpose().map_err(|error| {
        Ending::Usage(format!("`{}` is no id: {error}", arguments.id.as_deref().unwrap_or_default()))
    })?;
    if let Some(id) = &id
        && !store.sources()?.iter().any(|row| row.id == *id)
    {
        return Err(Ending::Usage(format!("the store knows no source `{id}`; `newsriver status` lists them")));
    }
    let from = Utc::now() - chrono::TimeDelta::from_std(arguments.since).unwrap_or(chrono::TimeDelta::MAX);
    let mut history = store.history(id.as_ref(), from)?;
    // Older versions stored messages as they were.
    let config = Config::load(path).ok();
    for row in &mut history {
        let source = config.as_ref().and_then(|config| config.source(row.source.as_str()));
        let redact = |text: String| source.map_or_else(|| redact::masked(&text).into_owned(), |s| s.redacted(&text));
        row.message = row.message.take().map(redact);
    }
    if arguments.json {
        return print_json(&history);
    }
    let zone = Config::timezone_of(path);
    let mut rows =
        Table::new(&["when", "source", "status", "http", "bytes", "time", "new", "changed", "unchanged", ""]);
    for row in &history {
        let said = match (&row.error_kind, &row.message) {
            (Some(kind), Some(message)) => format!("{kind}: {message}"),
            (_, message) => message.clone().unwrap_or_default(),
        };
        rows.add_row([
            zone.at(row.at).format("%Y-%m-%d %H:%M:%S").to_string(),
            row.source.to_string(),
            row.status.clone(),
            row.http_status.map(|s| s.to_string()).unwrap_or_default(),
            row.bytes.to_string(),
            format!("{} ms", row.elapsed_ms),
            row.counts.new.to_string(),
            row.counts.changed.to_string(),
            row.counts.unchanged.to_string(),
            said,
        ]);
    }
    let since = zone.at(from).to_rfc3339_opts(SecondsFormat::Secs, true);
    print(&format!("{rows}\n{} polls since {since}; times in {zone}", history.len()))
}

/// A moment (RFC 3339) as clocks in `zone` show it.
fn local(moment: &str, zone: Zone) -> String {
    DateTime::parse_from_rfc3339(moment)
        .map_or_else(|_| moment.to_owned(), |m| zone.at(m.to_utc()).format("%Y-%m-%d %H:%M:%S").to_string())
}
