//! Pages for people: one time zone, what a story page says, pictures, languages.

mod common;

use common::{Daemon, Fallible, Origin, Reply, River, source};

/// An RSS item: its guid, title, date, and what else stands in it.
fn item(id: &str, title: &str, date: &str, rest: &str) -> String {
    format!(
        "<item><title>{title}</title><guid isPermaLink=\"false\">{id}</guid><link>http://e.example/{id}</link><pubDate>{date}</pubDate>{rest}</item>"
    )
}

fn feed(items: &[String]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel><title>T</title><link>http://e.example/</link><description>d</description>{}</channel></rss>",
        items.concat()
    )
}

/// Feeds of three publishers that write their dates in three zones, an hour apart in turn.
fn three_zones() -> std::io::Result<Origin> {
    Origin::new(|asked| {
        let (zone, offset, name) = match asked.path.as_str() {
            "/a" => ("+0800", 8, "青浦"),
            "/b" => ("GMT", 0, "London"),
            _ => ("-0500", -5, "Boston"),
        };
        let items: Vec<String> = (0..20)
            .map(|n| {
                let start = chrono::DateTime::from_timestamp(1_764_000_000 - n * 7200 + i64::from(offset) * 60, 0);
                let local = start.unwrap_or_default() + chrono::TimeDelta::hours(offset.into());
                let date = format!("{} {zone}", local.format("%a, %d %b %Y %H:%M:%S"));
                item(&format!("{name}{n}"), &format!("{name} story {n} {}", "x".repeat(n as usize)), &date, "")
            })
            .collect();
        Reply::feed(feed(&items))
    })
}

fn start_in(zone: &str, origin: &Origin) -> Result<(River, Daemon), Box<dyn std::error::Error>> {
    let sources: String = ["a", "b", "c"].iter().map(|id| source(id, &origin.url(&format!("/{id}")))).collect();
    let (river, daemon) =
        River::new(&format!("[river]\nentries = 60\ntimezone = \"{zone}\"\n{sources}"))?.start_kept()?;
    daemon.until(Daemon::titles, |titles| titles.len() == 60)?;
    Ok((river, daemon))
}

#[test]
fn tables_show_one_zone_and_name_it() -> Fallible {
    let origin = three_zones()?;
    let (river, daemon) = start_in("Asia/Shanghai", &origin)?;
    let (_, table, _) = river.command(&["status"])?;
    assert!(table.contains("times in Asia/Shanghai"), "{table}");
    let last = daemon.source("a")?["last_success"].as_str().unwrap_or_default().to_owned();
    let minute = chrono::DateTime::parse_from_rfc3339(&last)? + chrono::TimeDelta::hours(8);
    let (_, table, _) = river.command(&["log", "a"])?;
    assert!(table.contains(&minute.format("%Y-%m-%d %H:").to_string()), "{table}");
    assert!(table.contains("times in Asia/Shanghai"), "{table}");
    Ok(())
}

/// What stands between each `from` and the next `to`.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    text.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

/// The daemon's page at a path, in a language.
fn page(daemon: &Daemon, path: &str, language: &str) -> Result<String, Box<dyn std::error::Error>> {
    Ok(daemon.get(path, &[("Accept-Language", language)])?.text())
}

