//! What the end of a poll means for the next one, and for what is known of our own network.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{PollError, Poller};
use crate::fetch;
use crate::ingest::PollCommit;
use crate::model::activity::Activity;
use crate::model::document::ServerWish;
use crate::model::feed::PollHints;
use crate::model::report::{ErrorKind, SourceState};
use crate::model::source::{Address, Source};
use crate::schedule::{After, LONGEST_PATIENCE, Rhythm, Share, Turn, asked, next_poll, patience};

/// The status of what the publisher has ended.
const GONE: u16 = 410;

/// What is known of a source that was never polled.
static NOTHING: Activity = Activity::NONE;

/// How patient polling is; shared by all polls.
#[derive(Debug)]
pub(super) struct Patience(AtomicU64);

impl Default for Patience {
    fn default() -> Self {
        Self(AtomicU64::new(millis(LONGEST_PATIENCE)))
    }
}

impl Patience {
    pub(super) fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Poller {
    /// Shares out polls anew among `sources`, by what is known of each: one each in `mean_every`, on average, or
    /// as many as they need; gives the patience that follows from it.
    pub fn share_out<'a>(
        &self,
        sources: impl IntoIterator<Item = (&'a Source, Option<&'a SourceState>)>,
        mean_every: Duration,
        now: DateTime<Utc>,
    ) -> Duration {
        let enabled = sources.into_iter().filter(|(source, _)| source.enabled);
        let shares = enabled.map(|(source, state)| Share {
            activity: state.map_or(&NOTHING, |state| &state.activity),
            least: source.min_every.max(state.map_or(Duration::ZERO, |state| asked(&state.hints))),
            most: source.every,
        });
        let patience = patience(shares, mean_every, now.timestamp());
        self.patience.0.store(millis(patience), Ordering::Relaxed);
        patience
    }

    /// Judges the end of a poll, and notes what it says of our own network.
    pub(super) fn after(
        &self,
        source: &Source,
        state: &SourceState,
        error: Option<&PollError>,
        now: DateTime<Utc>,
    ) -> After {
        let unreached =
            matches!(error.map(PollError::kind), Some(ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Timeout));
        let is_ours = match &source.address {
            Address::Web(url) => {
                let private = fetch::is_private(url);
                let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
                let turn = if !unreached {
                    outage.reached(private)
                } else if state.failures_in_a_row == 0 && state.last_success.is_some() {
                    outage.unreached(&url.origin().ascii_serialization(), private, now)
                } else {
                    None
                };
                match turn {
                    Some(Turn::Began) => tracing::warn!(
                        "many servers that were well cannot be reached: our own network seems to be down; their sources are tried again soon and none is backed off"
                    ),
                    Some(Turn::Ended(since)) => {
                        tracing::info!(since = %since.format("%Y-%m-%dT%H:%M:%SZ"), "our own network is back");
                    }
                    None => {}
                }
                unreached && outage.is_ours(private)
            }
            Address::File(_) => false,
        };
        match error {
            None => After::Success,
            Some(_) if is_ours => After::Outage,
            Some(error) => After::Failure {
                in_a_row: state.failures_in_a_row.saturating_add(1),
                lasting: matches!(error, PollError::Fetch(error) if error.http_status() == Some(404)),
            },
        }
    }
}

/// Says in the commit when the source is due again.
pub(super) fn set_next(source: &Source, commit: &mut PollCommit, after: After, wish: &ServerWish, patience: Duration) {
    if commit.error.is_some() && commit.http_status == Some(GONE) {
        return;
    }
    let rhythm = Rhythm {
        every: source.every,
        min_every: source.min_every,
        patience,
        activity: &commit.activity,
        hints: &commit.hints,
        wish,
    };
    let at = |after| Some(next_poll(&source.id, commit.started_at, after, &rhythm));
    let (next, if_overrun) = (at(after), at(After::Overrun));
    commit.hints.retry_after_seconds = wish.retry_after.map(|wait| wait.as_secs());
    commit.hints.fresh_seconds = wish.fresh_for.map(|time| time.as_secs());
    commit.next_poll = next;
    commit.next_poll_if_overrun = if_overrun;
}

/// When a source is tried again whose poll could not be kept: the store failed, not the source.
pub(super) fn soon(source: &Source, polled: DateTime<Utc>) -> DateTime<Utc> {
    let every: Duration = source.min_every;
    let (activity, hints, wish) = (Activity::default(), PollHints::default(), ServerWish::default());
    let patience = LONGEST_PATIENCE;
    let rhythm = Rhythm { every, min_every: every, patience, activity: &activity, hints: &hints, wish: &wish };
    next_poll(&source.id, polled, After::Success, &rhythm)
}
