//! How much there may be at once: connections, and what clients do over them.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::connections::Connections;
use super::shares::{Rate, Shares};

/// Streams of events at once: of all clients, and of one.
pub(super) const EVENT_STREAMS: (usize, usize) = (256, 64);

/// Requests that wait for a picture: of all clients, and of one.
pub(super) const PICTURES: (usize, usize) = (256, 64);

/// Pushes that are unfinished at once, until they are read: of all subscriptions, and of one.
const UNFINISHED: (usize, usize) = (16, 2);

/// Those of them with large bodies; the others of those that there are room for are for polls.
const LARGE: (usize, usize) = (2, 1);

/// Forms of subscribers that are read at once.
const FORMS: usize = 16;

/// Subscriptions of one client: at once, and a second.
const RATE: (f64, f64) = (30.0, 0.5);

/// Limits of connections, by the descriptors that there are for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections beyond that: they are asked for one request each, and get an answer where it is about health.
    pub spare: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1024, spare: 16 }
    }
}

impl Limits {
    pub(super) fn connections(self) -> Connections {
        // Half of the places are for others than the greediest client.
        Connections::new(self.connections, self.spare, (self.connections / 2).max(1))
    }
}

/// The pushes that are unfinished.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) all: Arc<Shares<String>>,
    pub(super) large: Arc<Shares<String>>,
}

impl Default for Unfinished {
    fn default() -> Self {
        Self { all: Shares::new(UNFINISHED), large: Shares::new(LARGE) }
    }
}

/// What bounds those who subscribe.
#[derive(Debug)]
pub(super) struct Subscribing {
    pub(super) forms: Arc<Semaphore>,
    pub(super) rate: Rate,
}

impl Default for Subscribing {
    fn default() -> Self {
        let (burst, per_second) = RATE;
        Self { forms: Arc::new(Semaphore::new(FORMS)), rate: Rate::new(burst, per_second) }
    }
}
