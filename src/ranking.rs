//! How many independent outlets report a story, and how much that counts. Pure.
//!
//! Outlets that copy each other count once: reports with the same text or link are one, and so are those of outlets
//! whose reports are copies wherever both report.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Milliseconds in which what a report counts halves.
const HALF_LIFE_MS: f64 = 12.0 * 3_600_000.0;

/// Characters of a text that is worth comparing, and of its beginning that is.
const SHORTEST: usize = 30;
const LONGEST: usize = 1500;

/// Characters in one shingle, and the share of the shorter text's that copies have in common.
const SHINGLE: usize = 5;
const COPIED: f64 = 0.8;

/// Stories that two outlets both report before they can be told to copy each other: by texts, and by titles alone.
const SHARED_TEXTS: usize = 3;
const SHARED_TITLES: usize = 8;

/// The share of those that are copies.
const FAMILY: f64 = 0.8;

/// One report of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The id of its source.
    pub source: String,
    /// When it was first seen, milliseconds since 1970.
    pub seen: i64,
    /// Its place in the order of the river, milliseconds since 1970.
    pub dated: i64,
    /// The title, as its publisher wrote it.
    pub title: String,
    /// The link.
    pub url: Option<String>,
    /// The text without markup; may be empty.
    pub text: String,
}

/// Pairs of outlets that copy each other, each pair in order.
pub type Families = BTreeSet<(String, String)>;

/// The outlets that copy each other, by the stories that they both report.
#[must_use]
pub fn families(stories: &[Vec<Report>]) -> Families {
    #[derive(Default)]
    struct Shared {
        texts: usize,
        copied_texts: usize,
        titles: usize,
        copied_titles: usize,
    }
    let mut pairs: BTreeMap<(&str, &str), Shared> = BTreeMap::new();
    for story in stories {
        let known: Vec<Known> = story.iter().map(Known::new).collect();
        let mut counted: HashSet<(&str, &str)> = HashSet::new();
        for (at, a) in story.iter().enumerate() {
            for (before, b) in story[..at].iter().enumerate() {
                let pair = ordered(&a.source, &b.source);
                if a.source == b.source || !counted.insert(pair) {
                    continue;
                }
                let shared = pairs.entry(pair).or_default();
                if known[at].has_text() && known[before].has_text() {
                    shared.texts += 1;
                    shared.copied_texts += usize::from(known[at].is_copy_of(&known[before]));
                }
                shared.titles += 1;
                shared.copied_titles += usize::from(a.title == b.title);
            }
        }
    }
    let is_most = |part: usize, all: usize| part as f64 >= FAMILY * all as f64;
    let is_family = |shared: &Shared| {
        (shared.texts >= SHARED_TEXTS && is_most(shared.copied_texts, shared.texts))
            || (shared.texts == 0 && shared.titles >= SHARED_TITLES && is_most(shared.copied_titles, shared.titles))
    };
    pairs.into_iter().filter(|(_, shared)| is_family(shared)).map(|((a, b), _)| (a.to_owned(), b.to_owned())).collect()
}

/// When each independent outlet first reported a story, milliseconds since 1970.
#[must_use]
pub fn outlets(story: &[Report], families: &Families) -> Vec<i64> {
    let known: Vec<Known> = story.iter().map(Known::new).collect();
    // The group of each report, named by the first of it.
    let mut group: Vec<usize> = (0..story.len()).collect();
    for at in 0..story.len() {
        for before in 0..at {
            let (a, b) = (&story[at], &story[before]);
            let is_one = a.source == b.source
                || (a.url.is_some() && a.url == b.url)
                || known[at].is_copy_of(&known[before])
                || families.contains(&{
                    let (a, b) = ordered(&a.source, &b.source);
                    (a.to_owned(), b.to_owned())
                });
            if is_one && group[at] != group[before] {
                let (from, to) = (group[at].max(group[before]), group[at].min(group[before]));
                group.iter_mut().filter(|name| **name == from).for_each(|name| *name = to);
            }
        }
    }
    let names: BTreeSet<usize> = group.iter().copied().collect();
    let first = |name: &usize| {
        let of_group = story.iter().zip(&group).filter(|(_, group)| *group == name);
        of_group.map(|(report, _)| report.seen).min()
    };
    names.iter().filter_map(first).collect()
}

