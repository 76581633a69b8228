//! The word lists that say what kind of text a title is (`words.txt`), and one pass that finds them.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::letters::is_ideograph;

/// The lists, read once.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("words.txt")));

/// What a word of the lists says of a text that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Question,
    Angle,
    Roundup,
    Day,
    /// A kind of text, by its number in its list.
    Text(u8),
    /// What comes after the news, likewise.
    Reaction(u8),
    /// One word of a group of which only one can be true: the group and the word.
    Contrast(u8, u8),
}

/// All lists.
#[derive(Debug)]
pub(super) struct Words {
    stop: HashSet<&'static str>,
    measure: HashSet<char>,
    lead_question: Vec<&'static str>,
    /// English numerals, from two.
    numerals: Vec<&'static str>,
    /// Endings that make another word of a word, the longest first.
    endings: Vec<&'static str>,
    /// Words that another stands for.
    same: HashMap<&'static str, &'static str>,
    kinds: Vec<Kind>,
    /// Finds every word; `None` if the lists could not be compiled, which a test rules out.
    finder: Option<AhoCorasick>,
}

/// What the words of a text say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// It asks what many tellings of a piece of news end with.
    pub(super) is_question: bool,
    /// It asks about the news rather than telling it.
    pub(super) is_angle: bool,
    /// It holds several pieces of news.
    pub(super) is_roundup: bool,
    /// It names a day by its distance from now.
    pub(super) names_day: bool,
    /// The kinds of text that it names, a bit each.
    pub(super) kinds: u128,
    /// What it says came after the news, a bit each.
    pub(super) reactions: u128,
    /// The words of each group of contrasts, a bit each.
    contrasts: Vec<(u8, u16)>,
}

impl Words {
    fn read(text: &'static str) -> Self {
        let mut words = Self {
            stop: HashSet::new(),
            measure: HashSet::new(),
            lead_question: Vec::new(),
            numerals: Vec::new(),
            endings: Vec::new(),
            same: HashMap::new(),
            kinds: Vec::new(),
            finder: None,
        };
        let mut patterns: Vec<&'static str> = Vec::new();
        let (mut texts, mut reactions, mut groups) = (0_u8, 0_u8, 0_u8);
        let next = |n: &mut u8| {
            *n = n.saturating_add(1);
            *n - 1
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.split_whitespace();
            let list = parts.next().unwrap_or_default();
            let mut member = 0_u8;
            let mut first = None;
            for word in parts {
                let kind = match list {
                    "stop" => {
                        words.stop.insert(word);
                        continue;
                    }
                    "measure" => {
                        words.measure.extend(word.chars());
                        continue;
                    }
                    "lead-question" => {
                        words.lead_question.push(word);
                        continue;
                    }
                    "numeral" => {
                        words.numerals.push(word);
                        continue;
                    }
                    "ending" => {
                        words.endings.push(word);
                        continue;
                    }
                    "same" => {
                        words.same.insert(word, first.get_or_insert(word));
                        continue;
                    }
                    "question" => Kind::Question,
                    "angle" => Kind::Angle,
                    "roundup" => Kind::Roundup,
                    "day" => Kind::Day,
                    "kind" => Kind::Text(next(&mut texts)),
                    "reaction" => Kind::Reaction(next(&mut reactions)),
                    _ => Kind::Contrast(groups, next(&mut member)),
                };
                patterns.push(word);
                words.kinds.push(kind);
            }
            groups += u8::from(list == "contrast");
        }
        words.endings.sort_by_key(|ending| std::cmp::Reverse(ending.len()));
        words.finder = AhoCorasick::new(&patterns).ok();
        words
    }

    /// Whether a word names nothing.
    pub(super) fn is_stop(&self, word: &str) -> bool {
        self.stop.contains(word)
    }

    /// Whether a numeral before this character counts something.
    pub(super) fn is_measure(&self, c: char) -> bool {
        self.measure.contains(&c)
    }

    /// The number that an English word is.
    pub(super) fn numeral(&self, word: &str) -> Option<usize> {
        self.numerals.iter().position(|numeral| *numeral == word).map(|place| place + 2)
    }

