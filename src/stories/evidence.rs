//! Whether two entries tell the same news: exact evidence first, then what speaks against it, then the
//! texts where both have one, then the titles.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::WINDOW_MS;
use super::features::Features;
use super::letters::Sorted;
use super::model::{Inputs, Model, probability};
use super::rarity::Rarity;

/// What speaks for or against two entries being one story, and the verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Whether they are joined.
    pub joined: bool,
    /// How sure: 1 is proof, 0 is nothing in common.
    pub score: f64,
    /// The evidence, in words.
    pub evidence: Vec<String>,
    /// Whether nothing speaks against it and it is nearly as sure as it must be: other tellings of a story can bear it
    /// out.
    #[serde(skip)]
    pub may_join: bool,
}

impl Judgement {
    fn against(why: impl Into<String>) -> Self {
        Self { joined: false, score: 0.0, evidence: vec![why.into()], may_join: false }
    }

    fn proven(score: f64, evidence: Vec<String>) -> Self {
        Self { joined: true, score, evidence, may_join: true }
    }

    /// The same, joined since the tellings of so many sources bear it out.
    #[must_use]
    pub(super) fn borne_out(mut self, sources: usize) -> Self {
        self.joined = true;
        self.evidence
            .insert(0, format!("the titles are alike, and those of {sources} sources of the story bear it out"));
        self
    }
}

/// Titles tell a story by themselves only within this time, milliseconds: one source repeats its titles
/// day by day, several sources seldom tell the same news three days apart.
const NEAR_MS: i64 = 36 * 3600 * 1000;
const NEAR_OF_OTHERS_MS: i64 = 72 * 3600 * 1000;

/// A title that says `today` says something else the next day.
const DAY_MS: i64 = 20 * 3600 * 1000;

/// How sure a join by two titles alone must be.
const SURE: f64 = 0.92;

/// How sure it must be where the tellings of a story bear it out, and how sure these must be on the average.
pub(super) const BORNE_OUT: f64 = 0.8;

/// What of the shorter title must be in the longer: two that share a rare name alone may tell different
/// news of it.
const LEAST_CONTAINED: f64 = 0.45;

/// With less of the shorter title in the longer, two tellings of a story do not support each other.
const NO_AGREEMENT: f64 = 0.3;

/// Words that turn a story into its follow-up.
const TURNS: [(char, char); 20] = [
    ('后', '续'),
    ('回', '应'),
    ('进', '展'),
    ('追', '踪'),
    ('通', '报'),
    ('致', '歉'),
    ('道', '歉'),
    ('辟', '谣'),
    ('更', '正'),
    ('撤', '回'),
    ('终', '止'),
    ('取', '消'),
    ('延', '期'),
    ('获', '批'),
    ('二', '审'),
    ('复', '牌'),
    ('停', '牌'),
    ('否', '认'),
    ('调', '查'),
    ('落', '幕'),
];

/// Characters of the shortest body that is compared.
const SHORTEST_TEXT: usize = 24;

/// Characters of the shortest body that can show that two have nothing in common.
const SHORTEST_OPENING: usize = 12;

/// The share of the words of one text that is in any other by chance.
const BY_CHANCE: f64 = 0.08;

/// The share that says nothing either way, what each share above or below it says in log odds, and the
/// most that texts can say for and against.
const NEUTRAL: f64 = 0.25;
const PER_SHARE: f64 = 6.0;
const MOST_FOR: f64 = 1.0;
const MOST_AGAINST: f64 = -1.5;

/// How the two compare, once.
struct Pair<'f> {
    a: &'f Features,
    b: &'f Features,
    rarity: &'f Rarity,
    /// Milliseconds between them.
    apart: i64,
    /// Shared pairs of characters of the titles against all of them (Jaccard).
    titles: f64,
    /// Shared shingles of the bodies against those of the shorter.
    texts: f64,
    /// Characters of the shorter body.
    shorter: usize,
}

