//! The store: SQLite, one writer, readers beside it.
//!
//! In: [`PollCommit`]s, each with everything that one poll changes. Out: entries in the order of
//! the river, the state of sources, the history of polls. A poll is in the store whole or not at
//! all: entries, state and history row are one transaction, and the caller hears of it after the
//! commit is on disk (`synchronous = FULL`). Polls that arrive while another commit runs share the
//! next one.

mod changes;
mod commit;
mod entries;
mod explain;
mod hub;
mod keep;
mod read;
mod rename;
mod river;
mod schema;
mod search;
mod story;
mod websub;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

pub use changes::{ARCHIVE, Archived, Changes};
pub use commit::{ArticleAttempt, Committed, OVERRUN, PollCommit, ReadDocument};
pub use explain::{Explanation, Join};
pub use keep::set_aside;
pub use read::{HistoryRow, KnownArticle, SourceRow};
pub use river::{Fairness, Page, Selection, Start};
pub use search::Found;
use writer::Writer;

/// What can go wrong with the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the store {path}: {source}{hint}", path = .path.display(), hint = hint(.source))]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file was written by a later newsriver.
    #[error("the store {path} has schema {found}, this newsriver knows up to {known}; use the newer newsriver", path = .path.display())]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// There is no store yet where one must be.
    #[error("there is no store at {path}; has `newsriver run` or `newsriver poll` been started with this feeds.toml?", path = .0.display())]
    Missing(PathBuf),
    /// A copy could not be written.
    #[error("the copy {path}: {source}", path = .path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another poll's commit failed, and this one stood in the same transaction.
    #[error("the store could not write this poll together with others; it is repeated")]
    BatchLost,
    /// The writer ended; the daemon is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the file itself is damaged, or no database at all.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode;
        let Self::Sqlite { source, .. } = self else { return false };
        matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }
}

/// What a person can do about an error of SQLite.
fn hint(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; free some space, the poll is repeated",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; is the folder there, and writable for this user?"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another program holds it, is a second newsriver running?"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; the file is damaged, put a backup in its place or move it aside"
        }
        _ => "",
    }
}

/// An open store; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    path: Arc<PathBuf>,
    writer: Arc<Writer>,
    readers: Arc<Mutex<Vec<Connection>>>,
    story_count: Arc<AtomicU64>,
}

impl Store {
    /// Opens the store at `path`, makes or migrates it, and starts its writer.
    ///
    /// # Errors
    /// [`StoreError`] where the file cannot be opened, is damaged, or is of a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let wrap = |source| StoreError::Sqlite { path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(wrap)?;
        schema::prepare(&connection).map_err(wrap)?;
        schema::migrate(&mut connection, path)?;
        search::prepare(&mut connection).map_err(wrap)?;
        let stories = story::Stories::load(&connection).map_err(wrap)?;
        let story_count = stories.count();
        let writer = Writer::start(connection, path.to_owned(), stories)?;
        Ok(Self { path: Arc::new(path.to_owned()), writer: Arc::new(writer), readers: Arc::default(), story_count })
    }

    /// Reads what a start reads, so that damage beyond the first pages shows at once.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn probe(&self) -> Result<(), StoreError> {
        self.entry_count()?;
        self.sources()?;
        self.subscriptions()?;
        self.listeners()?;
        self.archived()?;
        self.river(&Selection::All, &|_| true, &Start::Top(Fairness::default()), 1).map(drop)
    }

    /// Opens a store that is there already, for commands that only look.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is none, else as [`Store::open`].
    pub fn look_at(path: &Path) -> Result<Self, StoreError> {
        if path.exists() { Self::open(path) } else { Err(StoreError::Missing(path.to_owned())) }
    }

    /// How many stories the river tells.
    #[must_use]
    pub fn story_count(&self) -> u64 {
        self.story_count.load(Ordering::Relaxed)
    }

    /// The number of stories, kept true by each commit.
    #[must_use]
    pub fn story_counter(&self) -> Arc<AtomicU64> {
        self.story_count.clone()
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what a poll changed; answers once it is on disk.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of the poll is in the store.
    pub async fn commit(&self, poll: PollCommit) -> Result<Committed, StoreError> {
        self.writer.commit(poll).await
    }

    /// Puts stories into the archives; answers once it is on disk.
    ///
    /// # Errors
    /// [`StoreError`]; then none of them is there.
    pub fn put_into_archives(&self, stories: Vec<Archived>) -> Result<(), StoreError> {
        self.writer.archive(stories)
    }

    /// Whether so much is being written that whoever writes next waits long.
    #[must_use]
    pub fn is_at_many(&self) -> bool {
        self.writer.is_at_many()
    }

    /// Ends the writer after all that was handed to it is written.
    pub async fn close(&self) {
        self.writer.close().await;
    }

    /// Runs `look` on a reading connection.
    fn reading<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let wrap = |source| StoreError::Sqlite { path: self.path.to_path_buf(), source };
        let idle = self.readers.lock().ok().and_then(|mut idle| idle.pop());
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(&*self.path, flags).map_err(wrap)?;
                connection.busy_timeout(schema::BUSY).map_err(wrap)?;
                connection
            }
        };
        let result = look(&connection).map_err(wrap);
        if result.is_ok()
            && let Ok(mut idle) = self.readers.lock()
        {
            idle.push(connection);
        }
        result
    }
}

#[cfg(test)]
mod tests;
