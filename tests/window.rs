//! Nothing is missed: whoever follows the river by one of its ways sees every story once, however many come.

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Daemon, Fallible, Origin, Reply, River, source};

/// Stories of the hour, and how many of them come between two visits.
const STORIES: usize = 5_000;
const BATCH: usize = 500;

/// A feed of the stories `range`; every third has a date far in the past, every third none.
fn feed(range: std::ops::Range<usize>) -> String {
    let items: String = range
        .rev()
        .map(|n| {
            // Words that no two stories share, so that none is taken for another's repeat (the mixing of splitmix64).
            let word = |k: usize| {
                let mut mixed = ((n * 12 + k) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                char::from_u32(0x4e00 + ((mixed ^ (mixed >> 27)) % 20_000) as u32).unwrap_or('x')
            };
            let title: String = (0..12).map(word).collect();
            let date = match n % 3 {
                0 => format!("<pubDate>{:02} Apr 2023 {:02}:{:02}:00 +0800</pubDate>", n % 28 + 1, n % 24, n % 60),
                1 => String::new(),
                _ => "<pubDate>01 Jan 2099 00:00:00 GMT</pubDate>".into(),
            };
            format!("<item><title>{title}{n}</title><guid>urn:story:{n}</guid>{date}</item>")
        })
        .collect();
    format!("<rss version=\"2.0\"><channel><title>T</title>{items}</channel></rss>")
}

/// What a client has seen, by id, and how often.
#[derive(Debug, Default)]
struct Seen(HashMap<String, usize>);

impl Seen {
    fn take(&mut self, body: &[u8]) -> Result<atom_syndication::Feed, Box<dyn std::error::Error>> {
        let feed = atom_syndication::Feed::read_from(body)?;
        for entry in feed.entries() {
            *self.0.entry(entry.id().to_owned()).or_default() += 1;
        }
        Ok(feed)
    }

    fn is_each_once(&self, count: usize, who: &str) {
        let often: Vec<_> = self.0.iter().filter(|(_, times)| **times != 1).collect();
        assert!(often.is_empty(), "{who} saw some more than once: {often:?}");
        assert_eq!(self.0.len(), count, "{who}");
    }
}

fn link(feed: &atom_syndication::Feed, rel: &str) -> Option<String> {
    feed.links().iter().find(|link| link.rel() == rel).map(|link| link.href().to_owned())
}

/// Walks from the first page along the links `rel`.
fn walk(daemon: &Daemon, rel: &str) -> Result<Seen, Box<dyn std::error::Error>> {
    let (mut seen, mut path) = (Seen::default(), Some("feed.atom".to_owned()));
    while let Some(at) = path {
        let answer = daemon.get(&at, &[])?;
        assert_eq!(answer.status, 200, "{at}");
        let feed = seen.take(&answer.body)?;
        path = link(&feed, rel).map(|url| url.trim_start_matches(&daemon.base).to_owned());
    }
    Ok(seen)
}

#[test]
fn three_ways_to_see_every_story_once() -> Fallible {
    let come = Arc::new(AtomicUsize::new(0));
    let now = come.clone();
    let origin = Origin::new(move |_| {
        let newest = now.load(Ordering::SeqCst);
        Reply::feed(feed(newest.saturating_sub(BATCH)..newest))
    })?;
    let river =
        River::new(&format!("{}initial = {BATCH}\n[river]\nmax_per_source = 40\n", source("a", &origin.url("/"))))?;
    let daemon = river.start()?;
    let stories = |d: &Daemon| Ok(d.json("status.json")?["river"]["stories"].as_u64().unwrap_or(0) as usize);
    let (mut visitor, mut etag) = (Seen::default(), String::new());
    let mut deltas = 0;
    for batch in 0..=STORIES / BATCH {
        let count = batch * BATCH;
        come.store(count, Ordering::SeqCst);
        daemon.until(stories, |stories| *stories == count)?;
        // The first page is rendered after the count is known.
        let answer = daemon.until(
            |d| d.get("feed.atom", &[("A-IM", "feed"), ("If-None-Match", &etag)]),
            |answer| batch == 0 || answer.text().contains("<entry>"),
        )?;
        let feed = visitor.take(&answer.body)?;
        etag = answer.header("etag").unwrap_or_default().to_owned();
        if batch > 0 {
            assert_eq!((answer.status, answer.header("im")), (226, Some("feed")));
            assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")));
            assert!(answer.header("vary").is_some_and(|value| value.contains("A-IM")));
            assert_eq!(feed.entries().len(), BATCH);
            deltas += 1;
        }
    }
    assert_eq!(deltas, STORIES / BATCH);
    visitor.is_each_once(STORIES, "who asks for what is new");
    let again = daemon.get("feed.atom", &[("A-IM", "feed"), ("If-None-Match", &etag)])?;
    assert_eq!(again.status, 304, "nothing is new");
    let gzip = daemon
        .get("feed.atom", &[("A-IM", "gzip;q=1, feed"), ("If-None-Match", "\"0.0\""), ("Accept-Encoding", "gzip")])?;
    assert_eq!((gzip.status, gzip.header("content-encoding")), (226, Some("gzip")));
    assert!(gzip.header("etag").is_some_and(|tag| tag.ends_with("-gzip\"")));

    walk(&daemon, "next")?.is_each_once(STORIES, "who turns the pages");
    let first = Seen::default().take(&daemon.get("feed.atom", &[])?.body)?;
    assert_eq!(first.entries().len(), 40, "the chatty source does not fill the page");
    walk(&daemon, "prev-archive")?.is_each_once(STORIES, "who walks the archives");

    // Archive documents stay as they are, in every format, whatever comes after them.
    let path = link(&first, "prev-archive").ok_or("no archive")?.trim_start_matches(&daemon.base).to_owned();
    let before = daemon.get(&path, &[])?;
    assert!(before.text().contains("<fh:archive") && before.text().contains("rel=\"current\""));
    assert!(before.header("cache-control").is_some_and(|value| value.contains("immutable")));
    come.store(STORIES + 7, Ordering::SeqCst);
    daemon.until(|d| d.get("feed.atom", &[]), |answer| !answer.text().contains(&path))?;
    assert_eq!(daemon.get(&path, &[])?.body, before.body);
    let rss = daemon.get(&path.replace(".atom", ".rss"), &[])?;
    assert!(rss.text().contains("<fh:archive"), "{}", rss.text());
    rss::Channel::read_from(rss.body.as_slice())?;
    for path in
        ["archives/0-100.atom", "archives/1-0.atom", "archives/999-1.atom", "archives/1-101.atom", "archives/x.atom"]
    {
        assert_eq!(daemon.get(path, &[])?.status, 404, "{path}");
    }

    // The ways survive a restart.
    let known = daemon.get("feed.atom", &[])?.header("etag").unwrap_or_default().to_owned();
    daemon.stop()?;
    come.store(STORIES + 9, Ordering::SeqCst);
    let daemon = river.start()?;
    daemon.until(stories, |stories| *stories == STORIES + 9)?;
    let answer = daemon.until(
        |d| d.get("feed.atom", &[("A-IM", "feed"), ("If-None-Match", &known)]),
        |answer| answer.text().contains("urn:story:5008"),
    )?;
    let mut seen = Seen::default();
    seen.take(&answer.body)?;
    assert_eq!((answer.status, seen.0.len()), (226, 2));
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_new_source_does_not_flood() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(feed(0..80)))?;
    let other = Origin::new(|_| Reply::feed(feed(100..103)))?;
    let flood = format!("{}initial = 5\n", source("flood", &origin.url("/")));
    let river = River::new(&[source("calm", &other.url("/")), flood].concat())?;
    let daemon = river.start()?;
    let first = daemon.until(|d| d.titles(), |titles| titles.len() == 8)?;
    assert_eq!(first.len(), 8);
    walk(&daemon, "next")?.is_each_once(83, "who turns the pages");
    let own = daemon.json("sources/flood/feed.json")?;
    assert_eq!(own["items"].as_array().map(Vec::len), Some(80), "whoever asks for the source gets what it has");
    daemon.stop()?;
    Ok(())
}

