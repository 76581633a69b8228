//! The commands, as scripts use them.

mod common;

use common::{Asked, Fallible, Origin, Reply, River, newsriver, rss, source};
use serde_json::Value;

#[test]
fn parse_prints_a_json_feed_and_nothing_else() -> Fallible {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("f.xml");
    std::fs::write(&file, rss(&[("1", "<![CDATA[a <b>b</b>]]>")]))?;
    let (code, out, err) =
        newsriver(&["parse", &file.to_string_lossy(), "--base-url", "http://e.example/"], folder.path())?;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let feed: Value = serde_json::from_str(&out)?;
    assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
    let item = &feed["items"][0];
    assert_eq!((&item["id"], &item["title"], &item["url"]), (&"1".into(), &"a b".into(), &"http://e.example/1".into()));
    assert!(item["_newsriver"]["tickers"].is_array());
    Ok(())
}

#[test]
fn parse_says_why_in_one_line() -> Fallible {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("f.xml"), "no feed")?;
    for document in ["f.xml", "missing.xml", "http://127.0.0.1:1/"] {
        let (code, out, err) = newsriver(&["parse", document], folder.path())?;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{document}");
        assert_eq!(err.lines().count(), 1, "{document}: {err}");
        assert!(err.contains(document), "{err}");
    }
    Ok(())
}

#[test]
fn what_was_repaired_is_told_on_request() -> Fallible {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("f.xml"), rss(&[("1", "R&D <item>")]))?;
    let (code, out, err) = newsriver(&["parse", "f.xml"], folder.path())?;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("R&D"), "{out}");
    let (_, _, err) = newsriver(&["-v", "parse", "f.xml"], folder.path())?;
    assert!(err.contains("an item was not closed"), "{err}");
    Ok(())
}

#[test]
fn an_empty_feed_is_a_feed() -> Fallible {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("f.xml"), rss(&[]))?;
    let (code, out, _) = newsriver(&["parse", "f.xml"], folder.path())?;
    assert_eq!(code, Some(0));
    assert_eq!(serde_json::from_str::<Value>(&out)?["items"], serde_json::json!([]));
    Ok(())
}

#[test]
fn usage_and_configuration_errors_exit_with_2() -> Fallible {
    let river = River::new("[poll]\nevry = \"30m\"\ntimeout = \"soon\"\n")?;
    for command in [&["check"][..], &["run"], &["poll"]] {
        let (code, out, err) = river.command(command)?;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{command:?}");
        assert!(
            err.contains("feeds.toml:6:1: unknown key `evry` in poll") && err.contains("did you mean `every`?"),
            "{err}"
        );
        assert!(err.contains("feeds.toml:7:11:") && err.contains("timeout = \"soon\""), "{err}");
    }
    let folder = tempfile::tempdir()?;
    assert_eq!(newsriver(&["fly"], folder.path())?.0, Some(2));
    assert_eq!(newsriver(&["check"], folder.path())?.0, Some(2), "no feeds.toml");
    Ok(())
}

