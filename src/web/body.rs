//! One representation with everything that a conditional request needs, and its codings.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, USER_AGENT, VARY,
};
use hyper::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::budget::{Memory, Reserved, keep_with};
use super::wire::Sealed;
use crate::model::text::hex;

/// Bodies below this are sent as they are: coding them costs more than it saves.
const WORTH_CODING: usize = 512;

/// Who asks for changes (`A-IM: feed`) without knowing what to do with them, and so gets the whole: feedparser asks in
/// the name of every program that uses it, and rss2email, for one, takes 226 for an error.
const ASK_IN_VAIN: [&str; 2] = ["feedparser/", "rss2email/"];

/// What changes of a feed depend on (RFC 3229, section 10.9).
const VARY_OF_CHANGES: &str = "A-IM, If-None-Match, Accept-Encoding, Accept, Sec-Fetch-Dest, Upgrade-Insecure-Requests";

/// What the choice of a representation depends on: a feed or a report is another one for a browser, a page is in the
/// language of its reader.
fn vary(content_type: &str) -> &'static str {
    if content_type.starts_with("text/html") {
        return "Accept-Encoding, Accept-Language, Accept, Sec-Fetch-Dest, Upgrade-Insecure-Requests";
    }
    if content_type.starts_with("application/") && content_type.ends_with("utf-8") {
        return "Accept-Encoding, Accept, Sec-Fetch-Dest, Upgrade-Insecure-Requests";
    }
    "Accept-Encoding"
}

/// A content coding (RFC 9110, section 8.4.1), best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Zstd,
    Gzip,
    Identity,
}

impl Coding {
    const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its place among all that a body keeps; that of the bytes as they are is the last.
    fn place(self) -> usize {
        Self::ALL.iter().position(|known| *known == self).unwrap_or(Self::ALL.len())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }
}

/// A body that is ready: its bytes, its validators, and its codings once they were asked for.
#[derive(Debug)]
pub struct Body {
    content_type: &'static str,
    bytes: Bytes,
    tag: String,
    /// The same as `ETag` of each coding, of the bytes as they are last.
    etags: [HeaderValue; 4],
    /// What the choice of this representation depends on (RFC 9110, section 12.5.5).
    vary: &'static str,
    /// The number of the newest change that it knows of, where it is kept.
    change: Option<i64>,
    last_modified: Option<HeaderValue>,
    cache_control: &'static str,
    coded: [OnceLock<Option<Bytes>>; 3],
    /// Which codings were asked for.
    asked: [AtomicBool; 3],
    /// The same ready to be sent without a copy, the bytes as they are last.
    sealed: [OnceLock<Option<Arc<Sealed>>>; 4],
    /// Whether it is worth that: many ask for it.
    is_shared: AtomicBool,
    /// What the bytes and their codings count as.
    memory: Memory,
}

impl Body {
    /// A body that last changed at `changed_at`, where that is known.
    #[must_use]
    pub fn new(
        content_type: &'static str,
        bytes: Vec<u8>,
        changed_at: Option<DateTime<Utc>>,
        cache_control: &'static str,
    ) -> Self {
        let tag = hex(&Sha256::digest(&bytes)[..12]);
        let last_modified = changed_at.and_then(|at| HeaderValue::from_str(&httpdate::fmt_http_date(at.into())).ok());
        Self {
            content_type,
            bytes: bytes.into(),
            etags: etags(&tag),
            tag,
            vary: vary(content_type),
            change: None,
            last_modified,
            cache_control,
            coded: Default::default(),
            asked: Default::default(),
            sealed: Default::default(),
            is_shared: AtomicBool::new(false),
            memory: Memory::default(),
        }
    }

    /// The same, made for many readers: sent without a copy where that is worth it. Its memory counts as `memory`.
    #[must_use]
    pub(super) fn for_all(mut self, memory: Memory) -> Self {
        if let Some(bytes) = memory.keep(self.bytes.clone()) {
            self.bytes = bytes;
        }
        Self { is_shared: AtomicBool::new(true), memory, ..self }
    }

