//! The HTTP clients of the daemon.

use super::hub::LOOKUPS;
use crate::fetch::{FetchError, Fetcher, Lookups, Shared};
use crate::live::Live;
use crate::poll;

/// What the clients share, of polls and of what subscribers of our hub have us ask: strangers hold up no poll.
pub(super) struct Clients {
    pub(super) polls: Shared,
    callbacks: Shared,
}

impl Clients {
    /// `kept_open` connections are kept for the next request, to each host.
    pub(super) fn new(live: &Live, kept_open: usize) -> Self {
        let polls = Shared { rooms: live.rooms.clone(), kept_open, ..Shared::default() };
        let callbacks = Shared { lookups: Lookups::new(LOOKUPS), asks_for_others: true, ..polls.clone() };
        Self { polls, callbacks }
    }

    /// A client for polls, and one for callbacks.
    pub(super) fn fetchers(&self, live: &Live) -> Result<(Fetcher, Fetcher), FetchError> {
        let client =
            |shared: &Shared| Fetcher::new(live.base_url().as_str(), live.config().connect_timeout, shared.clone());
        Ok((client(&self.polls)?, client(&self.callbacks)?))
    }
}

/// What names the river in the ids of its entries.
pub(super) fn authority(live: &Live) -> String {
    poll::authority(&live.base_url())
}
