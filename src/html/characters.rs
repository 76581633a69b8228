//! Characters of text that others wrote: which are taken out, and which must be written as references.
//!
//! In: decoded text. Out: NFC without control characters and invisible tricks. All of it comes before markup is
//! looked at: a character that goes afterwards could make markup of its neighbours.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::double;

/// Text on one line: white space collapsed, control characters and tricks out, NFC.
#[must_use]
pub fn one_line(text: &str) -> String {
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

/// Text without control characters but for line breaks and tabs, in NFC.
#[must_use]
pub fn clean(text: &str) -> String {
    nfc(visible(text))
}

/// Text without control characters but for line breaks and tabs. What composes is left apart: in markup a `>` and the
/// mark behind it are not one character.
pub(super) fn visible(text: &str) -> String {
    let kept = |c: &char| (!c.is_control() || matches!(c, '\n' | '\t')) && !is_trick(*c);
    let text = &*double::undone(text);
    if text.chars().all(|c| kept(&c)) { text.to_owned() } else { text.chars().map(meant).filter(kept).collect() }
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

/// Whether a reader that normalises the text of a feed (NFC, NFD, NFKC or NFKD) would make markup of this character:
/// it becomes `<`, `>`, `&` or a quote, or it takes one of them away (`>` and U+0338 compose to `≯`, whatever marks
/// stand between them). Such characters are written as references, which no normalisation touches.
#[must_use]
pub fn is_fragile(c: char) -> bool {
    matches!(
        c,
        '\u{338}'
            | '\u{1fef}'
            | '\u{226e}'
            | '\u{226f}'
            | '\u{fe60}'
            | '\u{fe64}'
            | '\u{fe65}'
            | '\u{ff02}'
            | '\u{ff06}'
            | '\u{ff07}'
            | '\u{ff1c}'
            | '\u{ff1e}'
            | '\u{ff40}'
    )
}

/// HTML with its fragile characters as references. In sanitised HTML they stand in text and in quoted values only,
/// and there a reference means the same.
pub(super) fn with_references(html: &str) -> Cow<'_, str> {
    if !html.contains(is_fragile) {
        return Cow::Borrowed(html);
    }
    let mut out = String::with_capacity(html.len() + 16);
    for c in html.chars() {
        if is_fragile(c) { push_reference(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

fn push_reference(c: char, out: &mut String) {
    out.push_str(&format!("&#x{:x};", u32::from(c)));
}

/// Text as HTML: escaped as a browser serialises it (HTML, section 13.3), fragile characters as references. Fit for a
/// text node and for a double-quoted value.
pub(super) fn push_escaped(text: &str, in_quotes: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_quotes => out.push_str("&quot;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            c if is_fragile(c) => push_reference(c, out),
            c => out.push(c),
        }
    }
}

/// Text that can stand in HTML, between tags or in a double-quoted value.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(text, true, &mut out);
    out
}

/// Text as HTML between tags.
#[must_use]
pub fn as_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(text, false, &mut out);
    out
}

/// Whether a reader who takes plain text for HTML would find markup in it, in whatever normal form.
#[must_use]
pub fn could_be_markup(text: &str) -> bool {
    let begins = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
    text.match_indices(['<', '\u{226e}', '\u{fe64}', '\u{ff1c}']).any(|(at, sign)| {
        // Full-width letters fold too.
        // What a reader may drop first stands between in vain.
        let behind = text[at + sign.len()..].chars().skip_while(|c| is_ignorable(*c));
        let rest: String = behind.take(1).nfkc().collect();
        begins(&rest)
    })
}

/// Whether a character shows nothing by itself (Unicode, `Default_Ignorable_Code_Point`).
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_normalisation_makes_markup_of_what_is_not_written_as_a_reference() {
        let is_markup = |c: char| matches!(c, '<' | '>' | '&' | '"' | '\'' | '`');
        for c in (0x80..=0x10_ffff).filter_map(char::from_u32).filter(|c| !is_fragile(*c)) {
            let made = c.nfd().chain(c.nfkd()).chain(c.nfc()).chain(c.nfkc()).any(is_markup);
            assert!(!made, "U+{:04X} becomes markup", u32::from(c));
            for mark in ['<', '>', '&', '"', '\'', '`', '=', '/'] {
                let pair = [mark, c];
                let kept =
                    pair.iter().copied().nfc().next() == Some(mark) && pair.iter().copied().nfkc().next() == Some(mark);
                assert!(kept, "U+{:04X} takes {mark} away", u32::from(c));
            }
        }
    }

    #[test]
    fn references_stand_for_what_they_replace() {
        let text = "a > \u{338} ＜b＞ & \u{226f}\"";
        assert_eq!(htmlize::unescape(escaped(text)), text);
        assert!(!escaped(text).contains(is_fragile));
    }
}
