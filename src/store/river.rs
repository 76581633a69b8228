//! Pages of the river, as the store has it now.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError, changes, read};
use crate::model::entry::StoredEntry;
use crate::model::page::{Cursor, Place};
use crate::model::source::SourceId;
use crate::stories;

/// Entries of one source in a row that are passed over on the first page at most: whoever has more has
/// drowned the river already.
const MOST_PASSED: usize = 20_000;

/// Bytes of bodies after which a page is full, however few its stories: readers and proxies refuse larger feeds.
pub(super) const MOST_BYTES: usize = 2 << 20;

/// Of the first page, the part (one in so many) that late arrivals may take: what came within a day of the newest
/// arrival, after its source was known, under a date that would put it on a page behind. Many readers look at the
/// first page only.
const LATE_PART: usize = 5;
const LATE_MILLIS: i64 = 24 * 3600 * 1000;

/// Of the newest arrivals, so many are looked at for late ones.
const MOST_LATE_ROWS: i64 = 5_000;

/// Which page of the river.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Start {
    /// The first.
    Top(Fairness),
    /// The one below a place.
    Below(Place),
    /// The one right above a place.
    Above(Cursor),
}

/// What the first page passes over, to be found on the pages behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fairness {
    /// Stories of one source at most.
    pub per_source: Option<usize>,
    /// Whether what a source had before it was added is passed over.
    pub passes_backlog: bool,
}

/// Which stories are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All.
    All,
    /// Those that one of these sources tells.
    Sources(Vec<SourceId>),
    /// Those with an entry that has this tag.
    Tag(String),
}

/// A page of the river.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Its stories, newest first.
    pub stories: Vec<StoredEntry>,
    /// Where the next page begins, if there is one.
    pub next: Option<Place>,
    /// The number of the newest change that it knows of.
    pub change: i64,
}

impl Store {
    /// Up to `limit` stories of the river, each as the best of its tellings that `publishes` lets through.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn river(
        &self,
        selection: &Selection,
        publishes: &dyn Fn(&StoredEntry) -> bool,
        start: &Start,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reading(|connection| {
            // One state of the store, so that no change is counted that is not seen.
            let snapshot = connection.unchecked_transaction()?;
            let mut page = page(&snapshot, selection, publishes, start, limit)?;
            page.change = changes::newest(&snapshot)?;
            Ok(page)
        })
    }

    /// The newest `limit` entries of a source, as they came.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn newest_of(&self, source: &SourceId, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.reading(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT row, river_id, source, first_seen, changed_at, sort, data, stamp FROM entries
                 WHERE source = ?1 AND pruned = 0 ORDER BY row DESC LIMIT ?2",
            )?;
            select.query_map(params![source.as_str(), limit], read::entry)?.collect()
        })
    }
}

fn page(
    connection: &Connection,
    selection: &Selection,
    publishes: &dyn Fn(&StoredEntry) -> bool,
    start: &Start,
    limit: usize,
) -> rusqlite::Result<Page> {
    let (among, of) = among(selection);
    let (compare, direction) = if matches!(start, Start::Above(_)) { (">", "ASC") } else { ("<", "DESC") };
    let mut select = connection.prepare_cached(&format!(
        "SELECT row, river_id, source, first_seen, changed_at, sort, data, stamp, backlog FROM entries
         WHERE story = row AND pruned = 0 AND (sort, row) {compare} (?1, ?2) AND {among} ORDER BY sort {direction}, row {direction}"
    ))?;
    let (from, fairness, mut shown) = match start {
        Start::Top(fairness) => (Cursor { order: i64::MAX, row: i64::MAX }, *fairness, Vec::new()),
        Start::Below(place) => (place.cursor, Fairness::default(), place.shown.clone()),
        Start::Above(cursor) => (*cursor, Fairness::default(), Vec::new()),
    };
    let mut rows = select.query(params![from.order, from.row, of])?;
    let mut page = Page::default();
    let mut of_source: HashMap<String, usize> = HashMap::new();
    let (mut passed, mut passed_over): (usize, Option<Cursor>) = (0, None);
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let place = Cursor { order: row.get(5)?, row: row.get(0)? };
        let is_full = page.stories.len() == limit || bytes > MOST_BYTES;
        if let Some(known) = shown.iter().position(|row| *row == place.row) {
            // What stands behind a full page is still to be passed over by the next.
            if !is_full {
                shown.swap_remove(known);
            }
            continue;
        }
        if is_full {
            // One more than is shown tells that there is a next page.
            page.next = page.stories.last().map(|last| Place { cursor: Cursor::after(last), shown });
            break;
        }
        if passed < MOST_PASSED {
            let source: String = row.get(2)?;
            let count = of_source.entry(source).or_default();
            let is_one_too_many = fairness.per_source.is_some_and(|most| *count >= most);
            if is_one_too_many || (fairness.passes_backlog && row.get(8)?) {
                passed += 1;
                passed_over.get_or_insert(place);
                continue;
            }
            *count += 1;
        }
        if let Some(story) = told_by(connection, read::entry(row)?, publishes)? {
            bytes += story.body_len();
            page.stories.push(story);
        }
    }
    if page.next.is_some() && fairness.passes_backlog {
        let may_show = |source: &SourceId| {
            let count = of_source.entry(source.to_string()).or_default();
            *count += 1;
            fairness.per_source.is_none_or(|most| *count <= most)
        };
        let late = late(connection, selection, publishes, &page.stories, may_show)?;
        // The next page begins at whichever stands higher: what gave way, or what was passed over.
        passed_over = make_room(&mut page.stories, late).max(passed_over);
    }
    if let Some(place) = passed_over {
        // The next page begins with the newest that was passed over.
        let is_below = |story: &&StoredEntry| (story.order.timestamp_millis(), story.row) < (place.order, place.row);
        let shown = page.stories.iter().filter(is_below).map(|story| story.row).collect();
        page.next = Some(Place { cursor: Cursor { row: place.row + 1, ..place }, shown });
    }
    if matches!(start, Start::Above(_)) {
        page.stories.reverse();
        page.next = page.stories.last().map(|last| Place { cursor: Cursor::after(last), shown: Vec::new() });
    }
    Ok(page)
}

