//! Fetches the pictures that pages name, once each, under the address rules of polls, and keeps them on disk.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::picture_cache::Cache;
use super::websub::Tools;
use crate::config::{Config, Images};
use crate::fetch::Outcome;
use crate::live::Live;
use crate::model::source::{Address, Source};
use crate::pictures::{Picture, PictureRequest, Signer, media_type};
use crate::store::Store;

/// Pictures that are fetched, or held for those who wait for them, at once.
const AT_ONCE: usize = 8;

/// Pictures that readers may wait for at once; who asks for more gets none.
const MOST_WAITED_FOR: usize = 256;

/// The largest picture, bytes, and the longest that fetching one may take.
const MOST_BYTES: u64 = 8 << 20;
const LONGEST: Duration = Duration::from_secs(15);

/// How long a picture that could not be had is not asked for again, and how many such are remembered.
const GIVEN_UP: Duration = Duration::from_secs(600);
const MOST_GIVEN_UP: usize = 4096;

/// Who waits for a picture.
type Waiting = Vec<oneshot::Sender<Option<Picture>>>;

/// Lets pages name pictures from now on; what they ask for is answered by [`serve`].
pub(super) fn offer(live: &Live, store: &Store) -> Option<mpsc::Receiver<PictureRequest>> {
    let signer = signer(store)?;
    let (requests, asked) = mpsc::channel(64);
    live.offer_pictures(signer, requests);
    Some(asked)
}

/// Answers requests for pictures until the stop.
pub(super) async fn serve(
    live: Arc<Live>,
    asked: Option<mpsc::Receiver<PictureRequest>>,
    tools: Arc<Mutex<Tools>>,
    stop: CancellationToken,
) {
    let Some(mut asked) = asked else { return };
    let opening = live.clone();
    let cache = tokio::task::spawn_blocking(move || open(&opening)).await.ok().flatten();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut waiting: HashMap<Url, Waiting> = HashMap::new();
    let mut given_up: HashMap<Url, Instant> = HashMap::new();
    let mut works = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(request) = asked.recv() => {
                let is_dead = given_up.get(&request.url).is_some_and(|since| since.elapsed() < GIVEN_UP);
                if is_dead || live.config().pages.images != Images::Proxy || waiting.len() >= MOST_WAITED_FOR {
                    // Who asked may have gone.
                    drop(request.answer.send(None));
                    continue;
                }
                let known = waiting.entry(request.url.clone()).or_default();
                known.push(request.answer);
                if known.len() == 1 {
                    let (live, cache, places) = (live.clone(), cache.clone(), places.clone());
                    let fetcher = tools.lock().unwrap_or_else(PoisonError::into_inner).callbacks.clone();
                    works.spawn(async move {
                        let picture = match places.acquire_owned().await {
                            Ok(place) => picture(&live, &fetcher, cache, &request.url, Arc::new(place)).await,
                            Err(_) => None,
                        };
                        (request.url, picture)
                    });
                }
            }
            Some(done) = works.join_next() => {
                let Ok((url, picture)) = done else {
                    tracing::error!("bug: fetching a picture panicked");
                    waiting.clear();
                    continue;
                };
                if picture.is_none() {
                    if given_up.len() >= MOST_GIVEN_UP {
                        given_up.clear();
                    }
                    given_up.insert(url.clone(), Instant::now());
                }
                for answer in waiting.remove(&url).unwrap_or_default() {
                    // Who asked may have gone.
                    drop(answer.send(picture.clone()));
                }
            }
        }
    }
}

/// The signer of this store, so that addresses stay good when the daemon starts again.
fn signer(store: &Store) -> Option<Signer> {
    let mut fresh = [0; 32];
    let key = getrandom::fill(&mut fresh).map_err(|error| error.to_string());
    match key.and_then(|()| store.picture_key(fresh).map_err(|error| error.to_string())) {
        Ok(key) => Some(Signer::new(key)),
        Err(error) => {
            tracing::error!(error, "pictures cannot be proxied; pages show none");
            None
        }
    }
}

/// The cache beside the store.
fn open(live: &Live) -> Option<Arc<Mutex<Cache>>> {
    let config = live.config();
    let folder = config.store.with_extension("pictures");
    match Cache::open(&folder, config.pages.image_cache) {
        Ok(cache) => Some(Arc::new(Mutex::new(cache))),
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "pictures are not kept on disk");
            None
        }
    }
}

/// The picture at an address, from the cache or from its server.
async fn picture(
    live: &Live,
    fetcher: &crate::fetch::Fetcher,
    cache: Option<Arc<Mutex<Cache>>>,
    url: &Url,
    held: Arc<OwnedSemaphorePermit>,
) -> Option<Picture> {
    let typed =
        |bytes: Vec<u8>| media_type(&bytes).map(|media_type| Picture { media_type, bytes: Bytes::from(bytes), held });
    if let Some(kept) = in_cache(cache.clone(), url.clone(), |cache, url| cache.get(&url)).await.flatten() {
        return typed(kept);
    }
    let source = source(&live.config());
    let bytes = match fetcher.fetch_linked(&source, url, Utc::now()).await.map(|fetched| fetched.outcome) {
        Ok(Outcome::Document(document)) => document.bytes,
        Ok(_) => return None,
        Err(failed) => {
            tracing::debug!(error = %failed.error, host = url.host_str(), "picture not fetched");
            return None;
        }
    };
    let picture = typed(bytes)?;
    let kept = picture.bytes.clone();
    in_cache(cache, url.clone(), move |cache, url| cache.put(&url, &kept)).await;
    Some(picture)
}

/// What pictures are fetched as: a source of no address, so that none of its own is trusted and none of its secrets sent.
fn source(config: &Config) -> Source {
    let mut source = Config::lone_source(Address::File(PathBuf::new()));
    source.max_bytes = MOST_BYTES;
    source.timeouts.whole = LONGEST;
    source.timeouts.first_byte = LONGEST;
    source.allow_private = config.pages.allow_private;
    source.host_gap = Some(Duration::ZERO);
    // A host gets no more requests at once for pictures than feeds.toml lets polls make.
    source.per_host = config.sources.iter().map(|one| one.per_host).min().unwrap_or(source.per_host);
    source
}

/// Does something with the cache away from the tasks that answer; a failure is logged and costs nothing else.
async fn in_cache<T: Send + 'static>(
    cache: Option<Arc<Mutex<Cache>>>,
    url: Url,
    work: impl FnOnce(&mut Cache, Url) -> std::io::Result<T> + Send + 'static,
) -> Option<T> {
    let cache = cache?;
    let work = move || work(&mut cache.lock().unwrap_or_else(PoisonError::into_inner), url);
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::warn!(%error, "picture cache failed");
            None
        }
        Err(_) => None,
    }
}
