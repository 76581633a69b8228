//! [`RawFeed`] -> [`Feed`]: one kind of entry for every format.
//!
//! In: what the publisher sent, the address it came from, the moment of the poll. Out: plain
//! titles, sanitised bodies, absolute URLs, dates with offset. The raw feed is left as it was: the
//! publisher's own words are stored beside what is made of them. Odd input never fails; what cannot
//! be known stays empty.

mod body;
mod date;
mod link;
mod person;
mod text;
mod unfinished;

use chrono::{DateTime, FixedOffset, Utc};
use url::Url;

use crate::html::{characters, plain_text};
use crate::model::entry::{Attachment, Comments, Entry, Feed};
use crate::model::feed::{Format, RawArticle, RawAttachment, RawDate, RawEntry, RawFeed, RawText, TextKind};
use crate::model::zone::Zone;
use date::DateContext;

/// What a feed is normalised with.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The address of the document, where it has one on the web.
    pub document_url: Option<Url>,
    /// The zone of dates that name none; default by language and host, else UTC.
    pub timezone: Option<Zone>,
    /// Tags that every entry gets.
    pub tags: &'a [String],
    /// The moment of the poll.
    pub now: DateTime<Utc>,
}

/// Normalises a feed, entries in document order.
#[must_use]
pub fn normalise(raw: &RawFeed, context: &Context<'_>) -> Feed {
    let base = feed_base(raw, context);
    let dates = Dates::new(raw, context, base.as_ref());
    let language = raw.language.as_deref().and_then(language);
    let entries = raw
        .entries
        .iter()
        .map(|entry| {
            let base = join(base.as_ref(), entry.base.as_deref());
            let mut made = normalise_entry(entry, raw.format, base.as_ref(), &dates);
            made.language = entry.language.as_deref().and_then(self::language).or_else(|| language.clone());
            for tag in context.tags {
                if !made.tags.contains(tag) {
                    made.tags.push(tag.clone());
                }
            }
            made
        })
        .collect();
    let document = context.document_url.as_ref();
    Feed {
        title: raw.title.as_ref().map(text::of).unwrap_or_default(),
        home_page_url: raw.link.as_deref().and_then(|l| link::absolute(l, base.as_ref().or(document))),
        feed_url: raw.self_link.as_deref().and_then(|l| link::absolute(l, document)),
        description: raw.description.as_ref().map(text::of).filter(|t| !t.is_empty()),
        language,
        authors: person::all(&raw.authors, base.as_ref()),
        entries,
    }
}

/// Puts the article behind an entry in place of a shorter body, which stays as the excerpt. Its page
/// dates the entry only where the feed does not.
pub fn take_article(entry: &mut Entry, article: &RawArticle, context: &Context<'_>) {
    let base = entry.url.as_deref().and_then(|url| Url::parse(url).ok());
    let Some(html) = body::html(&RawText::html(article.html.as_str()), base.as_ref()) else { return };
    entry.page_title = Some(text::one_line(&article.title)).filter(|title| entry.title != *title && !title.is_empty());
    let before = entry.content_html.take();
    let excerpt = before.as_deref().map(plain_text).filter(|text| !text.is_empty());
    if excerpt.as_deref().map_or(0, |text| text.chars().count()) >= plain_text(&html).chars().count() {
        entry.content_html = before;
        return;
    }
    entry.summary = entry.summary.take().or(excerpt);
    entry.content_html = Some(html);
    entry.content_text = None;
    if entry.dated().is_none() {
        let zone = context.timezone.unwrap_or(Zone::UTC);
        let dates = DateContext { zone, chinese: false, reference: context.now.fixed_offset() };
        entry.published = article.published.as_deref().and_then(|date| date::parse(date, &dates));
    }
}

/// Characters of text that an entry shows.
#[must_use]
pub fn length(entry: &Entry) -> usize {
    let body = entry.content_html.as_deref().map(plain_text);
    body.or_else(|| entry.summary.clone()).map_or(0, |text| text.chars().count())
}

/// What relative links count from: `xml:base`, the feed's page, the document.
fn feed_base(raw: &RawFeed, context: &Context<'_>) -> Option<Url> {
    let document = context.document_url.as_ref();
    if raw.base.is_some() {
        return join(document, raw.base.as_deref());
    }
    let page = raw.link.as_deref().and_then(|l| link::absolute(l, document)).and_then(|l| Url::parse(&l).ok());
    page.filter(|url| url.has_host()).or_else(|| document.cloned())
}

