//! Secrets of feeds.toml: not in the log, the status, the feeds, the pages or what commands print.

mod common;

use common::{Fallible, Origin, Reply, River, message, rss, source};

/// Broken configurations, each with the secret in another place.
const BROKEN: [&str; 12] = [
    "[access.pages]\nusername = \"me\"\npassword = \"s3cr3t-words\n",
    "[access.feeds]\ntoken = 's3cr3t-words-0123456789\n",
    "[access.feeds]\ntoken = \"\"\"s3cr3t-words\ns3cr3t-words\n",
    "[[source]]\nid = \"x\"\nurl = \"https://user:s3cr3t-words@e.org/\nevery = \"1h\"\n",
    "[[source]]\nid = \"x\"\nurl = \"gopher://user:s3cr3t-words@e.org/\"\n",
    "[[source]]\nid = \"x\"\nurl = \"https://e.org/rss?key=s3cr3t-words\" oops\n",
    "source = [{ id = \"x\", url = \"https://user:s3cr3t-words@e.org/\", evry = \"1h\" }]\n",
    "[[source]]\nid = \"x\"\nurl = \"https://e.org/\"\nheaders = { Authorization = \"Bearer s3cr3t-words\"\n",
    "[[source]]\nid = \"x\"\nurl = \"https://e.org/\"\nheaders = { \"X Y\" = \"s3cr3t-words\" }\n",
    "[[source]]\nid = \"x\"\nurl = \"https://e.org/\"\npasword = \"s3cr3t-words\"\n",
    "[websub]\nhub = \"ftp://user:s3cr3t-words@hub.example/\"\n",
    "[poll]\nproxy = \"socks5://user:s3cr3t-words@proxy.example:1080\"\n",
];

#[test]
fn problems_of_feeds_toml_hold_no_secret() -> Fallible {
    let river = River::new("")?;
    let mut daemon = river.start()?;
    for broken in BROKEN {
        river.edit(broken)?;
        let (status, out, err) = river.command(&["check"])?;
        assert_eq!(status, Some(2), "{broken}\n{out}{err}");
        let line = daemon.logged(|line| message(line).starts_with("feeds.toml has errors"))?;
        let status = daemon.until(|daemon| daemon.json("status.json"), |json| !json["config_error"].is_null())?;
        let page = daemon.get("status", &[])?.text();
        let (_, table, table_err) = river.command(&["status"])?;
        for shown in [out, err, line.to_string(), status.to_string(), page, table, table_err] {
            assert!(!shown.contains("s3cr3t") && !shown.contains("words"), "{broken}\n{shown}");
        }
        river.edit("")?;
        daemon.logged(|line| message(line).starts_with("feeds.toml is in force"))?;
        daemon.until(|daemon| daemon.json("status.json"), |json| json["config_error"].is_null())?;
    }
    Ok(())
}

/// A feed that says where it is, with the key to it in every address.
fn private_feed(base: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel><title>T</title>\
         <link>{base}/page?key=k3y-of-mine</link><atom:link rel=\"self\" href=\"{base}/f?key=k3y-of-mine\"/><description>d</description>\
         <item><title>one</title><guid isPermaLink=\"false\">1</guid><link>{base}/item?n=1&amp;key=k3y-of-mine</link>\
         <description>&lt;p&gt;see {base}/x?key=k3y-of-mine&lt;/p&gt;</description></item>\
         <item><title>other news of the day</title><guid>{base}/two?key=k3y-of-mine</guid><link>{base}/two</link>\
         <description>nothing like it</description></item></channel></rss>"
    )
}

