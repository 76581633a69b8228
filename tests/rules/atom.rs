//! Atom 1.0 (RFC 4287) with pages and archives (RFC 5005).

use std::collections::HashSet;

use roxmltree::Node;

use super::{Findings, value};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const HISTORY: &str = "http://purl.org/syndication/history/1.0";

/// Relations of links that are registered, and those that we write.
const RELATIONS: [&str; 12] = [
    "alternate",
    "self",
    "related",
    "via",
    "enclosure",
    "replies",
    "hub",
    "first",
    "last",
    "next",
    "previous",
    "prev-archive",
];

/// What may stand where (section 4.1), and whether once at most.
const IN_FEED: [(&str, bool); 12] = [
    ("title", true),
    ("id", true),
    ("updated", true),
    ("generator", true),
    ("subtitle", true),
    ("icon", true),
    ("logo", true),
    ("rights", true),
    ("link", false),
    ("author", false),
    ("category", false),
    ("entry", false),
];
const IN_ENTRY: [(&str, bool); 12] = [
    ("title", true),
    ("id", true),
    ("updated", true),
    ("published", true),
    ("summary", true),
    ("content", true),
    ("source", true),
    ("rights", true),
    ("link", false),
    ("author", false),
    ("contributor", false),
    ("category", false),
];

pub(super) fn check(feed: Node<'_, '_>, url: &str, findings: &mut Findings) {
    findings.unless(feed.tag_name().namespace() == Some(ATOM), "MissingNamespace", || format!("{:?}", feed.tag_name()));
    let is_archive = children(feed, "archive").next().is_some();
    let allowed: Vec<_> = IN_FEED.into_iter().chain([("archive", true)]).collect();
    elements(feed, &allowed, findings);
    common(feed, findings);
    let relations = links(feed, findings);
    let own = relations.iter().find(|(rel, _)| rel == "self");
    match own {
        None => findings.add("MissingSelf", url),
        Some((_, href)) => findings.unless(href == url, "SelfDoesntMatchLocation", || format!("{href} at {url}")),
    }
    let has = |name: &str| relations.iter().any(|(rel, _)| rel == name);
    if is_archive {
        findings.unless(has("current"), "MissingCurrentInArchive", || url.to_owned());
        findings.unless(!has("next") && !has("hub"), "FeedRelInCompleteFeed", || url.to_owned());
    }
    for (rel, href) in &relations {
        let leads_on = matches!(rel.as_str(), "next" | "previous" | "prev-archive");
        findings.unless(!leads_on || href != url, "LinkPastEnd", || format!("{rel} of {url} is itself"));
    }
    let mut ids = HashSet::new();
    for entry in children(feed, "entry") {
        check_entry(entry, findings);
        let id = text(entry, "id").unwrap_or_default();
        findings.unless(ids.insert(id), "DuplicateIds", || id.to_owned());
    }
}

fn check_entry(entry: Node<'_, '_>, findings: &mut Findings) {
    elements(entry, &IN_ENTRY, findings);
    common(entry, findings);
    let relations = links(entry, findings);
    if let Some(date) = text(entry, "published") {
        value::date_3339(date, findings);
        let updated = text(entry, "updated").unwrap_or_default();
        let moment = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
        findings.unless(moment(updated) >= moment(date), "ImplausibleDate", || {
            format!("published {date}, updated {updated}")
        });
    }
    let has_alternate = relations.iter().any(|(rel, _)| rel == "alternate");
    let content = children(entry, "content").next();
    findings.unless(content.is_some() || has_alternate, "MissingContentOrAlternate", || whole(entry));
    let has_text = content.is_some() || children(entry, "summary").next().is_some();
    let title = text(entry, "title").is_some_and(|title| !title.trim().is_empty());
    findings.unless(has_text || title, "MissingTextualContent", || whole(entry));
    findings.unless(children(entry, "author").next().is_some(), "MissingElement author", || whole(entry));
    if let Some(content) = content {
        let kind = content.attribute("type");
        findings.unless(kind == Some("html"), "InvalidTextType", || format!("{kind:?}"));
        value::html(content.text().unwrap_or_default(), findings);
    }
    for source in children(entry, "source") {
        common(source, findings);
        links(source, findings);
    }
    let history = relations
        .iter()
        .any(|(rel, _)| ["first", "last", "next", "previous", "prev-archive", "current"].contains(&rel.as_str()));
    findings.unless(!history, "FeedHistoryRelInEntry", || whole(entry));
}

