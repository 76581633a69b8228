//! What the HTTP clients of one process share, and have in common.

use std::sync::Arc;
use std::time::Duration;

use super::hosts::{Asker, Hosts, KEPT_OPEN};
use super::resolver::Lookups;
use super::room::Rooms;
use crate::model::source::Source;

/// What clients of one process share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The limits of hosts.
    pub hosts: Arc<Hosts>,
    /// The places for large bodies.
    pub rooms: Rooms,
    /// The names that are looked up at once.
    pub lookups: Lookups,
    /// Connections that are kept for the next request, to one host; none where descriptors are scarce.
    pub kept_open: usize,
    /// Whether all that is asked for was asked for by others (subscribers, readers), and no source waits for it.
    pub asks_for_others: bool,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            hosts: Arc::default(),
            rooms: Rooms::default(),
            lookups: Lookups::default(),
            kept_open: 2,
            asks_for_others: false,
        }
    }
}

impl Shared {
    /// On whose behalf a host is asked: what leads a source elsewhere was written by others.
    pub(super) fn asker(&self, source: &Source, host: &str) -> Asker {
        if self.asks_for_others || source.address.host() != Some(host) { Asker::Guest } else { Asker::Source }
    }
}

/// What every client has in common.
pub(super) fn builder(connect_timeout: Duration, shared: &Shared) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(KEPT_OPEN)
        .pool_max_idle_per_host(shared.kept_open)
        .http2_adaptive_window(true)
        .referer(false)
}
