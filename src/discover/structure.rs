//! `select` rules for a page without a feed, from what repeats in it.
//!
//! A list of news is a run of elements under one parent, each with a link of its own. Of all such runs the one with
//! the most words in its links wins: menus have short links, news has headlines.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;
use scraper::{ElementRef, Html, Selector};

use super::page::text_of;
use crate::model::source::Select;

/// Fewer items are no list.
const FEWEST: usize = 3;

/// A headline has at least so many letters on average, Chinese ones counted twice.
const SHORTEST_HEADLINE: usize = 12;

/// Elements in which no news stands.
const APART: [&str; 6] = ["nav", "footer", "form", "select", "script", "noscript"];

/// Parts of names that stand for what is no news.
const APART_NAMES: [&str; 12] = [
    "nav",
    "menu",
    "footer",
    "breadcrumb",
    "crumb",
    "pagination",
    "pager",
    "copyright",
    "friend",
    "login",
    "cookie",
    "social",
];

/// What the text of a date looks like.
static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}|\d{1,2}\s*[-/月]\s*\d{1,2}|\d{1,2}\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+\d{1,2}").ok()
});

/// The rules that read the news of a page; `None` where nothing in it repeats like news.
#[must_use]
pub fn propose(html: &str) -> Option<Select> {
    let page = Html::parse_document(html);
    let anchors = Selector::parse("a[href]").ok()?;
    let classes = Classes::of(&page);
    // Every element that repeats is reached from a link inside it.
    let mut runs: BTreeMap<String, Vec<ElementRef<'_>>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for link in page.select(&anchors).filter(|link| !text_of(*link).is_empty() && !is_apart(*link)) {
        let ancestors = link.ancestors().filter_map(ElementRef::wrap).take(5);
        for item in std::iter::once(link).chain(ancestors) {
            if matches!(item.value().name(), "body" | "html" | "tbody" | "main") {
                break;
            }
            if seen.insert(item.id()) {
                runs.entry(classes.selector_of(item)).or_default().push(item);
            }
        }
    }
    let best = runs
        .into_iter()
        .filter_map(|(selector, items)| score(&items).map(|score| (score, selector, items)))
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)))?;
    let (_, item, items) = best;
    Some(parts(item, &items, &classes))
}

/// How much a run looks like news; `None` where it does not.
fn score(items: &[ElementRef<'_>]) -> Option<f64> {
    let links: Vec<(String, String)> = items.iter().filter_map(|item| headline(*item)).collect();
    let addresses: HashSet<&str> = links.iter().map(|(href, _)| href.as_str()).collect();
    if addresses.len() < FEWEST || addresses.len() * 10 < items.len() * 8 {
        return None;
    }
    let lengths: usize = links.iter().map(|(_, title)| weight(title).min(80)).sum();
    if lengths / links.len() < SHORTEST_HEADLINE {
        return None;
    }
    // An element with several headlines is a column, not an item.
    let many = items.iter().filter(|item| headlines(**item) > 1).count();
    if many * 2 > items.len() {
        return None;
    }
    let dated = items.iter().filter(|item| date_of(**item).is_some()).count();
    let dates = if dated * 2 > items.len() { 1.5 } else { 1.0 };
    #[expect(clippy::cast_precision_loss, reason = "a page has no 2^52 letters")]
    let score = lengths as f64 * dates;
    Some(score)
}

/// Letters, Chinese ones counted twice.
fn weight(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| if c.len_utf8() > 2 { 2 } else { 1 }).sum()
}

fn links_in<'a>(item: ElementRef<'a>) -> Vec<ElementRef<'a>> {
    let Ok(anchors) = Selector::parse("a[href]") else { return Vec::new() };
    if item.attr("href").is_some() { vec![item] } else { item.select(&anchors).collect() }
}

/// The longest link: its address and its words.
fn headline(item: ElementRef<'_>) -> Option<(String, String)> {
    longest_link(item).map(|link| (link.attr("href").unwrap_or_default().to_owned(), text_of(link)))
}

