//! A title as titles are compared: its words, its numbers, and what kind of text it is.
//!
//! Chinese is written without spaces, so a word here is a pair of neighbouring ideographs; on labelled
//! real news pairs weighted by how rare they are judge as well as the words of a dictionary do, and a
//! dictionary takes tens of megabytes. In scripts with spaces a word is a word without its ending,
//! and each two neighbouring words are one more.

use super::letters::{Sorted, each_compatible, is_ideograph};
use super::tokens::{Token, TokenKind, is_syllabic, tokens};
use super::words::{Marks, WORDS, with_numerals};
use crate::clean::simplified;

/// Characters of the longest title that are compared.
const LONGEST: usize = 200;

/// Letters that a clause must keep when questions are left out.
const SHORTEST_NEWS: usize = 6;

/// The parts of a title between which questions are told from news.
const BREAKS: [char; 10] = ['，', ',', '。', '！', '!', '；', ';', '？', '?', '|'];

/// A word of a title.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    /// Its digest.
    pub(super) key: u32,
    /// The tokens that it is made of; the same one twice where it is one.
    parts: [u32; 2],
    /// Where it stands in [`Title::news`], bytes.
    span: (u16, u16),
}

/// A number with what stands on either side of it: `超4%` and `超3%` differ, `3人` and `20日` need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    value: u32,
    before: u32,
    after: u32,
}

/// A title, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Title {
    /// The part that tells the news, folded: lower case, simplified Chinese, compatibility forms as one.
    news: String,
    /// Digests of its tokens in order: ideographs, words, numbers.
    tokens: Vec<u32>,
    /// The tokens that name something.
    content: Sorted<u32>,
    words: Vec<Word>,
    numbers: Vec<Number>,
    marks: Marks,
    /// Whether most of it is written in ideographs.
    pub(super) is_ideographic: bool,
}

/// What one title has in common with another, and what not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Overlap {
    /// Tokens in both against those of the title with fewer.
    pub(super) contained: f64,
    /// Tokens in both against those in either.
    pub(super) shared: f64,
    /// The weight of what the longer title says and the other does not, against all of its weight.
    pub(super) foreign: f64,
    /// The weight of the rarest word in both.
    pub(super) rarest: f64,
    /// The same of the rarest word elsewhere in both: one name may be in any news, two seldom are.
    pub(super) second: f64,
    /// Tokens in both in one order, against those of the title with fewer.
    pub(super) order: f64,
    /// The weight of the longer title, in words that no other title has.
    pub(super) length: f64,
}

/// A part of [`Title::news`] that is in another title too.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Bytes.
    from: u16,
    to: u16,
    /// The weight of its rarest word.
    weight: f64,
}

impl Title {
    /// Takes a title apart; `marker` is what stood before it, which may say that it holds several pieces
    /// of news.
    #[must_use]
    pub fn of(title: &str, marker: &str) -> Self {
        let mut plain = String::with_capacity(title.len());
        let cut = title.char_indices().nth(LONGEST).map_or(title, |(at, _)| &title[..at]);
        each_compatible(cut, |c| if is_ideograph(c) { plain.push(c) } else { plain.extend(c.to_lowercase()) });
        let plain = with_numerals(&simplified(&plain));
        let news = news_of(&plain);
        let mut marks = WORDS.marks(&news);
        // A question mark alone may be any portal's; a question has a word for it.
        let asks = plain.trim_end_matches(['?', '？', ' ']).ends_with('吗') || marks.is_question;
        marks.is_angle |= asks && news.len() == plain.len();
        marks.is_roundup = WORDS.marks(&plain).is_roundup
            || WORDS.marks(marker).is_roundup
            || plain.contains(['；', ';', '|']) && holds_several(&plain);
        let mut found = Self { marks, ..Self::default() };
        let tokens = tokens(&news);
        let ideographs = tokens.iter().filter(|token| token.kind == TokenKind::Ideograph).count();
        found.is_ideographic = ideographs * 2 >= tokens.len();
        found.tokens = tokens.iter().map(|token| token.key).collect();
        found.content = tokens.iter().filter(|token| !token.is_stop).map(|token| token.key).collect();
        found.words = words(&news, &tokens);
        found.numbers = numbers(&tokens);
        if crate::clean::is_cut(title) && tokens.last().is_some_and(|token| token.kind == TokenKind::Number) {
            // The cut may have halved it.
            found.numbers.pop();
        }
        found.news = news;
        found
    }

    /// The digests of its words, in order.
    pub fn keys(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().map(|word| word.key)
    }

