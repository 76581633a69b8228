//! Whether two entries tell the same news: exact evidence first, then title, then body; what differs
//! is evidence against.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::WINDOW_MS;
use super::features::{Features, Sorted};

/// What speaks for or against two entries being one story, and the verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Whether they are joined.
    pub joined: bool,
    /// How sure: 1 is proof, 0 is nothing in common.
    pub score: f64,
    /// The evidence, in words.
    pub evidence: Vec<String>,
}

impl Judgement {
    fn against(why: impl Into<String>, score: f64) -> Self {
        Self { joined: false, score, evidence: vec![why.into()] }
    }
}

/// Titles tell a story by themselves only within this time, milliseconds.
const NEAR_MS: i64 = 36 * 3600 * 1000;

/// Characters that name nothing: one for another is a matter of style.
const FUNCTION: &str = "将拟已再正被遭获的了等或并及与和在于为是称就又也还更要";

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

/// Characters of the shortest body that names a subject.
const SHORTEST_TEXT: usize = 12;

/// How the two compare, once.
struct Pair<'f> {
    a: &'f Features,
    b: &'f Features,
    /// Shared pairs of the titles against all of them (Jaccard).
    titles: f64,
    /// Shared shingles of the bodies against those of the shorter.
    texts: f64,
    /// Characters of the shorter body.
    shorter: usize,
    is_near: bool,
}

/// Judges a pair; `judge(a, b)` is `judge(b, a)`.
#[must_use]
pub fn judge(a: &Features, b: &Features) -> Judgement {
    let apart = a.time.apart(b.time);
    if apart > WINDOW_MS {
        return Judgement::against("more than the window apart", 0.0);
    }
    let shared = a.shingles.shared(&b.shingles);
    let pair = Pair {
        a,
        b,
        titles: jaccard(&a.pairs, &b.pairs),
        texts: ratio(shared, a.shingles.len().min(b.shingles.len())),
        shorter: a.text.len().min(b.text.len()),
        is_near: apart <= NEAR_MS,
    };
    if pair.has_one_link() {
        return Judgement { joined: true, score: 1.0, evidence: pair.describe("the same link") };
    }
    if let Some(why) = pair.conflict() {
        return Judgement::against(why, pair.titles.max(pair.texts) / 2.0);
    }
    match pair.proof() {
        Some((score, why)) => Judgement { joined: true, score, evidence: pair.describe(why) },
        None => Judgement {
            joined: false,
            score: pair.titles.max(pair.texts) / 2.0,
            evidence: pair.describe("too little in common"),
        },
    }
}