/// Judges a pair; `judge(a, b)` is `judge(b, a)`.
#[must_use]
pub fn judge(a: &Features, b: &Features, rarity: &Rarity) -> Judgement {
    if a.time.apart(b.time) > WINDOW_MS {
        return Judgement::against("more than the window apart");
    }
    let pair = Pair::of(a, b, rarity);
    if let Some(why) = pair.conflict() {
        return Judgement::against(why);
    }
    if pair.has_one_link() {
        return Judgement::proven(1.0, pair.describe("the same link"));
    }
    if pair.is_another_copy() {
        return pair.by_titles();
    }
    match pair.proof() {
        Some((score, why)) => Judgement::proven(score, pair.describe(why)),
        None => pair.by_titles(),
    }
}

/// Judges a pair as [`judge`] does; a refusal tells what speaks for a join, too.
#[must_use]
pub fn judge_in_full(a: &Features, b: &Features, rarity: &Rarity) -> Judgement {
    let mut judgement = judge(a, b, rarity);
    if judgement.evidence.len() == 1 && a.time.apart(b.time) <= WINDOW_MS {
        let pair = Pair::of(a, b, rarity);
        let inputs = Inputs::of(pair.a, pair.b, rarity);
        judgement.evidence.extend(pair.in_words(&inputs, probability(Model::shipped().log_odds(&inputs))));
    }
    judgement
}

impl<'f> Pair<'f> {
    fn of(a: &'f Features, b: &'f Features, rarity: &'f Rarity) -> Self {
        // The evidence names what the first title has, so the order is made one.
        let (a, b) = if (&a.title, &a.source) <= (&b.title, &b.source) { (a, b) } else { (b, a) };
        let shared = a.shingles.shared(&b.shingles);
        Self {
            a,
            b,
            rarity,
            apart: a.time.apart(b.time),
            titles: jaccard(&a.pairs, &b.pairs),
            texts: ratio(shared, a.shingles.len().min(b.shingles.len())),
            shorter: a.text_length.min(b.text_length),
        }
    }

    /// What makes two stories of the pair, however alike they are.
    fn conflict(&self) -> Option<String> {
        let (a, b) = (self.a, self.b);
        let differ = |x: &BTreeSet<String>, y: &BTreeSet<String>| !x.is_empty() && !y.is_empty() && x.is_disjoint(y);
        if differ(&a.tickers, &b.tickers) {
            return Some("they name different ticker codes".into());
        }
        if let (Some(x), Some(y)) = (a.stated, b.stated)
            && x != y
        {
            return Some(format!("their texts state different days, {x} and {y}"));
        }
        if a.is_reply != b.is_reply {
            return Some("one answers the other".into());
        }
        if a.words.is_same(&b.words) {
            return self.strangers().then(|| "the texts under the same title have nothing in common".into());
        }
        let (mine, theirs) = (a.words.marks(), b.words.marks());
        if mine.contrast(theirs) {
            return Some("their titles say things of which only one can be true".into());
        }
        if a.words.numbers_differ(&b.words) {
            return Some("their titles give different numbers for the same thing".into());
        }
        if mine.is_angle != theirs.is_angle {
            return Some("one asks about what the other tells".into());
        }
        if mine.is_roundup != theirs.is_roundup {
            return Some("one holds several pieces of news".into());
        }
        if self.strangers() {
            return Some("the texts have nothing in common".into());
        }
        self.other_subject()
    }

    fn has_texts(&self) -> bool {
        self.shorter >= SHORTEST_TEXT
    }

    /// The weight of the words that both texts open with, against that of the shorter opening.
    fn openings(&self) -> f64 {
        let (a, b) = (&self.a.text_words, &self.b.text_words);
        let of = |words: &Sorted<u32>| words.iter().map(|word| self.rarity.weight(*word)).sum::<f64>();
        let common: f64 = a.common(b).map(|word| self.rarity.weight(*word)).sum();
        let less = of(a).min(of(b));
        if less > 0.0 { common / less } else { 0.0 }
    }

    /// Whether both have texts that share no more than any two do.
    fn strangers(&self) -> bool {
        self.shorter >= SHORTEST_OPENING
            && self.openings() < BY_CHANCE
            && self.texts < 0.5
            && self.a.link != self.b.link
    }

