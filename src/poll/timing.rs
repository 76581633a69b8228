//! What the end of a poll means for the next one, and for what is known of our own network.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{PollError, Poller};
use crate::fetch;
use crate::model::activity::Activity;
use crate::model::document::ServerWish;
use crate::model::feed::PollHints;
use crate::model::report::{ErrorKind, SourceState};
use crate::model::source::{Address, Source};
use crate::schedule::{After, Rhythm, Turn, next_poll};
use crate::store::PollCommit;

/// The status of what the publisher has ended.
const GONE: u16 = 410;

impl Poller {
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
pub(super) fn set_next(source: &Source, commit: &mut PollCommit, after: After, wish: &ServerWish) {
    if commit.error.is_some() && commit.http_status == Some(GONE) {
        return;
    }
    let rhythm = Rhythm {
        every: source.every,
        min_every: source.min_every,
        activity: &commit.activity,
        hints: &commit.hints,
        wish,
    };
    let at = |after| Some(next_poll(&source.id, commit.started_at, after, &rhythm));
    let (next, if_overrun) = (at(after), at(After::Overrun));
    commit.next_poll = next;
    commit.next_poll_if_overrun = if_overrun;
}

/// When a source is tried again whose poll could not be kept: the store failed, not the source.
pub(super) fn soon(source: &Source, polled: DateTime<Utc>) -> DateTime<Utc> {
    let every: Duration = source.min_every;
    let (activity, hints, wish) = (Activity::default(), PollHints::default(), ServerWish::default());
    let rhythm = Rhythm { every, min_every: every, activity: &activity, hints: &hints, wish: &wish };
    next_poll(&source.id, polled, After::Success, &rhythm)
}
