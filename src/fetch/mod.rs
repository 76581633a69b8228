//! The only HTTP client: a source and what is known of its document -> bytes, or why there are none.
//!
//! In: a [`Source`], the [`Validators`] of the last answer. Out: [`Fetched`]; never text. Every
//! hop is checked against the address rules when its connection is made, the body is held to
//! `max_bytes` while it streams, and every step has its time limit. Files go the same way.

mod address;
mod answer;
mod coding;
mod error;
mod file;
mod hosts;
mod proxy;
mod resolver;
mod robots;
mod room;
mod shared;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    USER_AGENT,
};
use reqwest::{Client, Response, StatusCode};
use url::Url;

use crate::model::document::{Document, Hop, ServerWish, Validators};
use crate::model::source::{Address, Source};
pub use error::FetchError;
pub use hosts::Hosts;
use proxy::Proxy;
pub use resolver::Lookups;
use room::Waits;
pub use room::{Room, Rooms, SMALL};
pub use shared::Shared;
use shared::builder;

/// What feeds we read, best first; servers that negotiate give the feed rather than the page.
const ACCEPTED: &str = "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.6, text/html;q=0.5, */*;q=0.1";

/// Between two requests to one host, unless feeds.toml says otherwise.
const USUAL_GAP: Duration = Duration::from_millis(250);

/// The longest that a server can have its other sources left alone.
const LONGEST_HOLD: Duration = Duration::from_secs(24 * 3600);

/// Redirects followed at most.
const MOST_HOPS: usize = 10;

/// What a fetch brought.
#[derive(Debug)]
pub struct Fetched {
    /// The body, or that it did not change.
    pub outcome: Outcome,
    /// The HTTP status, for what came over HTTP.
    pub http_status: Option<u16>,
    /// The redirects that were followed.
    pub hops: Vec<Hop>,
    /// What to ask with next time; kept also from a 304 (RFC 9111, section 4.3.4).
    pub validators: Validators,
    /// When the server would like us back.
    pub wish: ServerWish,
    /// Whether the body holds only what is new since the validators (RFC 3229).
    pub is_delta: bool,
    /// The hub and the address of itself that the headers name (`Link`, RFC 8288).
    pub links: Links,
    /// The room of a large body.
    pub room: Option<Room>,
}

/// What the `Link` headers of an answer name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// `rel=hub`.
    pub hub: Option<String>,
    /// `rel=self`.
    pub own: Option<String>,
}

/// What is known of a source's document.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Where its server once said that it moved for good.
    pub moved_to: Option<&'a Url>,
    /// What the document in hand is recognised by.
    pub validators: &'a Validators,
    /// Whether the source ever answered well.
    pub was_well: bool,
}

impl Known<'_> {
    /// Nothing.
    pub const NOTHING: Known<'static> = Known { moved_to: None, validators: &Validators::NONE, was_well: false };
}

/// The two good answers.
#[derive(Debug)]
pub enum Outcome {
    /// 304: what we have is right.
    NotModified,
    /// A body.
    Document(Document),
}

/// A fetch that failed, with what is known of it all the same.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: FetchError,
    /// When the server would like us back.
    pub wish: ServerWish,
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        Self { error, wish: ServerWish::default() }
    }
}

/// The client; clones share its connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    guarded: Client,
    open: Client,
    /// Clients through a proxy of their own, made when first needed.
    proxied: Arc<Mutex<HashMap<Proxy, Client>>>,
    environment: proxy::Environment,
    robots: Arc<robots::Robots>,
    shared: Shared,
    connect_timeout: Duration,
    user_agent: String,
}

/// The least time between two requests to a host: that of feeds.toml, else a quarter of a second;
/// none for a host that a person named as his own.
fn gap(source: &Source, url: &Url) -> Duration {
    let usual = if address::is_private_literal(url) { Duration::ZERO } else { USUAL_GAP };
    source.host_gap.unwrap_or(usual)
}

/// Whether the host is one of a private network, by its address or its name.
#[must_use]
pub fn is_private(url: &Url) -> bool {
    address::is_private_literal(url)
}

impl Fetcher {
    /// A client that names itself with `contact`, where people can ask about it. `shared` outlives it: the
    /// client that takes its place keeps to the same limits.
    ///
    /// # Errors
    /// [`FetchError::Client`] where the TLS library cannot be set up.
    pub fn new(contact: &str, connect_timeout: Duration, shared: Shared) -> Result<Self, FetchError> {
        let lookups = shared.lookups.clone();
        // Which proxy a request goes through is decided before its client is chosen.
        let direct = || builder(connect_timeout, &shared);
        let guarded = direct().dns_resolver(address::PublicOnly(lookups.clone())).build();
        let open = direct().dns_resolver(lookups).build();
        Ok(Self {
            guarded: guarded.map_err(FetchError::Client)?,
            open: open.map_err(FetchError::Client)?,
            proxied: Arc::default(),
            environment: proxy::Environment::new(),
            robots: Arc::default(),
            shared,
            connect_timeout,
            user_agent: format!("newsriver/{} (+{contact})", env!("CARGO_PKG_VERSION")),
        })
    }

