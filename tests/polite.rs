//! A good guest: what servers say about moving, ending, waiting and not changing is heeded.

mod common;

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{Asked, Fallible, Origin, Reply, River, rss, source};

fn answer(head: &str, body: impl Into<Vec<u8>>) -> Reply {
    Reply::Answer(head.into(), body.into())
}

#[test]
fn a_feed_that_moved_for_good_is_asked_for_where_it_went() -> Fallible {
    let origin = Origin::new(|asked: &Asked| match asked.path.as_str() {
        "/old" => answer("301 Moved Permanently\r\nLocation: /new", ""),
        "/new" if asked.header("if-none-match") == Some("\"n\"") => answer("304 Not Modified", ""),
        "/new" => answer("200 OK\r\nETag: \"n\"", rss(&[("1", "one")])),
        _ => Reply::status("404 Not Found"),
    })?;
    let river = River::new(&source("a", &origin.url("/old")))?;
    let daemon = river.start()?;
    daemon.until(|_| Ok(origin.asked("/new").len()), |asked| *asked >= 3)?;
    assert_eq!(origin.asked("/old").len(), 1, "remembered");
    assert!(origin.asked("/new")[1..].iter().all(|a| a.header("if-none-match") == Some("\"n\"")), "conditional");
    let status = daemon.source("a")?;
    assert_eq!(status["moved_to"], origin.url("/new"));
    daemon.stop()?;
    let (code, out, _) = river.command(&["fix"])?;
    assert!(code == Some(0) && out.contains(&origin.url("/new")), "{out}");
    let text = std::fs::read_to_string(river.config())?;
    assert_eq!(text, River::text(&source("a", &origin.url("/new"))), "the address alone changed");
    Ok(())
}

