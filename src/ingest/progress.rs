//! How far a document is decided on; which of its entries are a backlog, and where new ones stand in the river.

use std::collections::HashSet;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::document::PollCommit;
use super::known::Beginning;
use super::prepare::Prepared;
use crate::identity::Matcher;
use crate::model::entry::Entry;
use crate::model::report::Counts;

/// Entries of a new source's first document that come up as new, unless feeds.toml says.
const INITIAL: usize = 50;

/// How long a river is young.
const YOUNG: TimeDelta = TimeDelta::hours(1);

/// How far a document is decided on, and what was known of its source before.
#[derive(Debug)]
pub struct Progress {
    pub(super) matcher: Matcher,
    pub(super) backlog: HashSet<usize>,
    /// The place of the entry that is decided on next.
    pub(super) next: usize,
    /// What became of the entries so far.
    pub counts: Counts,
    /// New entries beyond the limits of their stories.
    pub surplus: usize,
    /// What was known before the first entry.
    pub beginning: Beginning,
}

impl Progress {
    /// Looks at a document before its first entry is decided on.
    #[must_use]
    pub fn begin(poll: &PollCommit, beginning: Beginning) -> Self {
        let entries = poll.document.as_ref().map_or(&[][..], |document| &document.entries);
        Self {
            matcher: Matcher::new(entries.iter().map(Prepared::keys)),
            backlog: backlog(poll, entries, &beginning),
            next: 0,
            counts: Counts::default(),
            surplus: 0,
            beginning,
        }
    }

    /// Whether every entry of the document is decided on.
    #[must_use]
    pub fn is_done(&self, poll: &PollCommit) -> bool {
        poll.document.as_ref().is_none_or(|document| self.next >= document.entries.len())
    }
}

/// Which entries of a source's first document are there to be found and not to be told as news: all but
/// the newest few, by their places in the document.
fn backlog(poll: &PollCommit, entries: &[Prepared], beginning: &Beginning) -> HashSet<usize> {
    let now = poll.started_at.timestamp_millis();
    // Nobody has read a young river yet, and nothing can drown in it.
    let is_young = beginning.river_began.is_none_or(|first| now - first < YOUNG.num_milliseconds());
    let initial = match poll.initial {
        Some(initial) => initial,
        None if is_young => return HashSet::new(),
        None => INITIAL,
    };
    if entries.len() <= initial || beginning.has_entries || beginning.has_succeeded {
        return HashSet::new();
    }
    let mut places: Vec<usize> = (0..entries.len()).collect();
    // The sort is stable: entries of one moment, and those without a date, stay in the document's order.
    places.sort_by_key(|place| std::cmp::Reverse(order(poll.started_at, &entries[*place].entry, *place)));
    places.split_off(initial).into_iter().collect()
}

/// Where an entry that is seen for the first time stands in the river: by its date, but never in the
/// future. Undated ones keep the order of their document, each a second behind the one before.
pub(super) fn order(now: DateTime<Utc>, entry: &Entry, place: usize) -> DateTime<Utc> {
    let seen = now.trunc_subsecs(0);
    let in_order =
        i64::try_from(place).ok().and_then(|n| seen.checked_sub_signed(TimeDelta::seconds(n))).unwrap_or(seen);
    entry.dated().map_or(in_order, |date| date.to_utc().min(seen))
}