#[test]
fn private_addresses_are_kept_from_readers() -> Fallible {
    let origin = Origin::new(|asked| match asked.path.as_str() {
        "/f?key=k3y-of-mine" | "/hidden-path.xml" => Reply::feed(private_feed("http://e.example")),
        path if path.starts_with("/broken") => Reply::status("403 Forbidden"),
        path => Reply::Answer(format!("301 Moved\r\nLocation: {path}"), Vec::new()),
    })?;
    let address = origin.address;
    let river = River::new(&format!(
        "[digest]\nat = [\"00:00\", \"12:00\"]\n{}{}private_url = true\n{}{}username = \"me\"\npassword = \"my-passw0rd\"\n",
        source("keyed", &origin.url("/f?key=k3y-of-mine")),
        source("marked", &origin.url("/hidden-path.xml")),
        source("looping", &origin.url("/loop?access_token=k3y-of-mine")),
        source("broken", &format!("http://{address}/broken?sig=k3y-of-mine")),
    ))?;
    let mut daemon = river.start()?;
    for id in ["keyed", "marked", "looping", "broken"] {
        daemon.polled(id)?;
    }
    daemon.until(|daemon| daemon.titles(), |titles| titles.len() == 2)?;
    let mut shown: Vec<(String, String)> = Vec::new();
    let items = daemon.json("feed.json")?["items"].as_array().cloned().unwrap_or_default();
    for id in items.iter().filter_map(|item| item["id"].as_str()) {
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        for path in [format!("stories/{id}"), format!("explain?entry={id}")] {
            let page = daemon.get(&path, &[])?;
            assert_eq!(page.status, 200, "{path}: {page:?}");
            shown.push((path, page.text()));
        }
    }
    assert!(shown.iter().any(|(_, page)| page.contains("class=\"tellings\"")), "{shown:#?}");
    for path in [
        "top",
        "top/feed.json",
        "digest/feed.json",
        "sources/keyed/",
        "no/such/page",
        "feed.atom",
        "feed.rss",
        "feed.json",
        "sources/keyed/feed.atom",
        "sources/marked/feed.atom",
        "opml",
        "status",
        "status.json",
        "status/keyed",
        "status/marked",
        "status/looping",
        "status/broken",
        "metrics",
        "",
        "feed.json?q=one",
    ] {
        shown.push((path.to_owned(), daemon.get(path, &[])?.text()));
    }
    let (_, log) = daemon.stop()?;
    shown.push(("log".to_owned(), format!("{log:?}")));
    for command in [
        &["status"][..],
        &["status", "--json"],
        &["log"],
        &["log", "--json"],
        &["export", "atom"],
        &["export", "json"],
        &["check"],
        &["poll", "--force"],
        &["check", "--online"],
        &["check", "--online", "--json"],
    ] {
        let (_, out, err) = river.command(command)?;
        shown.push((command.join(" "), format!("{out}{err}")));
    }
    for (what, text) in &shown {
        for secret in ["k3y-of-mine", "hidden-path", "my-passw0rd"] {
            assert!(!text.contains(secret), "{secret} in {what}: {text}");
        }
    }
    let text =
        |what: &str| shown.iter().find(|(name, _)| name == what).map(|(_, text)| text.as_str()).unwrap_or_default();
    assert!(text("status/marked").contains("address hidden"), "{}", text("status/marked"));
    assert!(text("status.json").contains("\"url_hidden\": true"), "{}", text("status.json"));
    assert!(text("check").contains("keyed") && text("check").contains("private_url"), "{}", text("check"));
    // The owner's own list can be imported again.
    let (_, out, err) = river.command(&["export", "opml"])?;
    assert!(out.contains("/f?key=k3y-of-mine") && out.contains("/hidden-path.xml"), "{out}");
    assert!(err.contains("private"), "{err}");
    Ok(())
}

#[test]
fn addresses_that_are_said_to_be_public_are_published() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(rss(&[("1", "one")])))?;
    let river = River::new(&format!("{}private_url = false\n", source("open", &origin.url("/f?key=of-everybody"))))?;
    let mut daemon = river.start()?;
    daemon.polled("open")?;
    daemon.until(|daemon| daemon.titles(), |titles| titles == &["one"])?;
    for path in ["feed.atom", "opml", "status.json"] {
        assert!(daemon.get(path, &[])?.text().contains("/f?key=of-everybody"), "{path}");
    }
    Ok(())
}

