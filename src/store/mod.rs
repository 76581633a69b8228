//! The store: SQLite, one writer, readers beside it.
//!
//! In: [`PollCommit`]s, each with everything that one poll changes. Out: entries in the order of
//! the river, the state of sources, the history of polls. A poll is in the store whole or not at
//! all: entries, state and history row are one transaction, and the caller hears of it after the
//! commit is on disk (`synchronous = FULL`). Polls that arrive while another commit runs share the
//! next one.

mod apply;
mod changes;
mod codec;
mod commit;
mod committed;
mod explain;
mod generation;
mod heal;
mod health;
mod hub;
mod keep;
mod listing;
mod load;
mod lock;
mod members;
mod open;
mod ranking;
mod read;
mod refusals;
mod rename;
mod rescue;
mod river;
mod schema;
mod search;
mod story;
mod story_count;
mod websub;
mod writer;

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::Connection;
use thiserror::Error;
use tokio::task::JoinError;

use crate::ingest::PollCommit;
use crate::model::source::Priorities;

pub use changes::{ARCHIVE, Archived, Changes};

pub use committed::Committed;
pub use explain::{Explanation, Join};
use health::WriterHealth;
pub use health::{LossCause, LostFile, StoreProblem};
pub use keep::{Mark, PrunePlan, set_aside};
pub use listing::{ListedEntry, Why};
pub use lock::DaemonLock;
use open::Access;
pub use ranking::Ranked;
pub use read::{HistoryRow, KnownArticle, Pulse, SourceRow};
pub use refusals::Refusal;
use rescue::OpenFiles;
pub use river::{Fairness, Page, Selection, Start};
pub use search::Found;
use story_count::StoryCount;
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
    /// The file was written by an earlier newsriver, and who opened it may not change it.
    #[error("the store {path} has schema {found}, this newsriver reads {known}; run `newsriver run` once to migrate it", path = .path.display())]
    TooOld {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It was opened for reading.
    #[error("the store {path} is open for reading only", path = .0.display())]
    ReadOnly(PathBuf),
    /// Another daemon runs with this store.
    #[error("the store {path} is held by another daemon: {holder}; stop that one, or give this one another `path` under [store]", path = .path.display())]
    Held {
        /// The database file.
        path: PathBuf,
        /// Who holds it, in words.
        holder: String,
    },
    /// The lock of the daemon cannot be taken.
    #[error("the lock file {path}: {source}", path = .path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
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
    /// The file was deleted or replaced while it was open.
    #[error(transparent)]
    Lost(LostFile),
    /// A fault of newsriver, in words; what it ended is undone.
    #[error("a fault of newsriver: {0}; please report it")]
    Fault(String),
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

impl From<JoinError> for StoreError {
    /// What became of work on another thread that did not come to its end.
    fn from(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(panic) => Self::Fault(panic_message(&*panic)),
            // Nobody stops such work but the runtime at its end.
            Err(_) => Self::Closed,
        }
    }
}

/// What a panic said.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without words").to_owned()
}

/// What a person can do about an error of SQLite.
fn hint(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; free some space, the poll is repeated",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; is the folder there, and may this user read and write it?"
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

/// Reading connections that nobody uses, all to the same file.
#[derive(Debug, Default)]
struct Readers {
    idle: Vec<Connection>,
    /// Whether they read the file that stands in the place of the one that was lost.
    is_restored: bool,
}

/// An open store; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    path: Arc<PathBuf>,
    /// Nothing where it was opened for reading.
    writer: Option<Arc<Writer>>,
    access: Access,
    readers: Arc<Mutex<Readers>>,
    priorities: Arc<RwLock<Priorities>>,
    story_count: StoryCount,
}

