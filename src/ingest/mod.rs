//! What one poll means: its document, and what is known -> what is to be written.
//!
//! Three steps. The threads that read documents [`prepare`] each entry. The store's writer loads what a [`Slice`] of
//! the document asks for ([`Request`], [`Known`]). [`Slice::decide`] says which entries are new, changed or known, which
//! stories they join, and where these stand; all of that is one value, [`Changes`], which the store writes. The same
//! transaction loads, decides and writes, so that what is known cannot change in between.
//!
//! Nothing here does I/O or reads a clock, and nothing depends on what a store is made of: a second store answers the
//! same requests and writes the same changes.

mod changes;
mod conclude;
mod decide;
mod document;
mod join;
mod known;
mod memory;
mod prepare;
mod progress;
mod river_id;
mod settle;
mod slice;
mod word_counts;

pub use changes::{ChangedEntry, Changes, InStory, NewEntry, Tags};
pub use conclude::{Conclusion, conclude};
pub use decide::Step;
pub use document::{ArticleAttempt, OVERRUN, PollCommit, ReadDocument};
pub use known::{Beginning, Existing, Known, MOST_MEMBERS, MOST_OF_SOURCE, Request, Story, StoryMember};
pub use memory::{Mark, Memory, Remembered};
pub use prepare::{PrepareError, Prepared, Stamp, packed, prepare};
pub use progress::Progress;
pub use slice::{SLICE, Slice};

#[cfg(test)]
mod tests;