#[test]
fn poll_is_one_round_that_fails_only_if_every_source_did() -> Fallible {
    let origin = Origin::new(|asked| match asked.path.as_str() {
        "/bad" => Reply::status("500 Oops"),
        _ => Reply::feed(rss(&[("1", "青浦工业园区")])),
    })?;
    let river = River::new(&(source("good", &origin.url("/good")) + &source("bad", &origin.url("/bad"))))?;
    let (code, out, _) = river.command(&["poll"])?;
    assert_eq!(code, Some(0));
    assert!(out.contains("http_status: the server answered 500") && out.contains("1 failed; 1 entries new"), "{out}");
    let (code, _, err) = river.command(&["poll", "bad"])?;
    assert_eq!(code, Some(1));
    assert!(err.contains("every source failed"), "{err}");
    let (code, _, err) = river.command(&["poll", "gud"])?;
    assert_eq!(code, Some(2));
    assert!(err.contains("did you mean `good`?"), "{err}");

    let (_, out, _) = river.command(&["poll", "good", "--json"])?;
    assert_eq!(serde_json::from_str::<Value>(&out)?[0]["status"], "unchanged");
    let (_, out, _) = river.command(&["poll", "good", "--force", "--json"])?;
    let forced = serde_json::from_str::<Value>(&out)?;
    assert_eq!((&forced[0]["status"], &forced[0]["unchanged"]), (&"ok".into(), &1.into()));

    let (code, out, _) = river.command(&["log", "good", "--json"])?;
    assert_eq!(code, Some(0));
    let history = serde_json::from_str::<Value>(&out)?;
    let statuses: Vec<_> = history.as_array().into_iter().flatten().map(|h| h["status"].clone()).collect();
    assert_eq!(statuses, ["ok", "unchanged", "ok"]);
    assert_eq!(river.command(&["log", "gud"])?.0, Some(2));
    let (_, out, _) = river.command(&["log", "--since", "1h"])?;
    assert!(out.contains("5 polls since"), "{out}");

    let (_, out, _) = river.command(&["status", "--json"])?;
    let status = serde_json::from_str::<Value>(&out)?;
    assert_eq!((&status["sources"][0]["state"], &status["sources"][1]["state"]), (&"ok".into(), &"failing".into()));
    assert_eq!(status["sources"][1]["failures_in_a_row"], 2);
    Ok(())
}

#[test]
fn check_online_says_what_each_source_is() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(rss(&[("1", "x")])))?;
    let river = River::new(&source("a", &origin.url("/a")))?;
    assert_eq!(river.command(&["check"])?.0, Some(0));
    assert!(origin.asked("/a").is_empty(), "check alone asks nobody");
    let (code, out, _) = river.command(&["check", "--online"])?;
    assert_eq!(code, Some(0));
    assert!(out.contains("RSS in UTF-8, 1 entries: T"), "{out}");
    Ok(())
}

#[test]
fn status_before_the_first_poll_says_what_to_do() -> Fallible {
    let river = River::new("")?;
    let (code, _, err) = river.command(&["status"])?;
    assert_eq!(code, Some(1));
    assert!(err.contains("newsriver run"), "{err}");
    Ok(())
}

#[test]
fn sources_are_added_and_removed_and_the_rest_of_the_file_stays() -> Fallible {
    let origin = Origin::new(|asked: &Asked| {
        match asked.path.as_str() {
        "/" => Reply::Answer(
            "200 OK\r\nContent-Type: text/html".into(),
            b"<html><head><link rel=alternate type='application/rss+xml' href='/broken'><link rel=alternate type='application/rss+xml' href='/feed'></head><body>x</body></html>".to_vec(),
        ),
        "/feed" => Reply::feed(rss(&[("1", "one")])),
        _ => Reply::status("404 Not Found"),
    }
    })?;
    let river = River::new("# mine\n[[source]]\nid = \"old\" # kept\nurl = \"file:x.xml\"\n")?;
    let before = std::fs::read_to_string(river.config())?;
    let (code, out, err) = river.command(&["add", &origin.url("/"), "--id", "new", "--group", "local"])?;
    assert!(code == Some(0) && out.contains("1 entries"), "{out}{err}");
    let text = std::fs::read_to_string(river.config())?;
    let added =
        format!("\n[[source]]\nid = \"new\"\nurl = \"{}\"\nname = \"T\"\ngroup = \"local\"\n", origin.url("/feed"));
    assert_eq!(text, format!("{before}{added}"));
    let (code, _, err) = river.command(&["add", &origin.url("/feed")])?;
    assert!(code == Some(1) && err.contains("already the source `new`"), "{err}");
    let (code, _, err) = river.command(&["add", &origin.url("/nothing")])?;
    assert!(code == Some(1) && err.contains("404"), "{err}");
    assert_eq!(river.command(&["remove", "new"])?.0, Some(0));
    assert_eq!(std::fs::read_to_string(river.config())?, before);
    assert_eq!(river.command(&["remove", "new"])?.0, Some(2));
    Ok(())
}

