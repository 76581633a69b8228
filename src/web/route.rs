//! Paths -> bodies.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::access;
use super::address::{self, Page, Shape, local_path};
use super::body::{Body, accepted};
use super::callback;
use super::on_request::{NoPage, Render};
use super::pages::{self, Beside, Setting, Wanted};
use super::rendered::{FEED_CACHING, Rendered};
use super::responses::{add_safe_headers, empty, plain, ready, try_again};
use super::shares::network_of;
use super::site::{Asker, Peer, Site};
use super::streams::Outgoing;
use super::{health, host};
use crate::language::Language;
use crate::model::page::Spot;
use crate::model::source::SourceId;
use crate::model::visible;
use crate::search::Query;
use crate::status::SourceReport;
use crate::store::{Selection, StoreError};

/// Days of polls that the status page tells of, and how long what it read is good for.
const PULSE_DAYS: i64 = 2;
const PULSES_KEPT: Duration = Duration::from_secs(5);

/// What the page of a source shows: its polls of so many days, so many of them, so many entries.
const SOURCE_DAYS: i64 = 30;
const SOURCE_POLLS: usize = 60;
const SAMPLES: usize = 10;

/// How long a client waits for the first river after a start.
const FIRST_RIVER: Duration = Duration::from_secs(10);

/// For a name that does not lead here.
const NOT_OURS: &str = "421: newsriver does not know itself by this name. Put the name into `river.base_url` or `server.hosts` of feeds.toml, or the proxy that sent the request into `server.trusted_proxies`.\n";

