//! The publisher: tells hubs of changes, and pushes them itself to who listens at our own hub.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::websub::{Tools, random};
use crate::config::Config;
use crate::fetch::{FetchError, Outcome};
use crate::hub::{self, Request};
use crate::live::Live;
use crate::model::hub::Listener;
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::model::source::{Address, Source};
use crate::publish::Format;
use crate::store::{Store, StoreError};
use crate::web::Rendered;

/// Names of callbacks that are looked up at once.
pub(super) const LOOKUPS: usize = 8;

/// Subscribers that are asked at once whether they mean it, and how long they may take.
const VERIFIED_AT_ONCE: usize = 8;
const CALLBACK_TIME: Duration = Duration::from_secs(10);

/// The largest answer of a callback, bytes: a challenge is 32.
const LARGEST_ANSWER: u64 = 8 * 1024;

/// Pushes that are rendered and sent at once.
const PUSHED_AT_ONCE: usize = 16;

/// The pauses before a push is tried again; what it brought is in the next one otherwise.
const TRIES: [Duration; 4] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// What names a listener: its callback and topic.
type Name = (String, String);

/// The publisher; clones share it.
#[derive(Clone)]
pub(super) struct Publisher {
    live: Arc<Live>,
    store: Store,
    tools: Arc<Mutex<Tools>>,
    stop: CancellationToken,
    /// Those who are being sent something.
    busy: Arc<Mutex<HashSet<Name>>>,
    pushing: Arc<Semaphore>,
    /// The latest push that was rendered: most subscribers want the same.
    rendered: Arc<Mutex<Option<RenderedPush>>>,
}

/// What makes pushes the same: the changes that they bring, and the format.
type PushKey = (i64, i64, Format);

/// A push as it was rendered; no bytes where it brings nothing.
type RenderedPush = (PushKey, Option<Bytes>);

impl Publisher {
    pub(super) fn new(live: Arc<Live>, store: Store, tools: Arc<Mutex<Tools>>, stop: CancellationToken) -> Self {
        let pushing = Arc::new(Semaphore::new(PUSHED_AT_ONCE));
        Self { live, store, tools, stop, busy: Arc::default(), pushing, rendered: Arc::default() }
    }

    /// Runs until the stop.
    pub(super) async fn run(
        self,
        mut asks: mpsc::Receiver<Request>,
        mut renderings: watch::Receiver<Option<Arc<Rendered>>>,
    ) {
        let (mut works, mut verifying) = (JoinSet::new(), JoinSet::new());
        loop {
            tokio::select! {
                // Those who wait longer fill the queue, and are told to come back.
                Some(asked) = asks.recv(), if verifying.len() < VERIFIED_AT_ONCE => {
                    let (publisher, change) = (self.clone(), renderings.borrow().as_ref().map_or(0, |r| r.change()));
                    verifying.spawn(async move { publisher.verify(asked, change).await });
                }
                Some(_) = verifying.join_next() => {}
                Ok(()) = renderings.changed() => {
                    let change = renderings.borrow_and_update().as_ref().map_or(0, |rendered| rendered.change());
                    self.tell_hubs(&mut works);
                    self.push_all(&mut works, change, &renderings).await;
                }
                Some(_) = works.join_next() => {}
                () = self.stop.cancelled() => break,
            }
        }
        verifying.shutdown().await;
        works.shutdown().await;
    }

    /// Asks who wants to listen, or to listen no more, whether he means it (section 5.3).
    async fn verify(&self, asked: Request, change: i64) {
        let config = self.live.config();
        let host = asked.callback.host_str().unwrap_or_default().to_owned();
        match self.storing(|store| store.listeners(Utc::now())).await {
            Ok(known) => {
                if asked.subscribes
                    && let Err(error) = hub::admits(&known, &asked.callback, &asked.topic)
                {
                    return tracing::warn!(host, %error, "hub subscription refused");
                }
            }
            Err(error) => return tracing::warn!(%error, "hub subscriptions not read"),
        }
        let challenge = random();
        let (source, url) = (address(&config, &asked.callback), hub::verification(&asked, &challenge));
        let confirmed = match self.callbacks().fetch_linked(&source, &url, Utc::now()).await {
            Ok(fetched) => {
                matches!(fetched.outcome, Outcome::Document(document) if document.bytes == challenge.as_bytes())
            }
            Err(failed) => {
                return tracing::warn!(host, error = %failed.error, "hub subscription not confirmed");
            }
        };
        if !confirmed {
            return tracing::warn!(
                host,
                "hub subscription not confirmed: the callback did not answer with the challenge"
            );
        }
        let listener = Listener {
            callback: asked.callback.to_string(),
            topic: asked.topic,
            secret: asked.secret,
            lease_until: Utc::now() + asked.lease,
            sent: change,
        };
        let subscribes = asked.subscribes;
        let done = self.storing(move |store| {
            if !subscribes {
                return store.drop_listener(&listener.callback, &listener.topic);
            }
            store.put_listener(&listener, Utc::now())
        });
        match done.await {
            Ok(()) => tracing::info!(host, subscribes, "a subscription at the hub is confirmed"),
            Err(error) => tracing::warn!(%error, "a subscription at the hub could not be kept"),
        }
    }

