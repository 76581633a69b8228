//! Who is shown, under which title, date and place; and what a hostile member may not do.

use chrono::DateTime;

use super::*;
use crate::model::source::SourceId;

const FULL: &str = "<p>青浦工业园区周一开展调研,区领导走访了三家企业,了解它们的订单、用工和用电。座谈会上,企业代表提出了七条建议,园区答应在月底前逐条答复。</p>";

const SEEN: i64 = 1_682_300_000;

fn id(source: &str) -> SourceId {
    SourceId::new(source).unwrap_or_else(|_| unreachable!("a plain id"))
}

/// A member that was first seen `row` seconds after [`SEEN`], undated.
fn member(row: i64, source: &str, title: &str, body: &str) -> Member {
    let seen = DateTime::from_timestamp(SEEN + row, 0).unwrap_or_default();
    let stored = StoredEntry {
        row,
        river_id: format!("id-{row}"),
        source: id(source),
        first_seen: seen,
        changed_at: seen,
        order: seen,
        entry: Entry {
            title: title.into(),
            content_html: (!body.is_empty()).then(|| body.into()),
            url: Some(format!("http://{source}/{row}")),
            ..Entry::default()
        },
        told_by: id(source),
        tellings: Vec::new(),
    };
    Member { stored, is_initial: false }
}

/// The same, dated `hours` before it was seen.
fn dated(hours: f64, member: Member) -> Member {
    let date = member.stored.first_seen - TimeDelta::seconds((hours * 3600.0) as i64);
    let entry = Entry { published: Some(date.fixed_offset()), ..member.stored.entry };
    Member { stored: StoredEntry { entry, order: date, ..member.stored }, ..member }
}

/// The story as it is shown, at the place that the store gives it.
fn story(members: &[Member], priorities: &Priorities) -> StoredEntry {
    let refs: Vec<&Member> = members.iter().collect();
    let order = timekeeper(&refs, priorities).map(|member| member.stored.order).unwrap_or_default();
    tell(&StoredEntry { order, ..members[0].stored.clone() }, &refs, priorities)
}

fn plain(members: &[Member]) -> StoredEntry {
    story(members, &Priorities::new())
}

#[test]
fn a_cut_telling_gives_way_under_the_first_id() {
    let lead = member(1, "list", "佳兆业已累计交付15个...", "一句");
    let brief = member(2, "briefs", "快讯|佳兆业已累计交付15个项目", "一句话的快讯");
    let mut full =
        member(3, "portal", "佳兆业已累计交付15个项目", "一句话的快讯,长得多的报道,讲了来龙去脉,也讲了以后的打算。");
    full.stored.entry.tickers = vec!["HK01638".into()];
    full.stored.entry.attribution = Some("观点网".into());
    let told = plain(&[lead.clone(), brief, full.clone()]);
    assert_eq!((told.river_id.as_str(), told.row, told.order), ("id-1", 1, lead.stored.order));
    assert_eq!(told.entry.title, "佳兆业已累计交付15个项目");
    assert_eq!(told.entry.content_html, full.stored.entry.content_html);
    assert_eq!((told.told_by.as_str(), told.tellings.len()), ("portal", 3));
    assert_eq!(told.changed_at, full.stored.changed_at);
    assert_eq!(told.entry.attribution.as_deref(), Some("观点网"));
}

#[test]
fn a_cut_title_is_restored_and_the_earliest_date_shown() {
    let cut = dated(0.3, member(1, "a", "抓转型、求突破,全面提升园区…", FULL));
    let whole = dated(0.9, member(2, "b", "抓转型、求突破,全面提升园区发展质量", "短文。"));
    let told = plain(&[cut.clone(), whole.clone()]);
    assert_eq!(told.entry.title, "抓转型、求突破,全面提升园区发展质量");
    assert_eq!(told.told_by.as_str(), "a", "a cut title costs the words nothing");
    assert_eq!(told.entry.published, whole.stored.entry.published);
    assert_eq!(told.order, whole.stored.order, "date and place agree");
    let alone = plain(std::slice::from_ref(&cut));
    assert_eq!((alone.entry, alone.changed_at), (cut.stored.entry, cut.stored.changed_at));
}

