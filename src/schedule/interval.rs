//! The time between two polls of a source.
//!
//! A source is polled when the entries that it is expected to have published since its last poll
//! have together waited as long as our patience. For a source that publishes at an even rate `r` that is an
//! interval of `sqrt(2 * patience / r)`, which is the division of a given number of requests among
//! sources that makes the sum of all delays least; for one that sleeps at night the interval ends
//! when its morning comes. The rate is that of its newest entries, the later half counting most; a share
//! of what is published follows on the heels of another entry (corrections, batches, news that unfolds), so the
//! hours after one are expected to bring more.

use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

use crate::model::activity::Activity;
use crate::model::document::ServerWish;
use crate::model::feed::PollHints;
use crate::model::source::SourceId;

/// The longest pause after failures, unless the source's own interval is longer.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// The same where the address itself seems to be wrong (404): that seldom mends itself.
const LONGEST_PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// The most that a document or its headers can stretch an interval to.
const LONGEST_WISH: Duration = Duration::from_secs(24 * 3600);

/// The longest `Retry-After` that is believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// The share of entries that follow on the heels of another, and the seconds in which most of them do. Of a thousand
/// recorded years, these cost a tenth fewer requests at a shorter delay than none.
const ON_THE_HEELS: f64 = 0.3;
const HEELS: f64 = 7200.0;

/// Entries a second that whoever is silent is still expected to publish: one a month.
const LEAST_RATE: f64 = 12.0 / (365.0 * 86_400.0);

/// How a poll ended, as far as it decides when the next one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It went well.
    Success,
    /// It went well, and none of the document's entries was known: the publisher is faster than us.
    Overrun,
    /// It failed.
    Failure {
        /// Failures in a row, this one included.
        in_a_row: u32,
        /// Whether the address itself seems to be wrong.
        lasting: bool,
    },
    /// It failed since our own network did.
    Outage,
}

/// What [`next_poll`] decides from.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm<'a> {
    /// The longest interval.
    pub every: Duration,
    /// The shortest interval.
    pub min_every: Duration,
    /// How long expected entries may wait, all together ([`super::patience`]).
    pub patience: Duration,
    /// How often it publishes.
    pub activity: &'a Activity,
    /// What its document asks for.
    pub hints: &'a PollHints,
    /// What its server asks for.
    pub wish: &'a ServerWish,
}

/// When a source that was polled at `polled` is due again.
#[must_use]
pub fn next_poll(id: &SourceId, polled: DateTime<Utc>, after: After, rhythm: &Rhythm<'_>) -> DateTime<Utc> {
    let (least, share) = (rhythm.min_every, jitter(id, polled));
    let pause = match after {
        After::Success => {
            let interval = wait(rhythm.activity, polled, (least, rhythm.every), rhythm.patience);
            let floor = least.max(wished(rhythm));
            let pause = if interval < rhythm.every {
                // Up to a tenth less, so that sources of like habits drift apart.
                interval.mul_f64(1.0 - share / 10.0)
            } else if least < rhythm.every {
                in_turn(id, polled, interval, floor, share)
            } else {
                interval
            };
            pause.max(floor)
        }
        After::Overrun => least.max(wished(rhythm)),
        After::Failure { in_a_row, lasting } => {
            // Full jitter: a server that comes back is not met by all at once.
            let cap = if lasting { LONGEST_PATIENCE } else { LONGEST_PAUSE };
            let most = rhythm.every.saturating_mul(1 << in_a_row.saturating_sub(1).min(16)).min(cap.max(rhythm.every));
            least + most.saturating_sub(least).mul_f64(share)
        }
        After::Outage => least.mul_f64(1.0 + share),
    };
    let pause = pause.max(rhythm.wish.retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER));
    let due = TimeDelta::from_std(pause).ok().and_then(|pause| polled.checked_add_signed(pause)).unwrap_or(polled);
    if matches!(after, After::Success | After::Overrun) { allowed(due, rhythm.hints) } else { due }
}

/// The pause to the source's own place within the interval that many share, so that their polls are
/// spread evenly over it however they began; on the way there at most half of it is given up.
fn in_turn(id: &SourceId, polled: DateTime<Utc>, interval: Duration, floor: Duration, share: f64) -> Duration {
    let whole = interval.as_secs_f64();
    let place = whole * jitter(id, DateTime::UNIX_EPOCH);
    let since = (polled.timestamp_millis() as f64 / 1000.0 - place).rem_euclid(whole);
    let pause = Duration::from_secs_f64(whole - since);
    if pause >= floor.max(interval / 2) { pause } else { interval.mul_f64(1.0 - share / 2.0) }
}

