//! A slice of a document while it is decided on: what is decided so far, and where it stopped.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

use super::changes::Changes;
use super::document::{PollCommit, ReadDocument};
use super::known::{Existing, Known, Request};
use super::prepare::{Complete, PrepareError, Prepared, Stamp};
use super::progress::Progress;
use crate::identity::{Key, KeyKind, Keys, Verdict};
use crate::model::entry::Entry;
use crate::model::source::SourceId;
use crate::stories::{Features, Signature};

/// Entries of a document that are decided on together, at most.
pub const SLICE: usize = 200;

/// Bytes of their JSON, at most, unless one alone has more.
const SLICE_BYTES: usize = 1 << 20;

/// Why an entry is not decided on yet.
pub(super) enum Halt {
    Load(Box<Request>),
    Fail(PrepareError),
}

impl From<Request> for Halt {
    fn from(request: Request) -> Self {
        Self::Load(Box::new(request))
    }
}

impl From<PrepareError> for Halt {
    fn from(error: PrepareError) -> Self {
        Self::Fail(error)
    }
}

/// An entry whose story is looked for.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) row: i64,
    /// When it was first seen.
    pub(super) seen: DateTime<Utc>,
    /// Whether it adds a story unless it joins one.
    pub(super) is_new: bool,
    /// Whether it is of a first document, and not told as news.
    pub(super) is_backlog: bool,
}

/// An entry that waits for what it is compared with.
#[derive(Debug)]
pub(super) struct Joining {
    pub(super) complete: Complete,
    pub(super) features: Arc<Features>,
    pub(super) signature: Signature,
    pub(super) candidates: Vec<i64>,
}

/// A change of a story that readers are told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) story: i64,
    /// Only if the story shows the words of this entry.
    pub(super) if_shown: Option<i64>,
}

/// A slice of a document while it is decided on.
#[derive(Debug)]
pub struct Slice<'p> {
    pub(super) source: &'p SourceId,
    pub(super) address: &'p str,
    pub(super) authority: &'p str,
    /// When the poll began.
    pub(super) seen: DateTime<Utc>,
    pub(super) entries: &'p mut [Prepared],
    pub(super) progress: &'p mut Progress,
    /// The place of its first entry in the document.
    pub(super) first: usize,
    /// The entry that is decided on next, in the slice.
    pub(super) at: usize,
    pub(super) verdict: Option<Verdict>,
    pub(super) wanted_ids: Vec<Option<(Option<String>, String)>>,
    pub(super) by_stamp: HashMap<Stamp, usize>,
    pub(super) is_planned: bool,
    /// The first row that this slice gives.
    pub(super) first_row: i64,
    pub(super) joining: Option<Box<Joining>>,
    pub(super) changes: Changes,
    /// New entries and those that changed, by row, with their places in the slice.
    pub(super) written: HashMap<i64, usize>,
    /// Entries whose stories may stand elsewhere now.
    pub(super) touched: BTreeSet<i64>,
    pub(super) told: Vec<Told>,
}

impl<'p> Slice<'p> {
    /// The next entries of a document, unless all are decided on.
    #[must_use]
    pub fn next(poll: &'p mut PollCommit, progress: &'p mut Progress) -> Option<Self> {
        let ReadDocument { entries, .. } = poll.document.as_mut()?;
        let entries = entries.get_mut(progress.next..).filter(|rest| !rest.is_empty())?;
        let mut bytes = 0;
        let fits = |entry: &&Prepared| {
            let is_first = bytes == 0;
            bytes += entry.data.len();
            is_first || bytes <= SLICE_BYTES
        };
        let count = entries.iter().take(SLICE).take_while(fits).count();
        let entries = &mut entries[..count];
        Some(Self {
            source: &poll.source,
            address: &poll.address,
            authority: &poll.authority,
            seen: poll.started_at.trunc_subsecs(0),
            wanted_ids: vec![None; entries.len()],
            by_stamp: entries.iter().enumerate().map(|(place, entry)| (entry.stamp, place)).collect(),
            entries,
            first: progress.next,
            progress,
            at: 0,
            verdict: None,
            is_planned: false,
            first_row: 0,
            joining: None,
            changes: Changes::default(),
            written: HashMap::new(),
            touched: BTreeSet::new(),
            told: Vec::new(),
        })
    }

    /// What must be known before the first question.
    #[must_use]
    pub fn request(&self) -> Request {
        let keys = self.entries.iter().flat_map(|entry| keys_asked(&entry.keys)).collect();
        Request { keys, stamps: self.by_stamp.keys().copied().collect(), ..Request::default() }
    }

    pub(super) fn take_complete(&mut self) -> Result<Complete, PrepareError> {
        self.entries[self.at].take()
    }

    /// The entry that is decided on.
    pub(super) fn current(&self) -> &Prepared {
        &self.entries[self.at]
    }

    /// The story of an entry that this slice wrote, or that was known before.
    pub(super) fn story_of(&self, known: &Known, row: i64) -> i64 {
        let story = known.candidates.get(&row).copied().flatten();
        let story = story.or_else(|| known.entries.get(&row).map(|existing| existing.story));
        known.story_of(story.unwrap_or(row))
    }
}

/// The keys by which an entry is looked for.
pub(super) fn keys_asked(keys: &Keys) -> impl Iterator<Item = (KeyKind, Key)> {
    let has_better = keys.id.is_some() || keys.link.is_some();
    keys.each().filter(move |(kind, _)| *kind != KeyKind::Text || !has_better)
}

/// What is stored of an entry; that of its stamp, where this slice brings the same again.
pub(super) fn stored_entry<'e>(
    existing: &'e Existing,
    entries: &'e [Prepared],
    by_stamp: &HashMap<Stamp, usize>,
) -> Option<&'e Entry> {
    let same = || existing.stamp.and_then(|stamp| by_stamp.get(&stamp)).map(|place| &entries[*place].entry);
    existing.stored.as_ref().map(|(_, entry)| entry).or_else(same)
}
