//! Which format a text is, by its first markup.

/// What a text begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rss,
    Atom,
    Json,
    Page,
    /// None of ours; the words complete "this is …".
    Other(&'static str),
}

/// How far the root element is looked for, bytes.
const REACH: usize = 1 << 20;

/// How far a feed is looked for behind words that belong to nothing, bytes.
const WORDS: usize = 16 * 1024;

/// Looks at the first element, past comments, instructions and a document type.
pub(super) fn sniff(text: &str) -> Kind {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    match text.as_bytes().first() {
        None => return Kind::Other("an empty document"),
        Some(b'{') => return json(text),
        Some(b'<') => {}
        // Programs tell of their faults before the feed that they go on to write.
        Some(_) if let Some(kind) = behind_words(text) => return kind,
        Some(_) => {
            return if text.bytes().take(512).any(|b| b < 9) {
                Kind::Other("binary data")
            } else {
                Kind::Other("plain text")
            };
        }
    }
    let Some(name) = root_name(text) else { return Kind::Other("markup without an element") };
    let local = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
    match local.as_str() {
        "rss" | "rdf" | "channel" => Kind::Rss,
        "feed" | "entry" => Kind::Atom,
        "html" | "head" | "body" | "div" | "p" | "script" | "meta" | "title" | "table" => Kind::Page,
        "opml" => Kind::Other("an OPML list; import it with `newsriver import`"),
        "urlset" | "sitemapindex" => Kind::Other("a sitemap"),
        "error" => Kind::Other("an error message in XML"),
        _ => Kind::Other("XML that is no feed"),
    }
}

/// What begins behind words that belong to nothing, if it is a feed.
fn behind_words(text: &str) -> Option<Kind> {
    let reach = &text.as_bytes()[..text.len().min(WORDS)];
    let begins = ["<?xml", "<rss", "<feed", "<rdf:RDF"];
    let at = begins.into_iter().filter_map(|begin| memchr::memmem::find(reach, begin.as_bytes())).min()?;
    Some(sniff(&text[at..])).filter(|kind| matches!(kind, Kind::Rss | Kind::Atom))
}

fn json(text: &str) -> Kind {
    // The version may stand behind the items, so only the absence of both its name and of items
    // rules a feed out.
    let is_feed = memchr::memmem::find(text.as_bytes(), b"jsonfeed.org/version").is_some()
        || memchr::memmem::find(text.as_bytes(), b"\"items\"").is_some();
    if is_feed { Kind::Json } else { Kind::Other("JSON that is no JSON Feed") }
}

/// The name of the first element.
fn root_name(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        rest = &rest[rest.find('<')?..];
        if text.len() - rest.len() > REACH {
            return None;
        }
        let end = if rest.starts_with("<!--") {
            rest.find("-->")? + 3
        } else if rest.starts_with("<?") {
            rest.find("?>")? + 2
        } else if rest.len() > 9 && rest.as_bytes()[..9].eq_ignore_ascii_case(b"<!doctype") {
            doctype_end(rest)?
        } else if rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') {
            let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).unwrap_or(rest.len());
            return Some(&rest[1..end]);
        } else {
            1
        };
        rest = &rest[end..];
    }
}

/// The end of a document type, internal subset included.
fn doctype_end(text: &str) -> Option<usize> {
    let close = text.find('>')?;
    match text[..close].find('[') {
        Some(open) => {
            let inner = text[open..].find("]")? + open;
            text[inner..].find('>').map(|n| inner + n + 1)
        }
        None => Some(close + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_content() {
        for (text, kind) in [
            ("<rss version='2.0'>", Kind::Rss),
            ("<!-- <feed> --><?xml-stylesheet href='x'?>\n<rdf:RDF xmlns='x'>", Kind::Rss),
            ("<!DOCTYPE r [<!ENTITY a 'b'>]><rss>", Kind::Rss),
            ("\u{feff}<atom:feed xmlns:atom='x'>", Kind::Atom),
            ("{\"version\": \"https://jsonfeed.org/version/1.1\"}", Kind::Json),
            ("<!doctype html><html>", Kind::Page),
            ("Warning: no such file in feed.php on line 3\n<?xml version='1.0'?><rss>", Kind::Rss),
            ("Notice: <b>x</b> <feed xmlns='http://www.w3.org/2005/Atom'>", Kind::Atom),
        ] {
            assert_eq!(sniff(text), kind, "{text}");
        }
        for text in ["", "hello", "see <?xml ?> and <html>", "\u{1}\u{2}", "<opml>", "{\"a\": 1}", "<!-- only -->", "<"]
        {
            assert!(matches!(sniff(text), Kind::Other(_)), "{text}");
        }
    }
}
