//! What stored entries are compared by: their features, kept between two comparisons.
//!
//! Taking a text apart costs more than a comparison, and entries that come one after another are compared with the
//! same ones.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::read;
use crate::stories::{Compared, Features, MOST_COMPARED};

/// Entries whose features are kept; each takes some 30 KB at most.
const MOST_CACHED: usize = 256;

/// Features of entries that were compared lately, the oldest first out.
#[derive(Debug, Default)]
pub(super) struct FeatureCache {
    by_row: HashMap<i64, Arc<Features>>,
    order: VecDeque<i64>,
}

impl FeatureCache {
    pub(super) fn put(&mut self, row: i64, features: Arc<Features>) {
        if self.by_row.insert(row, features).is_some() {
            return;
        }
        self.order.push_back(row);
        if self.order.len() > MOST_CACHED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_row.remove(&oldest);
        }
    }

    /// Drops the features of an entry whose words changed.
    pub(super) fn remove(&mut self, row: i64) {
        if self.by_row.remove(&row).is_some() {
            self.order.retain(|cached| *cached != row);
        }
    }

    pub(super) fn clear(&mut self) {
        self.by_row.clear();
        self.order.clear();
    }

    /// A stored entry; `None` where it is gone, is beyond the limits of its story, or was split off by hand.
    pub(super) fn entry(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<Option<Compared>> {
        let story: Option<i64> = connection
            .prepare_cached(
                "SELECT coalesce(story, row) FROM entries WHERE row = ?1 AND split = 0 AND surplus = 0 AND pruned = 0",
            )?
            .query_row([row], |r| r.get(0))
            .optional()?;
        let Some(story) = story else { return Ok(None) };
        Ok(Some(Compared { row, story, features: self.features(connection, row)? }))
    }

    /// Some members of a story: the first, and the newest of the others.
    pub(super) fn of_story(&mut self, connection: &Connection, story: i64) -> rusqlite::Result<Vec<Compared>> {
        let mut select = connection.prepare_cached(
            "SELECT row FROM entries INDEXED BY members_of_story
             WHERE story = ?1 AND row != ?1 AND split = 0 AND surplus = 0 ORDER BY row DESC LIMIT ?2",
        )?;
        let newest = select
            .query_map(params![story, MOST_COMPARED - 1], |r| r.get::<_, i64>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::with_capacity(newest.len() + 1);
        for row in [story].into_iter().chain(newest.into_iter().rev()) {
            found.extend(self.entry(connection, row)?);
        }
        Ok(found)
    }

    fn features(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<Arc<Features>> {
        if let Some(features) = self.by_row.get(&row) {
            return Ok(features.clone());
        }
        let stored = connection
            .prepare_cached(
                "SELECT row, river_id, source, first_seen, changed_at, sort, data, stamp FROM entries WHERE row = ?1",
            )?
            .query_row([row], read::entry)?;
        let features = Features::of(stored.source.as_str(), &stored.entry, stored.first_seen.timestamp_millis());
        let features = Arc::new(features);
        self.put(row, features.clone());
        Ok(features)
    }
}
