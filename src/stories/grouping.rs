//! Stories in memory, put together as the store does: for measuring and for properties.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use super::belonging::{Compared, Join, MOST_COMPARED, belonging};
use super::features::Features;
use super::index::{Index, Signature};
use super::rarity::Rarity;

/// Entries in the order of their arrival, and their stories.
#[derive(Debug, Default)]
pub struct Grouping {
    index: Index,
    rarity: Rarity,
    entries: Vec<Arc<Features>>,
    /// The story of each entry, named by its first entry.
    story: Vec<usize>,
    members: HashMap<usize, Vec<usize>>,
}

impl Grouping {
    /// Adds an entry; the stories that it was joined to.
    pub fn add(&mut self, features: Features) -> Vec<Join> {
        let new = self.entries.len();
        let words: Vec<u32> = features.words.keys().collect();
        drop(self.rarity.add(features.time.seen, &words));
        let signature = Signature::of(&features, &self.rarity);
        let found = self.index.candidates(features.time, &signature, &self.rarity);
        let candidates: Vec<Compared> =
            found.into_iter().filter_map(|row| usize::try_from(row).ok()).map(|n| self.member(n)).collect();
        let members = |story: i64| -> Result<Vec<Compared>, Infallible> {
            let all = usize::try_from(story).ok().and_then(|story| self.members.get(&story));
            let (first, others) = all.and_then(|all| all.split_first()).map_or((None, &[][..]), |(f, o)| (Some(*f), o));
            let newest = &others[others.len().saturating_sub(MOST_COMPARED - 1)..];
            Ok(first.into_iter().chain(newest.iter().copied()).map(|n| self.member(n)).collect())
        };
        let joins = belonging(&features, &candidates, &self.rarity, members).unwrap_or_default();
        self.index.insert(i64::try_from(new).unwrap_or(i64::MAX), features.time, &signature);
        self.entries.push(Arc::new(features));
        self.story.push(new);
        self.members.insert(new, vec![new]);
        for join in &joins {
            self.unite(new, usize::try_from(join.row).unwrap_or(new));
        }
        joins
    }

    /// The story of an entry, by the numbers of arrival.
    #[must_use]
    pub fn story(&self, entry: usize) -> usize {
        self.story.get(entry).copied().unwrap_or(entry)
    }

    /// How rare words are by now.
    #[must_use]
    pub fn rarity(&self) -> &Rarity {
        &self.rarity
    }

    /// The features of an entry.
    #[must_use]
    pub fn features(&self, entry: usize) -> Option<&Features> {
        self.entries.get(entry).map(Arc::as_ref)
    }

    fn member(&self, n: usize) -> Compared {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Compared { row: number(n), story: number(self.story[n]), features: self.entries[n].clone() }
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.story[a], self.story[b]);
        if a == b {
            return;
        }
        let moved = self.members.remove(&a.max(b)).unwrap_or_default();
        for &entry in &moved {
            self.story[entry] = a.min(b);
        }
        let all = self.members.entry(a.min(b)).or_default();
        all.extend(moved);
        all.sort_unstable();
    }
}
