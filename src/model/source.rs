//! A source: one thing in feeds.toml that is polled.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::cleaning::Rules;
use super::zone::Zone;

/// The stable name of a source: the key in logs, in the store and in feed paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(String);

/// Whose telling of a story is preferred: the `priority` of each source in feeds.toml; 0 for the others.
pub type Priorities = std::collections::HashMap<SourceId, i64>;

/// Why a text is no [`SourceId`].
#[derive(Debug, Error, PartialEq, Eq)]
#[error("letters, digits, '-', '_' and '.', at most 64 of them, beginning with a letter or digit")]
pub struct BadSourceId;

impl SourceId {
    /// Checks `text` against the rule: it must be safe as one segment of a path.
    ///
    /// # Errors
    /// [`BadSourceId`] where a character is outside letters, digits, `-`, `_`, `.`.
    pub fn new(text: &str) -> Result<Self, BadSourceId> {
        let mut characters = text.chars();
        let head = characters.next().is_some_and(char::is_alphanumeric);
        let tail = characters.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if head && tail && text.chars().count() <= 64 { Ok(Self(text.to_owned())) } else { Err(BadSourceId) }
    }

    /// The default id of a source without one: its host and path, as a slug.
    #[must_use]
    pub fn from_address(address: &Address) -> Self {
        let readable = match address {
            Address::Web(url) => {
                let host = url.host_str().unwrap_or("source");
                format!("{}{}", host.strip_prefix("www.").unwrap_or(host), url.path())
            }
            Address::File(path) => {
                path.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned())
            }
        };
        let slug = slug(&readable);
        Self(if slug.is_empty() { "source".to_owned() } else { slug })
    }

    /// A name as an id: what cannot stand in one becomes a dash.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let slug = slug(name);
        Self(if slug.is_empty() { "group".to_owned() } else { slug })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Letters and digits in lower case, single dashes between them, 64 characters at most.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().take(64) {
        match c {
            c if c.is_alphanumeric() => slug.extend(c.to_lowercase()),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_end_matches('-').to_owned()
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a source is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// An `http:` or `https:` URL, without credentials in it.
    Web(Url),
    /// A file on this machine, as an absolute path.
    File(PathBuf),
}

impl Address {
    /// The host that requests of this source count against, if it has one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Web(url) => url.host_str(),
            Self::File(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(url) => f.write_str(url.as_str()),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A text that no log line, error or debug print shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The hidden text, for the request that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// HTTP Basic credentials (RFC 7617).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How a page without a feed is read: CSS selectors, relative to each item; or for a JSON API,
/// JSON pointers (RFC 6901), which all begin with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Select {
    /// Selects the items of the page.
    pub item: String,
    /// The title; default: the text of the first link, else of the item.
    pub title: Option<String>,
    /// The link; default: the first `a[href]`.
    pub link: Option<String>,
    /// The date, in an attribute `datetime` or as text.
    pub date: Option<String>,
    /// The body.
    pub content: Option<String>,
    /// The author.
    pub author: Option<String>,
    /// The image.
    pub image: Option<String>,
    /// The link to the next page of items.
    pub next: Option<String>,
    /// Pages read in one poll at most, the first included.
    pub pages: usize,
}

impl Select {
    /// Whether it reads JSON.
    #[must_use]
    pub fn is_pointers(&self) -> bool {
        self.item.starts_with('/')
    }
}

/// One `[[source]]` of feeds.toml with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The stable name.
    pub id: SourceId,
    /// The name for people, where feeds.toml gives one.
    pub name: Option<String>,
    /// Where it is.
    pub address: Address,
    /// What relative links are resolved against instead of the address.
    pub base_url: Option<Url>,
    /// The group it belongs to.
    pub group: Option<String>,
    /// Tags that each of its entries gets.
    pub tags: Vec<String>,
    /// Whether it is polled at all.
    pub enabled: bool,
    /// Whose telling of a story is preferred: the higher, the more.
    pub priority: i64,
    /// The longest time between two polls.
    pub every: Duration,
    /// The shortest time between two polls.
    pub min_every: Duration,
    /// The time limits of one poll.
    pub timeouts: Timeouts,
    /// The largest body, in bytes after decompression.
    pub max_bytes: u64,
    /// Requests at once to this source's host.
    pub per_host: usize,
    /// Entries of its first document that may come up on the river's first page, where feeds.toml says.
    pub initial: Option<usize>,
    /// The least time between two requests to its host, where feeds.toml gives one.
    pub host_gap: Option<Duration>,
    /// The proxy that its requests go through, instead of the one of the environment.
    pub proxy: Option<Url>,
    /// Whether the address is kept from readers; where feeds.toml does not say, what looks like a secret in it is.
    pub private_url: Option<bool>,
    /// Whether robots.txt is honoured for articles.
    pub robots: bool,
    /// Whether what the network says may lead to private addresses.
    pub allow_private: bool,
    /// Request headers beyond the daemon's own.
    pub headers: Vec<(String, Secret)>,
    /// The User-Agent sent instead of the daemon's own.
    pub user_agent: Option<String>,
    /// Basic credentials.
    pub credentials: Option<Credentials>,
    /// The charset that outranks every other evidence, by its WHATWG name.
    pub charset: Option<&'static str>,
    /// The zone of dates that name none.
    pub timezone: Option<Zone>,
    /// How to read a page without a feed.
    pub select: Option<Select>,
    /// Whether the articles behind short entries are fetched.
    pub full_text: bool,
    /// How entries are cleaned.
    pub clean: Rules,
}

/// The time limits of one fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the start of the connection until it stands.
    pub connect: Duration,
    /// From the request until the first byte of the response.
    pub first_byte: Duration,
    /// The whole fetch, redirects included.
    pub whole: Duration,
}

impl Source {
    /// The name for people: the configured one, else the id.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }

    /// A digest of everything that decides what a document of this source becomes.
    ///
    /// Where it differs from the digest of the last poll, stored validators and hashes no longer
    /// prove that there is nothing to do.
    #[must_use]
    pub fn recipe(&self) -> String {
        format!(
            "{}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{}|{:?}",
            self.address,
            self.base_url,
            self.tags,
            self.charset,
            self.timezone,
            self.select,
            self.credentials.is_some(),
            self.full_text,
            self.clean
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_one_safe_path_segment() {
        for good in ["qingpu", "a", "36kr.com", "青浦", "a-b_c.d"] {
            assert!(SourceId::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "-a", "a/b", "a b", "a\n", &"x".repeat(65)] {
            assert_eq!(SourceId::new(bad), Err(BadSourceId), "{bad:?}");
        }
    }

    #[test]
    fn default_ids_come_from_the_address() -> Result<(), url::ParseError> {
        let id = |text: &str| Url::parse(text).map(|u| SourceId::from_address(&Address::Web(u)).to_string());
        assert_eq!(id("https://www.example.org/news/rss.xml?x=1")?, "example-org-news-rss-xml");
        assert_eq!(id("http://127.0.0.1:8080/")?, "127-0-0-1");
        let file = SourceId::from_address(&Address::File("/srv/市场.xml".into()));
        assert_eq!(file.as_str(), "市场-xml");
        Ok(())
    }

    #[test]
    fn secrets_do_not_print() {
        let shown = format!("{:?}", Credentials { username: "u".into(), password: Secret::new("hunter2".into()) });
        assert!(!shown.contains("hunter2") && shown.contains("***"), "{shown}");
    }
}