#[test]
fn each_day_is_a_heading_once_and_the_order_is_that_of_the_feed() -> Fallible {
    let origin = three_zones()?;
    for zone in ["Asia/Shanghai", "America/New_York", "UTC"] {
        let (_river, daemon) = start_in(zone, &origin)?;
        let text = page(&daemon, "", "en")?;
        let days = between(&text, "<h2 id=\"day-", "</h2>");
        let dates: Vec<&str> = days.iter().flat_map(|day| between(day, "datetime=\"", "\"")).collect();
        assert!(dates.len() > 1 && dates.len() == days.len(), "{days:?}");
        assert!(dates.windows(2).all(|pair| pair[0] > pair[1]), "{dates:?}");
        let titles: Vec<String> = between(&text, "<h3", "</h3>")
            .iter()
            .map(|h3| h3.trim_end_matches("</a>").rsplit("\">").next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(titles, daemon.titles()?, "{zone}");
        assert!(text.contains(&format!("<span id=\"zone\">{zone}</span>")), "{text}");
        // The exact times are those of the feed, whatever the page shows.
        let exact: Vec<String> = between(&text, "· <time datetime=\"", "\"").iter().map(|at| at.to_string()).collect();
        let feed = daemon.json("feed.json")?;
        let stated = feed["items"].as_array().into_iter().flatten();
        let stated: Vec<&str> = stated.filter_map(|item| item["date_published"].as_str()).collect();
        assert_eq!(exact, stated);
    }
    Ok(())
}

#[test]
fn what_is_found_has_one_heading_and_its_words_marked() -> Fallible {
    let origin = three_zones()?;
    let (_river, daemon) = start_in("Asia/Shanghai", &origin)?;
    let text = page(&daemon, "?q=london", "en")?;
    assert_eq!(between(&text, "<h2 id=\"day-", "</h2>").len(), 1, "{text}");
    assert_eq!(text.matches("<mark>London</mark>").count(), 20);
    let nothing = page(&daemon, "?q=nowhere", "zh-CN,zh;q=0.9")?;
    assert!(nothing.contains("没有找到“nowhere”") && nothing.contains("<html lang=\"zh-Hans\">"), "{nothing}");
    Ok(())
}

#[test]
fn a_story_page_has_the_text_every_report_and_how_it_came_to_be() -> Fallible {
    let date = "Mon, 24 Nov 2025 08:00:00 +0800";
    let text = "正文讲了来龙去脉,也讲了以后的打算,一共写了很多字,好让两篇报道可以比较。".repeat(4);
    let body = format!("<description>&lt;p&gt;{text}&lt;/p&gt;</description><category>园区</category>");
    let origin = Origin::new(move |asked| {
        let id = asked.path.trim_start_matches('/').to_owned();
        let mut items = vec![item(&format!("{id}1"), "青浦工业园区今日开展专题调研活动", date, &body)];
        if id == "a" {
            items.push(item("older", "另一条更早的消息", "Sun, 23 Nov 2025 08:00:00 +0800", ""));
        }
        Reply::feed(feed(&items))
    })?;
    let named = |id: &str| format!("{}name = \"{id}\"\n", source(id, &origin.url(&format!("/{id}"))));
    let sources = named("a") + &named("b");
    let (_river, daemon) = River::new(&format!("[river]\ntimezone = \"Asia/Shanghai\"\n{sources}"))?.start_kept()?;
    let feed = daemon.until(
        |daemon| daemon.json("feed.json"),
        |feed| feed["items"][0]["_newsriver"]["sources"].as_array().is_some_and(|all| all.len() == 2),
    )?;
    let river = page(&daemon, "", "en")?;
    assert!(river.contains("<summary>2 outlets</summary>"), "{river}");
    let links = between(&river, "href=\"/stories/", "\"");
    assert_eq!(links.len(), 2, "each story leads to its page: {river}");
    let story = page(&daemon, &format!("stories/{}", links[0]), "en")?;
    assert!(story.contains(text.as_str()), "{story}");
    assert!(story.contains("href=\"/tags/%E5%9B%AD%E5%8C%BA/\""), "tags lead on: {story}");
    assert_eq!(between(&story, "<code>newsriver split ", "</code>").len(), 2, "{story}");
    assert!(story.contains("Joined because:") && !story.contains("<pre"), "{story}");
    assert!(story.contains("from the feed, written “Mon, 24 Nov 2025 08:00:00 +0800”"), "{story}");
    assert!(story.contains("rel=\"next\"") && story.contains("另一条更早的消息"), "{story}");
    // By its id in the river, by that of another report, by its link; in the other language.
    let id = feed["items"][0]["id"].as_str().unwrap_or_default();
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    assert_eq!(page(&daemon, &format!("stories/{encoded}"), "en")?, story);
    assert_eq!(page(&daemon, "stories/http%3A%2F%2Fe.example%2Fb1", "en")?, story);
    let chinese = page(&daemon, &format!("stories/{encoded}"), "zh")?;
    assert!(chinese.contains("各家报道") && chinese.contains("阅读原文"), "{chinese}");
    assert_eq!(daemon.get("stories/nothing", &[])?.status, 404);
    Ok(())
}

#[test]
fn an_empty_river_says_what_is_the_matter() -> Fallible {
    let (_river, daemon) = River::new("")?.start_kept()?;
    let text = daemon.until(|daemon| page(daemon, "", "en"), |text| text.contains("class=\"empty\""))?;
    assert!(text.contains("names no source yet"), "{text}");
    let origin = Origin::new(|_| Reply::status("503 Service Unavailable"))?;
    let (_river, daemon) = River::new(&source("a", &origin.url("/")))?.start_kept()?;
    let text = daemon.until(|daemon| page(daemon, "", "zh"), |text| text.contains("1 个来源中有 1 个抓取失败"))?;
    assert!(text.contains("href=\"/status\""), "{text}");
    Ok(())
}

#[test]
fn the_status_page_begins_with_what_needs_somebody() -> Fallible {
    // Hosts of their own: what one asks for holds for its whole host.
    let good = Origin::new(|_| Reply::feed(common::rss(&[("1", "a")])))?;
    let busy = Origin::new(|_| Reply::Answer("429 Too Many Requests\r\nRetry-After: 7200".into(), b"no".to_vec()))?;
    let lost = Origin::new(|_| Reply::status("404 Not Found"))?;
    let at = |id: &str, host: &str, origin: &Origin| source(id, &format!("http://{host}:{}/", origin.address.port()));
    let sources = at("good", "127.0.0.1", &good) + &at("busy", "localhost", &busy) + &at("lost", "127.0.0.1", &lost);
    let (_river, daemon) = River::new(&sources)?.start_kept()?;
    daemon.until(|daemon| daemon.source("lost"), |source| source["state"] == "failing")?;
    daemon.until(|daemon| daemon.source("busy"), |source| source["next_poll_reason"] == "Retry-After: 7200")?;
    let text = page(&daemon, "status", "en")?;
    let attention = between(&text, "class=\"attention\"", "</section>").concat();
    assert!(attention.contains("2 of 3 sources fail") && attention.contains("Has the feed moved?"), "{attention}");
    assert!(text.contains("Retry-After: 7200") && text.contains("<svg class=\"chart\""), "{text}");
    let chinese = page(&daemon, "status/lost", "zh-CN")?;
    assert!(chinese.contains("订阅源搬家了吗") && chinese.contains("失败"), "{chinese}");
    Ok(())
}

/// A picture of one pixel, and `size` bytes in all.
fn png(size: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0".to_vec();
    bytes.resize(size.max(bytes.len()), 0);
    bytes
}

#[test]
fn pictures_come_from_the_daemon_and_it_is_no_open_proxy() -> Fallible {
    let pictures = Origin::new(|asked| match asked.path.as_str() {
        "/good.png" => Reply::Answer("200 OK\r\nContent-Type: text/html".into(), png(100)),
        "/page.png" => Reply::Answer("200 OK\r\nContent-Type: image/png".into(), b"<html><script>1</script>".to_vec()),
        "/large.png" => Reply::Answer("200 OK\r\nContent-Type: image/png".into(), png((8 << 20) + 1)),
        "/away.png" => Reply::Answer("302 Found\r\nLocation: /good.png".into(), Vec::new()),
        _ => Reply::status("404 Not Found"),
    })?;
    let names = ["good", "page", "large", "away", "lost"];
    let body: String =
        names.iter().map(|name| format!("&lt;img src='{}'&gt;", pictures.url(&format!("/{name}.png")))).collect();
    let body = format!("<description>&lt;p&gt;正文&lt;/p&gt;{body}</description>");
    let origin = Origin::new(move |_| {
        Reply::feed(feed(&[item("1", "有图片的消息", "Mon, 24 Nov 2025 08:00:00 +0800", &body)]))
    })?;
    let config = |allow: bool| format!("[pages]\nallow_private = {allow}\n{}", source("a", &origin.url("/")));
    let (river, daemon) = River::new(&config(false))?.start_kept()?;
    daemon.until(Daemon::titles, |titles| titles.len() == 1)?;
    let story = page(&daemon, "stories/http%3A%2F%2Fe.example%2F1", "en")?;
    let addresses: Vec<String> =
        between(&story, "src=\"/pictures/", "\"").iter().map(|at| format!("pictures/{at}")).collect();
    assert_eq!(addresses.len(), names.len(), "{story}");
    assert!(!story.contains("src=\"http"), "no picture at the publisher: {story}");
    // What is private stays so.
    assert_eq!(daemon.get(&addresses[0], &[])?.status, 404);
    assert!(pictures.asked("/good.png").is_empty());
    daemon.stop()?;
    river.edit(&config(true))?;
    let daemon = river.start()?;
    // The addresses of before are good; the type is that of the bytes.
    let good = daemon.get(&addresses[0], &[])?;
    assert_eq!((good.status, good.header("content-type")), (200, Some("image/png")), "{good:?}");
    assert_eq!(good.body, png(100));
    assert!(good.header("cache-control").is_some_and(|value| value.starts_with("private")), "{good:?}");
    for (address, name) in addresses.iter().zip(names).skip(1) {
        let status = daemon.get(address, &[])?.status;
        assert_eq!(status, if name == "away" { 200 } else { 404 }, "{name}");
    }
    assert_eq!(daemon.get(&addresses[0], &[])?.status, 200);
    assert_eq!(pictures.asked("/good.png").len(), 2, "once for itself, once by the redirect: it is kept");
    assert_eq!(pictures.asked("/lost.png").len(), 1);
    assert_eq!(daemon.get(&addresses[4], &[])?.status, 404);
    assert_eq!(pictures.asked("/lost.png").len(), 1, "what cannot be had is not asked for at each look");
    // Unsigned, and signed for another address.
    let (head, _) = addresses[0].rsplit_once('/').ok_or("an address")?;
    let (_, other) = addresses[4].rsplit_once('/').ok_or("an address")?;
    for forged in [format!("{head}/{other}"), format!("pictures/x/{other}"), "pictures/".to_owned()] {
        assert_eq!(daemon.get(&forged, &[])?.status, 404, "{forged}");
    }
    // It is read as every page is: by GET and HEAD, and what the client has is not sent again.
    let base = daemon.base.as_str();
    let (head, post) =
        (common::request("HEAD", base, &addresses[0], &[])?, common::request("POST", base, &addresses[0], &[])?);
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, good.header("content-length")));
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")), "{post:?}");
    let tag = good.header("etag").unwrap_or_default();
    let again = daemon.get(&addresses[0], &[("if-none-match", tag), ("accept-encoding", "br, gzip")])?;
    assert_eq!((again.status, again.header("content-encoding")), (304, None), "{again:?}");
    // Feeds keep the publisher's address.
    assert!(daemon.get("feed.json", &[])?.text().contains(&pictures.url("/good.png")));
    Ok(())
}

