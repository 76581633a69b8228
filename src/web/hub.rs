//! newsriver's own hub: who wants to be pushed the river (WebSub, section 5.2).
//!
//! It is open to all who may read the river, and the only address that changes something; so a form of another site,
//! sent by a browser that can reach what that site cannot, is refused.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};

use super::access::asking;
use super::responses::{closing, plain, try_again};
use super::site::{Asker, Site};
use crate::hub;

/// How long a subscriber may take to send its form.
const FORM_TIME: Duration = Duration::from_secs(5);

/// The largest form that is read, bytes.
const LARGEST_FORM: usize = 16 * 1024;

impl Site {
    /// Answers who wants to listen at our own hub: 202, and whether he means it is asked afterwards.
    pub(super) async fn listen(&self, request: Request<Incoming>, asker: &Asker) -> Response<Bytes> {
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "405: subscribers post here (WebSub).\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let config = self.live.config();
        if is_of_another_site(request.headers(), &self.live.base_url().origin().ascii_serialization()) {
            return closing(plain(StatusCode::FORBIDDEN, "403: a page of another site cannot subscribe.\n"));
        }
        if !self.doors.may_read_feeds(&config.access, request.headers(), asker.client) {
            return closing(asking(&config.access.feeds));
        }
        if !self.subscribing.rate.admits(asker.client, Instant::now()) {
            let text = "429: too many subscriptions from this address; come back in a minute.\n";
            return closing(try_again(StatusCode::TOO_MANY_REQUESTS, text, "60"));
        }
        let body = request.into_body();
        let Ok(_place) = self.subscribing.forms.clone().try_acquire_owned() else { return closing(too_many()) };
        if body.size_hint().lower() > LARGEST_FORM as u64 {
            return closing(plain(StatusCode::PAYLOAD_TOO_LARGE, "413: the form is too large.\n"));
        }
        let form = match tokio::time::timeout(FORM_TIME, Limited::new(body, LARGEST_FORM).collect()).await {
            Ok(Ok(form)) => form.to_bytes(),
            Ok(Err(_)) => {
                return closing(plain(StatusCode::PAYLOAD_TOO_LARGE, "413: the form is too large or broke off.\n"));
            }
            Err(_) => return closing(plain(StatusCode::REQUEST_TIMEOUT, "408: the form took too long.\n")),
        };
        let asked = match hub::request(&form) {
            Ok(asked) => asked,
            Err(error) => {
                tracing::debug!(%error, "hub subscription refused");
                return plain(StatusCode::BAD_REQUEST, "400: hub.mode, hub.callback, hub.topic, as WebSub has them.\n");
            }
        };
        if self.live.topic(&asked.topic).is_none() {
            return plain(
                StatusCode::NOT_FOUND,
                "404: this hub pushes /feed.atom, /feed.rss and /feed.json of here.\n",
            );
        }
        if !self.live.may_push_to(&asked.callback) {
            return plain(
                StatusCode::FORBIDDEN,
                "403: this river is at a private address and is pushed to none outside; `river.base_url` in feeds.toml says where readers reach it.\n",
            );
        }
        match self.listeners.try_send(asked) {
            Ok(()) => plain(StatusCode::ACCEPTED, ""),
            Err(_) => too_many(),
        }
    }
}

fn too_many() -> Response<Bytes> {
    try_again(StatusCode::SERVICE_UNAVAILABLE, "503: too many subscribers at once.\n", "60")
}

/// Whether a browser sends this for a page of another site than ours (Fetch standard, `Origin`; Fetch Metadata).
/// Subscribers are no browsers and send neither.
fn is_of_another_site(headers: &HeaderMap, own: &str) -> bool {
    let is_other =
        |name: &str, ours: &[&str]| headers.get_all(name).iter().any(|value| !ours.iter().any(|own| value == own));
    is_other(ORIGIN.as_str(), &[own]) || is_other("sec-fetch-site", &["same-origin", "none"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_subscribe_by_a_browser() -> Result<(), Box<dyn std::error::Error>> {
        for (name, value, expected) in [
            ("origin", "https://evil.example", true),
            ("origin", "null", true),
            ("origin", "http://news.example.org", true),
            ("origin", "https://news.example.org", false),
            ("sec-fetch-site", "cross-site", true),
            ("sec-fetch-site", "same-site", true),
            ("sec-fetch-site", "same-origin", false),
            ("sec-fetch-site", "none", false),
            ("referer", "https://evil.example", false),
        ] {
            let headers = HeaderMap::from_iter([(name.parse::<hyper::header::HeaderName>()?, value.parse()?)]);
            assert_eq!(is_of_another_site(&headers, "https://news.example.org"), expected, "{name}: {value}");
        }
        Ok(())
    }
}
