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
    fn json_says_the_same() -> Result<(), serde_json::Error> {
        let value = serde_json::json!({ "t": "a\u{202e}b\u{9b}c\u{1b}" });
        let text = serde_json::to_string_pretty(&value)?;
        let shown = json(&text);
        assert!(!shown.contains('\u{202e}') && shown.contains("\\u202e"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown)?, value);
        Ok(())
    }
}
