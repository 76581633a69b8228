//! How many stories the river tells, as of the last commit: counted once, then kept true by those who write.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction};

/// The number of stories; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct StoryCount {
    count: Arc<AtomicU64>,
    /// Held while a commit of another connection and its subtraction are under way: who counts in between would have
    /// them twice. Whoever takes it has the lock of the database already.
    changing: Arc<Mutex<()>>,
}

impl StoryCount {
    /// For those who only read.
    pub(super) fn counter(&self) -> &Arc<AtomicU64> {
        &self.count
    }

    /// Counts anew; the connection is within a transaction, or nobody writes.
    pub(super) fn recount(&self, connection: &Connection) -> rusqlite::Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let count = connection
            .prepare_cached("SELECT count(*) FROM entries WHERE story = row AND pruned = 0")?
            .query_row([], |row| row.get(0))?;
        self.count.store(count, Ordering::Relaxed);
        Ok(())
    }

    /// Changes it by what the writer committed.
    pub(super) fn add(&self, change: i64) {
        // Adding what wraps around takes away.
        self.count.fetch_add(change.cast_unsigned(), Ordering::Relaxed);
    }

    /// Commits a transaction of another connection than the writer's, which took away so many stories.
    pub(super) fn commit_less(&self, transaction: Transaction<'_>, stories: u64) -> rusqlite::Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        transaction.commit()?;
        self.count.fetch_sub(stories, Ordering::Relaxed);
        Ok(())
    }
}