#[test]
fn a_copy_takes_neither_words_nor_link_nor_date() {
    let good = dated(0.1, member(1, "good", "青浦工业园区开展调研", FULL));
    for (what, body) in [
        ("with a first paragraph of its own", format!("<p>本站独家:请看本站的广告,本站什么都有,便宜得很。</p>{FULL}")),
        ("with a last paragraph of its own", format!("{FULL}<p>本站独家:请看本站的广告,本站什么都有,便宜得很。</p>")),
        ("the longer one", FULL.repeat(3)),
    ] {
        for days in [-2.0, 0.0, 0.5, 1.0, 6.0, 300.0] {
            let copies = (2..5).map(|row| dated(days * 24.0, member(row, "bad", "点击查看惊人内幕,区领导调研", &body)));
            let members: Vec<Member> = std::iter::once(good.clone()).chain(copies).collect();
            let told = plain(&members);
            assert_eq!(told.told_by.as_str(), "good", "{what} {days}");
            assert_eq!(told.entry.title, good.stored.entry.title, "{what}: three entries are one vote");
            assert_eq!(told.entry.url, good.stored.entry.url);
            assert_eq!(told.entry.published, good.stored.entry.published, "{what}, dated {days} days back");
            assert_eq!((told.order, told.changed_at), (good.stored.order, good.stored.changed_at));
        }
    }
}

#[test]
fn edits_of_others_change_nothing() {
    let good = member(1, "good", "青浦工业园区开展调研", FULL);
    let mut bad = member(2, "bad", "青浦工业园区开展调研", FULL);
    bad.stored.changed_at += TimeDelta::hours(5);
    assert_eq!(plain(&[good.clone(), bad]).changed_at, good.stored.changed_at);
}

#[test]
fn a_first_telling_under_an_old_date_gives_its_place_to_one_dated_when_seen() {
    let bad = dated(5.0 * 24.0, member(1, "bad", "青浦工业园区开展调研", FULL));
    let good = dated(0.1, member(600, "good", "青浦工业园区开展调研", FULL));
    let told = plain(&[bad.clone(), good.clone()]);
    assert_eq!((told.river_id.as_str(), told.order), ("id-1", good.stored.order));
    assert_eq!(told.entry.published, good.stored.entry.published);
    assert_eq!(told.published(), good.stored.published(), "and is not held to the first sight of the other");
    let undated = member(600, "good", "青浦工业园区开展调研", FULL);
    assert_eq!(plain(&[bad.clone(), undated.clone()]).order, undated.stored.order);
    // What came with the first document of a source may be of any age.
    let archive = Member { is_initial: true, ..undated };
    assert_eq!(plain(&[bad.clone(), archive]).order, bad.stored.order);
    // A date that is moved afterwards moves no story.
    let mut redated = good.clone();
    redated.stored.entry.published = Some((good.stored.order - TimeDelta::days(4)).fixed_offset());
    assert_eq!(plain(&[redated, bad]).entry.published, good.stored.entry.published);
}

#[test]
fn a_day_that_a_text_states_counts_where_no_feed_dates_it() {
    let mut stated = dated(20.0, member(1, "page", "青浦工业园区开展调研", FULL));
    stated.stored.entry.date_is_stated = true;
    let mut updated = member(2, "mirror", "青浦工业园区开展调研", FULL);
    updated.stored.order -= TimeDelta::days(900);
    updated.stored.entry.updated = Some(updated.stored.order.fixed_offset());
    updated.is_initial = true;
    let told = plain(&[stated.clone(), updated.clone()]);
    assert_eq!((told.entry.published, told.entry.date_is_stated), (updated.stored.entry.updated, false));
    assert_eq!(told.order, updated.stored.order);
    let alone = plain(&[stated.clone(), Member { is_initial: true, ..member(3, "x", "青浦", "") }]);
    assert_eq!((alone.entry.published, alone.entry.date_is_stated), (stated.stored.entry.published, true));
}

#[test]
fn a_source_with_a_higher_priority_is_shown_unless_it_has_an_excerpt_only() {
    let first = member(1, "a", "青浦工业园区开展调研", FULL);
    let preferred = member(2, "b", "青浦工业园区调研三家企业", &FULL.replace("周一", "星期一"));
    let excerpt = member(3, "c", "青浦工业园区开展调研", "青浦工业园区周一开展调研…");
    let priorities = Priorities::from([(id("b"), 1), (id("c"), 2)]);
    assert_eq!(story(&[first.clone(), preferred.clone()], &priorities).told_by.as_str(), "b");
    assert_eq!(story(&[preferred.clone(), first.clone()], &priorities).told_by.as_str(), "b");
    assert_eq!(story(&[first.clone(), preferred.clone(), excerpt], &priorities).told_by.as_str(), "b");
    assert_eq!(plain(&[first, preferred]).told_by.as_str(), "a");
}

