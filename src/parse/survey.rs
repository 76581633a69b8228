//! Whether a well-formed document says something that the strict crates would not read, or would
//! read wrongly without an error. One walk from tag to tag, since every document pays for it.

use memchr::{memchr, memmem};

use super::MOST_ENTRIES;

/// Whether an RSS document is one that the crate reads whole.
pub(super) fn rss_is_plain(text: &str) -> bool {
    let root = text.trim_start();
    if !(root.starts_with("<rss") || root.starts_with("<rdf:RDF")) {
        return false;
    }
    let mut survey = Rss::default();
    walk(text.as_bytes(), |tag| survey.take(tag))
}

/// Whether an Atom document is one that the crate reads whole.
pub(super) fn atom_is_plain(text: &str) -> bool {
    let root = text.trim_start();
    let is_atom = root.starts_with("<feed")
        && root[..root.find('>').unwrap_or(root.len())].contains("http://www.w3.org/2005/Atom");
    let mut entries = 0;
    is_atom
        && walk(text.as_bytes(), |tag| {
            entries += usize::from(tag.starts_with(b"entry"));
            entries <= MOST_ENTRIES && atom_tag_is_plain(tag)
        })
}

/// Shows each tag until `check` objects: a start tag from behind its `<` up to its `>`, of an end
/// tag all that follows its `<`. CDATA sections and comments are passed over.
fn walk<'a>(text: &'a [u8], mut check: impl FnMut(&'a [u8]) -> bool) -> bool {
    let mut at = 0;
    while let Some(n) = memchr(b'<', &text[at..]) {
        at += n + 1;
        let rest = &text[at..];
        if rest.first() == Some(&b'/') {
            if !check(rest) {
                return false;
            }
            continue;
        }
        if rest.first() == Some(&b'!') {
            at += match rest {
                [b'!', b'[', ..] => end_of(rest, b']', b"]]>"),
                [b'!', b'-', ..] => end_of(rest, b'-', b"-->"),
                // A document type may declare entities.
                _ => return false,
            };
            continue;
        }
        let end = memchr(b'>', rest).unwrap_or(rest.len());
        if !check(&rest[..end]) {
            return false;
        }
        at += end;
    }
    true
}

/// Where a section ends that `mark` closes; `first` is the byte the mark begins with. These sections
/// are many and short, and a prepared search would cost more than it saves.
fn end_of(text: &[u8], first: u8, mark: &[u8]) -> usize {
    let mut at = 2;
    while let Some(n) = text.get(at..).and_then(|rest| memchr(first, rest)) {
        at += n;
        if text[at..].starts_with(mark) {
            return at + mark.len();
        }
        at += 1;
    }
    text.len()
}

/// What was met in an RSS document.
#[derive(Debug, Default)]
struct Rss<'a> {
    inside: Option<&'a [u8]>,
    items: usize,
    links: usize,
    enclosures: usize,
    namespaces: usize,
}

impl<'a> Rss<'a> {
    fn take(&mut self, tag: &'a [u8]) -> bool {
        if let Some(name) = self.inside.take()
            && !(tag.first() == Some(&b'/') && tag[1..].starts_with(name))
        {
            return false;
        }
        if matches!(tag.first(), Some(b'/') | None) {
            return true;
        }
        let space = tag.iter().position(|b| *b == b' ').unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(space);
        match name.strip_suffix(b"/").unwrap_or(name) {
            // Elements whose inside is text; markup there is dropped by the crate.
            b"title" | b"description" | b"content:encoded" | b"category" | b"dc:title" => {
                self.inside = Some(name).filter(|_| tag.last() != Some(&b'/'));
            }
            b"item" => {
                self.items += 1;
                (self.links, self.enclosures) = (0, 0);
            }
            b"link" if attributes.is_empty() => self.links += 1,
            b"enclosure" => self.enclosures += 1,
            // The crate keeps iTunes categories for the channel only.
            b"itunes:category" if self.items > 0 => return false,
            _ => {}
        }
        if memchr::memchr_iter(b' ', attributes).any(|at| attributes[at + 1..].starts_with(b"xml")) {
            self.namespaces += usize::from(memmem::find(attributes, b"xmlns=").is_some());
            if memmem::find(attributes, b"xml:base").is_some()
                || memmem::find(attributes, b"netscape.com/rdf").is_some()
            {
                return false;
            }
        }
        self.items <= MOST_ENTRIES && self.links <= 1 && self.enclosures <= 1 && self.namespaces <= 1
    }
}

/// The crate takes the types of RFC 4287 only, and knows neither Atom 0.3 nor bases of entries.
fn atom_tag_is_plain(tag: &[u8]) -> bool {
    if tag.first() == Some(&b'/') {
        return true;
    }
    let Some(space) = memchr(b' ', tag) else { return true };
    // A link has neither type nor mode that matters, and most tags with attributes are links.
    let attributes = &tag[space..];
    let named = |name: &[u8]| memmem::find(attributes, name).is_some();
    if named(b"xml:base") || named(b" mode=") || named(b"purl.org/atom/ns") {
        return false;
    }
    if !matches!(&tag[..space], b"content" | b"title" | b"summary" | b"subtitle" | b"rights") {
        return true;
    }
    match memmem::find(attributes, b"type=") {
        Some(n) => {
            let value = &attributes[(n + 6).min(attributes.len())..];
            let known = |kind: &&[u8]| value.starts_with(kind) && matches!(value.get(kind.len()), Some(b'"' | b'\''));
            [&b"text"[..], b"html", b"xhtml"].iter().any(known)
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_crates_lose_is_noticed() {
        let rss =
            |item: &str| rss_is_plain(&format!("<rss><channel><title>x</title><item>{item}</item></channel></rss>"));
        assert!(rss("<title>a</title><description><![CDATA[<p>b</p>]]> </description><link>x</link><category/>"));
        assert!(!rss("<description><p>b</p></description>"));
        assert!(!rss("<description>a <b>b</b></description>"));
        assert!(!rss("<link>1</link><link>2</link>"));
        assert!(!rss("<enclosure url='1'/><enclosure url='2'/>"));
        assert!(!rss("<itunes:category text='x'/>"));
        assert!(!rss("<a xml:base='x'/>"));
        assert!(!rss_is_plain("<!DOCTYPE rss [<!ENTITY a 'b'>]><rss></rss>"));
        let atom = |entry: &str| {
            atom_is_plain(&format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry>{entry}</entry></feed>"))
        };
        assert!(atom("<content type=\"html\">x</content><content>y</content><link type=\"text/html\"/>"));
        assert!(!atom("<content type=\"application/octet-stream\">x</content>"));
        assert!(!atom("<title type=\"text/html\">x</title>"));
        assert!(!atom("<title xml:base=\"/x\">x</title>"));
        assert!(!atom_is_plain("<feed version=\"0.3\"/>"));
    }
}
