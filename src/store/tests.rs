//! A real store in a scratch folder.

use chrono::TimeDelta;

use super::*;
use crate::identity;
use crate::ingest::{OVERRUN, prepare};
use crate::model::entry::Entry;
use crate::model::feed::RawEntry;
use crate::model::page::{Cursor, Place};
use crate::model::report::{Counts, PollStatus};
use crate::model::source::SourceId;

mod hostile;
mod joins;
mod lost;
mod words;

type Fallible = Result<(), Box<dyn std::error::Error>>;

fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default()
}

fn poll(source: &str, minutes: i64, entries: Vec<Entry>) -> Result<PollCommit, Box<dyn std::error::Error>> {
    let at = now() + TimeDelta::minutes(minutes);
    let mut poll = PollCommit {
        next_poll: Some(at + TimeDelta::minutes(30)),
        next_poll_if_overrun: Some(at + TimeDelta::minutes(5)),
        initial: Some(2),
        ..PollCommit::of_entries(SourceId::new(source)?, at, entries)?
    };
    if let Some(document) = &mut poll.document {
        document.body_digest = Some("d".into());
    }
    Ok(poll)
}

fn top() -> Start {
    Start::Top(Fairness::default())
}

fn entry(id: &str, title: &str) -> Entry {
    // Ids that are addresses are those of the entry's own page.
    let url = id.starts_with("http").then(|| id.to_owned());
    Entry { publisher_id: Some(id.into()), url, title: title.into(), ..Entry::default() }
}

#[tokio::test]
async fn entries_are_kept_once_and_updated_in_place() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let first = store.commit(poll("a", 0, vec![entry("1", "x"), entry("http://e/2", "y")])?).await?;
    assert_eq!(first.counts, Counts { new: 2, changed: 0, unchanged: 0 });
    let before = store.river(&Selection::All, &|_| true, &top(), 10)?.stories;
    let second = store.commit(poll("a", 1, vec![entry("1", "x, corrected"), entry("http://e/2", "y")])?).await?;
    assert_eq!(second.counts, Counts { new: 0, changed: 1, unchanged: 1 });
    let after = store.river(&Selection::All, &|_| true, &top(), 10)?.stories;
    let ids = |page: &[crate::model::entry::StoredEntry]| page.iter().map(|e| e.river_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&before), ids(&after), "ids and order stay");
    assert!(ids(&after)[0].starts_with("tag:e.org,2026:a/"), "{:?}", ids(&after));
    assert_eq!(ids(&after)[1], "http://e/2", "an IRI of the publisher is kept");
    assert_eq!(after[0].entry.title, "x, corrected");
    assert_eq!((after[0].changed_at, after[1].changed_at), (now() + TimeDelta::minutes(1), now()));
    assert_eq!(store.entry_count()?, 2);
    Ok(())
}

/// `newsriver poll` beside the daemon: what either writes, the other knows.
#[tokio::test]
async fn two_programs_that_write_tell_a_story_once() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let (daemon, other) = (Store::open(&path)?, Store::open(&path)?);
    let body = "区领导周一走访了三家企业,了解订单、用工和用电,园区答应在月底前逐条答复企业代表提出的七条建议。";
    let news = |id: &str, title: &str, body: &str| Entry {
        content_html: Some(format!("<p>{body}</p>").into()),
        ..entry(id, title)
    };
    let title = "区领导到青浦工业园区开展调研";
    daemon.commit(poll("a", 0, vec![entry("0", "an older one")])?).await?;
    other.commit(poll("b", 1, vec![news("1", title, body)])?).await?;
    daemon.commit(poll("a", 2, vec![entry("0", "an older one"), news("1", title, body)])?).await?;
    let river = daemon.river(&Selection::All, &|_| true, &top(), 10)?.stories;
    assert_eq!(river.len(), 2, "{river:#?}");
    assert_eq!(river.iter().map(|story| story.tellings.len()).max(), Some(2));
    assert_eq!(daemon.story_count(), 2, "the status counts as the feed does");
    // What the other joins, takes out and edits meanwhile is known, too.
    other.commit(poll("c", 3, vec![news("1", title, body)])?).await?;
    assert_eq!(other.story_count(), 2);
    let id = river.iter().find(|story| story.tellings.len() == 2).map(|story| story.river_id.clone());
    assert!(other.split(&id.ok_or("no story")?, now())?.is_some());
    daemon.commit(poll("d", 4, vec![news("1", title, body)])?).await?;
    let river = daemon.river(&Selection::All, &|_| true, &top(), 10)?.stories;
    assert_eq!((river.len(), daemon.story_count()), (3, 3));
    assert_eq!(river.iter().map(|story| story.tellings.len()).max(), Some(3), "of a, c and d");
    // Retention of the one, and the count of the other.
    assert!(other.prune(now() + TimeDelta::minutes(1), u64::MAX)? > 0);
    daemon.commit(poll("e", 5, vec![entry("1", "a later one")])?).await?;
    let river = daemon.river(&Selection::All, &|_| true, &top(), 10)?.stories;
    assert_eq!(river.len() as u64, daemon.story_count());
    Ok(())
}

