//! Forms of well-known sites: the address of a page on them -> where its feeds are.
//!
//! The scheme and host that a person wrote are kept where the site serves its feeds there itself.

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

use super::Candidate;

/// What is known of an address by its form alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Its feeds are here.
    Feeds(Vec<Candidate>),
    /// Its feed is named by a JSON document at this address ([`feed_of_lookup`] reads it).
    Lookup(Url),
    /// The site has no feeds; this route of an RSSHub instance makes one.
    Route(String),
    /// The site has no feeds, and why.
    None(&'static str),
}

/// What the address of a page tells; `None` for sites that are not known.
#[must_use]
pub fn form(url: &Url) -> Option<Form> {
    if url.scheme() == "rsshub" {
        let route = format!("{}{}", url.host_str().unwrap_or_default(), &url[url::Position::BeforePath..]);
        return Some(Form::Route(format!("/{}", route.trim_start_matches('/'))));
    }
    let host = url.host_str()?.trim_start_matches("www.").trim_start_matches("m.");
    let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    let here =
        |path: &str, title: &str| url.join(path).ok().map(|url| Candidate { url, title: Some(title.to_owned()) });
    let feeds = |list: Vec<Option<Candidate>>| {
        let list: Vec<_> = list.into_iter().flatten().filter(|candidate| candidate.url != *url).collect();
        (!list.is_empty()).then_some(Form::Feeds(list))
    };
    let query = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    match (host, parts.as_slice()) {
        ("youtube.com", ["channel", id, ..]) => {
            feeds(vec![here(&format!("/feeds/videos.xml?channel_id={id}"), "videos")])
        }
        ("youtube.com", ["user", name, ..]) => feeds(vec![here(&format!("/feeds/videos.xml?user={name}"), "videos")]),
        ("youtube.com", ["playlist" | "watch"]) => {
            let list = query("list")?;
            feeds(vec![here(&format!("/feeds/videos.xml?playlist_id={list}"), "playlist")])
        }
        ("github.com", parts) => feeds(github(parts)?.into_iter().map(|(path, title)| here(&path, title)).collect()),
        ("gitlab.com", parts) => {
            let whole = parts.iter().position(|part| *part == "-").map_or(parts, |at| &parts[..at]);
            let whole = Some(whole).filter(|whole| whole.len() > 1)?.join("/");
            feeds(vec![
                here(&format!("/{whole}/-/releases.atom"), "releases"),
                here(&format!("/{whole}/-/tags?format=atom"), "tags"),
                here(&format!("/{whole}.atom"), "activity"),
            ])
        }
        ("reddit.com" | "old.reddit.com", [.., last]) if *last != ".rss" => {
            let path = url.path().trim_end_matches('/');
            feeds(vec![here(&format!("{path}/.rss"), "posts")])
        }
        ("bsky.app", ["profile", handle]) => feeds(vec![here(&format!("/profile/{handle}/rss"), "posts")]),
        ("medium.com", [first, ..]) if *first != "feed" => feeds(vec![here(&format!("/feed/{first}"), "stories")]),
        ("podcasts.apple.com" | "itunes.apple.com", parts) => {
            let id = parts.iter().rev().find_map(|part| part.strip_prefix("id"))?;
            let id = Some(id).filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))?;
            let lookup = format!("{}://itunes.apple.com/lookup?id={id}&entity=podcast", url.scheme());
            Url::parse(&lookup).ok().map(Form::Lookup)
        }
        ("open.spotify.com", ["show" | "episode", ..]) => Some(Form::None(
            "Spotify publishes no feeds; look for the podcast on its own site or at podcasts.apple.com",
        )),
        ("stackoverflow.com", ["questions", "tagged", tag, ..]) => {
            feeds(vec![here(&format!("/feeds/tag/{tag}"), "questions")])
        }
        ("vimeo.com", [name]) => feeds(vec![here(&format!("/{name}/videos/rss"), "videos")]),
        ("lobste.rs", ["t", tag]) => feeds(vec![here(&format!("/t/{tag}.rss"), "stories")]),
        ("bilibili.com" | "space.bilibili.com", _) => bilibili(host, &parts).map(Form::Route),
        ("zhihu.com", ["people", name, ..]) => Some(Form::Route(format!("/zhihu/people/activities/{name}"))),
        ("zhihu.com", ["column", name, ..]) => Some(Form::Route(format!("/zhihu/zhuanlan/{name}"))),
        ("zhuanlan.zhihu.com", [name]) => Some(Form::Route(format!("/zhihu/zhuanlan/{name}"))),
        ("weibo.com", ["u", id, ..]) => Some(Form::Route(format!("/weibo/user/{id}"))),
        ("weibo.com", [id]) if id.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Form::Route(format!("/weibo/user/{id}")))
        }
        ("t.me", ["s", name, ..] | [name]) => Some(Form::Route(format!("/telegram/channel/{name}"))),
        ("x.com" | "twitter.com", [name]) => Some(Form::Route(format!("/twitter/user/{name}"))),
        ("instagram.com", [name]) => Some(Form::Route(format!("/instagram/user/{name}"))),
        (host, []) if host.ends_with(".tumblr.com") => feeds(vec![here("/rss", "posts")]),
        (host, _)
            if host.ends_with(".substack.com") || (host.ends_with(".medium.com") && parts.first() != Some(&"feed")) =>
        {
            feeds(vec![here("/feed", "posts")])
        }
        (host, []) if host.ends_with(".blogspot.com") => feeds(vec![here("/feeds/posts/default", "posts")]),
        // Mastodon and what speaks its form, on any host but those that use the sign for something else.
        ("youtube.com" | "tiktok.com" | "threads.net" | "threads.com", _) => None,
        (_, [name]) if name.len() > 1 && name.starts_with('@') && !name.ends_with(".rss") => {
            feeds(vec![here(&format!("/{name}.rss"), "posts")])
        }
        (_, ["tags", tag]) if !tag.contains('.') => feeds(vec![here(&format!("/tags/{tag}.rss"), "posts")]),
        _ => None,
    }
}