#[test]
fn news_does_not_wait_for_a_mountain_of_stories_to_be_archived() -> Fallible {
    let river = River::new("[river]\nentries = 10\n[[source]]\nid = \"a\"\nurl = \"file:a.xml\"\n")?;
    std::fs::write(river.folder.path().join("a.xml"), feed(0..2_000))?;
    let (code, _, complaint) = river.command(&["poll"])?;
    assert_eq!(code, Some(0), "{complaint}");
    let config = newsriver::config::Config::load(&river.config())?;
    let store = newsriver::store::Store::open(&config.store)?;
    let here = url::Url::parse("http://127.0.0.1:8700/")?;
    let live = newsriver::live::Live::new(config, &store, here, chrono::Utc::now(), Default::default())?;
    let (pushes, asks) = (tokio::sync::mpsc::channel(1).0, tokio::sync::mpsc::channel(1).0);
    let site = newsriver::web::Site::new(Arc::new(live), store.clone(), pushes, asks, Default::default());

    let rendering = site.render()?;
    assert!(rendering.entries == 10 && rendering.is_behind, "{rendering:?}");
    assert!(store.archived()? < 200, "{}", store.archived()?);
    let mut steps = 1;
    while site.catch_up()? {
        steps += 1;
    }
    assert!((3..10).contains(&steps), "{steps}");
    assert_eq!(store.archived()?, 1_990);
    assert!(!site.render()?.is_behind);
    Ok(())
}