#[tokio::test]
async fn two_sources_with_one_guid_hide_nothing_of_each_other() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    store.commit(poll("a", 0, vec![entry("http://e/1", "honest")])?).await?;
    store.commit(poll("b", 1, vec![entry("http://e/1", "other")])?).await?;
    let river = store.river(&Selection::All, &|_| true, &top(), 10)?.stories;
    assert_eq!(river.len(), 2);
    assert_ne!(river[0].river_id, river[1].river_id);
    assert_eq!(river.iter().find(|e| e.entry.title == "honest").map(|e| e.river_id.as_str()), Some("http://e/1"));
    Ok(())
}

/// The titles of all pages from one on, each page's `next` written and read again as readers carry it.
fn walk(store: &Store, mut start: Start, limit: usize) -> Result<Vec<String>, StoreError> {
    let mut titles = Vec::new();
    loop {
        let page = store.river(&Selection::All, &|_| true, &start, limit)?;
        titles.extend(page.stories.into_iter().map(|story| story.entry.title));
        let Some(next) = page.next.and_then(|place| Place::parse(&place.to_string())) else { return Ok(titles) };
        start = Start::Below(next);
    }
}

#[tokio::test]
async fn what_the_first_page_passes_over_is_behind_it_once() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let many = |name: &str, n: usize| (0..n).map(|n| entry(&format!("{name}{n}"), &format!("{name}{n}"))).collect();
    store.commit(poll("chatty", 0, many("c", 12))?).await?;
    store.commit(poll("calm", 1, many("k", 2))?).await?;
    store.commit(poll("chatty", 2, many("d", 6))?).await?;
    for per_source in [Some(1), Some(3), Some(50), None] {
        for passes_backlog in [false, true] {
            for limit in [1, 4, 9, 100] {
                let start = Start::Top(Fairness { per_source, passes_backlog, fills: false });
                let first = store.river(&Selection::All, &|_| true, &start, limit)?.stories;
                let chatty = first.iter().filter(|story| story.source.as_str() == "chatty").count();
                assert!(per_source.is_none_or(|most| chatty <= most) && first.len() <= limit);
                if passes_backlog {
                    let of_before = first.iter().filter(|story| story.entry.title.starts_with('c')).count();
                    assert!(of_before <= 2, "`initial` of the first document: {of_before}");
                }
                let mut all = walk(&store, start, limit)?;
                all.sort();
                let count = all.len();
                all.dedup();
                assert_eq!((count, all.len()), (20, 20), "{per_source:?} {passes_backlog} {limit}");
            }
        }
    }
    let up = store.river(&Selection::All, &|_| true, &Start::Above(Cursor::OLDEST), 5)?;
    let last: Vec<String> = walk(&store, top(), 5)?.split_off(15);
    assert_eq!(up.stories.iter().map(|s| s.entry.title.clone()).collect::<Vec<_>>(), last, "the last page");
    Ok(())
}

#[tokio::test]
async fn a_young_river_takes_all_and_an_old_one_is_not_flooded() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let many = |name: &str| (0..80).map(|n| entry(&format!("{name}{n}"), &format!("{name}{n}"))).collect();
    for (source, minutes) in [("first", 0), ("second", 5), ("late", 61)] {
        store.commit(PollCommit { initial: None, ..poll(source, minutes, many(source))? }).await?;
    }
    let start = Start::Top(Fairness { per_source: None, passes_backlog: true, fills: false });
    let page = store.river(&Selection::All, &|_| true, &start, 1000)?.stories;
    let of = |source: &str| page.iter().filter(|story| story.source.as_str() == source).count();
    assert_eq!((of("first"), of("second"), of("late")), (80, 80, 50));
    Ok(())
}

