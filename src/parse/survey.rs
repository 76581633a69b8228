//! Whether a well-formed document says something that the strict crates would not read, or would
//! read wrongly without an error. One walk from tag to tag, since every document pays for it; each name is looked up in
//! the table of vocabularies once.

use memchr::{memchr, memmem};

use super::MOST_ENTRIES;
use super::vocabulary::{ATOM, DECLARED, Vocabulary, by_custom, meaning, of_declaration};

/// The entries of an RSS document that the crate reads whole; `None` where it would lose something.
pub(super) fn rss_entries(text: &str) -> Option<usize> {
    // RSS 1.0 names its items in attributes that the crate does not know, so `rdf:RDF` is never read whole.
    let (root, rest) = root_of(text, "rss")?;
    let mut survey = Survey::new(Dialect::Rss, root)?;
    walk(rest, |tag| survey.rss(tag)).then_some(survey.entries)
}

/// The entries of an Atom document that the crate reads whole; `None` where it would lose something.
pub(super) fn atom_entries(text: &str) -> Option<usize> {
    let (root, rest) = root_of(text, "feed")?;
    let mut survey = Survey::new(Dialect::Atom, root)?;
    let is_atom = attributes_of(root).any(|(key, value)| key == b"xmlns" && value == ATOM.as_bytes());
    (is_atom && walk(rest, |tag| survey.atom(tag))).then_some(survey.entries)
}

/// The attributes of the root element, if that is `name`, and all behind it.
fn root_of<'a>(text: &'a str, name: &str) -> Option<(&'a [u8], &'a [u8])> {
    let bytes = text.trim_start().as_bytes();
    let root = bytes.strip_prefix(b"<")?.strip_prefix(name.as_bytes())?;
    let end = memchr(b'>', root)?;
    root[..end].first().is_none_or(u8::is_ascii_whitespace).then(|| (&root[..end], &root[end + 1..]))
}

/// The attributes of a tag in quotes, whatever stands between them.
fn attributes_of(tag: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let equals = memchr(b'=', rest)?;
        let key = rest[..equals].trim_ascii();
        let key = &key[key.iter().rposition(u8::is_ascii_whitespace).map_or(0, |n| n + 1)..];
        let value = rest[equals + 1..].trim_ascii_start();
        let quote = *value.first().filter(|b| matches!(b, b'"' | b'\''))?;
        let end = memchr(quote, &value[1..])? + 1;
        rest = &value[end + 1..];
        Some((key, &value[1..end]))
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

/// Which crate is to read the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Rss,
    Atom,
}

/// What is done about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The crate carries it, or nothing of ours comes from it.
    Carried,
    /// The crate would lose it, or take it for something else.
    Lost,
    /// It is lost inside an entry; around the entries nobody looks for it.
    LostInside,
    /// The crate takes the last of several, and drops markup inside: a second one, or an element inside, is too much.
    Single(u32),
    /// Text that may repeat.
    Text,
    /// A construct of Atom: text of a type.
    Construct(u32),
    /// The first tag of an entry.
    Entry,
    /// The channel; the crate keeps the last.
    Channel,
    /// Has fields of its own.
    Nested,
    /// An address.
    Link,
    /// A file; the crate keeps one.
    Enclosure,
    /// An id that may be the address.
    Guid,
}

/// Slots in which verdicts are remembered; documents have fewer names.
const SLOTS: usize = 64;

