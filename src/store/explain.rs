//! How one entry came to be, as the store remembers it; and the user's word against a join.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;

use super::codec::unpack;
use super::members;
use super::read::{ENTRY_COLUMNS, entry};
use super::{Store, StoreError, apply, changes, search};
use crate::clean::canonical_link;
use crate::identity::digest;
use crate::ingest::MOST_MEMBERS;
use crate::model::cleaning::Firing;
use crate::model::entry::StoredEntry;
use crate::model::feed::RawEntry;
use crate::model::source::Priorities;
use crate::stories::Judgement;

/// Everything that the store knows of one entry.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The entry as it is now.
    pub entry: StoredEntry,
    /// What its publisher sent.
    pub original: RawEntry,
    /// What cleaning did.
    pub fired: Vec<Firing>,
    /// Whether the user took it out of its story.
    pub is_split: bool,
    /// The id of the story in the river.
    pub story: String,
    /// The other members of the story.
    pub others: Vec<StoredEntry>,
    /// Whether the entry is beyond the limits of its story: kept, and not shown.
    pub is_surplus: bool,
    /// How many entries are kept beyond the limits of the story.
    pub surplus: u64,
    /// Why entries of the story were joined.
    pub joins: Vec<Join>,
}

/// One pair that was joined.
#[derive(Debug, Clone, Serialize)]
pub struct Join {
    /// The id of the entry that came later.
    pub entry: String,
    /// The id of the entry it was compared with.
    pub other: String,
    /// The evidence.
    #[serde(flatten)]
    pub judgement: Judgement,
}

impl Store {
    /// Explains the entry that `name` names: its id in the river, its row, its link or its publisher's
    /// id; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn explain(&self, name: &str) -> Result<Option<Explanation>, StoreError> {
        self.reading(|connection| find(connection, name)?.map(|row| explain(connection, row)).transpose())
    }

    /// Takes an entry out of its story for good; the ids of the entry and of the story it left, or
    /// `None` where there is no such entry.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn split(&self, name: &str, now: DateTime<Utc>) -> Result<Option<(String, String)>, StoreError> {
        let mut connection = self.writing()?;
        split(&mut connection, name, now, &self.priorities())
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }
}

pub(super) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let by_id =
        connection.query_row("SELECT row FROM entries WHERE river_id = ?1", [name], |row| row.get(0)).optional()?;
    if by_id.is_some() {
        return Ok(by_id);
    }
    if let Ok(row) = name.parse::<i64>() {
        return connection.query_row("SELECT row FROM entries WHERE row = ?1", [row], |row| row.get(0)).optional();
    }
    let (id, link) = (digest(&[name]), digest(&[&canonical_link(name)]));
    connection.prepare_cached(BY_KEY)?.query_row(params![id, link], |row| row.get(0))
}

/// The first entry of any source that is known by an id or a link: a look at the keys of each source, and no entry.
const BY_KEY: &str = "SELECT min(k.entry) FROM sources s CROSS JOIN entry_keys k
    WHERE k.source = s.id AND ((k.kind = 1 AND k.key = ?1) OR (k.kind = 2 AND k.key = ?2))";