    /// The same, made for a request, with the coding that it asks for; `None` where there is no memory for it.
    pub(super) fn within(mut self, reserved: Reserved, coding: Coding) -> Option<Self> {
        let (memory, permit) = reserved.take(self.bytes.len())?;
        self.bytes = keep_with(self.bytes, permit);
        self.memory = memory;
        self.prepare(coding);
        Some(self)
    }

    /// Notes that it is asked for again.
    pub(super) fn note_shared(&self) {
        self.is_shared.store(true, Ordering::Relaxed);
    }

    /// Makes a coding, unless there is one: work for the processor.
    pub(super) fn prepare(&self, coding: Coding) {
        if self.bytes.len() >= WORTH_CODING {
            self.coded(coding);
        }
    }

    /// Whether a request for this coding can be answered at once.
    pub(super) fn is_prepared(&self, coding: Coding) -> bool {
        self.bytes.len() < WORTH_CODING || self.coded.get(coding.place()).is_none_or(|coded| coded.get().is_some())
    }

    /// How many bytes, in no coding.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes in all of its codings that were made so far.
    pub(super) fn memory_len(&self) -> usize {
        let coded = self.coded.iter().filter_map(|coded| coded.get()?.as_ref());
        self.bytes.len() + coded.map(Bytes::len).sum::<usize>()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes, in no coding.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The same as the state of a feed after a change: its tag tells which, so that a reader who comes back
    /// with it can be told what is new.
    #[must_use]
    pub fn at_change(mut self, change: i64) -> Self {
        self.tag = format!("{}.{change:x}", self.tag);
        self.etags = etags(&self.tag);
        self.change = Some(change);
        self
    }

    /// Between which changes a client wants to know what is new, if it wants to (RFC 3229, sections 5.3 and
    /// 10.4.1, with the manipulation `feed`).
    #[must_use]
    pub fn asked_for_changes(&self, headers: &HeaderMap) -> Option<(i64, i64)> {
        let wanted = headers.get_all("a-im").iter().filter_map(|value| value.to_str().ok());
        let mut wanted = wanted.flat_map(|value| value.split(',')).map(|one| one.split(';').next().unwrap_or_default());
        let reader = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let in_vain = ASK_IN_VAIN.iter().any(|name| reader.starts_with(name));
        if in_vain || !wanted.any(|one| one.trim().eq_ignore_ascii_case("feed")) || self.is_known(headers) {
            return None;
        }
        let known = tags(headers).filter_map(|tag| i64::from_str_radix(opaque(tag).split_once('.')?.1, 16).ok()).max();
        known.zip(self.change)
    }

    /// The answer where this body holds what is new in `full` (RFC 3229, section 10.4.1).
    #[must_use]
    pub fn respond_as_changes_of(&self, full: &Self, method: &Method, headers: &HeaderMap) -> Response<Bytes> {
        let nothing_known = HeaderMap::from_iter(headers.get(ACCEPT_ENCODING).map(|v| (ACCEPT_ENCODING, v.clone())));
        let mut response = self.respond(method, &nothing_known);
        *response.status_mut() = StatusCode::IM_USED;
        let stated = response.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let coding = Coding::ALL.into_iter().find(|known| stated == Some(known.name())).unwrap_or(Coding::Identity);
        let out = response.headers_mut();
        out.insert("im", HeaderValue::from_static("feed"));
        out.insert(VARY, HeaderValue::from_static(VARY_OF_CHANGES));
        out.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, im"));
        out.remove(LAST_MODIFIED);
        if let Some(date) = &full.last_modified {
            out.insert(LAST_MODIFIED, date.clone());
        }
        out.insert(ETAG, full.etags[coding.place()].clone());
        response
    }

    /// The answer to a request with these headers: 200, or 304 where the client has it.
    #[must_use]
    pub fn respond(&self, method: &Method, headers: &HeaderMap) -> Response<Bytes> {
        let coding = if self.bytes.len() < WORTH_CODING { Coding::Identity } else { accepted(headers) };
        let (coding, bytes) = self.coded(coding);
        let place = coding.place();
        let mut response = Response::new(Bytes::new());
        let out = response.headers_mut();
        out.insert(ETAG, self.etags[place].clone());
        if let Some(date) = &self.last_modified {
            out.insert(LAST_MODIFIED, date.clone());
        }
        out.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        out.insert(VARY, HeaderValue::from_static(self.vary));
        if self.is_known(headers) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        out.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        out.insert(CONTENT_LENGTH, bytes.len().into());
        if coding != Coding::Identity {
            out.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        if method != Method::HEAD {
            if self.is_shared.load(Ordering::Relaxed)
                && let Some(sealed) = self.sealed[place].get_or_init(|| Sealed::new(&bytes, &self.memory))
            {
                response.extensions_mut().insert(sealed.clone());
            }
            *response.body_mut() = bytes;
        }
        response
    }

    /// RFC 9110, section 13.2.2: `If-None-Match` decides alone where it is there. A tag of any
    /// coding is the same version of the same resource.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(IF_NONE_MATCH) {
            return tags(headers).any(|tag| tag == "*" || opaque(tag) == self.tag);
        }
        let (Some(since), Some(changed)) = (headers.get(IF_MODIFIED_SINCE), &self.last_modified) else { return false };
        let date = |value: &HeaderValue| value.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok());
        matches!((date(since), date(changed)), (Some(since), Some(changed)) if changed <= since)
    }

    /// Makes the codings that were asked for while `before` was served, so that no request waits for them.
    pub fn prepare_like(&self, before: &Self) {
        for (place, coding) in Coding::ALL.into_iter().enumerate() {
            if before.asked[place].load(Ordering::Relaxed) {
                self.coded[place].get_or_init(|| self.encoded(coding));
            }
        }
    }

    /// The bytes in a coding; made at its first use and kept.
    fn coded(&self, coding: Coding) -> (Coding, Bytes) {
        if coding == Coding::Identity {
            return (coding, self.bytes.clone());
        }
        let place = coding.place();
        self.asked[place].store(true, Ordering::Relaxed);
        match self.coded[place].get_or_init(|| self.encoded(coding)) {
            Some(bytes) => (coding, bytes.clone()),
            None => (Coding::Identity, self.bytes.clone()),
        }
    }
}

