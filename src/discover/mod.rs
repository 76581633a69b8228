//! Where the feed of a page is: the text of a page and its address -> addresses that are worth a try.
//!
//! In: HTML and a URL. Out: candidates in the order in which to try them, or `select` rules for a page that has no
//! feed. Nothing here fetches: whether a candidate is a feed, the caller finds out.

mod page;
mod sites;
mod structure;

use url::Url;

pub use page::{Clues, clues};
pub use sites::{Form, feed_of_lookup, form, in_page};
pub use structure::propose;

/// An address that may be a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The address.
    pub url: Url,
    /// What the page calls it.
    pub title: Option<String>,
}

/// Paths at which programs that write sites put their feed, most frequent first: WordPress, Hugo and Jekyll, Ghost,
/// Hexo, Typecho, Drupal, Blogger, Discourse, Micro.blog, Joomla.
const WELL_KNOWN: [&str; 14] = [
    "feed",
    "rss.xml",
    "atom.xml",
    "index.xml",
    "feed.xml",
    "rss",
    "feed.json",
    "feed/",
    "feed.atom",
    "index.rdf",
    "feeds/posts/default",
    "latest.rss",
    "rss2.xml",
    "?format=feed&type=rss",
];

/// The well-known addresses of feeds beside a page: in its own folder first, where it is not that of the site.
#[must_use]
pub fn well_known(url: &Url) -> Vec<Url> {
    let mut folder = url.clone();
    folder.set_query(None);
    folder.set_fragment(None);
    if !folder.path().ends_with('/') && !folder.path().rsplit('/').next().unwrap_or_default().contains('.') {
        folder.set_path(&format!("{}/", folder.path()));
    }
    let mut found: Vec<Url> = Vec::new();
    for base in [folder.join("."), folder.join("/")].into_iter().flatten() {
        for path in WELL_KNOWN {
            if let Ok(candidate) = base.join(path)
                && !found.contains(&candidate)
                && candidate != *url
            {
                found.push(candidate);
            }
        }
    }
    found
}

/// A short id from a title: whole words, at most 24 characters; `None` where the title names nothing.
#[must_use]
pub fn short_name(title: &str) -> Option<String> {
    const LONGEST: usize = 24;
    const NAMELESS: [&str; 14] = [
        "rss", "feed", "news", "blog", "home", "index", "latest", "posts", "atom", "untitled", "rss-feed", "articles",
        "all", "首页",
    ];
    let mut words: Vec<String> = Vec::new();
    // What stands behind a dash or a bar is a slogan.
    let ends = [" - ", " | ", " – ", " — ", "｜", " · ", "_"].into_iter().filter_map(|mark| title.find(mark));
    let head = ends.filter(|end| *end > 0).min().map_or(title, |end| &title[..end]);
    for word in head.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let length: usize = words.iter().map(|word| word.chars().count() + 1).sum();
        if !words.is_empty() && length + word.chars().count() > LONGEST {
            break;
        }
        words.push(word.to_lowercase().chars().take(LONGEST).collect());
    }
    let name = words.join("-");
    (!name.is_empty() && !NAMELESS.contains(&name.as_str())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_paths_begin_in_the_folder_of_the_page() -> Result<(), url::ParseError> {
        let paths = |text: &str| -> Result<Vec<String>, url::ParseError> {
            Ok(well_known(&Url::parse(text)?).iter().map(|url| url[url::Position::BeforePath..].to_owned()).collect())
        };
        let root = paths("http://e.example/")?;
        assert_eq!((root[0].as_str(), root.len()), ("/feed", WELL_KNOWN.len()), "each once");
        let folder = paths("http://e.example/blog/")?;
        assert_eq!((folder[0].as_str(), folder.len()), ("/blog/feed", 2 * WELL_KNOWN.len()));
        assert_eq!(paths("http://e.example/blog?page=2#x")?[0], "/blog/feed");
        assert_eq!(paths("http://e.example/news/index.html")?[0], "/news/feed");
        Ok(())
    }

    #[test]
    fn ids_are_short_and_say_what_it_is() {
        for (title, id) in [
            ("Rust Blog", Some("rust-blog")),
            ("The Long And Winding Name Of A Publication", Some("the-long-and-winding")),
            ("少数派 - 高效工作，品质生活", Some("少数派")),
            ("A | B", Some("a")),
            ("RSS Feed", None),
            ("…", None),
            ("", None),
        ] {
            assert_eq!(short_name(title).as_deref(), id, "{title}");
        }
    }
}
