//! How well stories are joined, on labelled sets, and what joining one entry costs.
//!
//! `cargo bench --bench stories -- news FOLDER [--show]` measures on labelled real news, `… fit FOLDER… [WEIGHTS.txt]`
//! fits the weights of the judgement to such sets and writes them (see `labelled/`).
//!
//! `cargo bench --bench stories -- [quality] [FOLDER…]`: the set is made here, of generated news and of the feeds
//! in the folders; each item is told by several sources with the noise of portals, beside hard
//! negatives. Prints precision and recall over pairs, then the cost at 10 thousand, 100 thousand and 1
//! million entries in the window, each against its limit.

#[path = "labelled/mod.rs"]
mod labelled;
#[path = "worked/mod.rs"]
mod worked;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use newsriver::clean::Cleaner;
use newsriver::decode::decode;
use newsriver::model::cleaning::Rules;
use newsriver::model::entry::Entry;
use newsriver::normalise::{Context, normalise};
use newsriver::parse::parse;
use newsriver::stories::{Compared, Features, Grouping, Index, Rarity, Signature, belonging, judge};

const PRECISION: f64 = 0.995;
const RECALL: f64 = 0.95;
const WORK_US: f64 = 1000.0;
const NEWCOMERS: usize = 1_000;
const BYTES: f64 = 100.0;

fn main() {
    let folders: Vec<PathBuf> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).map(PathBuf::from).collect();
    let outcome = match folders.first().and_then(|first| first.to_str()) {
        Some("fit") => {
            let is_weights = |path: &&Path| path.extension().is_some_and(|extension| extension == "txt");
            let (weights, sets): (Vec<&Path>, Vec<&Path>) =
                folders[1..].iter().map(PathBuf::as_path).partition(is_weights);
            Some(labelled::fit(&sets, weights.first().copied()).map(|()| false))
        }
        Some("news") => folders.get(1).map(|folder| labelled::measure(folder, std::env::args().any(|a| a == "--show"))),
        _ => None,
    };
    if let Some(outcome) = outcome {
        let wrong = outcome.unwrap_or_else(|error| {
            eprintln!("{error}");
            true
        });
        std::process::exit(i32::from(wrong));
    }
    // `quality` alone is quick enough for a build without optimisation.
    let only_quality = folders.first().is_some_and(|first| first == Path::new("quality"));
    let mut wrong = quality(&folders);
    wrong |= !only_quality && cost();
    std::process::exit(i32::from(wrong));
}

/// Numbers from a seed; the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }
}

/// One entry with the story it belongs to.
struct Labelled {
    story: usize,
    kind: &'static str,
    features: Features,
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_682_300_000, 0).unwrap_or_default()
}

fn told(source: &str, entry: &Entry, after: TimeDelta) -> Features {
    let seen = start() + after;
    let mut entry = entry.clone();
    entry.published = Some(seen.fixed_offset());
    drop(Cleaner::new(&Rules::default(), &[], &[], seen).clean(&mut entry));
    Features::of(source, &entry, seen.timestamp_millis())
}

const COMPANIES: [&str; 24] = [
    "捷捷微电",
    "天齐锂业",
    "云天化",
    "美利信",
    "华曙高科",
    "邦普循环",
    "佳兆业",
    "中远海控",
    "宁波银行",
    "长江电力",
    "格力电器",
    "海天味业",
    "三一重工",
    "隆基绿能",
    "药明康德",
    "恒瑞医药",
    "紫金矿业",
    "京东方",
    "中兴通讯",
    "科大讯飞",
    "顺丰控股",
    "牧原股份",
    "爱尔眼科",
    "东方财富",
];
const PLACES: [&str; 20] = [
    "青浦", "佛山", "烟台", "合肥", "郎溪", "中山", "三水", "大连", "宁波", "苏州", "无锡", "绍兴", "赣州", "柳州",
    "遵义", "洛阳", "保定", "包头", "西宁", "银川",
];
const THINGS: [&str; 16] = [
    "商业综合体",
    "污水处理厂",
    "体育公园",
    "产业园区",
    "跨江大桥",
    "儿童医院",
    "图书馆新馆",
    "轨道交通",
    "养老服务中心",
    "滨水步道",
    "冷链物流园",
    "职业学校",
    "夜间集市",
    "古城保护区",
    "智慧停车场",
    "湿地公园",
];
const MIDDLES: [&str; 12] = [
    "项目负责人介绍,目前各项准备工作已经就绪",
    "当地居民表示,希望工程能够按期完成",
    "相关部门要求,施工期间保障交通和安全",
    "专家认为,这对周边区域的发展有带动作用",
    "据介绍,项目采用了新的建设和管理方式",
    "有关方面将继续跟进,及时公布进展情况",
    "业内人士分析,此举有助于优化布局",
    "工作人员说,配套设施也在同步推进",
    "公司方面称,资金来源已经落实",
    "会议指出,要把群众的需要放在前面",
    "记者在现场看到,工人们正在紧张施工",
    "主管单位透露,下一步还将公开征求意见",
];

