//! The subscriber: asks hubs, answers them, and takes what they push through the same pipeline as polls.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use url::Url;

use crate::fetch::Fetcher;
use crate::live::{Live, Push};
use crate::model::document::Document;
use crate::model::source::{Secret, SourceId};
use crate::model::websub::{Announced, Stage, Subscription};
use crate::poll::{self, Poller};
use crate::store::{Store, StoreError};
use crate::websub;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_secs(1);

/// Pushes that are read at once.
const PUSHES_AT_ONCE: usize = 4;

/// What the subscriber works with; the scheduler replaces the poller when the configuration changes.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub(super) poller: Poller,
    pub(super) fetcher: Fetcher,
    /// For what subscribers of our hub have us ask.
    pub(super) callbacks: Fetcher,
}

/// What reaches the subscriber.
#[derive(Debug)]
pub(super) enum Heard {
    /// A poll found a hub.
    Announced(SourceId, Announced),
    /// A poll found something that no push had brought.
    Missed(SourceId),
}

/// The subscriber.
pub(super) struct Subscriber {
    pub(super) live: Arc<Live>,
    pub(super) store: Store,
    pub(super) tools: Arc<Mutex<Tools>>,
    pub(super) changed: Arc<Notify>,
    pub(super) stop: CancellationToken,
}

impl Subscriber {
    /// Runs until the stop.
    pub(super) async fn run(self, mut heard: mpsc::Receiver<Heard>, mut pushes: mpsc::Receiver<Push>) {
        let places = Arc::new(Semaphore::new(PUSHES_AT_ONCE));
        let mut works = JoinSet::new();
        loop {
            let done = tokio::select! {
                Some(heard) = heard.recv() => self.hear(heard).await,
                Some(push) = pushes.recv() => {
                    works.spawn(self.take(push, places.clone()));
                    Ok(())
                }
                Some(_) = works.join_next() => Ok(()),
                () = tokio::time::sleep(TICK) => self.ask_due(&mut works).await,
                () = self.stop.cancelled() => break,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "a subscription could not be kept; it is tried again");
            }
        }
        works.shutdown().await;
    }

    async fn hear(&self, heard: Heard) -> Result<(), StoreError> {
        match heard {
            Heard::Announced(source, announced) if self.live.wants_pushes() => {
                let known = self.live.subscription(&source);
                if known.as_ref().is_some_and(|known| known.announced == announced) {
                    return Ok(());
                }
                // Due at once: it was last asked long ago.
                let long_ago = Utc::now() - TimeDelta::days(2);
                let (token, secret) = (random(), Secret::new(random()));
                self.put(websub::subscribe(&source, announced, token, secret, long_ago)).await
            }
            Heard::Missed(source) => match self.live.subscription(&source) {
                Some(known) if known.is_trusted => {
                    tracing::info!(source.id = %source, "a poll found what no push had brought; {source} is polled as before");
                    self.put(Subscription { is_trusted: false, ..known }).await
                }
                _ => Ok(()),
            },
            Heard::Announced(..) => Ok(()),
        }
    }

    async fn put(&self, subscription: Subscription) -> Result<(), StoreError> {
        self.live.put_subscription(subscription.clone());
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.put_subscription(&subscription)).await.map_err(StoreError::from)?
    }

    /// Asks the hubs that are due; forgets those of sources that are gone.
    async fn ask_due(&self, works: &mut JoinSet<()>) -> Result<(), StoreError> {
        let now = Utc::now();
        let config = self.live.config();
        for subscription in self.live.subscriptions() {
            let Some(source) = config.source(subscription.source.as_str()).filter(|source| source.enabled) else {
                self.live.drop_subscription(&subscription.source);
                let (store, id) = (self.store.clone(), subscription.source);
                tokio::task::spawn_blocking(move || store.drop_subscription(&id)).await.map_err(StoreError::from)??;
                continue;
            };
            if !self.live.wants_pushes() || websub::next_request(&subscription) > now {
                continue;
            }
            let failures = if subscription.stage == Stage::Active { 0 } else { subscription.failures + 1 };
            let stage = if subscription.stage == Stage::Denied { Stage::Asked } else { subscription.stage };
            let asked = Subscription { asked_at: now, failures, stage, ..subscription };
            self.put(asked.clone()).await?;
            let (Ok(hub), Ok(callback)) =
                (Url::parse(&asked.announced.hub), self.live.base_url().join(&format!("websub/{}", asked.token)))
            else {
                continue;
            };
            let (fetcher, source) = (self.tools().fetcher, source.clone());
            works.spawn(async move {
                let form = websub::request(&asked, callback.as_str());
                match fetcher.post_form(&source, &hub, &form).await {
                    Ok(()) => tracing::info!(source.id = %source.id, "asked the hub {hub} for pushes"),
                    Err(error) => {
                        tracing::warn!(source.id = %source.id, "the hub {hub} was not asked for pushes: {error}; the source is polled all the same");
                    }
                }
            });
        }
        Ok(())
    }

    fn tools(&self) -> Tools {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads one push; a fault in it is its own.
    fn take(&self, push: Push, places: Arc<Semaphore>) -> impl Future<Output = ()> + Send + use<> {
        let (live, poller, store, changed) =
            (self.live.clone(), self.tools().poller, self.store.clone(), self.changed.clone());
        let span = tracing::info_span!("push", source.id = %push.source);
        let work = async move {
            let place = places.acquire_owned().await;
            let (Some(source), Some(subscription)) =
                (live.config().source(push.source.as_str()).cloned(), live.subscription(&push.source))
            else {
                return;
            };
            // Given back once the push is read.
            let _held = push.held;
            let state = live.state(&push.source);
            let document = Document {
                url: subscription.announced.topic.clone(),
                content_type: push.content_type,
                bytes: push.body.into(),
                fetched_at: Utc::now(),
            };
            let polling = tokio::spawn(async move { poller.push(&source, &state, document).await }.in_current_span());
            match polling.await {
                Ok(Ok(polled)) => {
                    poll::log(&polled.report);
                    live.metrics.polled(&polled.report);
                    let counts = polled.report.counts;
                    live.set_row(polled.row);
                    if counts.new + counts.changed > 0 {
                        changed.notify_one();
                    }
                    if counts.new > 0 && !subscription.is_trusted {
                        let trusted = Subscription { is_trusted: true, ..subscription };
                        live.put_subscription(trusted.clone());
                        if let Ok(Err(error)) =
                            tokio::task::spawn_blocking(move || store.put_subscription(&trusted)).await
                        {
                            tracing::warn!(%error, "a subscription could not be kept");
                        }
                    }
                }
                Ok(Err(error)) => tracing::warn!(%error, "a push brought no feed; the next poll brings what is new"),
                Err(error) => {
                    tracing::error!(%error, "a fault of newsriver ended the reading of a push; please report it")
                }
            }
            drop(place);
        };
        work.instrument(span)
    }
}

/// 32 hexadecimal digits that nobody can guess.
pub(super) fn random() -> String {
    let mut bytes = [0; 16];
    // Where the system has no randomness to give, there is no safe way on.
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the system gives no random numbers; a subscription goes without a good secret");
    }
    crate::model::text::hex(&bytes)
}

/// Whether a source's pushes can be counted on, so that polls may be rare.
pub(super) fn is_pushed(live: &Live, source: &SourceId, now: DateTime<Utc>) -> bool {
    live.subscription(source).is_some_and(|subscription| websub::is_live(&subscription, now))
}
