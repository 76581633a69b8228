//! Keeping the store well: copies, the integrity check, retention, and a damaged file set aside.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::open::{self, Access};
use super::story_count::StoryCount;
use super::{Store, StoreError, generation, read, schema};

impl Store {
    /// Writes a consistent copy to `file` while others read and write; its size in bytes.
    ///
    /// # Errors
    /// [`StoreError`] where the copy cannot be written; what stood at `file` is then as it was.
    pub fn backup(&self, file: &Path) -> Result<u64, StoreError> {
        let failed = |source| StoreError::Copy { path: file.to_owned(), source };
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = file.with_file_name(name);
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        // SQLite writes into an empty file that is there, so the copy is private from its first byte.
        if !open::create(&part).map_err(failed)? {
            return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
        }
        let text = part.to_string_lossy().into_owned();
        self.reading(|connection| connection.execute("VACUUM INTO ?1", [text]).map(drop))?;
        generation::restart(&part).map_err(|source| StoreError::Sqlite { path: part.clone(), source })?;
        let copy = std::fs::File::open(&part).map_err(failed)?;
        copy.sync_all().map_err(failed)?;
        let bytes = copy.metadata().map_err(failed)?.len();
        std::fs::rename(&part, file).map_err(failed)?;
        Ok(bytes)
    }

    /// The size of the files, bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |about| about.len());
        size(&self.path) + size(&open::beside(&self.path, "-wal"))
    }

    /// What SQLite finds wrong with the file; nothing where all is well.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot even be looked at.
    pub fn integrity(&self) -> Result<Vec<String>, StoreError> {
        self.reading(|connection| {
            let mut check = connection.prepare("PRAGMA integrity_check(20)")?;
            let found: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            Ok(found.into_iter().filter(|line| line != "ok").collect())
        })
    }

    /// Marks that another program than the daemon changed what the river shows.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn touch(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let connection = self.writing()?;
        connection
            .execute(
                "INSERT INTO meta (key, value) VALUES ('touched', ?1) ON CONFLICT DO UPDATE SET value = excluded.value",
                [now.to_rfc3339()],
            )
            .map(drop)
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }

    /// The latest mark of [`Store::touch`].
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn touched(&self) -> Result<Option<String>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached("SELECT value FROM meta WHERE key = 'touched'")?;
            select.query_row([], |row| row.get(0)).optional()
        })
    }

    /// When this happened last.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn marked(&self, what: Mark) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
            let value: Option<String> = select.query_row([what.key()], |row| row.get(0)).optional()?;
            Ok(value.and_then(|value| value.parse().ok()).map(read::time))
        })
    }

    /// Remembers that this happened at `now`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn mark(&self, what: Mark, now: DateTime<Utc>) -> Result<(), StoreError> {
        let connection = self.writing()?;
        connection
            .execute(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
                params![what.key(), now.timestamp_millis().to_string()],
            )
            .map(drop)
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }

    /// A connection for the rare writes that are no polls.
    pub(super) fn writing(&self) -> Result<Connection, StoreError> {
        if self.access != Access::Write {
            return Err(StoreError::ReadOnly(self.path.to_path_buf()));
        }
        let wrap = |source| StoreError::Sqlite { path: self.path.to_path_buf(), source };
        // A file that was deleted is not begun anew here.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&*self.path, flags).map_err(wrap)?;
        connection.busy_timeout(schema::BUSY).map_err(wrap)?;
        Ok(connection)
    }

    /// What [`Store::prune`] would take at most.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn prune_plan(&self, horizon: DateTime<Utc>) -> Result<PrunePlan, StoreError> {
        self.reading(|connection| {
            let all = connection.query_row("SELECT count(*) FROM entries WHERE pruned = 0", [], |row| row.get(0))?;
            let (entries, newest): (u64, Option<i64>) = connection.query_row(
                &format!("SELECT count(*), max(first_seen) FROM entries e WHERE story IN (SELECT row {OVER} )"),
                [horizon.timestamp_millis()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            Ok(PrunePlan { entries, all, newest: newest.map(read::time) })
        })
    }

    /// The latest moment that the store knows of: of a poll, or of the arrival of an entry.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn latest_moment(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.reading(|connection| {
            let latest: Option<i64> = connection.query_row(
                "SELECT max(at) FROM (SELECT max(last_poll) AS at FROM sources UNION ALL
                    SELECT first_seen FROM (SELECT first_seen FROM entries ORDER BY row DESC LIMIT 1))",
                [],
                |row| row.get(0),
            )?;
            Ok(latest.map(read::time))
        })
    }

    /// Forgets the words of stories all of whose entries were first seen before `horizon`, the oldest arrivals first,
    /// until `most` entries are taken; how many that were. What they are known by stays, so that none of them ever
    /// comes back as new.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn prune(&self, horizon: DateTime<Utc>, most: u64) -> Result<u64, StoreError> {
        let mut connection = self.writing()?;
        prune(&mut connection, horizon, most, &self.story_count)
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }
}

