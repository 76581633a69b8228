//! What one poll writes: the new and changed entries, the state of the source, the history row.

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{pack, to_json};
use super::polled::{Committed, OVERRUN, PollCommit};
use super::story::Stories;
use super::{entries, read};
use crate::model::moved::Move;
use crate::model::report::{Counts, PollStatus};

/// How long the history of polls is kept.
const HISTORY_DAYS: i64 = 30;

/// How far the writing of a poll has come, where its document is written in several transactions.
#[derive(Debug)]
pub(super) struct Progress {
    entries: Option<entries::Progress>,
    /// New entries that a writing left behind which did not come to its end.
    left_behind: u32,
}

/// Writes what is left of a poll, or the part of it that can be written until `is_over`; what was committed, once all
/// is written. The caller owns the transaction. State and history go into the last one: who is interrupted before that
/// polls again, and finds the entries known that are written already.
pub(super) fn advance(
    connection: &Connection,
    stories: &mut Stories,
    poll: &PollCommit,
    progress: &mut Option<Progress>,
    is_over: &dyn Fn() -> bool,
) -> rusqlite::Result<Option<Committed>> {
    let progress = match progress {
        Some(progress) => progress,
        None => progress.insert(Progress {
            entries: poll.document.as_ref().map(|document| entries::begin(connection, poll, document)).transpose()?,
            left_behind: left_behind(connection, poll)?,
        }),
    };
    let (mut counts, mut surplus) = (Counts::default(), 0);
    if let (Some(document), Some(entries)) = (&poll.document, &mut progress.entries) {
        let is_done = entries::advance(connection, stories, poll, document, entries, is_over)?;
        (counts, surplus) = (entries.counts, entries.surplus);
        if !is_done {
            leave_behind(connection, poll, progress.left_behind + counts.new)?;
            return Ok(None);
        }
    }
    finish(connection, poll, counts, progress.left_behind, surplus).map(Some)
}

fn finish(
    connection: &Connection,
    poll: &PollCommit,
    counts: Counts,
    left_behind: u32,
    surplus: usize,
) -> rusqlite::Result<Committed> {
    let is_overrun = is_overrun(connection, poll, counts)?;
    let mut moved = poll.moved.clone();
    if let Some(moved) = moved.as_mut().filter(|_| counts.changed + counts.unchanged > 0) {
        moved.recognise(poll.started_at);
    }
    let mut warnings = poll.warnings.clone();
    warnings.extend(moved.as_ref().map(Move::remark));
    warnings.extend(is_overrun.then(|| OVERRUN.to_owned()));
    warnings.extend((surplus > 0).then(|| {
        format!(
            "{surplus} entries repeat stories that have as many entries as they may have; they are kept and not shown"
        )
    }));
    write_articles(connection, poll)?;
    write_source(connection, poll, counts, left_behind, is_overrun, moved.as_ref(), &warnings)?;
    write_history(connection, poll, counts, &warnings)?;
    connection.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([left_behind_key(poll)])?;
    Ok(Committed { counts, is_overrun, warnings, source: read::source_row(connection, &poll.source)? })
}

fn left_behind_key(poll: &PollCommit) -> String {
    format!("written-of/{}", poll.source)
}

/// New entries of this source that are in the store and not counted with it yet.
fn left_behind(connection: &Connection, poll: &PollCommit) -> rusqlite::Result<u32> {
    let value: Option<String> = connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([left_behind_key(poll)], |row| row.get(0))
        .optional()?;
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
}

fn leave_behind(connection: &Connection, poll: &PollCommit, count: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?
        .execute(params![left_behind_key(poll), count.to_string()])
        .map(drop)
}

fn is_overrun(connection: &Connection, poll: &PollCommit, counts: Counts) -> rusqlite::Result<bool> {
    let Some(document) = poll.document.as_ref().filter(|document| !document.is_delta) else { return Ok(false) };
    if counts.new == 0 || counts.changed + counts.unchanged > 0 {
        return Ok(false);
    }
    // Another address or another reading may well know nothing of what was.
    let before = connection
        .prepare_cached("SELECT entries > 0 AND recipe = ?2 FROM sources WHERE id = ?1")?
        .query_row(params![poll.source.as_str(), document.recipe], |row| row.get::<_, Option<bool>>(0))
        .optional()?;
    Ok(before.flatten().unwrap_or(false))
}

