//! Who may read what: the token in an address, or a password; and who asks, behind proxies.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::address;
use super::responses::plain;
use super::shares::network_of;
use crate::model::server::{Access, Guard, TrustedProxies};

/// Wrong passwords that a client may send within [`WHILE`].
const WRONG_AT_MOST: u32 = 10;
const WHILE: Duration = Duration::from_secs(60);

/// Clients that are remembered for a wrong password.
const REMEMBERED: usize = 10_000;

/// What stands behind an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// What is for everybody: probes, the looks of pages, callbacks that check for themselves.
    Open,
    Feeds,
    Pages,
}

/// The token that a path carries, and the path without it: `/t/TOKEN/feed.atom`.
pub(super) fn split(path: &str) -> (Option<&str>, &str) {
    let carried = path.strip_prefix("/t/").and_then(|rest| rest.split_once('/'));
    carried.map_or((None, path), |(token, _)| (Some(token), &path["/t/".len() + token.len()..]))
}

fn behind(path: &str) -> Behind {
    match path {
        "/healthz" | "/readyz" | "/hub" => Behind::Open,
        "/opml" => Behind::Feeds,
        _ if path.starts_with("/assets/") || path.starts_with("/websub/") => Behind::Open,
        _ if address::feed_at(path).is_some_and(|feed| feed.is_feed()) => Behind::Feeds,
        _ => Behind::Pages,
    }
}

/// What is asked for may only be kept by who asked.
pub(super) fn keep_private(headers: &mut HeaderMap) {
    let stated = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    if let Some(rest) = stated.and_then(|value| value.strip_prefix("public"))
        && let Ok(value) = HeaderValue::from_str(&format!("private{rest}"))
    {
        headers.insert(CACHE_CONTROL, value);
    }
}

/// Lets in and turns away.
#[derive(Debug, Default)]
pub(super) struct Doors {
    /// How many wrong passwords a client sent since when.
    wrong: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Doors {
    /// Whether what is asked for is behind a door at all; else the answer that turns away.
    pub(super) fn pass(
        &self,
        access: &Access,
        (token, path): (Option<&str>, &str),
        headers: &HeaderMap,
        client: Option<IpAddr>,
    ) -> Result<bool, Box<Response<Bytes>>> {
        let (guard, name) = match behind(path) {
            Behind::Open => (&Guard::default(), ""),
            Behind::Feeds => (&access.feeds, "feeds"),
            Behind::Pages => (&access.pages, "pages"),
        };
        // A page that was reached by its token asks for its looks by it too.
        if guard.is_open() && (token.is_none() || path.starts_with("/assets/")) {
            return Ok(false);
        }
        if let Some(token) = token {
            let is_right = guard.token.as_ref().is_some_and(|right| is_same(right.reveal(), token));
            let nothing = "404: there is nothing at this address.\n";
            return if is_right { Ok(true) } else { Err(Box::new(plain(StatusCode::NOT_FOUND, nothing))) };
        }
        let Some(presented) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return Err(Box::new(asking(guard)));
        };
        if self.has_guessed(client) {
            let mut response = plain(
                StatusCode::TOO_MANY_REQUESTS,
                "429: too many wrong passwords from this address; come back in a minute.\n",
            );
            response.headers_mut().insert("retry-after", HeaderValue::from_static("60"));
            return Err(Box::new(response));
        }
        if opens(guard, presented) {
            return Ok(true);
        }
        // A browser sends what it knows to every path of a site; the key of the other door is no guess.
        if [&access.feeds, &access.pages].into_iter().any(|guard| opens(guard, presented)) {
            return Err(Box::new(asking(guard)));
        }
        let client_text = client.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
        tracing::warn!(client = client_text, "a wrong password for the {name}");
        self.note_guess(client);
        Err(Box::new(asking(guard)))
    }

    /// Whether a request brings what opens the feeds, where nothing in an address does.
    pub(super) fn may_read_feeds(&self, access: &Access, headers: &HeaderMap, client: Option<IpAddr>) -> bool {
        access.feeds.is_open()
            || access.feeds.token.is_some()
            || self.pass(access, (None, "/opml"), headers, client).is_ok()
    }

