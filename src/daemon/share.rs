//! Shares out polls among the sources, as they come to be known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::websub::Tools;
use crate::config::Config;
use crate::live::Live;
use crate::poll::Poller;

/// Between two divisions, unless feeds.toml is edited.
const EVERY: Duration = Duration::from_secs(600);

/// How soon an edit of feeds.toml counts.
const LOOK: Duration = Duration::from_secs(1);

/// Divides them once, by what is known now.
pub(super) fn share_out(live: &Live, config: &Config, poller: &Poller) {
    let patience = live.with_rows(|rows| {
        let known = config.sources.iter().map(|source| (source, rows.get(&source.id).map(|row| &row.state)));
        poller.share_out(known, config.mean_every, Utc::now())
    });
    tracing::debug!(patience_s = patience.as_secs_f64(), "polls are shared out among the sources");
}

/// Divides them again and again, until `stop`.
pub(super) async fn keep_sharing(live: Arc<Live>, tools: Arc<Mutex<Tools>>, stop: CancellationToken) {
    let mut last = (live.config(), Instant::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        let config = live.config();
        if Arc::ptr_eq(&config, &last.0) && last.1.elapsed() < EVERY {
            continue;
        }
        last = (config.clone(), Instant::now());
        let poller = tools.lock().unwrap_or_else(PoisonError::into_inner).poller.clone();
        let live = live.clone();
        // Work for the processor, with ten thousand sources.
        if let Err(error) = tokio::task::spawn_blocking(move || share_out(&live, &config, &poller)).await {
            tracing::error!(%error, "a fault of newsriver in sharing out polls; please report it");
        }
    }
}
