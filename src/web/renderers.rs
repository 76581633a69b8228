//! Whose turn it is to render: few at once, few that wait.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shares::Shares;

/// Renderings at once: at least, and at most, by the processors that there are.
const AT_ONCE: (usize, usize) = (2, 8);

/// Requests that wait for a rendering: of all clients, and of one.
const WAITING: (usize, usize) = (256, 64);

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who may render.
#[derive(Debug)]
pub(super) struct Renderers {
    turns: Arc<Semaphore>,
    /// What is new since a visit may be as much as eight pages: one at a time.
    deltas: Arc<Semaphore>,
    waiting: Arc<Shares>,
}

/// The turn of a request; held for as long as the rendering takes, whether its client still waits or not.
#[derive(Debug)]
pub(super) struct Turn {
    _permits: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

impl Default for Renderers {
    fn default() -> Self {
        let (least, most) = AT_ONCE;
        let processors = std::thread::available_parallelism().map_or(least, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(processors.clamp(least, most))),
            deltas: Arc::new(Semaphore::new(1)),
            waiting: Shares::new(WAITING),
        }
    }
}

impl Renderers {
    /// Waits for the turn of a request of a client; `None` where others keep it waiting for too long.
    pub(super) async fn turn(&self, client: Option<IpAddr>, is_delta: bool) -> Option<Turn> {
        let _waiting = self.waiting.take(client, 1)?;
        let permits = async {
            let delta = if is_delta { self.deltas.clone().acquire_owned().await.ok() } else { None };
            let turn = self.turns.clone().acquire_owned().await.ok()?;
            Some((turn, delta))
        };
        let permits = tokio::time::timeout(PATIENCE, permits).await.ok().flatten()?;
        Some(Turn { _permits: permits })
    }
}
