//! RSS 0.9x, 1.0 and 2.x through the `rss` crate.
//!
//! | field | from, first that is there |
//! |---|---|
//! | id | `guid`; `isPermaLink` is true unless it says false |
//! | link | `link`, `atom:link rel=alternate` |
//! | summary, content | `description`, `content:encoded` |
//! | published, updated | `pubDate`, `dc:date`, `dcterms:issued/created`; `atom:updated`, `dcterms:modified` |
//! | authors | `author`, `dc:creator`, `itunes:author` |
//! | tags | `category`, `dc:subject`, `itunes:keywords` |
//! | comments | `comments`, `wfw:commentRss`, `slash:comments` |
//! | attachments | `enclosure`, `media:content` |

use rss::extension::itunes::ITunesItemExtension;
use rss::extension::syndication::UpdatePeriod;

use super::ParseError;
use super::extension::{CONTENT, DCTERMS, Extensions, OWN, from_rss, read_comments_and_places, read_media, read_own};
use crate::model::feed::{
    Format, PollHints, RawAttachment, RawComments, RawDate, RawEntry, RawFeed, RawOrigin, RawPerson, RawText,
};

/// Reads a text; one that is handed over is given up before its copy in values is made.
pub(super) fn parse(text: impl AsRef<str>) -> Result<RawFeed, ParseError> {
    let channel = rss::Channel::read_from(text.as_ref().as_bytes())
        .map_err(|error| ParseError::Broken { format: Format::Rss, detail: error.to_string() })?;
    drop(text);
    Ok(feed(channel))
}

/// What the channel asks of those who poll it (RSS 2.0; the syndication module of RSS 1.0).
fn hints(channel: &rss::Channel) -> PollHints {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let day = |name: &String| {
        let name = name.trim().to_lowercase();
        DAYS.iter().position(|day| name.starts_with(day))
    };
    let update_seconds = channel.syndication_ext.as_ref().map(|module| {
        let period: u64 = match module.period {
            UpdatePeriod::Hourly => 3600,
            UpdatePeriod::Daily => 86_400,
            UpdatePeriod::Weekly => 7 * 86_400,
            UpdatePeriod::Monthly => 30 * 86_400,
            UpdatePeriod::Yearly => 365 * 86_400,
        };
        period / u64::from(module.frequency.max(1))
    });
    // Old feeds count hours from 1 to 24, and 24 is midnight (RSS 0.91).
    let hours = channel.skip_hours.iter().filter_map(|hour| hour.trim().parse::<u32>().ok()).filter(|hour| *hour <= 24);
    PollHints {
        ttl_minutes: channel.ttl.as_deref().and_then(|ttl| ttl.trim().parse().ok()),
        update_seconds,
        skip_hours: hours.fold(0, |bits, hour| bits | 1 << (hour % 24)),
        skip_days: channel.skip_days.iter().filter_map(day).fold(0, |bits, day| bits | 1 << day),
        ..PollHints::default()
    }
}

fn feed(channel: rss::Channel) -> RawFeed {
    let mut feed = RawFeed::new(Format::Rss);
    feed.hints = hints(&channel);
    feed.title = filled(channel.title).map(RawText::unknown);
    feed.link = filled(channel.link);
    feed.description = filled(channel.description).map(RawText::unknown);
    feed.language = channel.language.and_then(filled);
    if let Some(atom) = channel.atom_ext {
        for link in atom.links {
            match link.rel.as_str() {
                "self" => feed.self_link = feed.self_link.take().or(Some(link.href)),
                "hub" => feed.hub = feed.hub.take().or(Some(link.href)),
                "alternate" => feed.link = feed.link.take().or(Some(link.href)),
                _ => {}
            }
        }
    }
    feed.authors = channel.managing_editor.and_then(filled).map(named).into_iter().collect();
    if let Some(dc) = channel.dublin_core_ext {
        feed.authors.extend(dc.creators.into_iter().filter_map(filled).map(named));
        if feed.title.is_none() {
            feed.title = dc.titles.into_iter().find_map(filled).map(RawText::unknown);
        }
        feed.language = feed.language.take().or_else(|| dc.languages.into_iter().find_map(filled));
    }
    let namespaces = channel.namespaces;
    let own = |name: &str| {
        channel.extensions.values().filter_map(|names| names.get(name)).flatten().find_map(|e| e.value.clone())
    };
    if namespaces.values().any(|namespace| namespace == OWN) {
        feed.base = own("base");
        feed.language = feed.language.take().or_else(|| own("lang"));
    }
    feed.entries = channel.items.into_iter().map(|item| entry(item, &namespaces)).collect();
    feed
}

