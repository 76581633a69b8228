//! A real store in a scratch folder.

use chrono::TimeDelta;

use super::*;
use crate::identity;
use crate::model::activity::Activity;
use crate::model::entry::Entry;
use crate::model::feed::{PollHints, RawEntry};
use crate::model::report::{Counts, PollStatus};
use crate::model::source::SourceId;

type Fallible = Result<(), Box<dyn std::error::Error>>;

fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default()
}

fn poll(source: &str, minutes: i64, entries: Vec<Entry>) -> Result<PollCommit, Box<dyn std::error::Error>> {
    let keys = identity::keys(&entries, str::to_owned);
    Ok(PollCommit {
        source: SourceId::new(source)?,
        name: source.to_owned(),
        address: format!("http://{source}.org/"),
        started_at: now() + TimeDelta::minutes(minutes),
        elapsed_ms: 1,
        status: PollStatus::Ok,
        http_status: Some(200),
        bytes: 1,
        next_poll: Some(now() + TimeDelta::minutes(minutes + 30)),
        next_poll_if_overrun: Some(now() + TimeDelta::minutes(minutes + 5)),
        failures: 0,
        moved_to: None,
        activity: Activity::default(),
        hints: PollHints::default(),
        error: None,
        warnings: Vec::new(),
        validators: None,
        document: Some(ReadDocument {
            body_digest: Some("d".into()),
            recipe: "r".into(),
            title: "T".into(),
            home_page_url: None,
            hints: PollHints::default(),
            is_delta: false,
            entries: entries.into_iter().map(|e| (RawEntry::default(), e)).collect(),
            fired: Vec::new(),
            keys,
        }),
        articles: Vec::new(),
        authority: "e.org".into(),
    })
}

fn entry(id: &str, title: &str) -> Entry {
    Entry { publisher_id: Some(id.into()), title: title.into(), ..Entry::default() }
}

#[tokio::test]
async fn entries_are_kept_once_and_updated_in_place() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let first = store.commit(poll("a", 0, vec![entry("1", "x"), entry("http://e/2", "y")])?).await?;
    assert_eq!(first.counts, Counts { new: 2, changed: 0, unchanged: 0 });
    let before = store.river(&Selection::All, &|_| true, None, 10)?;
    let second = store.commit(poll("a", 1, vec![entry("1", "x, corrected"), entry("http://e/2", "y")])?).await?;
    assert_eq!(second.counts, Counts { new: 0, changed: 1, unchanged: 1 });
    let after = store.river(&Selection::All, &|_| true, None, 10)?;
    let ids = |page: &[crate::model::entry::StoredEntry]| page.iter().map(|e| e.river_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&before), ids(&after), "ids and order stay");
    assert!(ids(&after)[0].starts_with("tag:e.org,2026:a/"), "{:?}", ids(&after));
    assert_eq!(ids(&after)[1], "http://e/2", "an IRI of the publisher is kept");
    assert_eq!(after[0].entry.title, "x, corrected");
    assert_eq!((after[0].changed_at, after[1].changed_at), (now() + TimeDelta::minutes(1), now()));
    assert_eq!(store.entry_count()?, 2);
    Ok(())
}

#[tokio::test]
async fn two_sources_with_one_guid_hide_nothing_of_each_other() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    store.commit(poll("a", 0, vec![entry("http://e/1", "honest")])?).await?;
    store.commit(poll("b", 1, vec![entry("http://e/1", "other")])?).await?;
    let river = store.river(&Selection::All, &|_| true, None, 10)?;
    assert_eq!(river.len(), 2);
    assert_ne!(river[0].river_id, river[1].river_id);
    assert_eq!(river.iter().find(|e| e.entry.title == "honest").map(|e| e.river_id.as_str()), Some("http://e/1"));
    Ok(())
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    let entries: Vec<_> = (0..25).map(|n| entry(&n.to_string(), &format!("t{n}"))).collect();
    store.commit(poll("a", 0, entries)?).await?;
    let mut titles = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.river(&Selection::All, &|_| true, cursor, 10)?;
        let Some(last) = page.last() else { break };
        cursor = Cursor::parse(&Cursor::after(last).to_string());
        titles.extend(page.into_iter().map(|e| e.entry.title));
    }
    assert_eq!(
        titles,
        (0..25).map(|n| format!("t{n}")).collect::<Vec<_>>(),
        "undated entries keep their document's order"
    );
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