impl Store {
    /// Opens the store at `path`, makes or migrates it, and starts its writer.
    ///
    /// # Errors
    /// [`StoreError`] where the file cannot be opened, is damaged, or is of a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let wrap = |source| StoreError::Sqlite { path: path.to_owned(), source };
        // Where it cannot be made, SQLite says why.
        let is_new = open::create(path).unwrap_or(false);
        let mut connection = Connection::open(path).map_err(wrap)?;
        schema::prepare(&connection).map_err(wrap)?;
        if !is_new {
            open::tighten(path);
        }
        schema::migrate(&mut connection, path)?;
        search::prepare(&mut connection).map_err(wrap)?;
        let generation = generation::begin(&connection).map_err(wrap)?;
        let priorities = Arc::default();
        let stories = story::Stories::load(&connection, Arc::clone(&priorities)).map_err(wrap)?;
        let story_count = stories.count();
        let writer = Writer::start(connection, OpenFiles::of(path, generation), stories, WriterHealth::new())?;
        Ok(Self {
            path: Arc::new(path.to_owned()),
            writer: Some(Arc::new(writer)),
            access: Access::Write,
            readers: Arc::default(),
            priorities,
            story_count,
        })
    }

    /// Takes the priorities of the sources: whose telling of a story is preferred.
    pub fn set_priorities(&self, priorities: Priorities) {
        *self.priorities.write().unwrap_or_else(PoisonError::into_inner) = priorities;
    }

    fn priorities(&self) -> Priorities {
        self.priorities.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What keeps the store from taking what polls bring.
    #[must_use]
    pub fn problem(&self) -> Option<StoreProblem> {
        self.writer.as_ref().and_then(|writer| writer.health().problem())
    }

    /// Whether the writer hangs: that a restart may help.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.health().is_stuck())
    }

    /// Looks whether the file is still the one that was opened, and saves what it held where it is not.
    ///
    /// # Errors
    /// [`StoreError::Lost`] where the store is gone.
    pub fn look_after_file(&self) -> Result<(), StoreError> {
        let writer = self.writer()?;
        if writer.is_file_there() { Ok(()) } else { writer.look() }
    }

    /// Opens a store that is there already, for commands that change it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is none, else as [`Store::open`].
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        if path.exists() { Self::open(path) } else { Err(StoreError::Missing(path.to_owned())) }
    }

    /// Reads what a start reads, so that damage beyond the first pages shows at once.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn probe(&self) -> Result<(), StoreError> {
        self.entry_count()?;
        self.sources()?;
        self.subscriptions()?;
        self.listeners(chrono::DateTime::UNIX_EPOCH)?;
        self.archived()?;
        self.river(&Selection::All, &|_| true, &Start::Top(Fairness::default()), 1).map(drop)
    }

    /// Opens a store that is there already, for commands that only look: nothing of it is locked or changed.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is none, [`StoreError::TooOld`] and [`StoreError::TooNew`] where its schema is
    /// another, else as [`Store::look_at_files`].
    pub fn look_at(path: &Path) -> Result<Self, StoreError> {
        let (store, found) = Self::read_only(path)?;
        schema::check(path, found)?;
        store.reading(|connection| store.story_count.recount(connection))?;
        Ok(store)
    }

    /// The same with any schema, for commands that look at the files and not at what is in them (copies, checks).
    ///
    /// # Errors
    /// [`StoreError`] where the file cannot be read.
    pub fn look_at_files(path: &Path) -> Result<Self, StoreError> {
        Self::read_only(path).map(|(store, _)| store)
    }

    fn read_only(path: &Path) -> Result<(Self, i64), StoreError> {
        let (access, found) = open::readable(path)?;
        let path = Arc::new(path.to_owned());
        let store = Self {
            path,
            writer: None,
            access,
            readers: Arc::default(),
            priorities: Arc::default(),
            story_count: StoryCount::default(),
        };
        Ok((store, found))
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_deref().ok_or_else(|| StoreError::ReadOnly(self.path.to_path_buf()))
    }

    /// How many stories the river tells.
    #[must_use]
    pub fn story_count(&self) -> u64 {
        self.story_count.counter().load(Ordering::Relaxed)
    }

    /// The number of stories, kept true by each commit.
    #[must_use]
    pub fn story_counter(&self) -> Arc<AtomicU64> {
        self.story_count.counter().clone()
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
        self.writer()?.commit(poll).await
    }

    /// Puts stories into the archives; answers once it is on disk.
    ///
    /// # Errors
    /// [`StoreError`]; then none of them is there.
    pub fn put_into_archives(&self, stories: Vec<Archived>) -> Result<(), StoreError> {
        self.writer()?.archive(stories)
    }

    /// Whether so much is being written that whoever writes next waits long.
    #[must_use]
    pub fn is_at_many(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.is_at_many())
    }

    /// Ends the writer after all that was handed to it is written.
    pub async fn close(&self) {
        // The last connection folds the log in and takes its files away; one that reads cannot.
        if let Ok(mut readers) = self.readers.lock() {
            readers.idle.clear();
        }
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    /// Runs `look` on a reading connection.
    fn reading<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let wrap = |source| StoreError::Sqlite { path: self.path.to_path_buf(), source };
        let lost = self.writer.as_ref().and_then(|writer| writer.health().lost());
        if let Some(lost) = lost.as_ref().filter(|lost| !lost.is_restored()) {
            return Err(StoreError::Lost(lost.clone()));
        }
        let is_restored = lost.is_some();
        let connection = match self.idle_reader(is_restored) {
            Some(connection) => connection,
            None => open::reader(&self.path, self.access).map_err(wrap)?,
        };
        let result = look(&connection).map_err(wrap);
        if result.is_ok()
            && let Ok(mut readers) = self.readers.lock()
            && readers.is_restored == is_restored
        {
            readers.idle.push(connection);
        }
        result
    }

    fn idle_reader(&self, is_restored: bool) -> Option<Connection> {
        let mut readers = self.readers.lock().ok()?;
        if readers.is_restored != is_restored {
            *readers = Readers { idle: Vec::new(), is_restored };
        }
        readers.idle.pop()
    }
}

#[cfg(test)]
mod tests;