/// Feeds of a GitHub address: paths and what they are of.
fn github(parts: &[&str]) -> Option<Vec<(String, &'static str)>> {
    const NOT_OWNERS: [&str; 9] =
        ["features", "topics", "explore", "trending", "marketplace", "sponsors", "about", "settings", "collections"];
    Some(match parts {
        [owner] if !owner.contains('.') && !NOT_OWNERS.contains(owner) => vec![(format!("/{owner}.atom"), "activity")],
        [owner, ..] if NOT_OWNERS.contains(owner) => return None,
        [owner, repository, "commits" | "tree", branch @ ..]
            if !branch.is_empty() && !branch[branch.len() - 1].ends_with(".atom") =>
        {
            vec![(format!("/{owner}/{repository}/commits/{}.atom", branch.join("/")), "commits")]
        }
        [owner, repository, "tags"] => vec![(format!("/{owner}/{repository}/tags.atom"), "tags")],
        [owner, repository, "discussions", ..] => {
            vec![(format!("/{owner}/{repository}/discussions.atom"), "discussions")]
        }
        [owner, repository] | [owner, repository, "releases", ..] => {
            let repository = repository.trim_end_matches(".git");
            vec![
                (format!("/{owner}/{repository}/releases.atom"), "releases"),
                (format!("/{owner}/{repository}/tags.atom"), "tags"),
                (format!("/{owner}/{repository}/commits.atom"), "commits"),
            ]
        }
        _ => return None,
    })
}

fn bilibili(host: &str, parts: &[&str]) -> Option<String> {
    match (host, parts) {
        ("space.bilibili.com", [id, ..]) => Some(format!("/bilibili/user/video/{id}")),
        ("bilibili.com", ["bangumi", "media", id, ..]) => {
            Some(format!("/bilibili/bangumi/media/{}", id.trim_start_matches("md")))
        }
        _ => None,
    }
}

/// The id of a channel in the data of a video page (`@name` and `/c/name` do not tell it).
static CHANNEL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#""(?:externalId|channelId|browseId)":"(UC[A-Za-z0-9_-]{22})""#).ok());

/// What only the text of a page of a known site tells.
#[must_use]
pub fn in_page(url: &Url, html: &str) -> Option<Candidate> {
    let host = url.host_str()?.trim_start_matches("www.").trim_start_matches("m.");
    if host != "youtube.com" {
        return None;
    }
    let id = CHANNEL.as_ref()?.captures(html)?.get(1)?.as_str();
    let url = url.join(&format!("/feeds/videos.xml?channel_id={id}")).ok()?;
    Some(Candidate { url, title: Some("videos".to_owned()) })
}

