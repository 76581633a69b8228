//! What a page says of its feeds: announcements in its head, links in its body, the frames it consists of.

use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::Candidate;

/// The media types under which pages announce feeds.
const FEED_TYPES: [&str; 9] = [
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/rdf+xml",
    "application/rss",
    "application/atom",
    "text/xml",
    "application/xml",
    "application/json",
];

/// What a page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clues {
    /// The feeds it announces (`<link rel="alternate">`), those of comments last.
    pub announced: Vec<Candidate>,
    /// Links in its body that look like feeds.
    pub linked: Vec<Candidate>,
    /// Pages that it shows or leads to in place of itself: frames and `http-equiv="refresh"`.
    pub pages: Vec<Url>,
}

/// Reads a page that was found at `url`.
#[must_use]
pub fn clues(html: &str, url: &Url) -> Clues {
    let page = Html::parse_document(html);
    let base =
        select(&page, "base[href]").first().and_then(|e| e.attr("href")).and_then(|href| url.join(href.trim()).ok());
    let base = base.as_ref().unwrap_or(url);
    let mut announced = Vec::new();
    for link in select(&page, "link[href], a[rel][type][href]") {
        let word = |name: &str, wanted: &[&str]| {
            let value = link.attr(name).unwrap_or_default().to_ascii_lowercase();
            value.split_whitespace().any(|word| wanted.contains(&word.trim_end_matches(';')))
        };
        if (word("rel", &["alternate"]) && word("type", &FEED_TYPES)) || word("rel", &["feed"]) {
            add(&mut announced, base, link.attr("href").unwrap_or_default(), link.attr("title").map(str::to_owned));
        }
    }
    announced.sort_by_key(|candidate| (is_of_comments(candidate), candidate.url.path().contains("wp-json")));
    let mut linked = Vec::new();
    for link in select(&page, "a[href], area[href]") {
        let text = text_of(link);
        let href = link.attr("href").unwrap_or_default();
        if let Some(address) = feed_address(href, &text, base) {
            let named = Some(text).filter(|text| !text.is_empty()).or_else(|| link.attr("title").map(str::to_owned));
            add(&mut linked, base, &address, named);
        }
    }
    linked.retain(|candidate| announced.iter().all(|known: &Candidate| known.url != candidate.url));
    linked.sort_by_key(is_of_comments);
    let mut pages: Vec<Url> = Vec::new();
    let refresh = |e: &ElementRef<'_>| e.attr("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("refresh"));
    let refreshed = select(&page, "meta[content]").into_iter().filter(refresh).filter_map(|e| e.attr("content"));
    let frames = select(&page, "frame[src], iframe[src]").into_iter().filter_map(|e| e.attr("src"));
    for address in refreshed.filter_map(refresh_target).chain(frames) {
        let Ok(page) = base.join(address.trim()) else { continue };
        // A frame of another site is an advertisement or a player.
        if page.host_str() == url.host_str() && page != *url && !pages.contains(&page) {
            pages.push(page);
        }
    }
    Clues { announced, linked, pages }
}

/// Adds an address, each once.
fn add(found: &mut Vec<Candidate>, base: &Url, href: &str, title: Option<String>) {
    let href = href.trim();
    let href = match href.strip_prefix("feed:") {
        Some(rest) if rest.starts_with("//") => format!("http:{rest}"),
        Some(rest) => rest.to_owned(),
        None => href.to_owned(),
    };
    let Ok(mut url) = base.join(&href) else { return };
    url.set_fragment(None);
    if matches!(url.scheme(), "http" | "https") && found.iter().all(|known| known.url != url) {
        found.push(Candidate { url, title: title.map(|t| t.split_whitespace().collect::<Vec<_>>().join(" ")) });
    }
}

fn is_of_comments(candidate: &Candidate) -> bool {
    let path = candidate.url.path().to_ascii_lowercase();
    let title = candidate.title.as_deref().unwrap_or_default().to_lowercase();
    path.contains("/comments") || ["comment", "评论", "評論"].iter().any(|word| title.contains(word))
}

/// The address of the feed that a link of the body leads to, where it looks like one.
fn feed_address(href: &str, text: &str, base: &Url) -> Option<String> {
    if href.starts_with("feed:") {
        return Some(href.to_owned());
    }
    let url = base.join(href.trim()).ok()?;
    // "Subscribe with …" of web readers carries the address.
    let carried = url.query_pairs().find(|(_, value)| value.starts_with("http") && looks_like_feed(value, ""));
    if let Some((_, address)) = carried {
        return Some(address.into_owned());
    }
    if let Some((_, address)) = url.as_str().split_once("/subscription/feed/") {
        return Some(percent_decoded(address));
    }
    let below = &url[url::Position::BeforePath..url::Position::AfterQuery];
    looks_like_feed(below, text).then(|| url.to_string())
}

