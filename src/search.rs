//! Full-text search: what a person types -> what is looked up, and whether a text answers it. Pure.
//!
//! Chinese has no spaces, so runs of ideographs are indexed as pairs of neighbours: a word of two
//! characters is one look-up, a longer one several, checked against the text afterwards. All of it is
//! folded: width, case, traditional and simplified.

use std::borrow::Cow;

use thiserror::Error;

use crate::clean::{self, simplified};
use crate::model::entry::StoredEntry;

/// Characters of one entry that are indexed.
const LONGEST_TEXT: usize = 20_000;

/// Before a word of a title in the index: a letter, so that it is one word with what follows, that no
/// language begins a word with.
const IN_TITLE: &str = "ʇ";

/// Terms of a query at most.
const MOST_TERMS: usize = 20;

/// Why a query cannot be answered.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum QueryError {
    /// Nothing in it is searched for.
    #[error(
        "`q` searches for nothing; write words, \"phrases\", title:, author:, source:, tag:, lang:, older:7d, each with - for not"
    )]
    Empty,
    /// An age that is none.
    #[error("`{0}` is no age; write older:12h or older:7d")]
    NoAge(String),
    /// It is too long.
    #[error("`q` has more than {MOST_TERMS} terms")]
    TooLong,
}

/// Where a term is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Any,
    Title,
    Source,
    Tag,
    Author,
    Language,
    /// Older than so many seconds when it was first seen.
    Older,
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: Field,
    is_not: bool,
    /// Folded; of a source or tag as it was written.
    text: String,
}

/// What is searched for: all of it must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
}

