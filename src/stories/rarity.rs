//! How rare a word of titles is among the entries of the window: document frequencies, a day at a time.
//!
//! A table of counters indexed by the digest of the word; words that share a counter look a little
//! commoner than they are. The counts are those of the days that are remembered and of nothing else,
//! so that reading the same entries back after a restart gives the same weights.

use std::collections::BTreeMap;

/// Counters; a power of two.
const COUNTERS: usize = 1 << 16;

/// Days that are remembered beside the newest: the window and a day.
const DAYS: i64 = 8;

/// Entries that are assumed at least: in a river that has just begun no word is common yet.
const FEWEST: u32 = 1000;

/// Titles that any word may still turn out to be in, while there are none.
const UNKNOWN: f64 = 3.0;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// The entries of a day, and their words by counter.
type Day = (u32, Vec<u16>);

/// Days that left the window, for [`Rarity::restore`].
#[derive(Debug, Default)]
#[must_use]
pub struct Evicted(Vec<(i64, Day)>);

/// Document frequencies of the words of titles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rarity {
    /// By day, in days since 1970.
    days: BTreeMap<i64, Day>,
    /// The sum over the days; empty before the first entry.
    total: Vec<u32>,
    entries: u32,
}

impl Rarity {
    /// The beginning of the oldest day that is remembered when `newest` is the newest moment,
    /// milliseconds since 1970.
    #[must_use]
    pub fn horizon(newest: i64) -> i64 {
        (newest.div_euclid(DAY_MS) - DAYS) * DAY_MS
    }

    /// Counts the words of an entry that was first seen at `seen` (milliseconds since 1970); the days that left the
    /// window by that, `None` where the entry lies before the window and is not counted.
    pub fn add(&mut self, seen: i64, words: &[u32]) -> Option<Evicted> {
        let day = seen.div_euclid(DAY_MS);
        let newest = self.days.last_key_value().map_or(day, |(newest, _)| *newest);
        if day < newest - DAYS {
            return None;
        }
        self.total.resize(COUNTERS, 0);
        let (entries, counts) = self.days.entry(day).or_insert_with(|| (0, vec![0; COUNTERS]));
        *entries += 1;
        self.entries += 1;
        for place in words.iter().map(|word| place_of(*word)) {
            if let Some(more) = counts[place].checked_add(1) {
                counts[place] = more;
                self.total[place] += 1;
            }
        }
        let mut evicted = Evicted::default();
        while let Some(oldest) = self.days.first_entry().filter(|oldest| *oldest.key() < day - DAYS) {
            let (day, (entries, counts)) = oldest.remove_entry();
            self.entries -= entries;
            self.total.iter_mut().zip(&counts).for_each(|(total, count)| *total -= u32::from(*count));
            evicted.0.push((day, (entries, counts)));
        }
        Some(evicted)
    }

    /// Takes back that days left the window, after what made them leave was removed.
    pub fn restore(&mut self, evicted: Evicted) {
        for (day, (entries, counts)) in evicted.0 {
            self.entries += entries;
            self.total.iter_mut().zip(&counts).for_each(|(total, count)| *total += u32::from(*count));
            self.days.insert(day, (entries, counts));
        }
    }

    /// Takes back what [`Rarity::add`] counted; whether its day is remembered.
    pub fn remove(&mut self, seen: i64, words: &[u32]) -> bool {
        let day = seen.div_euclid(DAY_MS);
        let Some((entries, counts)) = self.days.get_mut(&day) else { return false };
        *entries = entries.saturating_sub(1);
        self.entries = self.entries.saturating_sub(1);
        for place in words.iter().map(|word| place_of(*word)) {
            if let Some(less) = counts[place].checked_sub(1) {
                counts[place] = less;
                self.total[place] -= 1;
            }
        }
        // A day without entries would still bound the window.
        if self.days.get(&day).is_some_and(|(entries, _)| *entries == 0) {
            self.days.remove(&day);
        }
        true
    }

    /// Entries whose titles hold a word.
    #[must_use]
    pub fn count(&self, word: u32) -> u32 {
        self.total.get(place_of(word)).copied().unwrap_or(0)
    }

    /// How much a word says: 1 for one that no entry has, 0 for one that all have.
    #[must_use]
    pub fn weight(&self, word: u32) -> f64 {
        let entries = f64::from(self.entries.max(FEWEST)) + 1.0;
        let most = (entries / 0.5).ln();
        let unknown = UNKNOWN * f64::from(FEWEST.saturating_sub(self.entries)) / f64::from(FEWEST);
        ((entries / (f64::from(self.count(word)) + unknown + 0.5)).ln() / most).max(0.0)
    }
}

fn place_of(word: u32) -> usize {
    (word as usize) & (COUNTERS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_weigh_less_and_old_days_are_forgotten() {
        let mut rarity = Rarity::default();
        for n in 0..2_000 {
            drop(rarity.add(0, &[1, 100 + n]));
        }
        assert!(rarity.weight(1) < 0.2 && rarity.weight(100) > 0.8 && rarity.weight(9_999_999) > 0.99);
        drop(rarity.add(9 * DAY_MS, &[7]));
        assert_eq!((rarity.count(1), rarity.count(7), rarity.entries), (0, 1, 1));
        drop(rarity.add(0, &[1]));
        assert_eq!(rarity.count(1), 0, "what lies before the window is not counted");
    }

    #[test]
    fn what_is_taken_back_was_never_counted() {
        let mut rarity = Rarity::default();
        drop(rarity.add(0, &[1, 2]));
        drop(rarity.add(0, &[1]));
        rarity.remove(0, &[1, 2]);
        assert_eq!((rarity.count(1), rarity.count(2), rarity.entries), (1, 0, 1));
    }
}
