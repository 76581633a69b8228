//! Stores of every schema that was ever released: the program of today opens them, keeps ids and words, and lets
//! nothing out that their sanitiser missed.

mod common;
mod judge;

use std::path::Path;

use common::{Daemon, Fallible, River, source};
use newsriver::identity::digest;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// What each schema added.
const SCHEMAS: &str = include_str!("data/schemas.sql");

/// The moment of the first entry, milliseconds.
const BEGIN: i64 = 1_682_300_000_000;

/// A body that an old sanitiser let through, and what of it people read.
const HOSTILE: &str = "<p>正文第一段</p><img src=\"x.png\"≯ onerror=alert(11) x<b>正文第二段</b><a href=\"java\u{200b}script:alert(1)\">链接</a>";

fn steps() -> Vec<&'static str> {
    let parts = SCHEMAS.split("-- schema ").skip(1);
    parts.filter_map(|part| part.split_once('\n')).map(|(_, sql)| sql).collect()
}

fn packed(value: &Value) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    Ok(zstd::bulk::compress(&serde_json::to_vec(value)?, 3)?)
}

/// A story as schema 11 and later kept it in the archives.
fn archived(entry: &Value) -> Value {
    let at = "2023-04-24T01:33:20Z";
    json!({
        "story": {
            "row": 1, "river_id": "tag:e.org,2026:x/1", "source": "x", "first_seen": at, "changed_at": at, "order": at,
            "entry": entry, "told_by": "x",
            "tellings": [
                { "river_id": "tag:e.org,2026:x/1", "source": "x", "url": "java\u{200b}script:alert(2)", "title": "第1条" },
                { "river_id": "tag:e.org,2026:x/2", "source": "x", "url": "http://e.example/2", "title": "第2条" },
            ],
        },
        "origins": [{ "id": "x", "name": "X <b>", "url": "http://e.example/x.xml", "home_page_url": "javascript:alert(3)" }],
    })
}

/// A store as the program of that schema left it: three entries, the first hostile.
fn store(path: &Path, version: usize) -> Fallible {
    let store = Connection::open(path)?;
    for step in &steps()[..version] {
        store.execute_batch(step)?;
    }
    store.pragma_update(None, "user_version", i64::try_from(version)?)?;
    store.execute(
        "INSERT INTO sources (id, name, address, feed_title, last_poll, last_success, entries) VALUES ('x', 'X', 'file:x.xml', 'X', ?1, ?1, 3)",
        [BEGIN],
    )?;
    for n in 1..=3_i64 {
        let id = n.to_string();
        let body = if n == 1 { HOSTILE.to_owned() } else { format!("<p>第{n}条的正文 a &amp; b</p>") };
        let url = if n == 1 { "java\u{200b}script:alert(2)".to_owned() } else { format!("http://e.example/{n}") };
        let entry = json!({
            "publisher_id": id, "url": url, "title": format!("第{n}条：{}", ["", "青浦园区", "佛山新城", "台风过后"][usize::try_from(n)?]),
            "content_html": body, "published": "2023-04-24T09:33:20+08:00", "tags": ["本地"],
            "attachments": [{ "url": "javascript:alert(4)", "mime_type": "image/png" }],
        });
        let original = packed(&json!({
            "id": id, "link": url, "id_is_link": false, "external_link": null, "title": null, "summary": null, "content": null,
            "published": null, "updated": null, "authors": [], "tags": [], "attachments": [], "image": null,
            "language": null, "origin": null, "base": null,
        }))?;
        store.execute(
            "INSERT INTO entries (river_id, source, id_key, first_seen, changed_at, sort, data, original) VALUES (?1, 'x', ?2, ?3, ?3, ?3, ?4, ?5)",
            params![format!("tag:e.org,2026:x/{n}"), digest(&[&id]), BEGIN + n * 1000, entry.to_string(), original],
        )?;
        store.execute(
            "INSERT INTO entry_keys (source, kind, key, entry) VALUES ('x', 1, ?1, ?2)",
            params![digest(&[&id]), n],
        )?;
        if version >= 3 {
            store.execute("UPDATE entries SET fired = '[]' WHERE row = ?1", [n])?;
        }
        if version >= 4 {
            store.execute("UPDATE entries SET story = row WHERE row = ?1", [n])?;
        }
        if version >= 5 {
            store.execute("INSERT INTO entry_tags (tag, entry) VALUES ('本地', ?1)", [n])?;
        }
        if version >= 11 && n == 1 {
            let data = packed(&archived(&entry))?;
            store.execute("INSERT INTO archive (story, data) VALUES (1, ?1)", [data])?;
        }
    }
    Ok(())
}

/// The tables and indices of a store, without the white space of their definitions.
fn shape(path: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let store = Connection::open(path)?;
    let mut select = store.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")?;
    let found: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let comment = |line: &str| line.split("--").next().unwrap_or_default().trim().to_owned();
    Ok(found.iter().map(|sql| sql.lines().map(comment).collect::<Vec<_>>().join(" ")).collect())
}

fn bodies(feed: &Value) -> Vec<(String, String, String)> {
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let items = feed["items"].as_array().into_iter().flatten();
    items.map(|item| (text(item, "id"), text(item, "title"), text(item, "content_html"))).collect()
}