impl Body {
    /// The bytes in a coding; `None` where that cannot be, or there is no memory for it.
    fn encoded(&self, coding: Coding) -> Option<Bytes> {
        encode(coding, &self.bytes).and_then(|bytes| self.memory.keep(bytes))
    }
}

/// One strong tag for each coding (RFC 9110, section 8.8.3.3), that of the bytes as they are last.
fn etags(tag: &str) -> [HeaderValue; 4] {
    let one = |ending: &str| {
        let tag = format!("\"{tag}{ending}\"");
        // A tag is hexadecimal digits and a dot.
        HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
    };
    [one("-br"), one("-zstd"), one("-gzip"), one("")]
}

fn tags(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim)
}

/// What a tag says, whatever the coding it was sent with.
fn opaque(tag: &str) -> &str {
    let opaque = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
    opaque.split_once('-').map_or(opaque, |(base, _)| base)
}

fn encode(coding: Coding, bytes: &[u8]) -> Option<Bytes> {
    let coded = match coding {
        Coding::Identity => return None,
        Coding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            writer.write_all(bytes).ok()?;
            writer.finish().ok()?
        }
        Coding::Zstd => zstd::bulk::compress(bytes, 9).ok()?,
        Coding::Brotli => {
            let mut out = Vec::new();
            let settings = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
            brotli::BrotliCompress(&mut &*bytes, &mut out, &settings).ok()?;
            out
        }
    };
    Some(coded.into())
}

