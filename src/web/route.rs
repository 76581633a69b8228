//! Paths -> bodies.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::access::{self, Doors};
use super::address::{self, Page, Shape};
use super::body::Body;
use super::events::Events;
use super::pages::{Beside, Setting, Surroundings, Wanted};
use super::rendered::{FEED_CACHING, Rendered, feed_body};
use super::{hub, pages};
use crate::language::Language;
use crate::live::{Live, Push};
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::model::source::SourceId;
use crate::publish::Addresses;
use crate::search::Query;
use crate::status::SourceReport;
use crate::store::{Selection, Store, StoreError};

/// How many pages beside the first of the river are kept rendered, and how many bytes of them.
const KEPT_PAGES: usize = 64;
const KEPT_BYTES: usize = 16 << 20;

/// How many requests may read the store at once: more would only hold more memory.
const LOOKING: usize = 8;

/// Days of polls that the status page tells of, and how long what it read is good for.
const PULSE_DAYS: i64 = 2;
const PULSES_KEPT: Duration = Duration::from_secs(5);

/// What the page of a source shows: its polls of so many days, so many of them, so many entries.
const SOURCE_DAYS: i64 = 30;
const SOURCE_POLLS: usize = 60;
const SAMPLES: usize = 10;

/// How long a client waits for the first river after a start.
const FIRST_RIVER: Duration = Duration::from_secs(10);

/// Headers of every answer: no sniffing, no framing, nothing from elsewhere, nothing told.
const SAFE_HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
];

/// What names a page: what is asked for, as what, which page of it; and where it says that all is.
type PageKey = (Ask, Shape, Spot, Language, Arc<Addresses>);

/// The body of an answer: ready, or as it comes.
pub(super) type Outgoing = Either<Full<Bytes>, Events>;

/// What polls brought, when it was read.
type PulsesAt = (Instant, Arc<pages::Pulses>);

/// Everything that can be asked for.
#[derive(Debug)]
pub struct Site {
    pub(super) live: Arc<Live>,
    pub(super) store: Store,
    /// Where what hubs push goes.
    pub(super) pushes: mpsc::Sender<Push>,
    /// Where those go who want to listen at our own hub.
    pub(super) listeners: mpsc::Sender<crate::hub::Request>,
    pub(super) rendered: watch::Sender<Option<Arc<Rendered>>>,
    pub(super) pages: Mutex<HashMap<PageKey, Arc<Body>>>,
    lookers: Semaphore,
    /// Held by who writes the archives.
    pub(super) archiving: Mutex<()>,
    /// Renderings so far: a page that was begun before the last of them is not kept.
    pub(super) renderings: AtomicU64,
    pulses: Mutex<Option<PulsesAt>>,
    doors: Doors,
    /// Ends what never ends by itself.
    closing: CancellationToken,
}

