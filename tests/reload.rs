//! Editing feeds.toml under a running daemon.

mod common;

use std::time::{Duration, Instant};

use common::{Daemon, Fallible, Origin, Reply, River, message, rss, source};

fn origin() -> std::io::Result<Origin> {
    Origin::new(|asked| {
        let id = asked.path.trim_start_matches('/').to_owned();
        Reply::feed(rss(&[(&id, &id)]))
    })
}

/// Sources that are polled once an hour: what is polled sooner was made to.
fn slow(origin: &Origin, id: &str) -> String {
    format!("[[source]]\nid = \"{id}\"\nurl = \"{}\"\nevery = \"1h\"\n", origin.url(&format!("/{id}")))
}

fn in_force(daemon: &mut Daemon) -> Result<(), String> {
    daemon.logged(|l| message(l).starts_with("feeds.toml is in force")).map(drop)
}

#[test]
fn a_new_source_is_polled_at_once_and_the_old_ones_are_left_alone() -> Fallible {
    let origin = origin()?;
    let river = River::new(&slow(&origin, "a"))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    let clock = Instant::now();
    river.edit(&(slow(&origin, "a") + &slow(&origin, "b")))?;
    daemon.polled("b")?;
    // Within a second, and what a busy machine takes longer.
    assert!(clock.elapsed() < Duration::from_secs(4), "{:?}", clock.elapsed());
    daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    assert_eq!(origin.asked("/a").len(), 1);
    Ok(())
}

#[test]
fn a_removed_source_stops_and_its_entries_stay() -> Fallible {
    let origin = origin()?;
    let river = River::new(&(source("a", &origin.url("/a")) + &slow(&origin, "b")))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    river.edit(&slow(&origin, "b"))?;
    in_force(&mut daemon)?;
    assert_eq!(daemon.source("a")?, serde_json::Value::Null);
    let asked = origin.asked("/a").len();
    // Another source is polled three times meanwhile: time enough for a removed one to show itself.
    river.edit(&(slow(&origin, "b") + &source("c", &origin.url("/c"))))?;
    for _ in 0..3 {
        daemon.polled("c")?;
    }
    assert!(origin.asked("/a").len() <= asked + 1, "one poll may have been under way");
    assert!(daemon.titles()?.contains(&"a".to_owned()));
    Ok(())
}

/// A secret in a file of its own takes effect like an edit of feeds.toml: for who polls, and for who reads.
#[test]
fn a_changed_file_with_a_secret_is_in_force_at_once() -> Fallible {
    let origin = Origin::new(|asked| match asked.header("authorization") {
        // me:new-password
        Some("Basic bWU6bmV3LXBhc3N3b3Jk") => Reply::feed(rss(&[("1", "one")])),
        _ => Reply::status("401 Unauthorized"),
    })?;
    let river = River::new("")?;
    let write = |name: &str, text: &str| std::fs::write(river.folder.path().join(name), text);
    write("password", "old-password\n")?;
    write("token", "old-token-0123456789\n")?;
    river.edit(&format!(
        "[access.feeds]\ntoken_file = \"token\"\n{}username = \"me\"\npassword_file = \"password\"\n",
        slow(&origin, "a")
    ))?;
    let mut daemon = river.start()?;
    assert_eq!(daemon.polled("a")?["poll.status"], "failed");
    // Editors replace a file as often as they write into it.
    write("password.new", "new-password\n")?;
    std::fs::rename(river.folder.path().join("password.new"), river.folder.path().join("password"))?;
    assert_eq!(daemon.polled("a")?["poll.status"], "ok", "the failing source is asked again at once");
    let status = |daemon: &Daemon, token: &str| Ok(daemon.get(&format!("t/{token}/feed.atom"), &[])?.status);
    daemon.until(|daemon| status(daemon, "old-token-0123456789"), |status| *status == 200)?;
    write("token", "new-token-0123456789\n")?;
    in_force(&mut daemon)?;
    daemon.until(|daemon| status(daemon, "new-token-0123456789"), |status| *status == 200)?;
    assert_ne!(status(&daemon, "old-token-0123456789")?, 200);
    // One that is taken away is a mistake, and putting it back mends it.
    std::fs::remove_file(river.folder.path().join("token"))?;
    daemon.logged(|l| message(l).starts_with("feeds.toml has errors"))?;
    write("token", "third-token-0123456789\n")?;
    in_force(&mut daemon)?;
    daemon.until(|daemon| status(daemon, "third-token-0123456789"), |status| *status == 200)?;
    Ok(())
}

#[test]
fn an_edit_in_the_first_moment_is_seen() -> Fallible {
    for _ in 0..5 {
        let river = River::new("")?;
        let mut daemon = river.start()?;
        river.edit("[river]\ntitle = \"edited\"\n")?;
        in_force(&mut daemon)?;
    }
    Ok(())
}

#[test]
fn a_shorter_interval_counts_from_the_last_poll() -> Fallible {
    let origin = origin()?;
    let river = River::new(&slow(&origin, "a"))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    river.edit(&source("a", &origin.url("/a")))?;
    daemon.polled("a")?;
    daemon.polled("a")?;
    Ok(())
}

#[test]
fn a_broken_edit_changes_nothing_but_is_told_and_mending_it_helps() -> Fallible {
    let origin = origin()?;
    let good = slow(&origin, "a");
    let river = River::new(&good)?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    river.edit(&good.replace("every", "evry"))?;
    let line = daemon.logged(|l| message(l).starts_with("feeds.toml has errors"))?;
    assert_eq!(line["level"], "ERROR");
    assert!(message(&line).contains("did you mean `every`?"), "{line}");
    let status = daemon.json("status.json")?;
    assert_eq!(status["config_error"]["line"], 8, "{status:#}");
    assert_eq!(status["sources"][0]["state"], "ok");
    assert!(daemon.get("status", &[])?.text().contains("did you mean `every`?"));
    let (code, out, err) = river.command(&["status"])?;
    assert_eq!(code, Some(0));
    assert!(out.contains('a') && err.contains("did you mean `every`?"), "{out}\n{err}");
    assert_eq!(daemon.titles()?, ["a"]);

    river.edit(&(good + &slow(&origin, "b")))?;
    daemon.polled("b")?;
    assert!(daemon.json("status.json")?["config_error"].is_null());
    assert_eq!(origin.asked("/a").len(), 1);
    Ok(())
}

#[test]
fn a_file_that_replaces_the_old_by_rename_is_seen() -> Fallible {
    let origin = origin()?;
    let river = River::new(&slow(&origin, "a"))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    let new = river.folder.path().join("feeds.toml.new");
    std::fs::write(&new, River::text(&(slow(&origin, "a") + &slow(&origin, "b"))))?;
    std::fs::rename(&new, river.config())?;
    daemon.polled("b")?;
    Ok(())
}

#[test]
fn sighup_reads_the_file_again() -> Fallible {
    let origin = origin()?;
    let river = River::new(&slow(&origin, "a"))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    daemon.signal("HUP")?;
    in_force(&mut daemon)?;
    assert_eq!(origin.asked("/a").len(), 1);
    Ok(())
}
