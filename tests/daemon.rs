//! The running daemon, against real sockets and a real store.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Fallible, Origin, Reply, River, message, request, rss, source};

/// A feed in which guid and title of the entry are the same.
fn simple(ids: &[&str]) -> String {
    rss(&ids.iter().map(|id| (*id, *id)).collect::<Vec<_>>())
}

#[test]
fn subscriptions_and_metrics_are_served() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(rss(&[("1", "one")])))?;
    let river = River::new(&format!("[[source]]\nid = \"a\"\nurl = \"{}\"\ngroup = \"g\"\n", origin.url("/feed")))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 1)?;
    let opml = daemon.get("opml", &[])?;
    assert!(opml.header("content-type").is_some_and(|kind| kind.starts_with("text/x-opml")));
    assert!(
        opml.text().contains(&origin.url("/feed")) && opml.text().contains("<outline text=\"g\""),
        "{}",
        opml.text()
    );
    let metrics = daemon.get("metrics", &[])?.text();
    for line in
        ["newsriver_polls_total{status=\"ok\"} 1\n", "newsriver_entries 1\n", "newsriver_sources{state=\"ok\"} 1\n"]
    {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_restart_a_kill_and_unchanged_documents_lose_double_and_rename_nothing() -> Fallible {
    let origin = Origin::new(|asked| match asked.header("if-none-match") {
        Some("\"v1\"") if asked.path == "/tagged" => Reply::status("304 Not Modified\r\nETag: \"v1\""),
        _ if asked.path == "/tagged" => {
            Reply::Answer("200 OK\r\nETag: \"v1\"".into(), simple(&["a", "b"]).into_bytes())
        }
        _ => Reply::feed(simple(&["c", "d"])),
    })?;
    let river = River::new(&(source("tagged", &origin.url("/tagged")) + &source("plain", &origin.url("/plain"))))?;
    let mut daemon = river.start()?;
    assert_eq!(daemon.polled("tagged")?["poll.status"], "ok");
    assert_eq!(daemon.polled("tagged")?["poll.status"], "not_modified");
    let unchanged = daemon.logged(|l| l["source.id"] == "plain" && l["poll.status"] == "unchanged")?;
    assert_eq!((&unchanged["entries.new"], &unchanged["entries.changed"]), (&0.into(), &0.into()));
    let feed = daemon.until(|d| d.json("feed.json"), |f| f["items"].as_array().is_some_and(|i| i.len() == 4))?;
    let (code, log) = daemon.stop()?;
    assert_eq!(code, Some(0));
    assert!(log.last().is_some_and(|l| message(l).starts_with("stopped:")), "{log:#?}");

    let mut daemon = river.start()?;
    daemon.polled("plain")?;
    daemon.until(|d| d.json("feed.json"), |again| again["items"] == feed["items"])?;
    daemon.kill()?;
    let mut daemon = river.start()?;
    daemon.polled("plain")?;
    daemon.until(|d| d.json("feed.json"), |again| again["items"] == feed["items"])?;
    let row = daemon.source("tagged")?;
    assert_eq!((&row["entries"], &row["state"]), (&2.into(), &"ok".into()));
    Ok(())
}

#[test]
fn a_source_polled_a_moment_ago_is_not_polled_again_at_start() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(simple(&["a"])))?;
    let river = River::new(&format!("[[source]]\nid = \"a\"\nurl = \"{}\"\n", origin.url("/a")))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    daemon.stop()?;
    let daemon = river.start()?;
    daemon.until(super_ready, |status| *status == 200)?;
    assert_eq!(daemon.titles()?, ["a"]);
    daemon.stop()?;
    assert_eq!(origin.asked("/a").len(), 1);
    Ok(())
}

fn super_ready(daemon: &common::Daemon) -> Result<u16, Box<dyn std::error::Error>> {
    Ok(daemon.get("readyz", &[])?.status)
}

