//! Pages for people: rendered here, complete without a script.

mod around;
mod chart;
mod escape;
mod explain;
mod frame;
mod made;
mod message;
mod river;
mod source;
mod status;
mod story;
mod text;

use std::sync::LazyLock;

use askama::Template;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use super::body::Body;
use crate::config::Images;
use crate::model::text::hex;
use crate::publish::River;

pub(super) use explain::explain;
pub use frame::Setting;
pub(super) use message::{feed, is_for_a_person, not_found, wants_html};
pub use river::Surroundings;
pub(super) use river::river;
pub(super) use source::source;
pub(super) use status::{Beside, Pulses, Wanted, status};
pub(super) use story::{shown_of, story};

const STYLE: &str = include_str!("../../../assets/page.css");
const ICON: &str = include_str!("../../../assets/icon.svg");
const SCRIPT: &str = include_str!("../../../assets/page.js");
const SETTINGS: &str = include_str!("../../../assets/settings.js");
const MANIFEST: &str = include_str!("../../../assets/site.webmanifest");

/// What the addresses of style and script carry, so that they can be kept for ever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::new().chain_update(STYLE).chain_update(SCRIPT).chain_update(SETTINGS).finalize();
    hex(&digest[..6])
});

/// What pages ask for under `assets/`, by name.
const ASSETS: [(&str, &str); 5] = [
    ("page.css", STYLE),
    ("icon.svg", ICON),
    ("page.js", SCRIPT),
    ("settings.js", SETTINGS),
    ("site.webmanifest", MANIFEST),
];

/// The files that pages ask for under `assets/`: their names and what is in them.
#[must_use]
pub fn assets() -> [(&'static str, &'static str); 5] {
    ASSETS
}

/// A page of the river as HTML.
#[must_use]
pub fn page(river: &River, around: &Surroundings, setting: &Setting) -> Bytes {
    self::river(river, around, setting).into_bytes()
}

/// The same as they are served: each is there once, whoever holds it.
static SERVED: LazyLock<Vec<(&str, Body)>> = LazyLock::new(|| {
    let served = ASSETS.iter().map(|(name, text)| {
        let content_type = match name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("webmanifest") => "application/manifest+json",
            _ => "text/javascript; charset=utf-8",
        };
        (*name, Body::new(content_type, (*text).into(), None, "public, max-age=31536000, immutable"))
    });
    served.collect()
});

/// A file that pages ask for.
pub(super) fn asset(path: &str) -> Option<&'static Body> {
    let name = path.strip_prefix("/assets/")?;
    SERVED.iter().find(|(known, _)| *known == name).map(|(_, body)| body)
}

/// The language of a text, as it is marked up: the publisher's, else Chinese where it looks like it.
fn language_of(stated: Option<&str>, text: &str) -> Option<String> {
    let is_han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}');
    let is_kana = |c: char| matches!(c, '\u{3040}'..='\u{30ff}');
    let guessed = || (text.chars().any(is_han) && !text.chars().any(is_kana)).then(|| "zh".to_owned());
    stated.map(str::to_owned).or_else(guessed)
}

fn html(page: &impl Template, changed: Option<DateTime<Utc>>, caching: &'static str) -> Body {
    let page = page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        "<!doctype html><title>newsriver</title><p>This page could not be rendered; the log says why.".to_owned()
    });
    Body::new("text/html; charset=utf-8", page.into_bytes(), changed, caching)
}

/// The policy of pages whose pictures come from the publishers.
const DIRECT_PICTURES: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' http: https:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Says where the pictures of a page may come from.
pub(super) fn allow_pictures(headers: &mut HeaderMap, images: Images) {
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if is_page && images == Images::Direct {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(DIRECT_PICTURES));
    }
}