/// What turns a line round, and what a terminal obeys.
#[test]
fn control_and_direction_characters_are_shown_and_not_passed() -> Fallible {
    let feed = rss(&[("1", "two\u{202e}eno \u{2066}x\u{200f}y")])
        .replace("<title>T</title>", "<title>T\u{202e}u\u{9b}2J</title>");
    let origin = Origin::new(move |asked| match asked.path.as_str() {
        "/bad" => Reply::Answer("302 F\r\nLocation: ftp://x/\u{202e}\u{1b}[31m".into(), Vec::new()),
        _ => Reply::feed(feed.clone()),
    })?;
    let named = format!("{}name = \"N\\u202Em\\u001B[31m\"\n", source("named", &origin.url("/g")));
    let river =
        River::new(&format!("{}{named}{}", source("a", &origin.url("/f")), source("bad", &origin.url("/bad"))))?;
    std::fs::write(river.folder.path().join("junk\u{202e}\u{1b}[31m.xml"), "<html>\u{1b}[31m")?;
    let mut daemon = river.start()?;
    for id in ["a", "named", "bad"] {
        daemon.polled(id)?;
    }
    daemon.until(|daemon| daemon.titles(), |titles| !titles.is_empty())?;
    let entry = daemon.json("feed.json")?["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    let mut shown: Vec<(String, String)> = Vec::new();
    for path in [
        "",
        "status.json",
        "opml",
        "status",
        "status/a",
        "status/named",
        "status/bad",
        "sources/a/",
        "top",
        &format!("stories/{}", url::form_urlencoded::byte_serialize(entry.as_bytes()).collect::<String>()),
        &format!("explain?entry={entry}"),
        "explain?entry=%E2%80%AE",
    ] {
        shown.push((path.to_owned(), daemon.get(path, &[])?.text()));
    }
    daemon.stop()?;
    let junk = "junk\u{202e}\u{1b}[31m.xml";
    for command in [
        &["status"][..],
        &["status", "--json"],
        &["log"],
        &["log", "--json"],
        &["export", "opml"],
        &["export", "atom"],
        &["export", "rss"],
        &["export", "json"],
        &["why", "bad"],
        &["why", "named"],
        &["explain", &entry],
        &["explain", "--json", &entry],
        &["check"],
        &["check", "--online"],
        &["check", "--online", "--json"],
        &["poll", "--force"],
        &["parse", junk],
        &["-v", "parse", junk],
        &["explain", "no\u{202e}\u{1b}such"],
        &["remove", "no\u{202e}\u{1b}such"],
        &["add", "no\u{202e}\u{1b}[such"],
        &["import", junk],
        &["parse", &origin.url("/f")],
    ] {
        let (_, out, err) = river.command(command)?;
        shown.push((command.join(" "), format!("{out}{err}")));
    }
    std::fs::write(river.config(), "[river]\ntitle = \"a\u{202e}b\nevry\u{2066} = 1\n")?;
    let (_, out, err) = river.command(&["check"])?;
    shown.push(("check of a broken file".to_owned(), format!("{out}{err}")));
    for (what, text) in &shown {
        let passed: Vec<char> = text
            .chars()
            .filter(|c| {
                (c.is_control() && !matches!(c, '\n' | '\t'))
                    || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            })
            .collect();
        assert!(passed.is_empty(), "{passed:?} in {what}: {text:?}");
    }
    let text =
        |what: &str| shown.iter().find(|(name, _)| name == what).map(|(_, text)| text.as_str()).unwrap_or_default();
    assert!(text("status").contains("\\u{202e}"), "{}", text("status"));
    Ok(())
}

#[test]
fn an_id_that_is_made_of_a_private_address_is_remarked() -> Fallible {
    let river = River::new(
        "[[source]]\nurl = \"https://e.org/s3cr3t/feed.xml\"\nprivate_url = true\n[[source]]\nid = \"own\"\nurl = \"https://o.org/s3cr3t\"\nprivate_url = true\n",
    )?;
    let (status, _, err) = river.command(&["check"])?;
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("rename e-org-s3cr3t-feed-xml"), "{err}");
    assert!(!err.contains("`own`"), "{err}");
    let (status, _, err) = river.command(&["rename", "e-org-s3cr3t-feed-xml", "mine"])?;
    assert_eq!(status, Some(0), "{err}");
    let (status, _, err) = river.command(&["check"])?;
    assert!(status == Some(0) && !err.contains("s3cr3t"), "{err}");
    // What is imported gets an id without it.
    let list = river.folder.path().join("list.opml");
    std::fs::write(
        &list,
        "<opml><body><outline xmlUrl='https://c.org/private-0123456789abcdef/f.xml'/></body></opml>",
    )?;
    let (status, _, err) = river.command(&["import", &list.to_string_lossy()])?;
    assert_eq!(status, Some(0), "{err}");
    assert!(std::fs::read_to_string(river.config())?.contains("id = \"c-org-private-f-xml\""));
    Ok(())
}
