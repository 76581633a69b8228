//! The simulator of polling, for the test and the bench of the schedule.

use std::fmt;
use std::time::Duration;

use chrono::DateTime;
use newsriver::config::defaults;
use newsriver::model::activity::Activity;
use newsriver::model::document::ServerWish;
use newsriver::model::feed::PollHints;
use newsriver::model::source::SourceId;
use newsriver::schedule::{After, Rhythm, Share, next_poll, patience};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Seconds of a year.
const YEAR: i64 = 365 * DAY;

/// Virtual time begins on a Monday.
const START: i64 = 1_700_438_400;

/// A stream of numbers that is the same in every run.
#[derive(Debug)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }

    /// From 0 to below `limit`.
    fn below(&mut self, limit: i64) -> i64 {
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

/// When one source published in a year: seconds from its first moment, in order.
#[derive(Debug)]
pub(crate) struct Year(Vec<i64>);

impl Year {
    /// One year by one of several habits.
    pub(crate) fn of_habit(draw: &mut Draw, kind: usize) -> Self {
        Self(habit(draw, kind))
    }

    /// Recorded years, a line each: whose, a tab, and the minutes between entries.
    pub(crate) fn recorded(lines: &str) -> Vec<Self> {
        lines.lines().filter_map(|line| Some(Self::of_gaps(line.split_once('\t')?.1))).collect()
    }

    fn of_gaps(gaps: &str) -> Self {
        let mut at = 0;
        let times = gaps.split(' ').map_while(|gap| {
            at += 60 * gap.parse::<i64>().ok()?;
            Some(at)
        });
        Self(times.collect())
    }
}

/// Polls each half hour.
pub(crate) fn each_half_hour(years: &[Year]) -> Figures {
    let mut figures = Figures::default();
    for year in years {
        let mut polling = Polling::new(year);
        while polling.at < YEAR {
            polling.poll(&mut figures);
            polling.at += 1800;
        }
    }
    figures
}

/// Polls as we do, with `every = "1d"` and `min_every = "5m"`; polls are shared out among all of the sources at the
/// start of each day, by what was seen of them until then.
pub(crate) fn as_we_do(years: &[Year]) -> Figures {
    const EVERY: Duration = Duration::from_secs(24 * 3600);
    const MIN_EVERY: Duration = Duration::from_secs(300);
    let (hints, wish) = (PollHints::default(), ServerWish::default());
    let id = |n: usize| SourceId::new(&format!("s{n}")).unwrap_or_else(|_| panic!("s{n}"));
    let mut all: Vec<_> =
        years.iter().enumerate().map(|(n, year)| (id(n), Polling::new(year), Activity::default())).collect();
    let mut figures = Figures::default();
    for day in 0..365 {
        let shares = all.iter().map(|(_, _, activity)| Share { activity, least: MIN_EVERY, most: EVERY });
        let patience = patience(shares, defaults::MEAN_EVERY, START + day * DAY);
        for (id, polling, activity) in &mut all {
            while polling.at < (day + 1) * DAY {
                let polled = polling.at;
                let new = polling.poll(&mut figures);
                activity.learn(new.iter().map(|time| START + time), START + polled);
                let rhythm =
                    Rhythm { every: EVERY, min_every: MIN_EVERY, patience, activity, hints: &hints, wish: &wish };
                let now = DateTime::from_timestamp(START + polled, 0).unwrap_or_default();
                let next = next_poll(id, now, After::Success, &rhythm);
                polling.at = (next.timestamp() - START).max(polled + 1);
            }
        }
    }
    figures
}

/// The polls of one source.
struct Polling<'a> {
    year: &'a Year,
    /// When it is due, seconds from the start of the year.
    at: i64,
    seen: usize,
}

impl<'a> Polling<'a> {
    fn new(year: &'a Year) -> Self {
        Self { year, at: 0, seen: 0 }
    }

    /// Polls at the moment that is due; gives what came since the poll before.
    fn poll(&mut self, figures: &mut Figures) -> &'a [i64] {
        figures.requests += 1;
        let waiting = &self.year.0[self.seen..];
        let new = &waiting[..waiting.partition_point(|time| *time <= self.at)];
        figures.delays.extend(new.iter().map(|time| self.at - time));
        self.seen += new.len();
        new
    }
}

/// The moments at which one source publishes in a year, by one of several habits.
fn habit(draw: &mut Draw, kind: usize) -> Vec<i64> {
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