    /// Whether both are the same tokens in the same order.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        !self.tokens.is_empty() && self.tokens == other.tokens
    }

    /// What both have in common; the same for `(a, b)` and `(b, a)`.
    pub(super) fn overlap(&self, other: &Self, weight: impl Fn(u32) -> f64) -> Overlap {
        let of = |title: &Self| title.keys().map(&weight).sum::<f64>();
        let (mine, theirs) = (of(self), of(other));
        // Of equals the order of their words decides, so that the answer is the same both ways.
        let swap = mine.total_cmp(&theirs).then_with(|| self.tokens.cmp(&other.tokens)).is_gt();
        let (short, long, more) = if swap { (other, self, mine) } else { (self, other, theirs) };
        let strange =
            |word: &&Word| !short.has(word.key) && !word.parts.iter().any(|part| short.content.contains(part));
        let foreign: f64 = long.words.iter().filter(strange).map(|word| weight(word.key)).sum();
        let both = short.content.shared(&long.content);
        let either = short.content.len() + long.content.len() - both;
        let shared = short.shared_spans(long, weight);
        Overlap {
            contained: ratio(both, short.content.len().min(long.content.len())),
            shared: ratio(both, either),
            foreign: if more > 0.0 { foreign / more } else { 0.0 },
            rarest: shared.first().map_or(0.0, |span| span.weight),
            second: shared.get(1).map_or(0.0, |span| span.weight),
            order: ratio(common(&short.tokens, &long.tokens), short.tokens.len().min(long.tokens.len())),
            length: more,
        }
    }

    /// The words in both, the rarest first, as they stand in this title.
    pub(super) fn shared_words(&self, other: &Self, weight: impl Fn(u32) -> f64, most: usize) -> Vec<String> {
        let spans = self.shared_spans(other, weight);
        spans.iter().take(most).map(|span| self.news[usize::from(span.from)..usize::from(span.to)].to_owned()).collect()
    }

    /// Where this title has words that are in both, the rarest first. Neighbouring pairs of ideographs are the one
    /// word that they are cut from.
    fn shared_spans(&self, other: &Self, weight: impl Fn(u32) -> f64) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut words: Vec<&Word> = self.words.iter().filter(|word| other.has(word.key)).collect();
        words.sort_by_key(|word| word.span);
        for word in words {
            let ((from, to), weight) = (word.span, weight(word.key));
            match spans.last_mut() {
                Some(last) if from < last.to => {
                    last.to = last.to.max(to);
                    last.weight = last.weight.max(weight);
                }
                _ => spans.push(Span { from, to, weight }),
            }
        }
        spans.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.from.cmp(&b.from)));
        spans
    }

    /// Whether a number of one stands where the other has another: beside the same word.
    pub(super) fn numbers_differ(&self, other: &Self) -> bool {
        let has = |title: &Self, value: u32| title.numbers.iter().any(|number| number.value == value);
        self.numbers.iter().any(|mine| {
            other.numbers.iter().any(|theirs| {
                let beside = (mine.after != 0 && mine.after == theirs.after)
                    || (mine.before != 0 && mine.before == theirs.before);
                beside && mine.value != theirs.value && !has(other, mine.value) && !has(self, theirs.value)
            })
        })
    }

    /// Whether the titles are told in the same words about different things: in some place each has a name
    /// of its own, which the other entry has nowhere, its text (`others_text`, `own_text`) included.
    pub(super) fn names_another(&self, other: &Self, own_text: &Sorted<u32>, others_text: &Sorted<u32>) -> bool {
        let names = |of: &Self, gap: &[u32], to: &Self, text: &Sorted<u32>| {
            let strange =
                |token: &u32| gap.contains(token) && of.content.contains(token) && !to.content.contains(token);
            let is_name =
                |word: &&Word| word.parts.iter().any(&strange) && !to.has(word.key) && !text.contains(&word.key);
            of.words.iter().any(|word| is_name(&word))
        };
        self.gaps(other)
            .into_iter()
            .any(|(mine, theirs)| names(self, mine, other, others_text) && names(other, theirs, self, own_text))
    }

    /// The places in which the titles differ when they are laid side by side: what each has there.
    fn gaps<'t>(&'t self, other: &'t Self) -> Vec<(&'t [u32], &'t [u32])> {
        let (a, b) = (&self.tokens[..], &other.tokens[..]);
        // The longest common subsequence of what follows each place.
        let mut common = vec![vec![0_u16; b.len() + 1]; a.len() + 1];
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                common[i][j] =
                    if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
            }
        }
        let mut same: Vec<(usize, usize)> = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < a.len() && j < b.len() {
            if a[i] == b[j] {
                same.push((i, j));
                (i, j) = (i + 1, j + 1);
            } else if common[i + 1][j] >= common[i][j + 1] {
                i += 1;
            } else {
                j += 1;
            }
        }
        // One token between two differences is chance: two names may have a character in common.
        let touches =
            |n: usize, m: usize| same.get(n).zip(same.get(m)).is_some_and(|(x, y)| x.0 + 1 == y.0 && x.1 + 1 == y.1);
        let is_end = |&(i, j): &(usize, usize)| (i, j) == (0, 0) || (i + 1, j + 1) == (a.len(), b.len());
        let kept = same.iter().enumerate().filter(|(n, place)| {
            is_end(place) || touches(*n, n + 1) || n.checked_sub(1).is_some_and(|before| touches(before, *n))
        });
        let mut found = Vec::new();
        let mut from = (0, 0);
        for (i, j) in kept.map(|(_, place)| *place).chain([(a.len(), b.len())]) {
            if from.0 < i && from.1 < j {
                found.push((&a[from.0..i], &b[from.1..j]));
            }
            from = (i + 1, j + 1);
        }
        found
    }

    /// What the words of its news say of it.
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Whether it is long enough to tell news rather than to name a subject.
    pub(super) fn tells_news(&self) -> bool {
        let letters = self.news.chars().filter(|c| c.is_alphanumeric()).count();
        if self.is_ideographic { letters >= SHORTEST_NEWS } else { self.content.len() >= 3 }
    }

    fn has(&self, key: u32) -> bool {
        self.words.binary_search_by_key(&key, |word| word.key).is_ok()
    }
}

