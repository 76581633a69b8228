//! The one writer: a thread that owns the writing connection.
//!
//! Polls that wait when a commit ends go into the next one together: one `fsync` for all of them.
//! Each has a savepoint of its own, so a poll that fails takes none of the others with it.
//!
//! A document with more than [`MANY`] entries, and a poll that takes longer than [`SLICE`], is written in slices of that
//! length, each a transaction, taking turns with everything else. So no source makes the others wait for more than
//! two slices and a commit.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::changes::{self, Archived};
use super::commit;
use super::committed::Committed;
use super::generation;
use super::health::{LostFile, WriterHealth};
use super::rescue::OpenFiles;
use super::{StoreError, schema, story::Stories};
use crate::ingest::{PollCommit, Progress};

/// Polls in one transaction at most.
const BATCH: usize = 64;

/// Entries whose writing takes longer than a reader should wait for what follows it.
const MANY: usize = 100;

/// How long one poll is written before the others have their turn.
const SLICE: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 200 });

/// Between two slices of a long writing: other programs wait for the store too, and look only now and then.
const PAUSE: Duration = Duration::from_millis(20);

/// How long documents are written on when the store is closed: a stop that waits longer is ended by force.
const AT_CLOSE: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 500 });

/// What is to be written.
enum Work {
    Poll(Box<PollCommit>),
    Archive(Vec<Archived>),
    /// Nothing; the file is looked at all the same.
    Look,
}

struct Job {
    work: Work,
    reply: oneshot::Sender<Answer>,
    /// How far it is written, where that takes several transactions.
    progress: Option<Progress>,
}

impl Job {
    fn entries(&self) -> usize {
        match &self.work {
            Work::Poll(poll) => poll.document.as_ref().map_or(0, |document| document.entries.len()),
            Work::Archive(stories) => stories.len(),
            Work::Look => 0,
        }
    }

    /// What the clock said when the work began, where that is told.
    fn clock(&self) -> Option<DateTime<Utc>> {
        match &self.work {
            Work::Poll(poll) => Some(poll.started_at),
            Work::Archive(_) | Work::Look => None,
        }
    }

    fn is_long(&self) -> bool {
        matches!(self.work, Work::Poll(_)) && self.entries() > MANY
    }

    fn answer(self, answer: Answer) {
        // Who asked may have given up waiting; the commit stands all the same.
        drop(self.reply.send(answer));
    }
}

/// What a poll did; nothing where the work was no poll.
type Answer = Result<Option<Committed>, StoreError>;

/// The handle to the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Whether it writes [`MANY`] entries.
    is_at_many: Arc<AtomicBool>,
    health: Arc<WriterHealth>,
    files: Arc<Mutex<OpenFiles>>,
    ended: tokio::sync::Mutex<Option<oneshot::Receiver<Infallible>>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        files: OpenFiles,
        stories: Stories,
        health: Arc<WriterHealth>,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(BATCH * 4);
        let (end, ended) = oneshot::channel();
        let is_at_many = Arc::new(AtomicBool::new(false));
        let files = Arc::new(Mutex::new(files));
        let thread = WriterThread {
            connection,
            files: files.clone(),
            stories,
            queue,
            is_at_many: is_at_many.clone(),
            health: health.clone(),
            short: VecDeque::new(),
            long: VecDeque::new(),
        };
        let spawned = thread::Builder::new().name("store-writer".into()).spawn(move || {
            thread.run();
            // Whoever waits for the end hears of it by this.
            drop(end);
        });
        spawned.map_err(|error| StoreError::Fault(format!("the writer cannot be started: {error}")))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            is_at_many,
            health,
            files,
            ended: tokio::sync::Mutex::new(Some(ended)),
        })
    }

    pub(super) fn is_at_many(&self) -> bool {
        self.is_at_many.load(Ordering::Relaxed)
    }

    /// Whether the database is the file that was opened.
    pub(super) fn is_file_there(&self) -> bool {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).is_there()
    }

    pub(super) fn health(&self) -> &WriterHealth {
        &self.health
    }

    pub(super) async fn commit(&self, poll: PollCommit) -> Result<Committed, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Work::Poll(Box::new(poll)), reply, progress: None };
        self.jobs()?.send(job).await.map_err(|_| StoreError::Closed)?;
        let answer = answer.await.map_err(|_| StoreError::Closed)??;
        answer.ok_or_else(|| StoreError::Fault("the writer took a poll for something else".into()))
    }

    /// For threads that may wait.
    pub(super) fn archive(&self, stories: Vec<Archived>) -> Result<(), StoreError> {
        self.wait_for(Work::Archive(stories))
    }

    /// Makes the writer look whether its file is still there; for threads that may wait.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        self.wait_for(Work::Look)
    }

    fn wait_for(&self, work: Work) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work, reply, progress: None };
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

