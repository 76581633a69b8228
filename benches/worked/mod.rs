//! How long a piece of work took, whatever else the machine does.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How long this thread has worked; without Linux, the time that went by.
pub(crate) fn worked() -> Duration {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next().and_then(|first| first.parse().ok()));
    nanoseconds.map_or_else(|| BEGIN.elapsed(), Duration::from_nanos)
}
