//! Paths -> bodies.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, watch};

use super::address::{self, Page};
use super::body::Body;
use super::{hub, pages};
use crate::live::{Live, Push};
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::publish::{Format, River};
use crate::store::{Store, StoreError};

/// How many pages beside the first of the river are kept rendered.
const KEPT_PAGES: usize = 64;

/// How long a client waits for the first river after a start.
const FIRST_RIVER: Duration = Duration::from_secs(10);

/// Clients may keep a feed but must ask whether it changed: a 304 costs next to nothing.
const FEED_CACHING: &str = "no-cache";

/// An archive document never changes (RFC 5005, section 4; RFC 8246).
const ARCHIVE_CACHING: &str = "public, max-age=31536000, immutable";

/// Headers of every answer: no sniffing, no framing, nothing from elsewhere, nothing told.
const SAFE_HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

/// The first page of the river in every format, rendered once a change.
#[derive(Debug)]
pub struct Rendered {
    feeds: [Body; 3],
    page: Body,
}

impl Rendered {
    /// Renders a river.
    #[must_use]
    pub fn new(river: &River) -> Self {
        Self { feeds: Format::ALL.map(|format| feed_body(river, format)), page: pages::river(river) }
    }

    fn bodies(&self) -> impl Iterator<Item = &Body> {
        self.feeds.iter().chain([&self.page])
    }

    fn feed(&self, format: Format) -> &Body {
        let place = Format::ALL.iter().position(|known| *known == format).unwrap_or(0);
        &self.feeds[place]
    }
}

fn feed_body(river: &River, format: Format) -> Body {
    let changed = (!river.entries.is_empty()).then(|| river.changed_at());
    let caching = if matches!(river.spot, Spot::Archive(..)) { ARCHIVE_CACHING } else { FEED_CACHING };
    let body = Body::new(format.content_type(), river.render(format), changed, caching);
    if river.ask.is_plain() && river.spot == Spot::First { body.at_change(river.change) } else { body }
}

/// What names a page: what is asked for, the format, which page of it.
type PageKey = (Ask, Format, Spot);

/// Everything that can be asked for.
#[derive(Debug)]
pub struct Site {
    pub(super) live: Arc<Live>,
    pub(super) store: Store,
    /// Where what hubs push goes.
    pub(super) pushes: mpsc::Sender<Push>,
    rendered: watch::Sender<Option<Arc<Rendered>>>,
    pages: Mutex<HashMap<PageKey, Arc<Body>>>,
    /// Renderings so far: a page that was begun before the last of them is not kept.
    renderings: AtomicU64,
}

impl Site {
    /// A site without a river yet.
    #[must_use]
    pub fn new(live: Arc<Live>, store: Store, pushes: mpsc::Sender<Push>) -> Self {
        Self {
            live,
            store,
            pushes,
            rendered: watch::Sender::new(None),
            pages: Mutex::default(),
            renderings: AtomicU64::default(),
        }
    }

    /// Renders the river as the store has it now; requests meanwhile get the one before. Stories that have
    /// left the first page go into the archives.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read; the river stays as it was.
    pub fn render(&self) -> Result<usize, StoreError> {
        let mut river = self.first_page()?;
        // First, so that whoever walks the archives from this page on misses nothing.
        let more = self.archive(&mut river);
        self.publish(&river);
        if more {
            while self.archive(&mut river) {}
            river = self.first_page()?;
            self.publish(&river);
        }
        Ok(river.entries.len())
    }

    fn first_page(&self) -> Result<River, StoreError> {
        self.live.river(&self.store, &Ask::default(), &Spot::First)?.ok_or(StoreError::Closed)
    }

