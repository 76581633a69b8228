//! Joining as a whole: no order of arrival joins two pieces of news, and it changes little else.

use proptest::prelude::*;

use super::*;
use crate::model::entry::Entry;

/// One telling: which news, by which portal, cut to how much of it.
#[derive(Debug, Clone)]
struct Telling {
    news: usize,
    portal: usize,
    share: usize,
}

const NEWS: [(&str, &str); 5] = [
    (
        "佳兆业已累计交付15个项目、9430套房源",
        "佳兆业中山香山熙园二期迎来交付,同日该司还公布了交付情况,已累计交付15个项目、9430套房源,后续还将继续推进。",
    ),
    (
        "佳兆业已累计交付21个项目、11020套房源",
        "佳兆业公布最新的交付情况,已累计交付21个项目、11020套房源,比上个月有所增加,其中大湾区占了一半以上。",
    ),
    (
        "捷捷微电:接受开源证券等机构调研",
        "捷捷微电(SZ300623)发布公告称,公司接受开源证券等机构调研,董事会秘书参与接待并回答了投资者的提问。",
    ),
    (
        "天齐锂业:接受开源证券等机构调研",
        "天齐锂业(SZ002466)发布公告称,公司接受开源证券等机构调研,董事会秘书参与接待并回答了投资者的提问。",
    ),
    (
        "佛山新城将建16万方高端商业体",
        "佛山新城的商业综合体项目近日公布规划,总建筑面积约16万平方米,建成后将引入多家品牌,服务周边居民。",
    ),
];

fn features(telling: &Telling) -> Features {
    let (title, text) = NEWS[telling.news];
    let cut = |text: &str, tenths: usize| -> String {
        let keep = text.chars().count() * tenths / 10;
        if tenths >= 10 { text.to_owned() } else { text.chars().take(keep).chain("...".chars()).collect() }
    };
    let entry = Entry {
        title: cut(title, telling.share.max(7)),
        content_html: Some(cut(text, telling.share).into()),
        tickers: if telling.share > 3 {
            text.split(['(', ')']).nth(1).map(str::to_owned).into_iter().collect()
        } else {
            Vec::new()
        },
        ..Entry::default()
    };
    Features::of(&format!("portal-{}", telling.portal), &entry, i64::try_from(telling.portal).unwrap_or(0) * 60_000)
}

/// Which entries end up together when they arrive in this order, as a name for each: its least member.
fn partition(all: &[Features], order: &[usize]) -> Vec<usize> {
    let mut grouping = Grouping::default();
    for &n in order {
        grouping.add(all[n].clone());
    }
    let story = |n: usize| order.iter().position(|o| *o == n).map(|arrival| grouping.story(arrival));
    (0..all.len()).map(|n| (0..all.len()).find(|m| story(*m) == story(n)).unwrap_or(n)).collect()
}

proptest! {
    #[test]
    fn no_order_of_arrival_joins_two_pieces_of_news(
        tellings in proptest::collection::vec((0..NEWS.len(), 0..6_usize, 3..11_usize), 2..14),
        shuffle in proptest::collection::vec(0..1_000_u32, 14),
    ) {
        let tellings: Vec<Telling> = tellings.into_iter().map(|(news, portal, share)| Telling { news, portal, share }).collect();
        let all: Vec<Features> = tellings.iter().map(features).collect();
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|n| (shuffle[*n], *n));
        let stories = partition(&all, &order);
        for (a, x) in stories.iter().enumerate() {
            for (b, y) in stories.iter().enumerate() {
                prop_assert!(x != y || tellings[a].news == tellings[b].news, "{:?} {:?}", tellings[a], tellings[b]);
            }
        }
    }
}

/// Other orders of so many things, the same each time.
fn shuffles(count: usize, things: usize) -> Vec<Vec<usize>> {
    let mut seed = 7_u64;
    let mut order: Vec<usize> = (0..things).collect();
    let mut next = || {
        for n in (1..order.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            order.swap(n, (seed >> 33) as usize % (n + 1));
        }
        order.clone()
    };
    (0..count).map(|_| next()).collect()
}

/// The share of the pairs of one news, of which each order has some together that the first has not, or the other way
/// round; no order has two pieces of news in one story.
fn decided_by_order(all: &[Features], news: &[usize]) -> f64 {
    let reference = partition(all, &(0..all.len()).collect::<Vec<_>>());
    let (mut pairs, mut changed) = (0, 0);
    for order in shuffles(40, all.len()) {
        let stories = partition(all, &order);
        for a in 0..all.len() {
            for b in a + 1..all.len() {
                let is_one = stories[a] == stories[b];
                assert!(news[a] == news[b] || !is_one, "{a} and {b} in {order:?}");
                pairs += usize::from(news[a] == news[b]);
                changed += usize::from(news[a] == news[b] && is_one != (reference[a] == reference[b]));
            }
        }
    }
    changed as f64 / pairs as f64
}