#[test]
fn subscriptions_come_in_and_go_out() -> Fallible {
    let river = River::new("[[source]]\nid = \"a\"\nurl = \"http://a.example/feed\"\n")?;
    let list = river.folder.path().join("list.opml");
    let many: String =
        (0..10_000).map(|n| format!("<outline text='n{n}' xmlUrl='http://h{n}.example/feed'/>")).collect();
    std::fs::write(
        &list,
        format!(
            "<opml><body><outline text='本地 新闻'><outline text='A' xmlUrl='http://a.example/feed'/>{many}</outline><outline text='gone' xmlUrl='gopher://x/'/></body></opml>"
        ),
    )?;
    let (code, out, err) = river.command(&["import", &list.to_string_lossy()])?;
    assert!(code == Some(0) && out.starts_with("10000 sources added, 1 were there, 1 left out"), "{out}{err}");
    let (code, out, err) = river.command(&["export", "opml"])?;
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out.matches("xmlUrl=").count(), 10_001);
    assert!(out.contains("<outline text=\"本地-新闻\""), "groups come round");
    Ok(())
}

#[test]
fn a_backup_is_whole_and_damage_is_found_and_set_aside() -> Fallible {
    let river = River::new("[[source]]\nid = \"a\"\nurl = \"file:a.xml\"\n")?;
    std::fs::write(river.folder.path().join("a.xml"), rss(&[("1", "one"), ("2", "two")]))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    let copy = river.folder.path().join("copy.db");
    let (code, out, err) = river.command(&["backup", &copy.to_string_lossy()])?;
    assert!(code == Some(0) && out.contains("bytes"), "{out}{err}");
    daemon.stop()?;
    let store = river.folder.path().join("newsriver.db");
    let (code, _, err) = river.command(&["check", "--store"])?;
    assert!(code == Some(0) && err.contains("no damage"), "{err}");
    std::fs::write(&store, b"this is no database, and it is longer than a header of one would be")?;
    let (code, _, err) = river.command(&["check", "--store"])?;
    assert!(code == Some(1) && err.contains("damaged"), "{err}");
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    let (_, log) = daemon.stop()?;
    assert!(log.iter().any(|line| line.to_string().contains("the store is damaged")), "{log:?}");
    let aside = std::fs::read_dir(river.folder.path())?
        .flatten()
        .any(|f| f.file_name().to_string_lossy().contains(".damaged-"));
    assert!(aside, "nothing is thrown away");
    // The backup takes its place.
    std::fs::copy(&copy, &store)?;
    let (_, out, _) = river.command(&["status", "--json"])?;
    assert!(out.contains("\"entries\": 2"), "{out}");
    Ok(())
}

#[test]
fn what_is_pruned_never_comes_back_as_new() -> Fallible {
    let river = River::new("[store]\nkeep = \"30d\"\n[[source]]\nid = \"a\"\nurl = \"file:a.xml\"\n")?;
    std::fs::write(river.folder.path().join("a.xml"), rss(&[("1", "one"), ("2", "two")]))?;
    assert_eq!(river.command(&["poll"])?.0, Some(0));
    let store = rusqlite::Connection::open(river.folder.path().join("newsriver.db"))?;
    store.execute("UPDATE entries SET first_seen = first_seen - 40 * 86400000 WHERE data ->> 'title' = 'one'", [])?;
    let (code, out, err) = river.command(&["prune"])?;
    assert!(code == Some(0) && out.starts_with("1 entries pruned"), "{out}{err}");
    let (_, out, _) = river.command(&["poll", "--force"])?;
    assert!(out.contains("0 entries new, 0 changed"), "{out}");
    let (_, feed, _) = river.command(&["export", "json"])?;
    let feed: serde_json::Value = serde_json::from_str(&feed)?;
    assert_eq!(feed["items"].as_array().map(Vec::len), Some(1), "{feed}");
    Ok(())
}

#[test]
fn shells_and_man_are_served() -> Fallible {
    let river = River::new("")?;
    for (arguments, wanted) in [(&["completions", "bash"][..], "newsriver"), (&["man"], ".TH")] {
        let (code, out, _) = river.command(arguments)?;
        assert!(code == Some(0) && out.contains(wanted), "{arguments:?}");
    }
    Ok(())
}
