//! Joins as the store remembers them: after restarts, and what kept entries apart.

use rusqlite::Connection;

use super::*;

/// Polls of three sources, whose tellings are joined by their words, by what bears them out, and not at all.
fn polls() -> Result<Vec<PollCommit>, Box<dyn std::error::Error>> {
    let fillers = (0..40).map(|n| entry(&format!("f{n}"), &format!("Mayor of town {n} opens library number {n}")));
    Ok(vec![
        poll("filler", 0, fillers.collect())?,
        poll(
            "a",
            1,
            vec![
                entry("1", "Harbour bridge in Westport closes after crane collapse"),
                entry("2", "星河航空宣布暂停北线航班"),
                entry("3", "创业指数收盘跌超4%"),
            ],
        )?,
        poll(
            "b",
            2,
            vec![entry("1", "Crane collapse shuts Westport harbour bridge"), entry("2", "创业指数收盘跌超3%")],
        )?,
        poll(
            "c",
            3,
            vec![
                entry("1", "Westport bridge shut as crane collapses into harbour"),
                entry("2", "星河航空：暂停北线全部航班"),
            ],
        )?,
    ])
}

/// Every join with its judgement, and the story of each entry.
type Stories = (Vec<(i64, i64, String)>, Vec<(i64, i64)>);

async fn joined(is_restarted: bool) -> Result<Stories, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let mut store = Store::open(&path)?;
    for poll in polls()? {
        store.commit(poll).await?;
        if is_restarted {
            store.close().await;
            drop(store);
            store = Store::open(&path)?;
        }
    }
    store.close().await;
    let connection = Connection::open(&path)?;
    let joins = connection
        .prepare("SELECT entry, other, judgement FROM joins ORDER BY entry, other")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let stories = connection
        .prepare("SELECT row, story FROM entries ORDER BY row")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok((joins, stories))
}

#[tokio::test]
async fn joins_are_the_same_with_a_restart_after_every_poll() -> Fallible {
    let without = joined(false).await?;
    assert!(without.0.len() >= 3, "{:?}", without.0);
    assert_eq!(without, joined(true).await?);
    Ok(())
}

#[tokio::test]
async fn a_refusal_tells_what_speaks_for_and_against_it() -> Fallible {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    for poll in polls()? {
        store.commit(poll).await?;
    }
    let of = |source: &str, title: &str| -> Result<Vec<Refusal>, Box<dyn std::error::Error>> {
        let page = store.river(&Selection::All, &|_| true, &top(), 100)?;
        let found = page.stories.iter().find(|stored| stored.source.as_str() == source && stored.entry.title == title);
        Ok(store.refusals(&found.ok_or(title)?.river_id)?)
    };
    let refused = of("b", "创业指数收盘跌超3%")?;
    let [first, ..] = &refused[..] else { return Err("no refusal".into()) };
    assert_eq!((first.source.as_str(), first.title.as_str()), ("a", "创业指数收盘跌超4%"));
    assert!(!first.judgement.joined);
    let evidence = &first.judgement.evidence;
    assert!(evidence[0].contains("different numbers") && evidence[1].contains("创业指数收盘跌超"), "{evidence:?}");
    // One of each other story, and none of the entry's own.
    let own = of("a", "Harbour bridge in Westport closes after crane collapse")?;
    assert!(own.iter().all(|refusal| refusal.source == "filler"), "{own:?}");
    assert!(store.refusals("no such entry")?.is_empty());
    Ok(())
}