struct WriterThread {
    connection: Connection,
    files: Arc<Mutex<OpenFiles>>,
    stories: Stories,
    queue: mpsc::Receiver<Job>,
    is_at_many: Arc<AtomicBool>,
    health: Arc<WriterHealth>,
    /// Jobs that are written together, in the order of their arrival.
    short: VecDeque<Job>,
    /// Jobs that are written in slices, by turns.
    long: VecDeque<Job>,
}

impl WriterThread {
    fn run(mut self) {
        let _alive = self.health.alive();
        let mut closing: Option<Instant> = None;
        loop {
            let is_closed = self.receive();
            if is_closed {
                let since = closing.get_or_insert_with(Instant::now).elapsed();
                self.give_up_long(since);
            }
            if self.short.is_empty() && self.long.is_empty() {
                if is_closed {
                    break;
                }
                continue;
            }
            let waiting: usize = self.short.iter().chain(&self.long).map(Job::entries).sum();
            self.is_at_many.store(waiting > MANY, Ordering::Relaxed);
            self.health.working();
            self.write_short();
            self.write_slice();
            self.is_at_many.store(!self.long.is_empty(), Ordering::Relaxed);
            if self.long.is_empty() {
                self.health.idle();
            } else if self.short.is_empty() {
                thread::sleep(PAUSE);
            }
        }
        if self.health.lost().is_some_and(|lost| !lost.is_restored()) {
            // What stands there now is not ours.
            return;
        }
        // The last of the write-ahead log is moved into the database, so that one file is left.
        if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::debug!(%error, "the log of the store was not folded in");
        }
    }

    /// Gives up long jobs of a store that has been closing for so long, and those that nobody waits for: the source is
    /// polled again after the start, and what was written of it is known then.
    fn give_up_long(&mut self, closing: Duration) {
        for job in std::mem::take(&mut self.long) {
            if closing >= AT_CLOSE || job.reply.is_closed() {
                job.answer(Err(StoreError::Closed));
            } else {
                self.long.push_back(job);
            }
        }
    }

    /// Takes what waits, and waits where there is nothing to do; whether no more will come.
    fn receive(&mut self) -> bool {
        if self.short.is_empty() && self.long.is_empty() {
            match self.queue.blocking_recv() {
                Some(job) => self.take(job),
                None => return true,
            }
        }
        while self.short.len() < BATCH {
            match self.queue.try_recv() {
                Ok(job) => self.take(job),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => return true,
            }
        }
        false
    }

    fn take(&mut self, job: Job) {
        if job.is_long() { self.long.push_back(job) } else { self.short.push_back(job) }
    }

    /// Writes short jobs together, as many as there is time for.
    fn write_short(&mut self) {
        let mut jobs = std::mem::take(&mut self.short);
        self.write(&mut jobs);
        jobs.append(&mut self.short);
        self.short = jobs;
    }

    /// Writes one slice of the long job whose turn it is.
    fn write_slice(&mut self) {
        let mut jobs: VecDeque<Job> = self.long.pop_front().into_iter().collect();
        self.write(&mut jobs);
    }

    /// Writes jobs in one transaction, from the first on until the time is over; answers those that are written, and
    /// puts one that could not be written to its end among the long ones.
    fn write(&mut self, jobs: &mut VecDeque<Job>) {
        if jobs.is_empty() {
            return;
        }
        if let Err(lost) = self.look_after_file() {
            for job in jobs.drain(..) {
                job.answer(Err(StoreError::Lost(lost.clone())));
            }
            return;
        }
        let began = Instant::now();
        let mut written: Vec<(Job, Written)> = Vec::with_capacity(jobs.len());
        let clock = jobs.iter().rev().find_map(Job::clock);
        let followed = clock.map_or(Ok(()), |now| self.stories.follow_clock(&self.connection, now));
        let outcome =
            followed.and_then(|()| write_until(&mut self.connection, &mut self.stories, jobs, &mut written, began));
        self.stories.settle(outcome.is_ok());
        let is_written = outcome.is_ok() && written.iter().any(|(_, written)| !matches!(written, Some(Err(_))));
        self.health.ended(is_written, began);
        let path = {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            outcome.iter().for_each(|generation| files.committed(*generation));
            files.path().to_owned()
        };
        let fail = |source| StoreError::Sqlite { path: path.clone(), source };
        if let Err(error) = outcome {
            // Nothing of the batch is on disk: the first learns why, the others that it is so.
            let mut broken = Some(error);
            for job in written.into_iter().map(|(job, _)| job).chain(jobs.drain(..)) {
                job.answer(Err(broken.take().map_or(StoreError::BatchLost, fail)));
            }
            return;
        }
        for (job, written) in written {
            match written {
                Some(answer) => job.answer(answer.map_err(|unwritten| match unwritten {
                    Unwritten::Refused(error) => fail(error),
                    Unwritten::Panicked(message) => StoreError::Fault(message),
                })),
                None => self.long.push_back(job),
            }
        }
    }

    /// Sees to it that the store is still the file that was opened. One that is gone is saved from the open file, and
    /// the writing goes on where that stands in its place.
    fn look_after_file(&mut self) -> Result<(), LostFile> {
        if let Some(lost) = self.health.lost().filter(|lost| !lost.is_restored()) {
            return Err(lost);
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.is_there() {
            return Ok(());
        }
        let (mut lost, outcome) = files.save(&self.connection);
        if let Err(error) = outcome {
            tracing::error!(%error, "the store that lost its file could not be saved");
        }
        if lost.is_restored() {
            match reopened(files.path()) {
                Ok((connection, generation)) => {
                    self.connection = connection;
                    *files = OpenFiles::of(files.path(), generation);
                }
                Err(error) => {
                    tracing::error!(%error, "the store that was saved cannot be opened");
                    lost.saved = None;
                }
            }
        }
        tracing::error!(store.path = %lost.path.display(), store.saved = ?lost.saved, "store file lost: {lost}");
        let is_restored = lost.is_restored();
        self.health.set_lost(lost.clone());
        if is_restored { Ok(()) } else { Err(lost) }
    }
}

