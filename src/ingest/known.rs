//! What must be known of the store to decide on entries, and what is asked for to know it.
//!
//! A [`Request`] is answered as a whole: how many statements that takes does not depend on the number of entries where
//! a store answers lists, so that a store behind a network costs few round trips.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::prepare::Stamp;
use crate::identity::{Key, KeyKind};
use crate::model::entry::Entry;
use crate::model::source::SourceId;
use crate::stories::{Features, MOST_COMPARED, Member};

/// Members of a story; what comes beyond is kept and not shown.
pub const MOST_MEMBERS: usize = 100;

/// Members of a story that come from one source.
pub const MOST_OF_SOURCE: usize = 8;

/// What is to be loaded.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Request {
    /// Keys of the source, and with each the entry that it leads to.
    pub keys: Vec<(KeyKind, Key)>,
    /// Entries with one of these stamps are at hand, so that their JSON need not be read.
    pub stamps: HashSet<Stamp>,
    /// Ids in the river: whether they are taken.
    pub river_ids: BTreeSet<String>,
    /// Entries that may tell the same news as another: the story of each, whole.
    pub candidates: BTreeSet<i64>,
    /// Stories.
    pub stories: BTreeSet<i64>,
    /// Entries whose features are compared.
    pub compared: BTreeSet<i64>,
    /// Members of stories, as a story is told.
    pub members: BTreeSet<i64>,
}

impl Request {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is known of the river and of a source before its document is decided on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// When the first entry of the river was first seen, milliseconds since 1970.
    pub river_began: Option<i64>,
    /// When the first entry of the source was.
    pub source_began: Option<i64>,
    /// Whether the source has entries.
    pub has_entries: bool,
    /// Whether it was ever read.
    pub has_succeeded: bool,
    /// The recipe by which it was read last.
    pub recipe: Option<String>,
    /// New entries of an interrupted writing, which are not counted with the source yet.
    pub left_behind: u32,
}

/// A stored entry that a key of a document led to.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    /// The digest of the publisher's id.
    pub id: Option<Key>,
    /// Its JSON, and what that says; nothing where its stamp is one of those at hand.
    pub stored: Option<(String, Entry)>,
    /// Its stamp, where it has one.
    pub stamp: Option<Stamp>,
    /// Whether retention took its words.
    pub is_pruned: bool,
    /// How often its words changed.
    pub edits: i64,
    /// When they changed last, milliseconds since 1970.
    pub changed_at: i64,
    /// When it was first seen.
    pub first_seen: i64,
    /// Whether it is beyond the limits of its story.
    pub is_surplus: bool,
    /// Whether it was taken out of its story by hand.
    pub is_split: bool,
    /// Its story.
    pub story: i64,
    /// Digests of the words of its title, where they are counted.
    pub words: Option<Vec<u32>>,
}

/// A member of a story, as far as it says whether another entry joins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryMember {
    /// Its row.
    pub row: i64,
    /// Its source.
    pub source: SourceId,
    /// Whether it is compared with others: neither taken out by hand nor pruned.
    pub is_compared: bool,
}

/// A story: its members within the limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// In the order of their arrival.
    pub members: Vec<StoryMember>,
    /// Whether it is, or is to be, in the archives: that it was told.
    pub is_told: bool,
    /// Whether its first entry is of a backlog.
    pub is_backlog: bool,
}

impl Story {
    /// How many members it has, and how many of them are of `source`.
    pub(super) fn size(&self, source: &SourceId) -> (usize, usize) {
        let counted = self.members.iter().take(MOST_MEMBERS);
        let of_source = counted.clone().filter(|member| member.source == *source).count();
        (counted.count(), of_source)
    }

    /// Those that stand for the story `row` when it is compared: the first, and the newest of the others.
    pub(super) fn compared(&self, row: i64) -> Vec<i64> {
        let is_lead = |member: &&StoryMember| member.row == row && member.is_compared;
        let lead = self.members.iter().find(is_lead).map(|member| member.row);
        let others = self.members.iter().rev().filter(|member| member.row != row && member.is_compared);
        let mut newest: Vec<i64> = others.take(MOST_COMPARED - 1).map(|member| member.row).collect();
        newest.reverse();
        lead.into_iter().chain(newest).collect()
    }
}

/// What is known so far; grows with each answer, and with what is decided.
#[derive(Debug, Default)]
pub struct Known {
    /// The row that the next new entry gets.
    pub next_row: i64,
    /// The entries that keys lead to.
    pub keys: HashMap<(KeyKind, Key), Option<i64>>,
    /// The entries that keys led to.
    pub entries: HashMap<i64, Existing>,
    /// Which ids in the river are taken.
    pub river_ids: HashMap<String, bool>,
    /// The story of each candidate; `None` where it is gone, beyond the limits of its story, or taken out by hand.
    pub candidates: HashMap<i64, Option<i64>>,
    /// Stories by the row of their first entry.
    pub stories: HashMap<i64, Story>,
    /// What is compared.
    pub features: HashMap<i64, Arc<Features>>,
    /// Members of stories.
    pub members: HashMap<i64, Member>,
    /// Stories that became another.
    united: HashMap<i64, i64>,
}

impl Known {
    /// The story that a story has become part of; itself where it is one still.
    pub(super) fn story_of(&self, story: i64) -> i64 {
        let mut at = story;
        while let Some(next) = self.united.get(&at) {
            at = *next;
        }
        at
    }

    /// Whether a story is known, under its name or under that of the story that it has become part of.
    #[must_use]
    pub fn has_story(&self, story: i64) -> bool {
        self.stories.contains_key(&self.story_of(story))
    }

    /// Makes two stories one, under the earlier first entry; the row of that.
    pub(super) fn unite(&mut self, a: i64, b: i64) -> i64 {
        let (to, from) = (a.min(b), a.max(b));
        let theirs = self.stories.remove(&from).unwrap_or_default();
        let story = self.stories.entry(to).or_default();
        story.members.extend(theirs.members);
        story.members.sort_by_key(|member| member.row);
        self.united.insert(from, to);
        to
    }
}