#[test]
fn an_edited_entry_is_shown_edited_under_its_id() -> Fallible {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = polls.clone();
    let origin = Origin::new(move |_| {
        let title = if count.fetch_add(1, Ordering::SeqCst) == 0 { "first" } else { "second" };
        Reply::feed(rss(&[("1", title)]))
    })?;
    let river = River::new(&source("a", &origin.url("/a")))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    let first = daemon.until(|d| d.json("feed.json"), |f| !f["items"][0].is_null())?;
    let second = daemon.until(|d| d.json("feed.json"), |f| f["items"][0]["title"] == "second")?;
    assert_eq!(first["items"][0]["id"], second["items"][0]["id"]);
    assert_eq!(first["items"][0]["date_published"], second["items"][0]["date_published"]);
    assert_eq!(second["items"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[test]
fn faults_have_their_kind_and_the_others_go_on() -> Fallible {
    let origin = Origin::new(|asked| match asked.path.as_str() {
        "/404" => Reply::status("404 Not Found"),
        "/hang" => Reply::Hang,
        "/html" => Reply::Answer("200 OK\r\nContent-Type: text/html".into(), b"<!doctype html><p>hello".to_vec()),
        "/large" => Reply::feed(vec![b' '; 20 << 20]),
        "/loop" => Reply::status("302 Found\r\nLocation: /loop"),
        "/metadata" => Reply::status("302 Found\r\nLocation: http://169.254.169.254/latest/"),
        "/gzip" => Reply::Answer("200 OK\r\nContent-Encoding: gzip".into(), b"this is no gzip".to_vec()),
        "/broken" => Reply::feed("<rss version='2.0'><channel><title>x</oops>"),
        _ => Reply::feed(simple(&["good"])),
    })?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let expected = [
        ("404", "http_status"),
        ("hang", "timeout"),
        ("html", "not_a_feed"),
        ("large", "too_large"),
        ("loop", "redirect"),
        ("metadata", "blocked_address"),
        ("gzip", "decompression"),
        ("broken", "parse"),
    ];
    let mut sources: String = expected.iter().map(|(id, _)| source(id, &origin.url(&format!("/{id}")))).collect();
    sources += &source("nobody", &format!("http://{nobody}/"));
    // A label over 63 bytes is no name: the resolver says so without asking anybody.
    sources += &source("nowhere", &format!("http://{}.invalid/", "x".repeat(64)));
    sources += &source("missing", "file:missing.xml");
    sources += &source("good", &origin.url("/good"));
    let river = River::new(&sources)?;
    let mut daemon = river.start()?;
    let others = [("nobody", "connect"), ("nowhere", "dns"), ("missing", "io")];
    for (id, kind) in expected.into_iter().chain(others) {
        let row = daemon.until(|d| d.source(id), |row| row["error"]["kind"] == kind)?;
        assert_eq!(row["state"], "failing", "{id}");
        let line = daemon.log.iter().find(|l| l["source.id"] == id && l["error.kind"] == kind).cloned();
        let line = line.map_or_else(|| daemon.logged(|l| l["source.id"] == id && l["error.kind"] == kind), Ok)?;
        assert_eq!(line["level"], "WARN", "{line}");
    }
    let good = daemon.until(|d| d.source("good"), |row| row["state"] == "ok")?;
    assert_eq!(good["entries"], 1);
    assert_eq!(daemon.titles()?, ["good"]);
    Ok(())
}

#[test]
fn what_a_source_loses_stays_in_the_river() -> Fallible {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = polls.clone();
    let origin = Origin::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::feed(simple(&["a", "b"])),
        1 => Reply::feed(simple(&[])),
        _ => Reply::Answer("200 OK\r\nContent-Type: text/html".into(), b"<html><body>login</body></html>".to_vec()),
    })?;
    let river = River::new(&source("a", &origin.url("/a")))?;
    let daemon = river.start()?;
    let row = daemon.until(|d| d.source("a"), |row| row["error"]["kind"] == "not_a_feed")?;
    assert_eq!(row["entries"], 2);
    assert_eq!(daemon.titles()?.len(), 2);
    Ok(())
}

#[test]
fn http_is_served_to_the_letter() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(simple(&["a", "b", "c"])))?;
    let river = River::new(&format!("[river]\nentries = 2\n{}", source("a", &origin.url("/a"))))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    daemon.until(super_titles, |titles| titles.len() == 2)?;
    for path in ["feed.atom", "feed.rss", "feed.json"] {
        let full = daemon.get(path, &[])?;
        assert_eq!(full.status, 200);
        let tag = full.header("etag").unwrap_or_default();
        assert!(tag.starts_with('"') && full.header("last-modified").is_some(), "{path}: {:?}", full.headers);
        assert_eq!(daemon.get(path, &[("If-None-Match", tag)])?.status, 304);
        let head = request("HEAD", &daemon.base, path, &[])?;
        assert_eq!((head.status, head.header("content-length")), (200, full.header("content-length")));
        assert!(head.body.is_empty());
        let coded = daemon.get(path, &[("Accept-Encoding", "gzip")])?;
        assert_eq!(coded.header("content-encoding"), Some("gzip"));
        assert_ne!(coded.header("etag"), Some(tag));
        assert_eq!(request("POST", &daemon.base, path, &[])?.header("allow"), Some("GET, HEAD"));
        let feed = feed_rs::parser::parse(&full.body[..])?;
        assert_eq!(feed.entries.len(), 2);
    }
    assert_eq!(daemon.get("feed.txt", &[])?.status, 404);
    assert_eq!(daemon.get("feed.atom?before=x", &[])?.status, 400);
    assert_eq!(daemon.get("healthz", &[])?.text(), "ok\n");
    assert!(daemon.get("status", &[])?.text().contains("<table>"));
    let by_accept = daemon.get("status", &[("Accept", "application/json")])?;
    assert_eq!(by_accept.header("content-type"), Some("application/json; charset=utf-8"));
    let page = daemon.get("", &[])?;
    assert!(page.text().contains("application/atom+xml") && page.header("content-security-policy").is_some());

    let mut seen = Vec::new();
    let mut next = Some("feed.json".to_owned());
    while let Some(path) = next {
        let feed = daemon.json(path.trim_start_matches(&daemon.base))?;
        seen.extend(
            feed["items"].as_array().into_iter().flatten().filter_map(|i| i["title"].as_str()).map(str::to_owned),
        );
        next = feed["next_url"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, ["a", "b", "c"]);
    Ok(())
}

