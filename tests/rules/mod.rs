//! What validators hold feeds to, as far as it applies to what newsriver writes: RFC 4287, the RSS 2.0 specification
//! with the RSS Advisory Board's profile, JSON Feed 1.1, RFC 5005, and what the W3C's feed validator warns of. Each
//! rule bears the name under which that validator tells of it, where it has one.

#![allow(unreachable_pub, reason = "a test and a bench share it")]

mod atom;
mod json;
mod rss;
mod value;

/// Which rules a document breaks that was had at `url`; none is the answer that is wanted.
pub fn broken(bytes: &[u8], url: &str) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return vec!["UnicodeError: not UTF-8".to_owned()] };
    if text.starts_with('{') {
        return json::broken(text, url);
    }
    if !text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")
        && !text.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>")
    {
        return vec![format!("MissingEncoding: {:?}", text.chars().take(50).collect::<String>())];
    }
    let document = match roxmltree::Document::parse(text) {
        Ok(document) => document,
        Err(error) => return vec![format!("SAXError: {error}")],
    };
    let mut findings = Findings::default();
    let bad = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    findings.unless(!text.contains(bad), "BadCharacters", || {
        text.chars().find(|c| bad(*c)).map(|c| format!("{c:?}")).unwrap_or_default()
    });
    match document.root_element().tag_name().name() {
        "feed" => atom::check(document.root_element(), url, &mut findings),
        "rss" => rss::check(document.root_element(), url, &mut findings),
        other => findings.add("UndefinedElement", other),
    }
    findings.0
}

/// Rules that are broken, and by what.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, rule: &str, by: &str) {
        self.0.push(format!("{rule}: {}", by.chars().take(200).collect::<String>()));
    }

    fn unless(&mut self, holds: bool, rule: &str, by: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, &by());
        }
    }
}
