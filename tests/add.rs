//! `newsriver add` against sites of every kind: the right feed, or the right sentence.

mod common;

use std::process::{Command, Stdio};

use common::{Asked, Fallible, Origin, Reply, River, newsriver, rss};

fn html(body: &str) -> Reply {
    Reply::Answer("200 OK\r\nContent-Type: text/html".into(), body.as_bytes().to_vec())
}

fn feed(title: &str) -> Reply {
    Reply::feed(rss(&[("1", "one"), ("2", "two")]).replace("<title>T</title>", &format!("<title>{title}</title>")))
}

fn to(status: &str, path: &str) -> Reply {
    Reply::Answer(format!("{status}\r\nLocation: {path}"), Vec::new())
}

/// A site: what it answers, what is typed after `add URL`, and the path of the feed it gives or words of the refusal.
struct Site {
    name: &'static str,
    path: &'static str,
    arguments: &'static [&'static str],
    answer: fn(&Asked) -> Reply,
    wanted: Result<&'static str, &'static str>,
}

const fn site(name: &'static str, answer: fn(&Asked) -> Reply, wanted: Result<&'static str, &'static str>) -> Site {
    Site { name, path: "/", arguments: &[], answer, wanted }
}

fn not_found() -> Reply {
    Reply::status("404 Not Found")
}

const NEWS: &str = "<html><head><title>新闻</title></head><body><ul class=nav><li><a href=/a>国内</a><li><a href=/b>国际</a><li><a href=/c>财经</a></ul><ul class=list><li><a href=/n/1>青浦工业园区举行项目签约仪式</a><span class=t>2026-11-01</span><li><a href=/n/2>上海推出新的人才引进办法</a><span class=t>2026-11-02</span><li><a href=/n/3>本地企业前三季度营收增长</a><span class=t>2026-11-03</span><li><a href=/n/4>地铁新线路明年开工建设</a><span class=t>2026-11-04</span></ul></body></html>";