/// A walk under way.
#[derive(Debug)]
struct Survey<'a> {
    dialect: Dialect,
    declared: Vec<(&'a [u8], &'a [u8], Vocabulary)>,
    verdicts: [(&'a [u8], Verdict); SLOTS],
    /// The element whose inside must be text.
    text: Option<&'a [u8]>,
    /// The element whose inside is passed over.
    passed: Option<&'a [u8]>,
    entries: usize,
    channels: usize,
    /// Elements of [`Verdict::Single`] that the entry under way has.
    seen: u32,
}

impl<'a> Survey<'a> {
    /// Begins with what the root declares; `None` where its base or language would be lost.
    fn new(dialect: Dialect, root: &'a [u8]) -> Option<Self> {
        let mut declared = Vec::new();
        for (key, value) in attributes_of(root) {
            if let Some(prefix) = key.strip_prefix(b"xmlns:") {
                let (name, namespace) = (std::str::from_utf8(prefix).ok()?, std::str::from_utf8(value).ok()?);
                declared.push((prefix, value, of_declaration(name, namespace)));
            } else if key.starts_with(b"xml:") && (dialect == Dialect::Rss || key == b"xml:base") {
                return None;
            }
        }
        let verdicts = [(&b""[..], Verdict::Carried); SLOTS];
        Some(Self { dialect, declared, verdicts, text: None, passed: None, entries: 0, channels: 0, seen: 0 })
    }

    /// What is done about a name, from memory where it was met before.
    fn verdict(&mut self, name: &'a [u8]) -> Verdict {
        let ends = (name.first().copied().unwrap_or(0), name.last().copied().unwrap_or(0));
        let slot = (name.len() * 7 + usize::from(ends.0) * 5 + usize::from(ends.1) * 3) % SLOTS;
        let (known, verdict) = self.verdicts[slot];
        if known == name {
            return verdict;
        }
        let verdict = self.look_up(name);
        self.verdicts[slot] = (name, verdict);
        verdict
    }

    fn look_up(&self, name: &[u8]) -> Verdict {
        let Ok(name) = std::str::from_utf8(name) else { return Verdict::Lost };
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let declared = self.declared.iter().find(|(known, ..)| *known == prefix.as_bytes());
        let namespace = declared.map(|(_, namespace, _)| *namespace);
        let vocabulary = match declared {
            Some((.., vocabulary)) => *vocabulary,
            None if prefix.is_empty() && self.dialect == Dialect::Atom => Vocabulary::Atom,
            None => by_custom(&prefix.to_ascii_lowercase()),
        };
        let Some(meaning) = meaning(vocabulary, &local.to_ascii_lowercase()) else { return Verdict::Carried };
        let is_as_written = meaning.vocabulary == vocabulary && meaning.local == local;
        match vocabulary {
            Vocabulary::Known(known) => {
                // These the RSS crate takes by their namespace, exactly as it is defined, or by their prefix.
                let is_defined = || {
                    namespace.is_some_and(|it| DECLARED.iter().any(|(key, own)| *key == known && own.as_bytes() == it))
                };
                let is_reached = match (self.dialect, known) {
                    (_, "nr") => false,
                    (Dialect::Rss, "content") => prefix == "content",
                    (Dialect::Rss, "dc" | "itunes" | "sy") => is_defined(),
                    _ => namespace.is_some() || prefix == known,
                };
                match (is_as_written && is_reached, name) {
                    (false, _) => Verdict::Lost,
                    (true, "content:encoded") if self.dialect == Dialect::Rss => Verdict::Single(1 << 8),
                    (true, _) if known == "itunes" && local == "category" => Verdict::LostInside,
                    (true, _) if known == "media" || known == "itunes" || known == "geo" => Verdict::Carried,
                    (true, _) => Verdict::Text,
                }
            }
            _ if self.dialect == Dialect::Atom => of_atom(prefix, local),
            // The crate keeps links of Atom and nothing else.
            Vocabulary::Atom if local == "link" && namespace == Some(ATOM.as_bytes()) => Verdict::Carried,
            _ if prefix.is_empty() => of_rss(local),
            _ => Verdict::Lost,
        }
    }

    /// Whether all is well up to this tag of an RSS document.
    fn rss(&mut self, tag: &'a [u8]) -> bool {
        if let Some(well) = self.inside(tag) {
            return well;
        }
        let (name, attributes) = split(tag);
        let is_empty = tag.last() == Some(&b'/');
        match self.verdict(name) {
            Verdict::Carried => {}
            Verdict::Lost => return false,
            Verdict::LostInside if self.entries > 0 => return false,
            // The picture of the channel has fields of its own.
            Verdict::LostInside | Verdict::Nested => self.seen = 0,
            Verdict::Single(bit) | Verdict::Construct(bit) => {
                if self.seen & bit != 0 {
                    return false;
                }
                self.seen |= bit;
                self.text = (!is_empty).then_some(name);
            }
            Verdict::Text => self.text = (!is_empty).then_some(name),
            Verdict::Entry => {
                self.entries += 1;
                self.seen = 0;
                if self.entries > MOST_ENTRIES || !attributes.is_empty() {
                    return false;
                }
            }
            Verdict::Channel => {
                self.channels += 1;
                if self.channels > 1 {
                    return false;
                }
            }
            Verdict::Link => {
                if self.seen & LINK != 0 || !attributes.is_empty() {
                    return false;
                }
                self.seen |= LINK;
                self.text = (!is_empty).then_some(name);
            }
            Verdict::Enclosure => {
                if self.seen & ENCLOSURE != 0 || memmem::find(attributes, b" url=").is_none() {
                    return false;
                }
                self.seen |= ENCLOSURE;
            }
            Verdict::Guid => {
                let is_plain =
                    attributes.is_empty() || matches!(attributes, b" isPermaLink=\"false\"" | b" isPermaLink=\"true\"");
                if self.seen & GUID != 0 || !is_plain {
                    return false;
                }
                self.seen |= GUID;
                self.text = (!is_empty).then_some(name);
            }
        }
        !says_xml(attributes)
    }

    /// Whether all is well up to this tag of an Atom document.
    fn atom(&mut self, tag: &'a [u8]) -> bool {
        if let Some(well) = self.inside(tag) {
            return well;
        }
        let (name, attributes) = split(tag);
        let is_empty = tag.last() == Some(&b'/');
        match self.verdict(name) {
            Verdict::Lost => return false,
            Verdict::Single(bit) => {
                if self.seen & bit != 0 {
                    return false;
                }
                self.seen |= bit;
                self.text = (!is_empty).then_some(name);
            }
            Verdict::Text => self.text = (!is_empty).then_some(name),
            Verdict::Construct(bit) => {
                if self.seen & bit != 0 || memmem::find(attributes, b" mode=").is_some() {
                    return false;
                }
                self.seen |= bit;
                match type_of(attributes) {
                    Some(b"xhtml") => self.passed = (!is_empty).then_some(name),
                    None | Some(b"text" | b"html") => self.text = (!is_empty).then_some(name),
                    Some(_) => return false,
                }
                // Its language is carried, its base is not.
                return memmem::find(attributes, b"xml:base").is_none() && memmem::find(attributes, b"xmlns").is_none();
            }
            Verdict::Entry => {
                self.entries += 1;
                self.seen = 0;
                if self.entries > MOST_ENTRIES {
                    return false;
                }
            }
            // The feed that an entry comes from has fields of its own.
            Verdict::Nested => self.passed = (!is_empty).then_some(name),
            Verdict::Link if memmem::find(attributes, b"href=").is_none() => return false,
            _ => {}
        }
        !says_xml(attributes)
    }

    /// What the tag means for the element under way; `None` where it begins another.
    fn inside(&mut self, tag: &'a [u8]) -> Option<bool> {
        let closes = |name: &[u8]| tag.first() == Some(&b'/') && tag[1..].starts_with(name);
        if let Some(name) = self.passed {
            if closes(name) {
                self.passed = None;
            }
            return Some(true);
        }
        match self.text.take() {
            Some(name) => Some(closes(name)),
            None => matches!(tag.first(), Some(b'/' | b'?') | None).then_some(true),
        }
    }
}

const LINK: u32 = 1 << 29;
const ENCLOSURE: u32 = 1 << 30;
const GUID: u32 = 1 << 31;

/// What the RSS crate does with a name that means something to us.
fn of_rss(local: &str) -> Verdict {
    match local {
        "title" => Verdict::Single(1),
        "description" => Verdict::Single(1 << 1),
        "pubDate" => Verdict::Single(1 << 2),
        "author" => Verdict::Single(1 << 3),
        "comments" => Verdict::Single(1 << 4),
        "language" | "managingEditor" | "ttl" | "category" | "source" => Verdict::Text,
        "skipHours" | "skipDays" | "cloud" => Verdict::Carried,
        "link" => Verdict::Link,
        "guid" => Verdict::Guid,
        "enclosure" => Verdict::Enclosure,
        "item" => Verdict::Entry,
        "channel" => Verdict::Channel,
        "image" | "textInput" | "textinput" | "url" => Verdict::LostInside,
        _ => Verdict::Lost,
    }
}

/// What the Atom crate does with a name that means something to us.
fn of_atom(prefix: &str, local: &str) -> Verdict {
    match local {
        _ if !prefix.is_empty() => Verdict::Lost,
        "title" => Verdict::Construct(1),
        "summary" => Verdict::Construct(1 << 1),
        "content" => Verdict::Construct(1 << 2),
        "subtitle" => Verdict::Construct(1 << 3),
        "id" => Verdict::Single(1 << 4),
        "updated" => Verdict::Single(1 << 5),
        "published" => Verdict::Single(1 << 6),
        "author" | "category" => Verdict::Carried,
        "link" => Verdict::Link,
        "entry" => Verdict::Entry,
        "source" => Verdict::Nested,
        _ => Verdict::Lost,
    }
}

/// The name of a start tag, and what stands between it and the end, with the space in front.
fn split(tag: &[u8]) -> (&[u8], &[u8]) {
    let tag = tag.strip_suffix(b"/").unwrap_or(tag).trim_ascii_end();
    let end = tag.iter().position(u8::is_ascii_whitespace).unwrap_or(tag.len());
    tag.split_at(end)
}

/// Whether an attribute declares a namespace, a base or a language, which hold for what is inside.
fn says_xml(attributes: &[u8]) -> bool {
    !attributes.is_empty()
        && memchr::memchr3_iter(b' ', b'\n', b'\t', attributes).any(|at| {
            let key = &attributes[at + 1..];
            key.starts_with(b"xmlns") || key.starts_with(b"xml:base") || key.starts_with(b"xml:lang")
        })
}

/// The value of `type`.
fn type_of(attributes: &[u8]) -> Option<&[u8]> {
    memmem::find(attributes, b"type=")?;
    attributes_of(attributes).find(|(key, _)| *key == b"type").map_or(Some(b""), |(_, value)| Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rss_crate_loses_is_noticed() {
        const NAMES: &str = "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:a10='http://www.w3.org/2005/Atom' xmlns:old='http://purl.org/dc/elements/1.0/' xmlns:m='http://www.rssboard.org/media-rss' xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:fb='http://rssnamespace.org/feedburner/ext/1.0'";
        let rss = |item: &str| {
            let channel = format!(
                "<channel><title>x</title><link>l</link><image><url>u</url><title>x</title><link>l</link></image><a10:link rel='self' href='s'/><item>{item}</item></channel>"
            );
            rss_entries(&format!("<rss {NAMES}>{channel}</rss>")) == Some(1)
        };
        for kept in [
            "<title>a</title><description><![CDATA[<p>b</p>]]> </description><link>x</link><category/>",
            "<dc:creator>a</dc:creator><dc:creator>b</dc:creator><m:content url='u'><m:title>t</m:title></m:content>",
            "<content:encoded>a</content:encoded><guid isPermaLink=\"false\">g</guid><fb:origLink>x</fb:origLink>",
            "<unknown>x</unknown><a10:link href='x'/><enclosure url='1' length='2'/>",
        ] {
            assert!(rss(kept), "{kept}");
        }
        for lost in [
            "<description><p>b</p></description>",
            "<description>a <b>b</b></description>",
            "<link>1</link><link>2</link>",
            "<link href='x'/>",
            "<enclosure url='1'/><enclosure url='2'/>",
            "<enclosure URL='1'/>",
            "<itunes:category text='x'/>",
            "<a xml:base='x'/>",
            "<b\n\txml:lang='x'/>",
            "<a10:summary>x</a10:summary>",
            "<a10:updated>x</a10:updated>",
            "<a10:author><a10:name>x</a10:name></a10:author>",
            "<old:creator>x</old:creator>",
            "<dc:Creator>x</dc:Creator>",
            "<xx:y xmlns:xx='u'/>",
            "<Title>x</Title>",
            "<pubdate>x</pubdate>",
            "<content type='html'>x</content>",
            "<body>x</body>",
            "<xhtml:body>x</xhtml:body>",
            "<author><name>x</name></author>",
            "<author>x</author><author>y</author>",
            "<guid isPermaLink='False'>x</guid>",
            "<image>x</image>",
            "<published>x</published>",
            "<media:Thumbnail url='x'/>",
            "<summary>x</summary>",
            "</item></channel><channel><item>",
        ] {
            assert!(!rss(lost), "{lost}");
        }
        assert_eq!(rss_entries("<!DOCTYPE rss [<!ENTITY a 'b'>]><rss></rss>"), None);
        assert_eq!(rss_entries("<rss><channel><Item/></channel></rss>"), None);
        assert_eq!(rss_entries("<rss><channel><item><dc:date>x</dc:date></item></channel></rss>"), None);
        let other = "<rss xmlns:dc='http://dublincore.org/documents/dcmi-namespace/'><channel><item><dc:date>x</dc:date></item></channel></rss>";
        assert_eq!(rss_entries(other), None);
    }

    #[test]
    fn what_the_atom_crate_loses_is_noticed() {
        let atom = |entry: &str| {
            atom_entries(&format!(
                "<feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:a='http://www.w3.org/2005/Atom' xml:lang='de'><entry>{entry}</entry></feed>"
            )) == Some(1)
        };
        for kept in [
            "<content type=\"html\">x</content><summary>y</summary><link type=\"text/html\" href='x'/>",
            "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><title>x</title><summary>y</summary></div></content>",
            "<source><title>x</title><id>i</id></source><title xml:lang='en'>x</title><id>i</id>",
            "<author><name>x</name><email>y</email></author><dc:date>x</dc:date><rights>x</rights>",
        ] {
            assert!(atom(kept), "{kept}");
        }
        for lost in [
            "<content type=\"application/octet-stream\">x</content>",
            "<title type=\"text/html\">x</title>",
            "<title xml:base=\"/x\">x</title>",
            "<title>a <b>b</b></title>",
            "<content>x</content><content>y</content>",
            "<a:title>x</a:title>",
            "</entry><a:entry><id>x</id></a:entry><entry>",
            "<Title>x</Title>",
            "<pubDate>x</pubDate>",
            "<description>x</description>",
            "<link>x</link>",
            "<modified>x</modified>",
        ] {
            assert!(!atom(lost), "{lost}");
        }
        assert_eq!(atom_entries("<feed version=\"0.3\"/>"), None);
    }
}