/// The feed that the answer of Apple's directory of podcasts names.
#[must_use]
pub fn feed_of_lookup(json: &str) -> Option<Url> {
    let answer: serde_json::Value = serde_json::from_str(json).ok()?;
    let feed = answer["results"].as_array()?.iter().find_map(|result| result["feedUrl"].as_str())?;
    Url::parse(feed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sites_tell_their_feeds_by_the_address() -> Result<(), url::ParseError> {
        let cases = [
            (
                "https://www.youtube.com/channel/UC123/videos",
                "https://www.youtube.com/feeds/videos.xml?channel_id=UC123",
            ),
            ("https://www.youtube.com/user/abc", "https://www.youtube.com/feeds/videos.xml?user=abc"),
            ("https://youtube.com/playlist?list=PL1", "https://youtube.com/feeds/videos.xml?playlist_id=PL1"),
            ("https://github.com/rust-lang/rust", "https://github.com/rust-lang/rust/releases.atom"),
            ("https://github.com/rust-lang/rust.git", "https://github.com/rust-lang/rust/releases.atom"),
            ("https://github.com/rust-lang/rust/commits/beta", "https://github.com/rust-lang/rust/commits/beta.atom"),
            ("https://github.com/rust-lang", "https://github.com/rust-lang.atom"),
            ("https://gitlab.com/a/b/c", "https://gitlab.com/a/b/c/-/releases.atom"),
            ("https://gitlab.com/a/b/-/tree/main", "https://gitlab.com/a/b/-/releases.atom"),
            ("https://www.reddit.com/r/rust/", "https://www.reddit.com/r/rust/.rss"),
            ("https://old.reddit.com/user/abc", "https://old.reddit.com/user/abc/.rss"),
            ("https://hachyderm.io/@someone", "https://hachyderm.io/@someone.rss"),
            ("https://social.example/tags/rust", "https://social.example/tags/rust.rss"),
            ("https://bsky.app/profile/a.bsky.social", "https://bsky.app/profile/a.bsky.social/rss"),
            ("https://medium.com/@abc/story-1", "https://medium.com/feed/@abc"),
            ("https://medium.com/publication", "https://medium.com/feed/publication"),
            ("https://abc.medium.com/", "https://abc.medium.com/feed"),
            ("https://abc.substack.com/p/x", "https://abc.substack.com/feed"),
            ("https://abc.tumblr.com/", "https://abc.tumblr.com/rss"),
            ("https://abc.blogspot.com/", "https://abc.blogspot.com/feeds/posts/default"),
        ];
        for (page, feed) in cases {
            let found = form(&Url::parse(page)?);
            let Some(Form::Feeds(list)) = found else { panic!("{page}: {found:?}") };
            assert_eq!(list[0].url.as_str(), feed, "{page}");
        }
        for page in [
            "https://e.example/",
            "https://github.com/topics/rss",
            "https://www.youtube.com/@abc",
            "https://www.reddit.com/r/rust/.rss",
        ] {
            assert_eq!(form(&Url::parse(page)?), None, "{page}");
        }
        Ok(())
    }

    #[test]
    fn podcasts_are_looked_up_and_routes_made() -> Result<(), url::ParseError> {
        let lookup = form(&Url::parse("https://podcasts.apple.com/us/podcast/some-name/id1234567?i=1")?);
        assert_eq!(
            lookup,
            Some(Form::Lookup(Url::parse("https://itunes.apple.com/lookup?id=1234567&entity=podcast")?))
        );
        let feed =
            feed_of_lookup(r#"{"resultCount":1,"results":[{"kind":"podcast","feedUrl":"https://p.example/feed"}]}"#);
        assert_eq!(feed, Some(Url::parse("https://p.example/feed")?));
        assert_eq!(feed_of_lookup("[]"), None);
        for (page, route) in [
            ("https://space.bilibili.com/42/video", "/bilibili/user/video/42"),
            ("https://www.zhihu.com/people/abc", "/zhihu/people/activities/abc"),
            ("https://weibo.com/u/123", "/weibo/user/123"),
            ("https://t.me/s/abc", "/telegram/channel/abc"),
            ("https://x.com/abc", "/twitter/user/abc"),
            ("rsshub://github/issue/a/b?limit=3", "/github/issue/a/b?limit=3"),
        ] {
            assert_eq!(form(&Url::parse(page)?), Some(Form::Route(route.to_owned())), "{page}");
        }
        assert!(matches!(form(&Url::parse("https://open.spotify.com/show/1")?), Some(Form::None(_))));
        Ok(())
    }

    #[test]
    fn the_page_of_a_channel_tells_its_id() -> Result<(), url::ParseError> {
        let html = r#"<script>{"externalId":"UCabcdefghijklmnopqrstuv"}</script>"#;
        let found =
            in_page(&Url::parse("https://www.youtube.com/@abc")?, html).map(|candidate| candidate.url.to_string());
        assert_eq!(
            found.as_deref(),
            Some("https://www.youtube.com/feeds/videos.xml?channel_id=UCabcdefghijklmnopqrstuv")
        );
        assert_eq!(in_page(&Url::parse("https://e.example/@abc")?, html), None);
        Ok(())
    }
}
