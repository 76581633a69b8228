//! Entries -> bytes of a feed: pure and deterministic, the same entries give the same bytes.
//!
//! In: a [`River`] page, ready to be shown. Out: Atom 1.0, RSS 2.0 or JSON Feed 1.1. No clock: the
//! feed's `updated` is its newest entry's. Every entry names its source.

mod atom;
pub mod json_feed;
mod rss;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use url::Url;

use crate::html::SanitisedHtml;
pub use crate::model::archive::Origin;
use crate::model::entry::{StoredEntry, Telling};
use crate::model::page::{Cursor, Place, Spot};
use crate::model::part::{Ask, Part};
use crate::model::source::SourceId;

/// A format the river is published in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// RFC 4287.
    Atom,
    /// RSS 2.0.
    Rss,
    /// JSON Feed 1.1.
    Json,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Atom, Self::Rss, Self::Json];

    /// The format whose paths end like this.
    #[must_use]
    pub fn of_ending(ending: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.ending() == ending)
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Atom => "Atom",
            Self::Rss => "RSS",
            Self::Json => "JSON Feed",
        }
    }

    /// The ending of its path.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Atom => "atom",
            Self::Rss => "rss",
            Self::Json => "json",
        }
    }

    /// The `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Rss => "application/rss+xml; charset=utf-8",
            Self::Json => "application/feed+json; charset=utf-8",
        }
    }
}

/// Where readers reach what; each ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// The daemon: what names the river, however it is reached.
    pub base: Url,
    /// The feeds; a token may be in it.
    pub feeds: Url,
    /// The pages for people; a token may be in it.
    pub pages: Url,
    /// The feeds as the pages name them: without the token where pages are open to all.
    pub offered: Url,
}

impl From<Url> for Addresses {
    /// All at the same place.
    fn from(base: Url) -> Self {
        Self { feeds: base.clone(), pages: base.clone(), offered: base.clone(), base }
    }
}

/// One page of the river.
#[derive(Debug, Clone)]
pub struct River {
    /// The title.
    pub title: String,
    /// What was asked for.
    pub ask: Ask,
    /// Where readers reach it.
    pub addresses: Arc<Addresses>,
    /// The newest first.
    pub entries: Vec<StoredEntry>,
    /// The sources of the entries.
    pub origins: BTreeMap<SourceId, Origin>,
    /// Which page this is.
    pub spot: Spot,
    /// The place the next page begins at.
    pub next: Option<Place>,
    /// The page before this one.
    pub previous: Option<Spot>,
    /// The archive document before this page: its number, and how many stories it has.
    pub archive: Option<(i64, i64)>,
    /// The number of the newest change that the page knows of.
    pub change: i64,
    /// Hubs that push this feed.
    pub hubs: Vec<String>,
    /// Whether it becomes files, which take no queries: what is not on this page is in the archives.
    pub is_files: bool,
}

impl River {
    /// The same as files at `addresses`.
    #[must_use]
    pub fn as_files(self, addresses: Arc<Addresses>) -> Self {
        // What does not push this address is no hub of it.
        let hubs = if self.addresses.feeds == addresses.feeds { self.hubs } else { Vec::new() };
        Self { addresses, hubs, next: None, previous: None, is_files: true, ..self }
    }

