//! What is read to rank stories by how many outlets report them.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::{Store, StoreError};
use crate::model::entry::StoredEntry;
use crate::ranking::Report;

/// Entries that are looked at for one ranking at most.
const MOST_ENTRIES: usize = 100_000;

/// Stories whose reports are compared: those that most sources report.
const MOST_STORIES: usize = 400;

/// Reports of one story that are compared.
const MOST_REPORTS: i64 = 64;

/// A story with its reports.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// The row that leads it.
    pub story: i64,
    /// Its reports, each with its text.
    pub reports: Vec<Report>,
}

impl Store {
    /// When the newest entry was first seen, milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn newest_arrival(&self) -> Result<i64, StoreError> {
        self.reading(|connection| {
            connection.query_row(
                "SELECT coalesce((SELECT first_seen FROM entries ORDER BY row DESC LIMIT 1), 0)",
                [],
                |row| row.get(0),
            )
        })
    }

    /// The stories with an entry first seen after `since` and until `until` (milliseconds since 1970): those that most
    /// sources report, with their reports until then.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn reported(&self, since: i64, until: i64) -> Result<Vec<Ranked>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT coalesce(story, row), source, first_seen, surplus FROM entries WHERE pruned = 0 ORDER BY row DESC",
            )?;
            let mut rows = select.query([])?;
            let mut stories: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
            for _ in 0..MOST_ENTRIES {
                let Some(row) = rows.next()? else { break };
                let seen: i64 = row.get(2)?;
                if seen <= since {
                    break;
                }
                let is_surplus: bool = row.get(3)?;
                if seen <= until && !is_surplus {
                    stories.entry(row.get(0)?).or_default().insert(row.get(1)?);
                }
            }
            let mut most: Vec<(usize, i64)> = stories.iter().map(|(story, sources)| (sources.len(), *story)).collect();
            most.sort_unstable_by(|a, b| b.cmp(a));
            most.truncate(MOST_STORIES);
            let ranked =
                |(_, story): &(usize, i64)| Ok(Ranked { story: *story, reports: reports(connection, *story, until)? });
            most.iter().map(ranked).collect()
        })
    }

    /// The reports of stories, by the rows that lead them.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn reports_of(&self, stories: &[i64]) -> Result<Vec<Ranked>, StoreError> {
        self.reading(|connection| {
            stories
                .iter()
                .map(|story| Ok(Ranked { story: *story, reports: reports(connection, *story, i64::MAX)? }))
                .collect()
        })
    }
}

fn reports(connection: &Connection, story: i64, until: i64) -> rusqlite::Result<Vec<Report>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {} FROM entries INDEXED BY members_of_story
         WHERE story = ?1 AND pruned = 0 AND surplus = 0 AND first_seen <= ?2 ORDER BY row LIMIT ?3",
        super::read::ENTRY_COLUMNS
    ))?;
    let entries = select.query_map(params![story, until, MOST_REPORTS], super::read::entry)?;
    entries.map(|stored| stored.map(|stored| report(&stored))).collect()
}

fn report(stored: &StoredEntry) -> Report {
    let entry = &stored.entry;
    Report {
        source: stored.source.to_string(),
        seen: stored.first_seen.timestamp_millis(),
        dated: stored.order.timestamp_millis(),
        title: entry.title_original.clone().unwrap_or_else(|| entry.title.clone()),
        url: entry.url.clone(),
        text: crate::clean::text_of(entry).unwrap_or_default(),
    }
}