#[test]
fn every_older_store_keeps_its_ids_and_words_and_is_healed() -> Fallible {
    let fresh = River::new(&source("x", "file:x.xml"))?;
    fresh.command(&["poll"])?;
    let wanted = shape(&fresh.folder.path().join("newsriver.db"))?;
    let count = steps().len();
    assert_eq!(count, 13);
    for version in 1..=count {
        let river = River::new(&source("x", "file:x.xml"))?;
        let path = river.folder.path().join("newsriver.db");
        store(&path, version)?;
        let mut daemon = river.start()?;
        // There is no document: the source fails and keeps what it had.
        daemon.polled("x")?;
        check(&daemon, version)?;
        daemon.stop()?;
        // The same entries are the same ones, however the document writes them today.
        std::fs::write(river.folder.path().join("x.xml"), common::rss(&[("2", "第2条"), ("3", "第3条")]))?;
        let (status, _, error) = river.command(&["poll", "--force"])?;
        assert_eq!(status, Some(0), "schema {version}: {error}");
        let entries: i64 = Connection::open(&path)?.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
        assert_eq!(entries, 3, "schema {version}");
        assert_eq!(shape(&path)?, wanted, "schema {version}");
    }
    Ok(())
}

fn check(daemon: &Daemon, version: usize) -> Fallible {
    let found = bodies(&daemon.json("feed.json")?);
    let ids: Vec<&str> = found.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, ["tag:e.org,2026:x/3", "tag:e.org,2026:x/2", "tag:e.org,2026:x/1"], "schema {version}");
    assert_eq!(found[0].1, "第3条：台风过后");
    assert_eq!(found[0].2, "<p>第3条的正文 a &amp; b</p>", "what was harmless stays as it was");
    assert!(found[2].2.contains("正文第一段") && found[2].2.contains("正文第二段"), "schema {version}: {:?}", found[2]);
    let archive: &[&str] =
        if version >= 11 { &["archives/1-1.json", "archives/1-1.atom", "archives/1-1.rss"] } else { &[] };
    for path in ["feed.json", "feed.atom", "feed.rss", "tags/本地/feed.json", "feed.json?q=正文"].iter().chain(archive)
    {
        let path = path.replace("本地", "%E6%9C%AC%E5%9C%B0").replace("正文", "%E6%AD%A3%E6%96%87");
        let answer = daemon.get(&path, &[])?;
        assert_eq!(answer.status, 200, "schema {version}: {path}");
        let text = answer.text();
        assert!(text.contains("正文第一段") && !text.contains("script:"), "schema {version}: {path}: {text}");
        let body = if path.contains(".json") {
            bodies(&serde_json::from_str(&text)?).into_iter().map(|(.., body)| body).collect::<String>()
        } else {
            let document = roxmltree::Document::parse(&text)?;
            document.descendants().filter_map(|node| node.text()).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(judge::live_in_any_form(&body), Vec::<String>::new(), "schema {version}: {path}");
    }
    for path in ["", "explain?entry=1", "sources/x/", "status/x"] {
        let page = daemon.get(path, &[])?;
        assert!(page.status == 200 && page.text().contains("第1条"), "schema {version}: {path}");
        let text = page.text();
        assert!(!text.contains("<img") && !text.contains("href=\"java"), "schema {version}: {path}: {text}");
    }
    Ok(())
}

#[test]
fn what_is_healed_is_written_back_once() -> Fallible {
    let river = River::new(&source("x", "file:x.xml"))?;
    let path = river.folder.path().join("newsriver.db");
    store(&path, 13)?;
    let daemon = river.start()?;
    let left = |path: &Path| -> rusqlite::Result<i64> {
        Connection::open(path)?.query_row(
            "SELECT (SELECT count(*) FROM entries WHERE stamp IS NULL) + (SELECT count(*) FROM archive WHERE stamp IS NULL)",
            [],
            |row| row.get(0),
        )
    };
    daemon.until(|_| Ok(left(&path)?), |left| *left == 0)?;
    let store = Connection::open(&path)?;
    let data = |row: i64| {
        store.query_row("SELECT data, changed_at FROM entries WHERE row = ?1", [row], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    };
    let (healed, changed_at): (String, i64) = data(1)?;
    let healed: Value = serde_json::from_str(&healed)?;
    let body = healed["content_html"].as_str().unwrap_or_default();
    assert!(body.contains("正文第二段") && judge::live_in_any_form(body).is_empty(), "{body}");
    assert_eq!((&healed["url"], &healed["attachments"], changed_at), (&Value::Null, &Value::Null, BEGIN + 1000));
    let packed: Vec<u8> = store.query_row("SELECT data FROM archive", [], |row| row.get(0))?;
    let story: Value = serde_json::from_slice(&zstd::stream::decode_all(&packed[..])?)?;
    let body = story["story"]["entry"]["content_html"].as_str().unwrap_or_default();
    assert!(body.contains("正文第二段") && judge::live_in_any_form(body).is_empty(), "{body}");
    assert_eq!(story["origins"][0]["home_page_url"], Value::Null);
    Ok(())
}
