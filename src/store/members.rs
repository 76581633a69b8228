//! The members of a story: how many there are, which they are, and where the story stands in the river.

use rusqlite::{Connection, OptionalExtension, params};

use super::read;
use crate::ingest::MOST_MEMBERS;
use crate::model::entry::StoredEntry;
use crate::model::source::Priorities;
use crate::stories::{self, Member};

/// The columns of a member of a story, which stands at its own place in the river.
const COLUMNS: &str = "row, river_id, source, first_seen, changed_at, coalesce(own_sort, sort), data, stamp,
    first_seen <= (SELECT f.first_seen FROM entries f WHERE f.source = e.source ORDER BY f.row LIMIT 1)";

fn member(row: &rusqlite::Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member { stored: read::entry(row)?, is_initial: row.get(8)? })
}

/// The members of a story in the order of their arrival.
pub(super) fn all(connection: &Connection, story: i64) -> rusqlite::Result<Vec<Member>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM entries e INDEXED BY members_of_story
         WHERE story = ?1 AND surplus = 0 ORDER BY row LIMIT ?2"
    ))?;
    select.query_map(params![story, MOST_MEMBERS], member)?.collect()
}

/// The member with this row.
pub(super) fn one(connection: &Connection, row: i64) -> rusqlite::Result<Member> {
    connection.prepare_cached(&format!("SELECT {COLUMNS} FROM entries e WHERE row = ?1"))?.query_row([row], member)
}

/// Whether a story has more than one member.
pub(super) fn has_several(connection: &Connection, story: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT count(*) > 1 FROM
                (SELECT 1 FROM entries INDEXED BY members_of_story WHERE story = ?1 AND surplus = 0 LIMIT 2)",
        )?
        .query_row([story], |row| row.get(0))
}

/// Puts a story where its members say that it belongs; the row of the member whose words are shown.
pub(super) fn settle(connection: &Connection, story: i64, priorities: &Priorities) -> rusqlite::Result<Option<i64>> {
    let members = all(connection, story)?;
    let refs: Vec<&Member> = members.iter().collect();
    let Some(placed) = stories::timekeeper(&refs, priorities) else { return Ok(None) };
    connection
        .prepare_cached(
            "UPDATE entries SET own_sort = coalesce(own_sort, sort), sort = ?2 WHERE row = ?1 AND sort != ?2",
        )?
        .execute([story, placed.stored.order.timestamp_millis()])?;
    Ok(stories::representative(&refs, priorities).map(|member| member.stored.row))
}

/// The story that a row leads, as it is told by those of its members that are published; `None` where the row leads
/// none, or none of them is.
pub(super) fn told(
    connection: &Connection,
    story: i64,
    publishes: &dyn Fn(&StoredEntry) -> bool,
    priorities: &Priorities,
) -> rusqlite::Result<Option<StoredEntry>> {
    let lead = connection
        .prepare_cached(&format!(
            "SELECT {} FROM entries WHERE row = ?1 AND coalesce(story, row) = row AND pruned = 0",
            read::ENTRY_COLUMNS
        ))?
        .query_row([story], read::entry)
        .optional()?;
    let Some(lead) = lead else { return Ok(None) };
    if !has_several(connection, story)? {
        return Ok(publishes(&lead).then_some(lead));
    }
    let members = all(connection, story)?;
    let shown: Vec<&Member> = members.iter().filter(|member| publishes(&member.stored)).collect();
    Ok((!shown.is_empty()).then(|| stories::tell(&lead, &shown, priorities)))
}