    /// The bytes in `format`.
    #[must_use]
    pub fn render(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Atom => atom::render(self),
            Format::Rss => rss::render(self),
            Format::Json => json_feed::render(self),
        }
    }

    /// When any entry here last changed; the epoch for an empty river.
    #[must_use]
    pub fn changed_at(&self) -> DateTime<Utc> {
        self.entries.iter().map(|e| e.changed_at).max().unwrap_or_default()
    }

    /// The newest `updated` of the entries; the epoch for an empty river.
    fn updated(&self) -> DateTime<FixedOffset> {
        self.entries.iter().map(StoredEntry::updated).max().unwrap_or_default()
    }

    /// Whether others than who wrote feeds.toml have a word in the title.
    fn is_titled_by_others(&self) -> bool {
        self.ask.query.is_some() || matches!(self.ask.part, Part::Source(_) | Part::Tag(_))
    }

    /// The id of the feed: it names the river, not the page or the format.
    fn id(&self) -> String {
        let query = self.ask.query.as_ref().map(|query| encoded(&[("q", query.clone())]));
        format!("{}{}{}", self.addresses.base, self.ask.part.path(), query.unwrap_or_default())
    }

    /// The address of a page of this feed.
    #[must_use]
    pub fn feed_url(&self, format: Format, spot: &Spot) -> String {
        if let Spot::Archive(number, count) = spot {
            return format!("{}archives/{number}-{count}.{}", self.addresses.feeds, format.ending());
        }
        self.url(&self.addresses.feeds, &format!("feed.{}", format.ending()), spot)
    }

    /// The address of this feed as a page names it.
    #[must_use]
    pub fn offered_url(&self, format: Format) -> String {
        self.url(&self.addresses.offered, &format!("feed.{}", format.ending()), &Spot::First)
    }

    /// The address of the same as a page for people.
    #[must_use]
    pub fn page_url(&self, spot: &Spot) -> String {
        match spot {
            Spot::Archive(number, count) => format!("{}archives/{number}-{count}.html", self.addresses.pages),
            spot => self.url(&self.addresses.pages, "", spot),
        }
    }

    fn url(&self, base: &Url, file: &str, spot: &Spot) -> String {
        let mut parameters = self.ask.parameters();
        match spot {
            Spot::Below(place) => parameters.push(("before", place.to_string())),
            Spot::Above(cursor) => parameters.push(("after", cursor.to_string())),
            Spot::First | Spot::Between(..) | Spot::Archive(..) => {}
        }
        format!("{base}{}{file}{}", self.ask.part.path(), encoded(&parameters))
    }

    /// The links of a page to itself and to those around it, by their relation (RFC 5005, sections 3 and 4).
    fn paging(&self, format: Format) -> Vec<(&'static str, String)> {
        let mut links = vec![("self", self.feed_url(format, &self.spot))];
        links.extend(self.hubs.iter().map(|hub| ("hub", hub.clone())));
        let mut add = |rel, spot: &Spot| links.push((rel, self.feed_url(format, spot)));
        match self.spot {
            Spot::Archive(..) => add("current", &Spot::First),
            Spot::Between(..) => {}
            _ if self.is_files => {}
            _ if self.spot != Spot::First || self.next.is_some() => {
                add("first", &Spot::First);
                if let Some(place) = &self.next {
                    add("next", &Spot::Below(place.clone()));
                }
                if let Some(previous) = &self.previous {
                    add("previous", previous);
                }
                if self.ask.query.is_none() {
                    add("last", &Spot::Above(Cursor::OLDEST));
                }
            }
            _ => {}
        }
        if let Some((number, count)) = self.archive {
            add("prev-archive", &Spot::Archive(number, count));
        }
        links
    }

    fn is_archive(&self) -> bool {
        matches!(self.spot, Spot::Archive(..))
    }

    /// The source whose telling is shown.
    fn origin(&self, entry: &StoredEntry) -> Origin {
        self.origin_of(&entry.told_by)
    }

    fn origin_of(&self, source: &SourceId) -> Origin {
        self.origins.get(source).cloned().unwrap_or_else(|| Origin {
            id: source.clone(),
            name: source.to_string(),
            url: None,
            home_page_url: None,
        })
    }

    /// The tellings of a story beside the one that is shown, with the names of their sources; each
    /// link once.
    #[must_use]
    pub fn also_told<'e>(&self, entry: &'e StoredEntry) -> Vec<(String, &'e Telling)> {
        let mut links = vec![entry.entry.url.as_deref()];
        let mut found = Vec::new();
        for telling in &entry.tellings {
            if !links.contains(&telling.url.as_deref()) {
                links.push(telling.url.as_deref());
                found.push((self.origin_of(&telling.source).name, telling));
            }
        }
        found
    }

    /// The excerpt of an entry; plain text.
    #[must_use]
    pub fn excerpt(&self, entry: &StoredEntry) -> Option<String> {
        excerpt(entry)
    }

    /// The body, and at its end who else tells the story.
    fn body<'e>(&self, entry: &'e StoredEntry) -> Option<Cow<'e, SanitisedHtml>> {
        let others = self.also_told(entry);
        let own = entry.entry.content_html.as_ref();
        if others.is_empty() {
            return own.map(Cow::Borrowed);
        }
        let chinese = match entry.entry.language.as_deref() {
            Some(language) => language.starts_with("zh"),
            None => entry.entry.title.chars().any(|c| matches!(c, '\u{4e00}'..='\u{9fff}')),
        };
        let is_web = |url: &&str| url.starts_with("http://") || url.starts_with("https://");
        let names: Vec<_> =
            others.into_iter().map(|(name, telling)| (name, telling.url.as_deref().filter(is_web))).collect();
        let (words, comma) = if chinese { ("另有报道:", "、") } else { ("Also reported by ", ", ") };
        Some(Cow::Owned(SanitisedHtml::with_names(own, words, &names, comma)))
    }
}

/// The namespace of feed paging and archiving (RFC 5005, section 2).
const HISTORY: (&str, &str) = ("fh", "http://purl.org/syndication/history/1.0");

/// A query, with its question mark where it holds anything.
fn encoded(parameters: &[(&str, String)]) -> String {
    if parameters.is_empty() {
        return String::new();
    }
    format!("?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
}

/// The title, or where the publisher gave none the beginning of the text: every format but JSON
/// Feed wants one.
fn title_of(entry: &StoredEntry) -> String {
    if !entry.entry.title.is_empty() {
        return entry.entry.title.clone();
    }
    let text = entry
        .entry
        .summary
        .clone()
        .or_else(|| entry.entry.content_html.as_ref().map(SanitisedHtml::plain))
        .unwrap_or_default();
    let beginning: String = text.chars().take(80).collect();
    match (beginning.trim(), text.chars().nth(80)) {
        ("", _) => entry.entry.url.clone().unwrap_or_else(|| entry.river_id.clone()),
        (beginning, Some(_)) => format!("{beginning}…"),
        (beginning, None) => beginning.to_owned(),
    }
}

/// The excerpt: the publisher's, else the beginning of the body.
fn excerpt(entry: &StoredEntry) -> Option<String> {
    let long = entry.entry.content_html.as_ref().map(|html| html.plain().chars().take(200).collect::<String>());
    entry.entry.summary.clone().or(long).filter(|text| !text.is_empty())
}

/// The date a reader sorts by: the publisher's, else the time first seen.
fn shown_date(entry: &StoredEntry) -> DateTime<FixedOffset> {
    entry.published().unwrap_or_else(|| entry.order.fixed_offset())
}

#[cfg(test)]
mod tests;