#[test]
fn the_title_that_more_sources_have_is_shown() {
    let (first, second) = (member(1, "a", "园区调研:企业提七条建议", FULL), member(2, "b", "区领导到园区调研", FULL));
    let third = member(3, "c", "区领导到园区调研", FULL);
    assert_eq!(plain(&[first.clone(), second.clone()]).entry.title, first.stored.entry.title);
    let told = plain(&[first.clone(), second, third]);
    assert_eq!(told.entry.title, "区领导到园区调研");
    assert_eq!(told.entry.title_original.as_deref(), Some("园区调研:企业提七条建议"));
}

#[test]
fn an_hour_parts_what_was_dated_when_it_was_seen_from_what_was_dated_later() {
    let shown_and_other = |shown: f64, other: f64| {
        let shown = dated(shown, member(0, "a", "青浦工业园区开展调研", FULL));
        let other = dated(other, member(7_200, "b", "青浦工业园区开展调研", FULL));
        let order = plain(&[shown.clone(), other.clone()]).order;
        if order == shown.stored.order { "shown" } else { "other" }
    };
    assert_eq!(shown_and_other(1.0, 0.5), "shown", "dated an hour before it was seen: when it was seen");
    assert_eq!(shown_and_other(1.01, 0.5), "other", "dated long before it was seen");
    // Both were seen long after their dates: the second is seen two hours after the first.
    assert_eq!(shown_and_other(5.0, 8.0), "other", "an hour older is as old as news may become");
    assert_eq!(shown_and_other(5.0, 8.01), "shown");
}

/// Who told first what others tell, and then says something else, speaks for himself alone.
#[test]
fn a_bait_that_is_switched_after_others_joined_is_passed_over() {
    const AD: &str =
        "<p>本站独家:请看本站的广告,本站什么都有,便宜得很,还包送货上门,一个电话就来,欢迎新老顾客光临选购。</p>";
    let bait = dated(0.1, member(1, "bad", "青浦工业园区开展调研", FULL));
    let good = dated(0.1, member(60, "good", "青浦工业园区开展调研", FULL));
    let edited = |title: &str, body: &str| {
        let mut edited = bait.clone();
        edited.stored.changed_at += TimeDelta::hours(1);
        edited.stored.entry.title = title.into();
        edited.stored.entry.content_html = Some(body.into());
        edited.stored.entry.image = Some("http://bad/ad.png".into());
        edited
    };
    let switched = edited("点击领取优惠", AD);
    let told = plain(&[switched.clone(), good.clone()]);
    assert_eq!((told.told_by.as_str(), told.river_id.as_str()), ("good", "id-1"), "under the id that was published");
    assert_eq!(
        (told.entry.title, told.entry.url, told.entry.image),
        (good.stored.entry.title.clone(), good.stored.entry.url.clone(), None)
    );
    assert_eq!((told.order, told.tellings.len()), (good.stored.order, 2));
    // Several entries of one source are one voice, also where all are switched.
    let mut second = switched.clone();
    second.stored.row = 2;
    assert_eq!(plain(&[switched.clone(), second, good.clone()]).told_by.as_str(), "good");
    // Who corrects or goes on with his news stays, and so does who is alone.
    let more = FULL.replace("三家企业", "四家企业")
        + "<p>园区随后公布了落实的时间表,头两条建议下周就会有结果,区里派了专人跟进。</p>";
    for (title, body) in
        [("青浦工业园区开展调研", more.as_str()), ("园区调研:企业提七条建议", FULL), ("青浦工业园区开展调研(更新)", AD)]
    {
        assert_eq!(plain(&[edited(title, body), good.clone()]).told_by.as_str(), "bad", "{title}");
    }
    assert_eq!(plain(std::slice::from_ref(&switched)).told_by.as_str(), "bad");
    // An edit of others moves nobody who did not edit.
    let mut copy = switched;
    copy.stored.row = 90;
    assert_eq!(plain(&[good, copy]).told_by.as_str(), "good");
}
