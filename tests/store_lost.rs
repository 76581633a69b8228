//! The store under the running daemon: its file is deleted, replaced, or locked by another program; and retention
//! under a clock that is wrong.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Daemon, Fallible, Origin, Reply, River, message, rss, source};
use serde_json::Value;

/// An origin that has one more entry at each poll.
fn growing() -> std::io::Result<Origin> {
    let count = Arc::new(AtomicUsize::new(0));
    Origin::new(move |_| {
        let ids: Vec<String> = (0..=count.fetch_add(1, Ordering::SeqCst)).map(|n| format!("entry-{n}")).collect();
        Reply::feed(rss(&ids.iter().map(|id| (id.as_str(), id.as_str())).collect::<Vec<_>>()))
    })
}

fn ready(daemon: &Daemon) -> Result<u16, Box<dyn std::error::Error>> {
    Ok(daemon.get("readyz", &[])?.status)
}

fn entries(folder: &std::path::Path) -> Result<i64, rusqlite::Error> {
    let store = rusqlite::Connection::open(folder.join("newsriver.db"))?;
    store.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))
}

fn is_stored(line: &Value) -> bool {
    line["entries.new"].as_u64().is_some_and(|new| new > 0)
}

#[test]
fn a_store_that_is_deleted_is_told_and_nothing_that_was_stored_is_lost() -> Fallible {
    let origin = growing()?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let mut daemon = river.start()?;
    for _ in 0..3 {
        daemon.logged(is_stored)?;
    }
    daemon.until(ready, |status| *status == 200)?;
    for file in ["newsriver.db", "newsriver.db-wal", "newsriver.db-shm"] {
        std::fs::remove_file(river.folder.path().join(file))?;
    }
    daemon.until(ready, |status| *status == 503)?;
    let status = daemon.json("status.json")?;
    assert!(status["store_error"].as_str().is_some_and(|error| error.contains("deleted")), "{status}");
    assert!(daemon.get("status", &[])?.text().contains("deleted"));
    let told = daemon.logged(|line| message(line).starts_with("store file lost"))?;
    assert_eq!(told["level"], "ERROR");
    // It goes on with what it saved.
    for _ in 0..2 {
        daemon.logged(is_stored)?;
    }
    let (code, log) = daemon.stop()?;
    assert_eq!(code, Some(0));
    let stored: u64 = log.iter().filter_map(|line| line["entries.new"].as_u64()).sum();
    assert_eq!(u64::try_from(entries(river.folder.path())?)?, stored);
    let daemon = river.start()?;
    daemon.until(ready, |status| *status == 200)?;
    assert!(daemon.json("status.json")?["store_error"].is_null());
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_file_that_takes_the_place_of_the_store_is_left_alone_and_nothing_counts_as_stored() -> Fallible {
    let origin = growing()?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let mut daemon = river.start()?;
    daemon.logged(is_stored)?;
    daemon.until(ready, |status| *status == 200)?;
    let (path, other) = (river.folder.path().join("newsriver.db"), river.folder.path().join("other"));
    std::fs::write(&other, "not a database at all")?;
    std::fs::rename(&other, &path)?;
    daemon.until(ready, |status| *status == 503)?;
    daemon.logged(|line| message(line).starts_with("store file lost"))?;
    for _ in 0..2 {
        assert_eq!(daemon.polled("a")?["poll.status"], "failed");
    }
    assert_eq!(daemon.get("feed.atom", &[])?.status, 200, "readers still get the river");
    assert_eq!(daemon.source("a")?["error"]["kind"], "io");
    daemon.stop()?;
    assert_eq!(std::fs::read_to_string(&path)?, "not a database at all");
    let saved = rusqlite::Connection::open(river.folder.path().join("newsriver.db.saved-1"))?;
    assert!(saved.query_row("SELECT count(*) FROM entries", [], |row| row.get::<_, i64>(0))? > 0);
    Ok(())
}

#[test]
fn a_store_that_is_cut_or_written_over_in_place_is_told_and_what_it_held_is_kept() -> Fallible {
    let origin = growing()?;
    for is_cut in [true, false] {
        let river = River::new(&source("a", &origin.url("/")))?;
        let mut daemon = river.start()?;
        for _ in 0..3 {
            daemon.logged(is_stored)?;
        }
        daemon.until(ready, |status| *status == 200)?;
        let path = river.folder.path().join("newsriver.db");
        let other = "something else, and longer than the header of a database is. ".repeat(200);
        let stored = daemon.source("a")?["entries"].as_i64().unwrap_or_default();
        // The file stays the same one, and its name too.
        std::fs::write(&path, if is_cut { "" } else { &other })?;
        daemon.until(ready, |status| *status == 503)?;
        let word = if is_cut { "cut short" } else { "overwritten" };
        let status = daemon.json("status.json")?;
        assert!(status["store_error"].as_str().is_some_and(|error| error.contains(word)), "{status}");
        assert!(daemon.get("status", &[])?.text().contains(word));
        assert_eq!(daemon.get("feed.atom", &[])?.status, 200, "readers still get the river");
        let told = daemon.logged(|line| message(line).starts_with("store file lost"))?;
        assert_eq!(told["level"], "ERROR");
        // What the log and the cache hold may be all; then it goes on with that.
        let is_restored = told["store.saved"].as_str().is_some_and(|saved| !saved.contains(".saved-"));
        let polled = daemon.polled("a")?;
        assert_eq!(polled["poll.status"] == "failed", !is_restored, "{told} {polled}");
        daemon.stop()?;
        if is_restored {
            assert!(is_cut && entries(river.folder.path())? > stored);
        } else {
            assert_eq!(std::fs::read_to_string(&path)?, if is_cut { "" } else { &other });
            assert!(river.folder.path().join("newsriver.db.saved-1").exists());
            assert!(
                !river.folder.path().join("newsriver.db-wal").exists(),
                "it would be taken for that of what is there"
            );
        }
    }
    Ok(())
}

#[test]
fn a_store_that_refuses_every_write_is_not_ready() -> Fallible {
    let origin = growing()?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let mut daemon = river.start()?;
    daemon.logged(is_stored)?;
    daemon.until(ready, |status| *status == 200)?;
    let other = rusqlite::Connection::open(river.folder.path().join("newsriver.db"))?;
    other.busy_timeout(std::time::Duration::from_secs(30))?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    let answer = daemon.until(|d| d.get("readyz", &[]), |answer| answer.status == 503)?;
    assert!(answer.text().contains("refused"), "{}", answer.text());
    other.execute_batch("ROLLBACK")?;
    daemon.until(ready, |status| *status == 200)?;
    daemon.stop()?;
    Ok(())
}

#[test]
fn retention_asks_before_it_takes_much_or_under_a_clock_that_may_be_wrong() -> Fallible {
    let ids: Vec<String> = (0..1_500).map(|n| format!("entry-{n}")).collect();
    let items: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), id.as_str())).collect();
    let river = River::new("[store]\nkeep = \"30d\"\n[[source]]\nid = \"a\"\nurl = \"file:a.xml\"\n")?;
    std::fs::write(river.folder.path().join("a.xml"), rss(&items))?;
    assert_eq!(river.command(&["poll"])?.0, Some(0));
    let store = rusqlite::Connection::open(river.folder.path().join("newsriver.db"))?;
    store.execute("UPDATE entries SET first_seen = first_seen - 40 * 86400000 WHERE row <= 1200", [])?;
    let left = || store.query_row("SELECT count(*) FROM entries WHERE pruned = 0", [], |row| row.get::<_, i64>(0));
    let (code, out, err) = river.command(&["prune"])?;
    assert!(code == Some(1) && out.is_empty() && err.contains("1200 of 1500") && err.contains("--yes"), "{out}{err}");
    assert_eq!(left()?, 1_500);
    let (code, out, err) = river.command(&["prune", "--yes"])?;
    assert!(code == Some(0) && out.starts_with("1200 entries pruned"), "{out}{err}");
    assert_eq!(left()?, 300);
    // What is within the share goes as ever, unless the clock may be wrong.
    store.execute_batch(
        "UPDATE entries SET first_seen = first_seen - 40 * 86400000 WHERE pruned = 0;
         UPDATE sources SET last_poll = last_poll - 40 * 86400000",
    )?;
    let (code, out, err) = river.command(&["prune"])?;
    assert!(code == Some(1) && out.is_empty() && err.contains("clock") && err.contains("--yes"), "{out}{err}");
    assert_eq!(left()?, 300);
    store.execute("UPDATE sources SET last_poll = last_poll + 40 * 86400000", [])?;
    let (code, out, err) = river.command(&["prune"])?;
    assert!(code == Some(0) && out.starts_with("300 entries pruned"), "{out}{err}");
    Ok(())
}