/// A piece of news as its first source tells it: title, and a body of sentences.
fn news(n: usize, dice: &mut Dice) -> Entry {
    let (company, place, thing) = (dice.pick(&COMPANIES), dice.pick(&PLACES), dice.pick(&THINGS));
    let (a, b, c) = (2 + dice.roll(97), 100 + dice.roll(9_800), 1 + dice.roll(28));
    let (title, lead) = match n % 6 {
        0 => (
            format!("{place}将新建{b}平方米的{thing},计划投资{a}亿元"),
            format!("{place}近日公布规划,将新建一座{b}平方米的{thing},计划投资{a}亿元"),
        ),
        1 => (
            format!("{company}:一季度净利润{b}万元,同比增长{a}%"),
            format!("{company}发布公告,一季度实现净利润{b}万元,同比增长{a}%,营业收入也有增加"),
        ),
        2 => (
            format!("{place}{thing}开放首日接待{b}人次"),
            format!("{place}{thing}正式对外开放,首日接待市民和游客{b}人次,比预计多{a}%"),
        ),
        3 => (
            format!("{company}与{place}签约,拟建设年产{b}吨的生产基地"),
            format!("{company}与{place}有关方面签署协议,拟建设年产{b}吨的生产基地,分{a}期实施"),
        ),
        4 => (
            format!("{place}出台{a}条措施支持{thing}建设"),
            format!("{place}日前印发文件,出台{a}条措施支持{thing}建设,自{c}日起施行,涉及资金{b}万元"),
        ),
        _ => (
            format!("{company}回应{place}{thing}传闻:相关报道不实"),
            format!("针对{company}参与{place}{thing}的传闻,该公司回应称相关报道不实,涉及金额{b}万元的说法没有依据"),
        ),
    };
    let mut body = lead;
    let first = dice.roll(MIDDLES.len());
    for k in 0..3 {
        body.push('。');
        body.push_str(MIDDLES[(first + k * 5) % MIDDLES.len()]);
        body.push_str(&format!(",涉及{}", THINGS[(first + k * 3 + a) % THINGS.len()]));
    }
    body.push('。');
    Entry { title, content_html: Some(body.into()), url: Some(format!("http://first.example/{n}")), ..Entry::default() }
}

/// The real entries of the folders' feeds, each title once.
fn real(folders: &[PathBuf]) -> Vec<Entry> {
    let mut files = Vec::new();
    folders.iter().for_each(|folder| collect(folder, &mut files));
    files.sort();
    let mut titles = HashSet::new();
    let mut found = Vec::new();
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let text = decode(&bytes, None, None);
        let Ok(raw) = parse(&text, None) else { continue };
        let feed = normalise(&raw, &Context { document_url: None, timezone: None, tags: &[], now: start() });
        for entry in feed.entries {
            let length = entry.content_html.as_deref().map_or(0, |html| html.chars().count());
            if entry.title.chars().count() >= 12 && length >= 120 && titles.insert(folded(&entry.title)) {
                found.push(Entry { url: None, ..entry });
            }
        }
    }
    found
}