fn join(base: Option<&Url>, relative: Option<&str>) -> Option<Url> {
    let Some(relative) = relative else { return base.cloned() };
    match base {
        Some(base) => base.join(relative.trim()).ok().or_else(|| Some(base.clone())),
        None => Url::parse(relative.trim()).ok(),
    }
}

fn normalise_entry(raw: &RawEntry, format: Format, base: Option<&Url>, dates: &Dates) -> Entry {
    let stated_id = raw.id.as_deref().map(text::one_line).filter(|id| !id.is_empty());
    // A reference that a base is stated for leads somewhere; other words with a slash may be but a name.
    let leads = |id: &str| link::is_web(id) || id.starts_with('/') || raw.base.is_some();
    let may_lead = raw.id_is_link && stated_id.as_deref().is_some_and(leads);
    let publisher_id = if format == Format::Atom { stated_id.map(|id| link::whole_id(id, base)) } else { stated_id };
    let permalink = || {
        let id = publisher_id.as_deref().filter(|id| may_lead && link::is_web(id))?;
        link::absolute(id, None)
    };
    let url = raw.link.as_deref().and_then(|l| link::absolute(l, base)).or_else(permalink);
    let title = raw.title.as_ref().map(text::of).unwrap_or_default();
    let body = raw.content.as_ref().or(raw.summary.as_ref());
    let content_html =
        body.and_then(|body| body::html(&unfinished::construct(body), join(base, body.base.as_deref()).as_ref()));
    // The excerpt is told apart from the body only where both were sent, or where it is no markup.
    let excerpt = raw.summary.as_ref().filter(|s| raw.content.is_some() || s.kind == TextKind::Plain);
    let summary = excerpt.map(text::of).filter(|t| !t.is_empty());
    let mut tags: Vec<String> = Vec::new();
    for tag in raw.tags.iter().map(|tag| text::of(&RawText::unknown(tag.as_str()))).filter(|tag| !tag.is_empty()) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Entry {
        external_url: raw
            .external_link
            .as_deref()
            .and_then(|l| link::absolute(l, base))
            .filter(|l| Some(l) != url.as_ref()),
        publisher_id,
        url,
        title,
        title_original: None,
        page_title: None,
        content_html,
        content_text: raw
            .content
            .as_ref()
            .filter(|c| c.kind == TextKind::Plain)
            .map(|c| characters::clean(c.value.trim()))
            .filter(|t| !t.is_empty()),
        summary,
        published: raw.published.as_ref().and_then(|d| dates.read(d)),
        updated: raw.updated.as_ref().and_then(|d| dates.read(d)),
        authors: person::all(&raw.authors, base),
        tags,
        attachments: raw.attachments.iter().filter_map(|a| attachment(a, base)).collect(),
        image: raw.image.as_deref().and_then(|l| link::absolute(l, base)),
        date_is_stated: false,
        stated_date: None,
        tickers: Vec::new(),
        language: None,
        comments: comments(raw, base),
        attribution: raw
            .origin
            .as_ref()
            .and_then(|o| o.title.as_deref())
            .map(|t| text::of(&RawText::unknown(t)))
            .filter(|t| !t.is_empty()),
    }
}

fn comments(raw: &RawEntry, base: Option<&Url>) -> Option<Comments> {
    let link = |link: &Option<String>| link.as_deref().and_then(|link| link::absolute(link, base));
    let comments = Comments {
        url: link(&raw.comments.page),
        feed_url: link(&raw.comments.feed),
        count: raw.comments.count.as_deref().and_then(|count| count.trim().parse().ok()),
    };
    (comments != Comments::default()).then_some(comments)
}

fn attachment(raw: &RawAttachment, base: Option<&Url>) -> Option<Attachment> {
    let url = link::absolute(&raw.url, base)?;
    let mime_type = raw.mime_type.as_deref().map(text::one_line).filter(|t| t.contains('/') && !t.ends_with('*'));
    let mime_type = mime_type.unwrap_or_else(|| link::media_type(&url).to_owned());
    Some(Attachment {
        mime_type,
        size_in_bytes: raw.size.as_deref().and_then(|size| size.trim().parse().ok()),
        duration_in_seconds: raw.duration.as_deref().and_then(seconds),
        url,
    })
}