fn write_source(
    connection: &Connection,
    poll: &PollCommit,
    counts: Counts,
    left_behind: u32,
    is_overrun: bool,
    moved: Option<&Move>,
    warnings: &[String],
) -> rusqlite::Result<()> {
    let failed = poll.status == PollStatus::Failed;
    let (validators, document) = (poll.validators.as_ref(), poll.document.as_ref());
    let next_poll = if is_overrun { poll.next_poll_if_overrun } else { poll.next_poll };
    connection.prepare_cached(
        "INSERT INTO sources (id, name, address) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET name = excluded.name, address = excluded.address",
    )?
    .execute(params![poll.source.as_str(), poll.name, poll.address])?;
    connection
        .prepare_cached(
            "UPDATE sources SET last_poll = ?2, next_poll = ?3, http_status = ?4, error_kind = ?5, error_message = ?6,
            last_success = iif(?7, last_success, ?2), failures = ?16,
            new_last_poll = ?8, entries = entries + ?8 + ?23,
            etag = iif(?9, ?10, etag), last_modified = iif(?9, ?11, last_modified),
            body_digest = coalesce(?12, body_digest), recipe = coalesce(?13, recipe),
            feed_title = coalesce(?14, feed_title), home_page_url = coalesce(?15, home_page_url),
            validators_of = iif(?9, ?17, validators_of), moved_to = ?18, warnings = coalesce(?19, warnings),
            activity = ?20, hints = ?21, doubted_since = ?22
         WHERE id = ?1",
        )?
        .execute(params![
            poll.source.as_str(),
            poll.started_at.timestamp_millis(),
            next_poll.map(|at| at.timestamp_millis()),
            poll.http_status,
            poll.error.as_ref().map(|e| e.kind.name()),
            poll.error.as_ref().map(|e| &e.message),
            failed,
            counts.new,
            validators.is_some(),
            validators.and_then(|v| v.etag.as_ref()),
            validators.and_then(|v| v.last_modified.as_ref()),
            document.and_then(|d| d.body_digest.as_ref()),
            document.map(|d| &d.recipe),
            document.map(|d| &d.title).filter(|t| !t.is_empty()),
            document.and_then(|d| d.home_page_url.as_ref()),
            poll.failures,
            validators.and_then(|v| v.of.as_ref()),
            moved.map(|moved| &moved.to),
            document.map(|_| to_json(warnings)).transpose()?,
            to_json(&poll.activity)?,
            to_json(&poll.hints)?,
            moved.and_then(|moved| moved.doubted_since).map(|since| since.timestamp_millis()),
            left_behind,
        ])?;
    Ok(())
}

fn write_articles(connection: &Connection, poll: &PollCommit) -> rusqlite::Result<()> {
    for attempt in &poll.articles {
        let article = attempt.article.as_ref().map(pack).transpose()?;
        connection
            .prepare_cached(
                "INSERT INTO articles (key, fetched_at, attempts, article) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT (key) DO UPDATE SET fetched_at = ?2, attempts = attempts + 1, article = coalesce(?3, article)",
            )?
            .execute(params![attempt.key, poll.started_at.timestamp_millis(), article])?;
    }
    Ok(())
}

fn write_history(
    connection: &Connection,
    poll: &PollCommit,
    counts: Counts,
    warnings: &[String],
) -> rusqlite::Result<()> {
    let warnings = (!warnings.is_empty()).then(|| warnings.join("; "));
    let elapsed = i64::try_from(poll.elapsed_ms).unwrap_or(i64::MAX);
    connection.prepare_cached(
        "INSERT INTO polls (source, started_at, elapsed_ms, status, http_status, bytes, new, changed, unchanged, error_kind, message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        poll.source.as_str(),
        poll.started_at.timestamp_millis(),
        elapsed,
        poll.status.name(),
        poll.http_status,
        i64::try_from(poll.bytes).unwrap_or(i64::MAX),
        counts.new,
        counts.changed,
        counts.unchanged,
        poll.error.as_ref().map(|e| e.kind.name()),
        poll.error.as_ref().map(|e| e.message.clone()).or(warnings),
    ])?;
    let horizon = poll.started_at - TimeDelta::days(HISTORY_DAYS);
    // A clock that is wrong for a moment costs no more than this of it.
    connection
        .prepare_cached(
            "DELETE FROM polls WHERE row IN
                (SELECT row FROM polls WHERE source = ?1 AND started_at < ?2 ORDER BY started_at LIMIT 2)",
        )?
        .execute(params![poll.source.as_str(), horizon.timestamp_millis()])?;
    Ok(())
}
