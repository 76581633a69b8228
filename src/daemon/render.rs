//! Renders the river whenever it changed, and catches up with its archives.

use std::sync::Arc;
use std::time::Instant;

use sd_notify::NotifyState;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::service;
use crate::live::Live;
use crate::web::Site;

/// Tells the service manager once that readers are served, then renders the river whenever it changed; changes
/// during a rendering make one more. Stories that are behind go into the archives beside that.
pub(super) async fn render(live: Arc<Live>, site: Arc<Site>, changed: Arc<Notify>, stop: CancellationToken) {
    let mut is_ready = false;
    let mut catching_up = JoinSet::new();
    let catch_up = |site: Arc<Site>| move || site.catch_up();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = changed.notified() => {}
            Some(caught_up) = catching_up.join_next() => match caught_up {
                Ok(Ok(true)) => {
                    catching_up.spawn_blocking(catch_up(site.clone()));
                    continue;
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the archives could not be written; it is tried again at the next change");
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, "writing the archives failed; it is tried again at the next change");
                    continue;
                }
            },
        }
        let clock = Instant::now();
        let rendering = site.clone();
        let elapsed_ms = || u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        match tokio::task::spawn_blocking(move || rendering.render()).await {
            Ok(Ok(rendering)) => {
                if rendering.is_behind && catching_up.is_empty() {
                    catching_up.spawn_blocking(catch_up(site.clone()));
                }
                tracing::debug!(entries = rendering.entries, elapsed_ms = elapsed_ms(), "the river is rendered");
                live.metrics.rendered(clock.elapsed());
                if !std::mem::replace(&mut is_ready, true) {
                    service::tell(&[NotifyState::Ready]);
                }
            }
            Ok(Err(error)) => tracing::error!(%error, "the river could not be rendered; readers get the one before"),
            Err(error) => tracing::error!(%error, "the rendering of the river failed; readers get the one before"),
        }
    }
    // What it writes is written before the store is closed.
    while catching_up.join_next().await.is_some() {}
}