/// What feed, entry and source have in common.
fn common(node: Node<'_, '_>, findings: &mut Findings) {
    for name in ["id", "title", "updated"] {
        let count = children(node, name).count();
        findings.unless(count == 1, "MissingElement", || format!("{count} of {name} in {}", whole(node)));
    }
    value::iri(text(node, "id").unwrap_or_default(), findings);
    value::not_blank(text(node, "title"), "title", findings);
    value::date_3339(text(node, "updated").unwrap_or_default(), findings);
    for title in ["title", "summary"].into_iter().flat_map(|name| children(node, name)) {
        // Text that is not declared as HTML is shown as it is.
        findings.unless(matches!(title.attribute("type"), None | Some("text")), "ContainsHTML", || whole(title));
    }
    for person in children(node, "author").chain(children(node, "contributor")) {
        value::not_blank(text(person, "name"), "name of an author", findings);
        if let Some(uri) = text(person, "uri") {
            value::iri(uri, findings);
        }
        if let Some(mail) = text(person, "email") {
            value::mail(mail, findings);
        }
    }
    for category in children(node, "category") {
        value::not_blank(category.attribute("term"), "term of a category", findings);
    }
    for node in node.children().filter(Node::is_element) {
        if let Some(language) = node.attribute(("http://www.w3.org/XML/1998/namespace", "lang")) {
            value::language(language, findings);
        }
    }
}

/// Relation and address of each link.
fn links(node: Node<'_, '_>, findings: &mut Findings) -> Vec<(String, String)> {
    let (mut found, mut alternates, mut enclosures) = (Vec::new(), HashSet::new(), HashSet::new());
    for link in children(node, "link") {
        let rel = link.attribute("rel").unwrap_or("alternate");
        findings.unless(RELATIONS.contains(&rel) || rel == "current", "UnregisteredAtomLinkRel", || rel.to_owned());
        let Some(href) = link.attribute("href") else {
            findings.add("MissingHref", &whole(link));
            continue;
        };
        value::iri(href, findings);
        if let Some(kind) = link.attribute("type") {
            value::media_type(kind, findings);
        }
        if let Some(length) = link.attribute("length") {
            value::size(length, findings);
        }
        if let Some(language) = link.attribute("hreflang") {
            value::language(language, findings);
        }
        match rel {
            "alternate" => {
                let key = (link.attribute("type"), link.attribute("hreflang"));
                findings.unless(alternates.insert(key), "DuplicateAtomLink", || whole(link));
            }
            "enclosure" => {
                findings.unless(enclosures.insert(href), "DuplicateEnclosure", || whole(link));
                findings.unless(link.attribute("type").is_some(), "MissingTypeAttr", || whole(link));
            }
            _ => {}
        }
        findings.unless(link.children().next().is_none(), "AtomLinkNotEmpty", || whole(link));
        found.push((rel.to_owned(), href.to_owned()));
    }
    found
}

fn elements(node: Node<'_, '_>, allowed: &[(&str, bool)], findings: &mut Findings) {
    let mut once = HashSet::new();
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        let namespace = child.tag_name().namespace().unwrap_or_default();
        let known = allowed.iter().find(|(known, _)| *known == name);
        let is_ours = namespace == ATOM || (namespace == HISTORY && name == "archive");
        findings.unless(known.is_some() && is_ours, "UndefinedElement", || format!("{namespace} {name}"));
        if known.is_some_and(|(_, single)| *single) {
            findings.unless(once.insert(name), "DuplicateElement", || name.to_owned());
        }
    }
    let stray =
        node.children().filter(Node::is_text).filter_map(|text| text.text()).find(|text| !text.trim().is_empty());
    findings.unless(stray.is_none(), "UnexpectedText", || stray.unwrap_or_default().to_owned());
}

fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn text<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    children(node, name).next().map(|child| child.text().unwrap_or_default())
}

fn whole(node: Node<'_, '_>) -> String {
    node.document().input_text()[node.range()].to_owned()
}
