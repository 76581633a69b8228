//! Whether the writer writes: what readiness, the status and the watchdog of the service ask.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

/// How long the writer may work, or fail, without a commit.
const STALLED: Duration = Duration::from_secs(30);

/// What keeps the store from taking what polls bring.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreProblem {
    /// The writer has work, and has not finished a step of it for half a minute.
    #[error("the store has been writing for {0} s without a commit")]
    Stuck(u64),
    /// For half a minute nothing could be written.
    #[error("the store has refused every write for {0} s; the log says why")]
    Failing(u64),
    /// The writing thread is gone.
    #[error("the writer of the store has ended by a bug; restart newsriver, and please report it")]
    Ended,
    /// The file is not the one that was opened any more.
    #[error(transparent)]
    Lost(LostFile),
}

/// What became of the file of an open store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossCause {
    /// Nothing has its name, or the write-ahead log beside it is gone.
    Deleted,
    /// It was cut to a part of what it held, or emptied.
    Cut,
    /// Another file has its name.
    Replaced,
    /// Something else was written into it.
    Overwritten,
}

/// A store whose file was taken away while it was open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the store {path} was {what} while newsriver ran; {outcome}", path = .path.display(), what = self.what(), outcome = self.outcome())]
pub struct LostFile {
    /// Where it was.
    pub path: PathBuf,
    /// What became of it.
    pub cause: LossCause,
    /// Where what it held was saved.
    pub saved: Option<PathBuf>,
    /// Whether what was saved is all that it held.
    pub is_whole: bool,
}

impl LostFile {
    /// Whether what was saved stands where the store was, so that newsriver goes on with it.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.saved.as_ref() == Some(&self.path)
    }

    fn what(&self) -> &'static str {
        match self.cause {
            LossCause::Deleted => "deleted",
            LossCause::Cut => "cut short",
            LossCause::Replaced => "replaced by another file",
            LossCause::Overwritten => "overwritten with something else",
        }
    }

    fn outcome(&self) -> String {
        match &self.saved {
            Some(_) if self.is_restored() => {
                "it was written again from the open file, and newsriver goes on with it; see to what did that, then restart newsriver".to_owned()
            }
            Some(saved) if self.is_whole => format!(
                "what it held is saved at {}; nothing more is stored until newsriver is restarted with the file that shall be the store in its place",
                saved.display()
            ),
            Some(saved) => format!(
                "what is left of it, with its log, is kept at {}: put a backup in its place, or try `.recover` of sqlite3 on that; nothing more is stored until newsriver is restarted",
                saved.display()
            ),
            None => "what it held could not be saved, the log says why; nothing more is stored until newsriver is restarted".to_owned(),
        }
    }
}

/// What the writer does, for those who watch it. Moments are milliseconds since `base`, zero for none.
#[derive(Debug)]
pub(super) struct WriterHealth {
    base: Instant,
    busy_since: AtomicU64,
    failing_since: AtomicU64,
    has_ended: AtomicBool,
    lost: Mutex<Option<LostFile>>,
}

/// Says that the writing thread has ended, however it ends.
pub(super) struct Alive(Arc<WriterHealth>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.has_ended.store(std::thread::panicking(), Ordering::Release);
    }
}

impl WriterHealth {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            base: Instant::now(),
            busy_since: AtomicU64::new(0),
            failing_since: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
            lost: Mutex::default(),
        })
    }

    pub(super) fn alive(self: &Arc<Self>) -> Alive {
        Alive(self.clone())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// There is work; a step of it begins.
    pub(super) fn working(&self) {
        self.busy_since.store(self.now(), Ordering::Release);
    }

    /// There is no work.
    pub(super) fn idle(&self) {
        self.busy_since.store(0, Ordering::Release);
    }

    /// A transaction ended.
    pub(super) fn ended(&self, is_written: bool, began: Instant) {
        self.working();
        if is_written {
            self.failing_since.store(0, Ordering::Release);
        } else if self.failing_since.load(Ordering::Acquire) == 0 {
            let ago = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.failing_since.store(self.now().saturating_sub(ago).max(1), Ordering::Release);
        }
    }

    pub(super) fn set_lost(&self, lost: LostFile) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(lost);
    }

    pub(super) fn lost(&self) -> Option<LostFile> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the writer hangs, as opposed to one that is refused by its file or its disk: that a restart may help.
    pub(super) fn is_stuck(&self) -> bool {
        self.has_ended.load(Ordering::Acquire) || self.since(&self.busy_since) >= STALLED
    }

    /// What keeps the store from taking what polls bring.
    pub(super) fn problem(&self) -> Option<StoreProblem> {
        if self.has_ended.load(Ordering::Acquire) {
            return Some(StoreProblem::Ended);
        }
        if let Some(lost) = self.lost() {
            return Some(StoreProblem::Lost(lost));
        }
        let (busy, failing) = (self.since(&self.busy_since), self.since(&self.failing_since));
        (busy >= STALLED)
            .then_some(StoreProblem::Stuck(busy.as_secs()))
            .or_else(|| (failing >= STALLED).then_some(StoreProblem::Failing(failing.as_secs())))
    }

    fn since(&self, moment: &AtomicU64) -> Duration {
        match moment.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            moment => Duration::from_millis(self.now().saturating_sub(moment)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that began so many seconds ago.
    fn begun(seconds: u64) -> Arc<WriterHealth> {
        let base = Instant::now().checked_sub(Duration::from_secs(seconds + 1)).unwrap_or_else(Instant::now);
        let health = WriterHealth {
            base,
            busy_since: AtomicU64::new(0),
            failing_since: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
            lost: Mutex::default(),
        };
        Arc::new(health)
    }

    #[test]
    fn a_writer_that_stands_still_is_seen() {
        let health = begun(100);
        assert_eq!((health.problem(), health.is_stuck()), (None, false), "no work for long is well");
        health.busy_since.store(1, Ordering::Release);
        assert!(matches!(health.problem(), Some(StoreProblem::Stuck(100..))) && health.is_stuck());
        health.ended(true, Instant::now());
        assert_eq!((health.problem(), health.is_stuck()), (None, false), "a commit is progress");
    }

    #[test]
    fn one_that_is_refused_is_not_ready_but_no_restart_helps() {
        let health = begun(100);
        let began = Instant::now().checked_sub(Duration::from_secs(60)).unwrap_or_else(Instant::now);
        health.ended(false, began);
        health.idle();
        assert!(matches!(health.problem(), Some(StoreProblem::Failing(60..))) && !health.is_stuck());
        health.ended(true, Instant::now());
        assert_eq!(health.problem(), None);
    }

    #[test]
    fn a_thread_that_ended_by_a_panic_is_seen() {
        let health = begun(0);
        drop(health.alive());
        assert_eq!(health.problem(), None, "the end of a store that was closed");
        let alive = health.alive();
        let ended = std::thread::spawn(move || {
            let _alive = alive;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(ended.join().is_err());
        assert_eq!((health.problem(), health.is_stuck()), (Some(StoreProblem::Ended), true));
    }
}