/// Whether a path with its query, or the words of a link, speak of a feed.
fn looks_like_feed(address: &str, text: &str) -> bool {
    let address = address.to_ascii_lowercase();
    let path = address.split(['?', '#']).next().unwrap_or_default();
    if [".html", ".htm", ".png", ".gif", ".jpg", ".svg", ".css", ".js", ".zip", ".pdf"]
        .iter()
        .any(|end| path.ends_with(end))
    {
        return false;
    }
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let file = [".rss", ".atom", ".rdf"].iter().any(|end| last.ends_with(end))
        || (last.ends_with(".xml") && !last.contains("sitemap"))
        || (last.ends_with(".json") && last.contains("feed"));
    let segment = path.split('/').any(|part| matches!(part, "feed" | "feeds" | "rss" | "atom" | "rss2"));
    let query = address.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|pair| {
            matches!(pair.rsplit('=').next(), Some("rss" | "atom" | "feed" | "rss2" | "rss20" | "xml" | "json_feed"))
                || pair.starts_with("feed=")
        })
    });
    let words = text.trim().to_lowercase();
    let said = matches!(
        words.as_str(),
        "rss"
            | "rss feed"
            | "rss 2.0"
            | "rss2"
            | "atom"
            | "atom feed"
            | "feed"
            | "xml"
            | "rss订阅"
            | "rss 订阅"
            | "json feed"
    );
    file || segment || query || said
}

fn percent_decoded(text: &str) -> String {
    let pair = format!("v={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The address in `5; url=/new`.
fn refresh_target(content: &str) -> Option<&str> {
    let at = content.to_ascii_lowercase().find("url=")?;
    Some(content[at + 4..].trim().trim_matches(['"', '\'']))
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    Selector::parse(selector).map(|selector| page.select(&selector).collect()).unwrap_or_default()
}

pub(super) fn text_of(element: ElementRef<'_>) -> String {
    element.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Result<Clues, url::ParseError> {
        Ok(clues(html, &Url::parse("http://e.example/blog/")?))
    }

    fn urls(found: &[Candidate]) -> Vec<&str> {
        found.iter().map(|candidate| candidate.url.as_str()).collect()
    }

    #[test]
    fn announcements_are_read_in_every_spelling() -> Result<(), url::ParseError> {
        let found = read(
            "<base href='/x/'><LINK REL='Alternate' TYPE='application/RSS+xml; charset=utf-8' TITLE='Comments  Feed' HREF='c.xml'>\
             <link rel='alternate home' type='application/atom+xml' href=' a.xml#top '><link rel=feed href=//f.example/f>\
             <link rel=alternate hreflang=de href=/de/><link rel=stylesheet type=text/css href=s.css>\
             <link rel=alternate type=application/rss+xml href=javascript:1><link rel=alternate type=application/atom+xml href=a.xml>",
        )?;
        assert_eq!(
            urls(&found.announced),
            ["http://e.example/x/a.xml", "http://f.example/f", "http://e.example/x/c.xml"]
        );
        assert_eq!(found.announced[2].title.as_deref(), Some("Comments Feed"));
        Ok(())
    }

    #[test]
    fn links_of_the_body_that_look_like_feeds() -> Result<(), url::ParseError> {
        let cases = [
            ("/rss.xml", "x", Some("http://e.example/rss.xml")),
            ("atom/", "x", Some("http://e.example/blog/atom/")),
            ("feed://e.example/f", "x", Some("http://e.example/f")),
            ("feed:https://e.example/f", "x", Some("https://e.example/f")),
            ("/export?type=rss", "x", Some("http://e.example/export?type=rss")),
            ("/abo", "RSS", Some("http://e.example/abo")),
            ("/订阅", "RSS 订阅", Some("http://e.example/%E8%AE%A2%E9%98%85")),
            ("https://reader.example/i/subscription/feed/http%3A%2F%2Fe.example%2Fk", "x", Some("http://e.example/k")),
            ("https://reader.example/add?url=http%3A%2F%2Fe.example%2Ffeed", "x", Some("http://e.example/feed")),
            ("/sitemap.xml", "x", None),
            ("/about/rss.html", "about", None),
            ("/news/1", "a long headline about feeds", None),
            ("mailto:a@e.example", "rss", None),
        ];
        for (href, text, wanted) in cases {
            let found = read(&format!("<body><a href='{href}'>{text}</a>"))?;
            assert_eq!(urls(&found.linked).first().copied(), wanted, "{href}");
        }
        Ok(())
    }

    #[test]
    fn frames_and_refreshes_lead_on_within_the_site() -> Result<(), url::ParseError> {
        let found = read(
            "<meta http-equiv=Refresh content='0; URL=\"/new/\"'><frameset><frame src=menu.html><frame src='main.html'><frame src='http://ads.example/'></frameset>",
        )?;
        let pages: Vec<_> = found.pages.iter().map(Url::as_str).collect();
        assert_eq!(
            pages,
            ["http://e.example/new/", "http://e.example/blog/menu.html", "http://e.example/blog/main.html"]
        );
        Ok(())
    }
}
