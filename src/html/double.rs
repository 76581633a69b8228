//! Text that was UTF-8, was taken for Latin-1 or Windows-1252, and was written as UTF-8 again: undone where that is
//! certain.
//!
//! Certain means: every character beyond ASCII of the field stands for a byte, the bytes are UTF-8, and they stand
//! where no writer puts such characters. A text that speaks of encodings may mean what it shows.

use std::borrow::Cow;

/// Words of texts that may show damaged text on purpose.
const TOPICS: [&str; 11] = [
    "utf-8",
    "utf8",
    "unicode",
    "encod",
    "charset",
    "mojibake",
    "latin-1",
    "latin1",
    "iso-8859",
    "iso8859",
    "windows-1252",
];

/// The text as it was before it was encoded twice.
pub(super) fn undone(text: &str) -> Cow<'_, str> {
    // The lead bytes of UTF-8, taken for Latin-1, are characters of this row, and so are C1 controls of the next.
    let may_be = text.bytes().any(|b| matches!(b, 0xc2 | 0xc3));
    let Some(mut once) = may_be.then(|| undo(text)).flatten() else { return Cow::Borrowed(text) };
    // Each round is shorter; what is undone to the end stays as it is when it is read again.
    while let Some(shorter) = undo(&once).filter(|shorter| shorter.len() < once.len()) {
        once = shorter;
    }
    Cow::Owned(once)
}

fn undo(text: &str) -> Option<String> {
    if text.chars().any(|c| byte_of(c).is_none()) {
        return None;
    }
    let chars: Vec<char> = text.chars().collect();
    let mut bytes = Vec::with_capacity(text.len());
    for (n, &c) in chars.iter().enumerate() {
        bytes.push(byte_of(c)?);
        if is_trimmed(&chars, n) {
            bytes.push(0xa0);
        }
    }
    let once = String::from_utf8(bytes).ok()?;
    (is_certain(&chars) && !speaks_of_encodings(text)).then_some(once)
}

/// Whether the first half of `à` stands alone: its second is a no-break space, which many programs turn into a blank or
/// trim off.
fn is_trimmed(chars: &[char], n: usize) -> bool {
    chars[n] == 'Ã' && chars.get(n + 1).is_none_or(|next| next.is_ascii_whitespace() || *next == '<')
}

/// The byte that a character stands for.
fn byte_of(c: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(u32::from(c)) {
        return Some(byte);
    }
    let mut buffer = [0; 4];
    let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
    match *bytes {
        [byte] if !unmappable => Some(byte),
        _ => None,
    }
}

/// Whether sequences stand where no writer puts their characters: a capital behind a small letter, two signs in a row
/// behind a letter, controls; or whether there are several of them.
fn is_certain(chars: &[char]) -> bool {
    let is_trail = |c: &char| byte_of(*c).is_some_and(|byte| (0x80..0xc0).contains(&byte));
    let mut sequences = 0;
    let mut at = 0;
    while at < chars.len() {
        let trails = chars[at + 1..].iter().take(3).take_while(|c| is_trail(c)).count();
        let length = match byte_of(chars[at]) {
            Some(0xc2..=0xdf) if trails >= 1 => 2,
            Some(0xe0..=0xef) if trails >= 2 => 3,
            Some(0xf0..=0xf4) if trails >= 3 => 4,
            _ if is_trimmed(chars, at) => 1,
            _ => {
                at += 1;
                continue;
            }
        };
        let before = at.checked_sub(1).and_then(|n| chars.get(n));
        let is_odd = chars[at..at + length].iter().any(|c| matches!(c, '\u{80}'..='\u{9f}'))
            || length > 2
                && (before.is_some_and(|c| c.is_alphanumeric())
                    || chars.get(at + length).is_some_and(|c| c.is_alphanumeric()))
            || length < 3 && before.is_some_and(|c| c.is_lowercase());
        sequences += 1;
        if is_odd || sequences > 1 {
            return true;
        }
        at += length;
    }
    false
}

fn speaks_of_encodings(text: &str) -> bool {
    let folded = text.to_ascii_lowercase();
    TOPICS.iter().any(|topic| folded.contains(topic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_encoding_is_undone_where_it_is_certain() {
        for (twice, once) in [
            ("DÃ©jÃ\u{a0} vu", "Déjà vu"),
            ("DÃ©jÃ  vu", "Déjà  vu"),
            ("voilÃ©, dÃ©jÃ", "voilé, déjà"),
            ("CafÃ©", "Café"),
            ("Itâ€™s", "It’s"),
            ("Ã‰tÃ©", "Été"),
            ("â€œOuiâ€\u{9d}", "“Oui”"),
            ("é\u{9d}’æµ¦", "青浦"),
            ("\u{e2}\u{80}\u{a6}", "…"),
        ] {
            assert_eq!(undone(twice), once);
        }
        for meant in [
            "Martine Ã©crit en UTF-8",
            "Déjà vu",
            "Why does my page show Ã© instead of é?",
            "Ã©",
            "AMANHÃ…",
            "“AMANHÔ",
            "São Paulo",
            "Mojibake: DÃ©jÃ  vu",
            "20Â°",
            "青浦 dÃ©jÃ",
            "naïve – œuvre",
        ] {
            assert_eq!(undone(meant), meant);
        }
    }
}
