//! An entry: one item of a feed, normalised; and the entry as the store keeps it.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::source::SourceId;
use crate::html::SanitisedHtml;

/// A person as readers show one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name; plain text.
    pub name: String,
    /// The home page, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A file that belongs to an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Where it is, absolute.
    pub url: String,
    /// Its media type; `application/octet-stream` where nothing tells.
    pub mime_type: String,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_in_bytes: Option<u64>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_in_seconds: Option<u64>,
}

/// Where an entry is discussed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comments {
    /// The page, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The feed, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_url: Option<String>,
    /// How many comments the publisher counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// An entry after normalisation: NFC, no control characters, absolute URLs, sanitised HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The publisher's id, trimmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher_id: Option<String>,
    /// The link, absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The page the entry is about, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_url: Option<String>,
    /// The title: plain text, one line; may be empty.
    pub title: String,
    /// The publisher's title, where cleaning changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title_original: Option<String>,
    /// The title that the article's page gives, where the article was fetched for a cut title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_title: Option<String>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_html: Option<SanitisedHtml>,
    /// The body as the publisher sent it, where that was plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_text: Option<String>,
    /// The excerpt, plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// When the publisher says it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<DateTime<FixedOffset>>,
    /// Whether `published` is the date that the text states, since the feed gives none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub date_is_stated: bool,
    /// The date that the text states of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_date: Option<NaiveDate>,
    /// When the publisher says it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<DateTime<FixedOffset>>,
    /// The authors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<Person>,
    /// Categories and keywords, without repeats.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Ticker codes in it, such as `SZ300623`; they are among the tags too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickers: Vec<String>,
    /// Enclosures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The image that stands for the entry, absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Where it is discussed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comments: Option<Comments>,
    /// Whom it is from: the feed an aggregate names, else the agency, paper or portal that the text names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

impl Entry {
    /// The publisher's date: that of publication, else that of the last change.
    #[must_use]
    pub fn dated(&self) -> Option<DateTime<FixedOffset>> {
        self.published.or(self.updated)
    }
}

/// A normalised feed: what `parse` prints and a poll stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feed {
    /// The title; plain text.
    pub title: String,
    /// The page the feed belongs to, absolute.
    pub home_page_url: Option<String>,
    /// The feed's own address, absolute.
    pub feed_url: Option<String>,
    /// Subtitle; plain text.
    pub description: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// The feed's authors.
    pub authors: Vec<Person>,
    /// The entries in document order.
    pub entries: Vec<Entry>,
}

/// An entry of the river, as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    /// The row: grows with each new entry, names it to the store.
    pub row: i64,
    /// The id in the river; never changes.
    pub river_id: String,
    /// The source it came from.
    pub source: SourceId,
    /// When a poll first brought it.
    pub first_seen: DateTime<Utc>,
    /// When its text last changed here; equals `first_seen` until it does.
    pub changed_at: DateTime<Utc>,
    /// What the river is ordered by: the earlier of publication and first sight.
    pub order: DateTime<Utc>,
    /// The entry.
    pub entry: Entry,
    /// The source whose telling is shown; `source` unless a story has a better one.
    pub told_by: SourceId,
    /// Every entry of its story, this one first; empty where it stands alone.
    pub tellings: Vec<Telling>,
}

/// One entry of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// Its id in the river.
    pub river_id: String,
    /// Its source.
    pub source: SourceId,
    /// Its link.
    pub url: Option<String>,
    /// Its title, cleaned.
    pub title: String,
    /// The publisher's title, where cleaning changed it.
    pub title_original: Option<String>,
    /// When it was published, where that is known.
    pub published: Option<DateTime<FixedOffset>>,
}

impl StoredEntry {
    /// The entry as one telling of a story.
    #[must_use]
    pub fn telling(&self) -> Telling {
        Telling {
            river_id: self.river_id.clone(),
            source: self.source.clone(),
            url: self.entry.url.clone(),
            title: self.entry.title.clone(),
            title_original: self.entry.title_original.clone(),
            published: self.published(),
        }
    }

    /// Bytes of the body.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.entry.content_html.as_ref().map_or(0, |html| html.len())
    }

    /// The time of the last significant change, as Atom's `updated` wants it: ours once the words
    /// changed here; before that the publisher's, unless it lies in the future.
    #[must_use]
    pub fn updated(&self) -> DateTime<FixedOffset> {
        if self.changed_at > self.first_seen {
            return self.changed_at.fixed_offset();
        }
        match self.entry.updated.or(self.entry.published) {
            Some(date) if date <= self.first_seen => date,
            Some(_) => self.first_seen.fixed_offset(),
            None => self.order.fixed_offset(),
        }
    }

    /// The publisher's date, held to the time first seen where it lies in the future.
    #[must_use]
    pub fn published(&self) -> Option<DateTime<FixedOffset>> {
        self.entry.dated().map(|date| if date > self.first_seen { self.first_seen.fixed_offset() } else { date })
    }
}
