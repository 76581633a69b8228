//! The entries worth judging: a locality-sensitive index over a few digests of each entry.
//!
//! Each entry has eight keys: its title whole and by its beginning, two digests of title pairs, three
//! of the beginning of its body, and its link. Entries that share a key are candidates. Memory per
//! entry is [`Index::bytes_per_entry`]; a lookup walks eight chains whose length does not depend on
//! how many entries there are.

use std::collections::HashMap;

use super::WINDOW_MS;
use super::features::{Features, Time, digest};

/// Keys of one entry.
const KEYS: usize = 8;

/// Characters of the beginning of a title that make a key: cut titles keep theirs.
const BEGINNING: usize = 8;

/// Characters of the beginning of a body that make keys.
const LEAD: usize = 60;

/// Entries under one key that are looked at, newest first; a key with more says little.
const MOST_IN_CHAIN: usize = 64;

/// Steps along one chain at most, entries of other keys included.
const MOST_STEPS: usize = 512;

/// Candidates that are worth a judgement.
const MOST_CANDIDATES: usize = 24;

/// Candidates that share one key alone: most do so by chance.
const MOST_BY_ONE_KEY: usize = 12;

/// Candidates with the same keys, whatever these are.
const MOST_ALIKE: usize = 2;

/// The date of an entry that has none.
const UNDATED: i32 = i32::MIN;

/// The end of a chain.
const END: u32 = u32::MAX;

/// The keys of one entry; zero is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signature([u32; KEYS]);

impl Signature {
    /// The keys of an entry with these features.
    #[must_use]
    pub fn of(features: &Features) -> Self {
        let title = &features.title;
        let lead = &features.text[..features.text.len().min(LEAD)];
        let pairs = |seed: u32| features.pairs.iter().map(|&(a, b)| digest(&[a, b], seed)).min();
        let both = |seed: u32| pairs(seed).zip(pairs(seed + 1)).map(|(x, y)| x ^ y.rotate_left(16));
        let shingle = |seed: u32| lead.windows(5).map(|shingle| digest(shingle, seed)).min();
        let keys = [
            (title.len() >= 4 && !features.is_cut).then(|| digest(title, 1)),
            (title.len() >= BEGINNING).then(|| digest(&title[..BEGINNING], 2)),
            both(11).filter(|_| title.len() >= 6),
            both(21).filter(|_| title.len() >= 6),
            shingle(31),
            shingle(32),
            shingle(33),
            features.link.as_ref().map(|link| digest(&link.chars().collect::<Vec<_>>(), 3)),
        ];
        // The number of the key is part of it, so that kinds do not meet.
        let mut signature = Self::default();
        for (place, (slot, key)) in signature.0.iter_mut().zip(keys).enumerate() {
            let kind = u32::try_from(place).unwrap_or_default().wrapping_mul(0x9e37_79b1);
            *slot = key.map_or(0, |key| (key ^ kind).max(1));
        }
        signature
    }

    /// The keys as the store keeps them.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|key| key.to_le_bytes()).collect()
    }

    /// Reads what [`Signature::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (keys, rest) = bytes.as_chunks::<4>();
        let keys: [[u8; 4]; KEYS] = keys.try_into().ok().filter(|_| rest.is_empty())?;
        Some(Self(keys.map(u32::from_le_bytes)))
    }
}

/// The entries of the window by their keys.
#[derive(Debug, Default)]
pub struct Index {
    /// The row of each entry.
    rows: Vec<u32>,
    /// The date of each entry, minutes since 1970; [`UNDATED`] where it has none.
    dated: Vec<i32>,
    /// When each was first seen, minutes since 1970: what is remembered is decided by this, since
    /// archives bring old entries late.
    seen: Vec<i32>,
    keys: Vec<[u32; KEYS]>,
    /// The next posting in the chain of each posting; a posting is `entry * KEYS + key`.
    next: Vec<[u32; KEYS]>,
    /// The first posting of each chain; a power of two.
    heads: Vec<u32>,
    newest: i32,
}

/// How long an entry is remembered after it was first seen, minutes: the window and a day.
const REMEMBERED: i32 = 8 * 24 * 60;

impl Index {
    /// Adds an entry.
    pub fn insert(&mut self, row: i64, time: Time, signature: Signature) {
        let (Ok(row), Ok(entry)) = (u32::try_from(row), u32::try_from(self.rows.len())) else { return };
        let seen = minute(time.seen);
        self.rows.push(row);
        self.dated.push(time.dated.map_or(UNDATED, minute));
        self.seen.push(seen);
        self.keys.push(signature.0);
        self.next.push([END; KEYS]);
        self.newest = self.newest.max(seen);
        // Eight postings to a chain at most, on the average.
        if self.rows.len() * KEYS > self.heads.len() * 8 {
            self.forget_and_rebuild();
        } else {
            self.link(entry);
        }
    }

    /// Rows of entries that may tell the same news, the most alike first.
    #[must_use]
    pub fn candidates(&self, time: Time, signature: Signature) -> Vec<i64> {
        let (dated, seen) = (time.dated.map_or(UNDATED, minute), minute(time.seen));
        let window = i32::try_from(WINDOW_MS / 60_000).unwrap_or(i32::MAX);
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for key in signature.0.into_iter().filter(|key| *key != 0) {
            let mut met = 0;
            for posting in self.chain(key).take(MOST_STEPS) {
                let (entry, place) = (posting as usize / KEYS, posting as usize % KEYS);
                if self.keys[entry][place] == key && self.apart(entry, dated, seen) <= window {
                    *shared.entry(entry).or_default() += 1;
                    met += 1;
                    if met == MOST_IN_CHAIN {
                        break;
                    }
                }
            }
        }
        let mut found: Vec<(usize, u32, usize)> =
            shared.into_iter().map(|(entry, count)| (count, self.rows[entry], entry)).collect();
        found.sort_by_key(|&(count, row, _)| (std::cmp::Reverse(count), row));
        // A portal that says one thing many times takes no more places than one that says it twice.
        let mut alike: HashMap<[u32; KEYS], usize> = HashMap::new();
        found.retain(|&(_, _, entry)| {
            let met = alike.entry(self.keys[entry]).or_default();
            *met += 1;
            *met <= MOST_ALIKE
        });
        let by_chance = found.iter().position(|(count, ..)| *count < 2).unwrap_or(found.len());
        found.truncate(MOST_CANDIDATES.min(by_chance.max(MOST_BY_ONE_KEY)));
        found.into_iter().map(|(_, row, _)| i64::from(row)).collect()
    }

