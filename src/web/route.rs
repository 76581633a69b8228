//! Paths -> bodies.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, watch};

use super::body::Body;
use super::{hub, pages};
use crate::live::{Live, Push};
use crate::model::part::{Ask, Part};
use crate::model::source::SourceId;
use crate::publish::{Format, River};
use crate::search::Query;
use crate::store::{Cursor, Store, StoreError};

/// How many pages beside the first of the river are kept rendered.
const KEPT_PAGES: usize = 64;

/// How long a client waits for the first river after a start.
const FIRST_RIVER: Duration = Duration::from_secs(10);

/// Stories on a page at most, whoever asks.
const MOST_ASKED: usize = 1000;

/// Clients may keep a feed but must ask whether it changed: a 304 costs next to nothing.
const FEED_CACHING: &str = "no-cache";

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

    fn feed(&self, format: Format) -> &Body {
        let place = Format::ALL.iter().position(|known| *known == format).unwrap_or(0);
        &self.feeds[place]
    }
}

fn feed_body(river: &River, format: Format) -> Body {
    let changed = (!river.entries.is_empty()).then(|| river.changed_at());
    Body::new(format.content_type(), river.render(format), changed, FEED_CACHING)
}

/// What names a page: what is asked for, the format, the place it begins at.
type PageKey = (Ask, Format, Option<Cursor>);

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

    /// Renders the river as the store has it now; requests meanwhile get the one before.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read; the river stays as it was.
    pub fn render(&self) -> Result<usize, StoreError> {
        let river = self.live.river(&self.store, &Ask::default(), None)?;
        let rendered = Arc::new(Rendered::new(&river));
        self.rendered.send_replace(Some(rendered));
        self.renderings.fetch_add(1, Ordering::Release);
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(river.entries.len())
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
        let feed = feed_at(path).filter(|(part, _)| self.live.has(part));
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
        if let Some((part, format)) = feed {
            return self.feed(part, format, query, method, headers).await;
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

    async fn feed(
        self: &Arc<Self>,
        part: Part,
        format: Format,
        query: Option<&str>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Response<Bytes> {
        let (ask, before) = match asked(part, query.unwrap_or_default(), Utc::now()) {
            Ok(asked) => asked,
            Err(text) => return plain(StatusCode::BAD_REQUEST, text),
        };
        if ask.is_plain() && before.is_none() {
            return match self.first_rendered().await {
                Some(rendered) => rendered.feed(format).respond(method, headers),
                None => not_yet(),
            };
        }
        match self.page(ask, format, before).await {
            Ok(body) => body.respond(method, headers),
            Err(error) => {
                tracing::error!(%error, "a page of the river could not be read");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "500: the store could not be read; the log says why.\n")
            }
        }
    }

    /// A page behind the first, or of a part of the river: rendered when it is first asked for.
    async fn page(self: &Arc<Self>, ask: Ask, format: Format, place: Option<Cursor>) -> Result<Arc<Body>, StoreError> {
        let key = (ask, format, place);
        let kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(body) = kept {
            return Ok(body);
        }
        let rendering = self.renderings.load(Ordering::Acquire);
        let (site, ask) = (self.clone(), key.0.clone());
        let render = tokio::task::spawn_blocking(move || {
            site.live.river(&site.store, &ask, place).map(|river| Arc::new(feed_body(&river, format)))
        });
        let body = render.await.map_err(|_| StoreError::Closed)??;
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= KEPT_PAGES {
            pages.clear();
        }
        if rendering == self.renderings.load(Ordering::Acquire) {
            pages.insert(key, body.clone());
        }
        Ok(body)
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

/// What the query of a feed's address asks for, and from which place on; else what is wrong with it.
fn asked(part: Part, query: &str, now: DateTime<Utc>) -> Result<(Ask, Option<Cursor>), &'static str> {
    let (mut ask, mut before) = (Ask::from(part), None);
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = value.trim();
        match key.as_ref() {
            "before" => {
                let place = Cursor::parse(value)
                    .ok_or("400: `before` is no place in the river; follow the `next` links of the feed.\n")?;
                before = Some(place);
            }
            "q" if value.is_empty() => {}
            "q" => {
                Query::parse(value)
                    .map_err(|_| "400: `q` wants up to 20 words: a b \"a phrase\" title:a source:id tag:t -not.\n")?;
                ask.query = Some(value.to_owned());
            }
            "n" => {
                let count = value.parse().ok().filter(|count| (1..=MOST_ASKED).contains(count));
                ask.count = Some(count.ok_or("400: `n` is a number of stories, from 1 to 1000.\n")?);
            }
            "hours" => {
                let hours = value.parse().ok().filter(|hours| (1..=24 * 366).contains(hours));
                let hours = hours.ok_or("400: `hours` is a number of hours, from 1 to 8784.\n")?;
                // To the minute, so that those who ask within one get the same page.
                let since = now - TimeDelta::hours(hours);
                ask.since = since.duration_trunc(TimeDelta::minutes(1)).ok();
            }
            "since" => {
                let day = || chrono::NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
                let since =
                    DateTime::parse_from_rfc3339(value).map(|at| at.to_utc()).ok().or_else(|| Some(day()?.and_utc()));
                ask.since = Some(
                    since.ok_or("400: `since` is a day or a time, such as 2026-01-31 or 2026-01-31T08:00:00Z.\n")?,
                );
            }
            _ => {}
        }
    }
    Ok((ask, before))
}

/// The part of the river and the format that a path names: `/feed.atom`, `/tags/SZ300623/feed.json`.
fn feed_at(path: &str) -> Option<(Part, Format)> {
    let (place, file) = path.strip_prefix('/')?.rsplit_once('/').unwrap_or(("", path.strip_prefix('/')?));
    let format = Format::ALL.into_iter().find(|format| file.strip_prefix("feed.") == Some(format.ending()))?;
    if place.is_empty() {
        return Some((Part::Whole, format)).filter(|_| path.starts_with("/feed."));
    }
    let (kind, name) = place.split_once('/').filter(|(_, name)| !name.is_empty() && !name.contains('/'))?;
    let name = percent_decoded(name)?;
    let part = match kind {
        "sources" => Part::Source(SourceId::new(&name).ok()?),
        "groups" => Part::Group(name),
        "tags" => Part::Tag(name),
        _ => return None,
    };
    Some((part, format))
}

fn percent_decoded(segment: &str) -> Option<String> {
    // The parser of queries decodes percent signs; a plus is a plus in a path.
    let escaped = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let (name, _) = url::form_urlencoded::parse(escaped.as_bytes()).next()?;
    Some(name.into_owned()).filter(|name| !name.contains(char::is_control))
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
