//! Shouted prefixes and suffixes of titles: a grammar of them, the user's own, and learnt ones.
//!
//! An affix stands before one of `:！|丨` or in brackets, or behind one of `-_|`. The grammar's words
//! are data (`affixes.txt`). Learnt is an affix that at least [`ENOUGH`] different titles of one
//! source share, if it is made of the words that portals shout with, or names the site behind the
//! title; one that holds a word for a column is never learnt.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::LazyLock;

/// Different titles that must share an affix before it counts as noise.
pub(super) const ENOUGH: usize = 20;

/// Characters of the longest affix.
const LONGEST: usize = 10;

/// The shortest title that may be left, characters.
const SHORTEST_LEFT: usize = 4;

/// What parts an affix from the title before it.
const MARKS: [char; 9] = ['-', '_', '|', '｜', '丨', '－', '—', '–', '︱'];

static WORDS: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("affixes.txt")));

/// The word lists of the grammar.
#[derive(Debug, Default)]
struct Words(BTreeMap<&'static str, HashSet<&'static str>>);

impl Words {
    fn read(text: &'static str) -> Self {
        let mut lists: BTreeMap<_, HashSet<_>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            if let Some(kind) = words.next() {
                lists.entry(kind).or_default().extend(words);
            }
        }
        Self(lists)
    }

    fn is(&self, kind: &str, word: &str) -> bool {
        self.0.get(kind).is_some_and(|words| words.contains(word))
    }

    fn each(&self, kind: &str) -> impl Iterator<Item = &'static str> {
        self.0.get(kind).into_iter().flatten().copied()
    }

    /// Whether an affix is one that the grammar makes.
    fn shouts(&self, affix: &str) -> bool {
        if self.is("name", affix) {
            return false;
        }
        let strong = |word: &&str| word.chars().count() > 1;
        self.is("alone", affix)
            || self.after("scope", affix).any(|rest| self.goes_on(rest))
            || (self.each("quality").filter(strong).filter_map(|word| affix.strip_prefix(word)))
                .any(|rest| self.is("ending", rest))
    }

    /// What follows a scope: scopes, qualities, an ending.
    fn goes_on(&self, rest: &str) -> bool {
        self.is("ending", rest)
            || self.after("scope", rest).any(|rest| self.goes_on(rest))
            || self.after("quality", rest).any(|rest| self.ends(rest))
    }

    fn ends(&self, rest: &str) -> bool {
        self.is("ending", rest) || self.after("quality", rest).any(|rest| self.ends(rest))
    }

    /// What is left of a text behind each word of a list that it begins with.
    fn after<'s>(&'s self, kind: &str, text: &'s str) -> impl Iterator<Item = &'s str> {
        self.each(kind).filter_map(move |word| text.strip_prefix(word)).filter(|rest| !rest.is_empty())
    }

    /// How much of an affix is words that portals shout with, 0 to 1.
    fn loudness(&self, affix: &str) -> f64 {
        let total = affix.chars().count();
        let mut loud = 0;
        let mut rest = affix;
        while let Some(first) = rest.chars().next() {
            let longest = ["scope", "quality", "ending", "alone"]
                .iter()
                .flat_map(|kind| self.each(kind))
                .filter(|word| rest.starts_with(word))
                .max_by_key(|word| word.len());
            match longest {
                Some(word) => {
                    loud += word.chars().count();
                    rest = &rest[word.len()..];
                }
                None => rest = &rest[first.len_utf8()..],
            }
        }
        if total == 0 { 0.0 } else { loud as f64 / total as f64 }
    }

    fn names_column(&self, affix: &str) -> bool {
        self.each("column").any(|word| {
            // Of one character only at the end or alone: 一 is in many words.
            if word.chars().count() == 1 { affix.ends_with(word) } else { affix.contains(word) }
        })
    }
}

/// Where an affix stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Front,
    Back,
}

/// A part of a title that could be an affix.
#[derive(Debug, Clone, Copy)]
struct Candidate<'t> {
    side: Side,
    affix: &'t str,
    left: &'t str,
    /// In brackets or before a bar, where no name of a company or place stands.
    stands_apart: bool,
}

/// Affixes that titles of one source taught, and those that the user named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Learnt {
    noise: BTreeSet<String>,
    own: Vec<String>,
}