#[test]
fn a_daemon_whose_store_was_silent_for_long_takes_nothing_for_a_day() -> Fallible {
    for (days, is_pruned) in [(40, false), (0, true)] {
        let river = River::new("[store]\nkeep = \"30d\"\n[[source]]\nid = \"a\"\nurl = \"file:a.xml\"\n")?;
        std::fs::write(river.folder.path().join("a.xml"), rss(&[("1", "one"), ("2", "two")]))?;
        assert_eq!(river.command(&["poll"])?.0, Some(0));
        let store = rusqlite::Connection::open(river.folder.path().join("newsriver.db"))?;
        store.execute("UPDATE entries SET first_seen = first_seen - 40 * 86400000", [])?;
        store.execute("UPDATE sources SET last_poll = last_poll - ?1 * 86400000", [days])?;
        let mut daemon = river.start()?;
        if is_pruned {
            daemon.logged(|line| message(line) == "retention applied")?;
        } else {
            // What another program does is seen by the same look that would have pruned.
            daemon.polled("a")?;
            std::fs::write(river.folder.path().join("a.xml"), rss(&[("1", "one"), ("2", "two"), ("3", "three")]))?;
            assert_eq!(river.command(&["poll"])?.0, Some(0));
            daemon.until(|d| d.source("a"), |row| row["entries"] == 3)?;
        }
        let left: i64 = store.query_row("SELECT count(*) FROM entries WHERE pruned = 0", [], |row| row.get(0))?;
        assert_eq!(left == 0, is_pruned, "{left}");
        daemon.stop()?;
    }
    Ok(())
}

