//! Joining entries to stories, inside the transaction that writes them.
//!
//! A story is named by the row of its first entry. The index of what could be joined lives in memory
//! and is made of the signatures in the store; what it offers is judged by the entries themselves, so
//! an index that knows too much (a transaction that was undone) joins nothing wrongly.
//!
//! The cost of one entry does not depend on how many entries its story or its document has: a story has at most
//! [`MOST_MEMBERS`] members and [`MOST_OF_SOURCE`] of one source. What comes beyond belongs to the story and is
//! kept (`entries.surplus`), but it is neither compared with later entries nor shown.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::compared::FeatureCache;
use super::members::{self, MOST_MEMBERS, MOST_OF_SOURCE};
use super::word_counts::WordCounts;
use crate::model::entry::Entry;
use crate::model::source::{Priorities, SourceId};
use crate::stories::{Features, Index, Judgement, Rarity, Signature, Time, belonging};

/// Edits of an entry after which its story is not looked for again.
const MOST_REJOINS: i64 = 24;

/// Between two commits, either way: what is remembered of the window is then read back. Milliseconds.
const CLOCK_STEP: i64 = 24 * 3600 * 1000;

/// Entries in a row of their arrival that were seen before the window, behind which none of it is looked for: a clock
/// that was wrong for a while may have left some between the others.
const SCATTERED: usize = 1_000;

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
    counts: WordCounts,
    features: FeatureCache,
    priorities: Arc<RwLock<Priorities>>,
    count: Arc<AtomicU64>,
    pending: i64,
    /// What the clock said at the last commit, milliseconds since 1970.
    clock: Option<i64>,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pending: i64,
    counts: usize,
}

impl Stories {
    /// Reads back what the index and the word counts held when the store was last closed.
    pub(super) fn load(connection: &Connection, priorities: Arc<RwLock<Priorities>>) -> rusqlite::Result<Self> {
        let mut stories = Self {
            index: Index::default(),
            counts: WordCounts::default(),
            features: FeatureCache::default(),
            priorities,
            count: Arc::default(),
            pending: 0,
            clock: None,
        };
        // The last entry rather than the newest: a clock that jumped may have left some in the future.
        let last =
            connection.query_row("SELECT first_seen FROM entries ORDER BY row DESC LIMIT 1", [], |row| row.get(0));
        if let Some(last) = last.optional()? {
            stories.read_back(connection, last)?;
        }
        stories.count.store(count(connection)?, Ordering::Relaxed);
        Ok(stories)
    }

