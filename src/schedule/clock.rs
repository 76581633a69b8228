//! Whether the clock can be trusted: what it says against the time that passed.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// What the clock may differ from the time that passed.
pub const CLOCK_JUMP: TimeDelta = TimeDelta::minutes(2);

/// How long after the last sign of life in a store the clock is believed.
const LONGEST_SILENCE: TimeDelta = TimeDelta::hours(24);

/// How far the clock jumped while it went on by `passed` and the process saw `ticked`; `None` where it did not. A loop
/// that never sleeps longer than `longest_sleep` has missed what goes beyond: it, or the machine, was stopped.
#[must_use]
pub fn clock_jump(passed: TimeDelta, ticked: Duration, longest_sleep: Duration) -> Option<TimeDelta> {
    let ticked = TimeDelta::from_std(ticked.min(longest_sleep)).unwrap_or_default();
    Some(passed - ticked).filter(|jump| jump.abs() > CLOCK_JUMP)
}

/// Whether the clock may have jumped while nobody looked: `latest` is the last moment that a store knows of. It lies in
/// the future, or so long ago that either nothing ran since, or the clock is wrong; nothing tells the two apart.
#[must_use]
pub fn is_clock_doubtful(now: DateTime<Utc>, latest: Option<DateTime<Utc>>) -> bool {
    latest.is_some_and(|latest| latest - now > CLOCK_JUMP || now - latest > LONGEST_SILENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_what_the_clock_went_more_than_the_time() {
        let second = Duration::from_secs(1);
        let sleep = Duration::from_secs(30);
        assert_eq!(clock_jump(TimeDelta::seconds(1), second, sleep), None);
        assert_eq!(clock_jump(TimeDelta::seconds(121), second, sleep), None, "two minutes are no jump");
        assert_eq!(clock_jump(TimeDelta::days(3650), second, sleep).map(|jump| jump.num_days()), Some(3649));
        assert_eq!(clock_jump(TimeDelta::days(-3650), second, sleep).map(|jump| jump.num_days()), Some(-3650));
        // A process that was stopped, or whose clocks both jumped, has not seen the time pass.
        let day = Duration::from_secs(86_400);
        assert!(clock_jump(TimeDelta::days(1), day, sleep).is_some());
    }

    #[test]
    fn a_store_that_was_silent_for_long_or_knows_the_future_makes_the_clock_doubtful() {
        let at = |hours: i64| DateTime::from_timestamp(1_700_000_000 + hours * 3600, 0);
        let now = at(0).unwrap_or_default();
        for (latest, doubtful) in [(None, false), (at(0), false), (at(-23), false), (at(-25), true), (at(1), true)] {
            assert_eq!(is_clock_doubtful(now, latest), doubtful, "{latest:?}");
        }
    }
}
