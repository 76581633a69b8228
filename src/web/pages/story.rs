//! One story as a page: its text for reading, every report with its own headline, how it came to be.

use askama::Template;

use super::frame::{Frame, Setting, Time};
use super::made::Made;
use super::{html, language_of, text};
use crate::html::PageHtml;
use crate::live::Neighbours;
use crate::model::entry::StoredEntry;
use crate::model::part::Part;
use crate::model::source::SourceId;
use crate::store::{Explanation, ListedEntry};
use crate::web::body::Body;

#[derive(Template)]
#[template(path = "story.html")]
struct Page<'a> {
    f: Frame<'a>,
    river: &'a str,
    title: String,
    language: Option<String>,
    /// The page's own address.
    canonical: String,
    url: Option<String>,
    time: Time,
    source: String,
    source_url: String,
    byline: Vec<String>,
    /// The picture, where the text has none.
    picture: Option<String>,
    text: Option<PageHtml>,
    excerpt: Option<String>,
    tags: Vec<(String, String)>,
    attachments: Vec<Attachment>,
    reports: Vec<Report>,
    made: Option<Made>,
    explain: String,
    newer: Option<(String, String)>,
    older: Option<(String, String)>,
}

struct Attachment {
    name: String,
    url: String,
    kind: String,
}

/// One report of the story.
struct Report {
    title: String,
    original: Option<String>,
    language: Option<String>,
    url: Option<String>,
    source: String,
    source_url: String,
    time: Time,
    is_shown: bool,
    why: Option<String>,
    /// The command that takes it out of the story.
    split: String,
}

/// The entry whose telling is shown: of its source, with its link.
#[must_use]
pub(in crate::web) fn shown_of<'m>(stored: &StoredEntry, members: &'m [ListedEntry]) -> Option<&'m ListedEntry> {
    let of_source = || members.iter().filter(|member| member.source == stored.told_by);
    of_source().find(|member| member.url == stored.entry.url).or_else(|| of_source().next())
}

/// The page of a story with all its entries; `found` explains the one that is shown.
pub(in crate::web) fn story(
    found: &Neighbours,
    members: &[ListedEntry],
    made: Option<&Explanation>,
    setting: &Setting,
) -> Option<Body> {
    let river = &found.river;
    let stored = river.entries.first()?;
    let (frame, entry) = (Frame::new(&river.addresses.pages, setting), &stored.entry);
    let title = title_of(river, stored);
    let text = text::body_of(entry, frame.root, setting);
    let has_picture = text.as_ref().is_some_and(PageHtml::has_pictures);
    let name =
        |source: &SourceId| river.origins.get(source).map_or_else(|| source.to_string(), |origin| origin.name.clone());
    let of_source = |source: &SourceId| format!("{}{}", frame.root, Part::Source(source.clone()).path());
    let moment = stored.published().unwrap_or_else(|| stored.order.fixed_offset());
    let beside = |story: &StoredEntry| (frame.story(&story.river_id), title_of(river, story));
    let authors = entry.authors.iter().map(|author| author.name.clone());
    let page = Page {
        river: &river.title,
        language: language_of(entry.language.as_deref(), &title),
        canonical: frame.story(&stored.river_id),
        url: entry.url.clone().filter(|url| url.starts_with("http")),
        time: frame.time(moment),
        source: name(&stored.told_by),
        source_url: of_source(&stored.told_by),
        byline: authors.chain(entry.attribution.clone()).collect(),
        picture: entry.image.as_deref().filter(|_| !has_picture).and_then(|url| setting.picture(frame.root, url)),
        excerpt: if text.is_none() { river.excerpt(stored).filter(|excerpt| *excerpt != title) } else { None },
        text,
        tags: tags(stored, &frame),
        attachments: attachments(stored),
        reports: if members.len() > 1 { reports(stored, members, &frame, name, of_source) } else { Vec::new() },
        explain: {
            let shown = shown_of(stored, members).map_or(&stored.river_id, |member| &member.river_id);
            format!("{}explain?entry={}", frame.root, crate::model::part::segment(shown))
        },
        made: made.map(|found| Made::new(found, &frame)),
        newer: found.newer.as_ref().map(beside),
        older: found.older.as_ref().map(beside),
        title,
        f: frame,
    };
    Some(html(&page, Some(stored.changed_at), "no-cache"))
}

fn title_of(river: &crate::publish::River, stored: &StoredEntry) -> String {
    match &stored.entry.title {
        title if !title.is_empty() => title.clone(),
        _ => river.excerpt(stored).map_or_else(|| "…".to_owned(), |text| text.chars().take(80).collect()),
    }
}

fn tags(stored: &StoredEntry, frame: &Frame<'_>) -> Vec<(String, String)> {
    let place = |tag: &String| (tag.clone(), format!("{}{}", frame.root, Part::Tag(tag.clone()).path()));
    stored.entry.tags.iter().map(place).collect()
}

fn attachments(stored: &StoredEntry) -> Vec<Attachment> {
    let on_the_web = stored.entry.attachments.iter().filter(|one| one.url.starts_with("http"));
    on_the_web
        .map(|one| Attachment {
            name: one.url.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&one.url).to_owned(),
            url: one.url.clone(),
            kind: one.mime_type.clone(),
        })
        .collect()
}

/// All reports in the order of their time.
fn reports(
    stored: &StoredEntry,
    members: &[ListedEntry],
    frame: &Frame<'_>,
    name: impl Fn(&SourceId) -> String,
    of_source: impl Fn(&SourceId) -> String,
) -> Vec<Report> {
    let shown = shown_of(stored, members).map(|member| &member.river_id);
    let title_at = |id: &str| members.iter().find(|member| member.river_id == id).map(|member| member.title.as_str());
    let published = |member: &&ListedEntry| {
        stored.tellings.is_empty() || stored.tellings.iter().any(|telling| telling.river_id == member.river_id)
    };
    let mut ordered: Vec<&ListedEntry> = members.iter().filter(published).collect();
    ordered.sort_by_key(|member| member.at);
    let report = |member: &ListedEntry| Report {
        title: if member.title.is_empty() { member.river_id.clone() } else { member.title.clone() },
        original: member.title_original.clone().filter(|original| *original != member.title),
        language: language_of(member.language.as_deref(), &member.title),
        url: member.url.clone().filter(|url| url.starts_with("http")),
        source: name(&member.source),
        source_url: of_source(&member.source),
        time: frame.time(member.at),
        is_shown: shown == Some(&member.river_id),
        why: member.why.as_ref().map(|why| {
            let evidence = why.judgement.evidence.join("; ");
            title_at(&why.other).map_or_else(|| evidence.clone(), |title| frame.t.joined_to(title, &evidence))
        }),
        split: format!("newsriver split {}", quoted(&member.river_id)),
    };
    ordered.into_iter().map(report).collect()
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn commands_can_be_copied_into_a_shell() {
        assert_eq!(quoted("tag:e.example,2026:a/1"), "tag:e.example,2026:a/1");
        assert_eq!(quoted("http://e.example/?a=1&b"), "'http://e.example/?a=1&b'");
        assert_eq!(quoted("it's; rm"), r"'it'\''s; rm'");
    }
}
