//! How one entry came to be, or why it may be missing, as a page.

use askama::Template;
use url::Url;

use super::{VERSION, html, root_of};
use crate::model::entry::StoredEntry;
use crate::model::part::segment;
use crate::web::body::Body;

#[derive(Template)]
#[template(path = "explain.html")]
struct Page<'a> {
    root: &'a str,
    version: &'a str,
    source: &'a str,
    entry: &'a str,
    text: Option<String>,
    unpublished: Option<String>,
    alike: Vec<(String, String)>,
}

/// The page: the explanation of `entry`, and why it is not published; else entries with the same words.
pub(in crate::web) fn explain(
    entry: &str,
    source: &str,
    found: Option<(String, Option<String>)>,
    alike: &[StoredEntry],
    base: &Url,
) -> Body {
    let root = root_of(base);
    let (text, unpublished) = found.map_or((None, None), |(text, why)| (Some(text), why));
    let alike = alike
        .iter()
        .map(|stored| (stored.entry.title.clone(), format!("{root}explain?entry={}", segment(&stored.river_id))));
    let page = Page { root, version: &VERSION, source, entry, text, unpublished, alike: alike.collect() };
    html(&page, None, "no-store")
}
