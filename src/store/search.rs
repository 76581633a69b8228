//! The full-text index: what it holds is made by `search`, and it can be made again from the entries.

use rusqlite::{Connection, OptionalExtension, params};

use super::members::told;
use super::read;
use super::river::MOST_BYTES;
use super::{Selection, Store, StoreError};
use crate::clean;
use crate::model::entry::{Entry, StoredEntry};
use crate::search::{Query, indexed};

/// Changes whenever texts are indexed in another way; the index is then made anew.
const INDEXING: &str = "2";

/// Entries that are looked at for one page at most, so that no query costs more than a glance.
const MOST_LOOKED_AT: usize = 5_000;

/// Entries that are indexed in one step of a rebuild.
const STEP: i64 = 2_000;

/// A page of what was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The stories, those with the newest arrival first.
    pub stories: Vec<StoredEntry>,
    /// Where the next page begins, if there may be one.
    pub next: Option<i64>,
}

impl Store {
    /// Stories that answer `query`, from the entry `before` on.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn search(
        &self,
        query: &Query,
        selection: &Selection,
        publishes: &dyn Fn(&StoredEntry) -> bool,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Found, StoreError> {
        let priorities = self.priorities();
        self.reading(|connection| {
            let columns = "e.row, e.river_id, e.source, e.first_seen, e.changed_at, e.sort, e.data, e.stamp, coalesce(e.story, e.row)";
            let expression = query.expression();
            let sql = match &expression {
                Some(_) => format!(
                    "SELECT {columns} FROM search s JOIN entries e ON e.row = s.rowid
                     WHERE search MATCH ?1 AND s.rowid < ?2 AND e.pruned = 0 ORDER BY s.rowid DESC"
                ),
                None => format!(
                    "SELECT {columns} FROM entries e WHERE ?1 IS NULL AND e.row < ?2 AND e.pruned = 0 AND e.surplus = 0 ORDER BY e.row DESC"
                ),
            };
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query(params![expression, before.unwrap_or(i64::MAX)])?;
            let (mut found, mut shown) = (Found::default(), Vec::new());
            let (mut looked_at, mut bytes) = (0, 0);
            while let Some(row) = rows.next()? {
                let (stored, story): (StoredEntry, i64) = (read::entry(row)?, row.get(8)?);
                looked_at += 1;
                if is_of(&stored, selection) && query.holds(&stored) && publishes(&stored) && !shown.contains(&story) {
                    if shown.len() == limit || bytes > MOST_BYTES {
                        return Ok(found);
                    }
                    shown.push(story);
                    let told = told(connection, story, publishes, &priorities)?;
                    bytes += told.as_ref().map_or(0, StoredEntry::body_len);
                    found.stories.extend(told);
                }
                found.next = Some(stored.row);
                if looked_at >= MOST_LOOKED_AT {
                    return Ok(found);
                }
            }
            found.next = None;
            Ok(found)
        })
    }
}

fn is_of(stored: &StoredEntry, selection: &Selection) -> bool {
    match selection {
        Selection::All => true,
        Selection::Sources(ids) => ids.contains(&stored.source),
        Selection::Tag(tag) => stored.entry.tags.contains(tag),
    }
}

/// Puts an entry into the index, in place of what it was before.
pub(super) fn put(connection: &Connection, row: i64, entry: &Entry) -> rusqlite::Result<()> {
    let text = clean::text_of(entry).unwrap_or_default();
    connection
        .prepare_cached("INSERT OR REPLACE INTO search (rowid, words) VALUES (?1, ?2)")?
        .execute(params![row, indexed(&entry.title, &text)])
        .map(drop)
}

/// Makes the index of a store that has none, or one made in another way.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    let made: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE key = 'search'", [], |row| row.get(0)).optional()?;
    if made.as_deref() == Some(INDEXING) {
        return Ok(());
    }
    let newest: i64 = connection.query_row("SELECT coalesce(max(row), 0) FROM entries", [], |row| row.get(0))?;
    if newest > STEP {
        tracing::info!(entries = newest, "the index for search is made; this is done once");
    }
    let transaction = connection.transaction()?;
    transaction.execute("INSERT INTO search (search) VALUES ('delete-all')", [])?;
    transaction.commit()?;
    let mut from = 0;
    while from < newest {
        let transaction = connection.transaction()?;
        {
            let mut select = transaction.prepare_cached(
                "SELECT row, data FROM entries WHERE row > ?1 AND row <= ?2 AND pruned = 0 AND surplus = 0",
            )?;
            let mut rows = select.query([from, from + STEP])?;
            while let Some(row) = rows.next()? {
                let (place, data): (i64, String) = (row.get(0)?, row.get(1)?);
                put(&transaction, place, &serde_json::from_str(&data).unwrap_or_default())?;
            }
        }
        transaction.commit()?;
        from += STEP;
    }
    connection
        .execute(
            "INSERT INTO meta (key, value) VALUES ('search', ?1) ON CONFLICT DO UPDATE SET value = excluded.value",
            [INDEXING],
        )
        .map(drop)
}