    /// Takes what the clock says before a transaction. Where it was set, what is remembered is that of another window:
    /// it is read back from the store, as it would be after a restart.
    pub(super) fn follow_clock(&mut self, connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<()> {
        let now = now.timestamp_millis();
        if self.clock.is_some_and(|clock| now.abs_diff(clock) > CLOCK_STEP.unsigned_abs()) {
            self.read_back(connection, now)?;
        }
        self.clock = Some(now);
        Ok(())
    }

    /// Reads back what is remembered of the window before `now`, milliseconds since 1970.
    fn read_back(&mut self, connection: &Connection, now: i64) -> rusqlite::Result<()> {
        (self.index, self.counts) = (Index::default(), WordCounts::default());
        self.features.clear();
        let transaction = connection.unchecked_transaction()?;
        for (row, time, signature) in remembered(&transaction, now)?.into_iter().rev() {
            match signature {
                Some(signature) => {
                    self.counts.add(time.seen, signature.words().to_vec());
                    self.index.insert(row, time, &signature);
                }
                // Written by a version that compared titles in another way.
                None => self.sign(&transaction, row)?,
            }
        }
        transaction.commit()?;
        self.counts.keep();
        self.clock = Some(now);
        Ok(())
    }

    /// How many stories there are, as of the last commit.
    pub(super) fn count(&self) -> Arc<AtomicU64> {
        self.count.clone()
    }

    /// How rare words are, as the tests compare it.
    #[cfg(test)]
    pub(super) fn rarity(&self) -> &Rarity {
        self.counts.rarity()
    }

    /// How far the transaction under way has come.
    pub(super) fn mark(&self) -> Mark {
        Mark { pending: self.pending, counts: self.counts.changes() }
    }

    /// Takes back what an undone part of the transaction changed.
    pub(super) fn undo_to(&mut self, mark: Mark) {
        self.pending = mark.pending;
        self.counts.undo_to(mark.counts);
        // The rows that were undone are given again to other entries.
        self.features.clear();
    }

    /// Ends the transaction.
    pub(super) fn settle(&mut self, committed: bool) {
        if !committed {
            self.undo_to(Mark { pending: 0, counts: 0 });
        }
        self.counts.keep();
        let change = std::mem::take(&mut self.pending);
        let before = self.count.load(Ordering::Relaxed);
        self.count.store(before.saturating_add_signed(change), Ordering::Relaxed);
    }

    /// Finds the story of a new entry and joins it, and with it stories that it shows to be one; whether the entry is
    /// a member of its story. One beyond the limits of its story is none.
    pub(super) fn join(&mut self, connection: &Connection, new: &Newcomer<'_>) -> rusqlite::Result<bool> {
        let features = Arc::new(Features::of(new.source.as_str(), new.entry, new.seen.timestamp_millis()));
        let signature = self.sign_with(connection, new.row, &features)?;
        connection.prepare_cached("UPDATE entries SET story = row WHERE row = ?1")?.execute([new.row])?;
        self.pending += i64::from(new.is_new);
        let mut candidates = Vec::new();
        for row in self.index.candidates(features.time, &signature, self.counts.rarity()) {
            if row != new.row {
                candidates.extend(self.features.entry(connection, row)?);
            }
        }
        let members = |story: i64| self.features.of_story(connection, story);
        let joins = belonging(&features, &candidates, self.counts.rarity(), members)?;
        let mut story = new.row;
        for join in joins {
            let theirs = members::count(connection, join.story, new.source)?;
            let is_alone = story == new.row;
            if is_alone && (theirs.all >= MOST_MEMBERS || theirs.of_source >= MOST_OF_SOURCE) {
                connection
                    .prepare_cached("UPDATE entries SET story = ?2, surplus = 1, signature = NULL WHERE row = ?1")?
                    .execute([new.row, join.story])?;
                note_join(connection, new.row, join.row, &join.judgement)?;
                self.counts.remove(features.time.seen, signature.words().to_vec());
                self.pending -= 1;
                return Ok(false);
            }
            let mine = if is_alone { 1 } else { members::count(connection, story, new.source)?.all };
            if mine + theirs.all > MOST_MEMBERS {
                continue;
            }
            note_join(connection, new.row, join.row, &join.judgement)?;
            story = unite(connection, story, join.story)?;
            self.pending -= 1;
        }
        self.index.insert(new.row, features.time, &signature);
        self.features.put(new.row, features);
        Ok(true)
    }

    /// Counts the words of an entry and stores what it is found by.
    fn sign_with(&mut self, connection: &Connection, row: i64, features: &Features) -> rusqlite::Result<Signature> {
        self.counts.add(features.time.seen, features.words.keys().collect());
        let signature = Signature::of(features, self.counts.rarity());
        connection.prepare_cached("UPDATE entries SET signature = ?2, dated = ?3 WHERE row = ?1")?.execute(params![
            row,
            signature.to_bytes(),
            features.time.dated
        ])?;
        Ok(signature)
    }

    /// Makes the signature of a stored entry that has none of this version.
    fn sign(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<()> {
        let Some(entry) = self.features.entry(connection, row)? else { return Ok(()) };
        let signature = self.sign_with(connection, row, &entry.features)?;
        self.index.insert(row, entry.features.time, &signature);
        Ok(())
    }

    /// Takes back the words of a stored entry that is joined anew.
    fn forget(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<()> {
        let (seen, bytes): (i64, Option<Vec<u8>>) = connection
            .prepare_cached("SELECT first_seen, signature FROM entries WHERE row = ?1")?
            .query_row([row], |r| Ok((r.get(0)?, r.get(1)?)))?;
        if let Some(signature) = bytes.as_deref().and_then(Signature::from_bytes) {
            self.counts.remove(seen, signature.words().to_vec());
        }
        Ok(())
    }

    /// Looks again for the story of an entry whose words changed, unless it has one; whether it is a member of its
    /// story. One that was beyond the limits of its story may tell another one now.
    pub(super) fn rejoin(
        &mut self,
        connection: &Connection,
        row: i64,
        source: &SourceId,
        entry: &Entry,
    ) -> rusqlite::Result<bool> {
        self.features.remove(row);
        let (seen, edits, is_surplus, is_split, story): (i64, i64, bool, bool, i64) = connection
            .prepare_cached(
                "SELECT first_seen, edits, surplus, split, coalesce(story, row) FROM entries WHERE row = ?1",
            )?
            .query_row([row], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?;
        let is_alone = story == row && members::count(connection, row, source)?.all <= 1;
        if is_split || edits > MOST_REJOINS || !(is_alone || is_surplus) {
            return Ok(!is_surplus);
        }
        self.forget(connection, row)?;
        connection.prepare_cached("UPDATE entries SET surplus = 0 WHERE row = ?1")?.execute([row])?;
        let seen = DateTime::from_timestamp_millis(seen).unwrap_or_default();
        self.join(connection, &Newcomer { row, source, entry, seen, is_new: is_surplus })
    }

    /// Puts the story of an entry where it belongs, now that this entry came or changed; whether the story shows the
    /// words of this entry.
    pub(super) fn settle_place(&self, connection: &Connection, row: i64) -> rusqlite::Result<bool> {
        let story: i64 = connection
            .prepare_cached("SELECT coalesce(story, row) FROM entries WHERE row = ?1")?
            .query_row([row], |r| r.get(0))?;
        if !members::has_several(connection, story)? {
            return Ok(true);
        }
        let priorities = self.priorities.read().unwrap_or_else(PoisonError::into_inner);
        Ok(members::settle(connection, story, &priorities)? == Some(row))
    }
}

/// The entries of the window before `now` by row, the newest first, with their signatures; one of an earlier version is
/// `None`. What was seen in the future, under a clock that was wrong, counts as seen now.
fn remembered(connection: &Connection, now: i64) -> rusqlite::Result<Vec<(i64, Time, Option<Signature>)>> {
    let oldest = Rarity::horizon(now);
    let (mut kept, mut older) = (Vec::new(), 0);
    let mut select =
        connection.prepare_cached("SELECT row, dated, first_seen, signature FROM entries ORDER BY row DESC")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let seen: i64 = row.get(2)?;
        if seen < oldest {
            older += 1;
            if older > SCATTERED {
                break;
            }
            continue;
        }
        older = 0;
        let (id, time) = (row.get(0)?, Time { dated: row.get(1)?, seen: seen.min(now) });
        let signature: Option<Vec<u8>> = row.get(3)?;
        kept.extend(signature.map(|bytes| (id, time, Signature::from_bytes(&bytes))));
    }
    Ok(kept)
}

/// How many stories the river tells.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM entries WHERE story = row AND pruned = 0")?
        .query_row([], |row| row.get(0))
}

/// Makes two stories one, under the earlier first entry; the row of that.
fn unite(connection: &Connection, a: i64, b: i64) -> rusqlite::Result<i64> {
    connection.prepare_cached("UPDATE entries SET story = ?1 WHERE story = ?2")?.execute([a.min(b), a.max(b)])?;
    Ok(a.min(b))
}

fn note_join(connection: &Connection, row: i64, other: i64, judgement: &Judgement) -> rusqlite::Result<()> {
    let json =
        serde_json::to_string(judgement).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO joins (entry, other, judgement) VALUES (?1, ?2, ?3)")?
        .execute(params![row, other, json])
        .map(drop)
}