/// What a story counts at a moment: its outlets, each the less the longer ago it reported.
#[must_use]
pub fn score(outlets: &[i64], now: i64) -> f64 {
    outlets.iter().map(|seen| (-((now - seen).max(0) as f64) / HALF_LIFE_MS).exp2()).sum()
}

fn ordered<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    if a <= b { (a, b) } else { (b, a) }
}

/// The shingles of a text.
struct Known(HashSet<Vec<char>>);

impl Known {
    fn new(report: &Report) -> Self {
        let text: Vec<char> =
            report.text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(LONGEST).collect();
        let is_worth_comparing = text.len() >= SHORTEST;
        Self(if is_worth_comparing { text.windows(SHINGLE).map(<[char]>::to_vec).collect() } else { HashSet::new() })
    }

    fn has_text(&self) -> bool {
        !self.0.is_empty()
    }

    fn is_copy_of(&self, other: &Self) -> bool {
        let (shorter, longer) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        let shared = shorter.0.iter().filter(|shingle| longer.0.contains(*shingle)).count();
        shorter.has_text() && shared as f64 >= COPIED * shorter.0.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(source: &str, title: &str, text: &str) -> Report {
        Report { source: source.into(), seen: 0, dated: 0, title: title.into(), url: None, text: text.into() }
    }

    const AGENCY: &str =
        "园区负责人介绍,今年以来新增企业三百余家,其中高新技术企业占四成,预计全年产值同比增长百分之十二。";
    const OWN: &str = "本报记者在现场看到,签约仪式吸引了来自十多个国家的企业代表,多个项目当天就办妥了全部手续。";

    #[test]
    fn copies_count_once_and_own_reports_each() {
        let story = [
            report("portal", "a", AGENCY),
            report("mirror", "b", &format!("{AGENCY}(责任编辑:某某)")),
            report("paper", "c", OWN),
            report("paper", "d", "同一家的另一条,写得很不一样,但还是同一家媒体,所以不能再算一次,无论它写多少条。"),
            report("list", "e", ""),
            report("other list", "f", ""),
        ];
        assert_eq!(outlets(&story, &Families::new()).len(), 4);
        let linked = |source: &str| Report { url: Some("http://e.example/1".into()), ..report(source, "a", "") };
        assert_eq!(outlets(&[linked("x"), linked("y")], &Families::new()).len(), 1, "one article");
    }

    #[test]
    fn a_family_is_known_by_its_habit() {
        let story = |n: usize| {
            let text = format!("第{n}条:{AGENCY}{n}");
            vec![report("portal", "a", &text), report("mirror", "b", &text), report("paper", "c", OWN)]
        };
        let families = families(&(0..4).map(story).collect::<Vec<_>>());
        assert_eq!(families, Families::from([("mirror".to_owned(), "portal".to_owned())]));
        // Where one of them shows no text it is still no outlet of its own.
        let story = [report("portal", "a", AGENCY), report("mirror", "b", ""), report("paper", "c", OWN)];
        assert_eq!(outlets(&story, &families).len(), 2);
    }

    #[test]
    fn age_counts_less() {
        let hour = 3_600_000;
        assert!(score(&[0, 0], 0) > score(&[0], 0));
        assert!((score(&[0], 12 * hour) - 0.5).abs() < 1e-9);
        assert!(score(&[0, 0, 0], 12 * hour) > score(&[12 * hour], 12 * hour), "three of half a day ago outweigh one");
        assert!((score(&[5], 0) - 1.0).abs() < 1e-9, "a clock that went back does no harm");
    }
}