/// The store at `path` once more, and its generation.
fn reopened(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    let connection = Connection::open(path)?;
    schema::prepare(&connection)?;
    let generation = generation::begin(&connection)?;
    Ok((connection, generation))
}

/// Why a job was not written.
#[derive(Debug)]
enum Unwritten {
    Refused(rusqlite::Error),
    /// What the panic said.
    Panicked(String),
}

/// What became of one job: its answer, or `None` where there is more of it to write.
type Written = Option<Result<Option<Committed>, Unwritten>>;

/// Writes jobs in one transaction until a slice of time is over; the generation of the store that this makes.
fn write_until(
    connection: &mut Connection,
    stories: &mut Stories,
    jobs: &mut VecDeque<Job>,
    written: &mut Vec<(Job, Written)>,
    began: Instant,
) -> rusqlite::Result<i64> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let generation = generation::advance(&transaction)?;
    stories.begin(&transaction)?;
    while let Some(mut job) = jobs.pop_front() {
        let savepoint = match transaction.savepoint() {
            Ok(savepoint) => savepoint,
            Err(error) => {
                jobs.push_front(job);
                return Err(error);
            }
        };
        let (before, start) = (stories.mark(), Instant::now());
        let is_over = || start.elapsed() >= SLICE;
        let write = || match &mut job.work {
            Work::Poll(poll) => commit::advance(&savepoint, stories, poll, &mut job.progress, &is_over)
                .map(|committed| committed.map(Some)),
            Work::Archive(archived) => changes::archive(&savepoint, archived).map(|()| Some(None)),
            Work::Look => Ok(Some(None)),
        };
        // A panic ends its own poll: what it left half done is undone with the savepoint.
        let result = match catch_unwind(AssertUnwindSafe(write)) {
            Ok(result) => result.map_err(Unwritten::Refused),
            Err(panic) => Err(Unwritten::Panicked(super::panic_message(&*panic))),
        };
        let ended = match result {
            Ok(_) => savepoint.commit(),
            Err(_) => {
                stories.undo_to(before);
                savepoint.finish()
            }
        };
        written.push((job, result.transpose()));
        ended?;
        if began.elapsed() >= SLICE {
            break;
        }
    }
    stories.write_search(&transaction)?;
    transaction.commit()?;
    Ok(generation)
}
