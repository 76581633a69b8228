//! Text constructs -> plain text: no markup, no control characters, NFC.

use super::unfinished;
pub(super) use crate::html::characters::one_line;
use crate::html::plain_text;
use crate::model::feed::{RawText, TextKind};

/// Elements that say for sure that a text is HTML.
const ELEMENTS: [&str; 76] = [
    "a",
    "abbr",
    "address",
    "applet",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "big",
    "blink",
    "blockquote",
    "body",
    "br",
    "button",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "figure",
    "font",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "layer",
    "li",
    "link",
    "marquee",
    "meta",
    "noscript",
    "object",
    "ol",
    "p",
    "param",
    "pre",
    "q",
    "ruby",
    "s",
    "script",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "svg",
    "table",
    "td",
    "textarea",
    "u",
    "ul",
    "video",
    "xmp",
];

/// The plain text of a construct, on one line.
pub(super) fn of(raw: &RawText) -> String {
    match raw.kind {
        TextKind::Plain => one_line(&raw.value),
        TextKind::Html => plain_text(&unfinished::closed_off(&raw.value)),
        TextKind::Unknown if looks_like_html(&raw.value) => plain_text(&unfinished::closed_off(&raw.value)),
        TextKind::Unknown => one_line(&raw.value),
    }
}

/// Whether text of unknown kind is HTML: it holds an element that HTML knows, or an entity.
pub(super) fn looks_like_html(text: &str) -> bool {
    let element = text.match_indices('<').any(|(at, _)| {
        let rest = text[at + 1..].trim_start_matches('/');
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let closed = rest[end..].starts_with(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/'));
        closed && ELEMENTS.binary_search(&rest[..end].to_ascii_lowercase().as_str()).is_ok()
    });
    element || text.contains("<!--") || text.match_indices('&').any(|(at, _)| is_entity(&text[at + 1..]))
}

fn is_entity(rest: &str) -> bool {
    let Some(end) = rest.bytes().take(12).position(|b| b == b';') else { return false };
    let name = &rest[..end];
    match name.strip_prefix('#') {
        Some(number) => {
            !number.is_empty() && number.trim_start_matches(['x', 'X']).bytes().all(|b| b.is_ascii_hexdigit())
        }
        None => name.len() >= 2 && name.bytes().all(|b| b.is_ascii_alphanumeric()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_names_are_sorted_for_the_search() {
        assert!(ELEMENTS.is_sorted());
    }

    #[test]
    fn what_is_markup_and_what_is_not() {
        for html in ["<b>x</b>", "a &amp; b", "x<br/>y", "&#39;", "</P>"] {
            assert!(looks_like_html(html), "{html}");
        }
        for text in ["a < b > c", "AT&T; no", "1 <2", "<unknown>", "R&D", "x <- y", "& ;"] {
            assert!(!looks_like_html(text), "{text}");
        }
    }

    #[test]
    fn titles_become_one_line_of_text() {
        let of_unknown = |text: &str| of(&RawText::unknown(text));
        assert_eq!(of_unknown(" a\n <b>b</b> &amp;  c "), "a b & c");
        assert_eq!(of_unknown("red \u{1b}[31m\u{202e}x\u{0}"), "red [31mx");
        assert_eq!(of_unknown("Stack<T> & Vec<K>"), "Stack<T> & Vec<K>");
        assert_eq!(of(&RawText::plain("<b>x</b>")), "<b>x</b>");
        assert_eq!(of(&RawText::html("a<script>x()</script><p>b</p>c")), "a b c");
        assert_eq!(of_unknown("e\u{301}"), "é");
        assert_eq!(of_unknown("don\u{92}t"), "don’t");
        assert_eq!(of_unknown("\u{e2}\u{80}\u{a6}"), "…");
    }
}
