//! The simulator of polling, for the test and the bench of the schedule.

use std::fmt;
use std::time::Duration;

use chrono::DateTime;
use newsriver::model::activity::Activity;
use newsriver::model::document::ServerWish;
use newsriver::model::feed::PollHints;
use newsriver::model::source::SourceId;
use newsriver::schedule::{After, Rhythm, next_poll};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Virtual time begins on a Monday.
const START: i64 = 1_700_438_400;

/// A stream of numbers that is the same in every run.
#[derive(Debug)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// From 0 to 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }

    /// From 0 to below `limit`.
    pub(crate) fn below(&mut self, limit: i64) -> i64 {
        ((self.share() * limit as f64) as i64).min(limit - 1)
    }
}

/// What polling cost and brought.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Requests made.
    pub(crate) requests: u64,
    /// How long each entry waited, seconds.
    pub(crate) delays: Vec<i64>,
}

impl Figures {
    /// The delay of the middle entry, seconds.
    pub(crate) fn median(&self) -> i64 {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        delays.get(delays.len() / 2).copied().unwrap_or(0)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.delays.iter().sum::<i64>() as f64 / self.delays.len().max(1) as f64;
        let (requests, entries) = (self.requests, self.delays.len());
        let median = self.median() as f64 / 60.0;
        write!(
            f,
            "{requests} requests, {entries} entries, delay {median:.1} min in the median, {:.1} in the mean",
            mean / 60.0
        )
    }
}

/// Polls one source for a year, each half hour and as we do: `every = "1d"`, `min_every = "5m"`.
pub(crate) fn simulate(times: &[i64], fixed: &mut Figures, ours: &mut Figures) {
    let end = 365 * DAY;
    poll(times, end, fixed, |polled, _| polled + 1800);
    let id = SourceId::from_address(&newsriver::model::source::Address::File("a".into()));
    let (hints, wish) = (PollHints::default(), ServerWish::default());
    let mut activity = Activity::default();
    poll(times, end, ours, |polled, new| {
        activity.learn(new.iter().map(|time| START + time), START + polled);
        let rhythm = Rhythm {
            every: Duration::from_secs(24 * 3600),
            min_every: Duration::from_secs(300),
            activity: &activity,
            hints: &hints,
            wish: &wish,
        };
        let now = DateTime::from_timestamp(START + polled, 0).unwrap_or_default();
        next_poll(&id, now, After::Success, &rhythm).timestamp() - START
    });
}

fn poll(times: &[i64], end: i64, figures: &mut Figures, mut next: impl FnMut(i64, &[i64]) -> i64) {
    let (mut at, mut seen) = (0, 0);
    while at < end {
        figures.requests += 1;
        let upto = seen + times[seen..].iter().take_while(|time| **time <= at).count();
        figures.delays.extend(times[seen..upto].iter().map(|time| at - time));
        at = next(at, &times[seen..upto]).max(at + 1);
        seen = upto;
    }
}

/// The moments at which one source publishes in a year, by one of several habits.
pub(crate) fn habit(draw: &mut Draw, kind: usize) -> Vec<i64> {
    const YEAR: i64 = 365 * DAY;
    let per_day = 10_f64.powf(draw.share() * 2.5 - 1.0);
    let mut times = Vec::new();
    let mut at = draw.below(DAY);
    while at < YEAR {
        let hour = (at % DAY) / 3600;
        let weekday = (at / DAY) % 7;
        let awake = match kind % 5 {
            // A newsroom in China, in UTC; a blog of one; an agency; a weekly; a project that releases in bursts.
            0 => {
                if (0..14).contains(&hour) {
                    1.7
                } else {
                    0.02
                }
            }
            1 => {
                if weekday < 5 && (8..18).contains(&hour) {
                    3.0
                } else {
                    0.1
                }
            }
            2 => 1.0,
            3 => {
                if weekday == 3 && (6..10).contains(&hour) {
                    40.0
                } else {
                    0.01
                }
            }
            _ => {
                if (at / (5 * DAY)) % 6 == 0 {
                    5.0
                } else {
                    0.1
                }
            }
        };
        if draw.share() < (per_day * awake * 300.0 / DAY as f64).min(1.0) {
            times.push(at + draw.below(300));
        }
        at += 300;
    }
    times
}
