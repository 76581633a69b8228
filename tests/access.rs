//! Who may read what: tokens in addresses, passwords, proxies in front.

mod common;

use common::{Daemon, Fallible, Origin, Reply, River, message, request, rss, source};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "Basic cWluZzpwdQ==";

fn river(origin: &Origin, access: &str) -> std::io::Result<River> {
    let group = "group = \"local\"\n";
    River::new(&format!("[river]\nentries = 2\n{access}{}{group}", source("a", &origin.url("/"))))
}

fn three(_: &common::Asked) -> Reply {
    Reply::feed(rss(&[("1", "青浦工业园区调研"), ("2", "佛山三水率先实现零碳"), ("3", "浙文互联拟募资")]))
}

fn status(daemon: &Daemon, path: &str, headers: &[(&str, &str)]) -> Result<u16, Box<dyn std::error::Error>> {
    Ok(daemon.get(path, headers)?.status)
}

#[test]
fn feeds_and_pages_have_doors_of_their_own() -> Fallible {
    let origin = Origin::new(three)?;
    let access = "[access.feeds]\ntoken_file = \"token\"\n[access.pages]\nusername = \"qing\"\npassword = \"pu\"\n[websub]\nhub = [\"self\"]\n";
    let river = river(&origin, access)?;
    std::fs::write(river.folder.path().join("token"), format!("{TOKEN}\n"))?;
    let mut daemon = river.start()?;
    let own = format!("t/{TOKEN}/");
    let answer =
        daemon.until(|d| d.get(&format!("{own}feed.atom"), &[]), |answer| answer.text().contains("prev-archive"))?;
    assert_eq!(status(&daemon, "feed.atom", &[])?, 401);
    assert_eq!(status(&daemon, "feed.atom", &[("Authorization", PASSWORD)])?, 401);
    assert_eq!(status(&daemon, "groups/local/feed.json", &[])?, 401);
    assert_eq!(status(&daemon, "opml", &[])?, 401);
    assert_eq!(status(&daemon, "t/0123456789abcdef0123456789abcdee/feed.atom", &[])?, 404);

    // Every link of the feed to itself leads through the same door; what names it does not tell the token.
    let text = answer.text();
    for link in ["feed.atom\" rel=\"self\"", "feed.atom\" rel=\"first\"", "feed.atom?before="] {
        assert!(text.contains(&format!("{}{own}{link}", daemon.base)), "{link}: {text}");
    }
    assert!(text.contains(&format!("<id>{}</id>", daemon.base)), "{text}");
    let json = daemon.json(&format!("{own}feed.json"))?;
    let next = json["next_url"].as_str().ok_or("no next")?.strip_prefix(&daemon.base).ok_or("elsewhere")?;
    assert_eq!(daemon.json(next)?["items"].as_array().map(Vec::len), Some(1));
    let archive = text.split("href=\"").find(|part| part.contains("rel=\"prev-archive\"")).ok_or("no archive")?;
    let archive = archive.split('"').next().and_then(|url| url.strip_prefix(&daemon.base)).ok_or("elsewhere")?;
    let archived = daemon.get(archive, &[])?;
    assert_eq!(
        (archived.status, archived.header("cache-control")),
        (200, Some("private, max-age=31536000, immutable"))
    );

    // Pages: a password, and with it the address of the feeds.
    let asked = daemon.get("", &[])?;
    assert_eq!(
        (asked.status, asked.header("www-authenticate")),
        (401, Some("Basic realm=\"newsriver\", charset=\"UTF-8\""))
    );
    for path in ["status", "status.json", "status/a", "explain", "metrics", "events", "groups/local/"] {
        assert_eq!(status(&daemon, path, &[])?, 401, "{path}");
    }
    let page = daemon.get("", &[("Authorization", PASSWORD)])?;
    assert!(page.text().contains(&format!("{}{own}feed.atom", daemon.base)), "{}", page.text());
    assert_eq!(status(&daemon, "status.json", &[("Authorization", PASSWORD)])?, 200);
    assert_eq!(status(&daemon, "readyz", &[])?, 200);
    assert_eq!(status(&daemon, "assets/page.css", &[])?, 200);

    // The hub pushes the feeds as they are reached.
    let form = |topic: &str| format!("hub.mode=subscribe&hub.callback=http%3A%2F%2F127.0.0.1%3A9%2F&hub.topic={topic}");
    assert_eq!(common::post(&daemon.base, "hub", &form(&format!("{}feed.atom", daemon.base)))?, 404);
    assert_eq!(common::post(&daemon.base, "hub", &form(&format!("{}{own}feed.atom", daemon.base)))?, 202);

    for _ in 0..10 {
        assert_eq!(status(&daemon, "", &[("Authorization", "Basic eDp5")])?, 401);
    }
    assert_eq!(status(&daemon, "", &[("Authorization", PASSWORD)])?, 429);
    let line = daemon.logged(|line| message(line).contains("a wrong password for the pages"))?;
    assert_eq!(line["client"], "127.0.0.1");
    let (_, log) = daemon.stop()?;
    let log = format!("{log:?}");
    assert!(!log.contains(TOKEN) && !log.contains("cWluZzpwdQ"), "a secret in the log");
    Ok(())
}