    fn has_guessed(&self, client: Option<IpAddr>) -> bool {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = client.and_then(|client| wrong.get(&network_of(client)));
        of_client.is_some_and(|(count, since)| *count >= WRONG_AT_MOST && since.elapsed() < WHILE)
    }

    fn note_guess(&self, client: Option<IpAddr>) {
        let Some(client) = client else { return };
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= REMEMBERED {
            wrong.retain(|_, (_, since)| since.elapsed() < WHILE);
        }
        if wrong.len() >= REMEMBERED {
            wrong.clear();
        }
        let (count, since) = wrong.entry(network_of(client)).or_insert((0, Instant::now()));
        if since.elapsed() >= WHILE {
            (*count, *since) = (0, Instant::now());
        }
        *count += 1;
    }
}

/// Whether a value of `Authorization` opens the door.
fn opens(guard: &Guard, presented: &str) -> bool {
    let (scheme, value) = presented.split_once(' ').unwrap_or((presented, ""));
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return guard.token.as_ref().is_some_and(|right| is_same(right.reveal(), value));
    }
    let expected = guard.credentials.as_ref().filter(|_| scheme.eq_ignore_ascii_case("basic"));
    let (Some(expected), Ok(decoded)) = (expected, BASE64.decode(value)) else { return false };
    let pair = format!("{}:{}", expected.username, expected.password.reveal());
    is_same_bytes(pair.as_bytes(), &decoded)
}

fn is_same(right: &str, presented: &str) -> bool {
    is_same_bytes(right.as_bytes(), presented.as_bytes())
}

/// By their digests, so that the time it takes tells nothing of how much was right.
fn is_same_bytes(right: &[u8], presented: &[u8]) -> bool {
    Sha256::digest(right) == Sha256::digest(presented)
}

pub(super) fn asking(guard: &Guard) -> Response<Bytes> {
    let mut response = plain(
        StatusCode::UNAUTHORIZED,
        "401: this is for those who were given its address or a password ([access] in feeds.toml).\n",
    );
    let scheme = match guard.credentials {
        Some(_) => "Basic realm=\"newsriver\", charset=\"UTF-8\"",
        None => "Bearer realm=\"newsriver\"",
    };
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    response
}

