//! What the daemon does beside polling: retention each day, a look after the file of the store, and an ear for other
//! programs that change it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::live::Live;
use crate::schedule::{clock_jump, is_clock_doubtful};
use crate::store::{Mark, Store, StoreError};

/// How soon the work of another program is seen.
const LISTEN: Duration = Duration::from_secs(1);

/// The pause after the store refused.
const AFTER_FAULT: Duration = Duration::from_secs(60);

/// Between two applications of `store.keep`, and from a jump of the clock to the next one.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// When retention is due next, in the time that passes whatever the clock says.
#[derive(Debug)]
pub(super) struct Retention {
    due: Instant,
}

impl Retention {
    /// As [`Retention::new`], by what `store` knows before the first poll of this run.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(super) fn at_start(store: &Store) -> Result<Self, StoreError> {
        let (pruned, jumped) = (store.marked(Mark::Pruned)?, store.marked(Mark::ClockJump)?);
        let (now, latest) = (Utc::now(), store.latest_moment()?);
        if is_clock_doubtful(now, latest) {
            // The polls of this run will make the clock look right to the next start.
            store.mark(Mark::ClockJump, now)?;
        }
        Ok(Self::new(Instant::now(), now, latest, pruned, jumped))
    }

    /// At the start: due a day after the last application and a day after a jump of the clock, as the store remembers
    /// them; a day from now where the clock is doubtful.
    fn new(
        ticks: Instant,
        now: DateTime<Utc>,
        latest: Option<DateTime<Utc>>,
        pruned: Option<DateTime<Utc>>,
        jumped: Option<DateTime<Utc>>,
    ) -> Self {
        if is_clock_doubtful(now, latest) {
            return Self { due: ticks + RETENTION };
        }
        let left = |at: DateTime<Utc>| {
            // What lies in the future was noted under a clock that was wrong.
            (now - at).to_std().map_or(RETENTION, |passed| RETENTION.saturating_sub(passed))
        };
        let wait = pruned.into_iter().chain(jumped).map(left).max().unwrap_or_default();
        Self { due: ticks + wait }
    }

    fn is_due(&self, ticks: Instant) -> bool {
        ticks >= self.due
    }

    fn put_off(&mut self, ticks: Instant) {
        self.due = ticks + RETENTION;
    }
}

/// What one look found.
struct Looked {
    healed: usize,
    pruned: u64,
    touched: Option<String>,
    rows: Option<Vec<crate::store::SourceRow>>,
}
/// Entries of an earlier version that are healed in one step; polls that come meanwhile wait for less than that.
const HEALED_AT_ONCE: usize = 200;

/// The pause between two such steps.
const BETWEEN_HEALS: Duration = Duration::from_millis(100);

/// Runs until `stop`.
pub(super) async fn keep(
    live: Arc<Live>,
    store: Store,
    mut retention: Retention,
    changed: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut touched = store.touched().unwrap_or_default();
    let mut clocks = (Utc::now(), Instant::now());
    let mut pause = LISTEN;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        let (now, ticks) = (Utc::now(), Instant::now());
        // Looked for before anything is taken: the scheduler may sleep through a short jump.
        let jump = clock_jump(now - clocks.0, ticks - clocks.1, pause + LISTEN);
        clocks = (now, ticks);
        pause = LISTEN;
        if let Some(jump) = jump {
            retention.put_off(ticks);
            if live.config().keep.is_some() {
                tracing::warn!(jump_s = jump.num_seconds(), "clock jumped: retention waits for a day");
            }
        }
        let due = retention.is_due(ticks);
        let keep = live.config().keep.and_then(|keep| TimeDelta::from_std(keep).ok());
        let window = TimeDelta::from_std(live.config().river.window).unwrap_or(TimeDelta::MAX);
        let (at_work, before) = (store.clone(), touched.clone());
        let looked = tokio::task::spawn_blocking(move || -> Result<_, StoreError> {
            at_work.look_after_file()?;
            if jump.is_some() {
                at_work.mark(Mark::ClockJump, now)?;
            }
            let mut pruned = 0;
            if due {
                at_work.forget_changes(now - window)?;
                pruned = keep.map_or(Ok(0), |keep| prune(&at_work, now, now - keep))?;
            }
            let healed = at_work.heal(HEALED_AT_ONCE)?;
            let touched = at_work.touched()?;
            let rows = if touched == before && pruned == 0 { None } else { Some(at_work.sources()?) };
            Ok(Looked { healed, pruned, touched, rows })
        });
        match looked.await {
            Ok(Ok(looked)) => {
                if looked.healed > 0 {
                    // What is left follows at once, with room for polls in between.
                    pause = BETWEEN_HEALS;
                    tracing::debug!(healed = looked.healed, "entries of an earlier version sanitised again");
                }
                if due {
                    retention.put_off(ticks);
                }
                if looked.pruned > 0 {
                    tracing::info!(entries = looked.pruned, "retention applied");
                }
                touched = looked.touched;
                if let Some(rows) = looked.rows {
                    live.set_rows(rows);
                    changed.notify_one();
                }
            }
            // It was told when it was found, and is on the status page.
            Ok(Err(StoreError::Lost(_))) => {}
            Ok(Err(error)) => {
                pause = AFTER_FAULT;
                tracing::warn!(%error, "the store could not be looked after; it is tried again");
            }
            Err(error) => tracing::error!(%error, "a fault of newsriver in its housekeeping; please report it"),
        }
    }
}

/// Applies retention, as far as a day may take; says before what it takes, and what it leaves.
fn prune(store: &Store, now: DateTime<Utc>, horizon: DateTime<Utc>) -> Result<u64, StoreError> {
    let plan = store.prune_plan(horizon)?;
    if plan.entries == 0 {
        return Ok(0);
    }
    let most = plan.share();
    tracing::info!(
        entries = plan.entries.min(most),
        of = plan.all,
        before = %horizon.format("%Y-%m-%d"),
        "retention begins"
    );
    if plan.entries > most {
        tracing::warn!(
            entries = plan.entries,
            of = plan.all,
            share = most,
            "retention takes a tenth of the entries a day, or 1,000, and leaves the rest for later; `newsriver prune --yes` takes all"
        );
    }
    let pruned = store.prune(horizon, most)?;
    store.mark(Mark::Pruned, now)?;
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_waits_a_day_after_itself_after_a_jump_and_where_the_clock_is_doubtful() {
        let at = |hours: i64| DateTime::from_timestamp(1_700_000_000 + hours * 3600, 0);
        let (ticks, now) = (Instant::now(), at(0).unwrap_or_default());
        let wait = |latest, pruned, jumped| Retention::new(ticks, now, latest, pruned, jumped).due - ticks;
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(wait(None, None, None), hours(0));
        assert_eq!(wait(at(-1), at(-30), None), hours(0));
        assert_eq!(wait(at(-1), at(-20), at(-30)), hours(4));
        assert_eq!(wait(at(-1), at(-30), at(-1)), hours(23));
        assert_eq!(wait(at(-1), at(87_600), None), hours(24), "noted ten years ahead");
        assert_eq!(wait(at(-87_600), at(-30), None), hours(24), "the clock jumped while nothing ran");
        assert_eq!(wait(at(87_600), None, None), hours(24), "the clock was ahead while it ran");
        let mut retention = Retention::new(ticks, now, None, None, None);
        assert!(retention.is_due(ticks));
        retention.put_off(ticks);
        assert!(!retention.is_due(ticks + hours(23)) && retention.is_due(ticks + hours(24)));
    }
}
