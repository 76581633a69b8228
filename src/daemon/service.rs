//! What systemd hears of us (`Type=notify`): ready, reloading, stopping, alive. Without it, nothing.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// Tells the service manager.
pub(super) fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}

/// That the new configuration is being taken.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the service manager could not be told"),
    }
}

/// The watchdog of the unit: fed by the loop that starts polls, so that it bites when that or the store's writer stands still.
#[derive(Debug)]
pub(super) struct Watchdog {
    every: Option<Duration>,
    fed: Instant,
}

impl Watchdog {
    /// The one that the unit asks for.
    pub(super) fn new() -> Self {
        Self { every: sd_notify::watchdog_enabled().map(|limit| limit / 3), fed: Instant::now() }
    }

    /// How long the loop may sleep.
    pub(super) fn longest_sleep(&self, wanted: Duration) -> Duration {
        self.every.map_or(wanted, |every| wanted.min(every))
    }

    /// Says that the loop goes round; not while the store's writer hangs.
    pub(super) fn feed(&mut self, is_stuck: bool) {
        if !is_stuck && self.every.is_some_and(|every| self.fed.elapsed() >= every / 2) {
            tell(&[NotifyState::Watchdog]);
            self.fed = Instant::now();
        }
    }
}