fn super_titles(daemon: &common::Daemon) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    daemon.titles()
}

#[test]
fn a_stop_abandons_what_hangs_and_ends_in_time() -> Fallible {
    let origin = Origin::new(|_| Reply::Hang)?;
    let river = River::new(&format!("[[source]]\nid = \"a\"\nurl = \"{}\"\n", origin.url("/a")))?;
    let daemon = river.start()?;
    daemon.until(|_| Ok(origin.asked("/a").len()), |asked| *asked == 1)?;
    let clock = std::time::Instant::now();
    let (code, log) = daemon.stop()?;
    assert_eq!(code, Some(0));
    assert!(clock.elapsed() < std::time::Duration::from_secs(6), "{:?}", clock.elapsed());
    assert!(log.iter().any(|l| message(l).contains("1 abandoned")), "{log:#?}");
    Ok(())
}

#[test]
fn secrets_go_to_their_origin_and_nowhere_else() -> Fallible {
    let other = Origin::new(|_| Reply::feed(simple(&["x"])))?;
    let target = other.url("/stolen");
    let origin = Origin::new(move |asked| match asked.path.as_str() {
        "/away" => Reply::status(&format!("302 Found\r\nLocation: {target}")),
        _ => Reply::status("401 Unauthorized"),
    })?;
    let login =
        "username = \"me\"\npassword = \"hunter2\"\nheaders = { \"X-Key\" = \"swordfish\" }\nallow_private = true\n";
    let sources = source("away", &origin.url("/away")) + login + &source("here", &origin.url("/here")) + login;
    let river = River::new(&sources)?;
    let mut daemon = river.start()?;
    daemon.polled("away")?;
    daemon.until(|d| d.source("here"), |row| row["error"]["kind"] == "http_status")?;
    let asked = origin.asked("/here");
    assert_eq!(asked[0].header("authorization"), Some("Basic bWU6aHVudGVyMg=="));
    assert_eq!(asked[0].header("x-key"), Some("swordfish"));
    assert!(asked[0].header("user-agent").is_some_and(|ua| ua.starts_with("newsriver/") && ua.contains("+http")));
    let stolen = other.asked("/stolen");
    assert_eq!((stolen[0].header("authorization"), stolen[0].header("x-key")), (None, None));
    let status = daemon.get("status.json", &[])?.text();
    let (_, log) = daemon.stop()?;
    for secret in ["hunter2", "swordfish", "aHVudGVyMg"] {
        assert!(!status.contains(secret) && !format!("{log:?}").contains(secret), "{secret}");
    }
    Ok(())
}
