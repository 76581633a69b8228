//! The rules together: order, idempotence, switches.

use super::*;
use crate::model::cleaning::Rules;

fn cleaned(entry: Entry) -> (Entry, Vec<Firing>) {
    cleaned_by(&Rules::default(), entry)
}

fn cleaned_by(rules: &Rules, mut entry: Entry) -> (Entry, Vec<Firing>) {
    let now = DateTime::from_timestamp(1_682_316_000, 0).unwrap_or_default();
    let fired = Cleaner::new(rules, &[], &[], now).clean(&mut entry);
    (entry, fired)
}

fn shouted() -> Entry {
    Entry {
        url: Some("http://e.org/n/1?utm_source=feed".into()),
        title: "全球快看：捷捷微电：接受开源证券等机构调研".into(),
        content_html: Some(
            "<p>(资料图)</p><p>南方财经4月24日电,捷捷微电(SZ300623)接受调研。</p><p>责任编辑:张三</p><p>关键词:</p>"
                .into(),
        ),
        summary: Some("捷捷微电:接受开源证券等机构...".into()),
        ..Entry::default()
    }
}

#[test]
fn every_rule_does_its_part_and_says_so() {
    let (entry, fired) = cleaned(shouted());
    assert_eq!(entry.title, "捷捷微电：接受开源证券等机构调研");
    assert_eq!(entry.title_original.as_deref(), Some("全球快看：捷捷微电：接受开源证券等机构调研"));
    assert_eq!(entry.url.as_deref(), Some("http://e.org/n/1"));
    assert_eq!(entry.content_html.as_deref(), Some("<p>南方财经4月24日电,捷捷微电(SZ300623)接受调研。</p>"));
    assert_eq!(entry.summary, None);
    assert_eq!(entry.attribution.as_deref(), Some("南方财经"));
    assert_eq!(entry.stated_date.map(|d| d.to_string()).as_deref(), Some("2023-04-24"));
    assert!(entry.date_is_stated && entry.published.is_some());
    assert_eq!((&entry.tickers, &entry.tags), (&vec!["SZ300623".to_owned()], &vec!["SZ300623".to_owned()]));
    let names: Vec<_> = fired.iter().map(|f| f.rule.name()).collect();
    assert_eq!(names, ["links", "hype", "captions", "echo", "attribution", "tails", "dates", "dates", "tickers"]);
    assert_eq!(cleaned(entry.clone()), (entry, Vec::new()), "twice is the same as once");
}

#[test]
fn each_rule_can_be_switched_off() {
    for rule in Rule::ALL {
        let rules = Rules { off: [rule].into(), affixes: Vec::new() };
        let (_, fired) = cleaned_by(&rules, shouted());
        assert!(fired.iter().all(|f| f.rule != rule), "{}", rule.name());
    }
    let none = Rules { off: Rule::ALL.into(), affixes: Vec::new() };
    assert_eq!(cleaned_by(&none, shouted()), (shouted(), Vec::new()));
}

#[test]
fn the_date_of_the_feed_outranks_that_of_the_text() {
    let given = DateTime::parse_from_rfc3339("2022-05-01T08:00:00+08:00").ok();
    let (entry, _) = cleaned(Entry { published: given, ..shouted() });
    assert_eq!((entry.published, entry.date_is_stated), (given, false));
    assert_eq!(entry.stated_date.map(|d| d.to_string()).as_deref(), Some("2022-04-24"));
}

proptest::proptest! {
    #[test]
    fn cleaning_is_idempotent_and_keeps_what_it_does_not_name(
        title in "[全球快看今日热闻:：!【】_\\-ＡＢ１青浦园区开展调研 ]{0,30}",
        lines in proptest::collection::vec("[(资料图)关键词责任编辑:：张三青浦园区4月23日下午,，。电讯 ]{0,20}", 0..5),
        summary in proptest::option::of("[青浦园区开展调研… ]{0,12}"),
    ) {
        let html: String = lines.iter().map(|line| format!("<p>{line}</p>")).collect();
        let entry = Entry { url: Some("http://e.org/".into()), title: title.clone(), content_html: crate::html::SanitisedHtml::of_html(&html, None), summary, ..Entry::default() };
        let (once, _) = cleaned(entry);
        proptest::prop_assert!(title.trim().is_empty() || !once.title.is_empty());
        let (twice, fired) = cleaned(once.clone());
        proptest::prop_assert_eq!(&twice, &once);
        proptest::prop_assert!(fired.is_empty(), "{:?}", fired);
    }
}