/// How many tokens both have in the same order: the longest common subsequence.
fn common(a: &[u32], b: &[u32]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for token in a {
        let mut before = 0;
        for (j, other) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if token == other { before + 1 } else { above.max(row[j]) };
            before = above;
        }
    }
    row[b.len()]
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The words that tokens make, by their keys: pairs of neighbouring ideographs, words, pairs of words.
fn words(text: &str, tokens: &[Token]) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    let mut push = |parts: [u32; 2], span: (usize, usize)| {
        let small = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        let key = parts[0].rotate_left(7) ^ parts[1].wrapping_mul(0x9e37_79b1);
        found.push(Word { key, parts, span: (small(span.0), small(span.1)) });
    };
    let is_ideograph = |token: Option<&Token>| token.is_some_and(|token| token.kind == TokenKind::Ideograph);
    for (n, token) in tokens.iter().enumerate() {
        let next = tokens.get(n + 1);
        let before = n.checked_sub(1).and_then(|n| tokens.get(n));
        let touches = |a: Option<&Token>, b: Option<&Token>| {
            is_ideograph(a) && is_ideograph(b) && a.zip(b).is_some_and(|(a, b)| a.span.1 == b.span.0)
        };
        match token.kind {
            TokenKind::Ideograph => {
                if let Some(next) = next.filter(|_| touches(Some(token), next)) {
                    push([token.key, next.key], (token.span.0, next.span.1));
                } else if !touches(before, Some(token)) && !token.is_stop {
                    push([token.key; 2], token.span);
                }
            }
            TokenKind::Word | TokenKind::Number if !token.is_stop => {
                push([token.key; 2], token.span);
                if let Some(next) =
                    next.filter(|next| token.kind == TokenKind::Word && next.kind == TokenKind::Word && !next.is_stop)
                {
                    push([token.key, next.key], (token.span.0, next.span.1));
                }
            }
            _ => {}
        }
    }
    debug_assert!(text.len() <= usize::from(u16::MAX), "a title is cut to {LONGEST} characters");
    found.sort();
    found.dedup_by_key(|word| word.key);
    found
}

/// The numbers, each with the tokens on either side.
fn numbers(tokens: &[Token]) -> Vec<Number> {
    let beside = |token: Option<&Token>, touches: bool| {
        token.filter(|t| touches && t.kind != TokenKind::Number && !t.is_stop).map_or(0, |t| t.key)
    };
    let of = |(n, token): (usize, &Token)| {
        let before = n.checked_sub(1).and_then(|n| tokens.get(n));
        let after = tokens.get(n + 1);
        Number {
            value: token.key,
            before: beside(before, before.is_some_and(|t| token.span.0 - t.span.1 <= 1)),
            after: beside(after, after.is_some_and(|t| t.span.0 - token.span.1 <= 1)),
        }
    };
    tokens.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Number).map(of).collect()
}

/// The digests of the words of a text, each once; without pairs of words, which excerpts seldom share.
pub(super) fn words_of_text(text: &str) -> Sorted<u32> {
    let mut plain = String::with_capacity(text.len());
    each_compatible(text, |c| if is_ideograph(c) { plain.push(c) } else { plain.extend(c.to_lowercase()) });
    let plain = simplified(&plain);
    let all = words(&plain, &tokens(&plain));
    let is_single = |word: &Word| word.parts[0] == word.parts[1] || word.is_pair_of_ideographs(&plain);
    all.iter().filter(|word| is_single(word)).map(|word| word.key).collect()
}

