//! What the daemon does beside polling: retention each day, and an ear for other programs that change
//! the store.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::live::Live;
use crate::store::{Store, StoreError};

/// How soon the work of another program is seen.
const LISTEN: Duration = Duration::from_secs(1);

/// The pause after the store refused.
const AFTER_FAULT: Duration = Duration::from_secs(60);

/// Entries of an earlier version that are healed in one step; polls that come meanwhile wait for less than that.
const HEALED_AT_ONCE: usize = 200;

/// The pause between two such steps.
const BETWEEN_HEALS: Duration = Duration::from_millis(100);

/// Between two applications of `store.keep`.
const RETENTION: TimeDelta = TimeDelta::hours(24);

/// Runs until `stop`.
pub(super) async fn keep(live: Arc<Live>, store: Store, changed: Arc<Notify>, stop: CancellationToken) {
    let mut touched = store.touched().unwrap_or_default();
    let mut pruned_at: Option<DateTime<Utc>> = None;
    let mut pause = LISTEN;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = LISTEN;
        let now = Utc::now();
        let due = pruned_at.is_none_or(|at| now - at >= RETENTION || at > now);
        let horizon = live.config().keep.and_then(|keep| TimeDelta::from_std(keep).ok()).map(|keep| now - keep);
        let window = TimeDelta::from_std(live.config().river.window).unwrap_or(TimeDelta::MAX);
        let (at_work, before) = (store.clone(), touched.clone());
        let looked = tokio::task::spawn_blocking(move || -> Result<_, StoreError> {
            if due {
                at_work.forget_changes(now - window)?;
            }
            let healed = at_work.heal(HEALED_AT_ONCE)?;
            let pruned = match horizon.filter(|_| due) {
                Some(horizon) => at_work.prune(horizon)?,
                None => 0,
            };
            let touched = at_work.touched()?;
            let rows = if touched == before && pruned == 0 { None } else { Some(at_work.sources()?) };
            Ok((healed, pruned, touched, rows))
        });
        match looked.await {
            Ok(Ok((healed, pruned, latest, rows))) => {
                if healed > 0 {
                    // What is left follows at once, with room for polls in between.
                    pause = BETWEEN_HEALS;
                    tracing::debug!(healed, "entries of an earlier version sanitised again");
                }
                if due {
                    pruned_at = Some(now);
                }
                if pruned > 0 {
                    tracing::info!(pruned, "entries beyond `store.keep` are pruned");
                }
                touched = latest;
                if let Some(rows) = rows {
                    live.set_rows(rows);
                    changed.notify_one();
                }
            }
            Ok(Err(error)) => {
                pause = AFTER_FAULT;
                tracing::warn!(%error, "the store could not be looked after; it is tried again");
            }
            Err(error) => tracing::error!(%error, "a fault of newsriver in its housekeeping; please report it"),
        }
    }
}
