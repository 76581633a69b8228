//! Answers that are the same whoever asks, and the headers of all of them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::streams::Outgoing;

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

/// Puts the headers of every answer into one.
pub(super) fn add_safe_headers(headers: &mut HeaderMap) {
    for (name, value) in SAFE_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// An answer that is sent as a whole.
pub(super) fn ready(response: Response<Bytes>) -> Response<Outgoing> {
    response.map(|bytes| Outgoing::Whole(Full::new(bytes)))
}

pub(super) fn empty() -> Outgoing {
    Outgoing::Whole(Full::new(Bytes::new()))
}

/// An answer that asks a client to come back in so many seconds.
pub(super) fn try_again(status: StatusCode, text: &'static str, seconds: &'static str) -> Response<Bytes> {
    let mut response = plain(status, text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}

/// A line of text.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The same, and the connection ends with it: what the client still sends is not read.
pub(super) fn closing(mut response: Response<Bytes>) -> Response<Bytes> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