#[tokio::test]
async fn what_comes_late_under_an_old_date_is_on_the_first_page_and_nowhere_twice() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let dated = |name: &str, minutes: i64| Entry {
        published: Some((now() + TimeDelta::minutes(minutes)).fixed_offset()),
        ..entry(name, name)
    };
    let old: Vec<Entry> = (0..10).map(|n| dated(&format!("old{n}"), -10_000 - n)).collect();
    store.commit(PollCommit { initial: None, ..poll("a", 0, old)? }).await?;
    store.commit(poll("busy", 0, vec![dated("busy", 0)])?).await?;
    let news: Vec<Entry> = (0..40).map(|n| dated(&format!("busy{n}"), 5 + n)).collect();
    store.commit(poll("busy", 60, news)?).await?;
    let late: Vec<Entry> = (0..3).map(|n| dated(&format!("late{n}"), -5_000 - n)).collect();
    store.commit(poll("a", 61, late)?).await?;
    let start = Start::Top(Fairness { per_source: None, passes_backlog: true, fills: false });
    let first = store.river(&Selection::All, &|_| true, &start, 10)?.stories;
    let titles: Vec<&str> = first.iter().map(|story| story.entry.title.as_str()).collect();
    assert_eq!(titles.len(), 10);
    // A fifth of the page, and what was there before the sources were known is not late.
    assert_eq!(titles[7..], ["busy32", "late1", "late2"], "{titles:?}");
    let mut all = walk(&store, start.clone(), 10)?;
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!((count, all.len()), (54, 54));
    store.commit(poll("busy", 61 + 25 * 60, vec![dated("days later", 61 + 25 * 60)])?).await?;
    let first = store.river(&Selection::All, &|_| true, &start, 10)?.stories;
    assert!(first.iter().all(|story| !story.entry.title.starts_with("late")), "no more after a day");
    Ok(())
}

/// Undated entries come from several sources while somebody turns the pages: each story once, whatever the order.
#[tokio::test]
async fn pages_that_are_turned_while_stories_come_repeat_none() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let start = Start::Top(Fairness { per_source: None, passes_backlog: true, fills: false });
    let (mut count, mut clock) = (0_usize, 0_i64);
    for walk in 0..15_usize {
        let (mut spot, mut seen) = (start.clone(), std::collections::HashSet::new());
        for turn in 0..200_usize {
            if turn < 4 {
                // Some seconds of news, for some of the sources.
                clock += 1;
                for source in 0..3_usize {
                    if (walk * 7 + turn * 3 + source * 5) % 4 == 0 {
                        continue;
                    }
                    count += 5 + (walk + turn) % 9;
                    let newest = (count.saturating_sub(24)..count).rev();
                    let items = newest.map(|n| entry(&format!("{source}-{n}"), &format!("{source} {n}"))).collect();
                    let mut commit = PollCommit { initial: None, ..poll(&format!("s{source}"), 0, items)? };
                    commit.started_at = now() + TimeDelta::seconds(clock);
                    store.commit(commit).await?;
                }
            }
            let page = store.river(&Selection::All, &|_| true, &spot, 20)?;
            for story in &page.stories {
                assert!(seen.insert(story.row), "walk {walk}, page {turn}: {} twice", story.entry.title);
            }
            match page.next.and_then(|place| Place::parse(&place.to_string())) {
                Some(next) => spot = Start::Below(next),
                None => break,
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_page_is_full_of_large_stories_before_it_is_full_of_many() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let body = Some(format!("<p>{}</p>", "x".repeat(500_000)).into());
    let large: Vec<Entry> =
        (0..12).map(|n| Entry { content_html: body.clone(), ..entry(&n.to_string(), &format!("t{n}")) }).collect();
    store.commit(PollCommit { initial: None, ..poll("a", 0, large)? }).await?;
    assert_eq!(store.river(&Selection::All, &|_| true, &top(), 100)?.stories.len(), 5);
    assert_eq!(walk(&store, top(), 100)?.len(), 12);
    Ok(())
}

#[tokio::test]
async fn changes_are_told_since_a_visit() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let newest = || store.river(&Selection::All, &|_| true, &top(), 1).map(|page| page.change);
    let told = |since: i64, until: i64| match store.changes(since, until, 3, &|_| true)? {
        Changes::Stories(stories) => Ok(Some(stories.into_iter().map(|s| s.entry.title).collect::<Vec<_>>())),
        Changes::Unknown => Ok::<_, StoreError>(None),
    };
    store.commit(poll("a", 0, vec![entry("1", "x"), entry("2", "y"), entry("3", "of before")])?).await?;
    let first = newest()?;
    assert_eq!(told(0, first)?, Some(vec!["x".to_owned(), "y".to_owned()]), "the backlog is no news");
    store.commit(poll("a", 1, vec![entry("1", "x, corrected"), entry("4", "z")])?).await?;
    let second = newest()?;
    assert_eq!(told(first, second)?, Some(vec!["z".to_owned(), "x, corrected".to_owned()]));
    assert_eq!(told(first, first)?, Some(Vec::new()), "what came later is told later");
    assert_eq!(told(second + 1, second)?, None, "a visit of another store");
    store.forget_changes(now() + TimeDelta::seconds(30))?;
    assert_eq!(told(first - 1, second)?, None, "a visit too long ago");
    assert_eq!(told(first, second)?.map(|titles| titles.len()), Some(2));
    store.forget_changes(now() + TimeDelta::hours(30))?;
    assert_eq!(newest()?, second, "numbers are not given twice");
    Ok(())
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let entries: Vec<_> = (0..25).map(|n| entry(&n.to_string(), &format!("t{n}"))).collect();
    store.commit(poll("a", 0, entries)?).await?;
    let titles = walk(&store, top(), 10)?;
    assert_eq!(
        titles,
        (0..25).map(|n| format!("t{n}")).collect::<Vec<_>>(),
        "undated entries keep their document's order"
    );
    Ok(())
}

#[tokio::test]
async fn who_meets_a_lock_is_told_of_it_and_nothing_is_lost() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let store = Store::open(&path)?;
    let other = Connection::open(&path)?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    let error = store.commit(poll("a", 0, vec![entry("1", "x")])?).await.map(drop).map_err(|error| error.to_string());
    assert!(error.as_ref().is_err_and(|error| error.contains("another program holds it")), "{error:?}");
    other.execute_batch("ROLLBACK")?;
    let again = store.commit(poll("a", 1, vec![entry("1", "x")])?).await?;
    assert_eq!(again.counts.new, 1);
    Ok(())
}

