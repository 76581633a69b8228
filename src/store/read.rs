//! Looking into the store: the state of sources, the history of polls, rows -> values.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::codec::{json_of, unpack};
use super::{Store, StoreError};
use crate::identity::Key;
use crate::ingest::Prepared;
use crate::model::document::Validators;
use crate::model::entry::StoredEntry;
use crate::model::feed::RawArticle;
use crate::model::moved::Move;
use crate::model::report::{Counts, ErrorKind, Failure, SourceState};
use crate::model::source::SourceId;

/// A source as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// The source.
    pub id: SourceId,
    /// Its name for people.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its entries in the store.
    pub entries: u64,
    /// What polls left behind.
    pub state: SourceState,
}

/// One poll of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryRow {
    /// Its place among all polls, in the order in which they ended.
    #[serde(skip)]
    pub row: i64,
    /// The source.
    pub source: SourceId,
    /// When it began.
    pub at: DateTime<Utc>,
    /// `ok`, `not_modified`, `unchanged`, `failed`.
    pub status: String,
    /// The HTTP status, where there was one.
    pub http_status: Option<u16>,
    /// Size of the body, bytes.
    pub bytes: u64,
    /// Milliseconds.
    pub elapsed_ms: u64,
    /// What became of the entries.
    #[serde(flatten)]
    pub counts: Counts,
    /// Kind of the error.
    pub error_kind: Option<String>,
    /// The error, else the warnings.
    pub message: Option<String>,
}

/// One poll of the past, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// Entries that were new; `None` where it failed.
    pub new: Option<u32>,
    /// Milliseconds.
    pub elapsed_ms: u64,
}

/// What is known of the article behind a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownArticle {
    /// How often it was asked for.
    pub attempts: u32,
    /// The article, once it was had.
    pub article: Option<RawArticle>,
}

impl Store {
    /// What is known of articles, by the digests of their links.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn articles(&self, keys: &[Key]) -> Result<HashMap<Key, KnownArticle>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached("SELECT attempts, article FROM articles WHERE key = ?1")?;
            let mut known = HashMap::new();
            for key in keys {
                let mut rows = select.query([key])?;
                if let Some(row) = rows.next()? {
                    let packed: Option<Vec<u8>> = row.get(1)?;
                    let article = packed.map(|packed| unpack(1, &packed)).transpose()?;
                    known.insert(*key, KnownArticle { attempts: row.get(0)?, article });
                }
            }
            Ok(known)
        })
    }

    /// The titles that the publisher gave the newest `limit` entries of a source.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn titles(&self, source: &SourceId, limit: usize) -> Result<Vec<String>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.reading(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT coalesce(data ->> 'title_original', data ->> 'title', '') FROM entries WHERE source = ?1 ORDER BY row DESC LIMIT ?2",
            )?;
            select.query_map(params![source.as_str(), limit], |row| row.get(0))?.collect()
        })
    }

    /// Which entries of a document of `source` are stored just as they are.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn are_stored(&self, source: &SourceId, entries: &[Prepared]) -> Result<Vec<bool>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT e.stamp FROM entry_keys k JOIN entries e ON e.row = k.entry
                 WHERE k.source = ?1 AND k.kind = ?2 AND k.key = ?3",
            )?;
            let mut is_stored = |entry: &Prepared| {
                let Some((kind, key)) = entry.keys().each().next() else { return Ok(false) };
                let mut rows = select.query(params![source.as_str(), kind as u8, key])?;
                let Some(row) = rows.next()? else { return Ok(false) };
                Ok(row.get_ref(0)?.as_blob_or_null()? == Some(&entry.stamp()[..]))
            };
            entries.iter().map(&mut is_stored).collect()
        })
    }

    /// How many entries the store holds.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn entry_count(&self) -> Result<u64, StoreError> {
        self.reading(|connection| {
            connection.query_row("SELECT coalesce(sum(entries), 0) FROM sources", [], |row| row.get(0))
        })
    }

    /// Every source that was ever polled, by id.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn sources(&self) -> Result<Vec<SourceRow>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached(&format!("SELECT {SOURCE_COLUMNS} FROM sources ORDER BY id"))?;
            select.query_map([], source)?.collect()
        })
    }

    /// The polls since `since` in short, by source: newest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn pulses(&self, since: DateTime<Utc>) -> Result<HashMap<SourceId, Vec<Pulse>>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT source, iif(error_kind IS NULL, new, NULL), elapsed_ms FROM polls WHERE started_at >= ?1 ORDER BY started_at DESC",
            )?;
            let mut rows = select.query([since.timestamp_millis()])?;
            let mut pulses: HashMap<SourceId, Vec<Pulse>> = HashMap::new();
            while let Some(row) = rows.next()? {
                pulses.entry(source_id(row, 0)?).or_default().push(Pulse { new: row.get(1)?, elapsed_ms: row.get(2)? });
            }
            Ok(pulses)
        })
    }

    /// The polls since `since`, of one source or of all, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn history(&self, of: Option<&SourceId>, since: DateTime<Utc>) -> Result<Vec<HistoryRow>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached(&format!(
                "SELECT {HISTORY_COLUMNS} FROM polls
                 WHERE started_at >= ?1 AND (?2 IS NULL OR source = ?2) ORDER BY started_at, row"
            ))?;
            select.query_map(params![since.timestamp_millis(), of.map(SourceId::as_str)], history)?.collect()
        })
    }

    /// The polls that ended after the one in `row`, of one source or of all, in the order in which they ended.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn history_after(&self, of: Option<&SourceId>, row: i64) -> Result<Vec<HistoryRow>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached(&format!(
                "SELECT {HISTORY_COLUMNS} FROM polls WHERE row > ?1 AND (?2 IS NULL OR source = ?2) ORDER BY row"
            ))?;
            select.query_map(params![row, of.map(SourceId::as_str)], history)?.collect()
        })
    }
}

