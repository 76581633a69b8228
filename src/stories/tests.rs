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
        content_html: Some(cut(text, telling.share)),
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

/// An entry is compared with the stories that there are when it comes, so which of two half-alike tellings
/// came first can decide; docs/stories.md states how seldom.
#[test]
fn the_order_of_arrival_changes_little() {
    let tellings: Vec<Telling> = (0..NEWS.len())
        .flat_map(|news| (0..6).map(move |portal| Telling { news, portal, share: 3 + (news + portal * 3) % 8 }))
        .collect();
    let all: Vec<Features> = tellings.iter().map(features).collect();
    let forwards: Vec<usize> = (0..all.len()).collect();
    let reference = partition(&all, &forwards);
    let (mut seed, mut pairs, mut changed) = (7_u64, 0, 0);
    for _ in 0..40 {
        let mut order = forwards.clone();
        for n in (1..order.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            order.swap(n, (seed >> 33) as usize % (n + 1));
        }
        let stories = partition(&all, &order);
        for a in 0..all.len() {
            for b in a + 1..all.len() {
                if tellings[a].news == tellings[b].news {
                    pairs += 1;
                    changed += usize::from((stories[a] == stories[b]) != (reference[a] == reference[b]));
                }
            }
        }
    }
    assert!(changed * 20 <= pairs, "{changed} of {pairs} pairs depend on the order");
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
