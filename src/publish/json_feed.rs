//! The river, and what `parse` prints, in JSON Feed 1.1.

use std::borrow::Cow;

use serde::Serialize;

use super::{Format, River, shown_date};
use crate::html::SanitisedHtml;
use crate::model::entry::{Attachment, Comments, Entry, Feed, Person, StoredEntry, Telling};
use crate::model::page::Spot;

/// <https://jsonfeed.org/version/1.1>, "top-level".
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: &'static str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_page_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Debug, Serialize)]
struct Hub<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'a str,
}

#[derive(Debug, Serialize)]
struct Author<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<Cow<'a, SanitisedHtml>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_published: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_modified: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attachments: &'a [Attachment],
    #[serde(rename = "_newsriver")]
    newsriver: Own<'a>,
}

/// The extension object: what newsriver knows beyond the format.
#[derive(Debug, Serialize)]
struct Own<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title_original: Option<&'a str>,
    attribution: Option<&'a str>,
    stated_date: Option<String>,
    tickers: &'a [String],
    /// `feed`: the publisher gives it. `stated`: the text states it. `seen`: the publisher gives none, this is the first sight.
    date_origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<&'a Comments>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Teller>,
}

/// One entry of a story.
#[derive(Debug, Serialize)]
struct Teller {
    id: String,
    name: String,
    url: Option<String>,
    title: String,
    /// Its own id in the river: the publisher's where that is an IRI.
    entry: String,
    published: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_original: Option<String>,
}

const VERSION: &str = "https://jsonfeed.org/version/1.1";

pub(super) fn render(river: &River) -> Vec<u8> {
    let feed_url = river.feed_url(Format::Json, &river.spot);
    let document = Document {
        version: VERSION,
        title: &river.title,
        home_page_url: Some(river.addresses.base.as_str()),
        feed_url: Some(&feed_url),
        next_url: next_spot(river).map(|spot| river.feed_url(Format::Json, &spot)),
        description: None,
        language: None,
        authors: Vec::new(),
        hubs: river.hubs.iter().map(|url| Hub { kind: "WebSub", url }).collect(),
        items: river.entries.iter().map(|e| stored_item(e, river)).collect(),
    };
    serde_json::to_vec(&document).unwrap_or_default()
}

/// What this format has one link for: the next page, or among files the archive before.
fn next_spot(river: &River) -> Option<Spot> {
    let archive = river.archive.filter(|_| river.is_files).map(|(number, count)| Spot::Archive(number, count));
    river.next.clone().map(Spot::Below).or(archive)
}

/// A normalised feed as one JSON document, with the publisher's ids; what `newsriver parse` prints.
#[must_use]
pub fn of_feed(feed: &Feed, fallback_ids: &[String]) -> Vec<u8> {
    let document = Document {
        version: VERSION,
        title: &feed.title,
        home_page_url: feed.home_page_url.as_deref(),
        feed_url: feed.feed_url.as_deref(),
        next_url: None,
        description: feed.description.as_deref(),
        language: feed.language.as_deref(),
        authors: authors(&feed.authors),
        hubs: Vec::new(),
        items: feed
            .entries
            .iter()
            .zip(fallback_ids)
            .map(|(entry, fallback)| {
                let id = entry.publisher_id.as_deref().or(entry.url.as_deref()).unwrap_or(fallback);
                Item {
                    date_published: entry.published.map(|d| d.to_rfc3339()),
                    date_modified: entry.updated.map(|d| d.to_rfc3339()),
                    ..item(id, entry)
                }
            })
            .collect(),
    };
    serde_json::to_vec_pretty(&document).unwrap_or_default()
}

fn item<'a>(id: &'a str, entry: &'a Entry) -> Item<'a> {
    Item {
        id,
        url: entry.url.as_deref(),
        external_url: entry.external_url.as_deref(),
        title: &entry.title,
        content_html: entry.content_html.as_ref().map(Cow::Borrowed),
        content_text: entry.content_text.as_deref(),
        summary: entry.summary.as_deref(),
        image: entry.image.as_deref(),
        date_published: None,
        date_modified: None,
        authors: authors(&entry.authors),
        tags: &entry.tags,
        language: entry.language.as_deref(),
        attachments: &entry.attachments,
        newsriver: Own {
            title_original: entry.title_original.as_deref(),
            attribution: entry.attribution.as_deref(),
            stated_date: entry.stated_date.map(|date| date.to_string()),
            tickers: &entry.tickers,
            comments: entry.comments.as_ref(),
            date_origin: match entry.dated() {
                Some(_) if entry.date_is_stated => "stated",
                Some(_) => "feed",
                None => "seen",
            },
            sources: Vec::new(),
        },
    }
}

fn stored_item<'a>(stored: &'a StoredEntry, river: &River) -> Item<'a> {
    let entry = &stored.entry;
    let mut item = item(&stored.river_id, entry);
    if stored.tellings.len() > 1 {
        item.content_html = river.body(stored);
    }
    let origin = river.origin(stored);
    if item.authors.is_empty() {
        // As Atom has it (RFC 4287, section 4.1.2): whoever reads one format sees what readers of the others do.
        let (name, url) = (Cow::Owned(origin.name), origin.home_page_url.map(Cow::Owned));
        item.authors.push(Author { name, url });
    }
    // An item must have a body of some kind ("content_html and content_text").
    if item.content_html.is_none() && item.content_text.is_none() {
        item.content_text = Some(entry.summary.as_deref().unwrap_or(&entry.title));
    }
    item.date_published = Some(shown_date(stored).to_rfc3339());
    item.date_modified = Some(stored.updated()).filter(|date| *date > shown_date(stored)).map(|d| d.to_rfc3339());
    let teller = |telling: &Telling| Teller {
        id: telling.source.to_string(),
        name: river.origin_of(&telling.source).name,
        url: telling.url.clone(),
        title: telling.title.clone(),
        entry: telling.river_id.clone(),
        published: telling.published.map(|date| date.to_rfc3339()),
        title_original: telling.title_original.clone(),
    };
    item.newsriver.sources = if stored.tellings.is_empty() {
        vec![teller(&stored.telling())]
    } else {
        stored.tellings.iter().map(teller).collect()
    };
    item
}

fn authors(people: &[Person]) -> Vec<Author<'_>> {
    people.iter().map(|p| Author { name: Cow::Borrowed(&p.name), url: p.url.as_deref().map(Cow::Borrowed) }).collect()
}
