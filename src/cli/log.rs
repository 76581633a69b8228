//! `newsriver log`: the polls of the past, and those to come as they end.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use clap::builder::PossibleValuesParser;

use super::table::{Cell, Table, Tone};
use super::{Ending, is_taken, print_json, print_table};
use crate::config::{Config, parse_duration};
use crate::model::report::ErrorKind;
use crate::model::source::SourceId;
use crate::model::zone::Zone;
use crate::model::{redact, visible};
use crate::store::{HistoryRow, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The source; all of them if none is named
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// How far back
    #[arg(long, default_value = "1d", value_name = "DURATION", value_parser = since)]
    since: Duration,
    /// Only the polls that failed
    #[arg(long)]
    failed: bool,
    /// Only the polls that failed with this kind of error
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(ErrorKind::ALL.map(ErrorKind::name)))]
    kind: Option<String>,
    /// Go on with each poll that ends, until it is stopped
    #[arg(short, long)]
    follow: bool,
    /// Print as JSON; with --follow one object a line
    #[arg(long)]
    json: bool,
}

/// Between two looks of `log --follow`.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

fn since(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a duration such as 90m, 12h or 7d".to_owned())
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<(), Ending> {
    let store = Store::look_at(&Config::store_path_of(path))?;
    let id = arguments.id.as_deref().map(SourceId::new).transpose().map_err(|error| {
        Ending::Usage(format!("`{}` is no id: {error}", arguments.id.as_deref().unwrap_or_default()))
    })?;
    if let Some(id) = &id
        && !store.sources()?.iter().any(|row| row.id == *id)
    {
        return Err(Ending::Usage(format!("the store knows no source `{id}`; `newsriver status` lists them")));
    }
    let from = Utc::now() - TimeDelta::from_std(arguments.since).unwrap_or(TimeDelta::MAX);
    let history = store.history(id.as_ref(), from)?;
    let (zone, config) = (Config::timezone_of(path), Config::load(path).ok());
    let mut shown = Shown { arguments, config: config.as_ref(), failing: HashSet::new() };
    let newest = history.iter().map(|row| row.row).max().unwrap_or(0);
    let rows = shown.of(history);
    if !arguments.follow {
        if arguments.json {
            return print_json(&rows.iter().map(|row| &row.poll).collect::<Vec<_>>());
        }
        let mut table =
            Table::new(&["when", "source", "status", "http", "bytes", "time", "new", "changed", "unchanged", ""]);
        for row in &rows {
            table.add_row(row.cells(zone));
        }
        let since = zone.at(from).to_rfc3339_opts(SecondsFormat::Secs, true);
        return print_table(&table, &format!("{} polls since {since}; times in {zone}", rows.len()));
    }
    follow(&store, id.as_ref(), (rows, newest), &mut shown, zone)
}

/// Prints the polls there are, then each one that ends.
fn follow(
    store: &Store,
    id: Option<&SourceId>,
    (mut rows, mut newest): (Vec<Row>, i64),
    shown: &mut Shown<'_>,
    zone: Zone,
) -> Result<(), Ending> {
    loop {
        for row in &rows {
            let line = if shown.arguments.json {
                visible::json(&serde_json::to_string(&row.poll)?).into_owned()
            } else {
                visible::line(&row.line(zone)).into_owned()
            };
            if !is_taken(line.as_bytes())? {
                return Ok(());
            }
        }
        std::thread::sleep(LOOK_AGAIN);
        let ended = store.history_after(id, newest)?;
        newest = ended.last().map_or(newest, |row| row.row);
        rows = shown.of(ended);
    }
}

/// A poll as it is shown.
struct Row {
    poll: HistoryRow,
    /// The one before failed, and this one did not.
    is_recovery: bool,
}

impl Row {
    fn status(&self) -> (&str, Tone) {
        if self.is_recovery { ("recovered", Tone::Good) } else { (&self.poll.status, Tone::of_poll(&self.poll.status)) }
    }

    fn said(&self) -> String {
        match (&self.poll.error_kind, &self.poll.message) {
            (Some(kind), Some(message)) => format!("{kind}: {message}"),
            (_, message) => message.clone().unwrap_or_default(),
        }
    }

    fn cells(&self, zone: Zone) -> [Cell; 10] {
        let (poll, (status, tone)) = (&self.poll, self.status());
        let at = zone.at(poll.at).format("%Y-%m-%d %H:%M:%S").to_string();
        [
            at.into(),
            poll.source.to_string().into(),
            Cell::new(status, tone),
            poll.http_status.map(|s| s.to_string()).unwrap_or_default().into(),
            poll.bytes.to_string().into(),
            format!("{} ms", poll.elapsed_ms).into(),
            poll.counts.new.to_string().into(),
            poll.counts.changed.to_string().into(),
            poll.counts.unchanged.to_string().into(),
            self.said().into(),
        ]
    }

    /// The same in one line, where the width of what comes later is not known.
    fn line(&self, zone: Zone) -> String {
        let poll = &self.poll;
        let at = zone.at(poll.at).format("%Y-%m-%d %H:%M:%S");
        let (status, counts) = (self.status().0, poll.counts);
        let http = poll.http_status.map(|status| format!(" {status}")).unwrap_or_default();
        let said = Some(self.said()).filter(|said| !said.is_empty()).map(|said| format!("  {said}"));
        format!(
            "{at}  {}  {status}{http}  {} bytes in {} ms, {} new, {} changed, {} unchanged{}",
            poll.source,
            poll.bytes,
            poll.elapsed_ms,
            counts.new,
            counts.changed,
            counts.unchanged,
            said.unwrap_or_default()
        )
    }
}

/// What of the history is shown, and how.
struct Shown<'a> {
    arguments: &'a Arguments,
    config: Option<&'a Config>,
    /// Sources whose last poll so far failed.
    failing: HashSet<SourceId>,
}

