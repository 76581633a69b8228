//! Why a source is polled next when it is, as far as its state tells. Pure.

use std::time::Duration;

use crate::model::reason::Reason;
use crate::model::report::SourceState;
use crate::model::source::Source;

/// The reason for the time of the next poll; `None` where there is none to come.
#[must_use]
pub fn reason(source: &Source, state: &SourceState) -> Option<Reason> {
    let pause = (state.next_poll? - state.last_poll?).to_std().ok()?;
    if !source.enabled {
        return None;
    }
    let hints = &state.hints;
    // Stored times are whole milliseconds, and spans whole seconds.
    let decides = |wanted: &Duration| !wanted.is_zero() && pause + Duration::from_secs(1) >= *wanted;
    let retry_after = hints.retry_after_seconds.map(Duration::from_secs);
    if let Some(wait) = retry_after.filter(|wait| decides(wait) && *wait >= source.min_every.min(pause / 2)) {
        return Some(Reason::RetryAfter(wait));
    }
    if state.error.is_some() {
        return Some(Reason::BackingOff(state.failures_in_a_row));
    }
    let ttl = hints.ttl_minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
    let update = hints.update_seconds.map(Duration::from_secs);
    let fresh = hints.fresh_seconds.map(Duration::from_secs);
    let asked = [ttl.map(Reason::Ttl), update.map(Reason::UpdatePeriod), fresh.map(Reason::Fresh)];
    let longest = asked.into_iter().flatten().max_by_key(span);
    if let Some(longest) = longest
        && decides(&span(&longest))
        && span(&longest) > source.min_every
        && pause <= span(&longest) + span(&longest) / 20 + Duration::from_secs(1)
    {
        return Some(longest);
    }
    if (hints.skip_hours != 0 || hints.skip_days != 0) && pause > source.every + source.every / 20 {
        return Some(Reason::Skips);
    }
    let between = time_between(&state.activity.recent);
    Some(between.filter(|_| pause < source.every.mul_f64(0.95)).map_or(Reason::Every(source.every), Reason::Publishes))
}

fn span(reason: &Reason) -> Duration {
    match reason {
        Reason::RetryAfter(time)
        | Reason::Ttl(time)
        | Reason::UpdatePeriod(time)
        | Reason::Fresh(time)
        | Reason::Publishes(time)
        | Reason::Every(time) => *time,
        Reason::BackingOff(_) | Reason::Skips => Duration::ZERO,
    }
}

/// The mean time between the newest entries; the later half of those that are known.
fn time_between(recent: &[i64]) -> Option<Duration> {
    let newest = &recent[recent.len() / 2..];
    let newest = if newest.len() < 2 { recent } else { newest };
    let (first, last) = (newest.first()?, newest.last()?);
    let gaps = u32::try_from(newest.len()).ok()?.checked_sub(1).filter(|gaps| *gaps > 0)?;
    Some(Duration::from_secs(u64::try_from(last - first).ok()?) / gaps).filter(|gap| !gap.is_zero())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::config::Config;
    use crate::model::activity::Activity;
    use crate::model::feed::PollHints;
    use crate::model::report::{ErrorKind, Failure};
    use crate::model::source::Address;

    fn of(pause: i64, hints: PollHints, failures: u32, recent: Vec<i64>) -> Option<Reason> {
        let source = Config::lone_source(Address::File("a".into()));
        let polled = DateTime::from_timestamp(1_790_000_000, 0)?;
        let failure = Failure { kind: ErrorKind::HttpStatus, message: String::new() };
        let state = SourceState {
            last_poll: Some(polled),
            next_poll: Some(polled + TimeDelta::seconds(pause)),
            failures_in_a_row: failures,
            error: (failures > 0).then_some(failure),
            activity: Activity { recent, ..Activity::NONE },
            hints,
            ..SourceState::default()
        };
        reason(&source, &state)
    }

    #[test]
    fn what_decides_is_named() {
        let seconds = Duration::from_secs;
        let none = PollHints::default;
        let retry = PollHints { retry_after_seconds: Some(1200), ..none() };
        assert_eq!(of(1200, retry.clone(), 2, vec![]), Some(Reason::RetryAfter(seconds(1200))));
        assert_eq!(of(900, retry, 2, vec![]), Some(Reason::BackingOff(2)), "an older wish that does not decide");
        assert_eq!(of(3000, none(), 3, vec![]), Some(Reason::BackingOff(3)));
        let ttl = PollHints { ttl_minutes: Some(60), fresh_seconds: Some(600), ..none() };
        assert_eq!(of(3600, ttl, 0, vec![]), Some(Reason::Ttl(seconds(3600))));
        let fresh = PollHints { fresh_seconds: Some(7200), ..none() };
        assert_eq!(of(7200, fresh, 0, vec![]), Some(Reason::Fresh(seconds(7200))));
        let four_hours = (0..10).map(|n| n * 14_400).collect::<Vec<_>>();
        assert_eq!(of(1500, none(), 0, four_hours), Some(Reason::Publishes(seconds(14_400))));
        assert_eq!(of(1800, none(), 0, vec![]), Some(Reason::Every(seconds(1800))));
        let skips = PollHints { skip_hours: 0xff, ..none() };
        assert_eq!(of(20_000, skips, 0, vec![]), Some(Reason::Skips));
    }
}
