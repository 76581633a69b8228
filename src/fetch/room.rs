//! Memory for large bodies: few are held at once, however many are fetched.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Bodies up to this many bytes need no room.
pub const SMALL: usize = 512 * 1024;

/// Coded bodies up to this many bytes need none before they are decoded.
pub(super) const SMALL_CODED: usize = 64 * 1024;

/// Large bodies that are held at once.
const ROOMS: usize = 4;

/// The rooms that there are; clones share them.
#[derive(Debug, Clone)]
pub struct Rooms(Arc<Semaphore>);

/// One large body's; given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOMS)))
    }
}

impl Rooms {
    /// A room, where one is free.
    #[must_use]
    pub fn try_enter(&self) -> Option<Room> {
        self.0.clone().try_acquire_owned().ok().map(|permit| Room { _permit: Some(permit) })
    }

    /// Waits for a room; meanwhile the server waits too, since nothing is read.
    pub(super) async fn enter(&self, waits: &Waits) -> Room {
        waits.begin();
        // The semaphore is never closed.
        let permit = self.0.clone().acquire_owned().await.ok();
        waits.end();
        Room { _permit: permit }
    }
}

/// How long one fetch waited for us: that is no delay of its server.
#[derive(Debug, Default)]
pub(super) struct Waits(Mutex<(Duration, Option<Instant>)>);

impl Waits {
    fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(Instant::now());
    }

    fn end(&self) {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = waits.1.take().map_or(Duration::ZERO, |since| since.elapsed());
        waits.0 += ended;
    }

    /// What was waited since this was asked last.
    fn take(&self) -> Duration {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ongoing = waits.1.map_or(Duration::ZERO, |since| since.elapsed());
        waits.1 = waits.1.map(|_| Instant::now());
        std::mem::take(&mut waits.0) + ongoing
    }

    /// Runs `work` within `limit`, its waits not counted; `None` where it took longer.
    pub(super) async fn in_time<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let mut end = Instant::now() + limit;
        loop {
            if let Ok(done) = tokio::time::timeout_at(end, &mut work).await {
                return Some(done);
            }
            let waited = self.take();
            if waited.is_zero() {
                return None;
            }
            end += waited;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_room_is_no_delay_of_the_server() {
        let (rooms, limit) = (Rooms::default(), Duration::from_secs(30));
        let mut taken = Vec::new();
        for _ in 0..ROOMS {
            taken.push(rooms.enter(&Waits::default()).await);
        }
        let waits = Waits::default();
        let patient = waits.in_time(limit, async {
            let _room = rooms.enter(&waits).await;
            tokio::time::sleep(limit - Duration::from_secs(1)).await;
        });
        let freed = async {
            tokio::time::sleep(limit * 5).await;
            drop(taken);
        };
        assert_eq!(tokio::join!(patient, freed), (Some(()), ()));
        let waits = Waits::default();
        assert_eq!(waits.in_time(limit, tokio::time::sleep(limit * 2)).await, None);
    }
}
