//! The entries worth judging: an index over the rarest words of titles, and a few digests of bodies.
//!
//! Each entry has eight keys: the five rarest words of its title as they were when it came, the title
//! itself, one of the beginning of its body, and its link. Looked up are all words of a title that are not common, so an
//! entry is found by any word that is rare in either. Memory per entry is [`Index::bytes_per_entry`]; a
//! lookup walks chains whose length does not depend on how many entries there are.

use std::collections::HashMap;

use super::WINDOW_MS;
use super::features::{Features, Time};
use super::letters::digest;
use super::rarity::Rarity;

/// Keys of one entry.
const KEYS: usize = 8;

/// Keys that are words of the title.
const WORDS: usize = 5;

/// Entries under one key that are looked at, newest first; a key with more says little.
const MOST_IN_CHAIN: usize = 64;

/// Steps along one chain at most, entries of other keys included.
const MOST_STEPS: usize = 512;

/// Titles that may hold a word that is still looked up.
const COMMON: u32 = 400;

/// Words of one title that are looked up at most, the rarest.
const MOST_WORDS: usize = 24;

/// Candidates that are worth a judgement.
const MOST_CANDIDATES: usize = 24;

/// What a candidate must share, in rare words of the title; the title, a body or a link counts as two.
const LEAST_SHARED: f64 = 0.7;
const BODY_OR_LINK: f64 = 2.0;

/// Entries that may share a key before it says less of each.
const FEW: f64 = 12.0;

/// Candidates with the same keys, whatever these are.
const MOST_ALIKE: usize = 2;

/// The date of an entry that has none.
const UNDATED: i32 = i32::MIN;

/// The end of a chain.
const END: u32 = u32::MAX;

/// How a stored signature begins; those of other versions have none of it, or words in another form.
const VERSION: u32 = 3;

/// What an entry is found by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// The keys; zero is none.
    keys: [u32; KEYS],
    /// Digests of all words of the title.
    words: Vec<u32>,
}

impl Signature {
    /// What an entry with these features is found by, given how rare words are now.
    #[must_use]
    pub fn of(features: &Features, rarity: &Rarity) -> Self {
        let shingle = features.opening.windows(5).map(|shingle| digest(shingle, 31)).min();
        let words: Vec<u32> = features.words.keys().collect();
        let mut rarest: Vec<(u32, u32)> = words.iter().map(|word| (rarity.count(*word), *word)).collect();
        rarest.sort_unstable();
        let link = features.link.as_ref().map(|link| digest(&link.chars().collect::<Vec<_>>(), 3));
        let mut keys = [0; KEYS];
        for (slot, (_, word)) in keys.iter_mut().zip(rarest.into_iter().take(WORDS)) {
            *slot = key(Kind::Word, word);
        }
        let title = (!features.is_cut && features.title.len() >= 4).then(|| digest(&features.title, 1));
        let others = [(Kind::Title, title), (Kind::Lead, shingle), (Kind::Link, link)];
        for (slot, (kind, digest)) in keys[WORDS..].iter_mut().zip(others) {
            *slot = digest.map_or(0, |digest| key(kind, digest));
        }
        Self { keys, words }
    }

    /// The digests of the words of the title.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The signature as the store keeps it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let all = [VERSION].into_iter().chain(self.keys).chain(self.words.iter().copied());
        all.flat_map(u32::to_le_bytes).collect()
    }

    /// Reads what [`Signature::to_bytes`] wrote; `None` for what an earlier version did.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<u32> = numbers.iter().map(|number| u32::from_le_bytes(*number)).collect();
        let (version, rest_of) = numbers.split_first().filter(|_| rest.is_empty())?;
        let (keys, words) = rest_of.split_at_checked(KEYS).filter(|_| *version == VERSION)?;
        Some(Self { keys: keys.try_into().ok()?, words: words.to_vec() })
    }
}

/// Kinds of keys, which do not meet.
#[derive(Clone, Copy)]
enum Kind {
    Word = 1,
    Lead = 2,
    Link = 3,
    Title = 4,
}

