//! The river, a part of it, or what a search finds, as a page.

use std::collections::{BTreeSet, HashMap};

use askama::Template;
use chrono::NaiveDate;

use super::frame::{Frame, Setting, Time};
use super::{html, language_of};
use crate::language::Language;
use crate::model::entry::StoredEntry;
use crate::model::page::Spot;
use crate::model::part::{Ask, Part};
use crate::publish::{Format, River};
use crate::search::Query;
use crate::store::ListedEntry;
use crate::web::body::Body;

/// Outlets that make a story stand out, and stand out more.
const WIDE: usize = 3;
const BIG: usize = 6;

/// Reports of one story that the river lists; the page of the story lists them all.
const LISTED: usize = 40;

/// Columns of an excerpt that is sent; the page shows two lines of it. An ideograph takes two.
const EXCERPT: usize = 150;

/// The river beyond its stories: what its page says besides.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The groups of feeds.toml.
    pub groups: Vec<String>,
    /// The entries of the stories that several tell.
    pub members: HashMap<i64, Vec<ListedEntry>>,
    /// Sources: all, those that were never polled, those that fail.
    pub sources: (usize, usize, usize),
    /// Whether there are digests.
    pub has_digest: bool,
}

#[derive(Template)]
#[template(path = "river.html")]
struct Page<'a> {
    f: Frame<'a>,
    title: String,
    /// The label of the search field.
    search: String,
    /// Where the search form leads.
    here: String,
    query: &'a str,
    is_first: bool,
    is_top: bool,
    has_digest: bool,
    change: i64,
    feeds: Vec<Feed>,
    parts: Vec<Place>,
    days: Vec<Day>,
    empty: Vec<String>,
    newer: Option<String>,
    older: Option<String>,
    /// Whether nothing answers behind it: no search, no status.
    is_files: bool,
}

pub(super) struct Feed {
    pub(super) name: &'static str,
    pub(super) mime_type: &'static str,
    pub(super) url: String,
}

struct Place {
    name: String,
    url: String,
    is_here: bool,
}

/// Stories under one heading.
struct Day {
    /// Today, Yesterday.
    near: Option<&'static str>,
    heading: String,
    date: Option<String>,
    lines: Vec<Line>,
}

struct Line {
    /// A class, with a space before it, for what several outlets tell.
    size: &'static str,
    language: Option<String>,
    title: Vec<(bool, String)>,
    /// Where the title leads.
    url: Option<String>,
    story: Option<String>,
    has_text: bool,
    /// The exact time, and as it is shown: the hour, under the heading of its day.
    time: Time,
    excerpt: Vec<(bool, String)>,
    picture: Option<String>,
    source: String,
    source_url: String,
    reports: Option<Reports>,
}

/// All reports of a story.
struct Reports {
    label: String,
    list: Vec<Report>,
    more: Option<String>,
}

struct Report {
    title: String,
    language: Option<String>,
    url: Option<String>,
    source: String,
    time: Time,
    why: Option<String>,
}

/// A page of the river.
pub(in crate::web) fn river(river: &River, around: &Surroundings, setting: &Setting) -> Body {
    let frame = Frame::new(&river.addresses.pages, setting);
    let frame = if river.is_files { frame.undated() } else { frame };
    let (t, query) = (frame.t, river.ask.query.as_deref().unwrap_or_default());
    let search = match &river.ask.part {
        Part::Whole | Part::Top => t.search().to_owned(),
        Part::Source(id) => t.search_in(river.origins.get(id).map_or(id.as_str(), |origin| &origin.name)),
        part => t.search_in(&part.to_string()),
    };
    let days = days(river, around, setting, &frame);
    let page = Page {
        title: if river.ask.part == Part::Top {
            river.title.replace(&Part::Top.to_string(), t.top())
        } else {
            river.title.clone()
        },
        search,
        here: format!("{}{}", frame.root, river.ask.part.path()),
        query,
        is_first: river.spot == Spot::First && river.ask == Ask::default() && !river.is_files,
        is_top: river.ask.part == Part::Top,
        has_digest: around.has_digest,
        change: river.change,
        feeds: feeds(river),
        parts: parts(river, around, &frame),
        empty: if days.is_empty() { empty(river, around, t) } else { Vec::new() },
        days,
        newer: river.previous.as_ref().map(|spot| river.page_url(spot)),
        older: older(river).map(|spot| river.page_url(&spot)),
        is_files: river.is_files,
        f: frame,
    };
    let changed = (!river.entries.is_empty()).then(|| river.changed_at());
    html(&page, changed, "no-cache")
}

