//! To which stories an entry belongs: it must agree with a story as a whole, not with one telling of it.
//!
//! A telling that resembles one member and none of the others would make chains: news that drifts from
//! one event to the next, or two stories joined by a text that holds both. So the entry is compared
//! with the tellings of a story, each source counted once, and with the first of them, whose news the
//! story is. Two stories become one only where their tellings agree with each other in the same way.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evidence::{Judgement, judge};
use super::features::Features;
use super::rarity::Rarity;

/// How much an entry must agree with the tellings of a story on the average.
const COHESION: f64 = 0.5;

/// How much it must agree with the first telling, whoever else tells the story by now.
const WITH_FIRST: f64 = 0.4;

/// Members of a story that an entry is compared with: the first, and the newest of the others.
pub const MOST_COMPARED: usize = 12;

/// Stories that an entry is compared with, the surest; what resembles more of them is made to.
const MOST_STORIES: usize = 8;

/// A stored entry with what it is compared by.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Its row in the store.
    pub row: i64,
    /// The story that it is in.
    pub story: i64,
    /// Its features.
    pub features: Arc<Features>,
}

/// A story that an entry is joined to.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// The story.
    pub story: i64,
    /// The row of the member that it resembles most.
    pub row: i64,
    /// The judgement of the two.
    pub judgement: Judgement,
}

/// The stories that an entry belongs to, the surest first: it joins the first, and the others become
/// one with that. `candidates` are the entries worth judging; `members` gives some tellings of a story,
/// the first of them first.
///
/// # Errors
/// Those of `members`.
pub fn belonging<E>(
    new: &Features,
    candidates: &[Compared],
    rarity: &Rarity,
    mut members: impl FnMut(i64) -> Result<Vec<Compared>, E>,
) -> Result<Vec<Join>, E> {
    let mut best: BTreeMap<i64, Join> = BTreeMap::new();
    for candidate in candidates {
        let judgement = judge(new, &candidate.features, rarity);
        let better = |known: &Join| (judgement.score, -candidate.row) > (known.judgement.score, -known.row);
        if judgement.joined && best.get(&candidate.story).is_none_or(better) {
            best.insert(candidate.story, Join { story: candidate.story, row: candidate.row, judgement });
        }
    }
    let mut stories: Vec<(i64, Join)> = best.into_iter().collect();
    stories.sort_by(|(a, x), (b, y)| y.judgement.score.total_cmp(&x.judgement.score).then(a.cmp(b)));
    stories.truncate(MOST_STORIES);
    let mut found = Vec::new();
    let mut own: Vec<Compared> = Vec::new();
    for (story, join) in stories {
        let tellings = members(story)?;
        let agrees = agrees(new, &tellings, rarity);
        if !agrees || (!found.is_empty() && !are_one(&own, &tellings, rarity)) {
            continue;
        }
        own.extend(tellings);
        found.push(join);
    }
    Ok(found)
}

/// Whether an entry agrees with a story as a whole.
fn agrees(new: &Features, tellings: &[Compared], rarity: &Rarity) -> bool {
    let scores: Vec<f64> = tellings.iter().map(|telling| judge(new, &telling.features, rarity).score).collect();
    let with_first = scores.first().copied().unwrap_or(1.0);
    with_first >= WITH_FIRST && by_source(tellings, &scores) >= COHESION
}

/// Whether the tellings of two stories agree with each other.
fn are_one(own: &[Compared], others: &[Compared], rarity: &Rarity) -> bool {
    let with_first = match (own.first(), others.first()) {
        (Some(a), Some(b)) => judge(&a.features, &b.features, rarity).score,
        _ => 1.0,
    };
    let of = |telling: &Compared| {
        let scores: Vec<f64> = others.iter().map(|o| judge(&telling.features, &o.features, rarity).score).collect();
        by_source(others, &scores)
    };
    let all: Vec<f64> = own.iter().map(of).collect();
    with_first >= WITH_FIRST && by_source(own, &all) >= COHESION
}

/// The average of scores over the sources of the tellings that they belong to.
fn by_source(tellings: &[Compared], scores: &[f64]) -> f64 {
    let mut best: BTreeMap<&str, f64> = BTreeMap::new();
    for (telling, score) in tellings.iter().zip(scores) {
        let known = best.entry(&telling.features.source).or_default();
        *known = known.max(*score);
    }
    if best.is_empty() { 1.0 } else { best.values().sum::<f64>() / best.len() as f64 }
}
