//! How rare words are, counted along with the transaction that writes their entries: what is undone there is undone
//! here.

use crate::stories::{Evicted, Rarity};

/// The document frequencies, and what the transaction under way changed in them.
#[derive(Debug, Default)]
pub(super) struct WordCounts {
    rarity: Rarity,
    changes: Vec<Change>,
}

/// One change, with what takes it back.
#[derive(Debug)]
enum Change {
    Added { seen: i64, words: Vec<u32>, evicted: Evicted },
    Removed { seen: i64, words: Vec<u32> },
}

impl WordCounts {
    pub(super) fn rarity(&self) -> &Rarity {
        &self.rarity
    }

    /// Counts the words of an entry that was first seen at `seen`, milliseconds since 1970.
    pub(super) fn add(&mut self, seen: i64, words: Vec<u32>) {
        if let Some(evicted) = self.rarity.add(seen, &words) {
            self.changes.push(Change::Added { seen, words, evicted });
        }
    }

    /// Takes back the words of an entry that is stored with them.
    pub(super) fn remove(&mut self, seen: i64, words: Vec<u32>) {
        if self.rarity.remove(seen, &words) {
            self.changes.push(Change::Removed { seen, words });
        }
    }

    /// Changes of the transaction so far.
    pub(super) fn changes(&self) -> usize {
        self.changes.len()
    }

    /// Takes back all changes but the first `kept`.
    pub(super) fn undo_to(&mut self, kept: usize) {
        for change in self.changes.drain(kept.min(self.changes.len())..).rev() {
            match change {
                Change::Added { seen, words, evicted } => {
                    self.rarity.remove(seen, &words);
                    self.rarity.restore(evicted);
                }
                Change::Removed { seen, words } => drop(self.rarity.add(seen, &words)),
            }
        }
    }

    /// Ends the transaction: what was changed stays.
    pub(super) fn keep(&mut self) {
        self.changes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3600 * 1000;

    #[test]
    fn what_is_undone_leaves_the_counts_as_they_were() {
        let mut counts = WordCounts::default();
        counts.add(0, vec![1, 2, 2]);
        counts.add(DAY_MS, vec![1, 3]);
        counts.keep();
        let before = counts.rarity.clone();
        counts.remove(0, vec![1, 2, 2]);
        counts.add(0, vec![1, 4]);
        let half = counts.changes();
        let middle = counts.rarity.clone();
        // A clock that is far ahead drops the days before, and what is older than these is not counted at all.
        counts.add(30 * DAY_MS, vec![1]);
        counts.add(0, vec![1]);
        counts.remove(0, vec![1, 4]);
        assert_eq!(counts.rarity.count(4), 0);
        counts.undo_to(half);
        assert!(counts.rarity == middle);
        counts.undo_to(0);
        assert!(counts.rarity == before);
        assert_eq!((counts.rarity.count(1), counts.rarity.count(2), counts.rarity.count(4)), (2, 2, 0));
    }
}
