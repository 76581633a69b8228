//! The river in Atom 1.0 (RFC 4287) through `atom_syndication`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use atom_syndication::extension::Extension;
use atom_syndication::{Category, Content, Entry, Feed, Generator, Link, Person, Source, Text, WriteConfig};

use super::{Format, HISTORY, Origin, River, excerpt, title_of};
use crate::html::SanitisedHtml;
use crate::model::entry::StoredEntry;

pub(super) fn render(river: &River) -> Vec<u8> {
    let mut feed = Feed {
        title: Text::plain(&*river.title),
        id: river.id(),
        updated: river.updated(),
        generator: Some(Generator {
            value: "newsriver".into(),
            uri: None,
            version: Some(env!("CARGO_PKG_VERSION").into()),
        }),
        links: vec![link("alternate", river.addresses.base.to_string(), Some("text/html"))],
        ..Feed::default()
    };
    let pages = river.paging(Format::Atom).into_iter();
    feed.links.extend(pages.map(|(rel, url)| link(rel, url, (rel != "hub").then_some("application/atom+xml"))));
    if river.is_archive() {
        let (prefix, namespace) = HISTORY;
        feed.namespaces.insert(prefix.to_owned(), namespace.to_owned());
        let mark = Extension { name: format!("{prefix}:archive"), ..Extension::default() };
        feed.extensions.insert(prefix.to_owned(), BTreeMap::from([("archive".to_owned(), vec![mark])]));
    }
    feed.entries = river.entries.iter().map(|e| entry(e, river)).collect();
    let config = WriteConfig { write_document_declaration: false, indent_size: None };
    let out = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec();
    // Writing to memory fails for no input; an empty feed would hide it if it did.
    feed.write_with_config(out, config).unwrap_or_default()
}

fn entry(stored: &StoredEntry, river: &River) -> Entry {
    let entry = &stored.entry;
    let origin = &river.origin(stored);
    let mut links = Vec::new();
    if let Some(url) = &entry.url {
        links.push(Link { hreflang: entry.language.clone(), ..link("alternate", url.clone(), None) });
    }
    if let Some(url) = &entry.external_url {
        links.push(link("related", url.clone(), None));
    }
    if let Some(url) = &origin.url {
        links.push(link("via", url.clone(), None));
    }
    if let Some(comments) = &entry.comments {
        // RFC 4685, section 4.
        links.extend(comments.url.clone().map(|url| link("replies", url, Some("text/html"))));
        links.extend(comments.feed_url.clone().map(|url| link("replies", url, Some("application/rss+xml"))));
    }
    let mut attached = HashSet::new();
    let each = entry.attachments.iter().filter(|a| attached.insert(&a.url));
    links.extend(each.map(|a| Link {
        length: a.size_in_bytes.map(|n| n.to_string()),
        ..link("enclosure", a.url.clone(), Some(&a.mime_type))
    }));
    let people = |person: &crate::model::entry::Person| Person {
        name: person.name.clone(),
        email: person.email.clone(),
        uri: person.url.clone(),
        ..Person::default()
    };
    let mut authors: Vec<Person> = entry.authors.iter().map(people).collect();
    if authors.is_empty() {
        // RFC 4287, section 4.1.2: every entry has an author where the feed has none.
        authors.push(Person { name: origin.name.clone(), uri: origin.home_page_url.clone(), ..Person::default() });
    }
    // An entry without a page must have content (section 4.1.2).
    let summary_as_html = || entry.summary.as_deref().and_then(SanitisedHtml::of_text).unwrap_or_default();
    let html = river.body(stored).or_else(|| entry.url.is_none().then(|| Cow::Owned(summary_as_html())));
    Entry {
        title: Text { lang: entry.language.clone(), ..Text::plain(title_of(stored)) },
        id: stored.river_id.clone(),
        updated: stored.updated().max(stored.published().unwrap_or_default()),
        published: stored.published(),
        authors,
        categories: entry.tags.iter().map(|tag| Category { term: tag.clone(), ..Category::default() }).collect(),
        links,
        source: Some(source(stored, origin)),
        summary: if html.is_some() && entry.summary.is_none() { None } else { excerpt(stored).map(Text::plain) },
        content: html.map(|html| Content {
            value: Some(html.to_string()),
            content_type: Some("html".into()),
            lang: entry.language.clone(),
            ..Content::default()
        }),
        ..Entry::default()
    }
}

/// RFC 4287, section 4.2.11: a copied entry carries what names the feed it came from.
fn source(stored: &StoredEntry, origin: &Origin) -> Source {
    let mut links = Vec::new();
    links.extend(origin.url.clone().map(|url| link("self", url, None)));
    links.extend(origin.home_page_url.clone().map(|url| link("alternate", url, Some("text/html"))));
    Source {
        title: Text::plain(&*origin.name),
        id: origin.url.clone().unwrap_or_else(|| {
            format!(
                "urn:newsriver:source:{}",
                url::form_urlencoded::byte_serialize(origin.id.as_str().as_bytes()).collect::<String>()
            )
        }),
        updated: stored.updated(),
        links,
        ..Source::default()
    }
}

fn link(rel: &str, href: String, mime_type: Option<&str>) -> Link {
    Link { href, rel: rel.to_owned(), mime_type: mime_type.map(str::to_owned), ..Link::default() }
}
