//! JSON Feed 1.0 and 1.1, <https://jsonfeed.org/version/1.1>.
//!
//! Read field by field rather than into a struct: a number where a text is due is that field's
//! fault, not the feed's.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{MOST_ENTRIES, ParseError, TOO_MANY, json_mend};
use crate::model::feed::{Format, RawAttachment, RawDate, RawEntry, RawFeed, RawPerson, RawText};

pub(super) fn parse(text: &str) -> Result<RawFeed, ParseError> {
    let broken = |detail: String| ParseError::Broken { format: Format::JsonFeed, detail };
    let (Root { items, root }, warnings) = json_mend::read(text).map_err(broken)?;
    // Some write the bare number of the version.
    if !string(&root, "version").is_some_and(|version| version.contains("jsonfeed.org/") || version.starts_with("1")) {
        return Err(ParseError::NotAFeed {
            looks_like: "JSON without the version of a JSON Feed",
            announced: Vec::new(),
        });
    }
    let mut feed = RawFeed::new(Format::JsonFeed);
    feed.warnings = warnings;
    feed.title = string(&root, "title").map(RawText::plain);
    feed.link = string(&root, "home_page_url");
    feed.self_link = string(&root, "feed_url");
    let hubs = root.get("hubs").and_then(Value::as_array);
    let is_websub = |hub: &&Map<String, Value>| {
        string(hub, "type").is_some_and(|kind| matches!(kind.to_lowercase().as_str(), "websub" | "pubsubhubbub"))
    };
    feed.hub =
        hubs.into_iter().flatten().filter_map(Value::as_object).find(is_websub).and_then(|hub| string(hub, "url"));
    feed.description = string(&root, "description").map(RawText::plain);
    feed.language = string(&root, "language");
    feed.authors = authors(&root);
    feed.entries = items.kept.iter().filter_map(Value::as_object).map(entry).filter(|e| !super::is_bare(e)).collect();
    if feed.entries.len() < items.kept.len() {
        feed.warnings.push("items that say nothing were left out".to_owned());
    }
    // An item without authors has those of the feed (JSON Feed 1.1, "authors").
    for entry in feed.entries.iter_mut().filter(|entry| entry.authors.is_empty()) {
        entry.authors.clone_from(&feed.authors);
    }
    if items.is_cut {
        feed.warnings.push(TOO_MANY.to_owned());
    }
    Ok(feed)
}

/// The document; items beyond the limit are passed over as they stream by.
#[derive(serde::Deserialize)]
struct Root {
    #[serde(default)]
    items: Items,
    #[serde(flatten)]
    root: Map<String, Value>,
}

#[derive(Default)]
struct Items {
    kept: Vec<Value>,
    is_cut: bool,
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of items")
    }

    fn visit_unit<E>(self) -> Result<Items, E> {
        Ok(Items::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Items, A::Error> {
        let mut items = Items::default();
        while items.kept.len() < MOST_ENTRIES {
            match sequence.next_element()? {
                Some(item) => items.kept.push(item),
                None => return Ok(items),
            }
        }
        while sequence.next_element::<IgnoredAny>()?.is_some() {
            items.is_cut = true;
        }
        Ok(items)
    }
}

/// One item; without id and URL it is told from others by its text.
fn entry(item: &Map<String, Value>) -> RawEntry {
    let id = string(item, "id");
    let external = string(item, "external_url");
    let link = string(item, "url").or_else(|| external.clone());
    let html = string(item, "content_html").map(RawText::html);
    RawEntry {
        id,
        // Ids are addresses where a page has one (JSON Feed 1.1, "id").
        id_is_link: true,
        link,
        external_link: external,
        title: string(item, "title").map(RawText::plain),
        summary: string(item, "summary").map(RawText::plain),
        content: html.or_else(|| string(item, "content_text").map(RawText::plain)),
        published: string(item, "date_published").map(RawDate::Text),
        updated: string(item, "date_modified").map(RawDate::Text),
        authors: authors(item),
        tags: listed(item, "tags").iter().filter_map(text).collect(),
        attachments: objects(item, "attachments").filter_map(attachment).collect(),
        image: string(item, "image").or_else(|| string(item, "banner_image")),
        language: string(item, "language"),
        ..RawEntry::default()
    }
}

/// `authors` of 1.1, else `author` of 1.0; as objects, or as their names.
fn authors(object: &Map<String, Value>) -> Vec<RawPerson> {
    let all = Some(listed(object, "authors")).filter(|all| !all.is_empty()).unwrap_or_else(|| listed(object, "author"));
    let person = |author: &Value| match author {
        Value::Object(author) => RawPerson { name: string(author, "name"), url: string(author, "url"), email: None },
        name => RawPerson { name: text(name), ..RawPerson::default() },
    };
    all.iter().map(person).filter(|person| person.name.is_some() || person.url.is_some()).collect()
}

fn attachment(object: &Map<String, Value>) -> Option<RawAttachment> {
    Some(RawAttachment {
        url: string(object, "url")?,
        mime_type: string(object, "mime_type"),
        size: string(object, "size_in_bytes"),
        duration: string(object, "duration_in_seconds"),
    })
}

/// A list; one that is written without its brackets is one of one.
fn listed<'a>(object: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    match object.get(key) {
        Some(Value::Array(list)) => list,
        None | Some(Value::Null) => &[],
        Some(one) => std::slice::from_ref(one),
    }
}

fn objects<'a>(object: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    listed(object, key).iter().filter_map(Value::as_object)
}

fn string(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(text).filter(|t| !t.trim().is_empty())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
