//! Documents that are made to hurt: floods, and one source against the others.

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::*;
use crate::model::entry::StoredEntry;
use crate::model::source::SourceId;

const BODY: &str = "青浦工业园区周一开展调研,区领导走访了三家企业,了解它们的订单、用工和用电。座谈会上,企业代表提出了七条建议,园区答应在月底前逐条答复。";

fn news(id: &str, title: &str, body: &str) -> Entry {
    Entry { content_html: Some(format!("<p>{body}</p>").into()), ..entry(id, title) }
}

fn all(store: &Store) -> Result<Vec<StoredEntry>, StoreError> {
    store.river(&Selection::All, &|_| true, &top(), 1_000).map(|page| page.stories)
}

#[tokio::test]
async fn what_one_source_repeats_is_kept_counted_and_told_once() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let store = Store::open(&path)?;
    let flood: Vec<Entry> = (0..600).map(|n| news(&n.to_string(), "区领导到青浦工业园区开展调研", BODY)).collect();
    let first = store.commit(PollCommit { initial: None, ..poll("flood", 0, flood.clone())? }).await?;
    assert_eq!((first.counts.new, first.source.entries, store.story_count()), (600, 600, 1));
    assert!(first.warnings.iter().any(|warning| warning.starts_with("592 entries")), "{:?}", first.warnings);
    let told = all(&store)?;
    assert_eq!((told.len(), told[0].tellings.len()), (1, 8));
    // What others tell of it still joins, and what the first tells again still does not.
    for source in ["b", "c"] {
        store.commit(poll(source, 1, vec![news(source, "区领导到青浦工业园区开展调研", BODY)])?).await?;
    }
    let again = store.commit(poll("flood", 2, flood)?).await?;
    assert_eq!((again.counts.new, again.counts.changed, again.counts.unchanged), (0, 0, 600));
    let told = all(&store)?;
    assert_eq!((told.len(), told[0].tellings.len(), store.story_count()), (1, 10, 1));
    let found = store.explain("500")?.ok_or("no entry 500")?;
    assert!(found.is_surplus && found.surplus == 592 && found.others.len() == 10 && !found.joins.is_empty());
    // One of them that is split off is a story of its own, and is found.
    assert!(store.split("500", now())?.is_some());
    assert_eq!(all(&store)?.len(), 2);
    store.close().await;
    let store = Store::open(&path)?;
    assert_eq!((all(&store)?.len(), store.entry_count()?), (2, 602));
    Ok(())
}

#[tokio::test]
async fn what_was_beyond_a_story_and_tells_another_now_is_told() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let mut flood: Vec<Entry> = (0..20).map(|n| news(&n.to_string(), "区领导到青浦工业园区开展调研", BODY)).collect();
    store.commit(poll("flood", 0, flood.clone())?).await?;
    assert_eq!(all(&store)?.len(), 1);
    let other = "天齐锂业周二公告,其客户进入了补贴车型的供应链,今年的订单比去年同期多出三成,新的产线年底投产。";
    flood[19] =
        Entry { tags: vec!["锂".into()], ..news("19", "天齐锂业:客户进入补贴车型供应链", other) };
    assert_eq!(store.commit(poll("flood", 1, flood)?).await?.counts.changed, 1);
    assert_eq!(all(&store)?.len(), 2);
    let tagged = store.river(&Selection::Tag("锂".into()), &|_| true, &top(), 10)?.stories;
    assert_eq!(tagged.len(), 1);
    Ok(())
}

#[tokio::test]
async fn one_story_of_many_sources_has_a_limit_too() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    for n in 0..120 {
        let item = news(&n.to_string(), "区领导到青浦工业园区开展调研", BODY);
        store.commit(poll(&format!("s{n}"), 0, vec![item])?).await?;
    }
    let told = all(&store)?;
    assert_eq!((told.len(), told[0].tellings.len(), store.entry_count()?), (1, 100, 120));
    Ok(())
}

