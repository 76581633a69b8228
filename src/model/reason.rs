//! Why a source is polled next when it is.

use std::time::Duration;

/// The reason for the time of the next poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The server said how long to wait (`Retry-After`).
    RetryAfter(Duration),
    /// So many polls failed in a row.
    BackingOff(u32),
    /// The feed asks for that (`ttl`).
    Ttl(Duration),
    /// The feed asks for that (`sy:updatePeriod`).
    UpdatePeriod(Duration),
    /// The server said for how long its answer is fresh (`Cache-Control`, `Expires`).
    Fresh(Duration),
    /// The feed names hours or days in which it is not to be read.
    Skips,
    /// The source publishes about this often.
    Publishes(Duration),
    /// It publishes so seldom that the longest interval of feeds.toml decides.
    Every(Duration),
}
