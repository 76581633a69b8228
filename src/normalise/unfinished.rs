//! Markup that would swallow the text behind it -> the same with that text in sight.
//!
//! A tag without an end, a comment that is never closed, a document type in the middle and a `script` without its end
//! tag all hide the rest of a body from an HTML reader. Whoever wrote `a <b and c` meant text.

use std::borrow::Cow;

use crate::model::feed::{RawText, TextKind};

/// Elements whose inside is no markup, so that one without an end tag takes all the rest.
const RAW: [&str; 10] =
    ["iframe", "noembed", "noframes", "plaintext", "script", "style", "template", "textarea", "title", "xmp"];

/// Tags without an end that are looked for by themselves; of a text with more none is a tag.
const MOST_UNFINISHED: usize = 64;

/// A text construct in which nothing is swallowed.
pub(super) fn construct(raw: &RawText) -> Cow<'_, RawText> {
    match raw.kind {
        TextKind::Plain => Cow::Borrowed(raw),
        TextKind::Html | TextKind::Unknown => match closed_off(&raw.value) {
            Cow::Borrowed(_) => Cow::Borrowed(raw),
            Cow::Owned(value) => Cow::Owned(RawText { value, ..raw.clone() }),
        },
    }
}

/// What to do with a `<`.
enum Step {
    /// Markup that ends: so many bytes.
    Keep(usize),
    /// Markup that would swallow the rest: so many bytes are left out.
    Drop(usize),
    /// No markup.
    Escape,
}

/// The markup with every `<` that begins nothing written as a reference.
pub(super) fn closed_off(html: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut at, mut done, mut unfinished) = (0, 0, 0);
    while let Some(n) = memchr::memchr(b'<', &html.as_bytes()[at..]) {
        at += n;
        let step = if unfinished < MOST_UNFINISHED { step(&html[at..]) } else { Step::Escape };
        match step {
            Step::Keep(length) => at += length,
            Step::Drop(length) => {
                unfinished += usize::from(!html[at..].starts_with("<!"));
                out.push_str(&html[done..at]);
                at += length;
                done = at;
            }
            Step::Escape => {
                unfinished += 1;
                out.push_str(&html[done..at]);
                out.push_str("&lt;");
                at += 1;
                done = at;
            }
        }
    }
    if done == 0 {
        return Cow::Borrowed(html);
    }
    out.push_str(&html[done..]);
    Cow::Owned(out)
}

fn step(html: &str) -> Step {
    let bytes = html.as_bytes();
    match bytes.get(1) {
        Some(b'!') => declaration(html),
        Some(b'?') => html.find('>').map_or(Step::Escape, |end| Step::Keep(end + 1)),
        Some(b'/') if bytes.get(2).is_some_and(u8::is_ascii_alphabetic) => {
            html.find('>').map_or(Step::Escape, |end| Step::Keep(end + 1))
        }
        Some(letter) if letter.is_ascii_alphabetic() => tag(html),
        // A reader of HTML takes these for text.
        _ => Step::Keep(1),
    }
}

/// A comment, a document type, a section of XML; anything else between `<!` and `>` is words.
fn declaration(html: &str) -> Step {
    if html.starts_with("<!--") {
        return html[2..].find("-->").map_or(Step::Escape, |end| Step::Keep(end + 5));
    }
    if html.starts_with("<![CDATA[") {
        return Step::Drop("<![CDATA[".len());
    }
    let folded = |length: usize| html.as_bytes().get(2..2 + length).unwrap_or_default().to_ascii_lowercase();
    let is_type = folded(12) == b"doctype html" || folded(1) == b"[";
    match html.find('>') {
        Some(end) if is_type => Step::Keep(end + 1),
        _ => Step::Escape,
    }
}

fn tag(html: &str) -> Step {
    let Some(end) = end_of_tag(html) else { return Step::Escape };
    let inside = &html[1..end - 1];
    // Words that run into the next tag.
    if inside.contains('<') && !inside.contains('=') {
        return Step::Escape;
    }
    let name = inside.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default().to_ascii_lowercase();
    if !RAW.contains(&name.as_str()) {
        return Step::Keep(end);
    }
    match end_tag(&html[end..], &name).filter(|_| name != "plaintext") {
        Some(inside) => Step::Keep(end + inside),
        None => Step::Drop(end),
    }
}

/// Where a tag ends, quoted values passed over (HTML, section 13.2.5).
fn end_of_tag(html: &str) -> Option<usize> {
    let bytes = html.as_bytes();
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'>', b'=', &bytes[at..])?;
        if bytes[at] == b'>' {
            return Some(at + 1);
        }
        at += 1;
        at += bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        if let Some(quote @ (b'"' | b'\'')) = bytes.get(at).copied() {
            at += 1 + memchr::memchr(quote, &bytes[at + 1..])? + 1;
        }
    }
}

/// Where the end tag of an element of this name begins.
fn end_tag(rest: &str, name: &str) -> Option<usize> {
    let closes = |at: &usize| {
        rest.as_bytes().get(at + 2..at + 2 + name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()))
    };
    memchr::memmem::find_iter(rest.as_bytes(), b"</").find(closes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_swallows_the_rest_is_text() {
        for (html, closed) in [
            ("I like a <b and all that", "I like a &lt;b and all that"),
            ("<a href=\"/x>the whole text", "&lt;a href=\"/x>the whole text"),
            ("if x <y and z <p>then</p>", "if x &lt;y and z <p>then</p>"),
            ("<!-- never closed <p>text</p>", "&lt;!-- never closed <p>text</p>"),
            ("<!important> news", "&lt;!important> news"),
            ("use <!DOCTYPE svg [ and so on", "use &lt;!DOCTYPE svg [ and so on"),
            ("<script src='x'/>text", "text"),
            ("<title>text", "text"),
            ("a<plaintext>b</plaintext>", "ab</plaintext>"),
            ("<![CDATA[<p>x</p>]]>", "<p>x</p>]]>"),
            ("x</p", "x&lt;/p"),
            ("a <", "a <"),
        ] {
            assert_eq!(closed_off(html), closed);
        }
        for sound in [
            "<p title=\"a > b\">x</p><!-- c --><br/>1 < 2 <3",
            "<!DOCTYPE html><html><body>x</body></html>",
            "<script>if (a<b) c</script><style>a{}</style>",
            "<a href='x' data-x=y<z>x</a>",
            "<![if !IE]>x<![endif]>",
            "<?xml:namespace prefix = o ?>x",
        ] {
            assert_eq!(closed_off(sound), sound);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_swallowed_twice(text in "([<>!/='\"a-c -]|<script>|</p>|<!--|-->){0,60}") {
            let once = closed_off(&text).into_owned();
            prop_assert!(once.len() <= text.len() * 4);
            closed_off(&once);
        }
    }
}
