//! The only HTTP client: a source and what is known of its document -> bytes, or why there are none.
//!
//! In: a [`Source`], the [`Validators`] of the last answer. Out: [`Fetched`]; never text. Every
//! hop is checked against the address rules when its connection is made, the body is held to
//! `max_bytes` while it streams, and every step has its time limit. Files go the same way.

mod address;
mod error;
mod file;

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{
    ACCEPT, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER, USER_AGENT,
};
use reqwest::{Client, Response, StatusCode};
use url::Url;

use crate::model::document::{Document, Hop, ServerWish, Validators};
use crate::model::source::{Address, Source};
pub use error::FetchError;

/// What feeds we read, best first; servers that negotiate give the feed rather than the page.
const ACCEPTED: &str = "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.6, text/html;q=0.5, */*;q=0.1";

/// Redirects followed at most.
const MOST_HOPS: usize = 10;

/// The most that the headers of one answer may hold, bytes.
const MOST_HEADER_BYTES: usize = 64 * 1024;

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
    user_agent: String,
}

impl Fetcher {
    /// A client that names itself with `contact`, where people can ask about it.
    ///
    /// # Errors
    /// [`FetchError::Client`] where the TLS library cannot be set up.
    pub fn new(contact: &str, connect_timeout: Duration) -> Result<Self, FetchError> {
        let base = || {
            Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(connect_timeout)
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(2)
                .http2_adaptive_window(true)
                .referer(false)
        };
        Ok(Self {
            guarded: base().dns_resolver(address::PublicOnly).build().map_err(FetchError::Client)?,
            open: base().build().map_err(FetchError::Client)?,
            user_agent: format!("newsriver/{} (+{contact})", env!("CARGO_PKG_VERSION")),
        })
    }

    /// Fetches the document of `source`, unless it is the one that `known` stands for.
    ///
    /// # Errors
    /// [`Failed`] with the [`FetchError`].
    pub async fn fetch(&self, source: &Source, known: &Validators, now: DateTime<Utc>) -> Result<Fetched, Failed> {
        match &source.address {
            Address::File(path) => Ok(file::read(path, source, now).await?),
            Address::Web(url) => self.in_time(source, self.over_http(source, Some(url), url, known, now)).await,
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
        self.in_time(source, self.over_http(source, written, url, &Validators::default(), now)).await
    }

    async fn in_time(
        &self,
        source: &Source,
        fetch: impl Future<Output = Result<Fetched, Failed>>,
    ) -> Result<Fetched, Failed> {
        let limit = source.timeouts.whole;
        match tokio::time::timeout(limit, fetch).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::TimedOut { step: "the whole fetch", limit, key: "timeout" }.into()),
        }
    }

    async fn over_http(
        &self,
        source: &Source,
        written: Option<&Url>,
        start: &Url,
        known: &Validators,
        now: DateTime<Utc>,
    ) -> Result<Fetched, Failed> {
        let mut url = start.clone();
        let mut hops: Vec<Hop> = Vec::new();
        loop {
            let response = self.ask(source, written, &url, known).await?;
            let status = response.status();
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                return answer(source, &url, response, hops, known, now).await;
            }
            let next = redirect(&url, &response)?;
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

    /// One request, to one hop.
    async fn ask(
        &self,
        source: &Source,
        written: Option<&Url>,
        url: &Url,
        known: &Validators,
    ) -> Result<Response, FetchError> {
        let trusted = source.allow_private || written.is_some_and(|written| address::is_as_written(written, url));
        if !trusted {
            address::check_literal(url)?;
        }
        let client = if trusted { &self.open } else { &self.guarded };
        let mut request = client.get(url.clone()).headers(self.headers(source, written, url));
        if written.is_some_and(|written| address::same_origin(written, url)) {
            // Validators belong to the document, and so may follow it to another path, never to
            // another host.
            if let Some(etag) = &known.etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(date) = &known.last_modified {
                request = request.header(IF_MODIFIED_SINCE, date);
            }
        }
        let limit = source.timeouts.first_byte;
        match tokio::time::timeout(limit, request.send()).await {
            Ok(response) => response.map_err(|error| FetchError::from_reqwest(error, source.timeouts.connect)),
            Err(_) => Err(FetchError::TimedOut { step: "the first byte", limit, key: "first_byte_timeout" }),
        }
    }

    /// The request headers; what is secret goes to the origin that a person named, nowhere else.
    fn headers(&self, source: &Source, written: Option<&Url>, url: &Url) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut put = |name: reqwest::header::HeaderName, value: &str| {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        };
        put(ACCEPT, ACCEPTED);
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

/// RFC 7617, with UTF-8.
fn basic(username: &str, password: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("Basic ");
    for chunk in format!("{username}:{password}").as_bytes().chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = if place <= chunk.len() { ALPHABET[(word >> (18 - 6 * place) & 63) as usize] } else { b'=' };
            out.push(char::from(letter));
        }
    }
    out
}