#[test]
fn without_pictures_nothing_is_named() -> Fallible {
    let body = "<description>&lt;img src='http://p.example/1.png'&gt;&lt;p&gt;正文&lt;/p&gt;</description>";
    let origin =
        Origin::new(move |_| Reply::feed(feed(&[item("1", "有图片的消息", "Mon, 24 Nov 2025 08:00:00 +0800", body)])))?;
    for (images, named, policy) in [("off", false, "img-src 'self';"), ("direct", true, "img-src 'self' http: https:;")]
    {
        let config = format!("[pages]\nimages = \"{images}\"\n{}", source("a", &origin.url("/")));
        let (_river, daemon) = River::new(&config)?.start_kept()?;
        daemon.until(Daemon::titles, |titles| titles.len() == 1)?;
        let answer = daemon.get("stories/http%3A%2F%2Fe.example%2F1", &[])?;
        assert_eq!(answer.text().contains("src=\"http://p.example/1.png\""), named, "{answer:?}");
        assert!(answer.header("content-security-policy").is_some_and(|value| value.contains(policy)), "{answer:?}");
    }
    Ok(())
}

/// Six outlets, four of which report one story, and a family of five that copy each other's texts.
fn outlets() -> std::io::Result<Origin> {
    Origin::new(|asked| {
        let name = asked.path.trim_start_matches('/').to_owned();
        let n: usize = name[1..].parse().unwrap_or_default();
        let date = "Tue, 25 Nov 2025 08:00:00 +0800";
        let copied = |what: &str| {
            format!(
                "<description>{}</description>",
                format!("{what}:本站转载的通稿,一个字也没有改,各家门户都是这样。").repeat(3)
            )
        };
        let mut items = Vec::new();
        if name.starts_with('p') {
            for topic in
                ["佛山三水率先实现零碳园区", "捷捷微电接受多家机构调研", "台风过后渔民重新出海", "高铁新线今日开通运营"]
            {
                items.push(item(&format!("{name}{topic}"), &format!("{topic}的详细报道来了"), date, &copied(topic)));
            }
        } else {
            if n < 4 {
                items.push(item(&format!("{name}big"), "青浦工业园区重大项目集中签约", date, ""));
            }
            items.push(item(&format!("{name}own"), &format!("只有{name}一家报道的第{n}件小事情"), date, ""));
        }
        Reply::feed(feed(&items))
    })
}