    /// Entries in the index.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Memory that one entry takes, bytes.
    #[must_use]
    pub fn bytes_per_entry(&self) -> f64 {
        let each = size_of::<u32>() + 2 * size_of::<i32>() + 2 * size_of::<[u32; KEYS]>();
        each as f64 + (self.heads.len() * size_of::<u32>()) as f64 / self.rows.len().max(1) as f64
    }

    /// Minutes between an entry and a time, as [`Time::apart`] has it.
    fn apart(&self, entry: usize, dated: i32, seen: i32) -> i32 {
        if self.dated[entry] == UNDATED || dated == UNDATED {
            (self.seen[entry] - seen).abs()
        } else {
            (self.dated[entry] - dated).abs()
        }
    }

    fn chain(&self, key: u32) -> impl Iterator<Item = u32> {
        let first = if self.heads.is_empty() { END } else { self.heads[self.place_of(key)] };
        std::iter::successors(Some(first).filter(|posting| *posting != END), |&posting| {
            let next = self.next[posting as usize / KEYS][posting as usize % KEYS];
            Some(next).filter(|posting| *posting != END)
        })
    }

    fn place_of(&self, key: u32) -> usize {
        (key.wrapping_mul(0x9e37_79b1) as usize ^ (key >> 15) as usize) & (self.heads.len() - 1)
    }

    fn link(&mut self, entry: u32) {
        for place in 0..KEYS {
            let key = self.keys[entry as usize][place];
            if key != 0 {
                let chain = self.place_of(key);
                self.next[entry as usize][place] = self.heads[chain];
                self.heads[chain] = entry * KEYS as u32 + place as u32;
            }
        }
    }

    /// Drops what has left the window, and spreads the rest over more chains where it needs them.
    fn forget_and_rebuild(&mut self) {
        let oldest = self.newest.saturating_sub(REMEMBERED);
        let kept: Vec<bool> = self.seen.iter().map(|seen| *seen >= oldest).collect();
        retain(&mut self.rows, &kept);
        retain(&mut self.keys, &kept);
        retain(&mut self.dated, &kept);
        retain(&mut self.seen, &kept);
        self.next.clear();
        self.next.resize(self.rows.len(), [END; KEYS]);
        self.heads.clear();
        self.heads.resize((self.rows.len() * KEYS / 4).next_power_of_two().max(64), END);
        for entry in 0..self.rows.len() {
            self.link(u32::try_from(entry).unwrap_or(END));
        }
    }
}

fn retain<T>(list: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    list.retain(|_| *kept.next().unwrap_or(&false));
}

fn minute(moment: i64) -> i32 {
    i32::try_from(moment.div_euclid(60_000)).unwrap_or(if moment < 0 { i32::MIN / 2 } else { i32::MAX / 2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::entry::Entry;

    fn features(n: usize) -> Features {
        let words =
            ["园区", "企业", "调研", "投资", "项目", "建设", "水库", "高铁", "芯片", "电池", "夜市", "春茶", "渔民"];
        let word = |k: usize| words[(n / 13_usize.pow(k as u32) + n * (k + 3)) % 13];
        let entry = Entry {
            title: format!("{}{}第{n}号{}{}", word(0), word(1), word(2), word(3)),
            content_html: Some(format!("{}的{}在第{n}天有了新的{}和{}消息", word(2), word(0), word(4), word(5)).into()),
            ..Entry::default()
        };
        Features::of("s", &entry, (n as i64) * 1000)
    }

    #[test]
    fn an_entry_finds_itself_among_many_and_little_else() {
        let mut index = Index::default();
        let all: Vec<Features> = (0..5_000).map(features).collect();
        for (n, features) in all.iter().enumerate() {
            index.insert(n as i64, features.time, Signature::of(features));
        }
        for (n, features) in all.iter().enumerate().step_by(97) {
            let found = index.candidates(features.time, Signature::of(features));
            assert_eq!(found.first(), Some(&(n as i64)), "{n}");
            assert!(found.len() <= MOST_CANDIDATES);
        }
        assert!(index.bytes_per_entry() < 100.0, "{}", index.bytes_per_entry());
    }

    #[test]
    fn what_left_the_window_is_forgotten_in_time() {
        let mut index = Index::default();
        let at = |n: i64| Time { dated: Some(n * WINDOW_MS / 100), seen: n * WINDOW_MS / 100 };
        for n in 0..20_000_i64 {
            index.insert(n, at(n), Signature::of(&features(n as usize)));
        }
        assert!(index.len() < 1_000, "{}", index.len());
        let (old, new) = (features(10), features(19_999));
        assert!(!index.candidates(at(10), Signature::of(&old)).contains(&10));
        assert!(index.candidates(at(19_999), Signature::of(&new)).contains(&19_999));
    }

    #[test]
    fn signatures_survive_the_store() {
        let signature = Signature::of(&features(7));
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), Some(signature));
        assert_eq!(Signature::from_bytes(b"short"), None);
    }
}
