//! The members of a story: how many there are, which they are, and where the story stands in the river.

use rusqlite::{Connection, OptionalExtension, params};

use super::read;
use crate::model::entry::StoredEntry;
use crate::model::source::{Priorities, SourceId};
use crate::stories::{self, Member};

/// Members of a story; what comes beyond is kept and not shown.
pub(super) const MOST_MEMBERS: usize = 100;

/// Members of a story that come from one source.
pub(super) const MOST_OF_SOURCE: usize = 8;

/// How many members a story has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) all: usize,
    /// Those of the source that was asked about.
    pub(super) of_source: usize,
}

/// Counts the members of a story as far as the limits, whatever the story has beyond.
pub(super) fn count(connection: &Connection, story: i64, source: &SourceId) -> rusqlite::Result<Size> {
    connection
        .prepare_cached(
            "SELECT count(*), coalesce(sum(source = ?2), 0) FROM
                (SELECT source FROM entries INDEXED BY members_of_story WHERE story = ?1 AND surplus = 0 LIMIT ?3)",
        )?
        .query_row(params![story, source.as_str(), MOST_MEMBERS], |row| {
            Ok(Size { all: row.get(0)?, of_source: row.get(1)? })
        })
}

/// The members of a story in the order of their arrival, each at its own place in the river.
pub(super) fn all(connection: &Connection, story: i64) -> rusqlite::Result<Vec<Member>> {
    let mut select = connection.prepare_cached(
        "SELECT row, river_id, source, first_seen, changed_at, coalesce(own_sort, sort), data, stamp,
            first_seen <= (SELECT f.first_seen FROM entries f WHERE f.source = e.source ORDER BY f.row LIMIT 1)
         FROM entries e INDEXED BY members_of_story WHERE story = ?1 AND surplus = 0 ORDER BY row LIMIT ?2",
    )?;
    let member = |row: &rusqlite::Row<'_>| Ok(Member { stored: read::entry(row)?, is_initial: row.get(8)? });
    select.query_map(params![story, MOST_MEMBERS], member)?.collect()
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
        .prepare_cached(
            "SELECT row, river_id, source, first_seen, changed_at, sort, data, stamp FROM entries
             WHERE row = ?1 AND coalesce(story, row) = row AND pruned = 0",
        )?
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