#[tokio::test]
async fn damage_shows_where_a_start_looks() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let store = Store::open(&path)?;
    let many = (0..200).map(|n| entry(&n.to_string(), &"标题".repeat(50))).collect();
    store.commit(PollCommit { initial: None, ..poll("a", 0, many)? }).await?;
    assert!(store.probe().is_ok());
    store.close().await;
    drop(store);
    let mut bytes = std::fs::read(&path)?;
    let length = bytes.len();
    bytes[length / 4..].fill(0xff);
    std::fs::write(&path, bytes)?;
    let opened = Store::open(&path).and_then(|store| store.probe());
    assert!(opened.as_ref().is_err_and(StoreError::is_damage), "{opened:?}");
    Ok(())
}

#[tokio::test]
async fn a_panic_ends_its_own_poll_and_says_so() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    store.commit(poll("a", 0, vec![entry("1", "x")])?).await?;
    // No moment lies a month before the first.
    let broken =
        PollCommit { started_at: chrono::DateTime::<chrono::Utc>::MIN_UTC, ..poll("b", 1, vec![entry("1", "y")])? };
    let (broken, other) = tokio::join!(store.commit(broken), store.commit(poll("c", 1, vec![entry("1", "z")])?));
    assert!(matches!(broken, Err(StoreError::Fault(_))), "{broken:?}");
    assert_eq!(other?.counts.new, 1);
    assert_eq!((store.entry_count()?, store.story_count()), (2, 2), "nothing of it is there");
    assert_eq!(store.commit(poll("d", 2, vec![entry("1", "w")])?).await?.counts.new, 1);
    Ok(())
}

#[tokio::test]
async fn failures_are_counted_and_entries_stay() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let store = Store::open(&path)?;
    store.commit(poll("a", 0, vec![entry("1", "x")])?).await?;
    let error = crate::model::report::Failure { kind: crate::model::report::ErrorKind::Timeout, message: "m".into() };
    for minute in 1..=2 {
        let failed = PollCommit {
            document: None,
            status: PollStatus::Failed,
            error: Some(error.clone()),
            failures: u32::try_from(minute)?,
            ..poll("a", minute, vec![])?
        };
        store.commit(failed).await?;
    }
    store.close().await;
    assert!(matches!(store.commit(poll("a", 9, vec![])?).await, Err(StoreError::Closed)));
    let store = Store::look_at(&path)?;
    let sources = store.sources()?;
    assert_eq!((sources[0].entries, sources[0].state.failures_in_a_row), (1, 2));
    assert_eq!(sources[0].state.error, Some(error));
    assert_eq!(sources[0].state.last_success, Some(now()));
    let history = store.history(Some(&sources[0].id), now() + TimeDelta::minutes(1))?;
    assert_eq!(history.iter().map(|h| h.status.as_str()).collect::<Vec<_>>(), ["failed", "failed"]);
    Ok(())
}

