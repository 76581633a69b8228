//! Sources that mean harm, against the running daemon: floods, and the stories of others.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use common::{Fallible, Origin, Reply, River, rss, source};
use serde_json::Value;

const TITLE: &str = "区领导到青浦工业园区开展调研";

const BODY: &str = "青浦工业园区周一开展调研,区领导走访了三家企业,了解它们的订单、用工和用电。座谈会上,企业代表提出了七条建议,园区答应在月底前逐条答复。";

/// One item of an RSS feed.
struct Item {
    guid: String,
    link: String,
    title: String,
    body: String,
    date: DateTime<Utc>,
}

fn feed(items: &[Item]) -> String {
    let items: String = items
        .iter()
        .map(|item| {
            format!(
                "<item><title>{}</title><guid>{}</guid><link>{}</link><pubDate>{}</pubDate><description><![CDATA[{}]]></description></item>",
                item.title, item.guid, item.link, item.date.to_rfc2822(), item.body
            )
        })
        .collect();
    format!(
        "<rss version=\"2.0\"><channel><title>T</title><link>http://e.example/</link><description>d</description>{items}</channel></rss>"
    )
}

fn items(feed: &Value) -> Vec<Value> {
    feed["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_flood_of_one_text_holds_up_neither_the_others_nor_the_stop() -> Fallible {
    let flood: String = {
        let all: Vec<Item> = (0..4_000)
            .map(|n| Item {
                guid: format!("http://flood.example/{n}"),
                link: format!("http://flood.example/{n}"),
                title: TITLE.into(),
                body: BODY.into(),
                date: Utc::now(),
            })
            .collect();
        feed(&all)
    };
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    let origin = Origin::new(move |asked| match asked.path.as_str() {
        "/flood" => Reply::feed(flood.clone()),
        _ => {
            let n = counted.fetch_add(1, Ordering::SeqCst).to_string();
            Reply::feed(rss(&[(n.as_str(), format!("control {n}").as_str())]))
        }
    })?;
    let river = River::new(&(source("flood", &origin.url("/flood")) + &source("control", &origin.url("/control"))))?;
    let mut daemon = river.start()?;
    // The control source is polled and stored while the flood is written, or has been.
    for _ in 0..3 {
        assert_eq!(daemon.polled("control")?["poll.status"], "ok");
        assert_eq!(daemon.get("readyz", &[])?.status, 200);
    }
    let asked = Instant::now();
    let (code, _) = daemon.stop()?;
    assert_eq!(code, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());

    // The restart meets it again, and comes to its end; nothing of it is there twice.
    let daemon = river.start()?;
    daemon.until(|d| d.source("flood"), |row| row["entries"] == 4_000 && row["state"] == "ok")?;
    let story = daemon.until(|d| d.json("feed.json"), |feed| items(feed).iter().any(|item| item["title"] == TITLE))?;
    let told: Vec<Value> = items(&story).into_iter().filter(|item| item["title"] == TITLE).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0]["_newsriver"]["sources"].as_array().is_some_and(|sources| sources.len() <= 8), "{}", told[0]);
    daemon.stop()?;
    Ok(())
}