impl Query {
    /// Reads what a person typed.
    ///
    /// # Errors
    /// [`QueryError`] where nothing is searched for, or too much.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (is_not, after) = rest.strip_prefix('-').map_or((false, rest), |after| (true, after));
            let fields = [
                ("title:", Field::Title),
                ("author:", Field::Author),
                ("source:", Field::Source),
                ("tag:", Field::Tag),
                ("lang:", Field::Language),
                ("older:", Field::Older),
            ];
            let named = fields.into_iter().find_map(|(name, field)| Some((field, after.strip_prefix(name)?)));
            let (field, after) = named.unwrap_or((Field::Any, after));
            let (words, behind) = match after.strip_prefix('"') {
                Some(phrase) => phrase.split_once('"').unwrap_or((phrase, "")),
                None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
            };
            let is_text = matches!(field, Field::Any | Field::Title | Field::Author);
            let text = if is_text { fold(words) } else { words.to_owned() };
            let text = text.trim().to_owned();
            if field == Field::Older && seconds(&text).is_none() {
                return Err(QueryError::NoAge(text));
            }
            if !text.is_empty() {
                terms.push(Term { field, is_not, text });
            }
            rest = behind.trim_start();
        }
        match terms.len() {
            0 => Err(QueryError::Empty),
            n if n > MOST_TERMS => Err(QueryError::TooLong),
            _ => Ok(Self { terms }),
        }
    }

    /// The expression for the index (FTS5): every entry that answers is among those it finds. `None`
    /// where the index has nothing to look up.
    #[must_use]
    pub fn expression(&self) -> Option<String> {
        let looked_up = self.terms.iter().filter(|t| !t.is_not && matches!(t.field, Field::Any | Field::Title));
        let parts: Vec<String> = looked_up
            .flat_map(|term| {
                let mark = if term.field == Field::Title { IN_TITLE } else { "" };
                tokens(&term.text).into_iter().map(move |token| {
                    // One ideograph alone is the beginning of a pair.
                    let is_single = token.chars().count() == 1 && token.chars().all(is_ideograph);
                    format!("\"{mark}{token}\"{}", if is_single { " *" } else { "" })
                })
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(" AND "))
    }

    /// A text in parts, those that are searched for marked.
    #[must_use]
    pub fn marked(&self, text: &str) -> Vec<(bool, String)> {
        // Each folded character with the character of the text that it comes from.
        let (mut folded, mut origin) = (String::new(), Vec::new());
        for (at, c) in text.char_indices() {
            let of_one = fold(c.encode_utf8(&mut [0; 4]));
            let end = at + c.len_utf8();
            match origin.last_mut() {
                // Spaces and signs in a row are as one space.
                Some((_, known)) if of_one == " " && folded.ends_with(' ') => *known = end,
                _ => {
                    folded.push_str(&of_one);
                    origin.extend(std::iter::repeat_n((at, end), of_one.len()));
                }
            }
        }
        let mut is_marked = vec![false; text.len()];
        for term in self.terms.iter().filter(|t| !t.is_not && matches!(t.field, Field::Any | Field::Title)) {
            for at in found_at(&folded, &term.text) {
                for (from, to) in &origin[at..at + term.text.len()] {
                    is_marked[*from..*to].fill(true);
                }
            }
        }
        let mut parts: Vec<(bool, String)> = Vec::new();
        for (at, c) in text.char_indices() {
            match parts.last_mut() {
                Some((marked, part)) if *marked == is_marked[at] => part.push(c),
                _ => parts.push((is_marked[at], c.to_string())),
            }
        }
        parts
    }

    /// Whether an entry answers.
    #[must_use]
    pub fn holds(&self, stored: &StoredEntry) -> bool {
        let entry = &stored.entry;
        let title = fold(&entry.title);
        let mut whole: Option<String> = None;
        self.terms.iter().all(|term| {
            let found = match term.field {
                Field::Source => stored.source.as_str() == term.text,
                Field::Tag => entry.tags.iter().any(|tag| tag.eq_ignore_ascii_case(&term.text)),
                Field::Language => entry.language.as_deref().is_some_and(|language| speaks(language, &term.text)),
                Field::Author => entry.authors.iter().any(|author| contains(&fold(&author.name), &term.text)),
                Field::Older => {
                    let age = entry.dated().map(|date| (stored.first_seen - date.to_utc()).num_seconds());
                    age.zip(seconds(&term.text)).is_some_and(|(age, limit)| age > limit)
                }
                Field::Title => contains(&title, &term.text),
                Field::Any => {
                    let whole = whole.get_or_insert_with(|| {
                        let text = clean::text_of(entry).unwrap_or_default();
                        format!("{title} \n {}", fold(&text))
                    });
                    contains(whole, &term.text)
                }
            };
            found != term.is_not
        })
    }
}

/// What is published of the entries that pass: any of `include`, where there is one, and none of
/// `exclude`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Each with the words it was written in.
    pub include: Vec<(String, Query)>,
    /// Each with the words it was written in.
    pub exclude: Vec<(String, Query)>,
}

impl Filter {
    /// Whether it lets everything pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Why an entry does not pass; `None` where it does.
    #[must_use]
    pub fn bars(&self, stored: &StoredEntry) -> Option<String> {
        if let Some((words, _)) = self.exclude.iter().find(|(_, query)| query.holds(stored)) {
            return Some(format!("exclude `{words}`"));
        }
        let is_in = self.include.is_empty() || self.include.iter().any(|(_, query)| query.holds(stored));
        (!is_in).then(|| "nothing of include".to_owned())
    }
}