/// The coding to answer in: the best of ours among those the client likes most.
pub(super) fn accepted(headers: &HeaderMap) -> Coding {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return Coding::Identity;
    }
    let wanted: Vec<(String, f32)> = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|part| {
            let mut pieces = part.split(';');
            let name = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
            let quality = pieces.filter_map(|p| p.trim().strip_prefix("q=")?.parse().ok()).next().unwrap_or(1.0);
            (name, quality)
        })
        .collect();
    let quality = |coding: Coding| {
        let of = |name: &str| wanted.iter().find(|(known, _)| known == name).map(|(_, q)| *q);
        of(coding.name()).or_else(|| of("*")).unwrap_or(0.0)
    };
    let mut best = (Coding::Identity, 0.0);
    for coding in Coding::ALL {
        if quality(coding) > best.1 {
            best = (coding, quality(coding));
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn body() -> Body {
        Body::new(
            "text/plain",
            "青浦工业园区 ".repeat(200).into_bytes(),
            DateTime::from_timestamp(784_111_777, 0),
            "no-cache",
        )
    }

    fn ask(pairs: &[(&'static str, &str)]) -> Response<Bytes> {
        let headers: HeaderMap = pairs
            .iter()
            .filter_map(|(k, v)| Some((k.parse::<hyper::header::HeaderName>().ok()?, v.parse().ok()?)))
            .collect();
        body().respond(&Method::GET, &headers)
    }

    fn header(response: &Response<Bytes>, name: &str) -> String {
        response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }

    #[test]
    fn each_coding_has_a_tag_and_gives_the_same_text() -> std::io::Result<()> {
        let mut tags = std::collections::HashSet::new();
        for coding in ["gzip", "br", "zstd", "identity"] {
            let response = ask(&[("accept-encoding", coding)]);
            assert!(tags.insert(header(&response, "etag")), "{coding}");
            let bytes = response.into_body();
            let mut text = Vec::new();
            match coding {
                "gzip" => flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text)?,
                "br" => brotli::Decompressor::new(&bytes[..], 4096).read_to_end(&mut text)?,
                "zstd" => zstd::stream::read::Decoder::new(&bytes[..])?.read_to_end(&mut text)?,
                _ => (&bytes[..]).read_to_end(&mut text)?,
            };
            assert_eq!(text, body().bytes, "{coding}");
        }
        Ok(())
    }

    #[test]
    fn qualities_are_honoured() {
        for (accept, coding) in [
            ("gzip;q=1, br;q=0.5", "gzip"),
            ("*", "br"),
            ("br;q=0, gzip", "gzip"),
            ("", ""),
            ("identity", ""),
            ("GZIP, deflate", "gzip"),
        ] {
            assert_eq!(header(&ask(&[("accept-encoding", accept)]), "content-encoding"), coding, "{accept}");
        }
    }

    #[test]
    fn conditional_requests() {
        let tag = header(&ask(&[]), "etag");
        for (name, value, status) in [
            ("if-none-match", tag.as_str(), 304),
            ("if-none-match", &format!("\"x\", W/{tag}"), 304),
            ("if-none-match", "*", 304),
            ("if-none-match", "\"x\"", 200),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 304),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT", 200),
            ("if-modified-since", "yesterday", 200),
        ] {
            let response = ask(&[(name, value)]);
            assert_eq!(response.status().as_u16(), status, "{name}: {value}");
            assert_eq!(header(&response, "vary"), "Accept-Encoding");
            assert_eq!(header(&response, "etag"), tag);
        }
        let both = ask(&[("if-none-match", "\"x\""), ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert_eq!(both.status(), StatusCode::OK, "the tag decides alone");
    }

    #[test]
    fn changes_are_for_readers_that_ask_and_understand() {
        let body = body().at_change(7);
        let asked = |pairs: &[(&'static str, &str)]| {
            let headers =
                pairs.iter().map(|(k, v)| Some((k.parse::<hyper::header::HeaderName>().ok()?, v.parse().ok()?)));
            body.asked_for_changes(&headers.map_while(|pair| pair).collect())
        };
        let known = ("if-none-match", "\"x.3-gzip\"");
        assert_eq!(asked(&[("a-im", "x, feed;q=1"), known]), Some((3, 7)));
        assert_eq!(asked(&[("a-im", "vcdiff"), known]), None);
        assert_eq!(asked(&[("a-im", "feed"), ("if-none-match", "\"x\"")]), None);
        assert_eq!(asked(&[("a-im", "feed"), known, ("user-agent", "feedparser/6.0.10 +x")]), None);
    }

    #[test]
    fn head_has_the_headers_of_get() {
        let get = ask(&[("accept-encoding", "gzip")]);
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        let head = body().respond(&Method::HEAD, &headers);
        assert_eq!(get.headers(), head.headers());
        assert!(head.body().is_empty());
    }
}