fn key(kind: Kind, digest: u32) -> u32 {
    (digest ^ (kind as u32).wrapping_mul(0x9e37_79b1)).max(1)
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
    pub fn insert(&mut self, row: i64, time: Time, signature: &Signature) {
        let (Ok(row), Ok(entry)) = (u32::try_from(row), u32::try_from(self.rows.len())) else { return };
        let seen = minute(time.seen);
        self.rows.push(row);
        self.dated.push(time.dated.map_or(UNDATED, minute));
        self.seen.push(seen);
        self.keys.push(signature.keys);
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
    pub fn candidates(&self, time: Time, signature: &Signature, rarity: &Rarity) -> Vec<i64> {
        let (dated, seen) = (time.dated.map_or(UNDATED, minute), minute(time.seen));
        let window = i32::try_from(WINDOW_MS / 60_000).unwrap_or(i32::MAX);
        let mut shared: Vec<(u32, f64)> = Vec::new();
        for (key, weight) in wanted(signature, rarity) {
            let is_it = |posting: &u32| {
                let (entry, place) = (*posting as usize / KEYS, *posting as usize % KEYS);
                self.keys[entry][place] == key && self.apart(entry, dated, seen) <= window
            };
            let met: Vec<u32> = self.chain(key).take(MOST_STEPS).filter(is_it).take(MOST_IN_CHAIN).collect();
            // What many begin with says little of each.
            let weight = weight * (FEW / met.len() as f64).min(1.0);
            shared.extend(met.into_iter().map(|posting| (posting / KEYS as u32, weight)));
        }
        // The sort is stable, so that what an entry shares is added up in the order of the keys.
        shared.sort_by_key(|(entry, _)| *entry);
        let mut found: Vec<(f64, u32, usize)> = (shared.chunk_by(|(a, _), (b, _)| a == b))
            .map(|of_entry| (of_entry.iter().map(|(_, weight)| weight).sum::<f64>(), of_entry[0].0 as usize))
            .filter(|(weight, _)| *weight >= LEAST_SHARED)
            .map(|(weight, entry)| (weight, self.rows[entry], entry))
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        // A portal that says one thing many times takes no more places than one that says it twice.
        let mut alike: HashMap<[u32; KEYS], usize> = HashMap::new();
        found.retain(|&(_, _, entry)| {
            let met = alike.entry(self.keys[entry]).or_default();
            *met += 1;
            *met <= MOST_ALIKE
        });
        found.truncate(MOST_CANDIDATES);
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

/// The keys that an entry is looked up by, with what each says.
fn wanted(signature: &Signature, rarity: &Rarity) -> Vec<(u32, f64)> {
    let mut words: Vec<(u32, u32)> = signature.words.iter().map(|word| (rarity.count(*word), *word)).collect();
    words.sort_unstable();
    // The rarest are looked up however common they are.
    let rare = words.iter().take_while(|(count, _)| *count <= COMMON).count();
    words.truncate(rare.clamp(WORDS.min(words.len()), MOST_WORDS));
    let words = words.into_iter().map(|(_, word)| (key(Kind::Word, word), rarity.weight(word)));
    let others = signature.keys[WORDS..].iter().filter(|key| **key != 0).map(|key| (*key, BODY_OR_LINK));
    words.chain(others).collect()
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
        let (mut index, mut rarity) = (Index::default(), Rarity::default());
        let all: Vec<Features> = (0..5_000).map(features).collect();
        for (n, features) in all.iter().enumerate() {
            let signature = Signature::of(features, &rarity);
            drop(rarity.add(features.time.seen, signature.words()));
            index.insert(n as i64, features.time, &signature);
        }
        for (n, features) in all.iter().enumerate().step_by(97) {
            let found = index.candidates(features.time, &Signature::of(features, &rarity), &rarity);
            assert!(found.contains(&(n as i64)), "{n}");
            assert!(found.len() <= MOST_CANDIDATES);
        }
        assert!(index.bytes_per_entry() < 100.0, "{}", index.bytes_per_entry());
    }

    #[test]
    fn what_left_the_window_is_forgotten_in_time() {
        let (mut index, rarity) = (Index::default(), Rarity::default());
        let at = |n: i64| Time { dated: Some(n * WINDOW_MS / 100), seen: n * WINDOW_MS / 100 };
        for n in 0..20_000_i64 {
            index.insert(n, at(n), &Signature::of(&features(n as usize), &rarity));
        }
        assert!(index.len() < 1_000, "{}", index.len());
        let (old, new) = (features(10), features(19_999));
        assert!(!index.candidates(at(10), &Signature::of(&old, &rarity), &rarity).contains(&10));
        assert!(index.candidates(at(19_999), &Signature::of(&new, &rarity), &rarity).contains(&19_999));
    }

    #[test]
    fn signatures_survive_the_store() {
        let signature = Signature::of(&features(7), &Rarity::default());
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), Some(signature));
        assert_eq!(Signature::from_bytes(b"short"), None);
        assert_eq!(Signature::from_bytes(&[0; 32]), None, "eight keys without words, of an earlier version");
    }
}