impl Learnt {
    /// Learns from the titles of one source as its publisher wrote them; `own` are the user's.
    pub(super) fn from_titles<'t>(titles: impl IntoIterator<Item = &'t str>, own: &[String]) -> Self {
        let mut shared: BTreeMap<(Side, &str), HashSet<&str>> = BTreeMap::new();
        for title in titles {
            for candidate in candidates(title.trim()) {
                shared.entry((candidate.side, candidate.affix)).or_default().insert(candidate.left);
            }
        }
        let is_noise = |((side, affix), titles): &((Side, &str), HashSet<&str>)| {
            titles.len() >= ENOUGH
                && !WORDS.names_column(affix)
                && !WORDS.is("name", affix)
                && (*side == Side::Back || WORDS.loudness(affix) >= 0.5)
                && are_unrelated(titles)
        };
        let noise = shared.into_iter().filter(is_noise).map(|((side, affix), _)| key(side, affix)).collect();
        Self { noise, own: own.to_vec() }
    }

    /// The title without what portals put around it; `None` where nothing is to be taken off.
    pub(super) fn strip(&self, title: &str) -> Option<String> {
        let mut rest = title.trim();
        'again: loop {
            for own in &self.own {
                let left = rest.strip_prefix(own.as_str()).or_else(|| rest.strip_suffix(own.as_str()));
                if let Some(left) = left.map(str::trim).filter(|left| is_enough(left)) {
                    rest = left;
                    continue 'again;
                }
            }
            let is_noise = |c: &Candidate<'_>| WORDS.shouts(c.affix) || self.noise.contains(&key(c.side, c.affix));
            let noisy = candidates(rest).into_iter().find(is_noise);
            match noisy {
                Some(candidate) => rest = candidate.left,
                None => break,
            }
        }
        (rest != title.trim()).then(|| rest.to_owned())
    }
}

fn key(side: Side, affix: &str) -> String {
    let side = if side == Side::Front { '<' } else { '>' };
    format!("{side}{affix}")
}

/// Titles of which most share no beginning are about different things: an affix that a company or
/// a place is named by stands before related ones.
fn are_unrelated(titles: &HashSet<&str>) -> bool {
    let beginnings: HashSet<String> = titles.iter().map(|title| title.chars().take(2).collect()).collect();
    beginnings.len() * 2 > titles.len()
}

fn is_enough(left: &str) -> bool {
    left.chars().filter(|c| c.is_alphanumeric()).count() >= SHORTEST_LEFT
}

/// The parts of a title that could be affixes, front first.
fn candidates(title: &str) -> Vec<Candidate<'_>> {
    const BRACKETS: [(char, char); 7] =
        [('【', '】'), ('[', ']'), ('［', '］'), ('「', '」'), ('『', '』'), ('(', ')'), ('（', '）')];
    let mut found = Vec::new();
    for (open, close) in BRACKETS {
        let front = title.strip_prefix(open).and_then(|rest| rest.split_once(close));
        found.extend(front.and_then(|(affix, left)| candidate(Side::Front, affix, left, true)));
        let back = title.strip_suffix(close).and_then(|rest| rest.rsplit_once(open));
        found.extend(back.and_then(|(left, affix)| candidate(Side::Back, affix, left, true)));
    }
    for (marks, stands_apart) in [(&[':', '：', '!', '！'][..], false), (&['|', '｜', '丨', '︱'], true)] {
        let front = title.split_once(marks);
        found.extend(front.and_then(|(affix, left)| candidate(Side::Front, affix, left, stands_apart)));
    }
    let back = title.rsplit_once(MARKS);
    found.extend(back.and_then(|(left, affix)| candidate(Side::Back, affix, left, true)));
    found
}

/// A title without the marker of a column in front (`快讯|`, `【专访】`, `独家:`): in what follows it
/// compares with its echoes and with other tellings. Before a colon only a word for a column is one,
/// since companies and places stand there too.
#[must_use]
pub fn without_marker(title: &str) -> &str {
    let is_marker = |c: &Candidate<'_>| {
        let is_word = WORDS.is("column", c.affix) || WORDS.is("ending", c.affix);
        c.side == Side::Front && c.affix.chars().count() <= 4 && (c.stands_apart || is_word)
    };
    candidates(title).into_iter().find(is_marker).map_or(title, |candidate| candidate.left)
}

