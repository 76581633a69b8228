//! What is to be written of a slice of a document, complete: a store writes it and adds nothing of its own.

use super::prepare::Stamp;
use crate::identity::{Key, KeyKind};
use crate::stories::{Judgement, Signature};

/// What a slice of a document changes. Moments are milliseconds since 1970.
#[derive(Debug, Default)]
pub struct Changes {
    /// Stories that become part of another (first, second), in this order, before anything else is written.
    pub united: Vec<(i64, i64)>,
    /// Entries that are new.
    pub new: Vec<NewEntry>,
    /// Entries that changed.
    pub changed: Vec<ChangedEntry>,
    /// Keys, each with the entry that it leads to from now on.
    pub keys: Vec<(KeyKind, Key, i64)>,
    /// Why an entry was joined to another.
    pub joins: Vec<(i64, i64, Judgement)>,
    /// Entries by their tags, in place of those before.
    pub tags: Vec<Tags>,
    /// Words of entries for the full-text index, in place of those before.
    pub search: Vec<(i64, String)>,
    /// Stories that leave the backlog of their source.
    pub news: Vec<i64>,
    /// Stories that go into the archives some day.
    pub unarchived: Vec<i64>,
    /// Stories whose change is told, in this order.
    pub told: Vec<i64>,
    /// Stories that move to another place in the river.
    pub moved: Vec<(i64, i64)>,
}

/// A new entry.
#[derive(Debug)]
pub struct NewEntry {
    /// Its row.
    pub row: i64,
    /// Its id in the river.
    pub river_id: String,
    /// The digest of the publisher's id.
    pub id: Option<Key>,
    /// When it was first seen.
    pub first_seen: i64,
    /// Where its story stands in the river, if it leads one.
    pub order: i64,
    /// Where it would stand alone.
    pub own_order: i64,
    /// The entry, JSON.
    pub data: String,
    /// The stamp of that.
    pub stamp: Stamp,
    /// The publisher's words: JSON in zstd.
    pub original: Vec<u8>,
    /// What cleaning did, JSON.
    pub fired: String,
    /// Whether it is of a first document, and not told as news.
    pub is_backlog: bool,
    /// Its place in its story.
    pub place: InStory,
}

/// An entry that changed.
#[derive(Debug)]
pub struct ChangedEntry {
    /// Its row.
    pub row: i64,
    /// The digest of the publisher's id, where it has one now.
    pub id: Option<Key>,
    /// The entry, JSON.
    pub data: String,
    /// The stamp of that.
    pub stamp: Stamp,
    /// The publisher's words: JSON in zstd.
    pub original: Vec<u8>,
    /// What cleaning did, JSON.
    pub fired: String,
    /// When its words changed, where that counts as a change.
    pub changed_at: Option<i64>,
    /// Whether its words changed.
    pub is_reworded: bool,
    /// Its place in a story, where that was looked for again.
    pub place: Option<InStory>,
}

/// To which story an entry belongs, and what it is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InStory {
    /// The story.
    pub story: i64,
    /// Whether the entry is beyond the limits of the story: kept and not shown.
    pub is_surplus: bool,
    /// What it is found by; nothing finds what is beyond the limits.
    pub signature: Option<Signature>,
    /// When it was published, where that is known.
    pub dated: Option<i64>,
}

/// The tags of an entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Tags {
    /// The entry.
    pub row: i64,
    /// Whether it had others before.
    pub had_others: bool,
    /// Its tags.
    pub tags: Vec<String>,
}