/// The columns of `entries` that [`entry()`] reads, in its order.
pub(super) const ENTRY_COLUMNS: &str = "row, river_id, source, first_seen, changed_at, sort, data, stamp";

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    let stamp = row.get_ref(7)?.as_blob_or_null()?;
    let healed = super::heal::entry(row.get_ref(6)?.as_str()?, stamp);
    let (entry, _) = healed
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, error.into()))?;
    Ok(StoredEntry {
        told_by: source_id(row, 2)?,
        tellings: Vec::new(),
        row: row.get(0)?,
        river_id: row.get(1)?,
        source: source_id(row, 2)?,
        first_seen: time(row.get(3)?),
        changed_at: time(row.get(4)?),
        order: time(row.get(5)?),
        entry,
    })
}

const SOURCE_COLUMNS: &str =
    "id, name, address, entries, home_page_url, feed_title, etag, last_modified, body_digest, recipe, last_poll,
    last_success, next_poll, http_status, failures, new_last_poll, error_kind, error_message, validators_of, moved_to, warnings, activity, hints, doubted_since";

/// One source, on a connection that the caller owns.
pub(super) fn source_row(connection: &Connection, id: &SourceId) -> rusqlite::Result<SourceRow> {
    connection
        .prepare_cached(&format!("SELECT {SOURCE_COLUMNS} FROM sources WHERE id = ?1"))?
        .query_row([id.as_str()], source)
}

fn source(row: &Row<'_>) -> rusqlite::Result<SourceRow> {
    let kind: Option<String> = row.get(16)?;
    let message: Option<String> = row.get(17)?;
    let moment = |n: usize| row.get::<_, Option<i64>>(n).map(|ms| ms.map(time));
    Ok(SourceRow {
        id: source_id(row, 0)?,
        name: row.get(1)?,
        address: row.get(2)?,
        entries: row.get(3)?,
        state: SourceState {
            home_page_url: row.get(4)?,
            feed_title: row.get(5)?,
            validators: Validators { etag: row.get(6)?, last_modified: row.get(7)?, of: row.get(18)? },
            body_digest: row.get(8)?,
            recipe: row.get(9)?,
            last_poll: moment(10)?,
            last_success: moment(11)?,
            next_poll: moment(12)?,
            http_status: row.get(13)?,
            failures_in_a_row: row.get(14)?,
            new_last_poll: row.get(15)?,
            error: kind.zip(message).map(|(kind, message)| Failure {
                kind: ErrorKind::from_name(&kind).unwrap_or(ErrorKind::Internal),
                message,
            }),
            moved: match row.get(19)? {
                Some(to) => Some(Move { to, doubted_since: moment(23)? }),
                None => None,
            },
            warnings: json_of(row, 20)?,
            activity: json_of(row, 21)?,
            hints: json_of(row, 22)?,
        },
    })
}

const HISTORY_COLUMNS: &str = "source, started_at, status, http_status, bytes, elapsed_ms, new, changed, unchanged,
    error_kind, message, row";

fn history(row: &Row<'_>) -> rusqlite::Result<HistoryRow> {
    Ok(HistoryRow {
        source: source_id(row, 0)?,
        at: time(row.get(1)?),
        status: row.get(2)?,
        http_status: row.get(3)?,
        bytes: row.get(4)?,
        elapsed_ms: row.get(5)?,
        counts: Counts { new: row.get(6)?, changed: row.get(7)?, unchanged: row.get(8)? },
        error_kind: row.get(9)?,
        message: row.get(10)?,
        row: row.get(11)?,
    })
}

pub(super) fn source_id(row: &Row<'_>, column: usize) -> rusqlite::Result<SourceId> {
    let text: String = row.get(column)?;
    SourceId::new(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into()))
}

pub(super) fn time(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}