    /// Fetches the document of `source`, unless it is the one that `known` stands for.
    ///
    /// # Errors
    /// [`Failed`] with the [`FetchError`].
    pub async fn fetch(&self, source: &Source, known: &Known<'_>, now: DateTime<Utc>) -> Result<Fetched, Failed> {
        match &source.address {
            Address::File(path) => Ok(file::read(path, source, now).await?),
            Address::Web(url) => {
                let start = known.moved_to.unwrap_or(url);
                self.over_http(source, Some(url), start, known, now).await
            }
        }
    }

    /// Fetches a page that a document of `source` links to. It was learnt from the network, so the
    /// address rules hold for it, and what is secret stays with the origin in feeds.toml.
    ///
    /// # Errors
    /// [`Failed`] with the [`FetchError`].
    pub async fn fetch_linked(&self, source: &Source, url: &Url, now: DateTime<Utc>) -> Result<Fetched, Failed> {
        let written = match &source.address {
            Address::Web(written) => Some(written),
            Address::File(_) => None,
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(FetchError::BadRedirect { location: url.to_string() }.into());
        }
        self.over_http(source, written, url, &Known::NOTHING, now).await
    }

    /// Fetches an article: as [`Fetcher::fetch_linked`], where the site's robots.txt lets us.
    ///
    /// # Errors
    /// [`Failed`] with the [`FetchError`].
    pub async fn fetch_article(&self, source: &Source, url: &Url, now: DateTime<Utc>) -> Result<Fetched, Failed> {
        if source.robots && !self.robots.allow(self, source, url, now).await {
            return Err(FetchError::Robots { url: url.to_string() }.into());
        }
        self.fetch_linked(source, url, now).await
    }