fn folded(title: &str) -> String {
    title.chars().filter(|c| c.is_alphanumeric()).take(20).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

const PREFIXES: [&str; 6] = ["全球快看:", "【快播报】", "天天热文：", "今日要闻|", "环球观速讯!", "快讯｜"];
const SUFFIXES: [&str; 3] = ["-全球快播", "_每日短讯", "|世界热点评"];

/// Another source's telling, with the noise of portals.
fn retold(first: &Entry, kind: &'static str, dice: &mut Dice) -> Entry {
    let mut entry = Entry { url: None, ..first.clone() };
    let text = first.content_html.clone().unwrap_or_default();
    let plain = !text.contains('<');
    let characters: Vec<char> = text.chars().collect();
    let part = |from: usize, to: usize| {
        characters[from.min(characters.len())..to.min(characters.len())].iter().collect::<String>()
    };
    match kind {
        "affix" => {
            entry.title = if dice.roll(2) == 0 {
                format!("{}{}", dice.pick(&PREFIXES), entry.title)
            } else {
                format!("{}{}", entry.title, dice.pick(&SUFFIXES))
            };
        }
        "cut" => {
            let keep = entry.title.chars().count() * (5 + dice.roll(4)) / 10;
            entry.title = entry.title.chars().take(keep.max(8)).chain("...".chars()).collect();
            if plain {
                entry.content_html = Some(format!("{}...", part(0, 50)).into());
            }
        }
        "punctuation" => {
            entry.title = entry.title.replace(',', "，").replace(':', "：").replace('%', "％");
            entry.content_html = Some(text.replace(',', "，").replace('。', "。 ").into());
        }
        "reworded" => {
            entry.title = format!("{}{}", entry.title, ["", "!", "?", "。"][dice.roll(4)]).replacen("将", "拟", 1);
            if plain {
                entry.content_html = Some(format!("日前有消息说,{}", part(2, characters.len() * 8 / 10)).into());
            }
        }
        "traditional" => {
            entry.title = traditional(&entry.title);
            entry.content_html = Some(traditional(&text).into());
        }
        "partial" if plain => entry.content_html = Some(format!("{}...", part(0, characters.len() * 4 / 10)).into()),
        "brief" => {
            entry.title = format!("快讯｜{}", entry.title);
            if plain {
                entry.content_html = Some(format!("{} {}", first.title, part(0, 60)).into());
            }
        }
        _ => {}
    }
    entry
}

fn traditional(text: &str) -> String {
    const PAIRS: [(char, char); 24] = [
        ('与', '與'),
        ('业', '業'),
        ('东', '東'),
        ('产', '產'),
        ('亿', '億'),
        ('设', '設'),
        ('资', '資'),
        ('园', '園'),
        ('场', '場'),
        ('计', '計'),
        ('划', '劃'),
        ('项', '項'),
        ('发', '發'),
        ('对', '對'),
        ('开', '開'),
        ('关', '關'),
        ('会', '會'),
        ('报', '報'),
        ('进', '進'),
        ('长', '長'),
        ('万', '萬'),
        ('现', '現'),
        ('级', '級'),
        ('务', '務'),
    ];
    let map: HashMap<char, char> = PAIRS.into();
    text.chars().map(|c| map.get(&c).copied().unwrap_or(c)).collect()
}

fn labelled(folders: &[PathBuf]) -> Vec<Labelled> {
    let mut dice = Dice(20_230_424);
    let mut titles = HashSet::new();
    let mut bases: Vec<Entry> =
        (0..2_000).map(|n| news(n, &mut dice)).filter(|entry| titles.insert(entry.title.clone())).collect();
    let made = bases.len();
    bases.extend(real(folders));
    println!("labelled set: {made} generated items, {} of real feeds", bases.len() - made);
    let kinds = ["affix", "cut", "punctuation", "reworded", "traditional", "partial", "brief"];
    let mut all = Vec::new();
    let mut stories = 0;
    for base in &bases {
        let story = stories;
        stories += 1;
        let hour = TimeDelta::minutes(i64::try_from(dice.roll(4 * 24 * 60)).unwrap_or(0));
        all.push(Labelled { story, kind: "first", features: told("first", base, hour) });
        for k in 0..3 {
            let kind = kinds[dice.roll(kinds.len())];
            let later = hour + TimeDelta::minutes(i64::try_from(5 + dice.roll(20 * 60)).unwrap_or(0));
            let source = ["second", "third", "fourth"][k];
            all.push(Labelled { story, kind, features: told(source, &retold(base, kind, &mut dice), later) });
        }
        // Hard negatives, each a story of its own.
        for (kind, entry, later) in negatives(base, &mut dice) {
            all.push(Labelled { story: stories, kind, features: told("other", &entry, hour + later) });
            stories += 1;
        }
    }
    // Columns with constant titles, every day another text.
    for day in 0..7 {
        for (column, title) in ["财经早餐", "今日油价一览", "青浦新闻", "每日一图看懂市场变化"].iter().enumerate()
        {
            let body = news(day * 7 + column, &mut dice).content_html.unwrap_or_default();
            let entry = Entry { title: (*title).to_owned(), content_html: Some(body), ..Entry::default() };
            all.push(Labelled {
                story: stories,
                kind: "column",
                features: told("first", &entry, TimeDelta::hours(i64::try_from(day * 24).unwrap_or(0))),
            });
            stories += 1;
        }
    }
    // Order of arrival must not matter, so it is shuffled.
    for n in (1..all.len()).rev() {
        all.swap(n, dice.roll(n + 1));
    }
    all
}

fn negatives(base: &Entry, dice: &mut Dice) -> Vec<(&'static str, Entry, TimeDelta)> {
    let text = base.content_html.clone().unwrap_or_default();
    let mut found = Vec::new();
    if let Some(company) = COMPANIES.iter().find(|company| base.title.contains(**company)) {
        let other = COMPANIES.iter().cycle().skip(dice.roll(24)).find(|other| *other != company).unwrap_or(company);
        let entry = Entry {
            title: base.title.replace(company, other),
            content_html: Some(text.replace(company, other).into()),
            url: None,
            ..base.clone()
        };
        found.push(("other company", entry, TimeDelta::hours(3)));
    }
    if let Some(place) = PLACES.iter().find(|place| base.title.contains(**place)) {
        let other = PLACES.iter().cycle().skip(dice.roll(20)).find(|other| *other != place).unwrap_or(place);
        let entry = Entry {
            title: base.title.replace(place, other),
            content_html: Some(text.replace(place, other).into()),
            url: None,
            ..base.clone()
        };
        found.push(("other place", entry, TimeDelta::hours(5)));
    }
    if base.title.chars().any(|c| c.is_ascii_digit()) && !text.contains('<') {
        let shift = |text: &str| {
            text.chars()
                .map(|c| if c.is_ascii_digit() { char::from((c as u8 - b'0' + 3) % 10 + b'0') } else { c })
                .collect::<String>()
        };
        let entry =
            Entry { title: shift(&base.title), content_html: Some(shift(&text).into()), url: None, ..base.clone() };
        found.push(("other numbers", entry, TimeDelta::hours(7)));
    }
    if !text.contains('<') && dice.roll(3) == 0 {
        let entry = Entry {
            title: format!("{}后续:有关方面公布调查结果", base.title.chars().take(12).collect::<String>()),
            content_html: Some(
                format!(
                    "针对{}的消息,有关方面公布了调查结果,{}。后续工作正在进行,相关责任人已被约谈,整改将在{}天内完成。",
                    base.title,
                    MIDDLES[dice.roll(12)],
                    3 + dice.roll(40)
                )
                .into(),
            ),
            ..Entry::default()
        };
        found.push(("follow-up", entry, TimeDelta::hours(20)));
    }
    found
}

/// Joins the set as the store would, and compares with the labels.
fn quality(folders: &[PathBuf]) -> bool {
    let all = labelled(folders);
    let mut grouping = Grouping::default();
    for item in &all {
        grouping.add(item.features.clone());
    }
    let root = |n: usize| grouping.story(n);
    let judge = |a: &Features, b: &Features| judge(a, b, grouping.rarity());
    let mut clusters: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut stories: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (n, item) in all.iter().enumerate() {
        clusters.entry(root(n)).or_default().push(n);
        stories.entry(item.story).or_default().push(n);
    }
    let pairs = |groups: &BTreeMap<usize, Vec<usize>>| {
        groups.values().map(|group| group.len() * (group.len() - 1) / 2).sum::<usize>()
    };
    let mut right = 0;
    let (mut missed, mut false_joins): (BTreeMap<&str, usize>, BTreeMap<String, usize>) = Default::default();
    let mut shown = 0;
    for group in clusters.values() {
        for (k, &a) in group.iter().enumerate() {
            for &b in &group[k + 1..] {
                if all[a].story == all[b].story {
                    right += 1;
                } else {
                    *false_joins.entry(format!("{} / {}", all[a].kind, all[b].kind)).or_default() += 1;
                    let judged = judge(&all[a].features, &all[b].features);
                    if judged.joined && shown < 12 {
                        shown += 1;
                        let title = |n: usize| all[n].features.title.iter().collect::<String>();
                        println!("  false: {} | {} | {:?}", title(a), title(b), judged.evidence);
                    }
                }
            }
        }
    }
    for group in stories.values() {
        for (k, &a) in group.iter().enumerate() {
            for &b in &group[k + 1..] {
                if root(a) != root(b) {
                    if shown < 30 {
                        shown += 1;
                        let title = |n: usize| all[n].features.title.iter().collect::<String>();
                        println!(
                            "  missed: {} | {} | {:?}",
                            title(a),
                            title(b),
                            judge(&all[a].features, &all[b].features).evidence
                        );
                    }
                    *missed.entry(if all[a].kind == "first" { all[b].kind } else { all[a].kind }).or_default() += 1;
                }
            }
        }
    }
    let (joined, wanted) = (pairs(&clusters), pairs(&stories));
    let (precision, recall) = (right as f64 / joined.max(1) as f64, right as f64 / wanted.max(1) as f64);
    println!("{} entries, {} stories, {wanted} pairs to join", all.len(), stories.len());
    println!(
        "precision {precision:.4} (limit {PRECISION}) {}; false joins {false_joins:?}",
        verdict(precision >= PRECISION)
    );
    println!("recall    {recall:.4} (limit {RECALL}) {}; missed {missed:?}", verdict(recall >= RECALL));
    precision < PRECISION || recall < RECALL
}

fn verdict(holds: bool) -> &'static str {
    if holds { "ok" } else { "NOT MET" }
}

