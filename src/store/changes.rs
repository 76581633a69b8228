//! What changed in the river and in which order: for readers who ask for what is new since their last
//! visit (RFC 3229), and for the archives (RFC 5005, section 4).

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::heal::{self, Packed};
use super::members::told;
use super::{Store, StoreError};
use crate::model::archive::ArchivedStory;
use crate::model::entry::StoredEntry;

/// Bytes of bodies that are told at most of what changed: who has missed more is better served by pages.
const MOST_BYTES: usize = 16 << 20;

/// Stories in one archive document.
pub const ARCHIVE: i64 = 100;

/// What became new or was reworded since a visit.
#[derive(Debug)]
pub enum Changes {
    /// These stories, the newest of the river first.
    Stories(Vec<StoredEntry>),
    /// More than can be told, or a visit that nothing is known of.
    Unknown,
}

/// What the archives get: a story by its row, and its document as it was then.
#[derive(Debug)]
pub struct Archived {
    row: i64,
    /// What is kept of it; `None` where it is not told any more.
    packed: Option<Packed>,
}

impl Archived {
    /// Packs a story for the archives.
    #[must_use]
    pub fn new(row: i64, story: Option<&ArchivedStory>) -> Self {
        Self { row, packed: story.and_then(|story| Packed::new(story).ok()) }
    }
}

impl Store {
    /// What changed after the change `since`, the change `until` included; `most` stories at most.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn changes(
        &self,
        since: i64,
        until: i64,
        most: usize,
        publishes: &dyn Fn(&StoredEntry) -> bool,
    ) -> Result<Changes, StoreError> {
        let priorities = self.priorities();
        self.reading(|connection| {
            let oldest: i64 = connection
                .query_row("SELECT value FROM meta WHERE key = 'changes_from'", [], |row| row.get::<_, String>(0))
                .optional()?
                .and_then(|value| value.parse().ok())
                .unwrap_or(0);
            if since < oldest || since > until {
                return Ok(Changes::Unknown);
            }
            let mut select =
                connection.prepare_cached("SELECT story FROM changes WHERE seq > ?1 AND seq <= ?2 ORDER BY seq")?;
            let mut rows = select.query([since, until])?;
            let (mut stories, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                if stories.len() == most || bytes > MOST_BYTES {
                    return Ok(Changes::Unknown);
                }
                if let Some(story) = told(connection, row.get(0)?, publishes, &priorities)? {
                    bytes += story.body_len();
                    stories.push(story);
                }
            }
            stories.sort_by_key(|story| std::cmp::Reverse((story.order, story.row)));
            Ok(Changes::Stories(stories))
        })
    }

    /// Stories that are in no archive, with how they are told; `None` where one is not any more.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn unarchived(
        &self,
        but: &dyn Fn(i64) -> bool,
        most: usize,
        publishes: &dyn Fn(&StoredEntry) -> bool,
    ) -> Result<Vec<(i64, Option<StoredEntry>)>, StoreError> {
        let priorities = self.priorities();
        self.reading(|connection| {
            let mut select = connection.prepare_cached("SELECT row FROM unarchived ORDER BY row")?;
            let mut rows = select.query([])?;
            let mut found = Vec::new();
            while found.len() < most
                && let Some(row) = rows.next()?
            {
                let row = row.get(0)?;
                if !but(row) {
                    found.push((row, told(connection, row, publishes, &priorities)?));
                }
            }
            Ok(found)
        })
    }

    /// How many stories were ever put into the archives.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn archived(&self) -> Result<i64, StoreError> {
        self.reading(|connection| {
            connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM archive")?.query_row([], |row| row.get(0))
        })
    }

    /// How many stories are left in each archive document, from the first on.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn archive_counts(&self) -> Result<Vec<i64>, StoreError> {
        self.reading(|connection| {
            // By the index, which holds no words.
            let mut select = connection.prepare_cached("SELECT seq FROM archive INDEXED BY archive_by_story")?;
            let mut rows = select.query([])?;
            let mut counts = Vec::new();
            while let Some(row) = rows.next()? {
                let number: i64 = row.get(0)?;
                let place = usize::try_from((number - 1) / ARCHIVE).unwrap_or(0);
                if counts.len() <= place {
                    counts.resize(place + 1, 0);
                }
                counts[place] += 1;
            }
            Ok(counts)
        })
    }

    /// What was kept of the first `count` stories of an archive document, the newest first. What cannot be read is
    /// left out.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn archive(&self, number: i64, count: i64) -> Result<Vec<ArchivedStory>, StoreError> {
        self.reading(|connection| {
            let before = number.saturating_sub(1).saturating_mul(ARCHIVE);
            let mut select = connection
                .prepare_cached("SELECT data, stamp FROM archive WHERE seq > ?1 AND seq <= ?2 ORDER BY seq DESC")?;
            let mut rows = select.query([before, before.saturating_add(count)])?;
            let mut stories = Vec::new();
            while let Some(row) = rows.next()? {
                match heal::archived(row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob_or_null()?) {
                    Ok((story, _)) => stories.push(story),
                    Err(error) => tracing::warn!(number, %error, "archived story cannot be read; it is left out"),
                }
            }
            Ok(stories)
        })
    }

    /// Forgets which stories changed before `horizon`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn forget_changes(&self, horizon: DateTime<Utc>) -> Result<(), StoreError> {
        let wrap = |source| StoreError::Sqlite { path: self.path.to_path_buf(), source };
        let mut connection = self.writing()?;
        let forget = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute(
                "INSERT INTO meta (key, value) SELECT 'changes_from', max(seq) FROM changes WHERE at < ?1 HAVING max(seq) IS NOT NULL
                 ON CONFLICT DO UPDATE SET value = excluded.value",
                [horizon.timestamp_millis()],
            )?;
            transaction.execute("DELETE FROM changes WHERE at < ?1", [horizon.timestamp_millis()])?;
            transaction.commit()
        };
        forget(&mut connection).map_err(wrap)
    }
}

/// The number of the newest change.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    // What was deleted keeps its number.
    connection
        .prepare_cached("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)")?
        .query_row([], |row| row.get(0))
}

/// Notes a change of a story, in place of the one before.
fn note(connection: &Connection, story: i64, now: DateTime<Utc>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO changes (story, at) VALUES (?1, ?2)")?
        .execute(params![story, now.timestamp_millis()])
        .map(drop)
}

/// Notes that an entry leads a story of its own, which it did not before.
pub(super) fn parted(connection: &Connection, row: i64, now: DateTime<Utc>) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO unarchived (row) VALUES (?1)")?.execute([row])?;
    note(connection, row, now)
}

/// Writes stories into the archives; the caller owns the transaction.
pub(super) fn archive(connection: &Connection, stories: &[Archived]) -> rusqlite::Result<()> {
    for story in stories {
        if let Some(packed) = &story.packed {
            connection
                // Another program may have been faster.
                .prepare_cached(
                    "INSERT INTO archive (story, data, stamp) SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM unarchived WHERE row = ?1)",
                )?
                .execute(params![story.row, packed.data, packed.stamp])?;
        }
        connection.prepare_cached("DELETE FROM unarchived WHERE row = ?1")?.execute([story.row])?;
    }
    Ok(())
}
