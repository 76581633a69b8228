//! What a server answered: a document, "not changed", where else to look, or when to come back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, LAST_MODIFIED, LINK, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Response, StatusCode};
use url::Url;

use super::room::{Room, Rooms, SMALL, SMALL_CODED, Waits};
use super::{Failed, FetchError, Fetched, Links, Outcome, coding};
use crate::model::document::{Document, Hop, ServerWish, Validators};
use crate::model::source::Source;

/// The most that the headers of one answer may hold, bytes.
const MOST_HEADER_BYTES: usize = 64 * 1024;

/// The longest validator that is kept, bytes: it goes into each request, and servers refuse long headers.
const LONGEST_VALIDATOR: usize = 1024;

/// RFC 3229, section 10.4.1: the body is what is new since the validator.
const IM_USED: u16 = 226;

/// Where a redirect leads.
pub(super) fn redirect(from: &Url, response: &Response) -> Result<Url, FetchError> {
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
pub(super) async fn answer(
    source: &Source,
    url: &Url,
    response: Response,
    hops: Vec<Hop>,
    known: &Validators,
    (rooms, waits): (&Rooms, &Waits),
    now: DateTime<Utc>,
) -> Result<Fetched, Failed> {
    let status = response.status();
    let headers = response.headers();
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > MOST_HEADER_BYTES {
        return Err(FetchError::HeadersTooLarge { limit: MOST_HEADER_BYTES }.into());
    }
    let wish = wish(headers, now);
    let text = |name| headers.get(name).and_then(|v: &reqwest::header::HeaderValue| v.to_str().ok()).map(str::to_owned);
    let validator = |name| text(name).filter(|value| value.len() <= LONGEST_VALIDATOR);
    let fresh =
        Validators { etag: validator(ETAG), last_modified: validator(LAST_MODIFIED), of: Some(url.to_string()) };
    if status == StatusCode::NOT_MODIFIED {
        // A 304 may renew one validator and leave the other unsaid.
        let validators = Validators {
            etag: fresh.etag.or_else(|| known.etag.clone()),
            last_modified: fresh.last_modified.or_else(|| known.last_modified.clone()),
            of: fresh.of,
        };
        return Ok(Fetched {
            outcome: Outcome::NotModified,
            http_status: Some(304),
            hops,
            validators,
            wish,
            is_delta: false,
            links: Links::default(),
            room: None,
        });
    }
    let is_delta = status.as_u16() == IM_USED;
    // Whatever else it says of the body, there is one (RFC 9110, section 15.3).
    let brings = matches!(
        status,
        StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED | StatusCode::NON_AUTHORITATIVE_INFORMATION
    );
    if !brings && !is_delta {
        return Err(Failed { error: FetchError::Status { status: status.as_u16() }, wish });
    }
    let content_type = text(CONTENT_TYPE);
    let links = links(headers, url);
    let (bytes, room) = body(source, response, rooms, waits).await?;
    let document = Document { url: url.to_string(), content_type, bytes, fetched_at: now };
    Ok(Fetched {
        outcome: Outcome::Document(document),
        http_status: Some(status.as_u16()),
        hops,
        validators: fresh,
        wish,
        is_delta,
        links,
        room,
    })
}

/// The hub and the own address in `Link` headers.
fn links(headers: &HeaderMap, base: &Url) -> Links {
    let mut links = Links::default();
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    // A comma inside the address is rarer than two links in one header; both begin with `<`.
    for part in values.flat_map(|value| value.split(",<").flat_map(|part| part.split(", <"))) {
        let Some((target, parameters)) = part.trim().trim_start_matches('<').split_once('>') else { continue };
        let Ok(target) = base.join(target) else { continue };
        let rels = parameters.split(';').filter_map(|parameter| parameter.trim().strip_prefix("rel="));
        for rel in rels.flat_map(|rel| rel.trim_matches('"').split_whitespace()) {
            let place = match rel.to_ascii_lowercase().as_str() {
                "hub" => &mut links.hub,
                "self" => &mut links.own,
                _ => continue,
            };
            place.get_or_insert_with(|| target.to_string());
        }
    }
    links
}

/// The body, decompressed, held to `max_bytes`; and its room, where it is large.
async fn body(
    source: &Source,
    mut response: Response,
    rooms: &Rooms,
    waits: &Waits,
) -> Result<(Vec<u8>, Option<Room>), FetchError> {
    let limit = source.max_bytes;
    let too_large = FetchError::TooLarge { limit };
    let length = response.content_length().unwrap_or(0);
    if length > limit {
        return Err(too_large);
    }
    let values = response.headers().get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let stated = values.collect::<Vec<_>>().join(",");
    let mut room = None;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(SMALL));
    while let Some(chunk) =
        response.chunk().await.map_err(|error| FetchError::from_body(error, source.timeouts.whole))?
    {
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large);
        }
        if room.is_none() && bytes.len() + chunk.len() > SMALL {
            room = Some(rooms.enter(waits).await);
        }
        bytes.extend_from_slice(&chunk);
    }
    if coding::is_coded(&bytes, &stated) {
        if room.is_none() && bytes.len() > SMALL_CODED {
            room = Some(rooms.enter(waits).await);
        }
        // Work for the processor.
        let decoding = tokio::task::spawn_blocking(move || coding::decode(bytes, &stated, limit));
        bytes = decoding.await.map_err(|error| FetchError::Decompression { detail: error.to_string() })??;
    }
    if bytes.len() <= SMALL {
        room = None;
    } else if room.is_none() {
        room = Some(rooms.enter(waits).await);
    }
    Ok((bytes, room))
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
    fn hubs_in_headers() -> Result<(), Box<dyn std::error::Error>> {
        let mut headers = HeaderMap::new();
        headers.append(LINK, "<https://hub.example/>; rel=\"hub\", </feed>; rel=self".parse()?);
        headers.append(LINK, "<https://other.example/>; rel=hub".parse()?);
        let found = links(&headers, &Url::parse("http://a.example/x")?);
        assert_eq!(found.hub.as_deref(), Some("https://hub.example/"));
        assert_eq!(found.own.as_deref(), Some("http://a.example/feed"));
        Ok(())
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
