//! RSS 0.9x, 1.0 and 2.x through the `rss` crate.
//!
//! | field | from, first that is there |
//! |---|---|
//! | id | `guid`; `isPermaLink` is true unless it says false |
//! | link | `link`, `atom:link rel=alternate`, an `id` that is an address |
//! | summary, content | `description`, `atom:summary`; `content:encoded`, `atom:content`, `xhtml:body` |
//! | published, updated | `pubDate`, `dc:date`, `dcterms:issued/created`, `atom:published`; `dcterms:modified`, `atom:updated` |
//! | authors | `author`, `dc:creator`, `atom:author`, `itunes:author` |
//! | tags | `category`, `dc:subject`, `itunes:keywords` |
//! | comments | `comments`, `wfw:commentRss`, `slash:comments` |
//! | attachments | `enclosure`, `atom:link rel=enclosure`, `media:content` |
//!
//! What the crate does not carry under these names comes through `repair`.

use rss::extension::itunes::ITunesItemExtension;
use rss::extension::syndication::UpdatePeriod;

use super::ParseError;
use super::extension::{
    Extensions, Vocabularies, from_rss, is_blank, read_comments_and_places, read_general, read_media, read_own,
    vocabularies,
};
use super::repair::OWN;
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
    let declared = vocabularies(&namespaces);
    feed.entries = channel.items.into_iter().map(|item| entry(item, &declared)).collect();
    feed
}

fn entry(item: rss::Item, declared: &Vocabularies) -> RawEntry {
    let mut extensions = Extensions::default();
    for (prefix, names) in item.extensions {
        for (name, list) in names {
            for found in list {
                extensions.add(&prefix, &name, from_rss(found), declared);
            }
        }
    }
    let mut entry = RawEntry {
        title: item.title.map(RawText::unknown),
        link: item.link.and_then(filled),
        summary: item.description.map(RawText::unknown),
        content: item.content.map(RawText::html),
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
    for link in item.atom_ext.into_iter().flat_map(|atom| atom.links) {
        match link.rel.as_str() {
            "alternate" => entry.link = entry.link.take().or_else(|| filled(link.href)),
            "enclosure" if !entry.attachments.iter().any(|known| known.url == link.href) => {
                entry.attachments.push(RawAttachment {
                    url: link.href,
                    mime_type: link.mime_type,
                    size: link.length,
                    duration: None,
                });
            }
            _ => {}
        }
    }
    if let Some(dc) = item.dublin_core_ext {
        entry.published = entry.published.take().or_else(|| dc.dates.into_iter().find_map(filled).map(RawDate::Text));
        entry.authors.extend(dc.creators.into_iter().filter_map(filled).map(named));
        entry.tags.extend(dc.subjects);
        if is_blank(&entry.title) {
            entry.title = dc.titles.into_iter().find_map(filled).map(RawText::unknown);
        }
        if entry.summary.is_none() {
            entry.summary = dc.descriptions.into_iter().find_map(filled).map(RawText::unknown);
        }
        entry.language = dc.languages.into_iter().find_map(filled);
    }
    read_own(&extensions, &mut entry);
    if let Some(itunes) = item.itunes_ext {
        read_itunes(itunes, &mut entry);
    }
    read_general(&extensions, &mut entry);
    read_media(&extensions, &mut entry);
    read_comments_and_places(&extensions, &mut entry);
    entry
}

fn read_itunes(itunes: ITunesItemExtension, entry: &mut RawEntry) {
    if entry.authors.is_empty() {
        entry.authors.extend(itunes.author.and_then(filled).map(named));
    }
    entry.image = entry.image.take().or(itunes.image);
    // A text beside the body would be an excerpt; where there is none it is the body.
    let said = itunes.summary.or_else(|| itunes.subtitle.filter(|_| entry.content.is_none()));
    entry.summary = entry.summary.take().or_else(|| said.and_then(filled).map(RawText::unknown));
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
