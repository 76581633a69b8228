//! Threads for the work that takes memory: reading and cleaning documents.
//!
//! Few, and always the same ones: the system's allocator keeps for each thread what its work once took, so that work
//! which wanders over the many threads of the runtime makes the process several times as large.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// Work on more bytes than this is large: it may take seconds.
const LARGE: usize = 256 << 10;

/// The threads; they end with the last clone.
#[derive(Debug, Clone)]
pub(super) struct Workers(Arc<Handle>);

#[derive(Debug)]
struct Handle(Arc<Queue>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.came.notify_all();
    }
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Queue")
    }
}

/// Work with its number, in the order in which it came.
#[derive(Default)]
struct Waiting {
    small: VecDeque<(u64, Work)>,
    large: VecDeque<(u64, Work)>,
    next: u64,
    is_closed: bool,
}

impl Waiting {
    /// What one thread does next; one of the threads leaves what is large to the others, so that what is small never
    /// waits for that.
    fn take(&mut self, only_small: bool) -> Option<Work> {
        let of = |queue: &VecDeque<(u64, Work)>| queue.front().map_or(u64::MAX, |(number, _)| *number);
        let is_large = !only_small && of(&self.large) < of(&self.small);
        let queue = if is_large { &mut self.large } else { &mut self.small };
        queue.pop_front().map(|(_, work)| work)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work; `None` where none will come any more.
    fn next(&self, only_small: bool) -> Option<Work> {
        let mut waiting = self.lock();
        loop {
            match waiting.take(only_small) {
                Some(work) => return Some(work),
                None if waiting.is_closed => return None,
                None => waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Workers {
    /// Starts `count` threads, two at least.
    pub(super) fn new(count: usize) -> Self {
        let queue = Arc::new(Queue::default());
        for number in 0..count.max(2) {
            let queue = queue.clone();
            let started = thread::Builder::new().name(format!("reader-{number}")).spawn(move || {
                while let Some(work) = queue.next(number == 0) {
                    work();
                }
            });
            if let Err(error) = started {
                tracing::warn!(%error, "thread for reading documents could not be started");
            }
        }
        Self(Arc::new(Handle(queue)))
    }

    /// Runs `work` on so many bytes on one of the threads; what it said where it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let (done, result) = oneshot::channel();
        let work = move || {
            let made = catch_unwind(AssertUnwindSafe(work));
            // Who waited may have been stopped meanwhile.
            drop(done.send(made));
        };
        {
            let mut waiting = self.0.0.lock();
            let number = waiting.next;
            waiting.next += 1;
            let queue = if bytes > LARGE { &mut waiting.large } else { &mut waiting.small };
            queue.push_back((number, Box::new(work)));
        }
        // All of them: the one that wakes first may be the one that leaves this to others.
        self.0.0.came.notify_all();
        match result.await {
            Ok(Ok(made)) => Ok(made),
            Ok(Err(panic)) => Err(words(&*panic)),
            Err(_) => Err("the thread that read the document ended".to_owned()),
        }
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_outcome_and_the_thread_goes_on() {
        let workers = Workers::new(1);
        let number = 7;
        let failed: Result<(), _> = workers.run(LARGE + 1, move || panic!("at {number}")).await;
        assert_eq!(failed, Err("at 7".to_owned()));
        let name = || thread::current().name().map(str::to_owned);
        assert_eq!(workers.run(LARGE + 1, name).await, Ok(Some("reader-1".to_owned())));
    }

    #[tokio::test]
    async fn what_is_small_passes_what_is_large() {
        let workers = Workers::new(2);
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let large: Vec<_> = (0..8)
            .map(|n| {
                let (workers, gate) = (workers.clone(), gate.clone());
                tokio::spawn(async move {
                    let wait = move || gate.lock().map(|gate| gate.recv().is_ok()).unwrap_or_default();
                    workers.run(LARGE + 1, move || (n, wait())).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        for n in 0..20 {
            assert_eq!(workers.run(LARGE, move || n).await, Ok(n), "while all that is large stands still");
        }
        for _ in 0..8 {
            assert!(go.send(()).is_ok());
        }
        for (n, one) in large.into_iter().enumerate() {
            assert_eq!(one.await.ok(), Some(Ok((n, true))));
        }
    }
}