/// Entries of the store, as another program reads them: their ids in the river, by their own.
fn stored(river: &River) -> Result<std::collections::BTreeMap<String, String>, rusqlite::Error> {
    let store = rusqlite::Connection::open(river.folder.path().join("newsriver.db"))?;
    let mut select = store.prepare("SELECT json_extract(data, '$.title'), river_id FROM entries")?;
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

#[test]
fn a_stop_in_the_middle_of_a_long_write_is_obeyed_and_loses_nothing() -> Fallible {
    const ENTRIES: usize = 3_000;
    let item = |n: usize| Item {
        guid: n.to_string(),
        link: format!("http://e.example/{n}"),
        title: format!("entry number {n}"),
        body: (0..40).map(|word| format!("{}{} ", word * n, &TITLE[word % 7 * 3..])).collect(),
        date: Utc::now(),
    };
    let (long, polls) = (feed(&(0..ENTRIES).map(item).collect::<Vec<_>>()), AtomicUsize::new(0));
    let origin = Origin::new(move |asked| match asked.path.as_str() {
        "/long" => Reply::feed(long.clone()),
        _ => {
            let n = polls.fetch_add(1, Ordering::SeqCst).to_string();
            Reply::feed(rss(&[(n.as_str(), format!("control {n}").as_str())]))
        }
    })?;
    let river = River::new(&(source("long", &origin.url("/long")) + &source("control", &origin.url("/control"))))?;
    let daemon = river.start()?;
    let is_long = |title: &&String| title.starts_with("entry number");
    let written = daemon.until(|_| Ok(stored(&river)?), |stored| stored.keys().filter(is_long).count() > 100)?;
    assert!(written.keys().filter(is_long).count() < ENTRIES, "it was written before anybody could look");
    let asked = Instant::now();
    let (code, log) = daemon.stop()?;
    assert_eq!(code, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    let kept = stored(&river)?;
    assert!(written.iter().all(|entry| kept.get(entry.0) == Some(entry.1)), "what was there is there");
    let told: usize = log.iter().filter(|line| line["source.id"] == "control" && line["entries.new"] == 1).count();
    assert!(
        kept.keys().filter(|title| title.starts_with("control")).count() >= told,
        "what was told as stored is there"
    );

    let daemon = river.start()?;
    daemon.until(|d| d.source("long"), |row| row["entries"] == ENTRIES && row["state"] == "ok")?;
    daemon.stop()?;
    let all = stored(&river)?;
    assert_eq!(all.keys().filter(is_long).count(), ENTRIES);
    assert!(kept.iter().all(|entry| all.get(entry.0) == Some(entry.1)), "under the same ids");
    let store = rusqlite::Connection::open(river.folder.path().join("newsriver.db"))?;
    let rows: usize = store.query_row("SELECT count(*) FROM entries WHERE source = 'long'", [], |row| row.get(0))?;
    assert_eq!(rows, ENTRIES, "once");
    Ok(())
}

/// What the hostile source does once it knows the story of the good one.
fn copies(now: DateTime<Utc>, round: usize) -> Vec<Item> {
    let ago = |days: i64| now - TimeDelta::days(days);
    let copy = |n: usize, title: &str, body: String, date: DateTime<Utc>| Item {
        guid: format!("http://bad.example/{n}"),
        link: format!("http://bad.example/{n}"),
        title: title.into(),
        body,
        date,
    };
    let own = "本站独家:请看本站的广告,本站什么都有,便宜得很,还包送货上门,一个电话就来。";
    vec![
        copy(1, TITLE, format!("<p>{own}</p><p>{BODY}</p>"), ago(6)),
        copy(2, "区领导到青浦工业园区开展调研 点击领取", format!("<p>{BODY}</p><p>{own}{own}{own}</p>"), ago(1)),
        copy(
            3,
            "区领导到青浦工业园区开展调研 点击领取",
            format!("<p>{BODY}</p><p>第{round}次修改</p>"),
            ago(round as i64 % 6),
        ),
    ]
}

#[test]
fn a_story_stays_with_who_told_it() -> Fallible {
    let now = Utc::now();
    let date = now - TimeDelta::minutes(3);
    let rounds = Arc::new(AtomicUsize::new(0));
    let counted = rounds.clone();
    let origin = Origin::new(move |asked| match asked.path.as_str() {
        "/good" => Reply::feed(feed(&[Item {
            guid: "http://good.example/1".into(),
            link: "http://good.example/1".into(),
            title: TITLE.into(),
            body: format!("<p>{BODY}</p>"),
            date,
        }])),
        _ => Reply::feed(feed(&copies(now, counted.fetch_add(1, Ordering::SeqCst)))),
    })?;
    let good = source("good", &origin.url("/good"));
    let river = River::new(&good)?;
    let mut daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 1)?;
    let before = items(&daemon.json("feed.json")?)[0].clone();
    river.edit(&(good.clone() + &source("bad", &origin.url("/bad"))))?;
    for _ in 0..6 {
        assert_eq!(daemon.polled("bad")?["poll.status"], "ok");
    }
    // Copies with other words at their end may stand apart; the story of who reported it first takes the plain one.
    let story = |feed: &Value| items(feed).iter().find(|item| item["id"] == before["id"]).cloned();
    let feed = daemon.until(
        |d| d.json("feed.json"),
        |feed| {
            let sources = story(feed).and_then(|item| item["_newsriver"]["sources"].as_array().map(Vec::len));
            sources.is_some_and(|sources| sources > 1)
        },
    )?;
    let after = story(&feed).unwrap_or_default();
    for key in ["id", "url", "title", "date_published", "date_modified"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    let html = after["content_html"].as_str().unwrap_or_default();
    assert!(html.contains("座谈会上") && !html.contains("本站独家") && !html.contains("次修改"), "{html}");

    // A person may prefer the other.
    let preferred = source("bad", &origin.url("/bad")) + "priority = 5\n";
    river.edit(&(good.clone() + &preferred))?;
    daemon.until(
        |d| d.json("feed.json"),
        |feed| {
            let shown = story(feed).and_then(|item| item["url"].as_str().map(str::to_owned));
            shown.is_some_and(|url| url.contains("bad.example"))
        },
    )?;
    daemon.stop()?;
    Ok(())
}

#[test]
fn one_source_does_not_fill_the_first_page() -> Fallible {
    let now = Utc::now();
    let origin = Origin::new(move |asked| {
        let (count, minutes) = if asked.path == "/flood" { (4_000, 0) } else { (30, 60) };
        let item = |n: i64| Item {
            guid: format!("http://e.example{}/{n}", asked.path),
            link: format!("http://e.example{}/{n}", asked.path),
            title: format!("{} number {n}", asked.path),
            body: String::new(),
            date: now - TimeDelta::minutes(minutes) - TimeDelta::seconds(n % 50),
        };
        Reply::feed(feed(&(0..count).map(item).collect::<Vec<_>>()))
    })?;
    let sources: String = ["flood", "a", "b", "c"]
        .map(|id| {
            source(id, &origin.url(&format!("/{id}"))).replace("every = \"1s\"\nmin_every = \"1s\"", "every = \"1h\"")
        })
        .concat();
    let daemon = River::new(&sources)?.start_kept()?;
    let daemon = daemon.1;
    daemon.until(|d| d.json("status.json"), |status| status["river"]["entries"] == 4_090)?;
    let count =
        |feed: &Value, id: &str| items(feed).iter().filter(|item| item["_newsriver"]["sources"][0]["id"] == id).count();
    let feed = daemon.until(|d| d.json("feed.json"), |feed| count(feed, "flood") <= 33 && items(feed).len() == 100)?;
    let counts = ["a", "b", "c"].map(|id| count(&feed, id));
    assert!(counts.iter().sum::<usize>() >= 67, "{counts:?}");
    daemon.stop()?;
    Ok(())
}
