//! What is kept in memory of stored entries, so that few of them need be looked at for a new one: the index of stories,
//! how rare words are, and the features that were compared lately.
//!
//! It changes along with the transaction that writes: what is undone there is undone here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::word_counts::WordCounts;
use crate::stories::{Features, Index, Rarity, Signature, Time};

/// Entries whose features are kept; each takes some 20 KB at most.
const MOST_FEATURES: usize = 1024;

/// An entry as it is remembered.
#[derive(Debug)]
pub struct Remembered {
    /// Its row.
    pub row: i64,
    /// Its place in time.
    pub time: Time,
    /// What it is found by; `None` where a version wrote it that found entries by something else.
    pub signature: Option<Signature>,
}

/// The memory of who decides.
#[derive(Debug, Default)]
pub struct Memory {
    pub(super) index: Index,
    pub(super) counts: WordCounts,
    pub(super) features: FeatureCache,
    /// By how much the number of stories changed in the transaction under way.
    stories: i64,
    /// The newest row that is remembered.
    newest: i64,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    stories: i64,
    counts: usize,
    newest: i64,
}

impl Memory {
    /// Forgets everything, so that it is read back; what the transaction under way changed must have been kept.
    pub fn forget(&mut self) {
        (self.index, self.counts) = (Index::default(), WordCounts::default());
        self.features.clear();
    }

    /// Remembers an entry that is stored already.
    pub fn remember(&mut self, row: i64, time: Time, signature: &Signature) {
        self.counts.add(time.seen, signature.words().to_vec());
        self.index.insert(row, time, signature);
        self.newest = self.newest.max(row);
    }

    /// Remembers an entry that a version signed otherwise; its signature now.
    pub fn sign(&mut self, row: i64, features: &Features) -> Signature {
        self.counts.add(features.time.seen, features.words.keys().collect());
        let signature = Signature::of(features, self.counts.rarity());
        self.index.insert(row, features.time, &signature);
        self.newest = self.newest.max(row);
        signature
    }

    /// The newest row that is remembered.
    #[must_use]
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// Takes note that rows up to `newest` are remembered as far as they are worth it.
    pub fn has_seen(&mut self, newest: i64) {
        self.newest = self.newest.max(newest);
    }

    /// Forgets what may have changed in the store meanwhile: the words of entries.
    pub fn forget_features(&mut self) {
        self.features.clear();
    }

    /// How rare words are.
    #[must_use]
    pub fn rarity(&self) -> &Rarity {
        self.counts.rarity()
    }

    /// How far the transaction under way has come.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { stories: self.stories, counts: self.counts.changes(), newest: self.newest }
    }

    /// Takes back what an undone part of the transaction changed.
    pub fn undo_to(&mut self, mark: Mark) {
        self.stories = mark.stories;
        self.newest = mark.newest;
        self.counts.undo_to(mark.counts);
        // The rows that were undone are given again to other entries.
        self.features.clear();
    }

    /// Ends the transaction; by how much the number of stories changed.
    pub fn keep(&mut self) -> i64 {
        self.counts.keep();
        std::mem::take(&mut self.stories)
    }

    pub(super) fn add_stories(&mut self, change: i64) {
        self.stories += change;
    }
}

/// Features of entries that were compared lately, the oldest first out.
#[derive(Debug, Default)]
pub(super) struct FeatureCache {
    /// Those of the slice under way, which the store does not have yet.
    pinned: HashMap<i64, Arc<Features>>,
    by_row: HashMap<i64, Arc<Features>>,
    order: VecDeque<i64>,
}

impl FeatureCache {
    pub(super) fn get(&self, row: i64) -> Option<&Arc<Features>> {
        self.pinned.get(&row).or_else(|| self.by_row.get(&row))
    }

    /// Keeps the features of an entry that is decided on until [`FeatureCache::unpin`].
    pub(super) fn pin(&mut self, row: i64, features: Arc<Features>) {
        self.pinned.insert(row, features);
    }

    /// Lets go of what is pinned: the store has it now.
    pub(super) fn unpin(&mut self) {
        for (row, features) in std::mem::take(&mut self.pinned) {
            self.put(row, features);
        }
    }

    pub(super) fn put(&mut self, row: i64, features: Arc<Features>) {
        if self.by_row.insert(row, features).is_some() {
            return;
        }
        self.order.push_back(row);
        if self.order.len() > MOST_FEATURES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_row.remove(&oldest);
        }
    }

    fn clear(&mut self) {
        self.pinned.clear();
        self.by_row.clear();
        self.order.clear();
    }
}