/// The interval that a source's own rhythm asks for, from `now` on and within the bounds, shortest and longest.
#[must_use]
pub fn wait(
    activity: &Activity,
    now: DateTime<Utc>,
    (least, most): (Duration, Duration),
    patience: Duration,
) -> Duration {
    if least >= most {
        return most;
    }
    let (now, shares) = (now.timestamp(), activity.shares_of_hours());
    let steady = rate(activity, &shares, now) * (1.0 - ON_THE_HEELS);
    let latest = activity.recent.last().map_or(f64::INFINITY, |latest| (now - latest).max(0) as f64);
    let (mut elapsed, mut expected, mut waited) = (0.0_f64, 0.0, 0.0);
    while elapsed < most.as_secs_f64() && waited < patience.as_secs_f64() {
        // Fine where it matters, and a few hundred steps to a week.
        let step = (elapsed / 40.0_f64).max(15.0);
        elapsed += step;
        // Rates are far below the 2^53 seconds at which this would lose anything.
        let hour = usize::try_from((now + elapsed as i64).rem_euclid(86_400) / 3600).unwrap_or(0);
        let on_the_heels = ON_THE_HEELS / HEELS * (-(latest + elapsed) / HEELS).exp();
        expected += (steady * shares[hour] + on_the_heels) * step;
        waited += expected * step;
    }
    Duration::from_secs_f64(elapsed).clamp(least, most)
}

/// Entries a second that a source is expected to publish at `now`, seconds since 1970, the day through.
pub(super) fn mean_rate(activity: &Activity, now: i64) -> f64 {
    rate(activity, &activity.shares_of_hours(), now)
}

/// Entries a second, at an hour of the usual share.
fn rate(activity: &Activity, shares: &[f64; 24], now: i64) -> f64 {
    let Some((oldest, later)) = activity.recent.split_first() else { return LEAST_RATE };
    let span = (now - oldest).max(60) as f64;
    if later.is_empty() {
        return (0.5 / span).max(LEAST_RATE);
    }
    let horizon = span / 2.0;
    let weight = |age: f64| (-age / horizon).exp();
    let seen: f64 = later.iter().map(|time| weight((now - time).max(0) as f64)).sum();
    // What an even rate of one would have weighed, had it published by its hours.
    let slices = 48;
    let slice = span / f64::from(slices);
    let exposure: f64 = (0..slices)
        .map(|n| {
            let age = (f64::from(n) + 0.5) * slice;
            let hour = usize::try_from((now - age as i64).rem_euclid(86_400) / 3600).unwrap_or(0);
            weight(age) * shares[hour] * slice
        })
        .sum();
    (seen / exposure.max(1.0)).max(LEAST_RATE)
}

/// The least interval that the server and the document ask for.
fn wished(rhythm: &Rhythm<'_>) -> Duration {
    asked(rhythm.hints).max(rhythm.wish.fresh_for.unwrap_or_default()).min(LONGEST_WISH)
}

/// The least interval that a document asks for (`ttl`; `sy:updatePeriod`, `sy:updateFrequency`).
#[must_use]
pub fn asked(hints: &PollHints) -> Duration {
    let ttl = hints.ttl_minutes.map(|minutes| Duration::from_secs(60 * u64::from(minutes)));
    let update = hints.update_seconds.map(Duration::from_secs);
    ttl.into_iter().chain(update).max().unwrap_or_default().min(LONGEST_WISH)
}

/// The first moment from `due` on that `skipHours` and `skipDays` allow (RSS 2.0; both in GMT).
fn allowed(due: DateTime<Utc>, hints: &PollHints) -> DateTime<Utc> {
    let barred = |at: DateTime<Utc>| {
        hints.skip_hours & (1 << at.hour()) != 0 || hints.skip_days & (1 << at.weekday().num_days_from_monday()) != 0
    };
    let mut at = due;
    for _ in 0..8 * 24 {
        if !barred(at) {
            return at;
        }
        let next = at + TimeDelta::hours(1);
        at = next.with_minute(0).and_then(|at| at.with_second(0)).unwrap_or(next);
    }
    // All of the week is barred: nobody can mean that.
    due
}

/// A share from 0 to 1 that is the source's own at that moment, the same wherever it is computed.
fn jitter(id: &SourceId, at: DateTime<Utc>) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.as_str().bytes().chain(at.timestamp().to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mixed = u32::try_from((hash ^ (hash >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).unwrap_or_default();
    f64::from(mixed) / f64::from(u32::MAX)
}