#[test]
fn pages_behind_a_token_link_each_other_through_it_and_open_pages_do_not_tell_that_of_feeds() -> Fallible {
    let origin = Origin::new(three)?;
    let river = river(&origin, &format!("[access.pages]\ntoken = \"{TOKEN}\"\n"))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    assert_eq!(status(&daemon, "", &[])?, 401);
    assert_eq!(status(&daemon, "", &[("Authorization", &format!("Bearer {TOKEN}"))])?, 200);
    let page = daemon.get(&format!("t/{TOKEN}/"), &[])?.text();
    for link in ["status\"", "groups/local/\"", "assets/page.css?", "sources/a/\""] {
        assert!(page.contains(&format!("/t/{TOKEN}/{link}")), "{link} in {page}");
    }
    assert!(page.contains(&format!("href=\"{}feed.atom\"", daemon.base)));
    for path in ["status", "status/a", "groups/local/", "assets/page.css", "explain"] {
        assert_eq!(status(&daemon, &format!("t/{TOKEN}/{path}"), &[])?, 200, "{path}");
    }
    river.edit(&format!("[access.feeds]\ntoken = \"{TOKEN}\"\n{}", source("a", &origin.url("/"))))?;
    let page = daemon.until(|d| d.get("", &[]), |page| page.status == 200)?;
    assert!(!page.text().contains(TOKEN), "{}", page.text());
    assert_eq!(status(&daemon, "feed.atom", &[])?, 401);
    daemon.stop()?;
    Ok(())
}

#[test]
fn behind_a_proxy_at_a_path_every_link_has_the_path() -> Fallible {
    let origin = Origin::new(three)?;
    let access =
        "base_url = \"https://news.example.org/river\"\n[access.pages]\nusername = \"qing\"\npassword = \"pu\"\n";
    let river = river(&origin, access)?;
    let text = std::fs::read_to_string(river.config())?;
    std::fs::write(river.config(), text.replace("[server]\n", "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n"))?;
    let mut daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    // With the path and without it: proxies take it off or leave it.
    for path in ["river/feed.atom", "feed.atom"] {
        let text = daemon.get(path, &[])?.text();
        assert!(text.contains("https://news.example.org/river/feed.atom?before="), "{text}");
    }
    let page = daemon.get("river/", &[("Authorization", PASSWORD)])?.text();
    assert!(page.contains("href=\"/river/status\"") && page.contains("href=\"/river/assets/page.css?"), "{page}");
    let headers = [("Authorization", "Basic eDp5"), ("X-Forwarded-For", "203.0.113.9, 198.51.100.7")];
    assert_eq!(request("GET", &daemon.base, "river/status", &headers)?.status, 401);
    let line = daemon.logged(|line| message(line).contains("a wrong password"))?;
    assert_eq!(line["client"], "198.51.100.7");
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_feed_behind_a_door_that_was_just_put_in_names_no_other_door() -> Fallible {
    // Large enough that rendering takes longer than a request.
    let text = "转型".repeat(2_000);
    let titles: Vec<_> = (0..200).map(|n| (n.to_string(), format!("青浦工业园区第{n}次调研 {text}"))).collect();
    let entries: Vec<_> = titles.iter().map(|(id, title)| (id.as_str(), title.as_str())).collect();
    let feed = rss(&entries);
    let origin = Origin::new(move |_| Reply::feed(feed.clone()))?;
    let river = River::new(&format!("[river]\nentries = 100\n{}", source("a", &origin.url("/"))))?;
    let daemon = river.start()?;
    daemon.until(|d| d.get("feed.atom", &[]), |answer| answer.text().contains("prev-archive"))?;
    for n in 0..4 {
        let token = format!("{n}{}", &TOKEN[1..]);
        river.edit(&format!(
            "[river]\nentries = 100\n[access.feeds]\ntoken = \"{token}\"\n{}",
            source("a", &origin.url("/"))
        ))?;
        let own = format!("t/{token}/feed.atom");
        let answer = daemon.until(|d| d.get(&own, &[]), |answer| answer.status == 200)?;
        assert!(answer.text().contains(&format!("{}{own}?before=", daemon.base)), "round {n}");
    }
    daemon.stop()?;
    Ok(())
}