/// Who asks: the peer, or where that is a proxy that is trusted, who it says it asks for. A Unix socket has a
/// proxy behind it.
pub(super) fn client(proxies: &TrustedProxies, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    if peer.is_some_and(|peer| !proxies.contain(peer)) {
        return peer;
    }
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
    // From the nearest on: what stands left of the first that is not ours is hearsay.
    let mut client = peer;
    for text in named.into_iter().rev() {
        let bare = text.strip_prefix('[').and_then(|text| text.split_once(']')).map_or(text, |(inside, _)| inside);
        let Ok(address) = bare.parse::<IpAddr>() else { break };
        let address = address.to_canonical();
        client = Some(address);
        if !proxies.contain(address) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::source::{Credentials, Secret};

    const TOKEN: &str = "f00dfeedf00dfeed";

    fn access() -> Access {
        let credentials = Credentials { username: "qing".into(), password: Secret::new("浦:1".into()) };
        Access {
            feeds: Guard { token: Some(Secret::new(TOKEN.into())), credentials: None },
            pages: Guard { token: None, credentials: Some(credentials) },
        }
    }

    fn status(doors: &Doors, path: &str, authorization: Option<&str>) -> u16 {
        let headers = authorization.and_then(|text| HeaderValue::from_str(text).ok());
        let headers = HeaderMap::from_iter(headers.map(|value| (AUTHORIZATION, value)));
        let passed = doors.pass(&access(), split(path), &headers, Some([192, 0, 2, 1].into()));
        passed.map_or_else(|response| response.status().as_u16(), |_| 200)
    }

    #[test]
    fn each_door_has_its_own_key() {
        let doors = Doors::default();
        let basic = format!("Basic {}", BASE64.encode("qing:浦:1"));
        let with = |path: &str| format!("/t/{TOKEN}{path}");
        for (path, authorization, expected) in [
            ("/healthz", None, 200),
            ("/readyz", None, 200),
            ("/assets/page.css", None, 200),
            ("/websub/abc", None, 200),
            ("/feed.atom", None, 401),
            ("/groups/local/feed.json", None, 401),
            ("/archives/1-100.atom", None, 401),
            ("/opml", None, 401),
            ("/feed.atom", Some(basic.as_str()), 401),
            ("/feed.atom", Some("Bearer f00dfeedf00dfeed"), 200),
            ("/feed.atom", Some("bearer  f00dfeedf00dfeed"), 200),
            ("/feed.atom", Some("Bearer f00dfeedf00dfeef"), 401),
            (&with("/feed.atom"), None, 200),
            (&with("/archives/1-100.atom"), None, 200),
            (&with("/opml"), None, 200),
            (&with("/"), None, 404),
            (&with("/status"), None, 404),
            (&with("/healthz"), None, 404),
            ("/t/x/feed.atom", None, 404),
            ("/t//feed.atom", None, 404),
            (&format!("/t/{TOKEN}/t/{TOKEN}/feed.atom"), None, 404),
            ("/", None, 401),
            ("/status.json", None, 401),
            ("/metrics", None, 401),
            ("/events", None, 401),
            ("/no/such/page", None, 401),
            ("/", Some(basic.as_str()), 200),
            ("/status", Some("Basic cWluZzp4"), 401),
            ("/status", Some("Basic ***"), 401),
            ("/status", Some("Bearer f00dfeedf00dfeed"), 401),
        ] {
            assert_eq!(status(&doors, path, authorization), expected, "{path} {authorization:?}");
        }
        assert_eq!(asking(&access().pages).headers()[WWW_AUTHENTICATE], "Basic realm=\"newsriver\", charset=\"UTF-8\"");
    }

    #[test]
    fn who_guesses_has_to_wait() {
        let doors = Doors::default();
        let right = format!("Basic {}", BASE64.encode("qing:浦:1"));
        for _ in 0..WRONG_AT_MOST {
            assert_eq!(status(&doors, "/", Some("Basic eDp5")), 401);
        }
        assert_eq!(status(&doors, "/", Some(right.as_str())), 429);
        assert_eq!(status(&doors, "/", None), 401, "a browser that has not asked for the password yet");
        assert_eq!(status(&doors, &format!("/t/{TOKEN}/feed.atom"), None), 200, "addresses are not guessed");
    }

    #[test]
    fn only_proxies_that_are_trusted_tell_who_asks() -> Result<(), Box<dyn std::error::Error>> {
        let proxies = TrustedProxies::parse(vec!["127.0.0.1".into(), "10.0.0.0/8".into()])?;
        for (peer, forwarded, expected) in [
            (Some("127.0.0.1"), &["198.51.100.7"][..], Some("198.51.100.7")),
            (Some("127.0.0.1"), &["203.0.113.9, 198.51.100.7", "10.1.2.3"], Some("198.51.100.7")),
            (Some("127.0.0.1"), &["203.0.113.9, nonsense"], Some("127.0.0.1")),
            (Some("127.0.0.1"), &[], Some("127.0.0.1")),
            (Some("127.0.0.1"), &["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (Some("192.0.2.1"), &["198.51.100.7"], Some("192.0.2.1")),
            (None, &["198.51.100.7"], Some("198.51.100.7")),
            (None, &[], None),
        ] {
            let headers = forwarded.iter().map(|text| Ok(("x-forwarded-for".parse()?, text.parse()?)));
            let headers = headers.collect::<Result<HeaderMap, Box<dyn std::error::Error>>>()?;
            let (peer, expected) = (peer.map(str::parse).transpose()?, expected.map(str::parse).transpose()?);
            assert_eq!(client(&proxies, peer, &headers), expected, "{peer:?} {forwarded:?}");
        }
        assert!(TrustedProxies::parse(vec!["nginx".into()]).is_err());
        Ok(())
    }
}