/// Where a redirect leads.
fn redirect(from: &Url, response: &Response) -> Result<Url, FetchError> {
    let location = response.headers().get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let location = location.ok_or(FetchError::RedirectWithoutTarget { status: response.status().as_u16() })?;
    let mut next = from.join(location.trim()).map_err(|_| FetchError::BadRedirect { location: location.clone() })?;
    if !matches!(next.scheme(), "http" | "https") || !next.has_host() {
        return Err(FetchError::BadRedirect { location });
    }
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(FetchError::Downgrade { location });
    }
    next.set_fragment(None);
    Ok(next)
}

/// Reads the answer of the last hop.
async fn answer(
    source: &Source,
    url: &Url,
    response: Response,
    hops: Vec<Hop>,
    known: &Validators,
    now: DateTime<Utc>,
) -> Result<Fetched, Failed> {
    let status = response.status();
    let headers = response.headers();
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > MOST_HEADER_BYTES {
        return Err(FetchError::HeadersTooLarge { limit: MOST_HEADER_BYTES }.into());
    }
    let wish = wish(headers, now);
    let text = |name| headers.get(name).and_then(|v: &reqwest::header::HeaderValue| v.to_str().ok()).map(str::to_owned);
    let fresh = Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) };
    if status == StatusCode::NOT_MODIFIED {
        // A 304 may renew one validator and leave the other unsaid.
        let validators = Validators {
            etag: fresh.etag.or_else(|| known.etag.clone()),
            last_modified: fresh.last_modified.or_else(|| known.last_modified.clone()),
        };
        return Ok(Fetched { outcome: Outcome::NotModified, http_status: Some(304), hops, validators, wish });
    }
    if status != StatusCode::OK {
        return Err(Failed { error: FetchError::Status { status: status.as_u16() }, wish });
    }
    let content_type = text(CONTENT_TYPE);
    let bytes = body(source, response).await?;
    let document = Document { url: url.to_string(), content_type, bytes, fetched_at: now };
    Ok(Fetched {
        outcome: Outcome::Document(document),
        http_status: Some(status.as_u16()),
        hops,
        validators: fresh,
        wish,
    })
}

/// The body, decompressed, held to `max_bytes`.
async fn body(source: &Source, mut response: Response) -> Result<Vec<u8>, FetchError> {
    let limit = source.max_bytes;
    let too_large = FetchError::TooLarge { limit };
    // reqwest takes the length away where it decompresses, so this is the length of the body.
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(0));
    while let Some(chunk) =
        response.chunk().await.map_err(|error| FetchError::from_body(error, source.timeouts.whole))?
    {
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `Retry-After` and freshness (RFC 9110, section 10.2.3; RFC 9111, section 4.2.1).
fn wish(headers: &HeaderMap, now: DateTime<Utc>) -> ServerWish {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let date = |text: &str| httpdate::parse_http_date(text).ok().map(DateTime::<Utc>::from);
    let retry_after = text(RETRY_AFTER).and_then(|value| match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => date(value).and_then(|at| (at - now).to_std().ok()),
    });
    let max_age = text(CACHE_CONTROL).and_then(|value| {
        value
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))
            .and_then(|(_, age)| age.trim_matches('"').parse::<u64>().ok())
    });
    let age = text(AGE).and_then(|age| age.parse().ok()).unwrap_or(0);
    let by_expires = || {
        let sent = text(DATE).and_then(date).unwrap_or(now);
        text(EXPIRES).and_then(date).and_then(|expires| (expires - sent).to_std().ok())
    };
    ServerWish {
        retry_after,
        fresh_for: max_age.map(|max| Duration::from_secs(max.saturating_sub(age))).or_else(by_expires),
    }
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

    #[test]
    fn what_servers_wish() {
        let now = DateTime::from_timestamp(784_111_777, 0).unwrap_or_default();
        let of = |pairs: &[(&'static str, &str)]| {
            let headers: HeaderMap =
                pairs.iter().filter_map(|(k, v)| Some((k.parse().ok()?, v.parse().ok()?))).collect();
            let wish = wish(&headers, now);
            (wish.retry_after.map(|d| d.as_secs()), wish.fresh_for.map(|d| d.as_secs()))
        };
        assert_eq!(of(&[("retry-after", "120")]), (Some(120), None));
        assert_eq!(of(&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")]), (Some(60), None));
        assert_eq!(of(&[("cache-control", "public, max-age=600"), ("age", "100")]), (None, Some(500)));
        assert_eq!(
            of(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("expires", "Sun, 06 Nov 1994 09:49:37 GMT")]),
            (None, Some(3600))
        );
        assert_eq!(of(&[("expires", "0"), ("retry-after", "soon")]), (None, None));
    }
}
