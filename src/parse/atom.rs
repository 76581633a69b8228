//! Atom 1.0 (RFC 4287) through the `atom_syndication` crate.
//!
//! | field | from |
//! |---|---|
//! | link | the first `link rel=alternate`, HTML before other types; else an `id` that is an address |
//! | attachments | `link rel=enclosure`, `media:content` |
//! | summary, content | the constructs, with their types and `xml:base`; else `dc:description`, `content:encoded` |
//! | published, updated | `published`, `dc:date`, `dcterms:issued/created`; `updated`, `dcterms:modified` |
//! | authors | `author`, `dc:creator` |
//! | origin | `source` |
//!
//! What the crate does not carry under these names comes through `repair`.

use atom_syndication::{Content, Link, Person, Text, TextType};

use super::ParseError;
use super::extension::{
    Extensions, Vocabularies, from_atom, read_comments_and_places, read_general, read_media, read_own, vocabularies,
};
use super::repair::OWN;
use crate::model::feed::{
    Format, RawAttachment, RawComments, RawDate, RawEntry, RawFeed, RawOrigin, RawPerson, RawText, TextKind,
};

/// Reads a text; one that is handed over is given up before its copy in values is made.
pub(super) fn parse(text: impl AsRef<str>) -> Result<RawFeed, ParseError> {
    let broken =
        |error: atom_syndication::Error| ParseError::Broken { format: Format::Atom, detail: error.to_string() };
    let source = atom_syndication::Feed::read_from(text.as_ref().as_bytes()).map_err(broken)?;
    drop(text);
    Ok(feed(source))
}

fn feed(source: atom_syndication::Feed) -> RawFeed {
    let mut feed = RawFeed::new(Format::Atom);
    feed.title = text(source.title);
    feed.description = source.subtitle.and_then(text);
    feed.link = alternate(&source.links);
    feed.self_link = source.links.iter().find(|link| link.rel == "self").map(|link| link.href.clone());
    feed.hub = source.links.iter().find(|link| link.rel == "hub").map(|link| link.href.clone());
    feed.language = source.lang;
    feed.base = source.base;
    feed.authors = source.authors.into_iter().map(person).collect();
    let namespaces = source.namespaces;
    let own = |name: &str| {
        source.extensions.values().filter_map(|names| names.get(name)).flatten().find_map(|e| e.value.clone())
    };
    if namespaces.values().any(|namespace| namespace == OWN) {
        feed.base = own("base");
        feed.language = feed.language.take().or_else(|| own("lang"));
    }
    let declared = vocabularies(&namespaces);
    feed.entries = source.entries.into_iter().map(|item| entry(item, &declared)).collect();
    feed
}

fn entry(item: atom_syndication::Entry, declared: &Vocabularies) -> RawEntry {
    let mut extensions = Extensions::default();
    for (prefix, names) in item.extensions {
        for (name, list) in names {
            for found in list {
                extensions.add(&prefix, &name, from_atom(found), declared);
            }
        }
    }
    let never = atom_syndication::FixedDateTime::default();
    let language = item.title.lang.clone().or_else(|| item.content.as_ref().and_then(|c| c.lang.clone()));
    let mut entry = RawEntry {
        id: Some(item.id).filter(|id| !id.trim().is_empty()),
        // Many give the address of the page as the id, and no link.
        id_is_link: true,
        link: alternate(&item.links),
        comments: replies(&item.links),
        title: text(item.title),
        summary: item.summary.and_then(text),
        published: item.published.map(RawDate::Known),
        // The crate has no "missing": it puts the epoch there.
        updated: Some(item.updated).filter(|date| *date != never).map(RawDate::Known),
        authors: item.authors.into_iter().map(person).collect(),
        tags: item
            .categories
            .into_iter()
            .map(|c| if c.term.trim().is_empty() { c.label.unwrap_or_default() } else { c.term })
            .collect(),
        attachments: item.links.into_iter().filter(|link| link.rel == "enclosure").map(attachment).collect(),
        origin: item.source.map(|source| RawOrigin { url: alternate(&source.links), title: Some(source.title.value) }),
        language,
        ..RawEntry::default()
    };
    if let Some(found) = item.content {
        // Content somewhere else (RFC 4287, section 4.1.3.2) is a link, not a body.
        if let (Some(src), None) = (&found.src, &found.value) {
            entry.link = entry.link.take().or_else(|| Some(src.clone()));
        }
        entry.content = content(found);
    }
    read_own(&extensions, &mut entry);
    read_general(&extensions, &mut entry);
    read_media(&extensions, &mut entry);
    read_comments_and_places(&extensions, &mut entry);
    entry
}

/// Where the replies are (RFC 4685, section 4): a page and a feed.
fn replies(links: &[Link]) -> RawComments {
    let mut comments = RawComments::default();
    for link in links.iter().filter(|link| link.rel == "replies") {
        let is_feed = link.mime_type.as_deref().is_some_and(|t| t.contains("atom") || t.contains("rss"));
        let place = if is_feed { &mut comments.feed } else { &mut comments.page };
        *place = place.take().or_else(|| Some(link.href.clone()));
    }
    comments
}

/// The page of a feed or entry: HTML before other media types, the first before later ones.
fn alternate(links: &[Link]) -> Option<String> {
    let pages = || links.iter().filter(|link| link.rel == "alternate" && !link.href.trim().is_empty());
    let html = pages().find(|link| link.mime_type.as_deref().is_none_or(|t| t.contains("html")));
    html.or_else(|| pages().next()).map(|link| link.href.clone())
}

fn text(found: Text) -> Option<RawText> {
    let kind = match found.r#type {
        TextType::Text => TextKind::Plain,
        TextType::Html | TextType::Xhtml => TextKind::Html,
    };
    (!found.value.trim().is_empty()).then_some(RawText { value: found.value, kind, base: found.base })
}

fn content(found: Content) -> Option<RawText> {
    let kind = match found.content_type.as_deref().map(str::trim) {
        None | Some("text" | "text/plain") => TextKind::Plain,
        // Other media types are not ours to show, but what is text is better shown than dropped.
        Some(_) => TextKind::Html,
    };
    found.value.filter(|v| !v.trim().is_empty()).map(|value| RawText { value, kind, base: found.base })
}

fn person(found: Person) -> RawPerson {
    RawPerson { name: Some(found.name).filter(|n| !n.trim().is_empty()), email: found.email, url: found.uri }
}

fn attachment(link: Link) -> RawAttachment {
    RawAttachment { url: link.href, mime_type: link.mime_type, size: link.length, duration: None }
}
