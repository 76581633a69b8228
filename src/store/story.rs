//! The memory of the writer: made of the store when it is opened, and kept true to it, whoever writes.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::read;
use super::story_count::StoryCount;
use crate::ingest::{Mark, Memory, Remembered};
use crate::model::source::Priorities;
use crate::stories::{Features, Rarity, Signature, Time};

/// Between two commits, either way: what is remembered of the window is then read back. Milliseconds.
const CLOCK_STEP: i64 = 24 * 3600 * 1000;

/// Entries in a row of their arrival that were seen before the window, behind which none of it is looked for: a clock
/// that was wrong for a while may have left some between the others.
const SCATTERED: usize = 1_000;

/// What the writer knows of stories.
#[derive(Debug)]
pub(super) struct Stories {
    memory: Memory,
    priorities: Arc<RwLock<Priorities>>,
    count: StoryCount,
    /// The version of the data as of which the memory is true (`PRAGMA data_version`).
    version: i64,
    /// What the transaction under way began with.
    began: Mark,
    /// What the clock said at the last commit, milliseconds since 1970.
    clock: Option<i64>,
    /// Words for the full-text index, written at the end of the transaction: each savepoint that the index is written
    /// within makes it a segment of its own.
    search: Vec<(i64, String)>,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Undo {
    memory: Mark,
    search: usize,
}

impl Stories {
    /// Reads back what was remembered when the store was last closed.
    pub(super) fn load(connection: &Connection, priorities: Arc<RwLock<Priorities>>) -> rusqlite::Result<Self> {
        let memory = Memory::default();
        let began = memory.mark();
        let mut stories = Self {
            memory,
            priorities,
            count: StoryCount::default(),
            version: 0,
            began,
            clock: None,
            search: Vec::new(),
        };
        // What comes while this is read is read again.
        stories.version = version(connection)?;
        // The last entry rather than the newest: a clock that jumped may have left some in the future.
        let last =
            connection.query_row("SELECT first_seen FROM entries ORDER BY row DESC LIMIT 1", [], |row| row.get(0));
        if let Some(last) = last.optional()? {
            stories.read_back(connection, last)?;
        }
        stories.count.recount(connection)?;
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
        self.memory.forget();
        let transaction = connection.unchecked_transaction()?;
        let newest = newest(&transaction)?;
        self.remember(&transaction, window(&transaction, now)?, newest)?;
        transaction.commit()?;
        self.clock = Some(now);
        Ok(())
    }

    /// Begins a transaction that the caller has begun: what is undone is undone as far as here.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.began = self.memory.mark();
        self.catch_up(connection)?;
        self.began = self.memory.mark();
        Ok(())
    }

    /// Takes note of what other connections wrote since the last transaction, other programs' included.
    fn catch_up(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let version = version(connection)?;
        if version == self.version {
            return Ok(());
        }
        let newest = newest(connection)?;
        // They may have changed the words of entries, too.
        self.memory.forget_features();
        let rows = rows_since(connection, self.memory.newest(), self.clock.unwrap_or(i64::MAX))?;
        self.remember(connection, rows, newest)?;
        self.count.recount(connection)?;
        self.version = version;
        Ok(())
    }

    /// Remembers entries, in the order of their rows; `newest` is the newest there is.
    fn remember(&mut self, connection: &Connection, rows: Vec<Remembered>, newest: i64) -> rusqlite::Result<()> {
        for Remembered { row, time, signature } in rows {
            match signature {
                Some(signature) => self.memory.remember(row, time, &signature),
                // Written by a version that compared titles in another way.
                None => self.sign(connection, row)?,
            }
        }
        self.memory.has_seen(newest);
        // Whatever becomes of the transaction, these are stored.
        self.memory.keep();
        Ok(())
    }