/// An entry is compared with the stories that there are when it comes, so which of two half-alike tellings
/// came first can decide; docs/stories.md states how seldom.
#[test]
fn the_order_of_arrival_changes_little() {
    let tellings: Vec<Telling> = (0..NEWS.len())
        .flat_map(|news| (0..6).map(move |portal| Telling { news, portal, share: 3 + (news + portal * 3) % 8 }))
        .collect();
    let all: Vec<Features> = tellings.iter().map(features).collect();
    let news: Vec<usize> = tellings.iter().map(|telling| telling.news).collect();
    let share = decided_by_order(&all, &news);
    assert!(share <= 1.0 / 16.0, "{share} of the pairs depend on the order");
}

const IN_OTHER_WORDS: [[&str; 4]; 5] = [
    ["星河航空宣布暂停北线航班", "星河航空：暂停北线全部航班", "北线航班被星河航空叫停", "星河航空停飞北线"],
    [
        "云州大学取消期末考试",
        "云州大学宣布取消今年期末考试",
        "如何看待云州大学取消期末考试？",
        "云州大学期末考试取消 改交论文",
    ],
    [
        "Harbour bridge in Westport closes after crane collapse",
        "Crane collapse shuts Westport harbour bridge",
        "Westport bridge shut as crane collapses into harbour",
        "Westport: harbour bridge shut by collapsed crane",
    ],
    ["林远山夺得男子百米金牌", "林远山男子百米夺金 创赛会纪录", "男子百米：林远山摘金", "林远山拿下男子百米冠军"],
    [
        "Norland minister resigns over ferry disaster",
        "Ferry disaster: Norland transport minister quits",
        "Norland's transport minister resigns after ferry disaster",
        "Minister quits over Norland ferry disaster that left 20 dead",
    ],
];

#[test]
fn the_order_changes_more_of_what_is_told_in_other_words_and_joins_no_other_news() {
    let tellings = (IN_OTHER_WORDS.iter().enumerate())
        .flat_map(|(news, titles)| titles.iter().enumerate().map(move |(source, title)| (news, source, title)));
    let (news, all): (Vec<usize>, Vec<Features>) =
        tellings.map(|(news, source, title)| (news, titled(&format!("source-{source}"), title, 0))).unzip();
    let share = decided_by_order(&all, &news);
    assert!(share <= 1.0 / 7.0, "{share} of the pairs depend on the order");
}

#[test]
fn a_portal_that_repeats_itself_hides_no_other() {
    let telling = |news: usize, share: usize| features(&Telling { news, portal: 0, share });
    let (mut index, rarity) = (Index::default(), Rarity::default());
    let insert = |index: &mut Index, row: i64, features: &Features| {
        index.insert(row, features.time, &Signature::of(features, &rarity));
    };
    for n in 0..6 {
        insert(&mut index, n, &telling(1, 3));
    }
    insert(&mut index, 6, &telling(0, 9));
    let cut = telling(0, 3);
    assert!(index.candidates(cut.time, &Signature::of(&cut, &rarity), &rarity).contains(&6));
}

/// The pairs of docs/manual.md, each with the first words of its evidence; all within three hours.
const EXAMPLES: [(&str, &str, bool, &str); 10] = [
    ("青川湖大桥今日建成通车", "青川湖大桥建成通车，全长12公里", true, "the titles tell the same news"),
    ("星河航空宣布暂停北线航班", "星河航空：暂停北线全部航班", true, "the titles tell the same news"),
    ("林远山夺得男子百米金牌", "林远山男子百米夺金 创赛会纪录", true, "the titles tell the same news"),
    (
        "云州大学宣布取消期末考试",
        "如何看待云州大学取消期末考试，哪些信息值得关注？",
        true,
        "the titles tell the same news",
    ),
    (
        "Harbour bridge in Westport closes after crane collapse",
        "Westport harbour bridge closed after crane collapses",
        true,
        "the titles tell the same news",
    ),
    ("云州大学宣布取消期末考试", "云州大学为何取消期末考试", false, "one asks about what the other tells"),
    ("创业指数收盘跌超4%", "创业指数收盘跌超3%", false, "their titles give different numbers for the same thing"),
    (
        "全运会乒乓球女团半决赛名单公布",
        "全运会乒乓球男团半决赛名单公布",
        false,
        "their titles say things of which only one can be true",
    ),
    (
        "早报：星河航空暂停北线航班；青川湖大桥通车",
        "星河航空宣布暂停北线航班",
        false,
        "one holds several pieces of news",
    ),
    ("星河航空宣布暂停北线航班", "星河航空发布三季度财报", false, "too little in common"),
];

