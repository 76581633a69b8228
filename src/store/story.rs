//! Joining entries to stories, inside the transaction that writes them.
//!
//! A story is named by the row of its first entry. The index of what could be joined lives in memory
//! and is made of the signatures in the store; what it offers is judged by the entries themselves, so
//! an index that knows too much (a transaction that was undone) joins nothing wrongly.
//!
//! The cost of one entry does not depend on how many entries its story or its document has: a story has at most
//! [`MOST_MEMBERS`] members and [`MOST_OF_SOURCE`] of one source. What comes beyond belongs to the story and is
//! kept (`entries.surplus`), but it is neither compared with later entries nor shown.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::members::{self, MOST_MEMBERS, MOST_OF_SOURCE};
use super::read;
use crate::model::entry::Entry;
use crate::model::source::{Priorities, SourceId};
use crate::stories::{Features, Index, Judgement, Signature, Time, judge};

/// Entries of the past that are read back, milliseconds before the newest.
const REMEMBERED_MS: i64 = 8 * 24 * 3600 * 1000;

/// Entries whose features are kept between two comparisons; each takes some 30 KB at most.
const MOST_CACHED: usize = 256;

/// Edits of an entry after which its story is not looked for again.
const MOST_REJOINS: i64 = 24;

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
    features: FeatureCache,
    priorities: Arc<RwLock<Priorities>>,
    count: Arc<AtomicU64>,
    pending: i64,
}

/// Features of entries that were compared lately, the oldest first out.
#[derive(Debug, Default)]
struct FeatureCache {
    by_row: HashMap<i64, Arc<Features>>,
    order: VecDeque<i64>,
}

impl FeatureCache {
    fn put(&mut self, row: i64, features: Arc<Features>) {
        if self.by_row.insert(row, features).is_some() {
            return;
        }
        self.order.push_back(row);
        if self.order.len() > MOST_CACHED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_row.remove(&oldest);
        }
    }

    fn clear(&mut self) {
        self.by_row.clear();
        self.order.clear();
    }
}

/// A stored entry that a new one may tell the same news as.
struct Candidate {
    row: i64,
    story: i64,
}

impl Stories {
    /// Reads back what the index held when the store was last closed.
    pub(super) fn load(connection: &Connection, priorities: Arc<RwLock<Priorities>>) -> rusqlite::Result<Self> {
        // The last entry rather than the newest: a clock that jumped may have left some in the future.
        let newest: Option<i64> = connection
            .query_row("SELECT first_seen FROM entries ORDER BY row DESC LIMIT 1", [], |row| row.get(0))
            .optional()?;
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
        let stories = Self { index, features: FeatureCache::default(), priorities, count: Arc::default(), pending: 0 };
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
        // The rows that were undone are given again to other entries.
        self.features.clear();
    }

    /// Ends the transaction.
    pub(super) fn settle(&mut self, committed: bool) {
        let change = std::mem::take(&mut self.pending);
        if committed {
            let before = self.count.load(Ordering::Relaxed);
            self.count.store(before.saturating_add_signed(change), Ordering::Relaxed);
        } else {
            self.features.clear();
        }
    }

    /// Finds the story of a new entry and joins it, and with it stories that it shows to be one; whether the entry is
    /// a member of its story. One beyond the limits of its story is none.
    pub(super) fn join(&mut self, connection: &Connection, new: &Newcomer<'_>) -> rusqlite::Result<bool> {
        let features = Arc::new(Features::of(new.source.as_str(), new.entry, new.seen.timestamp_millis()));
        self.pending += i64::from(new.is_new);
        let signature = Signature::of(&features);
        connection
            .prepare_cached("UPDATE entries SET story = row, signature = ?2, dated = ?3 WHERE row = ?1")?
            .execute(params![new.row, signature.to_bytes(), features.time.dated])?;
        let mut story = new.row;
        for other in self.index.candidates(features.time, signature).into_iter().filter(|other| *other != new.row) {
            let Some(candidate) = candidate(connection, other)? else { continue };
            let Some(judgement) = self.judge(connection, &features, &candidate)? else { continue };
            if candidate.story == story {
                note_join(connection, new.row, other, &judgement)?;
                continue;
            }
            let theirs = members::count(connection, candidate.story, new.source)?;
            let is_alone = story == new.row;
            if is_alone && (theirs.all >= MOST_MEMBERS || theirs.of_source >= MOST_OF_SOURCE) {
                connection
                    .prepare_cached("UPDATE entries SET story = ?2, surplus = 1, signature = NULL WHERE row = ?1")?
                    .execute([new.row, candidate.story])?;
                note_join(connection, new.row, other, &judgement)?;
                self.pending -= 1;
                return Ok(false);
            }
            let mine = if is_alone { 1 } else { members::count(connection, story, new.source)?.all };
            if mine + theirs.all > MOST_MEMBERS {
                continue;
            }
            note_join(connection, new.row, other, &judgement)?;
            story = unite(connection, story, candidate.story)?;
            self.pending -= 1;
        }
        self.index.insert(new.row, features.time, signature);
        self.features.put(new.row, features);
        Ok(true)
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
        self.features.by_row.remove(&row);
        self.features.order.retain(|cached| *cached != row);
        let (seen, edits, is_surplus, is_split, story): (i64, i64, bool, bool, i64) = connection
            .prepare_cached(
                "SELECT first_seen, edits, surplus, split, coalesce(story, row) FROM entries WHERE row = ?1",
            )?
            .query_row([row], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?;
        let is_alone = story == row && members::count(connection, row, source)?.all <= 1;
        if is_split || edits > MOST_REJOINS || !(is_alone || is_surplus) {
            return Ok(!is_surplus);
        }
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

    /// Judges an entry against a stored one; `None` where they are not joined.
    fn judge(
        &mut self,
        connection: &Connection,
        features: &Features,
        candidate: &Candidate,
    ) -> rusqlite::Result<Option<Judgement>> {
        let theirs = match self.features.by_row.get(&candidate.row) {
            Some(theirs) => theirs.clone(),
            None => {
                let stored = connection
                    .prepare_cached(
                        "SELECT row, river_id, source, first_seen, changed_at, sort, data, stamp FROM entries WHERE row = ?1",
                    )?
                    .query_row([candidate.row], read::entry)?;
                let theirs = Features::of(stored.source.as_str(), &stored.entry, stored.first_seen.timestamp_millis());
                let theirs = Arc::new(theirs);
                self.features.put(candidate.row, theirs.clone());
                theirs
            }
        };
        Ok(Some(judge(features, &theirs)).filter(|judgement| judgement.joined))
    }
}

/// How many stories the river tells.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM entries WHERE story = row AND pruned = 0")?
        .query_row([], |row| row.get(0))
}

/// What the index offers, as the store has it; `None` where it is gone, or was split off by hand.
fn candidate(connection: &Connection, row: i64) -> rusqlite::Result<Option<Candidate>> {
    connection
        .prepare_cached(
            "SELECT coalesce(story, row) FROM entries WHERE row = ?1 AND split = 0 AND surplus = 0 AND pruned = 0",
        )?
        .query_row([row], |r| Ok(Candidate { row, story: r.get(0)? }))
        .optional()
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
