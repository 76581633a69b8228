//! Search and bounds in the address of any feed.

mod common;

use common::{Daemon, Fallible, Origin, Reply, River, rss, source};
use serde_json::Value;

fn titles(daemon: &Daemon, path: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let feed = daemon.json(path)?;
    let items = feed["items"].as_array().cloned().unwrap_or_default();
    Ok(items.iter().filter_map(|item| item["title"].as_str().map(str::to_owned)).collect())
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn words_of_two_characters_are_found_in_every_feed_and_format() -> Fallible {
    let items = [
        ("1", "青浦工业园区开展调研"),
        ("2", "佛山三水率先实现零碳"),
        ("3", "台湾新聞 about trains"),
        ("4", "捷捷微电接受调研"),
    ];
    let origin = Origin::new(move |_| Reply::feed(rss(&items)))?;
    let other = Origin::new(|_| Reply::feed(rss(&[("9", "园区的另一条消息")])))?;
    let river = River::new(&[source("a", &origin.url("/")), source("b", &other.url("/"))].concat())?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 5)?;
    for (query, count) in [
        ("调研", 2),
        ("園區", 2),
        ("title:调研 -捷捷", 1),
        ("source:b", 1),
        ("新闻 TRAINS", 1),
        ("\"园区开展\"", 1),
        ("区园", 0),
        ("-调研", 3),
    ] {
        let found = titles(&daemon, &format!("feed.json?q={}", encoded(query)))?;
        assert_eq!(found.len(), count, "{query}: {found:?}");
    }
    let q = encoded("园区");
    assert_eq!(titles(&daemon, &format!("sources/b/feed.json?q={q}"))?, ["园区的另一条消息"]);
    for format in ["atom", "rss"] {
        let feed = daemon.get(&format!("feed.{format}?q={q}"), &[])?;
        assert_eq!(feed_rs::parser::parse(feed.body.as_slice())?.entries.len(), 2, "{format}");
    }
    let feed = daemon.json(&format!("feed.json?q={q}"))?;
    assert!(
        feed["feed_url"].as_str().is_some_and(|url| url.contains("?q=")) && feed["title"].to_string().contains("园区")
    );
    // Page by page, each once.
    let (mut path, mut seen) = (Some(format!("feed.json?n=1&q={q}")), Vec::new());
    while let Some(next) = path {
        let page = daemon.json(&next)?;
        seen.extend(page["items"].as_array().cloned().unwrap_or_default().iter().map(|item| item["id"].clone()));
        path = page["next_url"].as_str().map(|url| url.trim_start_matches(&daemon.base).to_owned());
        assert!(seen.len() < 9, "no end");
    }
    seen.dedup();
    assert_eq!(seen.len(), 2);
    daemon.stop()?;
    Ok(())
}

#[test]
fn readers_set_bounds_of_their_own() -> Fallible {
    let origin = Origin::new(|_| {
        Reply::feed(
            "<rss version=\"2.0\"><channel><title>t</title><item><guid>old</guid><title>old</title><pubDate>Mon, 24 Apr 2023 10:00:00 +0800</pubDate></item><item><guid>new</guid><title>new</title></item></channel></rss>",
        )
    })?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    assert_eq!(titles(&daemon, "feed.json?n=1")?, ["new"]);
    assert_eq!(titles(&daemon, "feed.json?hours=6")?, ["new"]);
    assert_eq!(titles(&daemon, "feed.json?since=2023-01-01")?.len(), 2);
    assert_eq!(titles(&daemon, "feed.json?since=2023-04-24T02:00:01Z")?, ["new"]);
    assert_eq!(titles(&daemon, "feed.json?n=1")?, ["new"]);
    let page: Value = daemon.json("feed.json?n=1")?;
    let next = page["next_url"].as_str().ok_or("no next page")?;
    assert!(next.contains("n=1&before="), "{next}");
    assert_eq!(titles(&daemon, next.trim_start_matches(&daemon.base))?, ["old"]);
    for bad in ["n=0", "n=1001", "n=x", "hours=0", "since=yesterday", "q=-", "before=x"] {
        assert_eq!(daemon.get(&format!("feed.json?{bad}"), &[])?.status, 400, "{bad}");
    }
    daemon.stop()?;
    Ok(())
}

#[test]
fn filters_decide_what_is_published_and_explain_says_why() -> Fallible {
    let items = [("1", "青浦园区开展调研"), ("2", "园区广告:大减价"), ("3", "别处的消息"), ("4", "园区招商")];
    let origin = Origin::new(move |_| Reply::feed(rss(&items)))?;
    let feed = |rest: &str| format!("{}group = \"g\"\n{rest}", source("a", &origin.url("/")));
    let river = River::new(&format!(
        "[river]\nexclude = [\"廣告\"]\n[groups.g]\ninclude = [\"title:园区\"]\n{}",
        feed("exclude = [\"招商\"]\n")
    ))?;
    let daemon = river.start()?;
    assert_eq!(daemon.until(|d| d.titles(), |titles| !titles.is_empty())?, ["青浦园区开展调研"]);
    assert_eq!(daemon.source("a")?["entries"], 4, "what is not published is kept");
    for (id, why) in [
        ("2", "exclude `廣告` of the river"),
        ("3", "nothing of include of its group"),
        ("4", "exclude `招商` of this source"),
    ] {
        let (_, text, _) = river.command(&["explain", id])?;
        assert!(text.contains(&format!("not published: {why}")), "{text}");
    }
    let found = titles(&daemon, &format!("feed.json?q={}", encoded("园区")))?;
    assert_eq!(found.len(), 1, "a search finds what is published: {found:?}");
    // An edit of the filters shows at once, without a poll.
    river.edit(&feed(""))?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 4)?;
    daemon.stop()?;
    let bad = River::new(&feed("include = [\"older:long\"]\n"))?;
    let (code, _, err) = bad.command(&["check"])?;
    assert!(code == Some(2) && err.contains("`long` is no age"), "{err}");
    Ok(())
}
