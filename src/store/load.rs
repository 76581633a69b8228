//! What is stored -> what must be known to decide on a document.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{heal, members, read};
use crate::ingest::{Beginning, Existing, Known, PollCommit, Request, Stamp, Story, StoryMember};
use crate::model::source::SourceId;
use crate::stories::{Features, Signature};

/// Members of a story that are read; more are never written.
const MOST_READ: usize = 1_000;

/// What is known of a source before its document is looked at; of a poll without one nothing is needed but how many
/// entries a writing left behind that did not come to its end.
pub(super) fn beginning(connection: &Connection, poll: &PollCommit) -> rusqlite::Result<Beginning> {
    let beginning = Beginning { left_behind: left_behind(connection, &poll.source)?, ..Beginning::default() };
    if poll.document.is_none() {
        return Ok(beginning);
    }
    let river_began = connection
        .prepare_cached("SELECT first_seen FROM entries ORDER BY row LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let source_began = connection
        .prepare_cached("SELECT first_seen FROM entries WHERE source = ?1 ORDER BY row LIMIT 1")?
        .query_row([poll.source.as_str()], |row| row.get(0))
        .optional()?;
    let source: Option<(bool, bool, Option<String>)> = connection
        .prepare_cached("SELECT entries > 0, last_success IS NOT NULL, recipe FROM sources WHERE id = ?1")?
        .query_row([poll.source.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let (has_entries, has_succeeded, recipe) = source.unwrap_or_default();
    Ok(Beginning { river_began, source_began, has_entries, has_succeeded, recipe, ..beginning })
}

/// The key in `meta` of how many entries a writing of this source left behind.
pub(super) fn left_behind_key(source: &SourceId) -> String {
    format!("written-of/{source}")
}

/// New entries of this source that are in the store and not counted with it yet.
fn left_behind(connection: &Connection, source: &SourceId) -> rusqlite::Result<u32> {
    let value: Option<String> = connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([left_behind_key(source)], |row| row.get(0))
        .optional()?;
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
}

/// Adds what is asked for to what is known of a document of `source`. What is known already stays: it may be newer.
pub(super) fn load(
    connection: &Connection,
    source: &SourceId,
    request: &Request,
    known: &mut Known,
) -> rusqlite::Result<()> {
    if known.next_row == 0 {
        let last: Option<i64> = connection
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'entries'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        known.next_row = last.unwrap_or(0) + 1;
    }
    load_keys(connection, source, request, known)?;
    let mut is_taken = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM entries WHERE river_id = ?1)")?;
    for id in &request.river_ids {
        if let Entry::Vacant(place) = known.river_ids.entry(id.clone()) {
            place.insert(is_taken.query_row([id], |row| row.get(0))?);
        }
    }
    let mut candidate = connection.prepare_cached(
        "SELECT coalesce(story, row) FROM entries WHERE row = ?1 AND split = 0 AND surplus = 0 AND pruned = 0",
    )?;
    for row in &request.candidates {
        if let Entry::Vacant(place) = known.candidates.entry(*row) {
            let story: Option<i64> = candidate.query_row([row], |row| row.get(0)).optional()?;
            place.insert(story);
            if let Some(story) = story {
                load_story(connection, story, known)?;
            }
        }
    }
    for story in &request.stories {
        load_story(connection, *story, known)?;
    }
    let mut entry =
        connection.prepare_cached(&format!("SELECT {} FROM entries WHERE row = ?1", read::ENTRY_COLUMNS))?;
    for row in &request.compared {
        let Some(stored) = entry.query_row([row], read::entry).optional()? else {
            // The index may offer a row whose transaction was undone; nothing else is asked for that is not there.
            match known.candidates.get(row) {
                Some(None) => continue,
                _ => return Err(rusqlite::Error::QueryReturnedNoRows),
            }
        };
        let features = Features::of_stored(&stored);
        known.features.insert(*row, Arc::new(features));
    }
    for row in &request.members {
        known.members.insert(*row, members::one(connection, *row)?);
    }
    Ok(())
}

/// The entries that the keys of a document lead to.
fn load_keys(connection: &Connection, source: &SourceId, request: &Request, known: &mut Known) -> rusqlite::Result<()> {
    let mut find =
        connection.prepare_cached("SELECT entry FROM entry_keys WHERE source = ?1 AND kind = ?2 AND key = ?3")?;
    let mut about = connection.prepare_cached(
        "SELECT id_key, stamp, pruned, edits, changed_at, first_seen, surplus, split, coalesce(story, row)
         FROM entries WHERE row = ?1",
    )?;
    let mut words = connection.prepare_cached("SELECT data, signature FROM entries WHERE row = ?1")?;
    for (kind, key) in &request.keys {
        let found: Option<i64> =
            find.query_row(params![source.as_str(), *kind as u8, key], |row| row.get(0)).optional()?;
        known.keys.insert((*kind, *key), found);
        let Some(row) = found else { continue };
        if known.entries.contains_key(&row) {
            continue;
        }
        let Some(mut existing) = about.query_row([row], existing).optional()? else { continue };
        if existing.stamp.is_none_or(|stamp| !request.stamps.contains(&stamp)) {
            let (json, signature): (String, Option<Vec<u8>>) =
                words.query_row([row], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let entry = heal::entry(&json, existing.stamp.as_ref().map(|stamp| &stamp[..]));
            existing.stored = Some((json, entry.map(|(entry, _)| entry).unwrap_or_default()));
            let signature = signature.as_deref().and_then(Signature::from_bytes);
            existing.words = signature.map(|signature| signature.words().to_vec());
        }
        known.entries.insert(row, existing);
    }
    Ok(())
}

fn existing(row: &Row<'_>) -> rusqlite::Result<Existing> {
    let blob = |column: usize| row.get::<_, Option<Vec<u8>>>(column);
    Ok(Existing {
        id: blob(0)?.and_then(|id| id.try_into().ok()),
        stamp: blob(1)?.and_then(|stamp| Stamp::try_from(stamp).ok()),
        is_pruned: row.get(2)?,
        edits: row.get(3)?,
        changed_at: row.get(4)?,
        first_seen: row.get(5)?,
        is_surplus: row.get(6)?,
        is_split: row.get(7)?,
        story: row.get(8)?,
        stored: None,
        words: None,
    })
}

fn load_story(connection: &Connection, story: i64, known: &mut Known) -> rusqlite::Result<()> {
    if known.has_story(story) {
        return Ok(());
    }
    let mut select = connection.prepare_cached(
        "SELECT row, source, split = 0 AND pruned = 0 FROM entries INDEXED BY members_of_story
         WHERE story = ?1 AND surplus = 0 ORDER BY row DESC LIMIT ?2",
    )?;
    let member = |row: &Row<'_>| {
        Ok(StoryMember { row: row.get(0)?, source: read::source_id(row, 1)?, is_compared: row.get(2)? })
    };
    let mut members = select.query_map(params![story, MOST_READ], member)?.collect::<rusqlite::Result<Vec<_>>>()?;
    members.reverse();
    let (is_told, is_backlog) = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM unarchived WHERE row = ?1) OR EXISTS (SELECT 1 FROM archive WHERE story = ?1),
                coalesce((SELECT backlog FROM entries WHERE row = ?1), 0)",
        )?
        .query_row([story], |row| Ok((row.get(0)?, row.get(1)?)))?;
    known.stories.insert(story, Story { members, is_told, is_backlog });
    Ok(())
}
