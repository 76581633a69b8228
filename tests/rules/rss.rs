//! RSS 2.0, and the RSS Advisory Board's profile of it.

use std::collections::HashSet;

use roxmltree::Node;

use super::{Findings, value};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const CONTENT: &str = "http://purl.org/rss/1.0/modules/content/";
const DC: &str = "http://purl.org/dc/elements/1.1/";
const HISTORY: &str = "http://purl.org/syndication/history/1.0";

/// What may stand where, by namespace and name, and whether once at most.
const IN_CHANNEL: [(&str, &str, bool); 9] = [
    ("", "title", true),
    ("", "link", true),
    ("", "description", true),
    ("", "lastBuildDate", true),
    ("", "generator", true),
    ("", "language", true),
    ("", "item", false),
    (ATOM, "link", false),
    (HISTORY, "archive", true),
];
const IN_ITEM: [(&str, &str, bool); 11] = [
    ("", "title", true),
    ("", "link", true),
    ("", "description", true),
    ("", "guid", true),
    ("", "pubDate", true),
    ("", "category", false),
    ("", "comments", true),
    ("", "enclosure", true),
    ("", "source", true),
    (CONTENT, "encoded", true),
    (DC, "creator", false),
];

pub(super) fn check(rss: Node<'_, '_>, url: &str, findings: &mut Findings) {
    findings.unless(rss.attribute("version") == Some("2.0"), "InvalidRSSVersion", || {
        format!("{:?}", rss.attribute("version"))
    });
    let channels: Vec<_> = children(rss, "", "channel").collect();
    let [channel] = channels[..] else { return findings.add("MissingElement", "channel") };
    elements(channel, &IN_CHANNEL, findings);
    for name in ["title", "link", "description"] {
        value::not_blank(text(channel, name), name, findings);
    }
    value::web_link(text(channel, "link").unwrap_or_default(), findings);
    if let Some(date) = text(channel, "lastBuildDate") {
        value::date_822(date, findings);
    }
    let own: Vec<&str> = children(channel, ATOM, "link")
        .filter(|link| link.attribute("rel") == Some("self"))
        .filter_map(|link| link.attribute("href"))
        .collect();
    findings.unless(own == [url], "MissingAtomSelfLink", || format!("{own:?} at {url}"));
    let mut relations = HashSet::new();
    for link in children(channel, ATOM, "link") {
        let href = link.attribute("href").unwrap_or_default();
        value::iri(href, findings);
        findings.unless(relations.insert((link.attribute("rel"), href)), "DuplicateAtomLink", || href.to_owned());
    }
    if children(channel, HISTORY, "archive").next().is_some() {
        let has_current = children(channel, ATOM, "link").any(|link| link.attribute("rel") == Some("current"));
        findings.unless(has_current, "MissingCurrentInArchive", || url.to_owned());
    }
    let mut ids = HashSet::new();
    for item in children(channel, "", "item") {
        check_item(item, findings);
        let id = text(item, "guid").unwrap_or_default();
        findings.unless(ids.insert(id), "DuplicateValue", || id.to_owned());
    }
    let after = channel.children().filter(Node::is_element).skip_while(|node| node.tag_name().name() != "item");
    let misplaced = after.filter(|node| node.tag_name().name() != "item").count();
    findings.unless(misplaced == 0, "MisplacedItem", || format!("{misplaced} elements behind the items"));
}

fn check_item(item: Node<'_, '_>, findings: &mut Findings) {
    elements(item, &IN_ITEM, findings);
    let described =
        ["title", "description"].into_iter().any(|name| text(item, name).is_some_and(|text| !text.trim().is_empty()));
    findings.unless(described, "ItemMustContainTitleOrDescription", || whole(item));
    for name in ["link", "comments"] {
        if let Some(link) = text(item, name) {
            value::web_link(link, findings);
        }
    }
    let guid = children(item, "", "guid").next();
    match guid {
        None => findings.add("MissingGuid", &whole(item)),
        Some(guid) if guid.attribute("isPermaLink") == Some("false") => value::not_blank(guid.text(), "guid", findings),
        Some(guid) => value::web_link(guid.text().unwrap_or_default(), findings),
    }
    value::date_822(text(item, "pubDate").unwrap_or_default(), findings);
    for category in children(item, "", "category") {
        value::not_blank(category.text(), "category", findings);
    }
    for creator in children(item, DC, "creator") {
        value::not_blank(creator.text(), "dc:creator", findings);
    }
    for enclosure in children(item, "", "enclosure") {
        let address = enclosure.attribute("url").unwrap_or_default();
        value::iri(address, findings);
        findings.unless(address.starts_with("http"), "InvalidURLAttribute", || address.to_owned());
        value::size(enclosure.attribute("length").unwrap_or_default(), findings);
        value::media_type(enclosure.attribute("type").unwrap_or_default(), findings);
    }
    for source in children(item, "", "source") {
        value::web_link(source.attribute("url").unwrap_or_default(), findings);
        value::not_blank(source.text(), "source", findings);
    }
    for name in ["description", "title"] {
        // Both are read as HTML by some and as text by others: markup in them would mean two things.
        let shown = text(item, name).unwrap_or_default();
        let markup = scraper::Html::parse_fragment(shown);
        let elements = markup.root_element().descendants().skip(1).filter(|node| node.value().is_element()).count();
        findings.unless(name == "title" || elements == 0, "ContainsHTML", || shown.to_owned());
    }
    let names: Vec<&str> = item.children().filter(Node::is_element).map(|node| node.tag_name().name()).collect();
    let place = |name: &str| names.iter().position(|known| *known == name);
    if let (Some(content), Some(description)) = (place("encoded"), place("description")) {
        findings.unless(description < content, "NeedDescriptionBeforeContent", || whole(item));
    }
    for body in children(item, CONTENT, "encoded") {
        value::html(body.text().unwrap_or_default(), findings);
    }
}

fn elements(node: Node<'_, '_>, allowed: &[(&str, &str, bool)], findings: &mut Findings) {
    let mut once = HashSet::new();
    for child in node.children().filter(Node::is_element) {
        let (name, namespace) = (child.tag_name().name(), child.tag_name().namespace().unwrap_or_default());
        match allowed.iter().find(|(space, known, _)| *space == namespace && *known == name) {
            None => findings.add("UndefinedElement", &format!("{namespace} {name}")),
            Some((_, _, true)) => {
                findings.unless(once.insert((namespace, name)), "DuplicateElement", || name.to_owned())
            }
            Some(_) => {}
        }
    }
}

fn children<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| {
        child.is_element()
            && child.tag_name().name() == name
            && child.tag_name().namespace().unwrap_or_default() == namespace
    })
}

fn text<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    children(node, "", name).next().map(|child| child.text().unwrap_or_default())
}

fn whole(node: Node<'_, '_>) -> String {
    node.document().input_text()[node.range()].to_owned()
}