impl Site {
    /// A site without a river yet; what streams ends with `closing`.
    #[must_use]
    pub fn new(
        live: Arc<Live>,
        store: Store,
        pushes: mpsc::Sender<Push>,
        listeners: mpsc::Sender<crate::hub::Request>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            live,
            store,
            pushes,
            listeners,
            rendered: watch::Sender::new(None),
            pages: Mutex::default(),
            lookers: Semaphore::new(LOOKING),
            archiving: Mutex::default(),
            renderings: AtomicU64::default(),
            pulses: Mutex::default(),
            doors: Doors::default(),
            closing,
        }
    }

    /// Answers a request of a peer; one behind a Unix socket has no address.
    pub(super) async fn respond(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: Option<IpAddr>,
    ) -> Response<Outgoing> {
        let is_head = request.method() == Method::HEAD;
        let config = self.live.config();
        let addresses = self.live.addresses();
        let whole = local_path(request.uri().path(), addresses.base.path()).to_owned();
        let (token, path) = access::split(&whole);
        let client = access::client(&config.trusted_proxies, peer, request.headers());
        let passed = self.doors.pass(&config.access, (token, path), request.headers(), client);
        let is_private = matches!(passed, Ok(true));
        let mut response = if let Err(turned_away) = passed {
            turned_away.map(ready)
        } else if let Some(token) = hub::token_at(path) {
            self.hub(token, request).await.map(ready)
        } else if path == "/hub" && config.websub.is_hub {
            self.listen(request).await.map(ready)
        } else if path == "/events" && request.method() == Method::GET {
            self.events(request.uri().query().unwrap_or_default())
        } else {
            let query = request.uri().query().unwrap_or_default();
            self.answer(request.method(), path, query, request.headers()).await.map(ready)
        };
        if is_private {
            access::keep_private(response.headers_mut());
        }
        for (name, value) in SAFE_HEADERS {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        pages::finish(response.headers_mut(), config.pages.images);
        self.live.metrics.answered(response.status().as_u16());
        if is_head { response.map(|_| ready(Bytes::new())) } else { response }
    }

    async fn answer(
        self: &Arc<Self>,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Response<Bytes> {
        if path.starts_with("/pictures/") && matches!(*method, Method::GET | Method::HEAD) {
            return self.picture(path, method, headers).await;
        }
        let feed = address::feed_at(path).filter(|feed| self.live.has(feed.part()));
        let asset = pages::asset(path);
        let source = path.strip_prefix("/status/").and_then(address::percent_decoded);
        let source = source.and_then(|id| self.live.report().sources.into_iter().find(|source| source.id == id));
        let known = matches!(
            path,
            "/status" | "/status.json" | "/explain" | "/opml" | "/metrics" | "/healthz" | "/readyz" | "/events"
        );
        let story = path.strip_prefix("/stories/").and_then(address::percent_decoded);
        if !known && feed.is_none() && asset.is_none() && source.is_none() && story.is_none() {
            return self.nothing(
                method,
                headers,
                "404: there is nothing at this address. The river is at /feed.atom, /feed.rss and /feed.json.\n",
            );
        }
        let setting = self.setting(headers);
        if method != Method::GET && method != Method::HEAD {
            let mut response =
                plain(StatusCode::METHOD_NOT_ALLOWED, "405: this address can only be read (GET, HEAD).\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if let Some(feed) = feed {
            return match feed.page(query, Utc::now()) {
                Ok(page) => match self.instead_of_feed(&page, query, headers) {
                    Some(body) => body.respond(method, headers),
                    None => self.feed(page, method, headers).await,
                },
                Err(text) => plain(StatusCode::BAD_REQUEST, text),
            };
        }
        if let Some(asset) = asset {
            return asset.respond(method, headers);
        }
        if let Some(name) = story {
            return match self.story_page(name, setting).await {
                Ok(Some(body)) => body.respond(method, headers),
                Ok(None) => self.nothing(method, headers, "404: there is no such story.\n"),
                Err(error) => unreadable(&error),
            };
        }
        let looked = match (path, source) {
            (_, Some(source)) => self.source_page(source, setting).await,
            ("/status", _) if !wants_json(headers) => self.status_page(Wanted::parse(query), setting).await,
            ("/status" | "/status.json", _) => Ok(self.status_json()),
            ("/explain", _) => self.explain_page(query, setting).await,
            ("/opml", _) => {
                Ok(Body::new("text/x-opml; charset=utf-8", self.live.opml().into_bytes(), None, FEED_CACHING))
            }
            ("/metrics", _) => {
                let text = self.live.metrics_text(&self.store);
                Ok(Body::new("text/plain; version=0.0.4; charset=utf-8", text.into_bytes(), None, "no-store"))
            }
            ("/readyz", _) if self.rendered().is_none() => {
                return plain(StatusCode::SERVICE_UNAVAILABLE, "the river is not rendered yet\n");
            }
            ("/readyz", _) => return plain(StatusCode::OK, "ready\n"),
            _ => return plain(StatusCode::OK, "ok\n"),
        };
        match looked {
            Ok(body) => body.respond(method, headers),
            Err(error) => unreadable(&error),
        }
    }

    /// Reads the store for a page, away from the tasks that answer.
    pub(super) async fn looking<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _place = self.lookers.acquire().await.map_err(|_| StoreError::Closed)?;
        let site = self.clone();
        tokio::task::spawn_blocking(move || look(&site)).await.map_err(|_| StoreError::Closed)?
    }

    async fn status_page(self: &Arc<Self>, wanted: Wanted, setting: Setting) -> Result<Body, StoreError> {
        self.looking(move |site| {
            let kept = site.pulses.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let fresh = kept.filter(|(at, _)| at.elapsed() < PULSES_KEPT).map(|(_, pulses)| pulses);
            let pulses = match fresh {
                Some(pulses) => pulses,
                None => {
                    let now = Utc::now();
                    let since = now - TimeDelta::days(PULSE_DAYS);
                    let pulses = Arc::new((site.store.pulses(since)?, PULSE_DAYS as f64));
                    *site.pulses.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some((Instant::now(), pulses.clone()));
                    pulses
                }
            };
            let title = &site.live.config().river.title;
            let lag = site.live.metrics.lag();
            let beside = Beside { pulses: &pulses, events: site.live.recent.lines(), lag, title };
            Ok(pages::status(&site.live.report(), beside, &wanted, &site.live.addresses().pages, &setting))
        })
        .await
    }

    async fn source_page(self: &Arc<Self>, source: SourceReport, setting: Setting) -> Result<Body, StoreError> {
        self.looking(move |site| {
            let id = SourceId::new(&source.id).map_err(|_| StoreError::Closed)?;
            let mut polls = site.store.history(Some(&id), Utc::now() - TimeDelta::days(SOURCE_DAYS))?;
            polls.reverse();
            polls.truncate(SOURCE_POLLS);
            let newest = site.store.newest_of(&id, SAMPLES)?;
            Ok(pages::source(&source, &polls, &newest, &site.live.addresses().pages, &setting))
        })
        .await
    }

    async fn explain_page(self: &Arc<Self>, query: &str, setting: Setting) -> Result<Body, StoreError> {
        let value = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let (entry, source) = (value("entry"), value("source"));
        self.looking(move |site| {
            let found = if entry.is_empty() { None } else { site.store.explain(&entry)? };
            let mut alike = Vec::new();
            if let (None, Ok(words)) = (&found, Query::parse(&entry)) {
                let selection =
                    SourceId::new(&source).map_or(Selection::All, |source| Selection::Sources(vec![source]));
                alike = site.store.search(&words, &selection, &|_| true, None, SAMPLES)?.stories;
            }
            let found = found.as_ref().map(|found| (found, site.live.unpublished(&found.entry)));
            Ok(pages::explain(&entry, &source, found, &alike, &site.live.addresses().pages, &setting))
        })
        .await
    }

    async fn feed(self: &Arc<Self>, page: Page, method: &Method, headers: &HeaderMap) -> Response<Bytes> {
        let Page { ask, spot, shape } = page;
        let setting = self.setting(headers);
        if ask.is_plain() && spot == Spot::First {
            let Some(rendered) = self.first_rendered(shape).await else { return not_yet() };
            if rendered.is_empty()
                && shape == Shape::Html
                && let Ok(Some(page)) = self.page(ask.clone(), shape, Spot::First, setting.clone()).await
            {
                return page.respond(method, headers);
            }
            let full = rendered.body(shape, setting.language);
            if let Some((since, until)) = full.asked_for_changes(headers)
                && let Ok(Some(changes)) = self.page(ask, shape, Spot::Between(since, until), setting).await
            {
                return changes.respond_as_changes_of(full, method, headers);
            }
            return full.respond(method, headers);
        }
        match self.page(ask, shape, spot, setting).await {
            Ok(Some(body)) => body.respond(method, headers),
            Ok(None) => plain(StatusCode::NOT_FOUND, "404: there is no such page; the river is at /feed.atom.\n"),
            Err(error) => unreadable(&error),
        }
    }

    /// A page behind the first, or of a part of the river: rendered when it is first asked for.
    async fn page(
        self: &Arc<Self>,
        ask: Ask,
        shape: Shape,
        spot: Spot,
        setting: Setting,
    ) -> Result<Option<Arc<Body>>, StoreError> {
        // Feeds are the same in every language.
        let language = if shape == Shape::Html { setting.language } else { Language::default() };
        let key: PageKey = (ask, shape, spot, language, self.live.addresses());
        let kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(body) = kept {
            return Ok(Some(body));
        }
        let rendering = self.renderings.load(Ordering::Acquire);
        let (ask, shape, spot, ..) = key.clone();
        let render = self.looking(move |site| {
            let Some(river) = site.live.river(&site.store, &ask, &spot)? else { return Ok(None) };
            let body = match shape {
                Shape::Feed(format) => feed_body(&river, format),
                Shape::Html => {
                    let around = Surroundings::new(&site.live, &site.store, &river)?;
                    pages::river(&river, &around, &setting)
                }
            };
            // What a page without stories says instead may change at any time.
            Ok(Some((Arc::new(body), shape != Shape::Html || !river.entries.is_empty())))
        });
        let Some((body, is_lasting)) = render.await? else { return Ok(None) };
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= KEPT_PAGES || pages.values().map(|body| body.len()).sum::<usize>() > KEPT_BYTES {
            pages.clear();
        }
        if is_lasting && rendering == self.renderings.load(Ordering::Acquire) && body.len() < KEPT_BYTES {
            pages.insert(key, body.clone());
        }
        Ok(Some(body))
    }

    /// Hears of each rendering.
    #[must_use]
    pub fn renderings(&self) -> watch::Receiver<Option<Arc<Rendered>>> {
        self.rendered.subscribe()
    }

    /// Ends what streams.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    pub(super) fn rendered(&self) -> Option<Arc<Rendered>> {
        self.rendered.borrow().clone()
    }

    /// The river; right after a start a client is let wait for it, rather than turned away. So is who comes when
    /// the addresses have just changed: the links of the river before lead to doors that are shut now. Should the
    /// rendering not come, a feed is served as it was; a page is not, it may name what its readers may not know.
    async fn first_rendered(&self, shape: Shape) -> Option<Arc<Rendered>> {
        let addresses = self.live.addresses();
        let is_fit = |rendered: &Option<Arc<Rendered>>| rendered.as_ref().is_some_and(|r| r.names(&addresses));
        let mut rendered = self.rendered.subscribe();
        let fit = tokio::time::timeout(FIRST_RIVER, rendered.wait_for(is_fit)).await;
        match fit {
            Ok(fit) => fit.ok()?.clone(),
            Err(_) if shape == Shape::Html => None,
            Err(_) => self.rendered(),
        }
    }

    fn status_json(&self) -> Body {
        let json = serde_json::to_vec_pretty(&self.live.report()).unwrap_or_default();
        Body::new("application/json; charset=utf-8", json, None, "no-store")
    }
}

/// Whether a client prefers JSON to HTML: a browser names HTML, a script names JSON.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

/// The path behind the one that `river.base_url` has: behind a reverse proxy it may be there or not.
fn local_path<'a>(path: &'a str, base: &str) -> &'a str {
    match path.strip_prefix(base.trim_end_matches('/')) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

fn ready(bytes: Bytes) -> Outgoing {
    Either::Left(Full::new(bytes))
}

fn unreadable(error: &StoreError) -> Response<Bytes> {
    tracing::error!(%error, "a page could not be read from the store");
    plain(StatusCode::INTERNAL_SERVER_ERROR, "500: the store could not be read; the log says why.\n")
}

fn not_yet() -> Response<Bytes> {
    let mut response = plain(
        StatusCode::SERVICE_UNAVAILABLE,
        "503: the river is being rendered for the first time; come back in a second.\n",
    );
    response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
    response
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
