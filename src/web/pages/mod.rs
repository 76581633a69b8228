//! Pages for people: rendered here, complete without a script.

mod escape;
mod explain;
mod river;
mod source;
mod status;

use std::sync::LazyLock;

use askama::Template;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::body::Body;
use crate::model::text::hex;
use crate::publish::River;

pub(super) use explain::explain;
pub(super) use river::river;
pub(super) use source::source;
pub(super) use status::{Pulses, Wanted, status};

const STYLE: &str = include_str!("../../../assets/page.css");
const ICON: &str = include_str!("../../../assets/icon.svg");
const SCRIPT: &str = include_str!("../../../assets/page.js");

/// What the addresses of style and script carry, so that they can be kept for ever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::new().chain_update(STYLE).chain_update(SCRIPT).finalize();
    hex(&digest[..6])
});

/// What pages ask for under `assets/`, by name.
const ASSETS: [(&str, &str); 3] = [("page.css", STYLE), ("icon.svg", ICON), ("page.js", SCRIPT)];

/// The files that pages ask for under `assets/`: their names and what is in them.
#[must_use]
pub fn assets() -> [(&'static str, &'static str); 3] {
    ASSETS
}

/// A page of the river as HTML.
#[must_use]
pub fn page(river: &River, groups: &[String]) -> Bytes {
    self::river(river, groups).into_bytes()
}

/// The same as they are served: each is there once, whoever holds it.
static SERVED: LazyLock<Vec<(&str, Body)>> = LazyLock::new(|| {
    let served = ASSETS.iter().map(|(name, text)| {
        let content_type = match name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
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

/// The path of the daemon's root as a browser sees it; ends in a slash.
fn root_of(base: &url::Url) -> &str {
    base.path()
}

/// The language of a text, as it is marked up: the publisher's, else Chinese where it looks like it.
fn language_of(stated: Option<&str>, text: &str) -> Option<String> {
    let is_han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}');
    let is_kana = |c: char| matches!(c, '\u{3040}'..='\u{30ff}');
    let guessed = || (text.chars().any(is_han) && !text.chars().any(is_kana)).then(|| "zh".to_owned());
    stated.map(str::to_owned).or_else(guessed)
}

/// A moment of the status, to the minute.
fn to_the_minute(moment: Option<&String>, otherwise: &str) -> String {
    let minute = moment.and_then(|text| text.get(..16)).map(|text| text.replace('T', " ") + "Z");
    minute.unwrap_or_else(|| otherwise.to_owned())
}

fn html(page: &impl Template, changed: Option<DateTime<Utc>>, caching: &'static str) -> Body {
    let page = page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        "<!doctype html><title>newsriver</title><p>This page could not be rendered; the log says why.".to_owned()
    });
    Body::new("text/html; charset=utf-8", page.into_bytes(), changed, caching)
}
