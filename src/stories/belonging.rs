//! To which stories an entry belongs: it must agree with a story as a whole, not with one telling of it.
//!
//! A telling that resembles one member and none of the others would make chains: news that drifts from
//! one event to the next, or two stories joined by a text that holds both. So the entry is compared
//! with the tellings of a story, each source counted once, and with the first of them, whose news the
//! story is. Two stories become one only where their tellings agree with each other in the same way.
//!
//! What two titles alone leave open, the tellings of a story decide: an entry that resembles those of several
//! sources joins them although no one resembles it enough. That makes the order of arrival matter less, since the
//! tellings that come later bear out the ones before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::evidence::{BORNE_OUT, Judgement, judge};
use super::features::Features;
use super::rarity::Rarity;

/// How much an entry must agree with the tellings of a story on the average.
const COHESION: f64 = 0.7;

/// How much the tellings of two stories must agree that an entry joins.
const COHESION_OF_STORIES: f64 = 0.5;

/// How much two stories and an entry between them must agree on the average where the entry is not sure of both.
const BORNE_OUT_TOGETHER: f64 = 0.75;

/// Sources whose tellings bear out what two titles leave open.
const WITNESSES: usize = 2;

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
        if judgement.may_join && best.get(&candidate.story).is_none_or(better) {
            best.insert(candidate.story, Join { story: candidate.story, row: candidate.row, judgement });
        }
    }
    let mut stories: Vec<(i64, Join)> = best.into_iter().collect();
    stories.sort_by(|(a, x), (b, y)| y.judgement.score.total_cmp(&x.judgement.score).then(a.cmp(b)));
    stories.truncate(MOST_STORIES);
    let mut found = Vec::new();
    let mut own: Vec<Compared> = Vec::new();
    for (story, mut join) in stories {
        let tellings = members(story)?;
        let all: Vec<&Features> = tellings.iter().map(|telling| &*telling.features).collect();
        let of_own: Vec<&Features> = own.iter().map(|telling| &*telling.features).collect();
        let is_sure = join.judgement.joined;
        let with_new = Agreement::of(&[new], &all, rarity);
        let is_one =
            |needed: f64, agreement: &Agreement| agreement.with_first >= WITH_FIRST && agreement.mean >= needed;
        if !is_one(if is_sure { COHESION } else { 0.0 }, &with_new)
            || (!own.is_empty() && !is_one(COHESION_OF_STORIES, &Agreement::of(&of_own, &all, rarity)))
        {
            continue;
        }
        if !is_sure {
            // Nobody bears out what it tells itself, and one side must have several that do.
            let (witnesses, mean, needed) = if own.is_empty() {
                (sources_beside(&all, new), with_new.mean, BORNE_OUT)
            } else {
                let together = Agreement::of(&[&of_own[..], &[new]].concat(), &all, rarity);
                (sources_beside(&of_own, new) + 1, together.mean, BORNE_OUT_TOGETHER)
            };
            if witnesses < WITNESSES || mean < needed {
                continue;
            }
            join.judgement = join.judgement.borne_out(witnesses);
        }
        own.extend(tellings);
        found.push(join);
    }
    Ok(found)
}

/// How many other sources than that of `new` tell.
fn sources_beside(tellings: &[&Features], new: &Features) -> usize {
    let sources: BTreeSet<&str> = tellings.iter().map(|telling| telling.source.as_str()).collect();
    sources.iter().filter(|source| **source != new.source).count()
}

/// How far tellings agree with those of a story.
#[derive(Debug, Clone, Copy)]
struct Agreement {
    /// The first with the first.
    with_first: f64,
    /// On the average of the pairs of sources, each by the tellings of the two that agree most.
    mean: f64,
}

impl Agreement {
    fn of(tellings: &[&Features], others: &[&Features], rarity: &Rarity) -> Self {
        let mut best: BTreeMap<(&str, &str), f64> = BTreeMap::new();
        let mut with_first = None;
        for telling in tellings {
            for other in others {
                let score = judge(telling, other, rarity).score;
                with_first.get_or_insert(score);
                let known = best.entry((&telling.source, &other.source)).or_default();
                *known = known.max(score);
            }
        }
        let mean = if best.is_empty() { 1.0 } else { best.values().sum::<f64>() / best.len() as f64 };
        Self { with_first: with_first.unwrap_or(1.0), mean }
    }
}
