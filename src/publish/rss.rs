//! The river in RSS 2.0 through the `rss` crate.

use std::collections::BTreeMap;

use rss::extension::Extension;
use rss::extension::atom::{AtomExtension, Link};
use rss::extension::dublincore::DublinCoreExtension;
use rss::{Category, Channel, Enclosure, Guid, Item, Source};

use super::{Format, HISTORY, River, excerpt, shown_date, title_of};
use crate::html::characters::{as_html, could_be_markup};
use crate::model::entry::StoredEntry;
use crate::model::part::Part;

pub(super) fn render(river: &River) -> Vec<u8> {
    let links = river.paging(Format::Rss).into_iter().map(|(rel, href)| Link {
        rel: rel.to_owned(),
        href,
        mime_type: (rel != "hub").then(|| "application/rss+xml".into()),
        ..Link::default()
    });
    let mut namespaces = BTreeMap::from([("dc".to_owned(), "http://purl.org/dc/elements/1.1/".to_owned())]);
    let mut extensions = BTreeMap::new();
    if river.is_archive() {
        let (prefix, namespace) = HISTORY;
        namespaces.insert(prefix.to_owned(), namespace.to_owned());
        let mark = Extension { name: format!("{prefix}:archive"), ..Extension::default() };
        extensions.insert(prefix.to_owned(), BTreeMap::from([("archive".to_owned(), vec![mark])]));
    }
    let title = if river.is_titled_by_others() { text(river.title.clone()) } else { river.title.clone() };
    let channel = Channel {
        description: format!("{title}: the merged feed of newsriver"),
        title,
        link: river.addresses.base.to_string(),
        last_build_date: (!river.entries.is_empty()).then(|| river.updated().to_utc().to_rfc2822()),
        generator: Some(concat!("newsriver ", env!("CARGO_PKG_VERSION")).into()),
        items: river.entries.iter().map(|e| item(e, river)).collect(),
        atom_ext: Some(AtomExtension { links: links.collect() }),
        extensions,
        namespaces,
        ..Channel::default()
    };
    // Writing to memory fails for no input; an empty feed would hide it if it did.
    channel.write_to(Vec::new()).unwrap_or_default()
}

/// RSS does not say whether a text is HTML: what could be markup is written so that it is none either way.
fn text(value: String) -> String {
    if could_be_markup(&value) { as_html(&value) } else { value }
}

fn item(stored: &StoredEntry, river: &River) -> Item {
    let entry = &stored.entry;
    let origin = river.origin(stored);
    // `author` must be a mail address, so names go to `dc:creator`.
    let mut creators: Vec<String> = entry.authors.iter().map(|a| text(a.name.clone())).collect();
    if creators.is_empty() {
        creators.push(text(origin.name.clone()));
    }
    // A source that is a file has no address on the web: its feed here stands for it.
    let own = || format!("{}{}feed.rss", river.addresses.base, Part::Source(origin.id.clone()).path());
    Item {
        title: Some(text(title_of(stored))),
        link: entry.url.clone(),
        description: excerpt(stored).map(|text| as_html(&text)),
        content: river.body(stored).map(|html| html.to_string()),
        guid: Some(Guid { value: stored.river_id.clone(), permalink: false }),
        pub_date: Some(shown_date(stored).to_rfc2822()),
        categories: entry.tags.iter().map(|tag| Category { name: text(tag.clone()), domain: None }).collect(),
        comments: entry.comments.as_ref().and_then(|comments| comments.url.clone()),
        // RSS readers take one enclosure, from the web (RSS Advisory Board, profile).
        enclosure: entry.attachments.iter().find(|a| a.url.starts_with("http")).map(|a| Enclosure {
            url: a.url.clone(),
            length: a.size_in_bytes.unwrap_or(0).to_string(),
            mime_type: a.mime_type.clone(),
        }),
        source: Some(Source { url: origin.url.clone().unwrap_or_else(own), title: Some(text(origin.name)) }),
        dublin_core_ext: Some(DublinCoreExtension { creators, ..DublinCoreExtension::default() }),
        ..Item::default()
    }
}
