//! newsriver reads its own river: the same entries come out.

mod common;

use common::{Daemon, Fallible, Origin, Reply, River, source};
use serde_json::Value;

/// What a reader would compare of each story: id, link, title, date, authors, body.
fn stories(daemon: &Daemon) -> Result<Vec<[Value; 6]>, Box<dyn std::error::Error>> {
    let feed = daemon.json("feed.json")?;
    let items = feed["items"].as_array().cloned().unwrap_or_default();
    let moment = |item: &Value| {
        let date = item["date_published"].as_str().and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
        date.map_or(Value::Null, |date| date.timestamp().into())
    };
    let mut all: Vec<[Value; 6]> = items
        .iter()
        .map(|item| {
            let names = item["authors"].as_array().into_iter().flatten().map(|author| author["name"].clone()).collect();
            let field = |name: &str| item[name].clone();
            [field("id"), field("url"), field("title"), moment(item), Value::Array(names), field("content_html")]
        })
        .collect();
    all.sort_by_key(|story| story[0].to_string());
    Ok(all)
}

#[test]
fn its_own_river_comes_out_as_it_went_in() -> Fallible {
    let feed = r#"<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>青浦报</title><link>http://e.example/</link>
<item><title>青浦工业园区开展调研</title><link>http://e.example/1?a=1&amp;b=2</link><guid isPermaLink="false">urn:x:1</guid><pubDate>Mon, 24 Apr 2023 09:12:31 +0800</pubDate><dc:creator>邹婷婷</dc:creator><description>&lt;p&gt;徐建一行 &amp;amp; &lt;b&gt;园区&lt;/b&gt;&lt;/p&gt;</description></item>
<item><title>A &amp; B &lt; C</title><link>http://e.example/2</link><guid>http://e.example/2</guid><pubDate>Sun, 23 Apr 2023 23:00:00 GMT</pubDate><dc:creator>李四</dc:creator><dc:creator>王五</dc:creator><description>plain words</description></item>
</channel></rss>"#;
    let origin = Origin::new(move |_| Reply::feed(feed))?;
    let first = River::new(&source("a", &origin.url("/")))?.start_kept()?;
    first.1.until(|d| d.titles(), |titles| titles.len() == 2)?;
    let went_in = stories(&first.1)?;
    for format in ["atom", "json", "rss"] {
        let second = River::new(&source("b", &format!("{}feed.{format}", first.1.base)))?.start_kept()?;
        second.1.until(|d| d.titles(), |titles| titles.len() == 2)?;
        let came_out = stories(&second.1)?;
        for (before, after) in went_in.iter().zip(&came_out) {
            assert_eq!(before, after, "{format}");
        }
        assert_eq!(went_in.len(), came_out.len());
        second.1.stop()?;
    }
    first.1.stop()?;
    Ok(())
}