    /// Makes the signature of a stored entry that has none of this version.
    fn sign(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<()> {
        let stored = connection
            .prepare_cached(&format!(
                "SELECT {} FROM entries WHERE row = ?1 AND split = 0 AND surplus = 0 AND pruned = 0",
                read::ENTRY_COLUMNS
            ))?
            .query_row([row], read::entry)
            .optional()?;
        let Some(stored) = stored else { return Ok(()) };
        let features = Features::of_stored(&stored);
        let signature = self.memory.sign(row, &features);
        connection
            .prepare_cached("UPDATE entries SET signature = ?2, dated = ?3 WHERE row = ?1")?
            .execute(params![row, signature.to_bytes(), features.time.dated])
            .map(drop)
    }

    /// What is decided with: the memory, and the priorities of sources, which stay as they are as long as they are
    /// held.
    pub(super) fn deciding(&mut self) -> (&mut Memory, RwLockReadGuard<'_, Priorities>) {
        (&mut self.memory, self.priorities.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many stories there are, as of the last commit.
    pub(super) fn count(&self) -> StoryCount {
        self.count.clone()
    }

    /// How rare words are, as the tests compare it.
    #[cfg(test)]
    pub(super) fn rarity(&self) -> &Rarity {
        self.memory.rarity()
    }

    /// How far the transaction under way has come.
    pub(super) fn mark(&self) -> Undo {
        Undo { memory: self.memory.mark(), search: self.search.len() }
    }

    /// Takes back what an undone part of the transaction changed.
    pub(super) fn undo_to(&mut self, mark: Undo) {
        self.memory.undo_to(mark.memory);
        self.search.truncate(mark.search);
    }

    /// Keeps words for the full-text index until [`Stories::write_search`].
    pub(super) fn add_search(&mut self, words: Vec<(i64, String)>) {
        self.search.extend(words);
    }

    /// Writes the words for the full-text index, in place of those that the entries had.
    pub(super) fn write_search(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut put = connection.prepare_cached("INSERT OR REPLACE INTO search (rowid, words) VALUES (?1, ?2)")?;
        self.search.drain(..).try_for_each(|(row, words)| put.execute(params![row, words]).map(drop))
    }

    /// Ends the transaction.
    pub(super) fn settle(&mut self, committed: bool) {
        if !committed {
            self.undo_to(Undo { memory: self.began, search: 0 });
        }
        self.count.add(self.memory.keep());
    }
}

/// Changes whenever another connection has written.
fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// The newest row.
fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(max(row), 0) FROM entries")?.query_row([], |row| row.get(0))
}

/// An entry, unless it is found by nothing. What was seen in the future, under a clock that was wrong, counts as seen
/// `now`.
fn remembered(row: &rusqlite::Row<'_>, now: i64) -> rusqlite::Result<Option<Remembered>> {
    let seen: i64 = row.get(2)?;
    let time = Time { dated: row.get(1)?, seen: seen.min(now) };
    let signature: Option<Vec<u8>> = row.get(3)?;
    let row = row.get(0)?;
    Ok(signature.map(|bytes| Remembered { row, time, signature: Signature::from_bytes(&bytes) }))
}

/// The entries of the window before `now` by row.
fn window(connection: &Connection, now: i64) -> rusqlite::Result<Vec<Remembered>> {
    let oldest = Rarity::horizon(now);
    let (mut kept, mut older) = (Vec::new(), 0);
    let mut select =
        connection.prepare_cached("SELECT row, dated, first_seen, signature FROM entries ORDER BY row DESC")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(2)? < oldest {
            older += 1;
            if older > SCATTERED {
                break;
            }
            continue;
        }
        older = 0;
        kept.extend(remembered(row, now)?);
    }
    kept.reverse();
    Ok(kept)
}

/// The entries after the row `newest`, by row.
fn rows_since(connection: &Connection, newest: i64, now: i64) -> rusqlite::Result<Vec<Remembered>> {
    let mut select = connection
        .prepare_cached("SELECT row, dated, first_seen, signature FROM entries WHERE row > ?1 ORDER BY row")?;
    let rows = select.query_map([newest], |row| remembered(row, now))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(rows.into_iter().flatten().collect())
}