    /// Puts some of what has left the first page into the archives; whether there is more.
    fn archive(&self, river: &mut River) -> bool {
        match self.live.archive(&self.store, river) {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, "stories could not be put into the archives; it is tried again at the next change");
                false
            }
        }
    }

    fn publish(&self, river: &River) {
        let rendered = Rendered::new(river);
        if let Some(before) = self.rendered() {
            for (body, known) in rendered.bodies().zip(before.bodies()) {
                body.prepare_like(known);
            }
        }
        self.rendered.send_replace(Some(Arc::new(rendered)));
        self.renderings.fetch_add(1, Ordering::Release);
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Answers a request.
    pub async fn respond(self: &Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let is_head = request.method() == Method::HEAD;
        let mut response = if let Some(token) = hub::token_at(request.uri().path()).map(str::to_owned) {
            self.hub(&token, request).await
        } else {
            let query = request.uri().query();
            self.answer(request.method(), request.uri().path(), query, request.headers()).await
        };
        for (name, value) in SAFE_HEADERS {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        self.live.metrics.answered(response.status().as_u16());
        if is_head {
            *response.body_mut() = Bytes::new();
        }
        response.map(Full::new)
    }

    async fn answer(
        self: &Arc<Self>,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Response<Bytes> {
        let feed = address::feed_at(path).filter(|feed| self.live.has(feed.part()));
        let known = matches!(path, "/" | "/status" | "/status.json" | "/opml" | "/metrics" | "/healthz" | "/readyz");
        if !known && feed.is_none() {
            return plain(
                StatusCode::NOT_FOUND,
                "404: there is nothing at this address. The river is at /feed.atom, /feed.rss and /feed.json.\n",
            );
        }
        if method != Method::GET && method != Method::HEAD {
            let mut response =
                plain(StatusCode::METHOD_NOT_ALLOWED, "405: this address can only be read (GET, HEAD).\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if let Some(feed) = feed {
            return match feed.page(query.unwrap_or_default(), Utc::now()) {
                Ok(page) => self.feed(page, method, headers).await,
                Err(text) => plain(StatusCode::BAD_REQUEST, text),
            };
        }
        match path {
            "/status" if !wants_json(headers) => {
                pages::status(&self.live.report(), &self.live.base_url()).respond(method, headers)
            }
            "/status" | "/status.json" => self.status_json().respond(method, headers),
            "/opml" => Body::new("text/x-opml; charset=utf-8", self.live.opml().into_bytes(), None, FEED_CACHING)
                .respond(method, headers),
            "/metrics" => {
                let text = self.live.metrics_text(&self.store);
                Body::new("text/plain; version=0.0.4; charset=utf-8", text.into_bytes(), None, "no-store")
                    .respond(method, headers)
            }
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" if self.rendered().is_some() => plain(StatusCode::OK, "ready\n"),
            "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "the river is not rendered yet\n"),
            _ => match self.first_rendered().await {
                Some(rendered) => rendered.page.respond(method, headers),
                None => not_yet(),
            },
        }
    }

    async fn feed(self: &Arc<Self>, page: Page, method: &Method, headers: &HeaderMap) -> Response<Bytes> {
        let Page { ask, spot, format } = page;
        if ask.is_plain() && spot == Spot::First {
            let Some(rendered) = self.first_rendered().await else { return not_yet() };
            let full = rendered.feed(format);
            if let Some((since, until)) = full.asked_for_changes(headers)
                && let Ok(Some(changes)) = self.page((ask, format, Spot::Between(since, until))).await
            {
                return changes.respond_as_changes_of(full, method, headers);
            }
            return full.respond(method, headers);
        }
        match self.page((ask, format, spot)).await {
            Ok(Some(body)) => body.respond(method, headers),
            Ok(None) => plain(StatusCode::NOT_FOUND, "404: there is no such page; the river is at /feed.atom.\n"),
            Err(error) => {
                tracing::error!(%error, "a page of the river could not be read");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "500: the store could not be read; the log says why.\n")
            }
        }
    }

    /// A page behind the first, or of a part of the river: rendered when it is first asked for.
    async fn page(self: &Arc<Self>, key: PageKey) -> Result<Option<Arc<Body>>, StoreError> {
        let kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(body) = kept {
            return Ok(Some(body));
        }
        let rendering = self.renderings.load(Ordering::Acquire);
        let (site, (ask, format, spot)) = (self.clone(), key.clone());
        let render = tokio::task::spawn_blocking(move || {
            let river = site.live.river(&site.store, &ask, &spot)?;
            Ok(river.map(|river| Arc::new(feed_body(&river, format))))
        });
        let Some(body) = render.await.map_err(|_| StoreError::Closed)?? else { return Ok(None) };
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= KEPT_PAGES {
            pages.clear();
        }
        if rendering == self.renderings.load(Ordering::Acquire) {
            pages.insert(key, body.clone());
        }
        Ok(Some(body))
    }

    fn rendered(&self) -> Option<Arc<Rendered>> {
        self.rendered.borrow().clone()
    }

    /// The river; right after a start a client is let wait for it, rather than turned away.
    async fn first_rendered(&self) -> Option<Arc<Rendered>> {
        if let Some(rendered) = self.rendered() {
            return Some(rendered);
        }
        let mut rendered = self.rendered.subscribe();
        let first = tokio::time::timeout(FIRST_RIVER, rendered.wait_for(Option::is_some)).await;
        first.ok()?.ok()?.clone()
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