    /// Tells the hubs of others that the feeds changed.
    fn tell_hubs(&self, works: &mut JoinSet<()>) {
        let config = self.live.config();
        for hub in config.websub.hubs.clone() {
            let name = (hub.to_string(), String::new());
            if !self.begin(&name) {
                continue;
            }
            let source = address(&config, &hub);
            let topics = Format::ALL.map(|format| format!("{}feed.{}", self.live.addresses().feeds, format.ending()));
            let mut form = vec![("hub.mode", "publish".to_owned())];
            form.extend(topics.into_iter().map(|topic| ("hub.url", topic)));
            let publisher = self.clone();
            works.spawn(async move {
                if let Err(error) = publisher.fetcher().post_form(&source, &hub, &form).await {
                    tracing::warn!("the hub {hub} was not told of a change: {error}; it is told of the next");
                }
                publisher.end(&name);
            });
        }
    }

    /// Sends each listener what it has not been sent.
    async fn push_all(
        &self,
        works: &mut JoinSet<()>,
        change: i64,
        renderings: &watch::Receiver<Option<Arc<Rendered>>>,
    ) {
        if !self.live.config().websub.is_hub {
            return;
        }
        let listeners = match self.storing(|store| store.listeners(Utc::now())).await {
            Ok(listeners) => listeners,
            Err(error) => return tracing::warn!(%error, "who listens at the hub could not be read"),
        };
        for listener in listeners.into_iter().filter(|listener| listener.sent < change) {
            let name = (listener.callback.clone(), listener.topic.clone());
            if self.begin(&name) {
                let (publisher, renderings) = (self.clone(), renderings.clone());
                works.spawn(async move {
                    publisher.push(listener, &renderings).await;
                    publisher.end(&name);
                });
            }
        }
    }

    /// Sends one listener what it has not been sent, and what comes meanwhile.
    async fn push(&self, mut listener: Listener, renderings: &watch::Receiver<Option<Arc<Rendered>>>) {
        loop {
            let change = renderings.borrow().as_ref().map_or(0, |rendered| rendered.change());
            if listener.sent >= change {
                return;
            }
            if listener.lease_until <= Utc::now() || !self.send(&listener, change).await {
                return;
            }
            listener.sent = change;
            let kept = listener.clone();
            if let Err(error) = self.storing(move |store| store.put_listener(&kept, Utc::now())).await {
                return tracing::warn!(%error, "what a subscriber of the hub was sent could not be kept");
            }
        }
    }

    /// One push (section 7): what is new, as a feed; whether it was taken.
    async fn send(&self, listener: &Listener, change: i64) -> bool {
        let config = self.live.config();
        let (Some(format), Ok(callback)) = (self.live.topic(&listener.topic), Url::parse(&listener.callback)) else {
            return false;
        };
        let source = address(&config, &callback);
        let key = (listener.sent, change, format);
        let links = format!("<{}hub>; rel=\"hub\", <{}>; rel=\"self\"", self.live.base_url(), listener.topic);
        for pause in TRIES {
            tokio::time::sleep(pause).await;
            // What waits holds no rendering.
            let Ok(_turn) = self.pushing.acquire().await else { return false };
            let body = match self.body(key).await {
                Ok(Some(body)) => body,
                Ok(None) => return true,
                Err(error) => {
                    tracing::warn!(%error, "a push could not be made");
                    return false;
                }
            };
            let mut headers = vec![("content-type", format.content_type()), ("link", &links)];
            let signature = listener.secret.as_ref().map(|secret| hub::signature(secret, &body));
            headers.extend(signature.as_deref().map(|signature| ("x-hub-signature", signature)));
            match self.callbacks().post(&source, &callback, &headers, body).await {
                Ok(()) => return true,
                Err(FetchError::Status { status: 410 }) => {
                    let (callback, topic) = (listener.callback.clone(), listener.topic.clone());
                    if let Err(error) = self.storing(move |store| store.drop_listener(&callback, &topic)).await {
                        tracing::warn!(%error, "a subscriber of the hub that is gone could not be forgotten");
                    }
                    return false;
                }
                Err(error) => tracing::debug!(%error, "a push was not taken"),
            }
        }
        tracing::warn!(host = callback.host_str(), "a push was not taken; the next one brings what was in it");
        false
    }

    /// What a push brings; `None` where nothing of it is published.
    async fn body(&self, key: PushKey) -> Result<Option<Bytes>, StoreError> {
        let known = self.rendered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, body)) = known.filter(|(known, _)| *known == key) {
            return Ok(body);
        }
        let ((since, change, format), live) = (key, self.live.clone());
        let body = self
            .storing(move |store| {
                let changes = live.river(store, &Ask::default(), &Spot::Between(since, change))?;
                // Who was away for too long gets the first page.
                let river = match changes {
                    None => live.river(store, &Ask::default(), &Spot::First)?,
                    changes => changes,
                };
                Ok(river.filter(|river| !river.entries.is_empty()).map(|river| Bytes::from(river.render(format))))
            })
            .await?;
        *self.rendered.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, body.clone()));
        Ok(body)
    }

    fn callbacks(&self) -> crate::fetch::Fetcher {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner).callbacks.clone()
    }

    fn fetcher(&self) -> crate::fetch::Fetcher {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner).fetcher.clone()
    }

    fn begin(&self, name: &Name) -> bool {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone())
    }

    fn end(&self, name: &Name) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    async fn storing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || work(&store)).await.map_err(StoreError::from)?
    }
}

/// Something to fetch by: learnt from the network, so the address rules hold.
fn address(config: &Config, url: &Url) -> Source {
    let mut source = Config::lone_source(Address::File(std::path::PathBuf::from("hub")));
    // What a person wrote into feeds.toml he may reach.
    source.allow_private = config.websub.allow_private || config.websub.hubs.contains(url);
    source.timeouts.whole = CALLBACK_TIME;
    source.max_bytes = LARGEST_ANSWER;
    source
}