/// The condition by which a story belongs to a selection, and its parameter, the third: a story belongs to every part
/// that one of its entries belongs to.
fn among(selection: &Selection) -> (&'static str, Option<String>) {
    match selection {
        Selection::All => ("?3 IS NULL", None),
        Selection::Sources(ids) => (
            "row IN (SELECT story FROM entries WHERE source IN (SELECT value FROM json_each(?3)))",
            Some(serde_json::json!(ids).to_string()),
        ),
        Selection::Tag(tag) => (
            "row IN (SELECT e.story FROM entry_tags t JOIN entries e ON e.row = t.entry WHERE t.tag = ?3)",
            Some(tag.clone()),
        ),
    }
}

/// The newest late arrivals that are not on the page: those below the part of it that is not theirs to take.
fn late(
    connection: &Connection,
    selection: &Selection,
    publishes: &dyn Fn(&StoredEntry) -> bool,
    shown: &[StoredEntry],
    mut may_show: impl FnMut(&SourceId) -> bool,
) -> rusqlite::Result<Vec<StoredEntry>> {
    let room = shown.len() / LATE_PART;
    let Some(last_kept) = shown.len().checked_sub(room + 1).and_then(|place| shown.get(place)) else {
        return Ok(Vec::new());
    };
    let (among, of) = among(selection);
    let mut select = connection.prepare_cached(&format!(
        "SELECT row, river_id, source, first_seen, changed_at, sort, data, stamp FROM entries
         WHERE row > (SELECT max(row) FROM entries) - ?5 AND story = row AND pruned = 0 AND backlog = 0
           AND (sort, row) < (?1, ?2) AND {among}
           AND first_seen > (SELECT first_seen FROM entries ORDER BY row DESC LIMIT 1) - ?4
           AND first_seen > (SELECT f.first_seen FROM entries f WHERE f.source = entries.source ORDER BY f.row LIMIT 1)
         ORDER BY row DESC"
    ))?;
    let from = Cursor::after(last_kept);
    let mut rows = select.query(params![from.order, from.row, of, LATE_MILLIS, MOST_LATE_ROWS])?;
    let mut late = Vec::new();
    // Those that the page shows anyway count: they have what room there is.
    let mut taken = 0;
    while taken < room
        && let Some(row) = rows.next()?
    {
        let row_number: i64 = row.get(0)?;
        if shown.iter().any(|story| story.row == row_number) {
            taken += 1;
        } else if let Some(story) = told_by(connection, read::entry(row)?, publishes)?
            && may_show(&story.source)
        {
            taken += 1;
            late.push(story);
        }
    }
    Ok(late)
}

/// Puts late arrivals, the newest first, on a page in place of its oldest stories that are none; the place of the
/// newest that gave way.
fn make_room(stories: &mut Vec<StoredEntry>, mut late: Vec<StoredEntry>) -> Option<Cursor> {
    let first_late = late.iter().map(|story| story.row).min()?;
    let (mut room, mut gave_way) = (0, None);
    while room < late.len()
        && let Some(oldest) = stories.iter().rposition(|story| story.row < first_late)
    {
        gave_way = gave_way.max(Some(Cursor::after(&stories.remove(oldest))));
        room += 1;
    }
    late.truncate(room);
    stories.extend(late);
    stories.sort_by_key(|story| std::cmp::Reverse((story.order, story.row)));
    gave_way
}

/// A story as the best of its tellings that are published, by the entry that leads it; `None` where
/// none is.
fn told_by(
    connection: &Connection,
    lead: StoredEntry,
    publishes: &dyn Fn(&StoredEntry) -> bool,
) -> rusqlite::Result<Option<StoredEntry>> {
    let mut others = connection.prepare_cached(
        "SELECT row, river_id, source, first_seen, changed_at, sort, data, stamp FROM entries
         WHERE story = ?1 AND row != ?1 ORDER BY row",
    )?;
    let others: Vec<StoredEntry> = others.query_map([lead.row], read::entry)?.collect::<rusqlite::Result<_>>()?;
    if others.is_empty() {
        return Ok(publishes(&lead).then_some(lead));
    }
    let shown: Vec<&StoredEntry> = std::iter::once(&lead).chain(&others).filter(|telling| publishes(telling)).collect();
    Ok((!shown.is_empty()).then(|| stories::tell(&lead, &shown)))
}

/// The story that a row leads, as it is told; `None` where the row leads none, or none that is published.
pub(super) fn told(
    connection: &Connection,
    story: i64,
    publishes: &dyn Fn(&StoredEntry) -> bool,
) -> rusqlite::Result<Option<StoredEntry>> {
    let lead = connection
        .prepare_cached(
            "SELECT row, river_id, source, first_seen, changed_at, sort, data, stamp FROM entries
             WHERE row = ?1 AND coalesce(story, row) = row AND pruned = 0",
        )?
        .query_row([story], read::entry)
        .optional()?;
    Ok(lead.map(|lead| told_by(connection, lead, publishes)).transpose()?.flatten())
}
