//! HTML pages without a feed, through the CSS selectors of `select`.
//!
//! Each element that `item` selects becomes an entry; the other selectors are looked up inside it.
//! Without them: the title and link are those of the first link, the rest stays empty.

use scraper::{ElementRef, Html, Selector};

use super::ParseError;
use crate::html;
use crate::model::feed::{Format, RawDate, RawEntry, RawFeed, RawPerson, RawText};
use crate::model::source::Select;

/// The media types under which pages announce feeds.
const FEED_TYPES: [&str; 5] =
    ["application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml", "application/json"];

pub(super) fn parse(text: &str, select: &Select) -> Result<RawFeed, ParseError> {
    let Some(page) = html::document(text) else {
        let detail = "it is nested too deep, or a tag has too many attributes".to_owned();
        return Err(ParseError::Broken { format: Format::Page, detail });
    };
    let find = |selector: &Option<String>| selector.as_deref().and_then(|s| Selector::parse(s).ok());
    let Ok(item) = Selector::parse(&select.item) else {
        return Err(ParseError::NoItems { selector: select.item.clone() });
    };
    let next = find(&select.next);
    let parts = Parts {
        title: find(&select.title),
        link: find(&select.link),
        date: find(&select.date),
        content: find(&select.content),
        author: find(&select.author),
        image: find(&select.image),
        anchor: find(&Some("a[href]".to_owned())),
    };
    let mut feed = RawFeed::new(Format::Page);
    feed.title = first(&page, "title").map(|e| RawText::plain(text_of(e)));
    feed.language = first(&page, "html").and_then(|e| e.attr("lang")).map(str::to_owned);
    feed.base = first(&page, "base[href]").and_then(|e| e.attr("href")).map(str::to_owned);
    feed.description = first(&page, "meta[name=description]").and_then(|e| e.attr("content")).map(RawText::plain);
    feed.entries = page
        .select(&item)
        .map(|element| parts.entry(element))
        .filter(|e| e.title.is_some() || e.link.is_some())
        .collect();
    feed.next_page = next.and_then(|next| page.select(&next).find_map(|e| e.attr("href"))).map(str::to_owned);
    if feed.entries.is_empty() {
        return Err(ParseError::NoItems { selector: select.item.clone() });
    }
    Ok(feed)
}

/// The feeds that a page announces (RSS Autodiscovery; HTML, section 4.6.7.1), as written.
pub(super) fn announced_feeds(text: &str) -> Vec<String> {
    let Some(page) = html::document(text) else { return Vec::new() };
    let Ok(links) = Selector::parse("link[rel~=alternate][href]") else { return Vec::new() };
    let is_feed = |e: &ElementRef<'_>| {
        e.attr("type").is_some_and(|t| FEED_TYPES.contains(&t.trim().to_ascii_lowercase().as_str()))
    };
    page.select(&links).filter(is_feed).filter_map(|e| e.attr("href")).map(str::to_owned).collect()
}

struct Parts {
    title: Option<Selector>,
    link: Option<Selector>,
    date: Option<Selector>,
    content: Option<Selector>,
    author: Option<Selector>,
    image: Option<Selector>,
    anchor: Option<Selector>,
}

impl Parts {
    fn entry(&self, item: ElementRef<'_>) -> RawEntry {
        let inside = |selector: &Option<Selector>| selector.as_ref().and_then(|s| item.select(s).next());
        let link = if self.link.is_some() {
            inside(&self.link)
        } else {
            Some(item).filter(|e| e.attr("href").is_some()).or_else(|| inside(&self.anchor))
        };
        let title = if self.title.is_some() { inside(&self.title) } else { link.or(Some(item)) };
        let filled = |text: String| Some(text).filter(|t| !t.trim().is_empty());
        RawEntry {
            title: title.map(text_of).and_then(filled).map(RawText::plain),
            link: link.and_then(|e| e.attr("href")).map(str::to_owned).and_then(filled),
            published: inside(&self.date).map(date_of).and_then(filled).map(RawDate::Text),
            content: inside(&self.content).map(|e| e.inner_html()).and_then(filled).map(RawText::html),
            authors: inside(&self.author)
                .map(text_of)
                .and_then(filled)
                .map(|name| RawPerson { name: Some(name), ..RawPerson::default() })
                .into_iter()
                .collect(),
            image: inside(&self.image).and_then(|e| e.attr("src").or_else(|| e.attr("data-src"))).map(str::to_owned),
            ..RawEntry::default()
        }
    }
}

fn first<'a>(page: &'a Html, selector: &str) -> Option<ElementRef<'a>> {
    let selector = Selector::parse(selector).ok()?;
    page.select(&selector).next()
}

fn text_of(element: ElementRef<'_>) -> String {
    element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The `datetime` of a `<time>`, else the part of the text that begins with a digit and holds no
/// words: "2023-04-24 09:12:31 来源:今日要闻网" is a date and a source.
fn date_of(element: ElementRef<'_>) -> String {
    if let Some(stamp) = element.attr("datetime") {
        return stamp.to_owned();
    }
    let text = text_of(element);
    let Some(start) = text.find(|c: char| c.is_ascii_digit()) else { return text };
    let part = |c: char| c.is_ascii_digit() || c.is_whitespace() || "-/.:：年月日时時分秒TZ+上下午".contains(c);
    let end = text[start..].find(|c| !part(c)).map_or(text.len(), |n| start + n);
    // A date in words ("24 April 2023") is left whole.
    if text[start..end].chars().filter(char::is_ascii_digit).count() < 3 {
        text
    } else {
        text[start..end].trim().to_owned()
    }
}