fn sites() -> Vec<Site> {
    vec![
        site("the feed itself", |_| feed("Itself"), Ok("/")),
        site(
            "one announced",
            |a| match a.path.as_str() {
                "/" => html("<head><link rel=alternate type=application/rss+xml href=/f>"),
                "/f" => feed("F"),
                _ => not_found(),
            },
            Ok("/f"),
        ),
        site(
            "several, comments first",
            |a| match a.path.as_str() {
                "/" => html(
                    "<link rel=alternate type=application/rss+xml title='Comments Feed' href=/comments/feed/><link rel=alternate type=application/atom+xml href=/main.atom><link rel=alternate type=application/rss+xml href=/main.rss>",
                ),
                "/comments/feed/" | "/main.atom" | "/main.rss" => feed("F"),
                _ => not_found(),
            },
            Ok("/main.atom"),
        ),
        Site {
            arguments: &["--pick", "2"],
            ..site(
                "the second of several",
                |a| match a.path.as_str() {
                    "/" => html(
                        "<link rel=alternate type=application/rss+xml href=/a><link rel=alternate type=application/rss+xml href=/b>",
                    ),
                    _ => feed("F"),
                },
                Ok("/b"),
            )
        },
        Site {
            arguments: &["--pick", "9"],
            ..site("a number that is not there", |_| feed("F"), Err("expected a number from 1 to 1"))
        },
        site(
            "announced but gone, another is there",
            |a| match a.path.as_str() {
                "/" => html(
                    "<link rel=alternate type=application/rss+xml href=/gone><link rel=alternate type=application/rss+xml href=/f>",
                ),
                "/f" => feed("F"),
                _ => not_found(),
            },
            Ok("/f"),
        ),
        site(
            "announced but gone",
            |a| match a.path.as_str() {
                "/" => html("<link rel=alternate type=application/rss+xml href=/gone>"),
                _ => not_found(),
            },
            Err("it announces http://"),
        ),
        site(
            "none",
            |a| if a.path == "/" { html("<p>Words only.</p>") } else { not_found() },
            Err("announces no feed, and there is none at the usual paths"),
        ),
        site(
            "only in the body",
            |a| match a.path.as_str() {
                "/" => html("<body><p>Words <a href='/subscribe.php?type=rss'>subscribe</a>"),
                "/subscribe.php?type=rss" => feed("F"),
                _ => not_found(),
            },
            Ok("/subscribe.php?type=rss"),
        ),
        site(
            "only by the word RSS",
            |a| match a.path.as_str() {
                "/" => html("<body><a href='/abo/'><b>RSS</b></a>"),
                "/abo/" => feed("F"),
                _ => not_found(),
            },
            Ok("/abo/"),
        ),
        site(
            "only a well-known path",
            |a| match a.path.as_str() {
                "/" => html("<p>Words only.</p>"),
                "/index.xml" => feed("F"),
                _ => not_found(),
            },
            Ok("/index.xml"),
        ),
        Site {
            path: "/blog/2026/post.html",
            ..site(
                "a well-known path of the site, from a page deep in it",
                |a| match a.path.as_str() {
                    "/blog/2026/post.html" => html("<p>Words only.</p>"),
                    "/atom.xml" => feed("F"),
                    _ => not_found(),
                },
                Ok("/atom.xml"),
            )
        },
        site(
            "well-known paths that are pages",
            |_| html("<p>The same page for every address.</p>"),
            Err("there is none at the usual paths"),
        ),
        Site {
            path: "/old",
            ..site(
                "moved for good",
                |a| match a.path.as_str() {
                    "/old" => to("301 Moved Permanently", "/older"),
                    "/older" => to("308 Permanent Redirect", "/new"),
                    _ => feed("F"),
                },
                Ok("/new"),
            )
        },
        Site {
            path: "/latest",
            ..site(
                "elsewhere for now",
                |a| if a.path == "/latest" { to("302 Found", "/2026") } else { feed("F") },
                Ok("/latest"),
            )
        },
        site(
            "a page that moved, links relative to the new place",
            |a| match a.path.as_str() {
                "/" => to("301 Moved Permanently", "/new/"),
                "/new/" => html("<link rel=alternate type=application/rss+xml href=f.xml>"),
                "/new/f.xml" => feed("F"),
                _ => not_found(),
            },
            Ok("/new/f.xml"),
        ),
        site("a password", |_| Reply::status("401 Unauthorized"), Err("give --username NAME")),
        site("not there", |_| not_found(), Err("404")),
        site(
            "a front page that is not there",
            |a| if a.path == "/feed" { feed("F") } else { not_found() },
            Ok("/feed"),
        ),
        site(
            "a picture",
            |_| Reply::Answer("200 OK\r\nContent-Type: image/png".into(), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
            Err("no feed"),
        ),
        site(
            "a feed sent as text/html",
            |_| Reply::Answer("200 OK\r\nContent-Type: text/html".into(), rss(&[("1", "x")]).into_bytes()),
            Ok("/"),
        ),
        site(
            "frames",
            |a| match a.path.as_str() {
                "/" => html("<html><frameset cols=*><frame src=menu.html><frame src=main.html></frameset></html>"),
                "/main.html" => html("<link rel=alternate type=application/rss+xml href=/f>"),
                "/f" => feed("F"),
                _ => not_found(),
            },
            Ok("/f"),
        ),
        site(
            "a refresh",
            |a| match a.path.as_str() {
                "/" => html("<meta http-equiv=refresh content='0;url=/home'>"),
                "/home" => html("<link rel=alternate type=application/atom+xml href=/f>"),
                "/f" => feed("F"),
                _ => not_found(),
            },
            Ok("/f"),
        ),
        site(
            "a base",
            |a| match a.path.as_str() {
                "/" => html("<base href='/deep/er/'><link rel=alternate type=application/rss+xml href='../f'>"),
                "/deep/f" => feed("F"),
                _ => not_found(),
            },
            Ok("/deep/f"),
        ),
        site(
            "a page in GBK",
            |a| match a.path.as_str() {
                "/" => {
                    let (bytes, _, _) =
                        encoding_rs::GBK.encode("<meta charset=gb2312><title>新闻</title><a href='/abo'>RSS订阅</a>");
                    Reply::Answer("200 OK\r\nContent-Type: text/html".into(), bytes.into_owned())
                }
                "/abo" => feed("F"),
                _ => not_found(),
            },
            Ok("/abo"),
        ),
        site(
            "a JSON Feed",
            |a| match a.path.as_str() {
                "/" => html("<link rel=alternate type=application/feed+json href=/feed.json>"),
                "/feed.json" => Reply::Answer(
                    "200 OK\r\nContent-Type: application/feed+json".into(),
                    br#"{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[{"id":"1","title":"x"}]}"#
                        .to_vec(),
                ),
                _ => not_found(),
            },
            Ok("/feed.json"),
        ),
        Site {
            path: "/@someone",
            ..site(
                "a profile in the form of Mastodon",
                |a| match a.path.as_str() {
                    "/@someone.rss" => feed("F"),
                    _ => html("<p>A page for browsers.</p>"),
                },
                Ok("/@someone.rss"),
            )
        },
        site(
            "a page of another site's feed reader",
            |a| match a.path.as_str() {
                "/" => html("<a href='feed:/f.cgi'>x</a>"),
                "/f.cgi" => feed("F"),
                _ => not_found(),
            },
            Ok("/f.cgi"),
        ),
        site(
            "a list of news",
            |a| if a.path == "/" { html(NEWS) } else { not_found() },
            Err("--yes writes these rules"),
        ),
        Site {
            arguments: &["--yes"],
            ..site("a list of news, confirmed", |a| if a.path == "/" { html(NEWS) } else { not_found() }, Ok("/"))
        },
        Site {
            arguments: &["--header", "X-Key: 1234"],
            ..site(
                "a header",
                |a| if a.header("x-key") == Some("1234") { feed("F") } else { Reply::status("403 Forbidden") },
                Ok("/"),
            )
        },
        Site {
            path: "/f",
            arguments: &["--force"],
            ..site("forced, since the server answers nothing useful", |_| Reply::status("503 Busy"), Ok("/f"))
        },
    ]
}

#[test]
fn the_right_feed_each_time_or_the_right_sentence() -> Fallible {
    let sites = sites();
    assert!(sites.len() >= 25);
    for Site { name, path, arguments, answer, wanted } in sites {
        let origin = Origin::new(answer)?;
        // As people write a file by hand, without a line end.
        let river = River::new("\n\n# mine\n[[source]]\n  url=\"file:x.xml\"   # kept\n  # end")?;
        let before = std::fs::read_to_string(river.config())?;
        let (code, out, err) = river.command(&[&["add", &origin.url(path), "--id", "new"], arguments].concat())?;
        let after = std::fs::read_to_string(river.config())?;
        match wanted {
            Ok(found) => {
                assert_eq!(code, Some(0), "{name}: {out}{err}");
                assert!(after.contains(&format!("url = \"{}\"\n", origin.url(found))), "{name}: {after}");
                assert!(out.starts_with("added new"), "{name}: {out}");
                assert_eq!(river.command(&["check"])?.0, Some(0), "{name}");
                assert_eq!(river.command(&["remove", "new"])?.0, Some(0), "{name}");
                assert_eq!(std::fs::read_to_string(river.config())?, before, "{name}");
            }
            Err(said) => {
                assert!(matches!(code, Some(1 | 2)) && out.is_empty(), "{name}: {out}{err}");
                assert!(err.contains(said), "{name}: {err}");
                assert_eq!(after, before, "{name}");
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_there_already_is_named_and_the_others_offered() -> Fallible {
    let origin = Origin::new(|a| match a.path.as_str() {
        "/" => html(
            "<link rel=alternate type=application/rss+xml href=/a><link rel=alternate type=application/rss+xml href=/b>",
        ),
        "/a" => feed("The News"),
        "/b" => feed("The News - comments and more words"),
        _ => not_found(),
    })?;
    let river = River::new("")?;
    assert_eq!(river.command(&["add", &origin.url("/a"), "--group", "local"])?.0, Some(0));
    let text = std::fs::read_to_string(river.config())?;
    assert!(
        text.contains("id = \"the-news\"")
            && text.contains("name = \"The News\"")
            && text.contains("group = \"local\""),
        "{text}"
    );
    let (code, _, err) = river.command(&["add", &origin.url("/a/")])?;
    assert_eq!(code, Some(1), "{err}");
    let (code, out, err) = river.command(&["add", &origin.url("/")])?;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("already the source `the-news`") && err.contains("--pick N takes another"), "{err}");
    assert!(err.contains(&origin.url("/b")) && err.contains("2 entries"), "{err}");
    assert_eq!(river.command(&["add", &origin.url("/"), "--all"])?.0, Some(0));
    let text = std::fs::read_to_string(river.config())?;
    assert!(text.contains("id = \"the-news-2\"") && text.contains(&origin.url("/b")), "{text}");
    let (code, _, err) = river.command(&["add", &origin.url("/"), "--all"])?;
    assert!(code == Some(1) && err.contains("already the source `the-news-2`"), "{err}");
    Ok(())
}

#[test]
fn lists_and_files_are_added_too() -> Fallible {
    let origin = Origin::new(|a| {
        match a.path.as_str() {
        "/list.opml" => Reply::Answer(
            "200 OK\r\nContent-Type: text/x-opml".into(),
            b"<opml><body><outline text='x'><outline text='A' xmlUrl='http://a.example/'/><outline text='B' xmlUrl='http://b.example/'/></outline></body></opml>".to_vec(),
        ),
        _ => not_found(),
    }
    })?;
    let river = River::new("")?;
    let (code, out, err) = river.command(&["add", &origin.url("/list.opml"), "--group", "g"])?;
    assert!(code == Some(0) && out.starts_with("2 sources added"), "{out}{err}");
    assert_eq!(std::fs::read_to_string(river.config())?.matches("group = \"g\"").count(), 2);
    std::fs::write(river.folder.path().join("f.xml"), rss(&[("1", "x")]))?;
    for file in ["file:f.xml", "f.xml"] {
        let river = River::new("")?;
        std::fs::write(river.folder.path().join("f.xml"), rss(&[("1", "x")]))?;
        let (code, _, err) = river.command(&["add", file])?;
        assert_eq!(code, Some(0), "{file}: {err}");
        let text = std::fs::read_to_string(river.config())?;
        assert!(text.contains("url = \"file:f.xml\""), "{file}: {text}");
        assert_eq!(river.command(&["poll"])?.0, Some(0), "{file}");
    }
    Ok(())
}

#[test]
fn a_page_is_read_by_the_rules_that_were_written() -> Fallible {
    let origin = Origin::new(|a| if a.path == "/" { html(NEWS) } else { not_found() })?;
    let river = River::new("")?;
    let (code, _, err) = river.command(&["add", &origin.url("/"), "--yes"])?;
    assert!(
        code == Some(0) && err.contains("which gives 4 entries") && err.contains("地铁新线路明年开工建设"),
        "{err}"
    );
    let (code, out, err) = river.command(&["poll"])?;
    assert!(code == Some(0) && out.contains("4 entries new"), "{out}{err}");
    let (_, feed, _) = river.command(&["export", "json"])?;
    let feed: serde_json::Value = serde_json::from_str(&feed)?;
    let first = &feed["items"][0];
    assert_eq!(first["title"], "地铁新线路明年开工建设");
    assert!(first["date_published"].as_str().is_some_and(|date| date.starts_with("2026-11-04")), "{first}");
    Ok(())
}

#[test]
fn sites_without_feeds_are_named_for_what_they_need() -> Fallible {
    let origin = Origin::new(|a| if a.path == "/bilibili/user/video/42" { feed("Videos") } else { not_found() })?;
    let river = River::new("")?;
    let (code, _, err) = river.command(&["add", "https://space.bilibili.com/42"])?;
    assert!(code == Some(1) && err.contains("`instance` under [rsshub]"), "{err}");
    let (code, _, err) = river.command(&["add", "https://open.spotify.com/show/1"])?;
    assert!(code == Some(1) && err.contains("Spotify publishes no feeds"), "{err}");
    river.edit(&format!("[rsshub]\ninstance = \"{}\"\n", origin.url("/")))?;
    for address in ["https://space.bilibili.com/42", "rsshub://bilibili/user/video/42"] {
        let river = River::new(&format!("[rsshub]\ninstance = \"{}\"\n", origin.url("/")))?;
        let (code, _, err) = river.command(&["add", address])?;
        assert_eq!(code, Some(0), "{address}: {err}");
        let text = std::fs::read_to_string(river.config())?;
        assert!(text.contains(&origin.url("/bilibili/user/video/42")), "{text}");
    }
    Ok(())
}

#[test]
fn a_password_is_read_and_written() -> Fallible {
    let origin = Origin::new(|a| match a.header("authorization") {
        Some("Basic bWU6czNjcmV0") => feed("Private"),
        _ => Reply::status("401 Unauthorized"),
    })?;
    let river = River::new("")?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_newsriver"))
        .args(["-c".as_ref(), river.config().as_os_str(), "add".as_ref(), origin.url("/").as_ref()])
        .args(["--username", "me"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    std::io::Write::write_all(&mut child.stdin.take().ok_or("no stdin")?, b"s3cret\n")?;
    let output = child.wait_with_output()?;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !err.contains("s3cret"), "{err}");
    let (code, out, _) = river.command(&["poll"])?;
    assert!(code == Some(0) && out.contains("2 entries new"), "{out}");
    let river = River::new("")?;
    std::fs::write(river.folder.path().join("pw"), "s3cret\n")?;
    let (code, out, err) = river.command(&["add", &origin.url("/"), "--username", "me", "--password-file", "pw"])?;
    assert_eq!(code, Some(0), "{out}{err}");
    let text = std::fs::read_to_string(river.config())?;
    assert!(text.contains("password_file = \"pw\"") && !text.contains("s3cret"), "{text}");
    Ok(())
}

#[test]
fn a_page_leads_to_no_private_address_but_its_own() -> Fallible {
    let inside = Origin::new(|_| feed("Inside"))?;
    let secret = inside.url("/feed");
    let page = Origin::new(move |a| match a.path.as_str() {
        "/" => html(&format!(
            "<link rel=alternate type=application/rss+xml href='{secret}'><a href='{secret}'>RSS</a><iframe src='{secret}'></iframe>"
        )),
        _ => not_found(),
    })?;
    let river = River::new("")?;
    let (code, _, err) = river.command(&["add", &page.url("/")])?;
    assert!(code == Some(1) && err.contains("which cannot be read"), "{err}");
    assert!(inside.asked("/feed").is_empty());
    Ok(())
}

#[test]
fn bad_addresses_are_bad_usage() -> Fallible {
    let folder = tempfile::tempdir()?;
    for address in ["gopher://e.example/", "http://", "two words", "mailto:a@e.example"] {
        let (code, out, err) = newsriver(&["add", address], folder.path())?;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{address}: {err}");
        assert!(!folder.path().join("feeds.toml").exists());
    }
    let (code, _, err) = newsriver(&["add", "http://127.0.0.1:1/"], folder.path())?;
    assert!(code == Some(1) && err.contains("--force adds it untried"), "{err}");
    Ok(())
}
