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

/// How far a JSON Feed is looked for behind words that belong to nothing, bytes.
const WORDS: usize = 16 * 1024;

/// Looks at the first element, past comments, instructions and a document type; what the text is, and where the feed
/// begins in it.
pub(super) fn sniff(text: &str) -> (Kind, usize) {
    let begin = text.len() - text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
    let rest = &text[begin..];
    let kind = match rest.as_bytes().first() {
        None => return (Kind::Other("an empty document"), 0),
        Some(b'{') => return (json(rest), begin),
        Some(b'<') => by_root(rest),
        Some(_) if rest.bytes().take(512).any(|b| b < 9) => return (Kind::Other("binary data"), begin),
        Some(_) => Kind::Other("plain text"),
    };
    match kind {
        Kind::Rss | Kind::Atom => (kind, begin),
        // Programs tell of their faults before the feed that they go on to write, and some put it into a page.
        _ => match behind_junk(rest).or_else(|| json_behind_junk(rest)) {
            Some((kind, at)) => (kind, begin + at),
            None => (kind, begin),
        },
    }
}

/// What a document of markup is, by its root.
fn by_root(text: &str) -> Kind {
    let Some(name) = root_name(text) else { return Kind::Other("markup without an element") };
    let local = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
    match local.as_str() {
        "rss" | "rdf" | "channel" => Kind::Rss,
        "feed" | "entry" => Kind::Atom,
        "html" | "head" | "body" | "div" | "p" | "script" | "meta" | "title" | "table" | "br" | "b" | "style"
        | "pre" => Kind::Page,
        "opml" => Kind::Other("an OPML list; import it with `newsriver import`"),
        "urlset" | "sitemapindex" => Kind::Other("a sitemap"),
        "error" => Kind::Other("an error message in XML"),
        _ => Kind::Other("XML that is no feed"),
    }
}

/// A feed behind words or markup that belong to nothing, and where it begins: a root that is none but a feed's. Pages
/// speak of feeds, in comments and scripts too, so its first element must follow.
fn behind_junk(text: &str) -> Option<(Kind, usize)> {
    let bytes = text.as_bytes();
    let reach = &bytes[..bytes.len().min(REACH)];
    let (mut at, mut comments_end) = (0, true);
    while let Some(n) = memchr::memchr(b'<', &reach[at..]) {
        at += n;
        if comments_end && bytes[at..].starts_with(b"<!--") {
            // A comment that does not end is words; the end is looked for once, not for every comment.
            let end = memchr::memmem::find(&reach[at..], b"-->");
            comments_end = end.is_some();
            at += end.unwrap_or(1);
            continue;
        }
        if let Some(kind) = feed_at(&text[at..]) {
            return Some((kind, at));
        }
        at += 1;
    }
    None
}

/// The kind of the feed whose root begins a text.
fn feed_at(text: &str) -> Option<Kind> {
    // By its name first, since the text may be full of tags.
    let short = &text[1..text.floor_char_boundary(text.len().min(64))];
    let name = short.split(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '<')).next().unwrap_or_default();
    let local = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
    if !matches!(local.as_str(), "rss" | "rdf" | "channel" | "feed" | "entry") {
        return None;
    }
    let head = &text[..text.floor_char_boundary(text.len().min(4096))];
    let end = head.find('>')?;
    let tag = &head[1..end];
    let mut behind = head[end + 1..].trim_start();
    while let Some(comment) = behind.strip_prefix("<!--") {
        behind = comment.split_once("-->")?.1.trim_start();
    }
    let first = behind.strip_prefix('<').unwrap_or_default();
    let first = first.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default();
    let first = first.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
    let is_field = matches!(
        first.as_str(),
        "title"
            | "link"
            | "id"
            | "updated"
            | "modified"
            | "author"
            | "subtitle"
            | "tagline"
            | "generator"
            | "entry"
            | "item"
    );
    match local.as_str() {
        "rss" | "rdf" => matches!(first.as_str(), "channel" | "item").then_some(Kind::Rss),
        "channel" => (is_field && tag.contains('=')).then_some(Kind::Rss),
        "entry" => (is_field && tag.contains("xmlns")).then_some(Kind::Atom),
        "feed" => (is_field || (tag.contains("xmlns") && !first.is_empty())).then_some(Kind::Atom),
        _ => None,
    }
}

/// A JSON Feed behind a guard or a message, or in a call.
fn json_behind_junk(text: &str) -> Option<(Kind, usize)> {
    let reach = &text[..text.floor_char_boundary(text.len().min(WORDS))];
    memchr::memmem::find(reach.as_bytes(), b"jsonfeed.org/version")?;
    let at = reach.match_indices('{').map(|(at, _)| at).find(|at| reach[at + 1..].trim_start().starts_with('"'))?;
    Some((Kind::Json, at))
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
            ("<br />\n<b>Warning</b>: x<br />\n<entry xmlns='http://www.w3.org/2005/Atom'>\n<title>", Kind::Atom),
            ("<html><script>'<entry><title>'</script>", Kind::Page),
        ] {
            assert_eq!(sniff(text).0, kind, "{text}");
        }
        for text in ["", "hello", "see <?xml ?> and <html>", "\u{1}\u{2}", "<opml>", "{\"a\": 1}", "<!-- only -->", "<"]
        {
            assert!(matches!(sniff(text).0, Kind::Other(_)), "{text}");
        }
    }

    #[test]
    fn looking_behind_junk_takes_linear_time() {
        for piece in ["<", "<!--", "<rss ", "<feed><", "<b>"] {
            let text = piece.repeat(REACH / piece.len() + 1);
            assert!(matches!(sniff(&format!("x{text}")).0, Kind::Other(_)), "{piece}");
        }
    }

    #[test]
    fn a_feed_is_found_behind_junk_and_a_page_is_none() {
        const RSS: &str = "<rss version='2.0'><channel><title>t</title>";
        const ATOM: &str = "<feed xmlns='http://www.w3.org/2005/Atom'><id>i</id>";
        const JSON: &str = "{\"version\": \"https://jsonfeed.org/version/1\", \"items\": []}";
        for junk in [
            "Warning: no such file in feed.php on line 3\n<?xml version='1.0'?>",
            "<br />\n<b>Warning</b>:  mysql_connect() in <b>/x.php</b> on line <b>3</b><br />\n",
            "<script>var feed = '<b>'; // it's\n</script>",
            "<!doctype html><html><head><title>x</title></head><body><pre>",
            "<!-- <rss><channel> -->\n<p>see <rss> or <feed></p>",
            "<style>a > b {}</style>",
        ] {
            let old = "<feed><title>t</title>";
            for (feed, kind) in [(RSS, Kind::Rss), (ATOM, Kind::Atom), (old, Kind::Atom)] {
                let text = format!("{junk}{feed}");
                assert_eq!(sniff(&text), (kind, junk.len()), "{text}");
            }
        }
        for junk in [")]}',\n", "Notice: x\n", "callback(", "<br />\n<b>Warning</b>: x"] {
            assert_eq!(sniff(&format!("{junk}{JSON}")), (Kind::Json, junk.len()), "{junk}");
        }
        for page in [
            "<!doctype html><html><script>document.write('<rss>')</script><p>RSS begins with &lt;rss&gt;</p></html>",
            "<html><body><!-- <rss version='2.0'><channel><item> --><rdf:RDF xmlns='http://web.resource.org/cc/'><Work></Work></rdf:RDF></body></html>",
            "<html><feed><b>x</b></feed></html>",
        ] {
            assert_eq!(sniff(page).0, Kind::Page, "{page}");
        }
    }
}
