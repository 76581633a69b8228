//! What documents lead to: next pages, articles, JSON APIs; against a scripted origin.

mod common;

use common::{Asked, Fallible, Origin, Reply, River};
use encoding_rs::GB18030;
use serde_json::Value;

const PORTAL: &str = include_str!("../examples/portal.html");

fn page(body: impl Into<Vec<u8>>) -> Reply {
    Reply::Answer("200 OK\r\nContent-Type: text/html".into(), body.into())
}

fn gb18030(text: &str) -> Vec<u8> {
    GB18030.encode(&text.replace("charset=\"utf-8\"", "charset=\"gb2312\"")).0.into_owned()
}

fn items(river: &Value) -> Vec<Value> {
    river["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_portal_page_is_read_to_its_next_pages_in_both_charsets() -> Fallible {
    for encode in [|text: &str| text.as_bytes().to_vec(), gb18030] {
        let origin = Origin::new(move |asked: &Asked| {
            let more =
                |path: &str| PORTAL.replace("</body>", &format!("<a class=\"next\" href=\"{path}\">下一页</a></body>"));
            let list = |n: usize, next: usize| {
                format!(
                    "<html><head><meta charset=\"utf-8\"></head><body><ul class=\"list\"><li><a href=\"/n{n}.html\">第{n}页的消息</a></li></ul><a class=\"next\" href=\"/{next}\">下一页</a></body></html>"
                )
            };
            match asked.path.as_str() {
                "/" => page(encode(&more("/2"))),
                "/2" => page(encode(&list(2, 3))),
                "/3" => page(encode(&list(3, 4))),
                _ => Reply::status("404 Not Found"),
            }
        })?;
        let river = River::new(&format!(
            "[[source]]\nid = \"p\"\nurl = \"{}\"\nselect = {{ item = \"#main, .list li\", title = \"h1, a\", link = \"a\", date = \".info\", content = \".content\", next = \"a.next\" }}",
            origin.url("/")
        ))?;
        let daemon = river.start()?;
        let feed = daemon.until(|d| d.json("feed.json"), |feed| !items(feed).is_empty())?;
        let titles: Vec<_> = items(&feed).iter().filter_map(|i| i["title"].as_str().map(str::to_owned)).collect();
        assert!(titles.iter().any(|t| t.contains("徐建、杨小菁一行到青浦工业园区开展调研")), "{titles:?}");
        assert!(titles.iter().any(|t| t == "第2页的消息") && titles.iter().any(|t| t == "第3页的消息"), "{titles:?}");
        // Three pages unless feeds.toml says otherwise.
        assert_eq!((origin.asked("/3").len(), origin.asked("/4").len()), (1, 0));
        daemon.stop()?;
    }
    Ok(())
}

#[test]
fn full_text_fetches_each_article_once_and_loses_nothing_where_it_cannot() -> Fallible {
    let origin = Origin::new(|asked: &Asked| match asked.path.as_str() {
        "/feed" => Reply::feed(
            "<rss version=\"2.0\"><channel><title>t</title><item><guid>1</guid><title>调研</title><link>/a1</link><description>短讯</description></item><item><guid>3</guid><title>抓转型、求突破,全面提升园区...</title><link>/cut</link><description>短讯之二</description></item><item><guid>2</guid><title>另一条</title><link>/gone</link><description>只有这些</description></item></channel></rss>",
        ),
        "/a1" => page(gb18030(PORTAL)),
        "/cut" => page(gb18030(PORTAL)),
        _ => Reply::status("404 Not Found"),
    })?;
    let source = format!("[[source]]\nid = \"f\"\nurl = \"{}\"\nfull_text = true\n", origin.url("/feed"));
    let river = River::new(&source)?;
    for _ in 0..5 {
        let (code, _, err) = river.command(&["poll"])?;
        assert_eq!(code, Some(0), "{err}");
    }
    assert_eq!((origin.asked("/a1").len(), origin.asked("/gone").len()), (1, 3), "once; three attempts");
    let (_, log, _) = river.command(&["log", "--json"])?;
    assert!(log.contains("/gone was not read"), "{log}");
    let daemon = river.start()?;
    let feed = daemon.until(|d| d.json("feed.json"), |feed| items(feed).len() == 3)?;
    let of = |title: &str| items(&feed).into_iter().find(|i| i["title"] == title).unwrap_or_default();
    let html = of("调研")["content_html"].to_string();
    assert!(html.contains("争当服务员、办事员、技术员、领航员、安全员") && !html.contains("<script"), "{html}");
    assert_eq!(of("调研")["summary"], "短讯");
    let whole = of("抓转型、求突破,全面提升园区发展质量和效能,徐建、杨小菁一行到青浦工业园区开展调研");
    assert_eq!(whole["_newsriver"]["title_original"], "抓转型、求突破,全面提升园区...");
    assert!(of("另一条")["content_html"].to_string().contains("只有这些"));
    daemon.stop()?;
    Ok(())
}

#[test]
fn an_article_on_another_private_address_is_not_asked_for() -> Fallible {
    let secret = Origin::new(|_| page(PORTAL))?;
    let link = secret.url("/secret");
    let origin = Origin::new(move |_| {
        Reply::feed(format!(
            "<rss version=\"2.0\"><channel><title>t</title><item><guid>1</guid><title>x</title><link>{link}</link></item></channel></rss>"
        ))
    })?;
    let river = River::new(&format!("[[source]]\nid = \"f\"\nurl = \"{}\"\nfull_text = true\n", origin.url("/feed")))?;
    let (code, _, _) = river.command(&["poll"])?;
    assert_eq!(code, Some(0));
    assert!(secret.asked("/secret").is_empty());
    let (_, log, _) = river.command(&["log", "--json"])?;
    assert!(log.contains("private address"), "{log}");
    Ok(())
}

#[test]
fn a_json_api_is_read_through_pointers() -> Fallible {
    let origin = Origin::new(|_| {
        Reply::Answer(
            "200 OK\r\nContent-Type: application/json".into(),
            r#"{"data":{"list":[{"t":"一季度报告","u":"/n/1","at":1682301600,"by":{"n":"李"}},{"t":"二","u":"/n/2","at":"2023-04-24 10:30"}]}}"#.into(),
        )
    })?;
    let river = River::new(&format!(
        "[[source]]\nid = \"api\"\nurl = \"{}\"\ntimezone = \"+08:00\"\nselect = {{ item = \"/data/list\", title = \"/t\", link = \"/u\", date = \"/at\", author = \"/by/n\" }}",
        origin.url("/api?x=1")
    ))?;
    let daemon = river.start()?;
    let feed = daemon.until(|d| d.json("feed.json"), |feed| items(feed).len() == 2)?;
    let first = items(&feed).into_iter().find(|i| i["title"] == "一季度报告").unwrap_or_default();
    assert_eq!(first["url"], origin.url("/n/1"));
    assert_eq!(first["date_published"], "2023-04-24T02:00:00+00:00");
    assert_eq!(first["authors"][0]["name"], "李");
    daemon.stop()?;
    let bad = River::new("[[source]]\nurl = \"http://e.example/\"\nselect = { item = \"/a\", title = \"h1\" }\n")?;
    let (code, _, err) = bad.command(&["check"])?;
    assert!(code == Some(2) && err.contains("JSON pointer"), "{err}");
    Ok(())
}