/// A document that is written in slices, and others that come meanwhile.
#[tokio::test]
async fn a_long_document_holds_up_no_other() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let many = (0..3_000).map(|n| news(&n.to_string(), &format!("第{n}号公告:园区项目{}", n * 7919), BODY)).collect();
    let long = PollCommit { initial: None, ..poll("long", 0, many)? };
    let (writer, clock) = (store.clone(), Instant::now());
    let long = tokio::spawn(async move { (writer.commit(long).await, clock.elapsed()) });
    while store.story_count() == 0 {
        tokio::task::yield_now().await;
    }
    let (mut others, mut longest) = (0, Duration::ZERO);
    while !long.is_finished() {
        let asked = Instant::now();
        let item = entry(&others.to_string(), &format!("short {others}"));
        store.commit(poll(&format!("short{others}"), 1, vec![item])?).await?;
        longest = longest.max(asked.elapsed());
        others += 1;
    }
    let (committed, whole) = long.await?;
    assert_eq!(committed?.counts.new, 3_000);
    assert!(others > 3, "{others} went between the slices of {whole:?}");
    assert!(longest < whole / 2, "{longest:?} of {whole:?}");
    Ok(())
}

#[tokio::test]
async fn a_writing_that_is_interrupted_is_done_again_and_doubles_nothing() -> Fallible {
    interrupt(true).await?;
    interrupt(false).await
}

async fn interrupt(is_given_up: bool) -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let many: Vec<Entry> =
        (0..3_000).map(|n| news(&n.to_string(), &format!("第{n}号公告:园区项目{}", n * 7919), BODY)).collect();
    let store = Store::open(&path)?;
    let (writer, commit) = (store.clone(), PollCommit { initial: Some(50), ..poll("long", 0, many.clone())? });
    let long = tokio::spawn(async move { writer.commit(commit).await });
    while store.story_count() == 0 {
        tokio::task::yield_now().await;
    }
    // The daemon stops: the store writes on for a moment only, whether the poll still waits or not.
    if is_given_up {
        long.abort();
        assert!(long.await.is_err_and(|error| error.is_cancelled()));
        store.close().await;
    } else {
        store.close().await;
        assert!(matches!(long.await?, Err(StoreError::Closed)));
    }
    drop(store);

    let store = Store::open(&path)?;
    let written = store.story_count();
    assert!(written > 0 && written < 3_000, "{written}");
    assert!(store.sources()?.is_empty(), "state and history come last");
    let again = store.commit(PollCommit { initial: Some(50), ..poll("long", 5, many)? }).await?;
    assert_eq!(u64::from(again.counts.new + again.counts.unchanged), 3_000);
    assert_eq!((again.source.entries, store.entry_count()?, store.story_count()), (3_000, 3_000, 3_000));
    let start = Start::Top(Fairness { per_source: None, passes_backlog: true, fills: false });
    let first = store.river(&Selection::All, &|_| true, &start, 1_000)?.stories;
    assert_eq!(first.len(), 50, "what was there before the source was added is still not told as news");
    Ok(())
}

#[tokio::test]
async fn nobody_has_more_than_a_share_of_the_first_page_while_others_have_stories() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let many = |name: &str, n: usize| (0..n).map(|n| entry(&format!("{name}{n}"), &format!("{name} {n}"))).collect();
    for source in ["a", "b", "c"] {
        store.commit(PollCommit { initial: None, ..poll(source, 0, many(source, 30))? }).await?;
    }
    store.commit(PollCommit { initial: None, ..poll("flood", 9, many("flood", 5_000))? }).await?;
    store.commit(PollCommit { initial: None, ..poll("other", 8, many("other", 40))? }).await?;
    let start = |per_source| Start::Top(Fairness { per_source: Some(per_source), passes_backlog: true, fills: true });
    let page = store.river(&Selection::All, &|_| true, &start(33), 100)?;
    let of = |name: &str| page.stories.iter().filter(|story| story.source.as_str() == name).count();
    assert_eq!((page.stories.len(), of("flood"), of("other")), (100, 33, 33));
    assert!(page.stories.is_sorted_by_key(|story| std::cmp::Reverse((story.order, story.row))));
    // Where the others have no more, the page is full all the same.
    let page = store.river(&Selection::All, &|_| true, &start(100), 300)?;
    let of = |name: &str| page.stories.iter().filter(|story| story.source.as_str() == name).count();
    assert_eq!((page.stories.len(), of("flood"), of("other"), of("a")), (300, 170, 40, 30));
    let mut titles = walk(&store, start(33), 100)?;
    assert_eq!(titles.len(), 5_130);
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), 5_130, "each once on the pages behind");
    Ok(())
}