#[tokio::test]
async fn a_document_of_strangers_only_is_an_overrun() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let first = store.commit(poll("a", 0, vec![entry("1", "x")])?).await?;
    assert!(!first.is_overrun, "nothing was there before");
    let known = store.commit(poll("a", 1, vec![entry("1", "x"), entry("2", "y")])?).await?;
    assert!(!known.is_overrun);
    let mut delta = poll("a", 2, vec![entry("3", "z")])?;
    if let Some(document) = &mut delta.document {
        document.is_delta = true;
    }
    assert!(!store.commit(delta).await?.is_overrun, "only what is new was asked for");
    let overrun = store.commit(poll("a", 3, vec![entry("9", "w")])?).await?;
    assert!(overrun.is_overrun);
    assert_eq!(overrun.source.state.next_poll, Some(now() + TimeDelta::minutes(8)), "polled sooner");
    assert_eq!(overrun.source.state.warnings, [OVERRUN]);
    Ok(())
}

#[test]
fn a_store_of_the_future_is_left_alone() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    drop(Store::open(&path)?);
    Connection::open(&path)?.pragma_update(None, "user_version", 99)?;
    assert!(matches!(Store::open(&path), Err(StoreError::TooNew { found: 99, .. })));
    assert!(matches!(Store::look_at(&folder.path().join("none.db")), Err(StoreError::Missing(_))));
    Ok(())
}

/// The history of polls is kept for 30 days, and outlives a clock that is ahead for a moment.
#[tokio::test]
async fn a_poll_under_a_wrong_clock_does_not_take_the_history() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let polls = |store: &Store| store.history(None, chrono::DateTime::UNIX_EPOCH).map(|rows| rows.len());
    for minutes in 0..20 {
        store.commit(poll("a", minutes, Vec::new())?).await?;
    }
    store.commit(poll("a", 10 * 365 * 24 * 60, Vec::new())?).await?;
    assert_eq!(polls(&store)?, 19);
    // What is over is forgotten faster than more comes.
    for minutes in 0..30 {
        store.commit(poll("a", 40 * 24 * 60 + minutes, Vec::new())?).await?;
    }
    assert_eq!(polls(&store)?, 31);
    Ok(())
}

/// What `explain` and `/stories/…` take for a name.
#[tokio::test]
async fn an_entry_is_found_by_each_of_its_names() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let linked = |id: &str, link: &str| Entry { url: Some(link.into()), ..entry(id, id) };
    for (n, source) in ["a", "b"].into_iter().enumerate() {
        let entries = vec![linked("same", &format!("http://{source}.org/1")), entry("urn:x:1", "x")];
        let keys = identity::keys(&entries, crate::clean::canonical_link);
        let raw = entries.iter().map(|entry| (RawEntry::default(), entry.clone())).collect();
        let prepared = prepare(&SourceId::new(source)?, raw, Vec::new(), keys)?;
        let mut commit = poll(source, n as i64, entries)?;
        commit.document.as_mut().ok_or("no document")?.entries = prepared;
        store.commit(commit).await?;
    }
    let found = |name: &str| -> Result<Option<(i64, String)>, StoreError> {
        let (found, story) = (store.explain(name)?, store.story_of(name)?);
        assert_eq!(found.is_some(), story.is_some(), "{name}");
        Ok(found.map(|found| (found.entry.row, found.entry.source.to_string())))
    };
    let a = |row: i64| Some((row, "a".to_owned()));
    assert_eq!((found("same")?, found("urn:x:1")?, found("2")?), (a(1), a(2), a(2)), "the first of several");
    assert_eq!(found("http://b.org/1")?, Some((3, "b".to_owned())));
    assert_eq!(found("https://a.org/1?utm_source=x")?, a(1), "in another spelling too");
    let id = store.explain("4")?.map(|found| found.entry.river_id).unwrap_or_default();
    assert_eq!(found(&id)?, Some((4, "b".to_owned())));
    for unknown in ["", "nothing", "http://c.org/1", "99", "-1", "x"] {
        assert_eq!(found(unknown)?, None, "{unknown}");
    }
    Ok(())
}
