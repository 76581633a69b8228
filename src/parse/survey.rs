//! Whether a well-formed document says something that the strict crates would not read, or would
//! read wrongly without an error. One pass at memory speed, since every document pays for it.

use memchr::memmem;

/// Bytes that in any place mean that the crates would lose something.
const LOST: [&[u8]; 8] = [
    b"xml:base",
    b"<!ENTITY",
    b"purl.org/atom/ns",
    b"mode=",
    b"type=\"text/",
    b"type='text/",
    b"netscape.com/rdf",
    b"base64",
];

/// Elements whose inside is text; markup there is dropped by the crates.
const TEXTS: [&[u8]; 5] = [b"title", b"description", b"content:encoded", b"category", b"dc:title"];

/// Whether an RSS document is one that the crate reads whole.
pub(super) fn rss_is_plain(text: &str) -> bool {
    let root = text.trim_start();
    (root.starts_with("<rss") || root.starts_with("<rdf:RDF"))
        && !loses(text, &LOST[..7])
        && memmem::find_iter(text.as_bytes(), b" xmlns=\"").count() <= 1
        && texts_are_text(text.as_bytes())
        && !categories_in_items(text)
}

/// iTunes categories of an item, which the crate keeps for the channel only.
fn categories_in_items(text: &str) -> bool {
    let items = memmem::find(text.as_bytes(), b"<item").unwrap_or(text.len());
    memmem::find(&text.as_bytes()[items..], b"<itunes:category").is_some()
}

/// Whether an Atom document is one that the crate reads whole.
pub(super) fn atom_is_plain(text: &str) -> bool {
    let root = text.trim_start();
    root.starts_with("<feed")
        && root[..root.find('>').unwrap_or(root.len())].contains("http://www.w3.org/2005/Atom")
        && !loses(text, &LOST)
        && types_are_known(text.as_bytes())
}

fn loses(text: &str, signs: &[&[u8]]) -> bool {
    signs.iter().any(|sign| memmem::find(text.as_bytes(), sign).is_some())
}

/// Walks from `<` to `<`: the tag after that of a text element must be its end (or CDATA), and a
/// field must not come twice in an item.
fn texts_are_text(text: &[u8]) -> bool {
    let mut at = 0;
    let mut inside: Option<&[u8]> = None;
    let (mut links, mut enclosures) = (0, 0);
    while let Some(n) = memchr::memchr(b'<', &text[at..]) {
        let tag = &text[at + n + 1..];
        at += n + 1;
        if tag.starts_with(b"![CDATA[") {
            at += memmem::find(tag, b"]]>").map_or(tag.len(), |n| n + 3);
            continue;
        }
        if let Some(name) = inside.take()
            && !(tag.first() == Some(&b'/') && tag[1..].starts_with(name))
        {
            return false;
        }
        if tag.starts_with(b"item") {
            (links, enclosures) = (0, 0);
        }
        match tag.first() {
            Some(b't' | b'd' | b'c') => {
                inside = TEXTS.into_iter().find(|name| {
                    tag.starts_with(name) && matches!(tag.get(name.len()), Some(b'>' | b' ')) && !closes_itself(tag)
                })
            }
            Some(b'l') if tag.starts_with(b"link>") => {
                links += 1;
                if links > 1 {
                    return false;
                }
            }
            Some(b'e') if tag.starts_with(b"enclosure") => {
                enclosures += 1;
                if enclosures > 1 {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

fn closes_itself(tag: &[u8]) -> bool {
    memchr::memchr(b'>', tag).is_some_and(|end| end > 0 && tag[end - 1] == b'/')
}

/// Whether each `content` and each text construct has a type that the crate takes.
fn types_are_known(text: &[u8]) -> bool {
    memmem::find_iter(text, b"<content").all(|at| {
        let tag = &text[at..];
        let tag = &tag[..memchr::memchr(b'>', tag).unwrap_or(tag.len())];
        match memmem::find(tag, b"type=") {
            Some(n) => [&b"text"[..], b"html", b"xhtml"].iter().any(|kind| {
                let value = &tag[(n + 6).min(tag.len())..];
                value.starts_with(kind) && matches!(value.get(kind.len()), Some(b'"' | b'\''))
            }),
            None => true,
        }
    })
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
        assert!(!rss("<a xml:base='x'/>"));
        let atom = |entry: &str| {
            atom_is_plain(&format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry>{entry}</entry></feed>"))
        };
        assert!(atom("<content type=\"html\">x</content><content>y</content>"));
        assert!(!atom("<content type=\"application/octet-stream\">x</content>"));
        assert!(!atom("<title type=\"text/html\">x</title>"));
        assert!(!atom_is_plain("<feed version=\"0.3\"/>"));
    }
}
