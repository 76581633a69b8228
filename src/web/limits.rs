//! How many connections there may be.

use super::connections::Connections;

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