fn explain(connection: &Connection, row: i64) -> rusqlite::Result<Explanation> {
    let stored = connection.query_row(&format!("SELECT {ENTRY_COLUMNS} FROM entries WHERE row = ?1"), [row], entry)?;
    let (original, fired, story, is_split, is_surplus): (Vec<u8>, Option<String>, i64, bool, bool) = connection
        .query_row(
            "SELECT original, fired, coalesce(story, row), split, surplus FROM entries WHERE row = ?1",
            [row],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)),
        )?;
    let mut others = connection.prepare(&format!(
        "SELECT {ENTRY_COLUMNS} FROM entries INDEXED BY members_of_story
         WHERE story = ?1 AND row != ?2 AND surplus = 0 ORDER BY row LIMIT ?3"
    ))?;
    let others = others.query_map(params![story, row, MOST_MEMBERS], entry)?.collect::<rusqlite::Result<_>>()?;
    // Counted without a look at the entries: a story may have thousands beyond its limits.
    let surplus = connection.query_row(
        "SELECT (SELECT count(*) FROM entries INDEXED BY entries_of_story WHERE story = ?1)
            - (SELECT count(*) FROM entries INDEXED BY members_of_story WHERE story = ?1 AND surplus = 0)",
        [story],
        |r| r.get(0),
    )?;
    let mut joins = connection.prepare(
        "SELECT a.river_id, b.river_id, j.judgement
         FROM (SELECT row FROM entries INDEXED BY members_of_story WHERE story = ?1 AND surplus = 0 UNION SELECT ?2) AS m
            CROSS JOIN joins j ON j.entry = m.row JOIN entries a ON a.row = j.entry JOIN entries b ON b.row = j.other
         WHERE a.story = ?1 AND b.story = ?1 ORDER BY j.entry, j.other",
    )?;
    let joins = joins.query_map([story, row], |r| {
        let json: String = r.get(2)?;
        let judgement = serde_json::from_str(&json)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, error.into()))?;
        Ok(Join { entry: r.get(0)?, other: r.get(1)?, judgement })
    })?;
    Ok(Explanation {
        entry: stored,
        original: unpack(0, &original)?,
        fired: fired.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
        is_split,
        is_surplus,
        surplus,
        story: connection.query_row("SELECT river_id FROM entries WHERE row = ?1", [story], |r| r.get(0))?,
        others,
        joins: joins.collect::<rusqlite::Result<_>>()?,
    })
}

fn split(
    connection: &mut Connection,
    name: &str,
    now: DateTime<Utc>,
    priorities: &Priorities,
) -> rusqlite::Result<Option<(String, String)>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(row) = find(&transaction, name)? else { return Ok(None) };
    let story: i64 =
        transaction.query_row("SELECT coalesce(story, row) FROM entries WHERE row = ?1", [row], |r| r.get(0))?;
    let id = |row: i64| transaction.query_row("SELECT river_id FROM entries WHERE row = ?1", [row], |r| r.get(0));
    let ids = (id(row)?, id(story)?);
    let was_surplus: bool = transaction.query_row("SELECT surplus FROM entries WHERE row = ?1", [row], |r| r.get(0))?;
    transaction.execute("UPDATE entries SET split = 1, story = row, surplus = 0 WHERE row = ?1", [row])?;
    if was_surplus {
        // It is told now, so it must be found.
        let stored =
            transaction.query_row(&format!("SELECT {ENTRY_COLUMNS} FROM entries WHERE row = ?1"), [row], entry)?;
        apply::write_tags(&transaction, row, &stored.entry.tags)?;
        search::put(&transaction, row, &stored.entry)?;
    }
    transaction.execute("DELETE FROM joins WHERE entry = ?1 OR other = ?1", [row])?;
    if story == row {
        // The others stay together, under the first of them.
        let first: Option<i64> = transaction.query_row(
            "SELECT min(row) FROM entries WHERE story = ?1 AND row != ?1 AND surplus = 0",
            [row],
            |r| r.get(0),
        )?;
        if let Some(first) = first {
            transaction.execute("UPDATE entries SET story = ?1 WHERE story = ?2 AND row != ?2", params![first, row])?;
            changes::parted(&transaction, first, now)?;
            members::settle(&transaction, first, priorities)?;
        }
    } else {
        members::settle(&transaction, story, priorities)?;
    }
    members::settle(&transaction, row, priorities)?;
    changes::parted(&transaction, row, now)?;
    transaction.commit()?;
    Ok(Some(ids))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    /// Anybody may ask for any name: what that costs grows with the sources, never with the entries.
    #[test]
    fn a_name_is_looked_up_in_indexes() -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = Connection::open_in_memory()?;
        schema::migrate(&mut connection, std::path::Path::new("x"))?;
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {BY_KEY}"))?;
        let steps: Vec<String> = plan.query_map(params!["", ""], |row| row.get(3))?.collect::<rusqlite::Result<_>>()?;
        assert!(!steps.is_empty() && steps.iter().all(|step| !step.starts_with("SCAN k")), "{steps:?}");
        assert_eq!(
            steps.iter().filter(|step| step.contains("(source=? AND kind=? AND key=?)")).count(),
            2,
            "{steps:?}"
        );
        Ok(())
    }
}
