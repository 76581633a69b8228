//! What is known of how often a source publishes.

use serde::{Deserialize, Serialize};

/// Moments that are kept: enough for two days of a source that writes all day.
const KEPT: usize = 64;

/// What one entry adds to its hour; whole numbers, so that a state compares and prints exactly.
const WEIGHT: u32 = 10_000;

/// When the newest entries of a source came, and at which hours of the day it publishes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Activity {
    /// Seconds since 1970, oldest first.
    pub recent: Vec<i64>,
    /// Weight of each hour of the day, UTC; the newest two hundred entries decide.
    pub hours: [u32; 24],
    /// When its server last sent a document rather than "not changed", seconds since 1970.
    pub last_whole: Option<i64>,
}

impl Activity {
    /// Nothing is known.
    pub const NONE: Self = Self { recent: Vec::new(), hours: [0; 24], last_whole: None };

    /// Takes in the times of the entries of a document that was fetched at `now`; what is not newer
    /// than all that is known was counted before.
    pub fn learn(&mut self, times: impl IntoIterator<Item = i64>, now: i64) {
        let newest = self.recent.last().copied().unwrap_or(i64::MIN);
        let mut new: Vec<i64> = times.into_iter().filter(|time| *time > newest && *time <= now).collect();
        new.sort_unstable();
        for time in new {
            self.add(time);
        }
    }

    /// Counts a change whose entries tell no time.
    pub fn add(&mut self, time: i64) {
        self.recent.push(time);
        let over = self.recent.len().saturating_sub(KEPT);
        self.recent.drain(..over);
        // A day without a time of day says nothing about hours.
        if time.rem_euclid(86_400) % 3600 != 0 {
            for hour in &mut self.hours {
                *hour -= *hour / 200;
            }
            let hour = usize::try_from(time.rem_euclid(86_400) / 3600).unwrap_or(0);
            self.hours[hour] += WEIGHT;
        }
    }

    /// The share of what a source publishes that falls into each hour of the day, as multiples of an
    /// even share; near 1 as long as little is known.
    #[must_use]
    pub fn shares_of_hours(&self) -> [f64; 24] {
        let prior = f64::from(WEIGHT) / 2.0;
        let weights = self.hours.map(f64::from);
        let all = weights.iter().sum::<f64>() + 24.0 * prior;
        std::array::from_fn(|hour| {
            // Neighbouring hours lend each other some of their weight.
            let near = weights[(hour + 1) % 24] + weights[(hour + 23) % 24];
            24.0 * (weights[hour] / 2.0 + near / 4.0 + prior) / all
        })
    }
}