    /// The same words about somebody else. Texts must show that neither entry tells of both; titles alone
    /// are judged as a whole, since another word in one place is often only another word.
    fn other_subject(&self) -> Option<String> {
        let (a, b) = (self.a, self.b);
        let is_template = self.titles >= 0.4 || self.texts >= 0.5;
        let differ = self.has_texts() && is_template && a.words.names_another(&b.words, &a.text_words, &b.text_words);
        differ.then(|| "they tell of different subjects".to_owned())
    }

    /// What forbids to take the pair for copies of one text: other numbers, or a word for what came after.
    fn is_another_copy(&self) -> bool {
        let (a, b) = (self.a, self.b);
        // A cut title may have lost numbers, and half a number at its end.
        let within = |x: &BTreeSet<String>, y: &BTreeSet<String>| x.is_subset(y);
        let lost = usize::from(a.is_cut) + usize::from(b.is_cut);
        let only_a = a.title_numbers.difference(&b.title_numbers).count();
        let only_b = b.title_numbers.difference(&a.title_numbers).count();
        let titles_differ = !within(&a.title_numbers, &b.title_numbers)
            && !within(&b.title_numbers, &a.title_numbers)
            && only_a.min(only_b) > lost;
        let alike_but_numbers = lost == 0 && only_a.min(only_b) > 0 && self.titles >= 0.4;
        titles_differ || alike_but_numbers || self.text_numbers_differ() || self.turns()
    }

    fn text_numbers_differ(&self) -> bool {
        let (a, b) = (self.a, self.b);
        let (few, many) = if a.text_numbers.len() <= b.text_numbers.len() { (a, b) } else { (b, a) };
        let common = few.text_numbers.intersection(&many.text_numbers).count();
        !few.text_numbers.is_empty() && ratio(common, few.text_numbers.len()) < 0.5
    }

    /// Whether one title has a word for what came after that the other entry has nowhere.
    fn turns(&self) -> bool {
        let only = |mine: &Features, theirs: &Features| {
            let says = |turn: &&(char, char)| mine.pairs.contains(*turn);
            let silent = |turn: &&(char, char)| !theirs.pairs.contains(*turn) && !theirs.lead.contains(*turn);
            TURNS.iter().filter(says).any(|turn| silent(&turn))
        };
        only(self.a, self.b) || only(self.b, self.a)
    }

    /// Exact evidence: one page, unless it serves many entries, as a search does.
    fn has_one_link(&self) -> bool {
        self.a.link.is_some()
            && self.a.link == self.b.link
            && (self.titles >= 0.6 || self.texts >= 0.5 || self.is_beginning())
    }

    /// What proves them copies of one text.
    fn proof(&self) -> Option<(f64, &'static str)> {
        let (a, b) = (self.a, self.b);
        let one_source = a.source == b.source;
        let is_near = self.apart <= NEAR_MS;
        if one_source && !is_near {
            // What one source says again a day later is the next of a series, unless it says the very same.
            let is_repost = a.title == b.title && self.has_texts() && self.texts >= 0.95;
            return is_repost.then_some((0.95, "one source brings the same title and text again"));
        }
        let shorter_title = a.title.len().min(b.title.len());
        if a.title == b.title && !a.is_cut && !b.is_cut && shorter_title >= 6 && self.has_texts() {
            let enough = if one_source { 0.8 } else { 0.5 };
            return (self.texts >= enough).then_some((0.98, "the same title and text"));
        }
        if self.is_beginning() && shorter_title >= 8 {
            return if self.shorter >= 15 {
                (self.texts >= 0.65).then_some((0.95, "one title is the beginning of the other, and the texts agree"))
            } else {
                (shorter_title >= 16 && is_near).then_some((0.86, "one title is the beginning of the other"))
            };
        }
        if self.titles >= 0.75 && shorter_title >= 8 && self.has_texts() && self.texts >= 0.5 {
            return Some((0.92, "nearly the same title, and the texts agree"));
        }
        if self.shorter >= 40 && self.titles >= 0.4 && self.texts >= 0.6 {
            return Some((0.88, "alike titles, and the texts agree"));
        }
        let enough_title = if one_source { 0.3 } else { 0.08 };
        if self.shorter >= 60 && self.texts >= 0.75 && self.titles >= enough_title {
            return Some((0.87, "the texts are the same"));
        }
        (self.shorter >= 120 && self.texts >= 0.9 && !one_source).then_some((0.87, "the texts are the same"))
    }

