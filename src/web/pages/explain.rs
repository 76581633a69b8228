//! How one entry came to be, or why it may be missing, as a page.

use askama::Template;
use url::Url;

use super::frame::{Frame, Setting};
use super::made::Made;
use super::{html, language_of};
use crate::model::entry::StoredEntry;
use crate::model::part::segment;
use crate::store::Explanation;
use crate::web::body::Body;

#[derive(Template)]
#[template(path = "explain.html")]
struct Page<'a> {
    f: Frame<'a>,
    source: &'a str,
    entry: &'a str,
    title: String,
    language: Option<String>,
    story: String,
    found: Option<Made>,
    unpublished: Option<String>,
    alike: Vec<(String, String)>,
}

/// The page: the explanation of `entry`, and why it is not published; else entries with the same words.
pub(in crate::web) fn explain(
    entry: &str,
    source: &str,
    found: Option<(&Explanation, Option<String>)>,
    alike: &[StoredEntry],
    base: &Url,
    setting: &Setting,
) -> Body {
    let frame = Frame::new(base, setting);
    let place = |id: &str| format!("{}explain?entry={}", frame.root, segment(id));
    let alike = alike.iter().map(|stored| (stored.entry.title.clone(), place(&stored.river_id))).collect();
    let title = found.as_ref().map(|(found, _)| found.entry.entry.title.clone()).unwrap_or_default();
    let page = Page {
        source,
        entry,
        language: language_of(None, &title),
        title,
        story: found.as_ref().map(|(found, _)| frame.story(&found.story)).unwrap_or_default(),
        unpublished: found.as_ref().and_then(|(_, why)| why.as_ref()).map(|why| frame.t.not_published(why)),
        found: found.map(|(found, _)| Made::new(found, &frame)),
        alike,
        f: frame,
    };
    html(&page, None, "no-store")
}