#[test]
fn a_move_to_a_feed_of_strangers_is_followed_but_not_remembered() -> Fallible {
    let parked = Arc::new(AtomicBool::new(false));
    let is_parked = parked.clone();
    let origin = Origin::new(move |asked: &Asked| match asked.path.as_str() {
        "/a" | "/b" if is_parked.load(Ordering::Relaxed) => {
            answer(&format!("301 Moved Permanently\r\nLocation: /new{}", asked.path), "")
        }
        // The title is another, an entry is not.
        "/new/b" => Reply::feed(rss(&[("2", "two"), ("3", "three")]).replace("<title>T</title>", "<title>B</title>")),
        "/new/a" => Reply::feed(rss(&[("9", "this name is for sale")]).replace("<title>T</title>", "<title>P</title>")),
        _ => Reply::feed(rss(&[("1", "one"), ("2", "two")])),
    })?;
    let river = River::new(&[source("a", &origin.url("/a")), source("b", &origin.url("/b"))].concat())?;
    let daemon = river.start()?;
    daemon.until(|d| d.source("a"), |s| s["entries"] == 2)?;
    daemon.until(|d| d.source("b"), |s| s["entries"] == 2)?;
    parked.store(true, Ordering::Relaxed);
    let status = daemon.until(|d| d.source("b"), |s| !s["moved_to"].is_null())?;
    assert_eq!(status["moved_to"], origin.url("/new/b"));
    daemon.until(|_| Ok(origin.asked("/new/a").len()), |asked| *asked >= 3)?;
    let status = daemon.source("a")?;
    assert!(
        status["moved_to"].is_null() && status["warnings"].to_string().contains("shares neither title"),
        "{status}"
    );
    parked.store(false, Ordering::Relaxed);
    let asked = origin.asked("/a").len();
    daemon.until(|_| Ok(origin.asked("/a").len()), |now| *now >= asked + 2)?;
    let status = daemon.source("a")?;
    assert!(status["http_status"] == 200 && !status["warnings"].to_string().contains("shares neither"), "{status}");
    let (code, out, _) = river.command(&["fix"])?;
    assert!(code == Some(0) && out.contains("/new/b") && !out.contains("/new/a"), "{out}");
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_temporary_redirect_is_asked_each_time_and_validators_go_to_who_gave_them() -> Fallible {
    let origin = Origin::new(|asked: &Asked| match asked.path.as_str() {
        "/old" => answer("302 Found\r\nLocation: /new", ""),
        "/new" if asked.header("if-none-match") == Some("W/\"n\"") => answer("304 Not Modified", ""),
        _ => answer("200 OK\r\nETag: W/\"n\"", rss(&[("1", "one")])),
    })?;
    let river = River::new(&source("a", &origin.url("/old")))?;
    let daemon = river.start()?;
    daemon.until(|_| Ok(origin.asked("/old").len()), |asked| *asked >= 3)?;
    assert!(origin.asked("/old").iter().all(|a| a.header("if-none-match").is_none()));
    assert!(origin.asked("/new")[1..].iter().all(|a| a.header("if-none-match") == Some("W/\"n\"")));
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_feed_that_is_gone_is_left_alone_until_a_person_says_otherwise() -> Fallible {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = polls.clone();
    let origin = Origin::new(move |asked: &Asked| match asked.path.as_str() {
        "/gone" if count.fetch_add(1, Ordering::Relaxed) > 0 => Reply::status("410 Gone"),
        _ => Reply::feed(rss(&[("1", "one")])),
    })?;
    let river = River::new(&[source("gone", &origin.url("/gone")), source("well", &origin.url("/well"))].concat())?;
    let daemon = river.start()?;
    let status = daemon.until(|d| d.source("gone"), |s| s["state"] == "gone")?;
    assert!(status["next_poll"].is_null() && status["entries"] == 1, "{status}");
    let before = origin.asked("/well").len();
    daemon.until(|_| Ok(origin.asked("/well").len()), |asked| *asked >= before + 3)?;
    assert_eq!(origin.asked("/gone").len(), 2);
    daemon.stop()?;
    // Not asked by another start either, but by a person.
    let daemon = river.start()?;
    let before = origin.asked("/well").len();
    daemon.until(|_| Ok(origin.asked("/well").len()), |asked| *asked >= before + 2)?;
    assert_eq!(origin.asked("/gone").len(), 2);
    daemon.stop()?;
    let (code, _, _) = river.command(&["poll", "gone"])?;
    assert_eq!((code, origin.asked("/gone").len()), (Some(1), 3));
    Ok(())
}

#[test]
fn a_host_that_is_tired_is_left_alone_with_all_its_sources() -> Fallible {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = polls.clone();
    let tired = Origin::new(move |asked: &Asked| match asked.path.as_str() {
        "/tired" if count.fetch_add(1, Ordering::Relaxed) > 0 => {
            Reply::status("429 Too Many Requests\r\nRetry-After: 3600")
        }
        _ => Reply::feed(rss(&[("1", "one")])),
    })?;
    let river = River::new(
        &[
            source("tired", &tired.url("/tired")),
            source("other", &tired.url("/other")),
            "[[source]]\nid = \"file\"\nurl = \"file:f.xml\"\nevery = \"1s\"\n".to_owned(),
        ]
        .concat(),
    )?;
    std::fs::write(river.folder.path().join("f.xml"), rss(&[("2", "two")]))?;
    let mut daemon = river.start()?;
    daemon.until(|d| d.source("tired"), |s| s["http_status"] == 429)?;
    let asked = tired.asked("/other").len();
    for _ in 0..3 {
        daemon.polled("file")?;
    }
    assert!(tired.asked("/other").len() <= asked + 1, "one may have been under way");
    assert_eq!(tired.asked("/tired").len(), 2);
    let status = daemon.source("tired")?;
    let next = chrono::DateTime::parse_from_rfc3339(status["next_poll"].as_str().unwrap_or_default())?;
    assert!(next > chrono::Utc::now() + chrono::TimeDelta::minutes(55), "{status}");
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_delta_is_asked_for_and_taken_for_what_it_is() -> Fallible {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = polls.clone();
    let origin = Origin::new(move |asked: &Asked| {
        let delta = asked.header("a-im").is_some_and(|im| im.contains("feed"));
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => answer("200 OK\r\nETag: \"1\"", rss(&[("1", "一"), ("2", "二")])),
            1 if delta => answer("226 IM Used\r\nIM: feed\r\nETag: \"2\"", rss(&[("3", "三")])),
            _ => answer("304 Not Modified", ""),
        }
    })?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let daemon = river.start()?;
    let status = daemon.until(|d| d.source("a"), |s| s["entries"] == 3)?;
    assert_eq!(status["warnings"].as_array().map(Vec::len), Some(0), "no overrun: {status}");
    daemon.until(|_| Ok(origin.asked("/").len()), |asked| *asked >= 3)?;
    assert_eq!(origin.asked("/")[2].header("if-none-match"), Some("\"2\""));
    assert!(origin.asked("/")[0].header("a-im").is_none(), "nothing to tell a difference from");
    daemon.stop()?;
    Ok(())
}

#[test]
fn robots_txt_keeps_us_from_articles_and_not_from_feeds() -> Fallible {
    let origin = Origin::new(|asked: &Asked| match asked.path.as_str() {
        "/robots.txt" => answer("200 OK", "User-agent: *\nDisallow: /feed\nDisallow: /closed/\n"),
        "/feed" => Reply::feed(
            "<rss version=\"2.0\"><channel><title>t</title><item><guid>1</guid><title>a</title><link>/closed/1</link></item><item><guid>2</guid><title>b</title><link>/open/2</link></item></channel></rss>",
        ),
        _ => answer(
            "200 OK\r\nContent-Type: text/html",
            format!("<html><body><article><p>{}</p></article></body></html>", "长文章的正文,".repeat(80)),
        ),
    })?;
    let river = River::new(&format!("[[source]]\nid = \"f\"\nurl = \"{}\"\nfull_text = true\n", origin.url("/feed")))?;
    let (code, out, _) = river.command(&["poll"])?;
    assert_eq!(code, Some(0), "{out}");
    assert_eq!((origin.asked("/open/2").len(), origin.asked("/closed/1").len()), (1, 0));
    assert_eq!(origin.asked("/robots.txt").len(), 1, "read once");
    assert!(out.contains("robots.txt"), "{out}");
    Ok(())
}

#[test]
fn a_feed_that_turned_over_between_two_polls_is_told_and_polled_sooner() -> Fallible {
    let polls = Arc::new(AtomicUsize::new(0));
    let origin = Origin::new(move |_| {
        let n = polls.fetch_add(1, Ordering::Relaxed);
        let ids: Vec<String> = (n * 3..n * 3 + 3).map(|id| id.to_string()).collect();
        let items: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), id.as_str())).collect();
        Reply::feed(rss(&items))
    })?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    let line = daemon.polled("a")?;
    assert!(line.to_string().contains("may have come and gone unseen"), "{line}");
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_source_goes_through_its_own_proxy() -> Fallible {
    let proxy = Origin::new(|asked: &Asked| match asked.path.as_str() {
        "http://feeds.invalid/feed" => Reply::feed(rss(&[("1", "one")])),
        _ => Reply::status("502 Bad Gateway"),
    })?;
    let river = River::new(&format!(
        "[[source]]\nid = \"a\"\nurl = \"http://feeds.invalid/feed\"\nproxy = \"{}\"\n",
        proxy.url("/")
    ))?;
    let (code, out, _) = river.command(&["poll"])?;
    assert!(code == Some(0) && out.contains("1 entries new"), "{out}");
    Ok(())
}

#[test]
fn a_connection_that_the_server_closed_is_made_again() -> Fallible {
    // Keeps connections open, as far as it says, and closes each behind its answer.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let Ok(length) = stream.read(&mut request) else { continue };
            let path = String::from_utf8_lossy(&request[..length]);
            let number: u32 = path.split(' ').nth(1).and_then(|path| path[1..].parse().ok()).unwrap_or(0);
            let (head, body) = match number {
                0..5 => (format!("302 Found\r\nLocation: /{}", number + 1), String::new()),
                _ => ("200 OK".to_owned(), rss(&[("1", "one")])),
            };
            let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            // Whoever is gone asks again.
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    let river = River::new(&source("a", &format!("http://{address}/0")))?;
    for _ in 0..5 {
        let (code, out, _) = river.command(&["poll", "--force"])?;
        assert_eq!(code, Some(0), "{out}");
    }
    Ok(())
}