pub(super) fn feeds(river: &River) -> Vec<Feed> {
    let feed = |format: Format| Feed {
        name: format.name(),
        mime_type: format.content_type().split(';').next().unwrap_or_default(),
        url: river.offered_url(format),
    };
    Format::ALL.map(feed).into()
}

/// The parts that the navigation leads to.
fn parts(river: &River, around: &Surroundings, frame: &Frame<'_>) -> Vec<Place> {
    let place = |name: &str, part: Part| Place {
        name: name.to_owned(),
        url: format!("{}{}", frame.root, part.path()),
        is_here: river.ask.part == part,
    };
    let groups = around.groups.iter().map(|name| place(name, Part::Group(name.clone())));
    std::iter::once(place(frame.t.all(), Part::Whole)).chain(groups).collect()
}

/// The page with older stories: among files those are in the archives.
fn older(river: &River) -> Option<Spot> {
    let archive = river.archive.filter(|_| river.is_files).map(|(number, count)| Spot::Archive(number, count));
    river.next.clone().map(Spot::Below).or(archive)
}

/// What a page without stories says: what is the matter, and what can be done.
fn empty(river: &River, around: &Surroundings, t: Language) -> Vec<String> {
    if let Some(query) = &river.ask.query {
        return vec![t.nothing_found(query), t.search_hint().to_owned()];
    }
    let (all, new, failing) = around.sources;
    match (all, new, failing) {
        _ if river.ask.part == Part::Top => vec![t.nothing_top().to_owned()],
        _ if river.is_files => vec![t.nothing_yet().to_owned()],
        (0, ..) => vec![t.no_sources().to_owned()],
        (_, 0, 0) => vec![t.nothing_yet().to_owned(), t.see_sources().to_owned()],
        (_, new, 0) => vec![t.being_polled(new), t.see_sources().to_owned()],
        (all, _, failing) => vec![t.failing(failing, all), t.see_sources().to_owned()],
    }
}

/// The stories under headings. Where they are not in the order of their days (a search, an archive) there is one heading
/// for all, and each story names its day: no day is a heading twice.
fn days(river: &River, around: &Surroundings, setting: &Setting, frame: &Frame<'_>) -> Vec<Day> {
    let t = frame.t;
    let query = river.ask.query.as_deref().and_then(|query| Query::parse(query).ok());
    let lump = match (&query, &river.spot) {
        (Some(_), _) => Some(t.found()),
        (None, Spot::Archive(..)) => Some(t.archive()),
        _ if river.ask.part == Part::Top => Some(t.top()),
        _ => None,
    };
    let mut days: Vec<(Option<NaiveDate>, Day)> = Vec::new();
    for stored in &river.entries {
        let day = lump.is_none().then(|| frame.at(stored.order).date_naive());
        let line = line(stored, river, around, setting, frame, (day, query.as_ref()));
        match days.last_mut() {
            Some((known, heading)) if *known == day => heading.lines.push(line),
            _ => days.push((
                day,
                Day {
                    near: day.zip(frame.today).and_then(|(day, today)| t.near_day(day, today)),
                    heading: day.map_or_else(|| lump.unwrap_or_default().to_owned(), |day| t.day(day, frame.today)),
                    date: day.map(|day| day.to_string()),
                    lines: vec![line],
                },
            )),
        }
    }
    days.into_iter().map(|(_, day)| day).collect()
}

