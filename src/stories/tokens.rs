//! The tokens of a title: ideographs, numbers, and words in the form in which they compare.

use std::borrow::Cow;

use super::letters::digest;
use super::words::WORDS;

/// Letters that a word keeps at least when its endings are taken off.
const SHORTEST_STEM: usize = 4;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Ideograph,
    Word,
    Number,
}

/// A part of a title that is compared as one.
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Its digest.
    pub(super) key: u32,
    /// Whether it names nothing.
    pub(super) is_stop: bool,
    /// Where it stands in the text, bytes.
    pub(super) span: (usize, usize),
}

/// The tokens of a folded text: each ideograph, each word without its ending, each number.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((start, c)) = characters.next() {
        let mut end = start + c.len_utf8();
        let (kind, word) = if is_syllabic(c) {
            (TokenKind::Ideograph, Cow::Borrowed(&text[start..end]))
        } else if c.is_numeric() {
            while let Some(&(at, next)) = characters.peek() {
                let follows = text[at + next.len_utf8()..].starts_with(|c: char| c.is_numeric());
                if !(next.is_numeric() || (matches!(next, '.' | ',') && follows)) {
                    break;
                }
                end = at + next.len_utf8();
                characters.next();
            }
            (TokenKind::Number, Cow::Owned(text[start..end].replace(',', "")))
        } else if c.is_alphabetic() {
            while let Some(&(at, next)) = characters.peek() {
                let follows = text[at + next.len_utf8()..].chars().next();
                let is_letter = next.is_alphabetic() && !is_syllabic(next);
                let is_apostrophe =
                    matches!(next, '\'' | '’') && follows.is_some_and(|c| c.is_alphabetic() && !is_syllabic(c));
                // `U.S.` is one word, and `US`.
                let is_initial = next == '.' && is_initials(&text[start..at]) && is_initial(&text[at + 1..]);
                if !is_letter && !is_apostrophe && !is_initial {
                    break;
                }
                end = at + next.len_utf8();
                characters.next();
            }
            let word = &text[start..end];
            match WORDS.numeral(word) {
                Some(number) => (TokenKind::Number, Cow::Owned(number.to_string())),
                None if word.contains('.') => (TokenKind::Word, Cow::Owned(stem(&word.replace('.', "")))),
                None => (TokenKind::Word, Cow::Owned(stem(word))),
            }
        } else {
            continue;
        };
        let written = &text[start..end];
        let is_stop = WORDS.is_stop(&word) || (*word != *written && WORDS.is_stop(written));
        found.push(Token { kind, key: digest_of(&word), is_stop, span: (start, end) });
    }
    found
}

/// Whether a text is single letters with a dot between each two: `u`, `u.s`.
fn is_initials(text: &str) -> bool {
    text.split('.').all(|letter| letter.len() == 1)
}

/// Whether a text begins with a letter that stands alone.
fn is_initial(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic()) && !characters.next().is_some_and(char::is_alphanumeric)
}

/// Scripts without spaces between words.
pub(super) fn is_syllabic(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{3040}'..='\u{30ff}' | '\u{20000}'..='\u{323af}')
}

/// A word in the form in which words compare: the first of those that stand for each other, else without the
/// endings that inflect it and make other words of it, as far as English shows them.
fn stem(word: &str) -> String {
    let word = word.split(['\'', '’']).next().unwrap_or(word);
    if let Some(first) = WORDS.first_of_same(word) {
        return first.to_owned();
    }
    let is_enough = |stem: &&str| stem.chars().count() >= SHORTEST_STEM;
    let inflected = ["ings", "ing", "ies", "ed", "es", "s", "e"];
    let plain = inflected.iter().find_map(|ending| word.strip_suffix(ending).filter(is_enough));
    let plain = plain.or_else(|| word.strip_suffix('s').filter(|stem| stem.chars().count() >= 3)).unwrap_or(word);
    WORDS.endings().find_map(|ending| plain.strip_suffix(ending).filter(is_enough)).unwrap_or(plain).to_owned()
}

fn digest_of(word: &str) -> u32 {
    let mut characters = ['\0'; 32];
    let mut length = 0;
    for (slot, c) in characters.iter_mut().zip(word.chars()) {
        *slot = c;
        length += 1;
    }
    digest(&characters[..length], 41)
}

#[cfg(test)]
mod tests {
    use super::super::title::Title;

    #[test]
    fn forms_of_one_word_are_one_and_alike_names_are_two() {
        let contained = |a: &str, b: &str| Title::of(a, "").overlap(&Title::of(b, ""), |_| 1.0).contained;
        for (a, b) in [
            ("Syrian army shells town", "army shelling town in Syria"),
            ("U.S. sends ships", "America sends ships"),
            ("Westport mayor resigns", "mayor of Westport quits"),
            ("blast kills 10 in Westport", "Westport explosion: 10 dead"),
        ] {
            assert!(contained(a, b) > 0.99, "{a} | {b}");
        }
        assert!(contained("Austria wins the cup", "Australia wins the cup") < 0.7);
        assert!(contained("Microsoft opens plant", "Micron opens plant") < 0.7);
        assert!(Title::of("three hurt in Westport", "").numbers_differ(&Title::of("5 hurt in Westport", "")));
        assert!(!Title::of("two hurt in Westport", "").numbers_differ(&Title::of("2 hurt in Westport", "")));
    }
}
