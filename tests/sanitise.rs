//! Hostile HTML through the real program: nothing of it is live in what it publishes, wherever it comes from, and what
//! an earlier version stored is healed.

mod common;
mod judge;

use common::{Daemon, Fallible, Origin, Reply, River, source};
use serde_json::Value;

/// Bodies that came out live once, and others of their kinds.
const BODIES: [&str; 14] = [
    "<img src=\"x.png\">&#x338; onerror=alert(11) x<b>y</b>",
    "<img src=\"x.png\">&#x301;&#x338; onerror=alert(11) x<b>y</b>",
    "<p>前文</p><img src=\"x.png\" title=\"(编辑:\">x)<br><i title=\" onerror=alert(22) \">t</i>",
    "<p>前文</p><p>x<img src=\"x.png\" alt=\"（责编：\">甲）</p><i title=\" onerror=alert(22) \">t</i>",
    "<i title=\"(资料图\">a</i><img src=x alt=\") onerror=alert(1) \"><p>正文</p>",
    "<p>标题正文</p><p title='关键词:'>关键词:</p><img src=x title=\"<br>编辑:\" alt=\" onerror=alert(3) \">",
    "<a href=\"java&#8203;script:alert(1)\">x</a>",
    "<a href=\"&#1;javascript:alert(1)\">x</a>",
    "<a href=\"&#x6a;ava&Tab;script&colon;alert(1)\">x</a>",
    "<a href=\"ｊavascript:alert(1)\">x</a> ＜img src=x onerror=alert(1)＞",
    "<p title=\"＂ onmouseover=alert(1) x=＂\">&#xff1c;script&#xff1e;alert(1)&#xff1c;/script&#xff1e;</p>",
    "<svg><style><img src=x onerror=alert(1)></style></svg><math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
    "<template><script>alert(1)</script></template><plaintext><script>alert(2)</script>",
];

const WORDS: [&str; 14] =
    ["青浦", "佛山", "捷捷", "台风", "高铁", "园区", "渔民", "开通", "出海", "零碳", "机构", "调研", "新线", "三水"];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An RSS feed of these bodies; every title, author, tag and link is hostile too.
fn hostile_feed() -> String {
    let title = escaped("&lt;img src=x onerror=alert(5)&gt; ＜script＞");
    let item = |(n, body): (usize, &&str)| {
        // Titles and texts alike would make one story of all.
        let own = WORDS[n].repeat(3);
        let title = if n == 0 { title.clone() } else { format!("{own} &lt;b&gt;") };
        let body = format!("<p>{own}</p>{body}");
        format!(
            "<item><guid isPermaLink=\"false\">{n}</guid><title>{title}</title><author>{title}</author><category>{title}</category>\
             <comments>javascript:alert(6)</comments><enclosure url=\"javascript:alert(7)\" type=\"image/png\" length=\"1\"/>\
             <link>java\u{200d}script:alert(8)</link><description>{}</description></item>",
            escaped(&body)
        )
    };
    let items: String = BODIES.iter().enumerate().map(item).collect();
    format!(
        "<rss version=\"2.0\"><channel><title>{title}</title><link>javascript:alert(9)</link><description>d</description>{items}</channel></rss>"
    )
}

/// Every text of a document as a careless reader would put it into its page, and every address.
fn shown(daemon: &Daemon, path: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let body = daemon.get(path, &[])?.text();
    if path.split('?').next().is_some_and(|path| path.ends_with(".json")) {
        return Ok(shown_by_json(&serde_json::from_str(&body)?));
    }
    let document = roxmltree::Document::parse(&body)?;
    let mut found = Vec::new();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let text = node.text().unwrap_or_default();
        match node.tag_name().name() {
            "link" | "comments" | "url" | "uri" if !text.is_empty() => found.push(as_link(text)),
            "name" | "category" => {}
            // Atom says that these are text (RFC 4287, section 3.1.1.1).
            "title" | "summary" if path.contains(".atom") => assert_eq!(node.attribute("type"), None),
            _ => found.push(text.to_owned()),
        }
        found.extend(node.attribute("href").or_else(|| node.attribute("url")).map(as_link));
    }
    Ok(found)
}

