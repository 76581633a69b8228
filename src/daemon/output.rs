//! Writes the river as files whenever it was rendered, where `[output]` says so.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::live::Live;
use crate::output::{self, Folder, OutputError, Written};
use crate::store::{Store, StoreError};
use crate::web::Rendered;

/// The pause after a writing: what comes meanwhile is written together.
const PAUSE: Duration = Duration::from_secs(1);

/// The pause after one that failed.
const AFTER_FAULT: Duration = Duration::from_secs(60);

/// How often all is looked through, whatever changed: for what retention took.
const WHOLE: Duration = Duration::from_secs(24 * 3600);

/// What was written last.
struct Last {
    config: Arc<Config>,
    change: i64,
    whole_at: Instant,
}

/// Runs until `stop`.
pub(super) async fn write(
    live: Arc<Live>,
    store: Store,
    mut renderings: watch::Receiver<Option<Arc<Rendered>>>,
    stop: CancellationToken,
) {
    let mut last: Option<Last> = None;
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            changed = renderings.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        renderings.mark_unchanged();
        let config = live.config();
        let Some(folder) = config.output.as_ref().map(|output| Folder::new(output.dir.clone())) else {
            last = None;
            continue;
        };
        let known = last.as_ref().filter(|last| Arc::ptr_eq(&last.config, &config) && last.whole_at.elapsed() < WHOLE);
        let since = known.map(|last| last.change);
        let whole_at = known.map_or_else(Instant::now, |last| last.whole_at);
        pause = PAUSE;
        match written(&live, &store, folder.clone(), since).await {
            Ok(done) => {
                tracing::debug!(files = done.files, "the files in {} are up to date", folder.path().display());
                last = Some(Last { config, change: done.change, whole_at });
            }
            Err(error) => {
                tracing::error!(
                    "the river could not be written as files: {error}; those that are there stay, it is tried again in a minute"
                );
                (last, pause) = (None, AFTER_FAULT);
                renderings.mark_changed();
            }
        }
    }
}

async fn written(live: &Arc<Live>, store: &Store, folder: Folder, since: Option<i64>) -> Result<Written, OutputError> {
    let (live, store) = (live.clone(), store.clone());
    let work = tokio::task::spawn_blocking(move || output::write(&live, &store, &folder, since, SystemTime::now()));
    work.await.map_err(StoreError::from)?
}
