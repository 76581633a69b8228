//! When is a source due, and which of the due ones goes next: pure, `now` is an argument.
//!
//! [`next_poll`] says when a source is polled again, [`patience`] how much all of them cost; [`Queue`] holds every source on its own clock
//! and hands out those that are due; [`Outage`] tells our own failures from those of sources.

mod clock;
mod interval;
mod outage;
mod patience;
mod queue;
mod reason;

pub use clock::{CLOCK_JUMP, clock_jump, is_clock_doubtful};
pub use interval::{After, LONGEST_PAUSE, Rhythm, asked, next_poll, wait};
pub use outage::{Outage, Turn};
pub use patience::{LONGEST as LONGEST_PATIENCE, Share, patience};
pub use queue::Queue;
pub use reason::reason;

#[cfg(test)]
mod tests;