/// The same of a JSON Feed.
fn shown_by_json(feed: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for item in feed["items"].as_array().into_iter().flatten() {
        found.extend(item["content_html"].as_str().map(str::to_owned));
        for key in ["url", "external_url", "image"] {
            found.extend(item[key].as_str().map(as_link));
        }
        let lists = ["attachments", "authors"].into_iter().flat_map(|key| item[key].as_array().into_iter().flatten());
        found.extend(lists.filter_map(|one| one["url"].as_str()).map(as_link));
    }
    found
}

fn as_link(address: &str) -> String {
    format!("<a href=\"{}\">x</a>", escaped(address).replace('"', "&quot;"))
}

fn live(daemon: &Daemon) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut found = Vec::new();
    for path in ["feed.atom", "feed.rss", "feed.json", "sources/x/feed.atom", "feed.rss?q=alert"] {
        let texts = shown(daemon, path)?;
        assert!(texts.iter().any(|text| text.contains("<p>")), "{path} shows bodies");
        found.extend(texts.iter().flat_map(|text| judge::live_in_any_form(text)).map(|what| format!("{path}: {what}")));
    }
    let mut pages: Vec<String> =
        ["", "sources/x/", "status", "status/x", "explain?entry=1", "?q=alert", "top"].map(str::to_owned).into();
    for item in daemon.json("feed.json")?["items"].as_array().into_iter().flatten() {
        let id: String =
            url::form_urlencoded::byte_serialize(item["id"].as_str().unwrap_or_default().as_bytes()).collect();
        pages.extend([format!("stories/{id}"), format!("explain?entry={id}")]);
    }
    for path in pages {
        let page = daemon.get(&path, &[])?;
        assert_eq!(page.status, 200, "{path}");
        let mine = ["<script>", "<link>", "<meta>", "<form>", "<input>", "<button>", "<select>", "<option>"];
        // Drawings of polls stand on these pages alone.
        let drawn = if path.starts_with("status") { &["<svg>", "<title>", "<rect>", "<polyline>"][..] } else { &[] };
        let subscribing = format!("a href=feed:{}", daemon.base);
        let is_own = |what: &String| {
            mine.contains(&what.as_str())
                || drawn.contains(&what.as_str())
                || what.contains(" id=")
                || what.contains(" name=")
                || what.starts_with(&subscribing)
        };
        let bad = judge::live(&page.text()).into_iter().filter(|what| !is_own(what));
        found.extend(bad.map(|what| format!("{path}: {what}")));
    }
    Ok(found)
}

#[test]
fn nothing_hostile_is_live_in_what_is_published() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(hostile_feed()))?;
    for is_web in [true, false] {
        let river = River::new("")?;
        std::fs::write(river.folder.path().join("x.xml"), hostile_feed())?;
        let url = if is_web { origin.url("/x.xml") } else { "file:x.xml".to_owned() };
        river.edit(&source("x", &url))?;
        let mut daemon = river.start()?;
        daemon.polled("x")?;
        // Some are one story.
        daemon.until(Daemon::titles, |titles| titles.len() > BODIES.len() / 2)?;
        assert_eq!(live(&daemon)?, Vec::<String>::new(), "web: {is_web}");
    }
    Ok(())
}

#[test]
fn nothing_hostile_is_live_in_what_is_parsed() -> Fallible {
    let river = River::new("")?;
    std::fs::write(river.folder.path().join("x.xml"), hostile_feed())?;
    for base in [&[][..], &["--base-url", "http://e.example/a/"]] {
        let (status, output, _) = river.command(&[&["parse", "x.xml"], base].concat())?;
        let feed: Value = serde_json::from_str(&output)?;
        assert_eq!((status, feed["items"].as_array().map(Vec::len)), (Some(0), Some(BODIES.len())));
        assert_eq!(feed["home_page_url"], Value::Null);
        let found: Vec<String> = shown_by_json(&feed).iter().flat_map(|text| judge::live_in_any_form(text)).collect();
        assert_eq!(found, Vec::<String>::new(), "{base:?}");
    }
    Ok(())
}