#[tokio::test]
async fn a_hostile_first_telling_has_neither_the_id_nor_the_place_of_the_news() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let at = |minutes: i64| Some((now() + TimeDelta::minutes(minutes)).fixed_offset());
    let dated = |minutes: i64, item: Entry| Entry { published: at(minutes), ..item };
    store.commit(poll("bad", -60, vec![entry("x", "an older one")])?).await?;
    let title = "区领导到青浦工业园区开展调研";
    let link = Some("http://good.org/1".to_owned());
    let stolen = Entry { url: Some("http://bad.org/1".into()), ..news("http://good.org/1", title, BODY) };
    store.commit(poll("bad", 0, vec![dated(-5 * 24 * 60, stolen), entry("x", "an older one")])?).await?;
    let others: Vec<Entry> = (0..40).map(|n| dated(-n, entry(&format!("o{n}"), &format!("other {n}")))).collect();
    store.commit(PollCommit { initial: None, ..poll("calm", 1, others)? }).await?;
    let good = dated(4, Entry { url: link.clone(), ..news("http://good.org/1", title, BODY) });
    store.commit(poll("good", -70, vec![entry("y", "an older one of the good")])?).await?;
    store.commit(poll("good", 5, vec![good, entry("y", "an older one of the good")])?).await?;
    let river = all(&store)?;
    assert_eq!(river[0].entry.title, title, "the breaking story is on top");
    assert_eq!((river[0].order, river[0].published()), (now() + TimeDelta::minutes(4), at(4)));
    assert!(river[0].river_id.starts_with("tag:"), "{}", river[0].river_id);
    assert_eq!(river[0].tellings[1].river_id, "http://good.org/1", "the id is its publisher's");
    // A restart and a poll change nothing of it.
    store.close().await;
    let store = Store::open(&folder.path().join("r.db"))?;
    assert_eq!(all(&store)?, river);
    Ok(())
}

#[tokio::test]
async fn edits_without_end_are_no_news_without_end() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    store.commit(poll("good", 0, vec![news("1", "区领导到青浦工业园区开展调研", BODY)])?).await?;
    store.commit(poll("bad", 0, vec![news("1", "区领导到青浦工业园区开展调研", BODY)])?).await?;
    let changes = |store: &Store| store.river(&Selection::All, &|_| true, &top(), 1).map(|page| page.change);
    let before = (all(&store)?, changes(&store)?);
    for n in 1..5 {
        let edited = news("1", "区领导到青浦工业园区开展调研", &format!("{BODY}第{n}次修改。"));
        assert_eq!(store.commit(poll("bad", n, vec![edited])?).await?.counts.changed, 1);
    }
    assert_eq!((all(&store)?, changes(&store)?), before, "nothing that is shown changed");
    // One that is shown itself counts as changed once an hour from some edits on.
    let id = SourceId::new("alone")?;
    for n in 0..60 {
        let edited = news("2", "天齐锂业:客户进入补贴车型供应链", &format!("第{n}次修改:今年的订单多出三成。"));
        store.commit(poll("alone", n, vec![edited])?).await?;
    }
    let alone = store.newest_of(&id, 1)?;
    assert_eq!(alone[0].changed_at, now() + TimeDelta::minutes(24));
    assert!(
        alone[0].entry.content_html.as_ref().is_some_and(|html| html.contains("第59次")),
        "its words are the newest"
    );
    Ok(())
}

#[tokio::test]
async fn retention_takes_the_oldest_and_no_more_than_it_may() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let many = |name: &str, n: usize| (0..n).map(|n| entry(&format!("{name}{n}"), &format!("{name}{n}"))).collect();
    store.commit(poll("a", -60, many("old", 900))?).await?;
    store.commit(poll("a", -50, many("older", 600))?).await?;
    store.commit(poll("a", 0, many("new", 500))?).await?;
    let horizon = now() - TimeDelta::minutes(10);
    let plan = store.prune_plan(horizon)?;
    assert_eq!((plan.entries, plan.all, plan.share()), (1_500, 2_000, 1_000));
    assert_eq!(plan.newest, Some(now() - TimeDelta::minutes(50)));
    assert_eq!(store.prune(horizon, plan.share())?, 1_000);
    assert_eq!((store.prune_plan(horizon)?.entries, store.entry_count()?, store.story_count()), (500, 1_000, 1_000));
    let left = all(&store)?;
    assert!(left.iter().all(|story| !story.entry.title.starts_with("old") || story.entry.title.starts_with("older")));
    assert_eq!(store.prune(horizon, u64::MAX)?, 500);
    assert_eq!(store.latest_moment()?, Some(now()));
    Ok(())
}
