//! UTF-8 with foreign bytes in it: how much of a document is UTF-8, and its text with every foreign byte read by
//! itself.
//!
//! One cut character or one pasted quotation mark says nothing about the charset of the rest.

use std::ops::Range;

use encoding_rs::{GB18030, WINDOWS_1252};

/// Characters of the shortest run of Chinese in another charset that is read as such.
const SHORTEST_RUN: usize = 2;

/// What the bytes of a document are when they are read as UTF-8.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Characters of two bytes.
    two: usize,
    /// Characters of three and four bytes.
    more: usize,
    /// Runs of bytes that are no UTF-8.
    bad: usize,
    /// Those of `bad` that stand between ASCII and are one byte, or the beginning of a character that was cut off.
    lone: usize,
}

impl Share {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut share = Self::default();
        let mut before_is_ascii = true;
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars().filter(|c| !c.is_ascii()) {
                *(if c < '\u{800}' { &mut share.two } else { &mut share.more }) += 1;
            }
            at += chunk.valid().len() + chunk.invalid().len();
            before_is_ascii = chunk.valid().as_bytes().last().map_or(before_is_ascii, u8::is_ascii);
            if !chunk.invalid().is_empty() {
                share.bad += 1;
                // All that `utf8_chunks` takes together is the beginning of one character.
                let is_lone = before_is_ascii && bytes.get(at).is_none_or(u8::is_ascii);
                share.lone += usize::from(is_lone);
                before_is_ascii = false;
            }
        }
        share
    }

    /// Whether characters of UTF-8 outweigh what is none `doubt` times. A long character weighs more: no legacy text
    /// has many of them by chance.
    pub(super) fn outweighs(&self, doubt: usize) -> bool {
        let weight = self.two + 3 * self.more;
        weight > 0 && weight >= self.bad.saturating_mul(doubt)
    }

    /// Whether the document is ASCII but for a few pasted bytes, too few to tell a charset from.
    pub(super) fn is_ascii_with_pastes(&self) -> bool {
        self.two + self.more == 0 && self.bad <= 4 && self.bad == self.lone
    }
}

/// The text of a document that is UTF-8 for the most part. A single foreign byte in Western text is Windows-1252 that
/// was pasted in, a run of foreign bytes in Chinese text may be GB18030; whatever else was cut off or mixed up is
/// U+FFFD.
pub(super) fn read(bytes: &[u8]) -> String {
    let is_chinese =
        bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).any(|c| matches!(c, '\u{4e00}'..='\u{9fff}'));
    let mut out = String::with_capacity(bytes.len() + 16);
    let mut at = 0;
    let mut done = 0;
    for chunk in bytes.utf8_chunks() {
        let bad = at + chunk.valid().len()..at + chunk.valid().len() + chunk.invalid().len();
        if done < bad.start {
            let valid = chunk.valid();
            out.push_str(&valid[valid.len() - (bad.start - done.max(at))..]);
            done = bad.start;
        }
        at = bad.end;
        if done > bad.start || bad.is_empty() {
            continue;
        }
        done = bad.end;
        if is_chinese && let Some((text, end)) = chinese_run(bytes, &bad, &out) {
            // What stood before the fault belongs to the run as well: it looked like UTF-8 by chance.
            out.push_str(&text);
            done = end;
            continue;
        }
        match pasted(bytes, &bad, &out) {
            Some(c) => out.push(c),
            None if out.ends_with('\u{fffd}') && bad.start > 0 && !bytes[bad.start - 1].is_ascii() => {}
            None => out.push('\u{fffd}'),
        }
    }
    out
}

/// A run of bytes beyond ASCII that begins with a fault and reads as common Chinese characters in GB18030, and where
/// it ends.
fn chinese_run(bytes: &[u8], bad: &Range<usize>, before: &str) -> Option<(String, usize)> {
    if before.ends_with(|c: char| !c.is_ascii()) {
        return None;
    }
    let length = bytes[bad.start..].iter().position(u8::is_ascii).unwrap_or(bytes.len() - bad.start);
    let run = &bytes[bad.start..bad.start + length];
    let text = GB18030.decode_without_bom_handling_and_without_replacement(run)?;
    let is_common = |c: char| matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3000}'..='\u{3017}' | '\u{ff00}'..='\u{ff5e}' | '“' | '”' | '‘' | '’' | '…' | '—');
    (text.chars().count() >= SHORTEST_RUN && text.chars().all(is_common))
        .then(|| (text.into_owned(), bad.end.max(bad.start + length)))
}

/// What a foreign byte between Western characters means.
fn pasted(bytes: &[u8], bad: &Range<usize>, before: &str) -> Option<char> {
    let [byte] = &bytes[bad.clone()] else { return None };
    let behind = bytes.get(bad.end).copied();
    let is_western = |c: char| c < '\u{250}' || matches!(c, '\u{2010}'..='\u{2122}');
    // Beyond ASCII stands either another foreign byte or a character of two bytes at the least.
    let stands_well = before.chars().next_back().is_none_or(is_western) && behind.is_none_or(|b| b < 0xe3);
    if !stands_well {
        return None;
    }
    // The first byte of punctuation, of a full-width form or of a picture before the end of a field was cut off.
    let ends_field = behind.is_none_or(|b| matches!(b, b'<' | b']' | b'.' | b'"'));
    if matches!(byte, 0xe2 | 0xef | 0xf0) && ends_field {
        return None;
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(byte));
    text.chars().next().filter(|c| !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_bytes_are_read_by_themselves() {
        for (bytes, text) in [
            (&b"It\x92s"[..], "It’s"),
            (b"\x93Yes\x94 caf\xe9", "“Yes” café"),
            (b"d\xc3\xa9j\xe0 vu", "déjà vu"),
            ("“ok".as_bytes(), "“ok"),
            (b"\xe2\x80\x9cok\xe2\x80", "“ok\u{fffd}"),
            (b"\xe2\x80\x9cok\xe2\x80</title>", "“ok\u{fffd}</title>"),
            (b"an end\xe2</title>", "an end\u{fffd}</title>"),
            (b"\xe9\x9d\x92\xe6\xb5\xa6\xe5\xb7...", "青浦\u{fffd}..."),
            (b"\xe9\x9d\x92\xe6\xb5\xa6\xe5<", "青浦\u{fffd}<"),
            (b"\xe9\x9d\x92\xe6\xb5\xa6 <b>\xc7\xe0\xc6\xd6\xb1\xa8</b>", "青浦 <b>青浦报</b>"),
            (b"", ""),
            (b"\xff", "ÿ"),
        ] {
            assert_eq!(read(bytes), text, "{bytes:?}");
        }
    }

    #[test]
    fn a_share_weighs_characters_against_faults() {
        let share = |bytes: &[u8]| Share::of(bytes);
        assert!(share(b"\xe2\x80\x9cok\xe2\x80").outweighs(1));
        assert!(share("déjà \u{e9}".as_bytes()).outweighs(4));
        assert!(share(b"It\x92s").is_ascii_with_pastes() && !share(b"It\x92s").outweighs(1));
        assert!(share(b"c\xe2\x80lick").is_ascii_with_pastes());
        assert!(!share(b"\xc7\xe0\xc6\xd6\xb1\xa8").is_ascii_with_pastes());
        assert!(!share(b"\xc7\xe0\xc6\xd6\xb1\xa8").outweighs(1));
    }
}
