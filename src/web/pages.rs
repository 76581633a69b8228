//! The pages for people; the markup is in `templates/`.

use askama::Template;
use url::Url;

use super::body::Body;
use crate::publish::River;
use crate::status::Report;

#[derive(Template)]
#[template(path = "river.html")]
struct RiverPage<'a> {
    title: &'a str,
    days: Vec<Day>,
    has_more: bool,
}

struct Day {
    date: String,
    entries: Vec<Line>,
}

struct Line {
    time: String,
    title: String,
    url: Option<String>,
    language: Option<String>,
    source: String,
    others: Vec<Other>,
}

/// Another telling of a story.
struct Other {
    name: String,
    url: Option<String>,
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage<'a> {
    report: &'a Report,
    base: &'a str,
}

/// The first page of the river.
pub(super) fn river(river: &River) -> Body {
    let mut days: Vec<Day> = Vec::new();
    for stored in &river.entries {
        let moment = stored.published().unwrap_or_else(|| stored.order.fixed_offset());
        let date = moment.format("%Y-%m-%d").to_string();
        let line = Line {
            time: moment.format("%H:%M").to_string(),
            title: if stored.entry.title.is_empty() {
                stored.entry.summary.clone().unwrap_or_else(|| "…".into())
            } else {
                stored.entry.title.clone()
            },
            url: stored.entry.url.clone().filter(|url| url.starts_with("http")),
            language: stored.entry.language.clone(),
            source: river.origins.get(&stored.told_by).map_or_else(|| stored.told_by.to_string(), |o| o.name.clone()),
            others: river
                .also_told(stored)
                .into_iter()
                .map(|(name, telling)| Other { name, url: telling.url.clone().filter(|url| url.starts_with("http")) })
                .collect(),
        };
        match days.last_mut() {
            Some(day) if day.date == date => day.entries.push(line),
            _ => days.push(Day { date, entries: vec![line] }),
        }
    }
    let page = RiverPage { title: &river.title, days, has_more: river.next.is_some() };
    let changed = (!river.entries.is_empty()).then(|| river.changed_at());
    html(page.render(), changed, "no-cache")
}

/// The health of the sources.
pub(super) fn status(report: &Report, base: &Url) -> Body {
    html(StatusPage { report, base: base.as_str() }.render(), None, "no-store")
}

fn html(page: askama::Result<String>, changed: Option<chrono::DateTime<chrono::Utc>>, caching: &'static str) -> Body {
    let page = page.unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        "<!doctype html><title>newsriver</title><p>This page could not be rendered; the log says why.".to_owned()
    });
    Body::new("text/html; charset=utf-8", page.into_bytes(), changed, caching)
}
