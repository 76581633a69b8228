//! Which entries tell the same news, and which telling is shown.
//!
//! In: an entry and what is known of others. Out: a [`Judgement`] of a pair with its evidence
//! ([`judge`]), the entries worth judging ([`Index`]), the stories that an entry belongs to
//! ([`belonging`]), the story as the river shows it ([`tell`]). A false join costs more than a miss, so
//! what could be two stories stays two.

mod belonging;
mod evidence;
mod excerpt;
mod features;
mod grouping;
mod index;
mod letters;
mod model;
mod rarity;
mod telling;
mod title;
mod tokens;
mod words;

pub use belonging::{Compared, Join, MOST_COMPARED, belonging};
pub use evidence::{Judgement, judge, judge_in_full};
pub use features::{Features, Time};
pub use grouping::Grouping;
pub use index::{Index, Signature};
pub use model::{FEATURES, Inputs, Model, probability};
pub use rarity::{Evicted, Rarity};
pub use telling::{Member, representative, tell, timekeeper};

/// Entries whose moments lie further apart tell different news, milliseconds: seven days.
pub const WINDOW_MS: i64 = 7 * 24 * 3600 * 1000;

#[cfg(test)]
mod tests;