impl Site {
    /// Answers a request of a peer.
    pub(super) async fn respond(self: &Arc<Self>, request: Request<Incoming>, peer: &Peer) -> Response<Outgoing> {
        let is_head = request.method() == Method::HEAD;
        let (config, addresses) = self.live.in_force();
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
        // What a client has, it has with these headers (RFC 9110, section 15.4.5).
        if response.status() != StatusCode::NOT_MODIFIED {
            add_safe_headers(response.headers_mut());
            pages::allow_pictures(response.headers_mut(), config.pages.images);
        }
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
        let story = path.strip_prefix("/stories/").and_then(address::percent_decoded);
        let is_picture = path.starts_with("/pictures/");
        let known = matches!(
            path,
            "/status" | "/status.json" | "/explain" | "/opml" | "/metrics" | "/healthz" | "/readyz" | "/events"
        );
        let known = known || feed.is_some() || asset.is_some() || source.is_some() || story.is_some() || is_picture;
        if !known {
            return self.nothing(
                method,
                headers,
                asker,
                "404: there is nothing at this address. The river is at /feed.atom, /feed.rss and /feed.json.\n",
            );
        }
        if method != Method::GET && method != Method::HEAD {
            let mut response =
                plain(StatusCode::METHOD_NOT_ALLOWED, "405: this address can only be read (GET, HEAD).\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if is_picture {
            return self.picture(path, method, headers, asker).await;
        }
        if let Some(feed) = feed {
            return match feed.page(query, Utc::now()) {
                Ok(page) => match self.instead_of_feed(&page, query, headers) {
                    Some(body) => self.send(body.respond(method, headers), asker, false),
                    None => self.feed(page, method, headers, asker).await,
                },
                Err(text) => plain(StatusCode::BAD_REQUEST, text),
            };
        }
        if let Some(asset) = asset {
            return asset.respond(method, headers);
        }
        let rendering = |render: Render| self.render_for(asker, accepted(headers), render);
        let setting = self.setting(headers);
        let rendered = match (path, source, story) {
            (_, Some(source), _) => {
                rendering(Box::new(move |site| site.source_page(&source, &setting).map(Some))).await
            }
            (.., Some(name)) => rendering(Box::new(move |site| site.story_page(&name, &setting))).await,
            ("/status", ..) if !wants_json(headers) => {
                let wanted = Wanted::parse(query);
                rendering(Box::new(move |site| Ok(Some(site.status_page(&wanted, &setting))))).await
            }
            ("/status" | "/status.json", ..) => rendering(Box::new(|site| Ok(Some(site.status_json())))).await,
            ("/explain", ..) => {
                let query = query.to_owned();
                rendering(Box::new(move |site| site.explain_page(&query, &setting).map(Some))).await
            }
            ("/opml", ..) => rendering(Box::new(|site| Ok(Some(site.opml())))).await,
            ("/metrics", ..) => return self.metrics().respond(method, headers),
            ("/readyz", ..) => return self.readiness(),
            _ => return plain(StatusCode::OK, "ok\n"),
        };
        match rendered {
            Ok(Some(body)) => self.send(body.respond(method, headers), asker, false),
            Ok(None) => self.nothing(method, headers, asker, "404: there is no such story.\n"),
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
        Body::new(
            "text/x-opml; charset=utf-8",
            visible::xml(&self.live.opml()).into_owned().into_bytes(),
            None,
            FEED_CACHING,
        )
    }

    /// The status, which is never asked for more than when the store cannot be read: then without its polls.
    fn status_page(&self, wanted: &Wanted, setting: &Setting) -> Body {
        let kept = self.pulses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = kept.filter(|(at, _)| at.elapsed() < PULSES_KEPT).map(|(_, pulses)| pulses);
        let pulses = fresh.unwrap_or_else(|| {
            let since = Utc::now() - TimeDelta::days(PULSE_DAYS);
            let read = self.store.pulses(since).unwrap_or_else(|error| {
                tracing::debug!(%error, "the status page is without its polls");
                HashMap::new()
            });
            let pulses = Arc::new((read, PULSE_DAYS as f64));
            *self.pulses.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), pulses.clone()));
            pulses
        });
        let title = &self.live.config().river.title;
        let lag = self.live.metrics.lag();
        let beside = Beside { pulses: &pulses, events: self.live.recent.lines(), lag, title };
        pages::status(&self.live.report(), beside, wanted, &self.live.addresses().pages, setting)
    }

    fn source_page(&self, source: &SourceReport, setting: &Setting) -> Result<Body, StoreError> {
        let id = SourceId::new(&source.id).map_err(|error| StoreError::Fault(error.to_string()))?;
        let mut polls = self.store.history(Some(&id), Utc::now() - TimeDelta::days(SOURCE_DAYS))?;
        polls.reverse();
        polls.truncate(SOURCE_POLLS);
        for message in polls.iter_mut().filter_map(|poll| poll.message.as_mut()) {
            *message = self.live.redacted(&id, message);
        }
        let newest = self.store.newest_of(&id, SAMPLES)?;
        Ok(pages::source(source, &polls, &newest, &self.live.addresses().pages, setting))
    }

    fn explain_page(&self, query: &str, setting: &Setting) -> Result<Body, StoreError> {
        let value = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let (entry, source) = (value("entry"), value("source"));
        let found = if entry.is_empty() { None } else { self.live.explanation(&self.store, &entry)? };
        let found = found.as_ref().map(|found| (found, self.live.unpublished(&found.entry)));
        let mut alike = Vec::new();
        if let (None, Ok(words)) = (&found, Query::parse(&entry)) {
            let selection = SourceId::new(&source).map_or(Selection::All, |source| Selection::Sources(vec![source]));
            alike = self.store.search(&words, &selection, &|_| true, None, SAMPLES)?.stories;
        }
        Ok(pages::explain(&entry, &source, found, &alike, &self.live.addresses().pages, setting))
    }

    async fn feed(
        self: &Arc<Self>,
        page: Page,
        method: &Method,
        headers: &HeaderMap,
        asker: &Asker,
    ) -> Response<Bytes> {
        let Page { ask, spot, shape } = page;
        if ask.is_plain() && spot == Spot::First {
            let Some(rendered) = self.first_rendered(shape).await else { return not_yet() };
            if !(rendered.is_empty() && shape == Shape::Html) {
                let language = if shape == Shape::Html { self.setting(headers).language } else { Language::default() };
                let full = rendered.body(shape, language);
                if let Some((since, until)) = full.asked_for_changes(headers)
                    && let page = (ask, shape, Spot::Between(since, until))
                    && let Ok(Some((changes, is_shared))) =
                        self.page(page, self.setting(headers), accepted(headers), asker).await
                {
                    return self.send(changes.respond_as_changes_of(full, method, headers), asker, is_shared);
                }
                return full.respond(method, headers);
            }
        }
        match self.page((ask, shape, spot), self.setting(headers), accepted(headers), asker).await {
            Ok(Some((body, is_shared))) => self.send(body.respond(method, headers), asker, is_shared),
            Ok(None) => plain(StatusCode::NOT_FOUND, "404: there is no such page; the river is at /feed.atom.\n"),
            Err(error) => error.answer(),
        }
    }

    /// The river; right after a start a client is let wait for it, rather than turned away. So is who comes when
    /// the addresses have just changed: the links of the river before lead to doors that are shut now. Should the
    /// rendering not come, a feed is served as it was; a page is not, it may name what its readers may not know.
    async fn first_rendered(&self, shape: Shape) -> Option<Arc<Rendered>> {
        let addresses = self.live.addresses();
        let is_fit = |rendered: &Option<Arc<Rendered>>| rendered.as_ref().is_some_and(|r| r.names(&addresses));
        let now = self.rendered();
        if is_fit(&now) {
            return now;
        }
        let mut rendered = self.rendered.subscribe();
        let fit = tokio::time::timeout(FIRST_RIVER, rendered.wait_for(is_fit)).await;
        match fit {
            Ok(fit) => fit.ok()?.clone(),
            Err(_) if shape == Shape::Html => None,
            Err(_) => self.rendered(),
        }
    }

    fn status_json(&self) -> Body {
        let json = serde_json::to_string_pretty(&self.live.report()).unwrap_or_default();
        // Looked at on terminals.
        Body::new("application/json; charset=utf-8", visible::json(&json).into_owned().into_bytes(), None, "no-store")
    }
}

/// Whether a client prefers JSON to HTML: a browser names HTML, a script names JSON.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

fn not_yet() -> Response<Bytes> {
    let text = "503: the river is being rendered for the first time; come back in a second.\n";
    try_again(StatusCode::SERVICE_UNAVAILABLE, text, "1")
}
