//! Joining as a whole: whatever the order of arrival, the same entries end up together.

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

/// Which entries end up together when they arrive in this order, as a name for each.
fn partition(all: &[Features], order: &[usize]) -> Vec<usize> {
    let mut index = Index::default();
    let mut story: Vec<usize> = (0..all.len()).collect();
    for &n in order {
        let signature = Signature::of(&all[n]);
        for other in index.candidates(all[n].time, signature) {
            let other = usize::try_from(other).unwrap_or(0);
            if judge(&all[n], &all[other]).joined {
                let (from, to) = (story[n].max(story[other]), story[n].min(story[other]));
                story.iter_mut().filter(|s| **s == from).for_each(|s| *s = to);
            }
        }
        index.insert(i64::try_from(n).unwrap_or(0), all[n].time, signature);
    }
    story
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        tellings in proptest::collection::vec((0..NEWS.len(), 0..6_usize, 3..11_usize), 2..14),
        shuffle in proptest::collection::vec(0..1_000_u32, 14),
    ) {
        let tellings: Vec<Telling> = tellings.into_iter().map(|(news, portal, share)| Telling { news, portal, share }).collect();
        let all: Vec<Features> = tellings.iter().map(features).collect();
        let forwards: Vec<usize> = (0..all.len()).collect();
        let mut shuffled = forwards.clone();
        shuffled.sort_by_key(|n| (shuffle[*n], *n));
        let stories = partition(&all, &forwards);
        prop_assert_eq!(&stories, &partition(&all, &shuffled));
        for (a, x) in stories.iter().enumerate() {
            for (b, y) in stories.iter().enumerate() {
                prop_assert!(x != y || tellings[a].news == tellings[b].news, "{:?} {:?}", tellings[a], tellings[b]);
            }
        }
    }
}

#[test]
fn a_portal_that_repeats_itself_hides_no_other() {
    let telling = |news: usize, share: usize| features(&Telling { news, portal: 0, share });
    let mut index = Index::default();
    for n in 0..6 {
        let (time, signature) = (telling(1, 3).time, Signature::of(&telling(1, 3)));
        index.insert(n, time, signature);
    }
    index.insert(6, telling(0, 9).time, Signature::of(&telling(0, 9)));
    let cut = telling(0, 3);
    assert!(index.candidates(cut.time, Signature::of(&cut)).contains(&6));
}