/// `3600`, `3600.5`, `60:00`, `1:00:00`.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim().split('.').next()?;
    let mut total: u64 = 0;
    for part in text.split(':') {
        total = total.checked_mul(60)?.checked_add(part.trim().parse().ok()?)?;
    }
    Some(total)
}

/// A language tag in its usual letters (BCP 47, section 2.1.1): `zh-cn` is `zh-CN`.
fn language(tag: &str) -> Option<String> {
    let tag = tag.trim().replace('_', "-");
    let mut parts = tag.split('-');
    let mut out = parts
        .next()
        .filter(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()))?
        .to_ascii_lowercase();
    for part in parts {
        if part.is_empty() || part.len() > 8 || !part.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        out.push('-');
        match part.len() {
            2 => out.push_str(&part.to_ascii_uppercase()),
            4 => out.extend(
                part.chars()
                    .enumerate()
                    .map(|(n, c)| if n == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }),
            ),
            _ => out.push_str(&part.to_ascii_lowercase()),
        }
    }
    Some(out)
}

/// Reads the dates of one feed.
struct Dates(DateContext);

impl Dates {
    fn new(raw: &RawFeed, context: &Context<'_>, base: Option<&Url>) -> Self {
        let chinese = is_chinese(raw, context.document_url.as_ref().or(base));
        let usual = if chinese { Zone::CHINA } else { Zone::UTC };
        let zone = context.timezone.unwrap_or(usual);
        let mut dates = Self(DateContext { zone, chinese, reference: context.now.fixed_offset() });
        // A day without a year belongs to the feed's own time, which an archive's is not now.
        let newest = raw.entries.iter().filter_map(|e| e.published.as_ref()).filter_map(|d| match d {
            RawDate::Text(text) if !text.contains(|c: char| c.is_ascii_digit()) || text.contains('前') => None,
            RawDate::Text(text) if !text.as_bytes().windows(4).any(|w| w.iter().all(u8::is_ascii_digit)) => None,
            date => dates.read(date),
        });
        if let Some(newest) = newest.filter(|date| *date <= context.now).max() {
            dates.0.reference = newest;
        }
        dates.0.reference = Self::reference(raw, context, dates.0.reference);
        dates
    }

    /// "3 hours ago" counts from the poll; only where no entry says so may the feed's newest date
    /// stand for now.
    fn reference(raw: &RawFeed, context: &Context<'_>, newest: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
        let relative = |d: &RawDate| matches!(d, RawDate::Text(t) if ["前", "ago", "昨", "今", "刚", "yesterday", "today"].iter().any(|w| t.contains(w)));
        if raw.entries.iter().filter_map(|e| e.published.as_ref()).any(relative) {
            context.now.fixed_offset()
        } else {
            newest
        }
    }

    fn read(&self, date: &RawDate) -> Option<DateTime<FixedOffset>> {
        match date {
            RawDate::Known(date) => Some(*date),
            RawDate::Text(text) => date::parse(text, &self.0),
        }
    }
}

/// Whether a feed is Chinese: by its language, else its host, else the characters of its titles.
fn is_chinese(raw: &RawFeed, url: Option<&Url>) -> bool {
    if let Some(language) = &raw.language {
        return language.trim().to_ascii_lowercase().starts_with("zh");
    }
    if url
        .and_then(Url::host_str)
        .is_some_and(|host| [".cn", ".hk", ".tw", ".mo"].iter().any(|end| host.ends_with(end)))
    {
        return true;
    }
    let titles = raw.entries.iter().take(20).filter_map(|e| e.title.as_ref()).flat_map(|t| t.value.chars());
    let (mut han, mut other, mut kana) = (0, 0, 0);
    for c in titles.take(2000) {
        match c {
            '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7a3}' => kana += 1,
            '\u{4e00}'..='\u{9fff}' => han += 1,
            c if c.is_alphabetic() => other += 1,
            _ => {}
        }
    }
    han > other && kana * 20 < han
}

#[cfg(test)]
mod tests;
