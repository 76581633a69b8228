//! The commands, as scripts use them.

mod common;

use common::{Fallible, Origin, Reply, River, newsriver, rss, source};
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
