//! The health of the sources, as `/status.json`, `/status` and `newsriver status` show it: pure.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::config::{Config, ConfigError};
use crate::language::Language;
use crate::model::moved::Move;
use crate::model::reason::Reason;
use crate::model::report::{Failure, SourceState};
use crate::model::source::{Source, SourceId};
use crate::schedule::reason;
use crate::store::SourceRow;

/// The whole report; the fields are those of the contract.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of newsriver.
    pub version: &'static str,
    /// When the daemon started; `null` where none is asked.
    pub started: Option<String>,
    /// The river in numbers.
    pub river: RiverCounts,
    /// The sources in the order of feeds.toml.
    pub sources: Vec<SourceReport>,
    /// What is wrong with feeds.toml; the sources are those of the last good one.
    pub config_error: Option<ConfigErrorReport>,
    /// What keeps the store from taking what polls bring; `/readyz` says 503 as long.
    pub store_error: Option<String>,
}

/// The river in numbers.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RiverCounts {
    /// Stories shown.
    pub stories: u64,
    /// Entries stored.
    pub entries: u64,
}

/// One source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceReport {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its address, without what is secret in it.
    pub url: String,
    /// Whether the address is kept from readers, or what is secret in it.
    pub url_hidden: bool,
    /// Its group.
    pub group: Option<String>,
    /// `ok`, `failing`, `gone`, `paused` or `new`.
    pub state: &'static str,
    /// RFC 3339.
    pub last_poll: Option<String>,
    /// RFC 3339.
    pub last_success: Option<String>,
    /// RFC 3339.
    pub next_poll: Option<String>,
    /// Why then; in English in the report, in the reader's language on the page.
    #[serde(rename = "next_poll_reason", serialize_with = "in_english")]
    pub reason: Option<Reason>,
    /// HTTP status of the last poll.
    pub http_status: Option<u16>,
    /// Entries in the store.
    pub entries: u64,
    /// Entries that were new at the last poll.
    pub new_last_poll: u32,
    /// Polls that failed since the last success.
    pub failures_in_a_row: u32,
    /// Why the last poll failed.
    pub error: Option<Failure>,
    /// What was odd about the document last read.
    pub warnings: Vec<String>,
    /// Where its server says that it moved for good; `newsriver fix` puts that into feeds.toml.
    pub moved_to: Option<String>,
}

/// What is wrong with feeds.toml.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigErrorReport {
    /// The file.
    pub file: String,
    /// Line of the first problem, from 1.
    pub line: usize,
    /// Column of the first problem, from 1.
    pub column: usize,
    /// All problems as `newsriver check` prints them.
    pub message: String,
    /// Each of them.
    pub problems: Vec<crate::config::Problem>,
}

impl ConfigErrorReport {
    /// The report of an error.
    #[must_use]
    pub fn new(error: &ConfigError) -> Self {
        let first = error.problems.first();
        Self {
            file: error.file.display().to_string(),
            line: first.map_or(1, |p| p.line),
            column: first.map_or(1, |p| p.column),
            message: error.to_string(),
            problems: error.problems.clone(),
        }
    }
}

impl Report {
    /// Joins what feeds.toml wants with what the store knows.
    #[must_use]
    pub fn new(
        config: &Config,
        rows: &HashMap<SourceId, SourceRow>,
        stories: u64,
        started: Option<DateTime<Utc>>,
        config_error: Option<&ConfigError>,
    ) -> Self {
        let entries = rows.values().map(|row| row.entries).sum();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            started: started.map(shown),
            river: RiverCounts { stories, entries },
            sources: config.sources.iter().map(|source| SourceReport::new(source, rows.get(&source.id))).collect(),
            config_error: config_error.map(ConfigErrorReport::new),
            store_error: None,
        }
    }
}

/// The state of a source in a word: `ok`, `failing`, `gone`, `paused` or `new`.
#[must_use]
pub fn state_of(source: &Source, state: Option<&SourceState>) -> &'static str {
    match state {
        _ if !source.enabled => "paused",
        Some(SourceState { last_poll: Some(_), error: None, .. }) => "ok",
        Some(state) if state.last_poll.is_some() && state.is_gone() => "gone",
        Some(SourceState { last_poll: Some(_), .. }) => "failing",
        _ => "new",
    }
}

impl SourceReport {
    /// Whether somebody should look at it: its polls fail, or it is gone.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        matches!(self.state, "failing" | "gone")
    }

    /// What a person should know of it, in a line: why it fails, else what is odd.
    #[must_use]
    pub fn remark(&self) -> String {
        match (&self.error, &self.moved_to) {
            (Some(failure), _) => Language::English.failure(failure, self.failures_in_a_row),
            (None, Some(target)) => Language::English.moved(target),
            (None, None) => self.warnings.join("; "),
        }
    }

    /// The remark; where there is none, why the source is polled next when it is.
    #[must_use]
    pub fn remark_or_reason(&self) -> String {
        match self.remark() {
            none if none.is_empty() => self.reason.map(|why| Language::English.reason(why)).unwrap_or_default(),
            remark => remark,
        }
    }

    /// Joins what feeds.toml wants of one source with what the store knows of it.
    #[must_use]
    pub fn new(source: &Source, row: Option<&SourceRow>) -> Self {
        let word = state_of(source, row.map(|row| &row.state));
        let state = row.map(|row| row.state.clone()).unwrap_or_default();
        let why = reason(source, &state);
        Self {
            id: source.id.to_string(),
            name: source.name.clone().or(state.feed_title).unwrap_or_else(|| source.id.to_string()),
            url: source.shown_address(),
            url_hidden: source.public_address().is_none(),
            group: source.group.clone(),
            state: word,
            last_poll: state.last_poll.map(shown),
            last_success: state.last_success.map(shown),
            next_poll: state.next_poll.filter(|_| source.enabled).map(shown),
            reason: why,
            http_status: state.http_status,
            entries: row.map_or(0, |row| row.entries),
            new_last_poll: state.new_last_poll,
            failures_in_a_row: state.failures_in_a_row,
            // Older versions stored them as they were.
            error: state.error.map(|error| Failure { message: source.redacted(&error.message), ..error }),
            warnings: state.warnings.iter().map(|warning| source.redacted(warning)).collect(),
            moved_to: state.moved.as_ref().and_then(Move::target).map(|target| source.redacted(target)),
        }
    }
}

fn in_english<S: serde::Serializer>(reason: &Option<Reason>, serializer: S) -> Result<S::Ok, S::Error> {
    reason.map(|reason| Language::English.reason(reason)).serialize(serializer)
}

fn shown(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