fn longest_link(item: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let links = links_in(item).into_iter().filter(|link| {
        let href = link.attr("href").unwrap_or_default();
        !href.is_empty() && !href.starts_with('#') && !href.starts_with("javascript:") && !href.starts_with("mailto:")
    });
    let mut best: Option<(usize, ElementRef<'_>)> = None;
    for link in links {
        let weight = weight(&text_of(link));
        // Of equally long ones the first.
        if weight > best.map_or(0, |(most, _)| most) {
            best = Some((weight, link));
        }
    }
    best.map(|(_, link)| link)
}

/// How many different pages an item has headlines for.
fn headlines(item: ElementRef<'_>) -> usize {
    let long = links_in(item).into_iter().filter(|link| weight(&text_of(*link)) >= SHORTEST_HEADLINE);
    long.filter_map(|link| link.attr("href")).collect::<HashSet<_>>().len()
}

fn is_apart(link: ElementRef<'_>) -> bool {
    link.ancestors().filter_map(ElementRef::wrap).any(|element| {
        let named = |name: &str| {
            let value = element.attr(name).unwrap_or_default().to_ascii_lowercase();
            value.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| APART_NAMES.contains(&word))
        };
        APART.contains(&element.value().name()) || (element.value().name() != "body" && (named("class") || named("id")))
    })
}

/// How often each class occurs: the one that an element shares with the most others names its kind.
struct Classes(BTreeMap<String, usize>);

impl Classes {
    fn of(page: &Html) -> Self {
        let mut counts = BTreeMap::new();
        let elements = page.root_element().descendants().filter_map(ElementRef::wrap);
        for class in elements.flat_map(|element| element.attr("class").unwrap_or_default().split_whitespace()) {
            *counts.entry(class.to_owned()).or_default() += 1;
        }
        Self(counts)
    }

    /// The selector of an element among those that repeat: its name and class, under those of its parent, from the
    /// nearest element with an id or a class on.
    fn selector_of(&self, item: ElementRef<'_>) -> String {
        let mut steps = vec![self.step(item, false)];
        for element in item.ancestors().filter_map(ElementRef::wrap).take(6) {
            if matches!(element.value().name(), "body" | "html") {
                break;
            }
            let own = self.step(element, true);
            let anchored = own.contains(['#', '.']);
            steps.push(own);
            if anchored {
                break;
            }
        }
        steps.reverse();
        steps.join(" > ")
    }

    /// One element as a simple selector: `#id`, `li.item`, `li`.
    fn step(&self, element: ElementRef<'_>, with_id: bool) -> String {
        let name = element.value().name();
        if with_id && let Some(id) = element.attr("id").filter(|id| is_stable(id)) {
            return format!("#{id}");
        }
        match self.class_of(element) {
            Some(class) => format!("{name}.{class}"),
            None => name.to_owned(),
        }
    }

    /// The most frequent class, of those that do not tell one item from another nor come from a build.
    fn class_of<'a>(&self, element: ElementRef<'a>) -> Option<&'a str> {
        const OF_ONE: [&str; 12] =
            ["first", "last", "odd", "even", "active", "current", "selected", "on", "alt", "hot", "new", "top"];
        let classes = element.attr("class").unwrap_or_default().split_whitespace();
        let usable = classes.filter(|class| is_stable(class) && !OF_ONE.contains(class));
        // Of equally frequent ones the first that is written.
        usable.rev().max_by_key(|class| self.0.get(*class))
    }

    /// The selector of an element inside an item.
    fn inside(&self, element: ElementRef<'_>, item: ElementRef<'_>) -> String {
        let own = self.step(element, false);
        if selects(item, &own, element) {
            return own;
        }
        let parent = element.parent().and_then(ElementRef::wrap).filter(|parent| parent.id() != item.id());
        let below = parent.map_or_else(|| own.clone(), |parent| format!("{} > {own}", self.step(parent, false)));
        if selects(item, &below, element) {
            return below;
        }
        let name = element.value().name();
        let before = element.prev_siblings().filter_map(ElementRef::wrap).filter(|e| e.value().name() == name);
        let nth = format!("{name}:nth-of-type({})", before.count() + 1);
        if selects(item, &nth, element) { nth } else { own }
    }
}

fn is_stable(name: &str) -> bool {
    let starts = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let digits = name.chars().filter(char::is_ascii_digit).count();
    starts && plain && digits <= 2
}

/// The parts of an item as most of its kind have them.
fn parts(item: String, items: &[ElementRef<'_>], classes: &Classes) -> Select {
    let common = |of: &dyn Fn(ElementRef<'_>) -> Option<String>| -> Option<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for selector in items.iter().filter_map(|item| of(*item)) {
            *counts.entry(selector).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| count * 2 > items.len()).map(|(s, _)| s)
    };
    let title = common(&|item| {
        let link = longest_link(item)?;
        let first = links_in(item).into_iter().next()?;
        // The first link is what is read without a rule.
        (link.id() != first.id()).then(|| classes.inside(link, item)).filter(|selector| selects(item, selector, link))
    });
    let date = common(&|item| date_of(item).map(|element| classes.inside(element, item)));
    let content = common(&|item| text_beside(item).map(|element| classes.inside(element, item)));
    Select { item, link: title.clone(), title, date, content, pages: 1, ..Select::default() }
}

