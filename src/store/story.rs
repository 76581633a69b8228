//! Joining entries to stories, inside the transaction that writes them.
//!
//! A story is named by the row of its first entry. The index of what could be joined lives in memory
//! and is made of the signatures in the store; what it offers is judged by the entries themselves, so
//! an index that knows too much (a transaction that was undone) joins nothing wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::read;
use crate::model::entry::Entry;
use crate::model::source::SourceId;
use crate::stories::{Features, Index, Judgement, Signature, Time, judge};

/// Entries of the past that are read back, milliseconds before the newest.
const REMEMBERED_MS: i64 = 8 * 24 * 3600 * 1000;

/// An entry that has just been written.
#[derive(Debug)]
pub(super) struct Newcomer<'a> {
    pub(super) row: i64,
    pub(super) source: &'a SourceId,
    pub(super) entry: &'a Entry,
    pub(super) seen: DateTime<Utc>,
    /// Whether it adds a story unless it joins one.
    pub(super) is_new: bool,
}

/// What the writer knows of stories.
#[derive(Debug)]
pub(super) struct Stories {
    index: Index,
    count: Arc<AtomicU64>,
    pending: i64,
}

impl Stories {
    /// Reads back what the index held when the store was last closed.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let newest: Option<i64> = connection.query_row(
            "SELECT max(first_seen) FROM entries WHERE row > (SELECT max(row) - 1000 FROM entries)",
            [],
            |row| row.get(0),
        )?;
        let oldest = newest.unwrap_or(0) - REMEMBERED_MS;
        let mut kept: Vec<(i64, Time, Signature)> = Vec::new();
        let mut select =
            connection.prepare("SELECT row, dated, first_seen, signature FROM entries ORDER BY row DESC")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (id, time) = (row.get(0)?, Time { dated: row.get(1)?, seen: row.get(2)? });
            if time.seen < oldest {
                break;
            }
            let signature: Option<Vec<u8>> = row.get(3)?;
            kept.extend(signature.as_deref().and_then(Signature::from_bytes).map(|signature| (id, time, signature)));
        }
        let mut index = Index::default();
        for (row, time, signature) in kept.into_iter().rev() {
            index.insert(row, time, signature);
        }
        let stories = Self { index, count: Arc::default(), pending: 0 };
        stories.count.store(count(connection)?, Ordering::Relaxed);
        Ok(stories)
    }

    /// How many stories there are, as of the last commit.
    pub(super) fn count(&self) -> Arc<AtomicU64> {
        self.count.clone()
    }

    /// The change in the number of stories that the transaction under way makes.
    pub(super) fn pending(&self) -> i64 {
        self.pending
    }

    /// Takes back what an undone part of the transaction changed.
    pub(super) fn undo_to(&mut self, pending: i64) {
        self.pending = pending;
    }

    /// Ends the transaction.
    pub(super) fn settle(&mut self, committed: bool) {
        let change = std::mem::take(&mut self.pending);
        if committed {
            let before = self.count.load(Ordering::Relaxed);
            self.count.store(before.saturating_add_signed(change), Ordering::Relaxed);
        }
    }

    /// Finds the story of a new entry and joins it, and with it stories that it shows to be one.
    pub(super) fn join(&mut self, connection: &Connection, new: &Newcomer<'_>) -> rusqlite::Result<()> {
        let features = Features::of(new.source.as_str(), new.entry, new.seen.timestamp_millis());
        self.pending += i64::from(new.is_new);
        let signature = Signature::of(&features);
        connection
            .prepare_cached("UPDATE entries SET story = row, signature = ?2, dated = ?3 WHERE row = ?1")?
            .execute(params![new.row, signature.to_bytes(), features.time.dated])?;
        let candidates = self.index.candidates(features.time, signature);
        self.index.insert(new.row, features.time, signature);
        for other in candidates.into_iter().filter(|other| *other != new.row) {
            if let Some(judgement) = judge_stored(connection, &features, other)?.filter(|judgement| judgement.joined) {
                self.pending -= i64::from(unite(connection, new.row, other, &judgement)?);
            }
        }
        Ok(())
    }

    /// Looks again for the story of an entry whose words changed, unless it has one.
    pub(super) fn rejoin(
        &mut self,
        connection: &Connection,
        row: i64,
        source: &SourceId,
        entry: &Entry,
    ) -> rusqlite::Result<()> {
        let known: Option<i64> = connection
            .prepare_cached(
                "SELECT first_seen FROM entries e WHERE row = ?1 AND story = row AND split = 0
                 AND NOT EXISTS (SELECT 1 FROM entries o WHERE o.story = e.row AND o.row != e.row)",
            )?
            .query_row([row], |r| r.get(0))
            .optional()?;
        let Some(seen) = known else { return Ok(()) };
        let seen = DateTime::from_timestamp_millis(seen).unwrap_or_default();
        self.join(connection, &Newcomer { row, source, entry, seen, is_new: false })
    }
}

/// How many stories the river tells.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM entries WHERE story = row AND pruned = 0")?
        .query_row([], |row| row.get(0))
}

/// Judges an entry against a stored one; `None` where that is gone or was split off by hand.
fn judge_stored(connection: &Connection, features: &Features, other: i64) -> rusqlite::Result<Option<Judgement>> {
    let stored = connection
        .prepare_cached(
            "SELECT row, river_id, source, first_seen, changed_at, sort, data FROM entries WHERE row = ?1 AND split = 0",
        )?
        .query_row([other], read::entry)
        .optional()?;
    Ok(stored.map(|stored| {
        let theirs = Features::of(stored.source.as_str(), &stored.entry, stored.first_seen.timestamp_millis());
        judge(features, &theirs)
    }))
}

/// Makes the stories of two entries one, under the earlier first entry; whether they were two.
fn unite(connection: &Connection, row: i64, other: i64, judgement: &Judgement) -> rusqlite::Result<bool> {
    let story_of = |row: i64| -> rusqlite::Result<i64> {
        connection
            .prepare_cached("SELECT coalesce(story, row) FROM entries WHERE row = ?1")?
            .query_row([row], |r| r.get(0))
    };
    let (a, b) = (story_of(row)?, story_of(other)?);
    connection.prepare_cached("UPDATE entries SET story = ?1 WHERE story = ?2")?.execute([a.min(b), a.max(b)])?;
    let json =
        serde_json::to_string(judgement).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO joins (entry, other, judgement) VALUES (?1, ?2, ?3)")?
        .execute(params![row, other, json])?;
    Ok(a != b)
}
