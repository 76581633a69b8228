//! What of an entry tells its news, in a spelling in which tellings compare.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::letters::{Sorted, digest, each_compatible, is_ideograph};
use super::title::{Title, words_of_text};
use crate::clean;
use crate::model::entry::{Entry, StoredEntry};

/// Characters of the body that are compared.
const LONGEST_TEXT: usize = 1500;

/// Characters of the body that name its subject.
const LEAD: usize = 200;

/// Characters of the beginning of the body whose words are compared.
const OPENING: usize = 300;

/// Characters of the folded body that entries are found by.
pub(super) const INDEXED: usize = 45;

/// Characters in one shingle of a body.
const SHINGLE: usize = 4;

/// The features of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// The source, since one source that says a thing twice is judged otherwise.
    pub source: String,
    /// The title: letters and digits alone, lower case, simplified Chinese, without marker.
    pub title: Vec<char>,
    /// The title, taken apart into words.
    pub words: Title,
    /// Digests of the words of the beginning of the body.
    pub text_words: Sorted<u32>,
    /// Whether it answers another entry rather than telling news (`Re: …`).
    pub is_reply: bool,
    /// Whether the title is cut off.
    pub is_cut: bool,
    /// The beginning of the body, folded in the same way: what entries are found by.
    pub opening: Vec<char>,
    /// Characters of the folded body, as far as it is compared.
    pub text_length: usize,
    /// Pairs of neighbouring characters of the title.
    pub pairs: Sorted<(char, char)>,
    /// Pairs of neighbouring characters of the beginning of the body.
    pub lead: Sorted<(char, char)>,
    /// Digests of the shingles of the body.
    pub shingles: Sorted<u32>,
    /// The numbers of the title.
    pub title_numbers: BTreeSet<String>,
    /// The numbers of the body.
    pub text_numbers: BTreeSet<String>,
    /// The ticker codes.
    pub tickers: BTreeSet<String>,
    /// The day that the text states.
    pub stated: Option<NaiveDate>,
    /// The link, in canonical spelling.
    pub link: Option<String>,
    /// Its place in time.
    pub time: Time,
}

/// Where an entry stands in time, milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// When it was published, where that is known.
    pub dated: Option<i64>,
    /// When it was first seen.
    pub seen: i64,
}

impl Time {
    /// The place of an entry that was first seen at `seen`.
    #[must_use]
    pub fn of(entry: &Entry, seen: i64) -> Self {
        // What lies in the future is as good as undated.
        Self { dated: entry.dated().map(|date| date.timestamp_millis()).filter(|date| *date <= seen), seen }
    }

    /// The time between two entries: between their dates; where one has none, between their first
    /// sights.
    #[must_use]
    pub fn apart(self, other: Self) -> i64 {
        match (self.dated, other.dated) {
            (Some(a), Some(b)) => (a - b).abs(),
            _ => (self.seen - other.seen).abs(),
        }
    }
}

impl Features {
    /// The features of `entry`, which the source `source` brought at `seen` (milliseconds since 1970).
    #[must_use]
    pub fn of(source: &str, entry: &Entry, seen: i64) -> Self {
        Self::of_text(source, entry, &clean::text_of(entry).unwrap_or_default(), seen)
    }

    /// The features of a stored entry.
    #[must_use]
    pub fn of_stored(stored: &StoredEntry) -> Self {
        Self::of(stored.source.as_str(), &stored.entry, stored.first_seen.timestamp_millis())
    }

