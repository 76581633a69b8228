//! How patient polling is: one measure for all sources, so that what they cost together stays within a budget.
//!
//! Sources share the polls of a budget (one each in `poll.mean_every`, on average) where a poll saves most waiting.
//! Each is polled when its expected entries have together waited as long as our patience, which makes the sum of all
//! delays least for a given number of polls; patience is what makes that number the budget. It is never above
//! [`LONGEST`], so that a lively population gets what it needs and no more.

use std::time::Duration;

use super::interval::mean_rate;
use crate::model::activity::Activity;

/// The longest that expected entries of a source may wait, all together, before it is polled.
pub const LONGEST: Duration = Duration::from_secs(300);

/// The shortest: quicker than that nobody reads.
const SHORTEST: Duration = Duration::from_secs(1);

/// A source as far as it has a share in the polls of all.
#[derive(Debug, Clone, Copy)]
pub struct Share<'a> {
    /// How often it publishes.
    pub activity: &'a Activity,
    /// The shortest interval that it may have.
    pub least: Duration,
    /// The longest.
    pub most: Duration,
}

/// The patience at `now`, seconds since 1970, with which sources get one poll each in `mean_every` on average.
#[must_use]
pub fn patience<'a>(shares: impl IntoIterator<Item = Share<'a>>, mean_every: Duration, now: i64) -> Duration {
    let shares: Vec<(f64, f64, f64)> = shares
        .into_iter()
        // A fixed interval is nobody's to share out.
        .filter(|share| share.least < share.most)
        .map(|share| (mean_rate(share.activity, now), share.least.as_secs_f64(), share.most.as_secs_f64()))
        .collect();
    let budget = shares.len() as f64 / mean_every.as_secs_f64().max(1.0);
    // At an even rate `r` expected entries have waited `p` together after `sqrt(2 p / r)`.
    let polls = |patience: f64| -> f64 {
        shares.iter().map(|(rate, least, most)| 1.0 / (2.0 * patience / rate).sqrt().clamp(*least, *most)).sum()
    };
    let (mut short, mut long) = (SHORTEST.as_secs_f64(), LONGEST.as_secs_f64());
    if polls(long) >= budget {
        return LONGEST;
    }
    for _ in 0..24 {
        let middle = (short * long).sqrt();
        if polls(middle) > budget { short = middle } else { long = middle }
    }
    Duration::from_secs_f64(long)
}
