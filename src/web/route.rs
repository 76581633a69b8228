//! Paths -> bodies.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::access::{self, Doors};
use super::address::{self, Page, Shape};
use super::body::{Body, accepted};
use super::budget::BodyBudget;
use super::callback::{self, Unfinished};
use super::connections::{Connection, Connections};
use super::host::{self, Reach};
use super::hub::Subscribing;
use super::on_request::{NoPage, Render, Renderers};
use super::pages::{self, Wanted};
use super::rendered::{FEED_CACHING, Rendered};
use super::shares::{Shares, network_of};
use super::streams::Outgoing;
use super::{events, health, limits::Limits};
use crate::explain;
use crate::live::{Live, Push};
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::model::source::SourceId;
use crate::publish::Addresses;
use crate::search::Query;
use crate::status::SourceReport;
use crate::store::{Selection, Store, StoreError};

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
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
];

/// For a name that does not lead here.
const NOT_OURS: &str = "421: newsriver does not know itself by this name. Put the name into `river.base_url` or `server.hosts` of feeds.toml, or the proxy that sent the request into `server.trusted_proxies`.\n";

/// What names a page: what is asked for, as what, which page of it; and where it says that all is.
pub(super) type PageKey = (Ask, Shape, Spot, Arc<Addresses>);

/// What polls brought, when it was read.
type PulsesAt = (Instant, Arc<pages::Pulses>);

/// Where requests of one connection come from.
#[derive(Debug)]
pub(super) struct Peer {
    /// One behind a Unix socket has no address.
    pub(super) address: Option<IpAddr>,
    pub(super) reach: Reach,
    pub(super) connection: Arc<Connection>,
}

