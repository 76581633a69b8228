//! Threads for the work that takes memory: reading and cleaning documents.
//!
//! Few, and always the same ones: the system's allocator keeps for each thread what its work once took, so that work
//! which wanders over the many threads of the runtime makes the process several times as large.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// The threads; they end with the last clone.
#[derive(Debug, Clone)]
pub(super) struct Workers(mpsc::Sender<Work>);

impl Workers {
    /// Starts `count` threads.
    pub(super) fn new(count: usize) -> Self {
        let (sender, receiver) = mpsc::channel::<Work>();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..count {
            let receiver = receiver.clone();
            let next = move || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let started = thread::Builder::new().name(format!("reader-{number}")).spawn(move || {
                while let Ok(work) = next() {
                    work();
                }
            });
            if let Err(error) = started {
                tracing::warn!(%error, "a thread for reading documents could not be started");
            }
        }
        Self(sender)
    }

    /// Runs `work` on one of the threads; what it said where it panicked.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let (done, result) = oneshot::channel();
        let work = move || {
            let made = catch_unwind(AssertUnwindSafe(work));
            // Who waited may have been stopped meanwhile.
            drop(done.send(made));
        };
        if self.0.send(Box::new(work)).is_err() {
            return Err("no thread for reading documents runs".to_owned());
        }
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
        let failed: Result<(), _> = workers.run(move || panic!("at {number}")).await;
        assert_eq!(failed, Err("at 7".to_owned()));
        assert_eq!(workers.run(|| thread::current().name().map(str::to_owned)).await, Ok(Some("reader-0".to_owned())));
    }
}