    /// Sends a form to a hub that `source` named: learnt from the network, so the address rules hold.
    /// Redirects are not followed.
    ///
    /// # Errors
    /// [`FetchError`] where it does not answer with 2xx.
    pub async fn post_form(&self, source: &Source, url: &Url, form: &[(&str, String)]) -> Result<(), FetchError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.post(source, url, &[(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")], body.into()).await
    }

    /// Sends a body; as [`Fetcher::post_form`].
    ///
    /// # Errors
    /// [`FetchError`] where it is not answered with 2xx.
    pub async fn post(
        &self,
        source: &Source,
        url: &Url,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<(), FetchError> {
        let written = match &source.address {
            Address::Web(written) => Some(written),
            Address::File(_) => None,
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(FetchError::BadRedirect { location: url.to_string() });
        }
        let client = self.client(source, written, url)?;
        let mut request = client.post(url.clone()).header(USER_AGENT, &self.user_agent).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let host = url.host_str().unwrap_or_default();
        let place =
            self.shared.hosts.enter(host, source.per_host, gap(source, url), self.shared.asker(source, host)).await;
        let limit = source.timeouts.whole;
        let response = match tokio::time::timeout(limit, request.send()).await {
            Ok(response) => response.map_err(|error| FetchError::from_reqwest(error, source.timeouts.connect))?,
            Err(_) => return Err(FetchError::TimedOut { step: "the answer to a POST", limit, key: "timeout" }),
        };
        drop(place);
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(FetchError::Status { status: status.as_u16() }) }
    }

    /// The client for one hop, by the address rules.
    fn client(&self, source: &Source, written: Option<&Url>, url: &Url) -> Result<Client, FetchError> {
        let trusted = source.allow_private || written.is_some_and(|written| address::is_as_written(written, url));
        if !trusted {
            address::check_literal(url)?;
        }
        let proxy = match &source.proxy {
            Some(proxy) => Some(Proxy::written(proxy)),
            None => self.environment.proxy_for(url)?,
        };
        Ok(match proxy {
            Some(proxy) => self.through(proxy)?,
            None if trusted => self.open.clone(),
            None => self.guarded.clone(),
        })
    }

    /// Fetches within the time that the source has.
    async fn over_http(
        &self,
        source: &Source,
        written: Option<&Url>,
        start: &Url,
        known: &Known<'_>,
        now: DateTime<Utc>,
    ) -> Result<Fetched, Failed> {
        let (limit, waits) = (source.timeouts.whole, Waits::default());
        let fetched = waits.in_time(limit, self.hop_by_hop(source, written, start, known, &waits, now)).await;
        fetched.unwrap_or_else(|| Err(FetchError::TimedOut { step: "the whole fetch", limit, key: "timeout" }.into()))
    }

    async fn hop_by_hop(
        &self,
        source: &Source,
        written: Option<&Url>,
        start: &Url,
        known: &Known<'_>,
        waits: &Waits,
        now: DateTime<Utc>,
    ) -> Result<Fetched, Failed> {
        let mut url = start.clone();
        let mut hops: Vec<Hop> = Vec::new();
        loop {
            let host = url.host_str().unwrap_or_default().to_owned();
            if let Some(until) = self.shared.hosts.held(&host, now) {
                return Err(FetchError::Held { host, until }.into());
            }
            // Kept until the body is read: a host that is still sending is still busy.
            let asker = self.shared.asker(source, &host);
            let place = self.shared.hosts.enter(&host, source.per_host, gap(source, &url), asker).await;
            let response = self.ask(source, written, &url, known.validators).await?;
            self.shared.hosts.spoke(&host);
            let status = response.status();
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                let answered =
                    answer::answer(source, &url, response, hops, known.validators, (&self.shared.rooms, waits), now)
                        .await;
                self.note(&host, &answered, known.was_well, now);
                return answered;
            }
            let next = answer::redirect(&url, &response)?;
            drop((response, place));
            if hops.len() >= MOST_HOPS {
                return Err(FetchError::TooManyRedirects { limit: MOST_HOPS }.into());
            }
            if next == url || hops.iter().any(|hop| hop.to == next.as_str()) {
                return Err(FetchError::RedirectLoop { url: next.to_string() }.into());
            }
            hops.push(Hop { status: status.as_u16(), to: next.to_string() });
            url = next;
        }
    }

    /// Notes how a host is.
    fn note(&self, host: &str, answered: &Result<Fetched, Failed>, was_well: bool, now: DateTime<Utc>) {
        match answered {
            Ok(_) => self.shared.hosts.answered(host),
            Err(Failed { error: FetchError::Status { status: 429 | 503 }, wish }) => {
                let pause = wish.retry_after.map(|pause| pause.min(LONGEST_HOLD));
                let pause = pause.and_then(|pause| TimeDelta::from_std(pause).ok());
                if let Some(until) = pause.and_then(|pause| now.checked_add_signed(pause)) {
                    self.shared.hosts.refused(host, until, was_well);
                }
            }
            Err(_) => {}
        }
    }

    /// One request, to one hop.
    async fn ask(
        &self,
        source: &Source,
        written: Option<&Url>,
        url: &Url,
        known: &Validators,
    ) -> Result<Response, FetchError> {
        let client = self.client(source, written, url)?;
        let mut headers = self.headers(source, written, url);
        // Validators are the business of the address that gave them, and of no other.
        if known.of.as_deref() == Some(url.as_str()) {
            let mut put = |name: HeaderName, value: &str| {
                if let Ok(value) = value.parse() {
                    headers.insert(name, value);
                }
            };
            if !known.is_empty() {
                // RFC 3229: what is new is enough.
                put(HeaderName::from_static("a-im"), "feed");
            }
            if let Some(etag) = &known.etag {
                put(IF_NONE_MATCH, etag);
            }
            if let Some(date) = &known.last_modified {
                put(IF_MODIFIED_SINCE, date);
            }
        }
        let send = || client.get(url.clone()).headers(headers.clone()).send();
        let limit = source.timeouts.first_byte;
        let asking = async {
            match send().await {
                // The server may have closed the connection while it was kept for the next request (RFC 9112,
                // section 9.3.1): that says nothing of the server, and is asked again.
                Err(error)
                    if is_broken_off(&error) && self.shared.hosts.spoke_lately(url.host_str().unwrap_or_default()) =>
                {
                    send().await
                }
                answer => answer,
            }
        };
        match tokio::time::timeout(limit, asking).await {
            Ok(response) => response.map_err(|error| FetchError::from_reqwest(error, source.timeouts.connect)),
            Err(_) => Err(FetchError::TimedOut { step: "the first byte", limit, key: "first_byte_timeout" }),
        }
    }

    /// The client that goes through `proxy`.
    fn through(&self, proxy: Proxy) -> Result<Client, FetchError> {
        let mut proxied = self.proxied.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = proxied.get(&proxy) {
            return Ok(client.clone());
        }
        // The only name that it resolves is the proxy's: those of targets are resolved by the proxy.
        let builder = builder(self.connect_timeout, &self.shared).dns_resolver(self.shared.lookups.clone());
        let client = proxy.client(builder).map_err(FetchError::Client)?;
        proxied.insert(proxy, client.clone());
        Ok(client)
    }

    /// The request headers; what is secret goes to the origin that a person named, nowhere else.
    fn headers(&self, source: &Source, written: Option<&Url>, url: &Url) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        };
        put(ACCEPT, ACCEPTED);
        put(ACCEPT_ENCODING, coding::ACCEPTED);
        put(USER_AGENT, source.user_agent.as_deref().unwrap_or(&self.user_agent));
        if written.is_some_and(|written| address::same_origin(written, url)) {
            for (name, value) in &source.headers {
                if let Ok(name) = name.parse() {
                    put(name, value.reveal());
                }
            }
            if let Some(credentials) = &source.credentials {
                put(AUTHORIZATION, &basic(&credentials.username, credentials.password.reveal()));
            }
        }
        headers
    }
}

/// Whether the connection stood, and broke before an answer came.
fn is_broken_off(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && !error.is_timeout()
}

/// RFC 7617, with UTF-8.
fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials() {
        // RFC 7617, section 2.
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic("a", "b"), "Basic YTpi");
        assert_eq!(basic("test", "123£"), "Basic dGVzdDoxMjPCow==");
    }
}
