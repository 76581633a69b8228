//! The river, a part of it, or what a search finds, as a page.

use askama::Template;

use super::{VERSION, html, language_of, root_of};
use crate::model::page::Spot;
use crate::model::part::{Ask, Part};
use crate::publish::{Format, River};
use crate::web::body::Body;

#[derive(Template)]
#[template(path = "river.html")]
struct Page<'a> {
    root: &'a str,
    version: &'a str,
    title: &'a str,
    /// The part that is shown, where it is not the whole.
    part: Option<String>,
    /// Where the search form leads.
    here: String,
    query: &'a str,
    is_first: bool,
    change: i64,
    feeds: Vec<Feed>,
    groups: Vec<Group>,
    days: Vec<Day>,
    newer: Option<String>,
    older: Option<String>,
    /// Whether nothing answers behind it: no search, no status.
    is_files: bool,
}

struct Feed {
    name: &'static str,
    mime_type: &'static str,
    url: String,
}

struct Group {
    name: String,
    url: String,
    is_here: bool,
}

struct Day {
    date: String,
    lines: Vec<Line>,
}

struct Line {
    moment: String,
    time: String,
    title: String,
    url: Option<String>,
    excerpt: Option<String>,
    language: Option<String>,
    source: String,
    source_url: String,
    others: Vec<Other>,
}

/// Another telling of a story.
struct Other {
    name: String,
    url: Option<String>,
}

/// A page of the river.
pub(in crate::web) fn river(river: &River, groups: &[String]) -> Body {
    let root = root_of(&river.addresses.pages);
    let at = |part: Part| format!("{root}{}", part.path());
    let query = river.ask.query.as_deref().unwrap_or_default();
    let part = match &river.ask.part {
        Part::Whole => None,
        Part::Source(id) => Some(river.origins.get(id).map_or_else(|| id.to_string(), |origin| origin.name.clone())),
        part => Some(part.to_string()),
    };
    let feed = |format: Format| Feed {
        name: format.name(),
        mime_type: format.content_type().split(';').next().unwrap_or_default(),
        url: river.offered_url(format),
    };
    let group = |name: &String| Group {
        name: name.clone(),
        url: at(Part::Group(name.clone())),
        is_here: river.ask.part == Part::Group(name.clone()),
    };
    let page = Page {
        root,
        version: &VERSION,
        title: &river.title,
        part,
        here: at(river.ask.part.clone()),
        query,
        is_first: river.spot == Spot::First && river.ask == Ask::default() && !river.is_files,
        change: river.change,
        feeds: Format::ALL.map(feed).into(),
        groups: groups.iter().map(group).collect(),
        days: days(river, root),
        newer: river.previous.as_ref().map(|spot| river.page_url(spot)),
        older: older(river).map(|spot| river.page_url(&spot)),
        is_files: river.is_files,
    };
    let changed = (!river.entries.is_empty()).then(|| river.changed_at());
    html(&page, changed, "no-cache")
}

/// The page with older stories: among files those are in the archives.
fn older(river: &River) -> Option<Spot> {
    let archive = river.archive.filter(|_| river.is_files).map(|(number, count)| Spot::Archive(number, count));
    river.next.clone().map(Spot::Below).or(archive)
}

fn days(river: &River, root: &str) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for stored in &river.entries {
        let entry = &stored.entry;
        let moment = stored.published().unwrap_or_else(|| stored.order.fixed_offset());
        // The days are those of the order, so that they follow each other; a telling's own date may differ.
        let date = stored.order.with_timezone(moment.offset()).format("%Y-%m-%d").to_string();
        let time = moment.format("%Y-%m-%d %H:%M").to_string();
        let on_the_web = |url: &Option<String>| url.clone().filter(|url| url.starts_with("http"));
        let excerpt = river.excerpt(stored);
        let title = match (entry.title.is_empty(), &excerpt) {
            (false, _) => entry.title.clone(),
            (true, Some(excerpt)) => excerpt.clone(),
            (true, None) => "…".into(),
        };
        let line = Line {
            moment: moment.to_rfc3339(),
            time: time.strip_prefix(&date).map_or_else(|| time.clone(), |time| time.trim().to_owned()),
            language: language_of(entry.language.as_deref(), &title),
            excerpt: excerpt.filter(|excerpt| !entry.title.is_empty() && *excerpt != title),
            title,
            url: on_the_web(&entry.url),
            source: river.origins.get(&stored.told_by).map_or_else(|| stored.told_by.to_string(), |o| o.name.clone()),
            source_url: format!("{root}{}", Part::Source(stored.told_by.clone()).path()),
            others: river
                .also_told(stored)
                .into_iter()
                .map(|(name, telling)| Other { name, url: on_the_web(&telling.url) })
                .collect(),
        };
        match days.last_mut() {
            Some(day) if day.date == date => day.lines.push(line),
            _ => days.push(Day { date, lines: vec![line] }),
        }
    }
    days
}