    /// The same where the text of the entry, as [`clean::text_of`] gives it, is at hand.
    #[must_use]
    pub fn of_text(source: &str, entry: &Entry, text: &str, seen: i64) -> Self {
        let bare = clean::without_marker(&entry.title);
        let is_cut = clean::is_cut(bare);
        let body = text.char_indices().nth(LONGEST_TEXT * 2).map_or(text, |(at, _)| &text[..at]);
        let title = fold(bare);
        let opening = body.char_indices().nth(OPENING).map_or(body, |(at, _)| &body[..at]);
        let mut text = fold(body);
        text.truncate(LONGEST_TEXT);
        Self {
            source: source.to_owned(),
            words: Title::of(bare, &entry.title[..entry.title.len() - bare.len()]),
            text_words: words_of_text(opening),
            is_reply: is_reply(&entry.title),
            pairs: pairs(&title),
            lead: pairs(&text[..text.len().min(LEAD)]),
            shingles: text.windows(SHINGLE).map(|shingle| digest(shingle, 0)).collect(),
            title_numbers: numbers(bare),
            text_numbers: numbers(without_broken_number(body)),
            tickers: entry.tickers.iter().cloned().collect(),
            stated: entry.stated_date,
            link: entry.url.as_deref().map(clean::canonical_link).filter(|link| names_a_page(link)),
            title,
            is_cut,
            opening: text[..text.len().min(INDEXED)].to_vec(),
            text_length: text.len(),
            time: Time::of(entry, seen),
        }
    }
}

/// Whether a title is that of an answer to another entry.
fn is_reply(title: &str) -> bool {
    let lower: String = title.trim_start().chars().take(16).flat_map(char::to_lowercase).collect();
    [
        "re:",
        "re：",
        "aw:",
        "comment on ",
        "comments on ",
        "reply to ",
        "回复:",
        "回复：",
        "答复:",
        "答复：",
        "评论:",
        "评论：",
    ]
    .iter()
    .any(|mark| lower.starts_with(mark))
}

fn pairs(text: &[char]) -> Sorted<(char, char)> {
    text.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// Letters and digits alone: compatibility forms (NFKC) and lower case as one, traditional Chinese as
/// simplified.
pub(super) fn fold(text: &str) -> Vec<char> {
    let mut plain = String::with_capacity(text.len());
    each_compatible(text, |c| match c {
        c if c.is_ascii() => plain.extend(c.is_ascii_alphanumeric().then(|| c.to_ascii_lowercase())),
        c if is_ideograph(c) => plain.push(c),
        c if c.is_alphanumeric() => plain.extend(c.to_lowercase()),
        _ => {}
    });
    clean::simplified(&plain).chars().collect()
}

/// The numbers in a text: `1,299.29` and `１２９９.29` are one.
fn numbers(text: &str) -> BTreeSet<String> {
    let mut folded: Vec<char> = Vec::with_capacity(text.len());
    each_compatible(text, |c| folded.push(c));
    let mut found = BTreeSet::new();
    let mut number = String::new();
    for (at, &c) in folded.iter().enumerate() {
        let next_is_digit = folded.get(at + 1).is_some_and(char::is_ascii_digit);
        match c {
            c if c.is_ascii_digit() => number.push(c),
            '.' if !number.is_empty() && next_is_digit => number.push('.'),
            ',' if !number.is_empty() && next_is_digit && folded.len() > at + 3 => {}
            _ if !number.is_empty() => {
                found.insert(std::mem::take(&mut number));
            }
            _ => {}
        }
    }
    if !number.is_empty() {
        found.insert(number);
    }
    found
}

/// A text without a number at its very end, which a cut may have broken.
fn without_broken_number(text: &str) -> &str {
    text.trim_end_matches(|c: char| !c.is_alphanumeric()).trim_end_matches(|c: char| c.is_numeric() || c == '.')
}

/// Whether a canonical link leads to one page rather than to a front page.
fn names_a_page(link: &str) -> bool {
    link.split_once('/').is_some_and(|(_, path)| path.len() > 1) || link.contains('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_title_fold_alike() {
        let folded = |text: &str| fold(text).into_iter().collect::<String>();
        assert_eq!(folded("臺灣：ＡＢＣ，１２％！"), folded("台湾:abc,12%"));
        assert_eq!(folded("抓转型、求突破,全面提升"), folded("抓轉型、求突破，全面提升"));
    }

    #[test]
    fn numbers_are_read_whole() {
        let of = |text: &str| numbers(text).into_iter().collect::<Vec<_>>();
        assert_eq!(of("跌7.76% 成交1,299.29万股,共15个"), ["1299.29", "15", "7.76"]);
        assert_eq!(of("１２月3.日"), ["12", "3"]);
        assert!(of("没有").is_empty());
    }
}