impl Word {
    fn is_pair_of_ideographs(&self, text: &str) -> bool {
        text.get(usize::from(self.span.0)..).is_some_and(|text| text.starts_with(is_syllabic))
    }
}

/// The clauses of a title that tell news: those that ask what so many tellings ask are left out.
fn news_of(title: &str) -> String {
    let title = WORDS.without_lead_question(title);
    let clauses: Vec<&str> = title.split_inclusive(|c: char| BREAKS.contains(&c) || c.is_whitespace()).collect();
    if clauses.len() < 2 {
        return title.to_owned();
    }
    let asks = |clause: &&str| WORDS.marks(clause).is_question || clause.trim_end().ends_with(['?', '？', '吗']);
    let kept: String = clauses.iter().filter(|clause| !asks(clause)).copied().collect();
    let is_enough = kept.chars().filter(|c| c.is_alphanumeric()).count() >= SHORTEST_NEWS;
    if is_enough { kept } else { title.to_owned() }
}

/// Whether a title parts several pieces of news by semicolons, or by spaces before the name of a column.
fn holds_several(title: &str) -> bool {
    let news = |clauses: &mut dyn Iterator<Item = &str>| {
        clauses.filter(|clause| clause.chars().filter(|c| is_syllabic(*c)).count() >= SHORTEST_NEWS).count()
    };
    let column = title.rsplit_once('|').filter(|(_, column)| column.trim().chars().count() <= SHORTEST_NEWS);
    title.contains(['；', ';']) || column.is_some_and(|(front, _)| news(&mut front.split_whitespace()) >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_left_out_and_numerals_are_numbers() {
        assert_eq!(Title::of("如何看待某厂仓库起火，造成两人受伤", "").news, "某厂仓库起火,造成两人受伤");
        assert_eq!(Title::of("某厂起火烧毁仓库，哪些信息值得关注？", "").news, "某厂起火烧毁仓库,");
        assert_eq!(
            with_numerals("第十五届全运会 两人受伤 三一重工 造成三死"),
            "第15届全运会 2人受伤 三一重工 造成三死"
        );
    }

    #[test]
    fn numbers_differ_only_beside_the_same_word() {
        let differ = |a: &str, b: &str| Title::of(a, "").numbers_differ(&Title::of(b, ""));
        assert!(differ("创业板指跌超4%", "创业板指跌超3%"));
        assert!(differ("144位专家当选院士", "两位专家当选院士"));
        assert!(differ("bomb kills 5 in the city", "bomb kills 18 in the city"));
        assert!(!differ("5人受伤 警方通报", "20日上午发生车祸"));
        assert!(!differ("跌7.76% 成交3亿", "成交3亿"));
    }

    #[test]
    fn a_name_in_the_place_of_another_is_found() {
        let nothing = Sorted::default();
        let other = |a: &str, b: &str| {
            let (a, b) = (Title::of(a, ""), Title::of(b, ""));
            assert_eq!(a.names_another(&b, &nothing, &nothing), b.names_another(&a, &nothing, &nothing));
            a.names_another(&b, &nothing, &nothing)
        };
        assert!(other("京东方:一季度净利润8154万元,同比增长92%", "云天化:一季度净利润8154万元,同比增长92%"));
        assert!(other("顺丰控股与绍兴签约建设基地", "中远海控与绍兴签约建设基地"));
        assert!(other("科大讯飞回应大桥传闻", "爱尔眼科回应大桥传闻"));
        assert!(other("柳州出台44条措施支持夜间集市建设", "苏州出台44条措施支持夜..."));
        assert!(other("Apple shares rise after earnings", "Microsoft shares rise after earnings"));
        assert!(!other("荷兰暂停干预安世半导体", "荷兰暂停对安世半导体的干预"));
        assert!(!other("三人获奖,包括一名教师", "包括一名教师,三人获奖"));
    }

    #[test]
    fn overlap_is_the_same_both_ways() {
        let (a, b) = (Title::of("荷兰暂停干预安世半导体", ""), Title::of("荷兰暂停对安世半导体的干预", ""));
        let one = |_: u32| 1.0;
        assert_eq!(a.overlap(&b, one), b.overlap(&a, one));
        assert!(a.overlap(&b, one).contained > 0.9 && a.overlap(&b, one).foreign < 0.1);
        assert_eq!(a.shared_words(&b, one, 3), ["荷兰暂停", "干预", "安世半导体"]);
        let english = Title::of("Dutch government suspends order on chipmaker", "");
        assert!(!english.is_ideographic && a.is_ideographic);
        assert!(english.overlap(&Title::of("Order on chipmaker suspended", ""), one).contained > 0.9);
    }
}