fn candidate<'t>(side: Side, affix: &'t str, left: &'t str, stands_apart: bool) -> Option<Candidate<'t>> {
    let affix = affix.trim_matches(|c: char| c.is_whitespace() || MARKS.contains(&c));
    // Only marks that part, and only on the side of the affix: `...`, `?` and brackets belong to the title.
    let left = match side {
        Side::Front => {
            left.trim().trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '：' | '|' | '｜' | '丨'))
        }
        Side::Back => left.trim().trim_end_matches(|c: char| c.is_whitespace() || MARKS.contains(&c)),
    };
    let fits = (2..=LONGEST).contains(&affix.chars().count()) && affix.chars().all(char::is_alphanumeric);
    (fits && is_enough(left)).then_some(Candidate { side, affix, left, stands_apart })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The project's own list of both kinds: `kind<TAB>position<TAB>origin<TAB>text`.
    const PATTERNS: &str = include_str!("../../tests/data/patterns.tsv");

    fn rows() -> impl Iterator<Item = Vec<&'static str>> {
        PATTERNS.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
    }

    #[test]
    fn every_shouted_affix_goes_and_every_title_stays() {
        let plain = Learnt::default();
        let titles: Vec<&str> = rows().filter(|row| row[0] == "title").map(|row| row[3]).collect();
        for title in &titles {
            assert_eq!(plain.strip(title), None, "a title was damaged");
        }
        for row in rows().filter(|row| row[0] == "noise") {
            for title in &titles {
                let shouted =
                    if row[1] == "prefix" { format!("{}{title}", row[3]) } else { format!("{title}{}", row[3]) };
                assert_eq!(plain.strip(&shouted).as_deref(), Some(*title), "{shouted}");
            }
        }
    }

    #[test]
    fn the_grammar_knows_affixes_it_was_never_shown() {
        let plain = Learnt::default();
        for shouted in [
            "今日要闻:标题在这里",
            "环球观速讯|标题在这里",
            "标题在这里-每日短讯",
            "【寰球快闻】标题在这里",
            "全球快看:【每日热闻】标题在这里_世界快播",
            "即时快讯！标题在这里",
            "今日热点｜标题在这里",
            "焦点资讯:标题在这里",
        ] {
            assert_eq!(plain.strip(shouted).as_deref(), Some("标题在这里"), "{shouted}");
        }
        for title in [
            "今日头条:上线新功能",
            "环球时报:社评",
            "世界杯:决赛前瞻",
            "全球通:资费调整",
            "热点解读:养老金怎么涨",
            "要闻:今日召开会议",
            "快讯:沪指跌破三千点",
            "最新:事故已致三人受伤",
            "新闻联播:主要内容",
            "头条:一图看懂",
            "国际快讯:会议开幕",
            "财经快报:一季度数据",
            "天天基金:规模增长",
        ] {
            assert_eq!(plain.strip(title), None, "{title}");
        }
    }

    fn subjects() -> Vec<String> {
        let words = [
            "青浦", "佛山", "烟台", "安徽", "天齐", "云天", "民宿", "高铁", "光伏", "芯片", "电池", "房企", "高校",
            "水库", "地铁", "春茶", "非遗", "夜市", "雨水", "机器", "航天", "渔民",
        ];
        words.iter().enumerate().map(|(n, word)| format!("{word}近日有新的消息第{n}号")).collect()
    }

    #[test]
    fn what_twenty_unrelated_titles_share_is_learnt_unless_it_names_a_column() {
        let learn = |affix: &dyn Fn(&str) -> String| {
            let titles: Vec<String> = subjects().iter().map(|t| affix(t)).collect();
            Learnt::from_titles(titles.iter().map(String::as_str), &[])
        };
        for noise in [
            |t: &str| format!("掌上热闻:{t}"),
            |t: &str| format!("【快看世界】{t}"),
            |t: &str| format!("{t}_某某门户网"),
            |t: &str| format!("{t}-东方快消息"),
        ] {
            let title = noise("一条没有见过的标题");
            assert_eq!(learn(&noise).strip(&title).as_deref(), Some("一条没有见过的标题"), "{title}");
            let few: Vec<String> = subjects().iter().take(ENOUGH - 1).map(|t| noise(t)).collect();
            assert_eq!(Learnt::from_titles(few.iter().map(String::as_str), &[]).strip(&title), None, "{title}");
        }
        for column in [
            |t: &str| format!("【深度】{t}"),
            |t: &str| format!("收评:{t}"),
            |t: &str| format!("青浦发布:{t}"),
            |t: &str| format!("【青听】{t}"),
            |t: &str| format!("{t}|书评"),
        ] {
            let title = column("一条没有见过的标题");
            assert_eq!(learn(&column).strip(&title), None, "{title}");
        }
        let company: Vec<String> = (0..40).map(|n| format!("热点科技:第{n}次公告")).collect();
        assert_eq!(Learnt::from_titles(company.iter().map(String::as_str), &[]).strip(&company[0]), None);
    }

    #[test]
    fn the_users_own_affixes_go_too() {
        let own = Learnt::from_titles([], &["本站讯 ".to_owned(), "(转)".to_owned()]);
        assert_eq!(own.strip("本站讯 会议今天召开(转)").as_deref(), Some("会议今天召开"));
        assert_eq!(own.strip("(转)"), None, "nothing is cleaned to an empty title");
    }

    proptest::proptest! {
        #[test]
        fn stripping_twice_changes_nothing_and_leaves_a_title(title in "[全球快看今日热闻每要:：!|【】_\\-a青浦园区开展调研 ]{0,24}") {
            let plain = Learnt::default();
            if let Some(once) = plain.strip(&title) {
                proptest::prop_assert!(is_enough(&once) && title.contains(&once));
                proptest::prop_assert_eq!(plain.strip(&once), None);
            }
        }
    }
}