fn entry(item: rss::Item, namespaces: &std::collections::BTreeMap<String, String>) -> RawEntry {
    let mut extensions = Extensions::default();
    for (prefix, names) in item.extensions {
        for (name, list) in names {
            for found in list {
                extensions.add(&prefix, &name, from_rss(found), namespaces);
            }
        }
    }
    let mut entry = RawEntry {
        title: item.title.map(RawText::unknown),
        link: item.link.and_then(filled),
        summary: item.description.map(RawText::unknown),
        content: item.content.or_else(|| extensions.text(CONTENT, "encoded")).map(RawText::html),
        published: item.pub_date.and_then(filled).map(RawDate::Text),
        authors: item.author.and_then(filled).map(named).into_iter().collect(),
        tags: item.categories.into_iter().map(|category| category.name).collect(),
        comments: RawComments { page: item.comments.and_then(filled), ..RawComments::default() },
        origin: item.source.map(|source| RawOrigin { title: source.title, url: filled(source.url) }),
        ..RawEntry::default()
    };
    if let Some(guid) = item.guid {
        entry.id_is_link = guid.permalink;
        entry.id = filled(guid.value);
    }
    if let Some(enclosure) = item.enclosure.filter(|e| !e.url.trim().is_empty()) {
        entry.attachments.push(RawAttachment {
            url: enclosure.url,
            mime_type: filled(enclosure.mime_type),
            size: filled(enclosure.length),
            duration: None,
        });
    }
    if let Some(atom) = item.atom_ext {
        let alternate = atom.links.into_iter().find(|link| link.rel == "alternate").map(|link| link.href);
        entry.link = entry.link.take().or(alternate);
    }
    if let Some(dc) = item.dublin_core_ext {
        entry.published = entry.published.take().or_else(|| dc.dates.into_iter().find_map(filled).map(RawDate::Text));
        entry.authors.extend(dc.creators.into_iter().filter_map(filled).map(named));
        entry.tags.extend(dc.subjects);
        if entry.title.as_ref().is_none_or(|title| title.value.trim().is_empty()) {
            entry.title = dc.titles.into_iter().find_map(filled).map(RawText::unknown);
        }
        if entry.summary.is_none() {
            entry.summary = dc.descriptions.into_iter().find_map(filled).map(RawText::unknown);
        }
        entry.language = dc.languages.into_iter().find_map(filled);
    }
    let dated = |name| extensions.text(DCTERMS, name).map(RawDate::Text);
    entry.published = entry.published.take().or_else(|| dated("issued")).or_else(|| dated("created"));
    entry.updated = dated("modified");
    if let Some(itunes) = item.itunes_ext {
        read_itunes(itunes, &mut entry);
    }
    read_own(&extensions, &mut entry);
    read_media(&extensions, &mut entry);
    read_comments_and_places(&extensions, &mut entry);
    entry
}

fn read_itunes(itunes: ITunesItemExtension, entry: &mut RawEntry) {
    if entry.authors.is_empty() {
        entry.authors.extend(itunes.author.and_then(filled).map(named));
    }
    entry.image = itunes.image;
    entry.summary = entry.summary.take().or_else(|| itunes.summary.map(RawText::unknown));
    if let Some(keywords) = itunes.keywords {
        entry.tags.extend(keywords.split(',').map(str::to_owned));
    }
    if let Some(attachment) = entry.attachments.first_mut() {
        attachment.duration = attachment.duration.take().or(itunes.duration);
    }
}

/// A person of whom only a line of text is known; `normalise` takes mail and name apart.
fn named(text: String) -> RawPerson {
    RawPerson { name: Some(text), ..RawPerson::default() }
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|t| !t.trim().is_empty())
}
