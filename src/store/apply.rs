//! What was decided -> rows. Nothing is added here.

use rusqlite::{Connection, params};

use crate::ingest::{ChangedEntry, Changes, NewEntry};
use crate::model::source::SourceId;
use crate::stories::Signature;

/// Writes what a slice of a document of `source` changes; the caller owns the transaction. `now` is the moment of the
/// poll, milliseconds since 1970.
pub(super) fn apply(connection: &Connection, source: &SourceId, changes: &Changes, now: i64) -> rusqlite::Result<()> {
    let mut unite = connection.prepare_cached("UPDATE entries SET story = ?1 WHERE story = ?2")?;
    for united in &changes.united {
        unite.execute(*united)?;
    }
    changes.new.iter().try_for_each(|entry| insert(connection, source, entry))?;
    changes.changed.iter().try_for_each(|entry| update(connection, entry))?;
    let mut key = connection.prepare_cached(
        "INSERT INTO entry_keys (source, kind, key, entry) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET entry = excluded.entry",
    )?;
    for (kind, digest, row) in &changes.keys {
        key.execute(params![source.as_str(), *kind as u8, digest, row])?;
    }
    let mut join =
        connection.prepare_cached("INSERT OR REPLACE INTO joins (entry, other, judgement) VALUES (?1, ?2, ?3)")?;
    for (row, other, judgement) in &changes.joins {
        join.execute(params![row, other, super::codec::to_json(judgement)?])?;
    }
    let mut forget_tags = connection.prepare_cached("DELETE FROM entry_tags WHERE entry = ?1")?;
    for tags in &changes.tags {
        if tags.had_others {
            forget_tags.execute([tags.row])?;
        }
        write_tags(connection, tags.row, &tags.tags)?;
    }
    let mut search = connection.prepare_cached("INSERT OR REPLACE INTO search (rowid, words) VALUES (?1, ?2)")?;
    for (row, words) in &changes.search {
        search.execute(params![row, words])?;
    }
    let mut news = connection.prepare_cached("UPDATE entries SET backlog = 0 WHERE row = ?1 AND backlog = 1")?;
    for story in &changes.news {
        news.execute([story])?;
    }
    let mut unarchived = connection.prepare_cached("INSERT OR IGNORE INTO unarchived (row) VALUES (?1)")?;
    for story in &changes.unarchived {
        unarchived.execute([story])?;
    }
    // A change takes the place of the one before.
    let mut told = connection.prepare_cached("INSERT OR REPLACE INTO changes (story, at) VALUES (?1, ?2)")?;
    for story in &changes.told {
        told.execute([*story, now])?;
    }
    let mut moved = connection.prepare_cached(
        "UPDATE entries SET own_sort = coalesce(own_sort, sort), sort = ?2 WHERE row = ?1 AND sort != ?2",
    )?;
    for place in &changes.moved {
        moved.execute(*place)?;
    }
    Ok(())
}

/// Writes the tags of an entry beside those that it has.
pub(super) fn write_tags(connection: &Connection, row: i64, tags: &[String]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO entry_tags (tag, entry) VALUES (?1, ?2)")?;
    tags.iter().try_for_each(|tag| insert.execute(params![tag, row]).map(drop))
}

fn insert(connection: &Connection, source: &SourceId, entry: &NewEntry) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO entries (row, river_id, source, id_key, first_seen, changed_at, sort, own_sort, data, original,
                fired, backlog, stamp, story, surplus, signature, dated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute(params![
            entry.row,
            entry.river_id,
            source.as_str(),
            entry.id,
            entry.first_seen,
            entry.order,
            entry.own_order,
            entry.data,
            entry.original,
            entry.fired,
            entry.is_backlog,
            entry.stamp,
            entry.place.story,
            entry.place.is_surplus,
            entry.place.signature.as_ref().map(Signature::to_bytes),
            entry.place.dated,
        ])
        .map(drop)
}

fn update(connection: &Connection, entry: &ChangedEntry) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE entries SET data = ?2, original = ?3, id_key = coalesce(?4, id_key),
                changed_at = coalesce(?5, changed_at), fired = ?6, edits = edits + ?7, stamp = ?8 WHERE row = ?1",
        )?
        .execute(params![
            entry.row,
            entry.data,
            entry.original,
            entry.id,
            entry.changed_at,
            entry.fired,
            entry.is_reworded,
            entry.stamp,
        ])?;
    if let Some(place) = &entry.place {
        connection
            .prepare_cached("UPDATE entries SET story = ?2, surplus = ?3, signature = ?4, dated = ?5 WHERE row = ?1")?
            .execute(params![
                entry.row,
                place.story,
                place.is_surplus,
                place.signature.as_ref().map(Signature::to_bytes),
                place.dated
            ])?;
    }
    Ok(())
}