#[test]
fn what_is_stored_is_healed_before_it_is_published() -> Fallible {
    let river = River::new("")?;
    let items: Vec<String> = (0..130).map(|n| format!("{n}")).collect();
    let pairs: Vec<(&str, &str)> = items.iter().map(|n| (n.as_str(), n.as_str())).collect();
    std::fs::write(river.folder.path().join("x.xml"), common::rss(&pairs))?;
    river.edit(&format!("[river]\nentries = 20\n{}", source("x", "file:x.xml")))?;
    let mut daemon = river.start()?;
    daemon.polled("x")?;
    daemon.until(Daemon::titles, |titles| titles.len() == 20)?;
    daemon.until(|d| Ok(d.get("archives/1-100.json", &[])?.status), |status| *status == 200)?;
    let ids = |daemon: &Daemon| -> Result<Vec<Value>, Box<dyn std::error::Error>> {
        let feed = daemon.json("feed.json?n=200")?;
        Ok(feed["items"].as_array().into_iter().flatten().map(|item| item["id"].clone()).collect())
    };
    let before = ids(&daemon)?;
    daemon.stop()?;
    // As an earlier version stored it, and as somebody else may have changed it since.
    let store = rusqlite::Connection::open(river.folder.path().join("newsriver.db"))?;
    for (n, body) in BODIES.iter().enumerate() {
        let row = i64::try_from(n)? + 1;
        let stamp = if n % 2 == 0 { "NULL" } else { "stamp" };
        store.execute(
            &format!("UPDATE entries SET data = json_set(data, '$.content_html', ?2, '$.url', 'java' || char(8203) || 'script:alert(1)'), stamp = {stamp} WHERE row = ?1"),
            rusqlite::params![row, format!("<p>x</p>{}", as_once_stored(body))],
        )?;
    }
    let archived: Vec<(i64, Vec<u8>)> = store
        .prepare("SELECT seq, data FROM archive ORDER BY seq LIMIT 14")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for ((seq, packed), body) in archived.iter().zip(BODIES) {
        let mut story: Value = serde_json::from_slice(&zstd::stream::decode_all(&packed[..])?)?;
        story["story"]["entry"]["content_html"] = format!("<p>x</p>{}", as_once_stored(body)).into();
        let packed = zstd::bulk::compress(&serde_json::to_vec(&story)?, 3)?;
        store.execute("UPDATE archive SET data = ?2, stamp = NULL WHERE seq = ?1", rusqlite::params![seq, packed])?;
    }
    drop(store);
    std::fs::remove_file(river.folder.path().join("x.xml"))?;
    let daemon = river.start()?;
    assert_eq!(ids(&daemon)?, before, "every id stays");
    for path in ["feed.json?n=200", "archives/1-100.json", "archives/1-100.atom", "archives/1-100.rss"] {
        let texts = shown(&daemon, path)?;
        let found: Vec<String> = texts.iter().flat_map(|text| judge::live_in_any_form(text)).collect();
        assert_eq!(found, Vec::<String>::new(), "{path}");
    }
    assert!(shown(&daemon, "archives/1-100.json")?.iter().any(|text| text.contains("<p>x</p>")), "bodies are there");
    Ok(())
}

/// The body as the old way left it: its references resolved where they matter.
fn as_once_stored(body: &str) -> String {
    body.replace("&#x338;", "\u{338}")
        .replace("&#8203;", "")
        .replace("&#1;", "")
        .replace("&colon;", ":")
        .replace("&Tab;", "")
}
