//! Short pages: a feed that was opened in a browser, an address that leads nowhere.

use askama::Template;
use hyper::header::{ACCEPT, HeaderMap};

use super::frame::{Frame, Setting};
use super::html;
use crate::model::part::Ask;
use crate::publish::{Addresses, Format};
use crate::web::body::Body;

#[derive(Template)]
#[template(path = "message.html")]
struct Page<'a> {
    f: Frame<'a>,
    river: &'a str,
    title: &'a str,
    text: &'a str,
    feed: Option<Feed>,
}

struct Feed {
    /// What is subscribed to.
    url: String,
    /// Where even a browser gets the feed itself.
    raw: String,
}

/// The page for an address that leads nowhere.
pub(in crate::web) fn not_found(river: &str, addresses: &Addresses, setting: &Setting) -> Body {
    let frame = Frame::new(&addresses.pages, setting);
    let (title, text) = (frame.t.not_found(), frame.t.not_found_how());
    html(&Page { f: frame, river, title, text, feed: None }, None, "no-store")
}

/// The page for a feed that was opened in a browser.
pub(in crate::web) fn feed(river: &str, ask: &Ask, format: Format, addresses: &Addresses, setting: &Setting) -> Body {
    let frame = Frame::new(&addresses.pages, setting);
    let url = |base: &url::Url, raw: bool| {
        let mut parameters = ask.parameters();
        parameters.extend(raw.then(|| ("raw", "1".to_owned())));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{base}{}feed.{}{mark}{query}", ask.part.path(), format.ending())
    };
    let feed = Feed { url: url(&addresses.offered, false), raw: url(&addresses.offered, true) };
    let (title, text) = (frame.t.feed_is(), frame.t.feed_explained());
    html(&Page { f: frame, river, title, text, feed: Some(feed) }, None, "no-store")
}

/// Whether a browser shows the answer to a person: it says that it navigates, and wants HTML before anything else. Feed
/// readers that name HTML among what they take do not say that they navigate.
pub(in crate::web) fn is_for_a_person(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &str| headers.get(name).is_some_and(|value| value.as_bytes() == wanted.as_bytes());
    let navigates = match headers.get("sec-fetch-dest") {
        Some(target) => target.as_bytes() == b"document",
        // Not sent to hosts without TLS.
        None => is("upgrade-insecure-requests", "1"),
    };
    navigates && wants_html(headers)
}

/// Whether HTML is what a client wants most.
pub(in crate::web) fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.trim_start().starts_with("text/html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_a_page_and_readers_the_feed() {
        let of = |pairs: &[(&'static str, &str)]| {
            let headers: HeaderMap =
                pairs.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?))).collect();
            is_for_a_person(&headers)
        };
        let browser = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        assert!(of(&[browser, ("sec-fetch-dest", "document")]));
        assert!(of(&[browser, ("upgrade-insecure-requests", "1")]), "over plain HTTP");
        assert!(!of(&[browser]), "a reader that copies a browser's header");
        assert!(!of(&[browser, ("sec-fetch-dest", "empty"), ("upgrade-insecure-requests", "1")]), "a script");
        assert!(!of(&[("accept", "application/atom+xml, text/html;q=0.5"), ("sec-fetch-dest", "document")]));
        assert!(!of(&[("accept", "*/*")]));
        assert!(!of(&[]));
    }
}
