//! The one writer: a thread that owns the writing connection.
//!
//! Polls that wait when a commit ends go into the next one together: one `fsync` for all of them.
//! Each has a savepoint of its own, so a poll that fails takes none of the others with it.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::changes::{self, Archived};
use super::commit::{self, Committed, PollCommit};
use super::{StoreError, story::Stories};

/// Polls in one transaction at most.
const BATCH: usize = 64;

/// Entries whose writing takes longer than a reader should wait for what follows it.
const MANY: usize = 100;

/// What is to be written.
enum Work {
    Poll(Box<PollCommit>),
    Archive(Vec<Archived>),
}

impl Work {
    fn entries(&self) -> usize {
        match self {
            Self::Poll(poll) => poll.document.as_ref().map_or(0, |document| document.entries.len()),
            Self::Archive(stories) => stories.len(),
        }
    }
}

struct Job {
    work: Work,
    reply: oneshot::Sender<Answer>,
}

/// What a poll did; nothing where the work was no poll.
type Answer = Result<Option<Committed>, StoreError>;

/// The handle to the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Whether it writes [`MANY`] entries.
    is_at_many: Arc<AtomicBool>,
    ended: tokio::sync::Mutex<Option<oneshot::Receiver<Infallible>>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, path: PathBuf, stories: Stories) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(BATCH * 4);
        let (end, ended) = oneshot::channel();
        let is_at_many = Arc::new(AtomicBool::new(false));
        let at_many = is_at_many.clone();
        let spawned = thread::Builder::new().name("store-writer".into()).spawn(move || {
            write_all(connection, &path, stories, queue, &at_many);
            // Whoever waits for the end hears of it by this.
            drop(end);
        });
        spawned.map_err(|_| StoreError::Closed)?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), is_at_many, ended: tokio::sync::Mutex::new(Some(ended)) })
    }

    pub(super) fn is_at_many(&self) -> bool {
        self.is_at_many.load(Ordering::Relaxed)
    }

    pub(super) async fn commit(&self, poll: PollCommit) -> Result<Committed, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Work::Poll(Box::new(poll)), reply };
        self.jobs()?.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)??.ok_or(StoreError::Closed)
    }

    /// For threads that may wait.
    pub(super) fn archive(&self, stories: Vec<Archived>) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Work::Archive(stories), reply };
        self.jobs()?.blocking_send(job).map_err(|_| StoreError::Closed)?;
        answer.blocking_recv().map_err(|_| StoreError::Closed)?.map(drop)
    }

    fn jobs(&self) -> Result<mpsc::Sender<Job>, StoreError> {
        self.jobs.lock().ok().and_then(|jobs| jobs.clone()).ok_or(StoreError::Closed)
    }

    pub(super) async fn close(&self) {
        if let Ok(mut jobs) = self.jobs.lock() {
            jobs.take();
        }
        if let Some(ended) = self.ended.lock().await.take() {
            // The thread says nothing, it only lets go of its end.
            drop(ended.await);
        }
    }
}

fn write_all(
    mut connection: Connection,
    path: &std::path::Path,
    mut stories: Stories,
    mut queue: mpsc::Receiver<Job>,
    is_at_many: &AtomicBool,
) {
    while let Some(first) = queue.blocking_recv() {
        let mut jobs = vec![first];
        while jobs.len() < BATCH
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        is_at_many.store(jobs.iter().map(|job| job.work.entries()).sum::<usize>() > MANY, Ordering::Relaxed);
        write_batch(&mut connection, path, &mut stories, jobs, is_at_many);
    }
    // The last words of the log file are moved into the database, so that one file is left.
    if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::debug!(%error, "the log of the store was not folded in");
    }
}

/// Writes jobs in one transaction and answers each of them.
fn write_batch(
    connection: &mut Connection,
    path: &std::path::Path,
    stories: &mut Stories,
    jobs: Vec<Job>,
    is_at_many: &AtomicBool,
) {
    let fail = |source| StoreError::Sqlite { path: path.to_owned(), source };
    let mut done = Vec::with_capacity(jobs.len());
    // Whatever happens, each is answered.
    let (works, replies): (Vec<Work>, Vec<_>) = jobs.into_iter().map(|job| (job.work, job.reply)).unzip();
    let outcome = (|| {
        let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for work in works {
            let savepoint = transaction.savepoint()?;
            let before = stories.pending();
            let result = match work {
                Work::Poll(poll) => commit::apply(&savepoint, stories, &poll).map(Some),
                Work::Archive(archived) => changes::archive(&savepoint, &archived).map(|()| None),
            };
            match result {
                Ok(_) => savepoint.commit()?,
                Err(_) => {
                    stories.undo_to(before);
                    savepoint.finish()?;
                }
            }
            done.push(result);
        }
        transaction.commit()
    })();
    let mut done = done.into_iter();
    let failed = outcome.is_err();
    stories.settle(!failed);
    let mut broken = outcome.err();
    is_at_many.store(false, Ordering::Relaxed);
    for reply in replies {
        let result = match (done.next(), failed) {
            (Some(Err(error)), _) => Err(fail(error)),
            (Some(Ok(did)), false) => Ok(did),
            // Nothing of the batch is on disk: the first learns why, the others that it is so.
            _ => Err(broken.take().map_or(StoreError::BatchLost, fail)),
        };
        // Who asked may have given up waiting; the commit stands all the same.
        drop(reply.send(result));
    }
}