    /// Judges by the words of the titles, with what the texts add where both have one.
    fn by_titles(&self) -> Judgement {
        let (a, b) = (self.a, self.b);
        let one_source = a.source == b.source;
        let inputs = Inputs::of(a, b, self.rarity);
        let mut odds = Model::shipped().log_odds(&inputs);
        if self.has_texts() {
            // One source tells the next news of a kind in the words of the last.
            let most = if one_source { 0.0 } else { MOST_FOR };
            odds += ((self.openings() - NEUTRAL) * PER_SHARE).clamp(MOST_AGAINST, most);
        }
        let score = probability(odds);
        let near = if a.words.marks().names_day || b.words.marks().names_day {
            DAY_MS
        } else if one_source {
            NEAR_MS
        } else {
            NEAR_OF_OTHERS_MS
        };
        // Copies of a text with other numbers, or under a follow-up's title, are the next news of its kind.
        let is_next = self.has_texts() && self.texts >= 0.3 && self.is_another_copy();
        let may_join = score >= BORNE_OUT
            && inputs.0[0] >= LEAST_CONTAINED
            && self.apart <= near
            && !is_next
            && a.words.tells_news()
            && b.words.tells_news();
        let enough = may_join && score >= SURE;
        let why = if is_next {
            "the same text with other numbers or about what came after"
        } else if enough && a.words.is_same(&b.words) {
            "the same title"
        } else if enough {
            "the titles tell the same news"
        } else if may_join {
            "alike titles, not sure enough by themselves"
        } else if score >= BORNE_OUT {
            "alike titles, too far apart in time or with too few words in common"
        } else {
            "too little in common"
        };
        let mut evidence = vec![why.to_owned()];
        if enough || score >= 0.2 {
            evidence.extend(self.in_words(&inputs, score));
        }
        // What shares one rare word or is the next news of its kind is no agreement with a story either.
        let score = if is_next || inputs.0[0] < NO_AGREEMENT { 0.0 } else { score };
        Judgement { joined: enough, score, evidence, may_join }
    }

    /// The evidence of the titles for people: what they share, what not, what the texts say, when.
    fn in_words(&self, inputs: &Inputs, score: f64) -> Vec<String> {
        let [contained, _, foreign, ..] = inputs.0;
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let mut told = Vec::new();
        let shared = self.a.words.shared_words(&self.b.words, |word| self.rarity.weight(word), 3);
        if !shared.is_empty() {
            told.push(format!("both titles have {}", shared.join(", ")));
        }
        told.push(format!("{} of the shorter title is in the longer", percent(contained)));
        if foreign >= 0.05 {
            told.push(format!("{} of the longer title is in no form in the shorter", percent(foreign)));
        }
        if self.has_texts() {
            told.push(format!("the texts share {} of their words", percent(self.openings())));
        }
        told.push(format!("{:.1} hours apart", self.apart as f64 / 3_600_000.0));
        told.push(format!("together {} sure, {} needed", percent(score), percent(SURE)));
        told
    }

    /// Whether one title is cut off and the other goes on where it ends.
    fn is_beginning(&self) -> bool {
        let begins = |x: &Features, y: &Features| x.is_cut && x.title.len() >= 4 && y.title.starts_with(&x.title);
        begins(self.a, self.b) || begins(self.b, self.a)
    }

