//! OPML 1.0 and 2.0: subscription lists in and out (<http://opml.org/spec2.opml>), pure.
//!
//! In: the bytes of any program's export, however broken: what can be made out is read. Out: a list
//! that every reader imports, one outline for each group.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The address of the feed.
    pub url: String,
    /// Its name.
    pub title: Option<String>,
    /// The nearest outline that it is in.
    pub group: Option<String>,
    /// The page of the feed.
    pub page: Option<String>,
}

/// Every subscription of a list, in order, each address once.
#[must_use]
pub fn parse(text: &str) -> Vec<Outline> {
    let mut found: Vec<Outline> = Vec::new();
    let mut known = std::collections::HashSet::new();
    // The names of the outlines that are open.
    let mut open: Vec<Option<String>> = Vec::new();
    let mut start = 0;
    loop {
        let mut reader = Reader::from_str(&text[start..]);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        reader.config_mut().allow_dangling_amp = true;
        let broke_at = loop {
            match reader.read_event() {
                Ok(Event::Start(tag)) if is_outline(tag.name().as_ref()) => {
                    open.push(take(&tag, &open, &mut known, &mut found));
                }
                Ok(Event::Empty(tag)) if is_outline(tag.name().as_ref()) => {
                    take(&tag, &open, &mut known, &mut found);
                }
                Ok(Event::End(tag)) if is_outline(tag.name().as_ref()) => {
                    open.pop();
                }
                Ok(Event::Eof) => break None,
                Ok(_) => {}
                Err(_) => break Some(start + usize::try_from(reader.error_position()).unwrap_or(usize::MAX)),
            }
        };
        // Behind what cannot be read, the next outline may well be whole.
        let Some(rest) = broke_at.map(|at| at.max(start + 1)).and_then(|at| text.get(ceil(text, at)..)) else { break };
        let Some(next) = rest.to_ascii_lowercase().find("<outline") else { break };
        start = text.len() - rest.len() + next;
    }
    found
}

fn ceil(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

fn is_outline(name: &str) -> bool {
    name.eq_ignore_ascii_case("outline")
}

/// Reads one outline; gives the name that those inside it have as their group.
fn take(
    tag: &BytesStart<'_>,
    open: &[Option<String>],
    known: &mut std::collections::HashSet<String>,
    found: &mut Vec<Outline>,
) -> Option<String> {
    let mut attributes: BTreeMap<String, String> = BTreeMap::new();
    for attribute in tag.attributes().with_checks(false).flatten() {
        let key = attribute.key.as_ref().to_ascii_lowercase();
        // Exports escape by the rules of HTML as often as by those of XML.
        let value = htmlize::unescape(&*attribute.value);
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if !value.is_empty() {
            attributes.entry(key).or_insert(value);
        }
    }
    let title = ["title", "text"].iter().find_map(|key| attributes.get(*key)).cloned();
    if let Some(url) = ["xmlurl", "url"].iter().find_map(|key| attributes.get(*key)).filter(|url| url.contains(':')) {
        if known.insert(url.clone()) {
            found.push(Outline {
                url: url.clone(),
                title,
                group: open.iter().rev().find_map(Clone::clone),
                page: attributes.get("htmlurl").cloned(),
            });
        }
        return None;
    }
    title
}

/// The list as OPML 2.0, one outline for each group.
#[must_use]
pub fn render(title: &str, outlines: &[Outline]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n<head><title>");
    out.push_str(&escape(title));
    out.push_str("</title></head>\n<body>\n");
    let mut groups: Vec<Option<&String>> = Vec::new();
    for outline in outlines {
        if !groups.contains(&outline.group.as_ref()) {
            groups.push(outline.group.as_ref());
        }
    }
    for group in groups {
        if let Some(name) = group {
            out.push_str(&format!("<outline text=\"{0}\" title=\"{0}\">\n", escape(name)));
        }
        for outline in outlines.iter().filter(|outline| outline.group.as_ref() == group) {
            let name = escape(outline.title.as_deref().unwrap_or(&outline.url));
            out.push_str(&format!(
                "<outline type=\"rss\" text=\"{name}\" title=\"{name}\" xmlUrl=\"{}\"",
                escape(&outline.url)
            ));
            if let Some(page) = &outline.page {
                out.push_str(&format!(" htmlUrl=\"{}\"", escape(page)));
            }
            out.push_str("/>\n");
        }
        if group.is_some() {
            out.push_str("</outline>\n");
        }
    }
    out.push_str("</body>\n</opml>\n");
    out
}

fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(url: &str, title: &str, group: Option<&str>) -> Outline {
        Outline { url: url.into(), title: Some(title.into()), group: group.map(str::to_owned), page: None }
    }

    #[test]
    fn nested_lists_are_read_and_come_round() {
        let text = "<opml version='1.1'><body><outline text='News &amp; more'><outline text='国内'><outline text='A' xmlUrl='http://a.example/?x=1&amp;y'/></outline><outline title='B' xmlURL=' http://b.example/ '/></outline><outline text='C' xmlUrl='http://c.example/'></outline><outline text='twice' xmlUrl='http://c.example/'/></body></opml>";
        let found = parse(text);
        let wanted = [
            outline("http://a.example/?x=1&y", "A", Some("国内")),
            outline("http://b.example/", "B", Some("News & more")),
            outline("http://c.example/", "C", None),
        ];
        assert_eq!(found, wanted);
        assert_eq!(parse(&render("<t>", &found)), wanted);
    }

    #[test]
    fn broken_lists_give_what_can_be_made_out() {
        let broken = "junk <opml><body><outline text='A & B' xmlUrl='http://a.example/'><outline text=\"x xmlUrl='http://lost.example/'/>\n<outline text='C' xmlUrl=\"http://c.example/\"/></foo><outline text='D' xmlUrl='http://d.example/'";
        let urls: Vec<_> = parse(broken).into_iter().map(|o| o.url).collect();
        assert!(urls.contains(&"http://a.example/".to_owned()), "{urls:?}");
        assert_eq!(parse(""), []);
        assert_eq!(parse("<outline"), []);
    }
}