impl Shown<'_> {
    /// What is shown of further polls, which must be given in their order.
    fn of(&mut self, polls: Vec<HistoryRow>) -> Vec<Row> {
        polls.into_iter().filter_map(|poll| self.one(poll)).collect()
    }

    fn one(&mut self, mut poll: HistoryRow) -> Option<Row> {
        let failed = poll.error_kind.is_some();
        let is_recovery = if failed {
            self.failing.insert(poll.source.clone());
            false
        } else {
            self.failing.remove(&poll.source)
        };
        let arguments = self.arguments;
        let is_wanted = (failed || !arguments.failed)
            && arguments.kind.as_ref().is_none_or(|kind| poll.error_kind.as_ref() == Some(kind));
        if !is_wanted {
            return None;
        }
        // Older versions stored messages as they were.
        let source = self.config.and_then(|config| config.source(poll.source.as_str()));
        let redact = |text: String| source.map_or_else(|| redact::masked(&text).into_owned(), |s| s.redacted(&text));
        poll.message = poll.message.take().map(redact);
        Some(Row { poll, is_recovery })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::report::Counts;

    fn poll(row: i64, source: &str, kind: Option<&str>) -> Result<HistoryRow, Box<dyn std::error::Error>> {
        Ok(HistoryRow {
            row,
            source: SourceId::new(source)?,
            at: DateTime::from_timestamp(1_795_000_000 + row, 0).unwrap_or_default(),
            status: if kind.is_some() { "failed" } else { "ok" }.to_owned(),
            http_status: Some(200),
            bytes: 12,
            elapsed_ms: 3,
            counts: Counts { new: 1, changed: 0, unchanged: 2 },
            error_kind: kind.map(str::to_owned),
            message: kind.map(|_| "it broke".to_owned()),
        })
    }

    #[test]
    fn the_first_good_poll_after_a_failure_is_a_recovery() -> Result<(), Box<dyn std::error::Error>> {
        let arguments =
            Arguments { id: None, since: Duration::ZERO, failed: false, kind: None, follow: false, json: false };
        let mut shown = Shown { arguments: &arguments, config: None, failing: HashSet::new() };
        let polls = vec![poll(1, "a", None)?, poll(2, "a", Some("dns"))?, poll(3, "b", None)?, poll(4, "a", None)?];
        let status: Vec<_> = shown.of(polls).iter().map(|row| row.status().0.to_owned()).collect();
        assert_eq!(status, ["ok", "failed", "ok", "recovered"]);
        assert_eq!(shown.of(vec![poll(5, "a", None)?])[0].status().0, "ok");
        let failed = Arguments { failed: true, ..arguments };
        let mut shown = Shown { arguments: &failed, config: None, failing: HashSet::new() };
        assert_eq!(shown.of(vec![poll(1, "a", None)?, poll(2, "a", Some("dns"))?]).len(), 1);
        let of_kind = Arguments { kind: Some("tls".to_owned()), ..failed };
        let mut shown = Shown { arguments: &of_kind, config: None, failing: HashSet::new() };
        let rows = shown.of(vec![poll(2, "a", Some("dns"))?, poll(3, "a", Some("tls"))?]);
        assert_eq!(rows.len(), 1);
        assert_eq!(
            rows[0].line(Zone::UTC).split_once("  ").map(|(_, rest)| rest),
            Some("a  failed 200  12 bytes in 3 ms, 1 new, 0 changed, 2 unchanged  tls: it broke")
        );
        Ok(())
    }
}