/// Who makes a request.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// The address that its requests are counted by, where it has one.
    pub(super) client: Option<IpAddr>,
    pub(super) connection: Arc<Connection>,
}

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
    pub(super) connections: Arc<Connections>,
    /// Bytes of renderings of the first page that are held by anybody.
    pub(super) held: Arc<AtomicUsize>,
    pub(super) budget: BodyBudget,
    pub(super) renderers: Renderers,
    pub(super) event_streams: Arc<Shares>,
    pub(super) subscribing: Subscribing,
    pub(super) unfinished: Unfinished,
    /// Held by who writes the archives.
    pub(super) archiving: Mutex<()>,
    /// Renderings so far: a page that was begun before the last of them is not kept.
    pub(super) renderings: AtomicU64,
    pulses: Mutex<Option<PulsesAt>>,
    pub(super) doors: Doors,
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
            connections: Arc::new(Limits::default().connections()),
            held: Arc::default(),
            budget: BodyBudget::default(),
            renderers: Renderers::default(),
            event_streams: Shares::new(events::STREAMS),
            subscribing: Subscribing::default(),
            unfinished: Unfinished::default(),
            archiving: Mutex::default(),
            renderings: AtomicU64::default(),
            pulses: Mutex::default(),
            doors: Doors::default(),
            closing,
        }
    }

    /// The same with other limits of connections.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        Self { connections: Arc::new(limits.connections()), ..self }
    }

    /// Answers a request of a peer.
    pub(super) async fn respond(self: &Arc<Self>, request: Request<Incoming>, peer: &Peer) -> Response<Outgoing> {
        let is_head = request.method() == Method::HEAD;
        let config = self.live.config();
        let addresses = self.live.addresses();
        let whole = local_path(request.uri().path(), addresses.base.path()).to_owned();
        let (token, path) = access::split(&whole);
        let client = access::client(&config.trusted_proxies, peer.address, request.headers());
        let asker = Asker { client: client.map(network_of), connection: peer.connection.clone() };
        let is_ours = health::is_probe(path) || {
            let named = request.headers().get(HOST).and_then(|value| value.to_str().ok());
            let named = named.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
            let is_proxied = || peer.address.is_some_and(|address| config.trusted_proxies.contain(address));
            host::is_ours(named, config.river.base_url.as_ref(), &config.hosts, peer.reach) || is_proxied()
        };
        let passed = self.doors.pass(&config.access, (token, path), request.headers(), client);
        let is_private = matches!(passed, Ok(true));
        let mut response = if !is_ours {
            ready(plain(StatusCode::MISDIRECTED_REQUEST, NOT_OURS))
        } else if let Err(turned_away) = passed {
            ready(*turned_away)
        } else if let Some(token) = callback::token_at(path) {
            ready(self.callback(token, request).await)
        } else if path == "/hub" && config.websub.is_hub {
            ready(self.listen(request, &asker).await)
        } else if path == "/events" && request.method() == Method::GET {
            self.events(request.uri().query().unwrap_or_default(), &asker)
        } else {
            let query = request.uri().query().unwrap_or_default();
            ready(self.answer(request.method(), path, query, request.headers(), &asker).await)
        };
        if is_private {
            access::keep_private(response.headers_mut());
        }
        add_safe_headers(response.headers_mut());
        self.live.metrics.answered(response.status().as_u16());
        if is_head { response.map(|_| empty()) } else { response.map(Outgoing::over_this_connection) }
    }

    async fn answer(
        self: &Arc<Self>,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        asker: &Asker,
    ) -> Response<Bytes> {
        let feed = address::feed_at(path).filter(|feed| self.live.has(feed.part()));
        let asset = pages::asset(path);
        let source = path.strip_prefix("/status/").and_then(address::percent_decoded);
        let source = source.and_then(|id| self.live.source_report(&id));
        let known = matches!(
            path,
            "/status" | "/status.json" | "/explain" | "/opml" | "/metrics" | "/healthz" | "/readyz" | "/events"
        );
        if !known && feed.is_none() && asset.is_none() && source.is_none() {
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
            return match feed.page(query, Utc::now()) {
                Ok(page) => self.feed(page, method, headers, asker).await,
                Err(text) => plain(StatusCode::BAD_REQUEST, text),
            };
        }
        if let Some(asset) = asset {
            return asset.respond(method, headers);
        }
        let rendering = |render: Render| self.render_for(asker, accepted(headers), render);
        let rendered = match (path, source) {
            (_, Some(source)) => rendering(Box::new(move |site| site.source_page(&source))).await,
            ("/status", _) if !wants_json(headers) => {
                let wanted = Wanted::parse(query);
                rendering(Box::new(move |site| site.status_page(&wanted))).await
            }
            ("/status" | "/status.json", _) => rendering(Box::new(|site| Ok(site.status_json()))).await,
            ("/explain", _) => {
                let query = query.to_owned();
                rendering(Box::new(move |site| site.explain_page(&query))).await
            }
            ("/opml", _) => rendering(Box::new(|site| Ok(site.opml()))).await,
            ("/metrics", _) => return self.metrics().respond(method, headers),
            ("/readyz", _) => return self.readiness(),
            _ => return plain(StatusCode::OK, "ok\n"),
        };
        match rendered {
            Ok(body) => self.send(body.respond(method, headers), asker, false),
            Err(error) => error.answer(),
        }
    }

    /// Counts what is on its way to a client; turns it away where that is too much.
    pub(super) fn send(&self, response: Response<Bytes>, asker: &Asker, is_shared: bool) -> Response<Bytes> {
        let (head, body) = response.into_parts();
        match self.budget.send(body, asker.client, &asker.connection.under_way, is_shared) {
            Some(body) => Response::from_parts(head, body),
            None => NoPage::Busy.answer(),
        }
    }

    fn opml(&self) -> Body {
        Body::new("text/x-opml; charset=utf-8", self.live.opml().into_bytes(), None, FEED_CACHING)
    }

    fn status_page(&self, wanted: &Wanted) -> Result<Body, StoreError> {
        let kept = self.pulses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = kept.filter(|(at, _)| at.elapsed() < PULSES_KEPT).map(|(_, pulses)| pulses);
        let pulses = match fresh {
            Some(pulses) => pulses,
            None => {
                let since = Utc::now() - TimeDelta::days(PULSE_DAYS);
                let pulses = Arc::new((self.store.pulses(since)?, PULSE_DAYS as f64));
                *self.pulses.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), pulses.clone()));
                pulses
            }
        };
        let title = self.live.config().river.title.clone();
        let events = self.live.recent.lines();
        Ok(pages::status(&self.live.report(), &pulses, events, wanted, &title, &self.live.addresses().pages))
    }

    fn source_page(&self, source: &SourceReport) -> Result<Body, StoreError> {
        let id = SourceId::new(&source.id).map_err(|_| StoreError::Closed)?;
        let mut polls = self.store.history(Some(&id), Utc::now() - TimeDelta::days(SOURCE_DAYS))?;
        polls.reverse();
        polls.truncate(SOURCE_POLLS);
        for message in polls.iter_mut().filter_map(|poll| poll.message.as_mut()) {
            *message = self.live.redacted(&id, message);
        }
        let newest = self.store.newest_of(&id, SAMPLES)?;
        Ok(pages::source(source, &polls, &newest, &self.live.addresses().pages))
    }

    fn explain_page(&self, query: &str) -> Result<Body, StoreError> {
        let value = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let (entry, source) = (value("entry"), value("source"));
        let found = if entry.is_empty() { None } else { self.store.explain(&entry)? };
        let found = found.map(|found| {
            let text = self.live.redacted_document(&found.entry.source, explain::as_text(&found));
            (text, self.live.unpublished(&found.entry))
        });
        let mut alike = Vec::new();
        if let (None, Ok(words)) = (&found, Query::parse(&entry)) {
            let selection = SourceId::new(&source).map_or(Selection::All, |source| Selection::Sources(vec![source]));
            alike = self.store.search(&words, &selection, &|_| true, None, SAMPLES)?.stories;
        }
        Ok(pages::explain(&entry, &source, found, &alike, &self.live.addresses().pages))
    }

    async fn feed(
        self: &Arc<Self>,
        page: Page,
        method: &Method,
        headers: &HeaderMap,
        asker: &Asker,
    ) -> Response<Bytes> {
        let Page { ask, spot, shape } = page;
        let coding = accepted(headers);
        if ask.is_plain() && spot == Spot::First {
            let Some(rendered) = self.first_rendered(shape).await else { return not_yet() };
            let full = rendered.body(shape);
            if let Some((since, until)) = full.asked_for_changes(headers)
                && let Ok(Some((changes, is_shared))) =
                    self.page((ask, shape, Spot::Between(since, until)), coding, asker).await
            {
                return self.send(changes.respond_as_changes_of(full, method, headers), asker, is_shared);
            }
            return full.respond(method, headers);
        }
        match self.page((ask, shape, spot), coding, asker).await {
            Ok(Some((body, is_shared))) => self.send(body.respond(method, headers), asker, is_shared),
            Ok(None) => plain(StatusCode::NOT_FOUND, "404: there is no such page; the river is at /feed.atom.\n"),
            Err(error) => error.answer(),
        }
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
pub(super) fn local_path<'a>(path: &'a str, base: &str) -> &'a str {
    match path.strip_prefix(base.trim_end_matches('/')) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

pub(super) fn add_safe_headers(headers: &mut HeaderMap) {
    for (name, value) in SAFE_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

pub(super) fn ready(response: Response<Bytes>) -> Response<Outgoing> {
    response.map(|bytes| Outgoing::Whole(Full::new(bytes)))
}

pub(super) fn empty() -> Outgoing {
    Outgoing::Whole(Full::new(Bytes::new()))
}

fn not_yet() -> Response<Bytes> {
    let text = "503: the river is being rendered for the first time; come back in a second.\n";
    try_again(StatusCode::SERVICE_UNAVAILABLE, text, "1")
}

/// An answer that asks a client to come back in so many seconds.
pub(super) fn try_again(status: StatusCode, text: &'static str, seconds: &'static str) -> Response<Bytes> {
    let mut response = plain(status, text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