/// What the store remembers the time of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Retention was applied.
    Pruned,
    /// The clock jumped.
    ClockJump,
}

impl Mark {
    fn key(self) -> &'static str {
        match self {
            Self::Pruned => "pruned_at",
            Self::ClockJump => "clock_jump_at",
        }
    }
}

/// What retention would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrunePlan {
    /// Entries that are beyond the horizon.
    pub entries: u64,
    /// Entries in all.
    pub all: u64,
    /// When the newest of those that are beyond it was first seen.
    pub newest: Option<DateTime<Utc>>,
}

impl PrunePlan {
    /// Entries that are taken at once without being asked for: a clock or a key that is wrong for a day takes no more.
    #[must_use]
    pub fn share(&self) -> u64 {
        (self.all / 10).max(1_000)
    }
}

/// Stories all of whose entries were first seen before the horizon `?1`.
const OVER: &str = "FROM entries e WHERE story = row AND pruned = 0 AND first_seen < ?1 AND NOT EXISTS
    (SELECT 1 FROM entries o WHERE o.story = e.row AND o.first_seen >= ?1)";

/// Stories in one transaction, so that polls need not wait for all of them.
const STEP: u64 = 200;

fn prune(connection: &mut Connection, horizon: DateTime<Utc>, most: u64, count: &StoryCount) -> rusqlite::Result<u64> {
    let mut pruned = 0;
    loop {
        let mut told = 0;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let step = STEP.min(most.saturating_sub(pruned));
        let stories: Vec<i64> = transaction
            .prepare_cached(&format!("SELECT row {OVER} ORDER BY first_seen, row LIMIT ?2"))?
            .query_map(params![horizon.timestamp_millis(), i64::try_from(step).unwrap_or(i64::MAX)], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if stories.is_empty() {
            return Ok(pruned);
        }
        let (mut of_source, mut is_enough) = (HashMap::<String, u64>::new(), false);
        for story in stories {
            let sizes: Vec<(String, u64)> = transaction
                .prepare_cached("SELECT source, count(*) FROM entries WHERE story = ?1 AND pruned = 0 GROUP BY source")?
                .query_map([story], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let size: u64 = sizes.iter().map(|(_, count)| count).sum();
            // A story that is larger than all that may be taken is taken alone.
            is_enough = pruned > 0 && pruned + size > most;
            if is_enough {
                break;
            }
            for (source, count) in sizes {
                *of_source.entry(source).or_default() += count;
            }
            pruned += size;
            told += 1;
            for table in ["entry_tags", "joins"] {
                transaction
                    .prepare_cached(&format!(
                        "DELETE FROM {table} WHERE entry IN (SELECT row FROM entries WHERE story = ?1)"
                    ))?
                    .execute([story])?;
            }
            transaction
                .prepare_cached("DELETE FROM search WHERE rowid IN (SELECT row FROM entries WHERE story = ?1)")?
                .execute([story])?;
            for table in ["archive", "changes"] {
                transaction.prepare_cached(&format!("DELETE FROM {table} WHERE story = ?1"))?.execute([story])?;
            }
            transaction.prepare_cached("DELETE FROM unarchived WHERE row = ?1")?.execute([story])?;
            transaction
                .prepare_cached(
                    "UPDATE entries SET pruned = 1, data = json_object('title', data ->> 'title'), original = x'',
                        fired = NULL, signature = NULL WHERE story = ?1",
                )?
                .execute(params![story])?;
        }
        for (source, count) in of_source {
            transaction
                .prepare_cached("UPDATE sources SET entries = max(entries - ?2, 0) WHERE id = ?1")?
                .execute(params![source, i64::try_from(count).unwrap_or(i64::MAX)])?;
        }
        count.commit_less(transaction, told)?;
        if is_enough {
            return Ok(pruned);
        }
    }
}

/// Moves a damaged store out of the way, with its log; where to.
///
/// # Errors
/// The system's, where it cannot be moved.
pub fn set_aside(path: &Path, now: DateTime<Utc>) -> std::io::Result<PathBuf> {
    let named = |base: &Path, end: &str| {
        let mut name = base.file_name().unwrap_or_default().to_owned();
        name.push(end);
        base.with_file_name(name)
    };
    let aside = named(path, &now.format(".damaged-%Y%m%dT%H%M%SZ").to_string());
    std::fs::rename(path, &aside)?;
    for end in ["-wal", "-shm"] {
        match std::fs::rename(named(path, end), named(&aside, end)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}
