//! Which entries tell the same news, and which telling is shown.
//!
//! In: an entry and what is known of others. Out: a [`Judgement`] of a pair with its evidence
//! ([`judge`]), the entries worth judging ([`Index`]), the story as the river shows it ([`tell`]).
//! A pair is judged by itself: neither order of arrival nor a third entry changes the answer. A
//! false join costs more than a miss, so what could be two stories stays two.

mod evidence;
mod excerpt;
mod features;
mod index;
mod telling;

pub use evidence::{Judgement, judge};
pub use features::{Features, Time};
pub use index::{Index, Signature};
pub use telling::{Member, representative, tell, timekeeper};

/// Entries whose moments lie further apart tell different news, milliseconds: seven days.
pub const WINDOW_MS: i64 = 7 * 24 * 3600 * 1000;

#[cfg(test)]
mod tests;
