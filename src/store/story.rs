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
use crate::stories::{Features, Index, Judgement, MOST_MEMBERS, Member, Rarity, Signature, Time, belonging};

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
    rarity: Rarity,
    count: Arc<AtomicU64>,
    pending: i64,
    /// The words that the transaction under way counted, with the first sight of their entries.
    counted: Vec<(i64, Vec<u32>)>,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pending: i64,
    counted: usize,
}

impl Stories {
    /// Reads back what the index held when the store was last closed.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let newest: Option<i64> = connection.query_row(
            "SELECT max(first_seen) FROM entries WHERE row > (SELECT max(row) - 1000 FROM entries)",
            [],
            |row| row.get(0),
        )?;
        let oldest = Rarity::horizon(newest.unwrap_or(0));
        let mut kept: Vec<(i64, Time, Option<Signature>)> = Vec::new();
        let mut select =
            connection.prepare("SELECT row, dated, first_seen, signature FROM entries ORDER BY row DESC")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (id, time) = (row.get(0)?, Time { dated: row.get(1)?, seen: row.get(2)? });
            if time.seen < oldest {
                break;
            }
            let signature: Option<Vec<u8>> = row.get(3)?;
            kept.extend(signature.map(|bytes| (id, time, Signature::from_bytes(&bytes))));
        }
        let mut stories = Self {
            index: Index::default(),
            rarity: Rarity::default(),
            count: Arc::default(),
            pending: 0,
            counted: Vec::new(),
        };
        for (row, time, signature) in kept.into_iter().rev() {
            match signature {
                Some(signature) => {
                    stories.rarity.add(time.seen, signature.words());
                    stories.index.insert(row, time, &signature);
                }
                // Written by a version that compared titles in another way.
                None => drop(stories.sign(connection, row)?),
            }
        }
        stories.count.store(count(connection)?, Ordering::Relaxed);
        Ok(stories)
    }

    /// How many stories there are, as of the last commit.
    pub(super) fn count(&self) -> Arc<AtomicU64> {
        self.count.clone()
    }

    /// How far the transaction under way has come.
    pub(super) fn pending(&self) -> Mark {
        Mark { pending: self.pending, counted: self.counted.len() }
    }

    /// Takes back what an undone part of the transaction changed.
    pub(super) fn undo_to(&mut self, mark: Mark) {
        self.pending = mark.pending;
        for (seen, words) in self.counted.drain(mark.counted..) {
            self.rarity.remove(seen, &words);
        }
    }

    /// Ends the transaction.
    pub(super) fn settle(&mut self, committed: bool) {
        if !committed {
            self.undo_to(Mark { pending: self.pending, counted: 0 });
        }
        self.counted.clear();
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
        self.forget(connection, new.row)?;
        connection.prepare_cached("UPDATE entries SET story = row WHERE row = ?1")?.execute([new.row])?;
        let signature = self.remember(connection, new.row, &features)?;
        let mut candidates = Vec::new();
        for row in self.index.candidates(features.time, &signature, &self.rarity) {
            candidates.extend(member(connection, row)?.filter(|member| member.row != new.row));
        }
        let joins = belonging(&features, &candidates, &self.rarity, |story| members(connection, story))?;
        for join in joins {
            self.pending -= i64::from(unite(connection, new.row, join.row, &join.judgement)?);
        }
        Ok(())
    }

    /// Counts the words of an entry and adds it to the index; what it is found by, which is stored too.
    fn remember(&mut self, connection: &Connection, row: i64, features: &Features) -> rusqlite::Result<Signature> {
        let words: Vec<u32> = features.words.keys().collect();
        self.rarity.add(features.time.seen, &words);
        self.counted.push((features.time.seen, words));
        let signature = Signature::of(features, &self.rarity);
        connection.prepare_cached("UPDATE entries SET signature = ?2, dated = ?3 WHERE row = ?1")?.execute(params![
            row,
            signature.to_bytes(),
            features.time.dated
        ])?;
        self.index.insert(row, features.time, &signature);
        Ok(signature)
    }

    /// Takes back the words of an entry that is told anew.
    fn forget(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<()> {
        let (seen, bytes): (i64, Option<Vec<u8>>) = connection
            .prepare_cached("SELECT first_seen, signature FROM entries WHERE row = ?1")?
            .query_row([row], |r| Ok((r.get(0)?, r.get(1)?)))?;
        if let Some(signature) = bytes.as_deref().and_then(Signature::from_bytes) {
            self.rarity.remove(seen, signature.words());
        }
        Ok(())
    }

    /// Makes the signature of a stored entry that has none of this version.
    fn sign(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<Option<Signature>> {
        let Some(member) = member(connection, row)? else { return Ok(None) };
        self.remember(connection, row, &member.features).map(Some)
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

fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM entries WHERE story = row AND pruned = 0")?
        .query_row([], |row| row.get(0))
}

/// A stored entry with what it is compared by; `None` where it is gone or was split off by hand.
fn member(connection: &Connection, row: i64) -> rusqlite::Result<Option<Member>> {
    let stored = connection
        .prepare_cached(
            "SELECT row, river_id, source, first_seen, changed_at, sort, data, coalesce(story, row)
             FROM entries WHERE row = ?1 AND split = 0",
        )?
        .query_row([row], |r| Ok((read::entry(r)?, r.get::<_, i64>(7)?)))
        .optional()?;
    Ok(stored.map(|(stored, story)| Member {
        row,
        story,
        features: Features::of(stored.source.as_str(), &stored.entry, stored.first_seen.timestamp_millis()),
    }))
}

/// Tellings of a story: the first, and the newest of the others.
fn members(connection: &Connection, story: i64) -> rusqlite::Result<Vec<Member>> {
    let mut select = connection.prepare_cached(
        "SELECT row FROM entries WHERE story = ?1 AND split = 0 AND row != ?1 ORDER BY row DESC LIMIT ?2",
    )?;
    let most = i64::try_from(MOST_MEMBERS - 1).unwrap_or(i64::MAX);
    let newest = select.query_map(params![story, most], |r| r.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::new();
    for row in [story].into_iter().chain(newest.into_iter().rev()) {
        found.extend(member(connection, row)?);
    }
    Ok(found)
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
