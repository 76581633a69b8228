//! Text that others wrote, made safe to show: what a terminal would obey or what turns the direction of a line is
//! shown as an escape, never passed on. Pure.

use std::borrow::Cow;

/// Whether a character changes how a terminal or a page shows what stands around it: C0 and C1 controls, and the
/// marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX #9), and separators of lines.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line: every unsafe character as `\u{…}`; breaks of lines and tabs as spaces.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\r' | '\t').then_some(" "))
}

/// Several lines: as [`line()`], with line feeds and tabs kept.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| match c {
        '\n' => Some("\n"),
        '\t' => Some("\t"),
        _ => None,
    })
}

fn escaped(text: &str, kept: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match (is_unsafe(c), kept(c)) {
            (true, Some(instead)) => out.push_str(instead),
            (true, None) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            (false, _) => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// JSON that says the same in characters that are safe on a terminal: what JSON lets stand raw (C1 controls, marks of
/// direction) becomes its `\uXXXX`.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    let is_raw = |c: char| is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t');
    if !text.chars().any(is_raw) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_raw(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// XML that says the same in characters that are safe on a terminal: those that XML lets stand raw become references;
/// a section of character data, which knows none, is interrupted for them.
#[must_use]
pub fn xml(text: &str) -> Cow<'_, str> {
    let is_raw = |c: char| is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t');
    if !text.chars().any(is_raw) {
        return Cow::Borrowed(text);
    }
    let (begin, end) = ("<![CDATA[", "]]>");
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    let mut in_section = false;
    while let Some(c) = rest.chars().next() {
        let mark = if in_section { end } else { begin };
        if rest.starts_with(mark) {
            in_section = !in_section;
            out.push_str(mark);
            rest = &rest[mark.len()..];
            continue;
        }
        match (is_raw(c), in_section) {
            (true, true) => out.push_str(&format!("{end}&#x{:x};{begin}", u32::from(c))),
            (true, false) => out.push_str(&format!("&#x{:x};", u32::from(c))),
            (false, _) => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        assert_eq!(
            line("a\u{1b}[31mb\u{9b}c\u{202e}d\u{200f}e\u{7f}\nf"),
            "a\\u{1b}[31mb\\u{9b}c\\u{202e}d\\u{200f}e\\u{7f} f"
        );
        assert_eq!(lines("a\tb\nc\r\u{2066}"), "a\tb\nc\\u{d}\\u{2066}");
        assert!(matches!(line("青浦 é 👩‍🚀"), Cow::Borrowed(_)));
        for unsafe_one in
            (0..0x20).chain(0x7f..0xa0).chain(0x202a..=0x202e).chain(0x2066..=0x2069).chain([0x200e, 0x200f])
        {
            let c = char::from_u32(unsafe_one).unwrap_or_default();
            assert!(is_unsafe(c), "{unsafe_one:x}");
        }
    }

    #[test]
    fn xml_says_the_same() -> Result<(), roxmltree::Error> {
        let text =
            "<a b='x\u{202e}y'>p\u{2066}q<c><![CDATA[<r>\u{202e} &amp; ]]]]><![CDATA[>\u{9b}]]></c>\n\u{200f}</a>";
        let shown = xml(text);
        assert!(!shown.chars().any(|c| is_unsafe(c) && c != '\n'), "{shown}");
        let (before, after) = (roxmltree::Document::parse(text)?, roxmltree::Document::parse(&shown)?);
        let texts = |document: &roxmltree::Document<'_>| -> Vec<String> {
            let each = document.descendants().filter(roxmltree::Node::is_element);
            each.map(|node| node.descendants().filter_map(|n| n.text().filter(|_| n.is_text())).collect()).collect()
        };
        assert_eq!(texts(&before), texts(&after));
        assert_eq!(before.root_element().attribute("b"), after.root_element().attribute("b"));
        assert!(matches!(xml("<a>青浦</a>"), Cow::Borrowed(_)));
        Ok(())
    }

    #[test]
    fn json_says_the_same() -> Result<(), serde_json::Error> {
        let value = serde_json::json!({ "t": "a\u{202e}b\u{9b}c\u{1b}" });
        let text = serde_json::to_string_pretty(&value)?;
        let shown = json(&text);
        assert!(!shown.contains('\u{202e}') && shown.contains("\\u202e"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown)?, value);
        Ok(())
    }
}