fn line(
    stored: &StoredEntry,
    river: &River,
    around: &Surroundings,
    setting: &Setting,
    frame: &Frame<'_>,
    (day, query): (Option<NaiveDate>, Option<&Query>),
) -> Line {
    let entry = &stored.entry;
    let moment = stored.published().unwrap_or_else(|| stored.order.fixed_offset());
    let mut time = frame.time(moment);
    let local = frame.at(moment.to_utc());
    if day == Some(local.date_naive()) {
        time.shown = local.format("%H:%M").to_string();
    }
    let excerpt = river.excerpt(stored).map(|text| cut(&text, EXCERPT));
    let title = match (entry.title.is_empty(), &excerpt) {
        (false, _) => entry.title.clone(),
        (true, Some(excerpt)) => excerpt.clone(),
        (true, None) => "…".to_owned(),
    };
    let marked = |text: &str| match query {
        Some(query) => query.marked(text),
        None => vec![(false, text.to_owned())],
    };
    let excerpt = excerpt.filter(|excerpt| !entry.title.is_empty() && *excerpt != title);
    let story = (!river.is_files).then(|| frame.story(&stored.river_id));
    let outlets = stored.tellings.iter().map(|telling| &telling.source).collect::<BTreeSet<_>>().len();
    Line {
        size: match outlets {
            BIG.. => " big",
            WIDE.. => " wide",
            _ => "",
        },
        language: language_of(entry.language.as_deref(), &title),
        title: marked(&title),
        url: on_the_web(entry.url.as_ref()).or_else(|| story.clone()),
        has_text: entry.content_html.as_ref().is_some_and(|html| html.len() > EXCERPT),
        story,
        time,
        excerpt: excerpt.as_deref().map(marked).unwrap_or_default(),
        picture: entry.image.as_deref().and_then(|url| setting.picture(frame.root, url)),
        source: name_of(river, &stored.told_by),
        source_url: format!("{}{}", frame.root, Part::Source(stored.told_by.clone()).path()),
        reports: (stored.tellings.len() > 1).then(|| reports(stored, river, around, outlets, frame)),
    }
}

/// The reports of a story, in the order of their time.
fn reports(stored: &StoredEntry, river: &River, around: &Surroundings, outlets: usize, frame: &Frame<'_>) -> Reports {
    let published: BTreeSet<&str> = stored.tellings.iter().map(|telling| telling.river_id.as_str()).collect();
    let known = around.members.get(&stored.row).map_or(&[][..], Vec::as_slice);
    let mut list: Vec<&ListedEntry> = known.iter().filter(|one| published.contains(one.river_id.as_str())).collect();
    list.sort_by_key(|one| one.at);
    let report = |one: &&ListedEntry| Report {
        title: if one.title.is_empty() { name_of(river, &one.source) } else { one.title.clone() },
        language: language_of(one.language.as_deref(), &one.title),
        url: on_the_web(one.url.as_ref()),
        source: name_of(river, &one.source),
        time: frame.time(one.at),
        why: one.why.as_ref().and_then(|why| why.judgement.evidence.first().cloned()),
    };
    Reports {
        label: if outlets > 1 { frame.t.outlets(outlets) } else { frame.t.reports(list.len()) },
        more: (list.len() > LISTED).then(|| frame.t.more_reports(list.len() - LISTED)),
        list: list.iter().take(LISTED).map(report).collect(),
    }
}

fn name_of(river: &River, source: &crate::model::source::SourceId) -> String {
    river.origins.get(source).map_or_else(|| source.to_string(), |origin| origin.name.clone())
}

fn on_the_web(url: Option<&String>) -> Option<String> {
    url.filter(|url| url.starts_with("http")).cloned()
}

/// The beginning of a text, `columns` wide at most; an ideograph is two columns wide.
fn cut(text: &str, columns: usize) -> String {
    let mut width = 0;
    let end = text.char_indices().find(|(_, c)| {
        width += if *c as u32 >= 0x1100 { 2 } else { 1 };
        width > columns
    });
    match end {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn excerpts_are_cut_by_width() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcdef…");
        assert_eq!(cut("一二三四", 6), "一二三…");
        assert_eq!(cut("一二 三", 5), "一二…");
    }
}