/// The cost of finding the story of one entry: its cleaning and features, the lookup, the features of
/// each candidate and the judgements.
fn cost() -> bool {
    let mut wrong = false;
    for size in [10_000_usize, 100_000, 1_000_000] {
        let mut dice = Dice(7);
        let (mut index, mut rarity) = (Index::default(), Rarity::default());
        let mut kept: Vec<Entry> = Vec::new();
        for n in 0..size {
            let minutes = i64::try_from(n * 7 * 24 * 60 / size).unwrap_or(0);
            let (entry, features) = light(n, &mut dice, minutes);
            drop(rarity.add(features.time.seen, &features.words.keys().collect::<Vec<_>>()));
            index.insert(i64::try_from(n).unwrap_or(0), features.time, &Signature::of(&features, &rarity));
            if n % (size / 10_000) == 0 {
                kept.push(entry);
            }
        }
        let mut times = Vec::new();
        let mut offered = 0;
        let before = worked::worked();
        for n in 0..NEWCOMERS {
            let entry = news(size + n, &mut dice);
            let after = TimeDelta::days(6);
            let begin = Instant::now();
            let features = told("newcomer", &entry, after);
            let found = index.candidates(features.time, &Signature::of(&features, &rarity), &rarity);
            // The store reads each candidate and looks at it anew; here one of its kind stands for it.
            let member = |row: i64| Compared {
                row,
                story: row,
                features: Arc::new(Features::of(
                    "many",
                    &kept[usize::try_from(row).unwrap_or(0) % kept.len()],
                    features.time.seen,
                )),
            };
            let candidates: Vec<Compared> = found.iter().map(|row| member(*row)).collect();
            let members = |story: i64| Ok::<_, std::convert::Infallible>(vec![member(story)]);
            std::hint::black_box(belonging(&features, &candidates, &rarity, members).is_ok());
            times.push(begin.elapsed().as_secs_f64() * 1e6);
            offered += found.len();
        }
        // The time that goes by is that of other programs, too; the work of the thread is known to a few milliseconds.
        let work = (worked::worked() - before).as_secs_f64() * 1e6 / NEWCOMERS as f64;
        times.sort_by(f64::total_cmp);
        let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        let bytes = index.bytes_per_entry();
        let holds = work < WORK_US && bytes < BYTES;
        println!(
            "{size:>9} entries: work {work:.0} us (limit {WORK_US:.0}), median {median:.0} us, p99 {p99:.0} us, {:.1} candidates, {bytes:.1} bytes an entry (limit {BYTES:.0}) {}",
            offered as f64 / NEWCOMERS as f64,
            verdict(holds)
        );
        wrong |= !holds;
    }
    wrong
}

/// Features of a generated item, without the cleaning that a million of them need not repeat.
fn light(n: usize, dice: &mut Dice, minutes: i64) -> (Entry, Features) {
    let mut entry = news(n, dice);
    let seen = start() + TimeDelta::minutes(minutes);
    entry.published = Some(seen.fixed_offset());
    let features = Features::of("many", &entry, seen.timestamp_millis());
    (entry, features)
}
