//! Renders the river anew when a day begins in its time zone: pages say Today and Yesterday.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::live::Live;

/// Between two looks at the clock, which may be set, and which the machine may sleep through.
const TICK: Duration = Duration::from_secs(20);

/// Runs until the stop.
pub(super) async fn watch(live: Arc<Live>, changed: Arc<Notify>, stop: CancellationToken) {
    let today = || live.config().river.timezone.at(Utc::now()).date_naive();
    let mut known = today();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        let today = today();
        if std::mem::replace(&mut known, today) != today {
            changed.notify_one();
        }
    }
}