    /// The word that stands for this one and others.
    pub(super) fn first_of_same(&self, word: &str) -> Option<&'static str> {
        self.same.get(word).copied()
    }

    /// Endings that make another word of a word, the longest first.
    pub(super) fn endings(&self) -> impl Iterator<Item = &'static str> {
        self.endings.iter().copied()
    }

    /// A text without the question in front of its news.
    pub(super) fn without_lead_question<'t>(&self, text: &'t str) -> &'t str {
        let longest =
            self.lead_question.iter().filter_map(|word| text.strip_prefix(word)).min_by_key(|rest| rest.len());
        longest.unwrap_or(text)
    }

    /// What the words of a text say of it; the text is folded to lower case.
    pub(super) fn marks(&self, text: &str) -> Marks {
        let mut marks = Marks::default();
        for found in self.finder.iter().flat_map(|finder| finder.find_overlapping_iter(text)) {
            if !stands_alone(text, found.start(), found.end()) {
                continue;
            }
            match self.kinds[found.pattern().as_usize()] {
                Kind::Question => marks.is_question = true,
                Kind::Angle => marks.is_angle = true,
                Kind::Roundup => marks.is_roundup = true,
                Kind::Day => marks.names_day = true,
                Kind::Text(n) => marks.kinds |= 1 << n.min(127),
                Kind::Reaction(n) => marks.reactions |= 1 << n.min(127),
                Kind::Contrast(group, n) => match marks.contrasts.iter_mut().find(|(g, _)| *g == group) {
                    Some((_, members)) => *members |= 1 << n.min(15),
                    None => marks.contrasts.push((group, 1 << n.min(15))),
                },
            }
        }
        marks
    }
}

impl Marks {
    /// Whether both texts have a word of one group and none in common.
    pub(super) fn contrast(&self, other: &Self) -> bool {
        self.contrasts.iter().any(|(group, mine)| {
            other.contrasts.iter().any(|(theirs_of, theirs)| group == theirs_of && mine & theirs == 0)
        })
    }
}

/// Whether a found word is one: an ASCII word does not stand inside another.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '\'';
    !text[start..end].is_ascii() || !(text[..start].ends_with(is_word) || text[end..].starts_with(is_word))
}

/// Numerals that count something as digits: `第十五届`, `两人`.
pub(super) fn with_numerals(text: &str) -> String {
    const NUMERALS: [char; 11] = ['一', '二', '三', '四', '五', '六', '七', '八', '九', '十', '两'];
    let value = |c: char| match NUMERALS.iter().position(|n| *n == c) {
        Some(10) => 2,
        place => place.map_or(0, |n| n + 1),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(NUMERALS) {
        let run: Vec<char> = rest[at..].chars().take_while(|c| NUMERALS.contains(c)).collect();
        let end = at + run.iter().map(|c| c.len_utf8()).sum::<usize>();
        let before = rest[..at].chars().next_back().or_else(|| out.chars().next_back());
        let after = rest[end..].chars().next();
        let is_ordinal = before == Some('第');
        // Behind another ideograph a numeral is often a part of a name.
        let counts = after.is_some_and(|c| {
            matches!(c, '位' | '名' | '届' | '次') || (WORDS.is_measure(c) && !before.is_some_and(is_ideograph))
        });
        let number = match run[..] {
            ['一'] if !is_ordinal => None,
            [a] => Some(value(a)),
            ['十', b] => Some(10 + value(b)),
            [a, '十'] => Some(10 * value(a)),
            [a, '十', b] => Some(10 * value(a) + value(b)),
            _ => None,
        };
        out.push_str(&rest[..at]);
        match number.filter(|_| is_ordinal || counts) {
            Some(number) => out.push_str(&number.to_string()),
            None => out.push_str(&rest[at..end]),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_words_are_found_anywhere_and_english_ones_whole() {
        assert!(WORDS.finder.is_some());
        assert!(WORDS.marks("中国海警赴钓鱼岛有何深意").is_angle);
        assert!(WORDS.marks("why the dam failed").is_angle && !WORDS.marks("whyalla steel works sold").is_angle);
        assert_eq!(WORDS.without_lead_question("如何看待某事"), "某事");
        let of = |text: &str| WORDS.marks(text);
        assert!(of("women's final on sunday").contrast(&of("men's final on sunday")));
        assert!(!of("omen of doom").contrast(&of("women win")));
        assert!(of("a股三大指数收跌").contrast(&of("美股三大指数收跌")));
        assert!(!of("a股与美股收跌").contrast(&of("美股收跌")));
    }
}