/// Whether a language tag is the one that is asked for, or a kind of it: `zh-CN` is `zh`.
fn speaks(language: &str, wanted: &str) -> bool {
    let (language, wanted) = (language.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    language.strip_prefix(&wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// `90m`, `12h`, `7d` as seconds.
fn seconds(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|n| (0..1_000_000).contains(n))?;
    Some(
        number
            * match unit {
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                'w' => 7 * 86_400,
                _ => return None,
            },
    )
}

/// Whether a folded text holds a folded term: anywhere among ideographs, as whole words elsewhere.
fn contains(text: &str, term: &str) -> bool {
    found_at(text, term).next().is_some()
}

/// Where a folded text holds a folded term.
fn found_at<'t>(text: &'t str, term: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && !is_ideograph(c));
    text.match_indices(term).map(|(at, _)| at).filter(move |at| {
        let (before, after) = (text[..*at].chars().next_back(), text[at + term.len()..].chars().next());
        let (first, last) = (term.chars().next(), term.chars().next_back());
        let cuts_a_word = (is_word(first) && is_word(before)) || (is_word(last) && is_word(after));
        !cuts_a_word
    })
}

/// What the index holds of an entry: words and pairs, each once, parted by spaces. Those of the title
/// stand twice, the second time with a mark before them, so that `title:` finds them alone.
#[must_use]
pub fn indexed(title: &str, text: &str) -> String {
    let start = text.char_indices().nth(LONGEST_TEXT).map_or(text, |(at, _)| &text[..at]);
    let (title, text) = (fold(title), fold(start));
    let titles = tokens(&title);
    let marked: Vec<String> = titles.iter().map(|token| format!("{IN_TITLE}{token}")).collect();
    let mut words = tokens(&text);
    words.extend(titles);
    words.extend(marked.iter().map(String::as_str));
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

/// Letters and digits; other characters become spaces, ideographs are as simplified ones.
fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let mut folded = String::with_capacity(text.len());
    let mut take = |c: char| match c {
        c if c.is_ascii_alphanumeric() => folded.push(c.to_ascii_lowercase()),
        c if c.is_ascii() => {
            if !folded.ends_with(' ') {
                folded.push(' ');
            }
        }
        c if is_ideograph(c) => folded.push(c),
        c if c.is_alphanumeric() => folded.extend(c.to_lowercase()),
        _ => {
            if !folded.ends_with(' ') {
                folded.push(' ');
            }
        }
    };
    for c in text.chars() {
        if c.is_ascii() || is_ideograph(c) { take(c) } else { std::iter::once(c).nfkc().for_each(&mut take) }
    }
    match simplified(&folded) {
        Cow::Borrowed(_) => folded,
        Cow::Owned(simplified) => simplified,
    }
}

/// The words of a folded text, and the pairs of neighbouring ideographs in it.
fn tokens(folded: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for word in folded.split_whitespace() {
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let ideographs = is_ideograph(first);
            let end = rest.find(|c| is_ideograph(c) != ideographs).unwrap_or(rest.len());
            let (run, behind) = rest.split_at(end);
            rest = behind;
            if ideographs && run.len() > first.len_utf8() {
                let seconds = run.char_indices().skip(1);
                let pairs = run.char_indices().zip(seconds);
                found.extend(pairs.map(|((from, _), (at, second))| &run[from..at + second.len_utf8()]));
            } else {
                found.push(run);
            }
        }
    }
    found
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3134f}')
}

#[cfg(test)]
mod tests {
    fn marked(query: &str, text: &str) -> String {
        let parts = Query::parse(query).map(|query| query.marked(text)).unwrap_or_default();
        parts.into_iter().map(|(is_marked, part)| if is_marked { format!("[{part}]") } else { part }).collect()
    }

    #[test]
    fn found_words_are_marked_as_they_are_written() {
        for (query, text, wanted) in [
            ("园区 Qingpu", "青浦園區开展调研, QINGPU.", "青浦[園區]开展调研, [QINGPU]."),
            ("\"a phrase\"", "This is A  phrase.", "This is [A  phrase]."),
            ("is", "This is", "This [is]"),
            ("-园区 source:a", "园区", "园区"),
            ("ｈ&amp;", "H&amp;M", "[H&amp];M"),
        ] {
            assert_eq!(marked(query, text), wanted, "{query}");
        }
    }

    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    use super::*;
    use crate::model::entry::{Entry, Person};
    use crate::model::source::SourceId;

