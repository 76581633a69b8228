//! JSON APIs through `select`, whose values are then JSON pointers (RFC 6901).
//!
//! `item` points at an array (`/` alone: the document itself); the other pointers are looked up in
//! each of its elements. Numbers and truth values are taken as their text.

use serde_json::Value;

use super::{ParseError, json_mend};
use crate::model::feed::{Format, RawDate, RawEntry, RawFeed, RawPerson, RawText};
use crate::model::source::Select;

pub(super) fn parse(text: &str, select: &Select) -> Result<RawFeed, ParseError> {
    let broken = |detail: String| ParseError::Broken { format: Format::Api, detail };
    let (document, warnings): (Value, _) = json_mend::read(text).map_err(broken)?;
    let items = at(&document, &select.item).and_then(Value::as_array);
    let mut feed = RawFeed::new(Format::Api);
    feed.warnings = warnings;
    feed.entries = items.into_iter().flatten().map(|item| entry(item, select)).filter(is_filled).collect();
    if feed.entries.is_empty() {
        return Err(ParseError::NoItems { selector: select.item.clone() });
    }
    feed.next_page = text_at(&document, &select.next);
    Ok(feed)
}

fn entry(item: &Value, select: &Select) -> RawEntry {
    let title = if select.title.is_some() { text_at(item, &select.title) } else { item.as_str().map(str::to_owned) };
    RawEntry {
        title: title.map(RawText::unknown),
        link: text_at(item, &select.link),
        published: text_at(item, &select.date).map(RawDate::Text),
        content: text_at(item, &select.content).map(RawText::unknown),
        authors: text_at(item, &select.author)
            .map(|name| RawPerson { name: Some(name), ..RawPerson::default() })
            .into_iter()
            .collect(),
        image: text_at(item, &select.image),
        ..RawEntry::default()
    }
}

fn is_filled(entry: &RawEntry) -> bool {
    entry.title.is_some() || entry.link.is_some()
}

fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    if pointer == "/" { Some(value) } else { value.pointer(pointer) }
}

fn text_at(value: &Value, pointer: &Option<String>) -> Option<String> {
    let text = match at(value, pointer.as_deref()?)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}
