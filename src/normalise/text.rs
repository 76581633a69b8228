//! Text constructs -> plain text: no markup, no control characters, NFC.

use scraper::{Html, Node};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{double, unfinished};
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
        TextKind::Html => plain(&raw.value),
        TextKind::Unknown if looks_like_html(&raw.value) => plain(&raw.value),
        TextKind::Unknown => one_line(&raw.value),
    }
}

/// The readable text of an HTML fragment, on one line.
#[must_use]
pub fn plain(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return one_line(html);
    }
    let fragment = Html::parse_fragment(&unfinished::closed_off(html));
    let mut out = String::with_capacity(html.len());
    let mut hidden = None;
    for edge in fragment.root_element().traverse() {
        use ego_tree::iter::Edge;
        match edge {
            Edge::Open(node) if hidden.is_none() => match node.value() {
                Node::Text(text) => out.push_str(text),
                Node::Element(element) if matches!(element.name(), "script" | "style" | "template") => {
                    hidden = Some(node.id())
                }
                Node::Element(element) if is_block(element.name()) => out.push(' '),
                _ => {}
            },
            Edge::Close(node) if hidden == Some(node.id()) => hidden = None,
            Edge::Close(node) if hidden.is_none() && node.value().as_element().is_some_and(|e| is_block(e.name())) => {
                out.push(' ')
            }
            _ => {}
        }
    }
    one_line(&out)
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "br"
            | "li"
            | "ul"
            | "ol"
            | "tr"
            | "td"
            | "th"
            | "table"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "blockquote"
            | "pre"
            | "hr"
            | "dt"
            | "dd"
            | "figure"
            | "figcaption"
            | "section"
            | "article"
    )
}

/// White space collapsed, control and formatting tricks out, NFC.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in double::undone(text).chars().map(meant) {
        if c.is_whitespace() || c.is_control() {
            gap = c.is_whitespace() || gap;
        } else if !is_trick(c) {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            out.push(c);
        }
    }
    nfc(out)
}

/// Control characters out but for line breaks and tabs, NFC.
pub(super) fn clean(text: &str) -> String {
    let kept = |c: &char| (!c.is_control() || matches!(c, '\n' | '\t')) && !is_trick(*c);
    let text = &*double::undone(text);
    nfc(if text.chars().all(|c| kept(&c)) { text.to_owned() } else { text.chars().map(meant).filter(kept).collect() })
}

/// C1 control characters are Windows-1252 that was taken for Latin-1: what was meant.
fn meant(c: char) -> char {
    match c {
        '\u{80}'..='\u{9f}' => {
            let byte = [u8::try_from(u32::from(c)).unwrap_or_default()];
            let text = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte).0;
            text.chars().next().filter(|meant| !meant.is_control()).unwrap_or(c)
        }
        c => c,
    }
}

/// Characters that show nothing and turn or hide their neighbours: bidirectional overrides,
/// invisible marks of order and width, noncharacters.
fn is_trick(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{200b}' | '\u{fff9}'..='\u{fffb}')
        || (c as u32) & 0xfffe == 0xfffe
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

fn nfc(text: String) -> String {
    if is_nfc(&text) { text } else { text.nfc().collect() }
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
