//! Every feed that is published keeps the rules that validators hold feeds to, whatever its sources sent; and the
//! rules see what they are there to see.

mod common;
mod rules;

use common::{Fallible, Origin, Reply, River, source};

/// What publishers get wrong, in one document.
const WRONG: &str = r#"<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>&lt;b&gt;Portal&lt;/b&gt; &amp;amp; co</title><link>/home</link><description></description><language>zh_cn!</language>
<item><title></title><description></description><guid></guid></item>
<item><title>&lt;b&gt;园区&lt;/b&gt; 1 &lt; 2 &amp; 3</title><link>news/1.html</link><guid>a b</guid><pubDate>Mon, 31 Feb 2026 25:61:00 XYZ</pubDate>
<author>nobody</author><dc:creator> </dc:creator><category> </category><category>园区</category><comments>nowhere</comments>
<description>&lt;script&gt;alert(1)&lt;/script&gt;&lt;a href="javascript:x"&gt;x&lt;/a&gt;&lt;img src="a.png" onerror="x"&gt; 正文</description></item>
<item><title>From tomorrow</title><link>http://portal.example/2 3</link><guid isPermaLink="true">not an address</guid>
<pubDate>Fri, 01 Jan 2199 00:00:00 GMT</pubDate><enclosure url="magnet:?xt=urn:btih:x" length="-5" type="movie"/>
<enclosure url="a.mp3" length="many" type=""/><content:encoded>&lt;iframe src="http://x.example/"&gt;&lt;/iframe&gt;&lt;p style="x"&gt;a&lt;/p&gt;</content:encoded></item>
<item><description>Only a text &#x85; &#x7f; &#xfffe; &#xFFFD; with controls, 抓转型</description><guid>tag:portal</guid><source url="x">y</source></item>
<item><link>http://[broken/</link><guid>urn:x</guid><title>broken link</title></item>
</channel></rss>"#;

const WRONG_ATOM: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en_US.utf8"><title type="html">&lt;i&gt;T&lt;/i&gt;</title><id>x</id>
<entry><id>not absolute</id><title type="html">a &amp;lt;b&gt;</title><updated>yesterday</updated><author><name> </name><email>at all</email><uri>x y</uri></author>
<link href="/1"/><link href="/1" rel="alternate"/><link rel="enclosure" href="/e" length="x" type="?"/><link rel="replies" href="x y" type="z"/>
<category term=""/><content type="html">&lt;p&gt;one&lt;/p&gt;</content><published>3026-01-01T00:00:00Z</published></entry>
<entry><id>http://e.example/</id><title/><content type="xhtml" xml:lang="??"><div xmlns="http://www.w3.org/1999/xhtml"><a href="rel">two</a></div></content></entry>
<entry><id>http://e.example/3</id><title>same</title><link rel="enclosure" href="http://e.example/e.mp3"/><link rel="enclosure" href="http://e.example/e.mp3"/></entry></feed>"#;

const WRONG_JSON: &str = r#"{"version":"https://jsonfeed.org/version/1","title":"","items":[
{"id":7,"url":"x y","content_text":"three 抓转型","authors":[{}],"tags":["",null,"园区"],"attachments":[{"url":"","mime_type":""},{"url":"http://e.example/a","mime_type":"x"}],"date_published":"soon","language":"??","image":"::"},
{"id":"","title":" "},{"title":"four","external_url":"nowhere"}]}"#;

