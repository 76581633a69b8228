//! Keeping the store well: copies, the integrity check, retention, and a damaged file set aside.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::open::{self, Access};
use super::{Store, StoreError, schema};

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

    /// A connection for the rare writes that are no polls.
    pub(super) fn writing(&self) -> Result<Connection, StoreError> {
        if self.access != Access::Write {
            return Err(StoreError::ReadOnly(self.path.to_path_buf()));
        }
        let wrap = |source| StoreError::Sqlite { path: self.path.to_path_buf(), source };
        let connection = Connection::open(&*self.path).map_err(wrap)?;
        connection.busy_timeout(schema::BUSY).map_err(wrap)?;
        Ok(connection)
    }

    /// Forgets the words of stories all of whose entries were first seen before `horizon`; how many
    /// entries that were. What they are known by stays, so that none of them ever comes back as new.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn prune(&self, horizon: DateTime<Utc>) -> Result<usize, StoreError> {
        let mut connection = self.writing()?;
        let (entries, stories) = prune(&mut connection, horizon)
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })?;
        self.story_count.fetch_sub(stories, Ordering::Relaxed);
        Ok(entries)
    }
}

fn prune(connection: &mut Connection, horizon: DateTime<Utc>) -> rusqlite::Result<(usize, u64)> {
    let (mut pruned, mut told) = (0, 0);
    loop {
        // A thousand at a time, so that polls need not wait for all of them.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let stories: Vec<i64> = transaction
            .prepare_cached(
                "SELECT row FROM entries e WHERE story = row AND pruned = 0 AND first_seen < ?1 AND NOT EXISTS
                    (SELECT 1 FROM entries o WHERE o.story = e.row AND o.first_seen >= ?1) LIMIT 1000",
            )?
            .query_map([horizon.timestamp_millis()], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if stories.is_empty() {
            return Ok((pruned, told));
        }
        told += stories.len() as u64;
        for story in stories {
            transaction
                .prepare_cached("DELETE FROM entry_tags WHERE entry IN (SELECT row FROM entries WHERE story = ?1)")?
                .execute([story])?;
            transaction
                .prepare_cached("DELETE FROM joins WHERE entry IN (SELECT row FROM entries WHERE story = ?1)")?
                .execute([story])?;
            transaction
                .prepare_cached("DELETE FROM search WHERE rowid IN (SELECT row FROM entries WHERE story = ?1)")?
                .execute([story])?;
            for table in ["archive", "changes"] {
                transaction.prepare_cached(&format!("DELETE FROM {table} WHERE story = ?1"))?.execute([story])?;
            }
            transaction.prepare_cached("DELETE FROM unarchived WHERE row = ?1")?.execute([story])?;
            pruned += transaction
                .prepare_cached(
                    "UPDATE entries SET pruned = 1, data = json_object('title', data ->> 'title'), original = x'',
                        fired = NULL, signature = NULL WHERE story = ?1",
                )?
                .execute(params![story])?;
        }
        transaction.execute_batch(
            "UPDATE sources SET entries = (SELECT count(*) FROM entries e WHERE e.source = sources.id AND pruned = 0)",
        )?;
        transaction.commit()?;
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