#[test]
fn a_start_under_a_doubtful_clock_is_remembered_for_a_day() -> Fallible {
    let river = River::new("[store]\nkeep = \"30d\"\n[[source]]\nid = \"a\"\nurl = \"file:a.xml\"\n")?;
    let feed = |ids: &[&str]| {
        let items: Vec<(&str, &str)> = ids.iter().map(|id| (*id, *id)).collect();
        std::fs::write(river.folder.path().join("a.xml"), rss(&items))
    };
    feed(&["one", "two"])?;
    assert_eq!(river.command(&["poll"])?.0, Some(0));
    let store = rusqlite::Connection::open(river.folder.path().join("newsriver.db"))?;
    store.execute_batch(
        "UPDATE entries SET first_seen = first_seen - 40 * 86400000;
         UPDATE sources SET last_poll = last_poll - 40 * 86400000",
    )?;
    let left = || store.query_row("SELECT count(*) FROM entries WHERE pruned = 0", [], |row| row.get::<_, i64>(0));
    // The polls of the first run make the clock look right to the second one.
    for (entries, ids) in [(3, ["one", "two", "3", "3"]), (4, ["one", "two", "3", "4"])] {
        let mut daemon = river.start()?;
        if entries == 3 {
            daemon.polled("a")?;
        }
        feed(&ids[..entries])?;
        // What another program does is seen by the same look that would prune.
        assert_eq!(river.command(&["poll"])?.0, Some(0));
        daemon.until(|d| d.source("a"), |row| row["entries"] == entries)?;
        assert_eq!(usize::try_from(left()?)?, entries);
        daemon.stop()?;
    }
    let (code, out, err) = river.command(&["prune"])?;
    assert!(code == Some(1) && out.is_empty() && err.contains("jumped") && err.contains("--yes"), "{out}{err}");
    assert_eq!(left()?, 4);
    assert_eq!(store.execute("UPDATE meta SET value = value - 25 * 3600000 WHERE key = 'clock_jump_at'", [])?, 1);
    let (code, out, err) = river.command(&["prune"])?;
    assert!(code == Some(0) && out.starts_with("2 entries pruned"), "{out}{err}");
    Ok(())
}