fn selects(item: ElementRef<'_>, selector: &str, wanted: ElementRef<'_>) -> bool {
    Selector::parse(selector)
        .ok()
        .and_then(|selector| item.select(&selector).next())
        .is_some_and(|e| e.id() == wanted.id())
}

/// The element with the date of an item: a `<time>`, else the smallest that holds a date and little else.
fn date_of(item: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let time = Selector::parse("time").ok()?;
    if let Some(element) = item.select(&time).next() {
        return Some(element);
    }
    let all = Selector::parse("*").ok()?;
    let pattern = DATE.as_ref()?;
    let is_date = |element: &ElementRef<'_>| {
        let text = text_of(*element);
        element.value().name() != "a" && text.chars().count() <= 40 && pattern.is_match(&text)
    };
    // The innermost comes last.
    item.select(&all).filter(is_date).last()
}

/// The element with the words beside the headline.
fn text_beside(item: ElementRef<'_>) -> Option<ElementRef<'_>> {
    const LEAST: usize = 40;
    let all = Selector::parse("p, .summary, .excerpt, .desc, .description, .intro, .content, .abstract").ok()?;
    let link = longest_link(item)?;
    item.select(&all).find(|element| {
        weight(&text_of(*element)) >= LEAST && !element.descendants().any(|node| node.id() == link.id())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headlines(n: usize) -> impl Iterator<Item = (usize, String)> {
        (1..=n).map(|n| (n, format!("第{n}条新闻标题讲了一件很长的事情")))
    }

    #[test]
    fn a_list_of_news_is_told_from_menus() {
        let items: String = headlines(8)
            .map(|(n, title)| {
                format!(
                    "<li class='{}'><a href='/n/{n}.html'>{title}</a><span class=date>2026-11-{n:02}</span></li>",
                    if n == 1 { "first" } else { "" }
                )
            })
            .collect();
        let html = format!(
            "<body><ul class=nav><li><a href=/a>国内</a><li><a href=/b>国际</a><li><a href=/c>财经</a><li><a href=/d>体育</a></ul><div id=main><ul class=list>{items}</ul></div><div class=footer><a href=/x>一个很长很长很长很长的页脚链接</a></div>"
        );
        let found = propose(&html);
        let found = found.as_ref().map(|s| (s.item.as_str(), s.title.as_deref(), s.date.as_deref()));
        assert_eq!(found, Some(("ul.list > li", None, Some("span.date"))));
    }

    #[test]
    fn cards_with_a_picture_first_read_their_headline() {
        let items: String = (1..6)
            .map(|n| {
                format!(
                    "<div class='card c{n}'><a href='/p/{n}'><img src=x></a><h2><a href='/p/{n}'>A headline that is long enough {n}</a></h2><time datetime=2026-01-0{n}>x</time><p class=excerpt>Some words about what happened there, at some length, and then some more.</p></div>"
                )
            })
            .collect();
        let found = propose(&format!("<main><section>{items}</section></main>"));
        let found =
            found.as_ref().map(|s| (s.item.as_str(), s.title.as_deref(), s.date.as_deref(), s.content.as_deref()));
        assert_eq!(found, Some(("main > section > div.card", Some("h2 > a"), Some("time"), Some("p.excerpt"))));
    }

    #[test]
    fn tables_and_bare_links_are_lists_too() {
        let rows: String = headlines(5)
            .map(|(n, t)| format!("<tr><td>{n}</td><td><a href='{n}.htm'>{t}</a></td><td>11-{n:02}</td></tr>"))
            .collect();
        let found = propose(&format!("<table>{rows}</table>"));
        assert_eq!(found.as_ref().map(|s| s.item.as_str()), Some("table > tbody > tr"));
        let bare: String = headlines(5).map(|(n, t)| format!("<a href='{n}.htm'>{t}</a><br>")).collect();
        let found = propose(&format!("<div id=news>{bare}</div>"));
        assert_eq!(found.as_ref().map(|s| s.item.as_str()), Some("#news > a"));
    }

    #[test]
    fn a_page_of_prose_gives_nothing() {
        for html in [
            "",
            "plain words",
            "<p>Words with <a href=/x>one link of some length here</a> only.</p>",
            "<ul><li><a href=/a>a<li><a href=/b>b<li><a href=/c>c</ul>",
        ] {
            assert_eq!(propose(html), None, "{html}");
        }
    }
}