/// An entry without a text.
fn titled(source: &str, title: &str, minutes: i64) -> Features {
    Features::of(source, &Entry { title: title.into(), ..Entry::default() }, minutes * 60_000)
}

#[test]
fn the_examples_of_the_manual_are_judged_as_it_says() {
    let manual = include_str!("../../docs/manual.md");
    let rows: Vec<String> = (EXAMPLES.iter())
        .map(|(a, b, joined, why)| {
            let judged = judge_in_full(&titled("a", a, 0), &titled("b", b, 180), &Rarity::default());
            assert_eq!((judged.joined, judged.evidence[0].as_str()), (*joined, *why), "{a} | {b}: {judged:?}");
            format!("| {a} | {b} | {}: {} |", if *joined { "joined" } else { "two" }, judged.evidence.join("; "))
        })
        .collect();
    let missing: Vec<&String> = rows.iter().filter(|row| !manual.contains(*row)).collect();
    assert!(missing.is_empty(), "not in the manual:\n{}", rows.join("\n"));
}

/// Three tellings of one news, of which no two alone need be alike enough.
const TOLD_THRICE: [&str; 3] = [
    "Harbour bridge in Westport closes after crane collapse",
    "Crane collapse shuts Westport harbour bridge",
    "Westport bridge shut as crane collapses into harbour",
];

#[test]
fn tellings_bear_each_other_out_in_any_order() {
    let all: Vec<Features> =
        TOLD_THRICE.iter().enumerate().map(|(n, title)| titled(&format!("source-{n}"), title, 0)).collect();
    assert_ne!(partition(&all[..2], &[0, 1])[1], 0, "two alone are not alike enough");
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(partition(&all, &order), [0, 0, 0], "{order:?}");
    }
}

#[test]
fn a_source_bears_nothing_out_for_itself() {
    let all: Vec<Features> = TOLD_THRICE.iter().map(|title| titled("hostile", title, 0)).collect();
    let trusted = titled("trusted", TOLD_THRICE[0], 0);
    let mut grouping = Grouping::default();
    grouping.add(trusted);
    // What resembles the trusted telling a little less each time is judged by the trusted telling alone.
    grouping.add(all[1].clone());
    assert_ne!(grouping.story(1), grouping.story(0));
    grouping.add(all[1].clone());
    assert_ne!(grouping.story(2), grouping.story(0));
}

/// A hostile source tells a little less of a trusted story and a little more of its own each time.
#[test]
fn no_source_pulls_a_story_towards_its_own_words() {
    let mut grouping = Grouping::default();
    grouping.add(titled("trusted", "青川湖大桥今日建成通车运营", 0));
    let steps = [
        "青川湖大桥今日建成通车免费",
        "青川湖大桥今日建成免费领取",
        "青川湖大桥今日免费领取礼品",
        "青川湖今日免费领取礼品红包",
        "今日免费领取礼品红包点此注册",
    ];
    for (n, step) in steps.iter().enumerate() {
        grouping.add(titled("hostile", step, 1 + i64::try_from(n).unwrap_or(0)));
    }
    assert_ne!(grouping.story(steps.len()), grouping.story(0), "its last words are in the trusted story");
    assert_ne!(grouping.story(steps.len() - 1), grouping.story(0));
}

#[test]
fn a_text_that_holds_two_stories_joins_them_neither_as_first_nor_as_last() {
    let (one, other) = (NEWS[0], NEWS[4]);
    let of = |source: &str, title: &str, text: &str| {
        let entry = Entry { title: title.into(), content_html: Some(text.into()), ..Entry::default() };
        Features::of(source, &entry, 0)
    };
    let both = of("hostile", one.0, &format!("{}{}", one.1, other.1));
    let all = [of("a", one.0, one.1), of("b", other.0, other.1), both];
    for order in [[0, 1, 2], [2, 0, 1], [0, 2, 1], [1, 2, 0]] {
        let stories = partition(&all, &order);
        assert_ne!(stories[0], stories[1], "{order:?}");
    }
}
