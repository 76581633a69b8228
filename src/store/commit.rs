//! What one poll writes: the new and changed entries, the state of the source, the history row.

use chrono::TimeDelta;
use rusqlite::{Connection, params};

use super::codec::{pack, to_json};
use super::committed::Committed;
use super::load::{self, left_behind_key};
use super::story::Stories;
use super::{apply, read};
use crate::ingest::{Changes, Conclusion, Known, PollCommit, PrepareError, Progress, Slice, Step, conclude};
use crate::model::moved::Move;
use crate::model::report::{Counts, PollStatus};
use crate::model::source::SourceId;

/// How long the history of polls is kept.
const HISTORY_DAYS: i64 = 30;

/// Writes what is left of a poll, or the part of it that can be written until `is_over`; what was committed, once all
/// is written. The caller owns the transaction. State and history go into the last one: who is interrupted before that
/// polls again, and finds the entries known that are written already.
pub(super) fn advance(
    connection: &Connection,
    stories: &mut Stories,
    poll: &mut PollCommit,
    progress: &mut Option<Progress>,
    is_over: &dyn Fn() -> bool,
) -> rusqlite::Result<Option<Committed>> {
    let progress = match progress {
        Some(progress) => progress,
        None => progress.insert(Progress::begin(poll, load::beginning(connection, poll)?)),
    };
    let now = poll.started_at.timestamp_millis();
    loop {
        let source = poll.source.clone();
        let Some(slice) = Slice::next(poll, progress) else { break };
        let mut changes = decide(connection, stories, &source, slice)?;
        apply::apply(connection, &source, &changes, now)?;
        stories.add_search(std::mem::take(&mut changes.search));
        if !progress.is_done(poll) && is_over() {
            leave_behind(connection, &source, progress.beginning.left_behind + progress.counts.new)?;
            return Ok(None);
        }
    }
    finish(connection, poll, progress).map(Some)
}

/// Decides on a slice, with all that must be known for it.
fn decide(
    connection: &Connection,
    stories: &mut Stories,
    source: &SourceId,
    mut slice: Slice<'_>,
) -> rusqlite::Result<Box<Changes>> {
    let (memory, priorities) = stories.deciding();
    let (mut known, mut request) = (Known::default(), slice.request());
    loop {
        load::load(connection, source, &request, &mut known)?;
        match slice.decide(&mut known, memory, &priorities).map_err(unprepared)? {
            Step::Load(more) => request = *more,
            Step::Done(changes) => return Ok(changes),
        }
    }
}

fn unprepared(error: PrepareError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

fn finish(connection: &Connection, poll: &PollCommit, progress: &Progress) -> rusqlite::Result<Committed> {
    let conclusion = conclude(poll, progress);
    let counts = progress.counts;
    write_articles(connection, poll)?;
    write_source(connection, poll, counts, progress.beginning.left_behind, &conclusion)?;
    write_history(connection, poll, counts, &conclusion.warnings)?;
    connection.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([left_behind_key(&poll.source)])?;
    let Conclusion { is_overrun, warnings, .. } = conclusion;
    Ok(Committed { counts, is_overrun, warnings, source: read::source_row(connection, &poll.source)? })
}

fn leave_behind(connection: &Connection, source: &SourceId, count: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?
        .execute(params![left_behind_key(source), count.to_string()])
        .map(drop)
}

fn write_source(
    connection: &Connection,
    poll: &PollCommit,
    counts: Counts,
    left_behind: u32,
    conclusion: &Conclusion,
) -> rusqlite::Result<()> {
    let moved: Option<&Move> = conclusion.moved.as_ref();
    let failed = poll.status == PollStatus::Failed;
    let (validators, document) = (poll.validators.as_ref(), poll.document.as_ref());
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
            conclusion.next_poll.map(|at| at.timestamp_millis()),
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
            document.map(|_| to_json(&conclusion.warnings)).transpose()?,
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