#[test]
fn top_counts_independent_outlets_and_copies_lift_nothing() -> Fallible {
    let origin = outlets()?;
    let sources: String = (0..6)
        .map(|n| format!("o{n}"))
        .chain((0..5).map(|n| format!("p{n}")))
        .map(|id| format!("{}name = \"{id}\"\ngroup = \"g\"\n", source(&id, &origin.url(&format!("/{id}")))))
        .collect();
    let (_river, daemon) = River::new(&sources)?.start_kept()?;
    daemon.until(|d| d.json("status.json"), |status| status["river"]["entries"] == 4 + 6 + 20)?;
    let sources_of = |item: &serde_json::Value| item["_newsriver"]["sources"].as_array().map_or(0, Vec::len);
    let top = daemon.until(
        |daemon| daemon.json("top/feed.json"),
        |top| top["items"].as_array().is_some_and(|items| !items.is_empty() && sources_of(&items[0]) == 4),
    )?;
    let items = top["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(items[0]["title"], "青浦工业园区重大项目集中签约", "{items:#?}");
    assert!(items.iter().any(|item| sources_of(item) == 5), "the copies are one story: {items:#?}");
    // Bounds of a reader's own, on the ranking, on the river and on a part of it.
    for path in ["top/feed.json?min_sources=3", "feed.json?min_sources=3", "groups/g/feed.json?min_sources=3"] {
        let found = daemon.json(path)?;
        let titles: Vec<_> =
            found["items"].as_array().into_iter().flatten().map(|item| item["title"].clone()).collect();
        assert_eq!(titles, ["青浦工业园区重大项目集中签约"], "{path}");
    }
    assert_eq!(daemon.get("feed.json?min_sources=none", &[])?.status, 400);
    let text = page(&daemon, "top", "zh")?;
    assert!(text.contains("aria-current=\"page\">热点") && text.contains("4 家媒体报道"), "{text}");
    assert_eq!(daemon.get("top/feed.atom", &[])?.status, 200);
    assert_eq!(daemon.get("digest/feed.atom", &[])?.status, 404, "no digest is asked for");
    Ok(())
}

#[test]
fn a_digest_has_an_entry_for_each_edition_with_the_groups_and_their_sources() -> Fallible {
    let origin = outlets()?;
    let named = |id: &str, group: &str| {
        format!("{}name = \"outlet {id}\"\ngroup = \"{group}\"\n", source(id, &origin.url(&format!("/{id}"))))
    };
    let sources = format!("{}{}{}", named("o0", "one"), named("o1", "one"), named("p0", "two"));
    // An edition at each minute of this hour and the next: some of them are past as soon as something has come after.
    let now = chrono::Utc::now();
    let times: Vec<String> =
        (-3..3).map(|minute| (now + chrono::TimeDelta::minutes(minute)).format("\"%H:%M\"").to_string()).collect();
    let config = format!("[river]\ntimezone = \"UTC\"\n[digest]\nat = [{}]\n{sources}", times.join(", "));
    let (_river, daemon) = River::new(&config)?.start_kept()?;
    daemon.until(Daemon::titles, |titles| titles.len() >= 4)?;
    // What has come is in the edition after it, which is there once anything comes later.
    let feed = daemon.json("digest/feed.json")?;
    assert!(feed["items"].as_array().is_some_and(Vec::is_empty), "no edition has anything yet: {feed:#}");
    assert!(page(&daemon, "", "en")?.contains("href=\"/digest/feed.atom\""));
    Ok(())
}

#[test]
fn a_browser_gets_a_page_where_a_reader_gets_the_feed() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(common::rss(&[("1", "a")])))?;
    let (_river, daemon) = River::new(&source("a", &origin.url("/")))?.start_kept()?;
    daemon.until(Daemon::titles, |titles| titles.len() == 1)?;
    let browser = [
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("Upgrade-Insecure-Requests", "1"),
        ("Accept-Language", "zh-CN"),
    ];
    for ending in ["atom", "rss", "json"] {
        let path = format!("feed.{ending}");
        let shown = daemon.get(&path, &browser)?;
        assert!(shown.text().contains("这是一个订阅源"), "{shown:?}");
        assert!(shown.text().contains(&format!("value=\"{}{path}\"", daemon.base)), "{shown:?}");
        let read = daemon.get(&path, &[("Accept", "application/atom+xml, text/html;q=0.2, */*;q=0.1")])?;
        let vary = read.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("vary"));
        assert!(vary.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ").contains("Accept, "), "{read:?}");
        let plain = daemon.get(&path, &[])?;
        assert_eq!(read.body, plain.body);
        let known = daemon.get(&path, &[("If-None-Match", plain.header("etag").ok_or("no tag")?)])?;
        assert_eq!((known.status, known.header("vary")), (304, plain.header("vary")), "RFC 9110, section 15.4.5");
        assert_eq!(known.header("content-security-policy"), None, "a client that has it has that too");
        assert_eq!(daemon.get(&format!("{path}?raw=1"), &browser)?.body, plain.body);
    }
    let lost = daemon.get("no/such/thing", &browser)?;
    assert_eq!((lost.status, lost.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(lost.text().contains("href=\"/\"") && lost.text().contains("此地址没有内容"), "{lost:?}");
    assert!(
        daemon.get("no/such/thing", &[])?.header("content-type").is_some_and(|kind| kind.starts_with("text/plain"))
    );
    let manifest = daemon.json("assets/site.webmanifest")?;
    assert_eq!(manifest["start_url"], "../");
    Ok(())
}

#[test]
fn a_source_that_is_well_again_is_an_event_and_a_mark_in_its_history() -> Fallible {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let origin = Origin::new(move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 | 1 => Reply::status("500 Internal Server Error"),
        _ => Reply::feed(common::rss(&[("1", "a")])),
    })?;
    let (_river, mut daemon) = River::new(&source("a", &origin.url("/")))?.start_kept()?;
    let event = daemon.logged(|line| line["source.id"] == "a" && !line["failures"].is_null())?;
    assert_eq!(event["failures"], 2, "{event}");
    let history = page(&daemon, "status/a", "en")?;
    assert!(between(&history, "<tbody id=\"history\"", "</tbody>").concat().contains("recovered"), "{history}");
    Ok(())
}
