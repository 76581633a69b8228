//! One source as a page: its state, its polls, what became of its newest entries.

use askama::Template;
use url::Url;

use super::{VERSION, html, language_of, root_of};
use crate::model::entry::StoredEntry;
use crate::model::part::segment;
use crate::status::SourceReport;
use crate::store::HistoryRow;
use crate::web::body::Body;

#[derive(Template)]
#[template(path = "source.html")]
struct Page<'a> {
    root: &'a str,
    version: &'a str,
    source: &'a SourceReport,
    river: String,
    polls: &'a [HistoryRow],
    samples: Vec<Sample>,
}

struct Sample {
    title: String,
    original: Option<String>,
    language: Option<String>,
    explain: String,
}

/// The page; the polls newest first.
pub(in crate::web) fn source(source: &SourceReport, polls: &[HistoryRow], entries: &[StoredEntry], base: &Url) -> Body {
    let root = root_of(base);
    let sample = |stored: &StoredEntry| Sample {
        title: if stored.entry.title.is_empty() { stored.river_id.clone() } else { stored.entry.title.clone() },
        original: stored.entry.title_original.clone(),
        language: language_of(stored.entry.language.as_deref(), &stored.entry.title),
        explain: format!("{root}explain?entry={}", segment(&stored.river_id)),
    };
    let page = Page {
        root,
        version: &VERSION,
        source,
        river: format!("{root}sources/{}/", segment(&source.id)),
        polls,
        samples: entries.iter().map(sample).collect(),
    };
    html(&page, None, "no-store")
}
