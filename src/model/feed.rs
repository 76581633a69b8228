//! What a document says, whatever its format: every field optional, nothing cleaned.
//!
//! The mapping of each format onto these fields is written in the parser of that format.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

/// The format of a document, as its content tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RSS 0.9x, 1.0 or 2.x.
    Rss,
    /// Atom 0.3 or 1.0.
    Atom,
    /// JSON Feed 1.x.
    JsonFeed,
    /// An HTML page read through selectors.
    Page,
    /// A JSON API read through pointers.
    Api,
}

impl Format {
    /// The name for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rss => "RSS",
            Self::Atom => "Atom",
            Self::JsonFeed => "JSON Feed",
            Self::Page => "page",
            Self::Api => "JSON",
        }
    }
}

/// Text with what its publisher says it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawText {
    /// The text after the format's own decoding.
    pub value: String,
    /// How to read it.
    pub kind: TextKind,
    /// The base of relative links in it (`xml:base`), possibly relative itself.
    pub base: Option<String>,
}

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextKind {
    /// Literal text; `<` is a less-than sign.
    Plain,
    /// HTML or XHTML markup.
    Html,
    /// The format does not say (RSS): HTML if it looks like it.
    Unknown,
}

impl RawText {
    /// Literal text.
    #[must_use]
    pub fn plain(value: impl Into<String>) -> Self {
        Self { value: value.into(), kind: TextKind::Plain, base: None }
    }

    /// Markup.
    #[must_use]
    pub fn html(value: impl Into<String>) -> Self {
        Self { value: value.into(), kind: TextKind::Html, base: None }
    }

    /// Text of which the format does not say whether it is markup.
    #[must_use]
    pub fn unknown(value: impl Into<String>) -> Self {
        Self { value: value.into(), kind: TextKind::Unknown, base: None }
    }
}

/// A date as the publisher gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RawDate {
    /// The strict parser already understood it.
    Known(DateTime<FixedOffset>),
    /// Text that `normalise` reads with the source's zone and the poll's time.
    Text(String),
}

/// A person or organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawPerson {
    /// The name, or `mail (name)` as RSS writes it.
    pub name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// The home page.
    pub url: Option<String>,
}

/// A file that belongs to an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawAttachment {
    /// Where it is.
    pub url: String,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Its size, bytes, as written.
    pub size: Option<String>,
    /// Its length, as written: seconds or `hh:mm:ss`.
    pub duration: Option<String>,
}

/// The feed that an aggregated entry came from, as its publisher names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawOrigin {
    /// The title of the origin.
    pub title: Option<String>,
    /// The address of the origin.
    pub url: Option<String>,
}

/// Where an entry is discussed, as sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawComments {
    /// The page (RSS `comments`; Atom `link rel=replies`, RFC 4685).
    pub page: Option<String>,
    /// The feed (`wfw:commentRss`, `link rel=replies`).
    pub feed: Option<String>,
    /// How many (`slash:comments`, `thr:total`).
    pub count: Option<String>,
}

/// One item of a feed, as sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawEntry {
    /// The publisher's id: `guid`, `atom:id`, JSON `id`.
    pub id: Option<String>,
    /// The link of the entry.
    pub link: Option<String>,
    /// Whether `id` may serve as the link (RSS `isPermaLink`).
    pub id_is_link: bool,
    /// The page the entry is about, where that differs from the link (JSON `external_url`).
    pub external_link: Option<String>,
    /// The title.
    pub title: Option<RawText>,
    /// The excerpt.
    pub summary: Option<RawText>,
    /// The body.
    pub content: Option<RawText>,
    /// The date of publication.
    pub published: Option<RawDate>,
    /// The date of the last change.
    pub updated: Option<RawDate>,
    /// The authors.
    pub authors: Vec<RawPerson>,
    /// Categories, keywords.
    pub tags: Vec<String>,
    /// Enclosures and media.
    pub attachments: Vec<RawAttachment>,
    /// The image that stands for the entry.
    pub image: Option<String>,
    /// The language, as a tag of BCP 47.
    pub language: Option<String>,
    /// Where it is discussed.
    #[serde(default)]
    pub comments: RawComments,
    /// The feed it came from, where this feed is an aggregate.
    pub origin: Option<RawOrigin>,
    /// `xml:base` in force at the entry, possibly relative.
    pub base: Option<String>,
}

/// What a feed asks of those who poll it (RSS `ttl`, `skipHours`, `skipDays`; `sy:`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollHints {
    /// Minutes for which the feed may be cached.
    pub ttl_minutes: Option<u32>,
    /// Seconds between two updates of the feed, by its `sy:updatePeriod` and `sy:updateFrequency`.
    pub update_seconds: Option<u64>,
    /// Hours of the day (GMT) in which it is not to be read: bit 0 is the hour after midnight.
    pub skip_hours: u32,
    /// Days on which it is not to be read: bit 0 is Monday.
    pub skip_days: u8,
    /// Seconds that the last answer asked to wait (`Retry-After`); kept to say why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// Seconds for which the last answer stays fresh (`Cache-Control`, `Expires`); kept to say why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_seconds: Option<u64>,
}

/// A feed as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFeed {
    /// The format it came in.
    pub format: Format,
    /// The title.
    pub title: Option<RawText>,
    /// The page the feed belongs to.
    pub link: Option<String>,
    /// The address the feed gives for itself (`rel=self`).
    pub self_link: Option<String>,
    /// The hub that pushes its changes (WebSub, `rel=hub`).
    pub hub: Option<String>,
    /// Subtitle or description.
    pub description: Option<RawText>,
    /// The language, as a tag of BCP 47.
    pub language: Option<String>,
    /// The authors of the feed.
    pub authors: Vec<RawPerson>,
    /// `xml:base` in force at the feed.
    pub base: Option<String>,
    /// The page that continues this one, as written (`select`).
    pub next_page: Option<String>,
    /// How often to come.
    pub hints: PollHints,
    /// The items in document order.
    pub entries: Vec<RawEntry>,
    /// What was odd about the document.
    pub warnings: Vec<String>,
}

impl RawFeed {
    /// A feed with nothing in it.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            title: None,
            link: None,
            self_link: None,
            hub: None,
            description: None,
            language: None,
            authors: Vec::new(),
            base: None,
            next_page: None,
            hints: PollHints::default(),
            entries: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// The article behind an entry, as its page has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawArticle {
    /// The title.
    pub title: String,
    /// The main text, as HTML.
    pub html: String,
    /// When the page says it was published.
    pub published: Option<String>,
}