impl Pair<'_> {
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
        // A cut title may have lost numbers, and half a number at its end.
        let within = |x: &BTreeSet<String>, y: &BTreeSet<String>| x.is_subset(y);
        let lost = usize::from(a.is_cut) + usize::from(b.is_cut);
        let only_a = a.title_numbers.difference(&b.title_numbers).count();
        let only_b = b.title_numbers.difference(&a.title_numbers).count();
        if !within(&a.title_numbers, &b.title_numbers)
            && !within(&b.title_numbers, &a.title_numbers)
            && only_a.min(only_b) > lost
        {
            return Some("the numbers of their titles differ".into());
        }
        if lost == 0 && only_a.min(only_b) > 0 && self.titles >= 0.4 {
            return Some("their titles are alike but for the numbers".into());
        }
        let (few, many) = if a.text_numbers.len() <= b.text_numbers.len() { (a, b) } else { (b, a) };
        let common = few.text_numbers.intersection(&many.text_numbers).count();
        if !few.text_numbers.is_empty() && ratio(common, few.text_numbers.len()) < 0.5 {
            return Some("the numbers of their texts differ".into());
        }
        if let Some(turn) = self.turn() {
            return Some(format!("one tells what came after: {}{}", turn.0, turn.1));
        }
        self.other_subject()
    }

    /// A word for what came after, which one title has and the other entry has nowhere.
    fn turn(&self) -> Option<(char, char)> {
        let only = |mine: &Features, theirs: &Features| {
            let says = |turn: &&(char, char)| mine.pairs.contains(*turn);
            let silent = |turn: &&(char, char)| !theirs.pairs.contains(*turn) && !theirs.lead.contains(*turn);
            TURNS.iter().filter(says).find(silent).copied()
        };
        only(self.a, self.b).or_else(|| only(self.b, self.a))
    }

    /// The same template about somebody else: each title says what its own text says and what the
    /// other entry does not. A title without a text, and one in nearly the other's words, is taken at
    /// its word.
    fn other_subject(&self) -> Option<String> {
        let own = |mine: &Features, theirs: &Features| {
            let foreign = |pair: &&(char, char)| !theirs.pairs.contains(pair) && !theirs.lead.contains(pair);
            let meant = |pair: &&(char, char)| {
                self.titles >= 0.4 || mine.text.len() < SHORTEST_TEXT || mine.lead.contains(pair)
            };
            let names = |pair: &&(char, char)| !FUNCTION.contains([pair.0, pair.1]);
            mine.pairs.iter().filter(names).filter(foreign).any(|pair| meant(&pair))
        };
        let differ = self.titles < 1.0 && own(self.a, self.b) && own(self.b, self.a);
        differ.then(|| "they tell of different subjects".to_owned())
    }

    /// Exact evidence: one page, unless it serves many entries.
    fn has_one_link(&self) -> bool {
        self.a.link.is_some()
            && self.a.link == self.b.link
            && (self.titles >= 0.2 || self.texts >= 0.5 || self.is_beginning())
    }

    /// What proves them one story.
    fn proof(&self) -> Option<(f64, &'static str)> {
        let (a, b) = (self.a, self.b);
        let one_source = a.source == b.source;
        let shorter_title = a.title.len().min(b.title.len());
        let has_texts = self.shorter >= 24;
        if a.title == b.title && !a.is_cut && !b.is_cut && shorter_title >= 6 {
            let enough = if one_source { 0.8 } else { 0.5 };
            return match (has_texts, one_source) {
                (true, _) if self.texts >= enough => Some((0.98, "the same title and text")),
                (_, false) if shorter_title >= 12 && self.is_near => Some((0.9, "the same title")),
                _ => None,
            };
        }
        if self.is_beginning() && shorter_title >= 8 {
            return if self.shorter >= 15 {
                (self.texts >= 0.65).then_some((0.95, "one title is the beginning of the other, and the texts agree"))
            } else {
                (shorter_title >= 16 && self.is_near).then_some((0.8, "one title is the beginning of the other"))
            };
        }
        if self.titles >= 0.75 && shorter_title >= 8 && has_texts && self.texts >= 0.5 {
            return Some((0.92, "nearly the same title, and the texts agree"));
        }
        if self.titles >= 0.85 && shorter_title >= 14 && self.is_near && !one_source && !has_texts {
            return Some((0.8, "nearly the same title"));
        }
        if self.shorter >= 40 && self.titles >= 0.4 && self.texts >= 0.6 {
            return Some((0.88, "alike titles, and the texts agree"));
        }
        let enough_title = if one_source { 0.3 } else { 0.08 };
        if self.shorter >= 60 && self.texts >= 0.75 && self.titles >= enough_title {
            return Some((0.85, "the texts are the same"));
        }
        (self.shorter >= 120 && self.texts >= 0.9 && !one_source).then_some((0.85, "the texts are the same"))
    }

    /// Whether one title is cut off and the other goes on where it ends.
    fn is_beginning(&self) -> bool {
        let begins = |x: &Features, y: &Features| x.is_cut && x.title.len() >= 4 && y.title.starts_with(&x.title);
        begins(self.a, self.b) || begins(self.b, self.a)
    }

    fn describe(&self, why: &str) -> Vec<String> {
        vec![
            why.to_owned(),
            format!("titles {:.2}", self.titles),
            format!("texts {:.2} over {} characters", self.texts, self.shorter),
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
        assert!(judge(a, b).joined && judge(b, a) == judge(a, b), "{:?}", judge(a, b));
    }

    #[track_caller]
    fn two(a: &Features, b: &Features) {
        assert!(!judge(a, b).joined && !judge(b, a).joined, "{:?}", judge(a, b));
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