    fn describe(&self, why: &str) -> Vec<String> {
        vec![
            why.to_owned(),
            format!("{:.0} % of the titles is the same", self.titles * 100.0),
            format!("{:.0} % of the shorter text, of {} characters, is in the other", self.texts * 100.0, self.shorter),
        ]
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn jaccard<T: Ord>(a: &Sorted<T>, b: &Sorted<T>) -> f64 {
    let shared = a.shared(b);
    ratio(shared, a.len() + b.len() - shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::entry::Entry;

    const HOUR: i64 = 3600 * 1000;

    fn told(source: &str, title: &str, text: &str, seen: i64) -> Features {
        let mut entry = Entry {
            title: title.into(),
            content_html: crate::html::SanitisedHtml::of_html(text, None),
            ..Entry::default()
        };
        let now = chrono::DateTime::from_timestamp(1_682_316_000, 0).unwrap_or_default();
        drop(crate::clean::Cleaner::new(&crate::model::cleaning::Rules::default(), &[], &[], now).clean(&mut entry));
        Features::of(source, &entry, seen)
    }

    #[track_caller]
    fn one(a: &Features, b: &Features) {
        assert!(
            judge(a, b, &Rarity::default()).joined
                && judge(b, a, &Rarity::default()) == judge(a, b, &Rarity::default()),
            "{:?}",
            judge(a, b, &Rarity::default())
        );
    }

    #[track_caller]
    fn two(a: &Features, b: &Features) {
        assert!(
            !judge(a, b, &Rarity::default()).joined && !judge(b, a, &Rarity::default()).joined,
            "{:?}",
            judge(a, b, &Rarity::default())
        );
    }

    const TITLE: &str = "佳兆业已累计交付15个项目、9430套房源";
    const TEXT: &str = "观点网讯:4月23日,佳兆业中山香山熙园二期迎来交付,同日该司还公布了其自2023年以来的交付情况。截至4月,公司已累计交付15个项目、9430套房源。";

    fn beginning(characters: usize) -> String {
        TEXT.chars().take(characters).collect()
    }

    #[test]
    fn tellings_of_one_story_are_joined() {
        let first = told("a", TITLE, TEXT, 0);
        one(&first, &told("b", "全球快看:佳兆业已累计交付15个项目、9430套房源", "", HOUR));
        one(&first, &told("b", "佳兆业已累计交付15个项目、9430...", &beginning(50), HOUR));
        one(&first, &told("b", "佳兆業已累計交付15個項目、9430套房源", TEXT, HOUR));
        one(
            &first,
            &told("b", "快讯｜佳兆业已累计交付15个项目、9430套房源", &format!("{TITLE} {}", beginning(40)), 3 * HOUR),
        );
        one(&first, &told("b", "交付9430套:佳兆业公布最新交付情况", TEXT, HOUR));
    }

    #[test]
    fn what_could_be_two_stories_stays_two() {
        let first = told("a", TITLE, TEXT, 0);
        let other = TEXT.replace("15个", "21个").replace("9430", "11020");
        two(&first, &told("b", "佳兆业已累计交付21个项目、11020套房源", &other, HOUR));
        let report = |name: &str, code: &str, price: &str| {
            told(
                "a",
                &format!("{name}:接受开源证券等机构调研"),
                &format!(
                    "{name}({code},收盘价:{price}元)4月24日发布公告称,公司接受开源证券等机构调研,董事会秘书参与接待,并回答了投资者提出的问题。"
                ),
                0,
            )
        };
        two(&report("捷捷微电", "SZ300623", "19.5"), &report("天齐锂业", "SZ002466", "70.1"));
        let ipo = |name: &str| {
            told(
                "a",
                &format!("{name}今日在创业板上市"),
                &format!(
                    "{name}今日正式在深圳证券交易所创业板挂牌上市,公司主营业务为相关产品的研发、生产和销售,募集资金将用于扩建项目。"
                ),
                0,
            )
        };
        two(&ipo("美利信科技"), &ipo("华曙高科"));
        two(
            &told("a", "财经早餐", "4月24日重要消息汇总,央行公布新的数据", 0),
            &told("b", "财经早餐", "昨夜今晨要闻一览,外围市场普遍上涨", HOUR),
        );
        two(&told("a", "今日油价调整最新消息一览表", "", 0), &told("b", "今日油价调整最新消息一览表", "", 48 * HOUR));
        two(&first, &told("b", TITLE, TEXT, 8 * 24 * HOUR));
        two(&told("a", "短题相同", "", 0), &told("b", "短题相同", "", 0));
        two(
            &told("a", "某地发生地震已致3人死亡,救援正在进行", "", 0),
            &told("b", "某地发生地震已致5人死亡,救援正在进行", "", HOUR),
        );
        two(&told("a", "佛山...", "", 0), &told("b", "佛山新城将建16万方高端商业体", "", 0));
    }
}