    fn stored(title: &str, text: &str) -> StoredEntry {
        let seen = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
        let source = SourceId::new("qingpu").unwrap_or_else(|_| panic!("an id"));
        let entry = Entry {
            title: title.into(),
            content_html: Some(format!("<p>{text}</p>").into()),
            tags: vec!["SZ300623".into()],
            language: Some("zh-CN".into()),
            authors: vec![Person { name: "邹婷婷".into(), ..Person::default() }],
            published: Some((seen - TimeDelta::days(3)).fixed_offset()),
            ..Entry::default()
        };
        StoredEntry {
            row: 1,
            river_id: "i".into(),
            told_by: source.clone(),
            source,
            first_seen: seen,
            changed_at: seen,
            order: seen,
            entry,
            tellings: Vec::new(),
        }
    }

    fn holds(query: &str, title: &str, text: &str) -> bool {
        Query::parse(query).is_ok_and(|query| query.holds(&stored(title, text)))
    }

    #[test]
    fn what_is_typed_is_understood() {
        let (title, text) = ("青浦工业园区开展调研", "徐建一行到 Qingpu 园区, 捷捷微电涨 3.5%");
        for query in [
            "调研",
            "青浦 园区",
            "\"工业园区\"",
            "title:调研",
            "QINGPU",
            "source:qingpu 调研",
            "tag:sz300623",
            "調研",
            "-北京",
            "捷捷微电 -title:捷捷微电",
            "浦",
        ] {
            assert!(holds(query, title, text), "{query}");
        }
        for query in [
            "北京",
            "lang:z",
            "lang:en",
            "author:李",
            "older:3d",
            "title:徐建",
            "-调研",
            "qing",
            "source:other",
            "\"园区工业\"",
            "tag:x",
            "调研 -园区",
        ] {
            assert!(!holds(query, title, text), "{query}");
        }
        assert_eq!(Query::parse("  \" \" -"), Err(QueryError::Empty));
        assert_eq!(Query::parse(&"a ".repeat(21)), Err(QueryError::TooLong));
        assert_eq!(Query::parse("older:long"), Err(QueryError::NoAge("long".into())));
    }

    #[test]
    fn filters_say_why() -> Result<(), QueryError> {
        let query = |words: &str| Ok((words.to_owned(), Query::parse(words)?));
        let filter = Filter { include: vec![query("园区")?, query("调研")?], exclude: vec![query("广告")?] };
        assert_eq!(filter.bars(&stored("青浦园区", "x")), None);
        assert_eq!(filter.bars(&stored("青浦园区", "廣告")).as_deref(), Some("exclude `广告`"));
        assert_eq!(filter.bars(&stored("x", "y")).as_deref(), Some("nothing of include"));
        assert_eq!(Filter::default().bars(&stored("x", "y")), None);
        Ok(())
    }

    #[test]
    fn the_index_is_asked_for_pairs() {
        let expression = |text: &str| Query::parse(text).ok().and_then(|query| query.expression());
        assert_eq!(expression("园区").as_deref(), Some("\"园区\""));
        assert_eq!(expression("title:工业园 abc").as_deref(), Some("\"ʇ工业\" AND \"ʇ业园\" AND \"abc\""));
        assert_eq!(expression("浦").as_deref(), Some("\"浦\" *"));
        assert_eq!(expression("-x source:y"), None);
        assert_eq!(indexed("ＡＢＣ", "臺灣新聞3號, 臺灣 abc"), "3 abc ʇabc 台湾 号 新闻 湾新");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_asks_for_words_only(text in "\\PC{0,60}") {
            if let Some(expression) = Query::parse(&text).ok().and_then(|query| query.expression()) {
                for part in expression.split(" AND ") {
                    let word = part.trim_end_matches(" *").trim_matches('"');
                    prop_assert!(word.chars().all(char::is_alphanumeric), "{part}");
                }
            }
        }
    }
}