#[test]
fn whatever_sources_send_each_page_of_each_feed_is_valid() -> Fallible {
    let origin = Origin::new(|asked| {
        let body = match asked.path.as_str() {
            "/rss" => WRONG.to_owned(),
            "/atom" => WRONG_ATOM.to_owned(),
            "/json" => WRONG_JSON.to_owned(),
            _ => return Reply::status("404 Not Found"),
        };
        Reply::feed(body)
    })?;
    let sources: String = ["rss", "atom", "json", "gone"]
        .map(|name| source(name, &origin.url(&format!("/{name}"))) + "group = \"g\"\n")
        .concat();
    let river = River::new(&format!("[river]\nentries = 3\n[websub]\nhub = \"self\"\nsubscribe = false\n{sources}"))?;
    let daemon = river.start()?;
    let is_polled = |status: &serde_json::Value| {
        status["sources"].as_array().is_some_and(|all| all.iter().all(|source| source["state"] != "new"))
    };
    daemon.until(|d| d.json("status.json"), is_polled)?;
    let entries = daemon.json("status.json")?["river"]["entries"].as_u64();
    assert!(entries.is_some_and(|count| count >= 8), "{entries:?}");
    daemon.until(|d| d.get("feed.atom", &[]), |answer| answer.text().contains("prev-archive"))?;

    let mut todo: Vec<String> = Vec::new();
    for place in ["", "groups/g/", "sources/rss/", "sources/gone/", "tags/园区/"] {
        let place: String = place.split('/').map(newsriver::model::part::segment).collect::<Vec<_>>().join("/");
        todo.extend(["atom", "rss", "json"].map(|ending| format!("{}{place}feed.{ending}", daemon.base)));
    }
    todo.push(format!("{}feed.atom?q=%E6%8A%93%E8%BD%AC%E5%9E%8B", daemon.base));
    let (mut seen, mut found) = (std::collections::BTreeSet::new(), Vec::new());
    while let Some(url) = todo.pop() {
        if !seen.insert(url.clone()) {
            continue;
        }
        let path = url.strip_prefix(&daemon.base).ok_or_else(|| format!("{url} is elsewhere"))?;
        let answer = daemon.get(path, &[])?;
        assert_eq!(answer.status, 200, "{url}");
        found.extend(rules::broken(&answer.body, &url).into_iter().map(|finding| format!("{url}: {finding}")));
        feed_rs::parser::parse(&answer.body[..]).map_err(|error| format!("{url}: {error}"))?;
        let text = answer.text();
        if let Ok(feed) = serde_json::from_str::<serde_json::Value>(&text) {
            todo.extend(feed["next_url"].as_str().map(str::to_owned));
            continue;
        }
        for node in roxmltree::Document::parse(&text)?.descendants() {
            if matches!(
                node.attribute("rel"),
                Some("next" | "previous" | "first" | "last" | "prev-archive" | "current")
            ) {
                todo.extend(node.attribute("href").map(str::to_owned));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(
        seen.iter().any(|url| url.contains("archives/")) && seen.iter().any(|url| url.contains("before=")),
        "{seen:#?}"
    );
    daemon.stop()?;
    Ok(())
}

#[test]
fn the_rules_see_what_is_wrong() {
    let atom = |inside: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><feed xmlns=\"http://www.w3.org/2005/Atom\"><id>http://e.example/</id><title>t</title><updated>2026-01-31T00:00:00Z</updated><link rel=\"self\" href=\"http://e.example/f\"/>{inside}</feed>"
        )
    };
    let rss = |inside: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" xmlns:a=\"http://www.w3.org/2005/Atom\"><channel><title>t</title><link>http://e.example/</link><description>d</description><a:link rel=\"self\" href=\"http://e.example/f\"/>{inside}</channel></rss>"
        )
    };
    let json = |items: &str| {
        format!(
            "{{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"t\",\"feed_url\":\"http://e.example/f\",\"items\":[{items}]}}"
        )
    };
    for clean in [atom(""), rss(""), json("")] {
        assert_eq!(rules::broken(clean.as_bytes(), "http://e.example/f"), [""; 0], "{clean}");
    }
    assert!(rules::broken(atom("").as_bytes(), "http://e.example/g")[0].starts_with("SelfDoesntMatchLocation"));
    for (document, rule) in [
        (atom("<x/>"), "UndefinedElement"),
        (atom("<id>http://e.example/2</id>"), "DuplicateElement"),
        (atom("<entry><id>x</id><title>t</title><updated>2026-01-31T00:00:00Z</updated></entry>"), "InvalidFullLink"),
        (atom("<entry/>"), "MissingContentOrAlternate"),
        (atom("<entry><updated>2026-01-31</updated></entry>"), "InvalidRFC3339Date"),
        (atom("<entry><content type=\"html\">&lt;script>1&lt;/script></content></entry>"), "SecurityRisk"),
        (atom("<entry><content type=\"html\">&lt;img src=\"a.png\"></content></entry>"), "ContainsRelRef"),
        (atom("<entry><author><name> </name></author></entry>"), "NotBlank"),
        (atom("<entry><link rel=\"next\" href=\"http://e.example/2\"/></entry>"), "FeedHistoryRelInEntry"),
        (atom("<link rel=\"next\" href=\"http://e.example/f\"/>"), "LinkPastEnd"),
        (rss("<item/>"), "ItemMustContainTitleOrDescription"),
        (rss("<item><pubDate>Mon, 01 Jan 2026 00:00:00 +0000</pubDate></item>"), "InvalidRFC2822Date"),
        (rss("<item><enclosure url=\"x\" length=\"-1\" type=\"mp3\"/></item>"), "InvalidIntegerAttribute"),
        (rss("<item><enclosure url=\"x\" length=\"-1\" type=\"mp3\"/></item>"), "InvalidMIMEType"),
        (rss("<item><title>t</title></item>"), "MissingGuid"),
        (rss("<item><guid>x y</guid></item>"), "InvalidFullLink"),
        (rss("<item><description>&lt;p>x&lt;/p></description></item>"), "ContainsHTML"),
        (rss("<item/><ttl>5</ttl>"), "MisplacedItem"),
        (json("{}"), "content_html or content_text"),
        (json("{\"id\":\"1\",\"content_text\":\"x\"},{\"id\":\"1\",\"content_text\":\"x\"}"), "id twice"),
        (json("{\"id\":\"1\",\"content_text\":\"x\",\"language\":\"??\"}"), "InvalidLanguage"),
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><feed>".to_owned(), "SAXError"),
    ] {
        let found = rules::broken(document.as_bytes(), "http://e.example/f");
        assert!(found.iter().any(|finding| finding.starts_with(rule)), "{rule} in {document}: {found:?}");
    }
}
