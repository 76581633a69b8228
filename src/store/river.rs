//! Pages of the river, as the store has it now.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::{Store, StoreError, changes, members, read};
use crate::model::entry::StoredEntry;
use crate::model::page::{Cursor, Place};
use crate::model::source::{Priorities, SourceId};

/// Stories that the first page passes over one by one; behind those only what came lately is looked for, by other
/// sources than those that have their share.
const MOST_PASSED: usize = 2_000;

/// What came lately, milliseconds before the last arrival.
const LATELY_MILLIS: i64 = 3 * 24 * 3600 * 1000;

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
    /// Whether stories beyond that fill the page where the other sources have none.
    pub fills: bool,
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
        let priorities = self.priorities();
        self.reading(|connection| {
            // One state of the store, so that no change is counted that is not seen.
            let snapshot = connection.unchecked_transaction()?;
            let mut page =
                page(&Look { connection: &snapshot, selection, publishes, priorities: &priorities }, start, limit)?;
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
            let mut select = connection.prepare_cached(&format!(
                "SELECT {} FROM entries WHERE source = ?1 AND pruned = 0 ORDER BY row DESC LIMIT ?2",
                read::ENTRY_COLUMNS
            ))?;
            select.query_map(params![source.as_str(), limit], read::entry)?.collect()
        })
    }
}

/// What a page is read with.
struct Look<'a> {
    connection: &'a Connection,
    selection: &'a Selection,
    publishes: &'a dyn Fn(&StoredEntry) -> bool,
    priorities: &'a Priorities,
}

impl Look<'_> {
    fn story(&self, row: i64) -> rusqlite::Result<Option<StoredEntry>> {
        members::told(self.connection, row, self.publishes, self.priorities)
    }
}

/// A page as it comes to be.
struct Gathering {
    page: Page,
    limit: usize,
    bytes: usize,
    fairness: Fairness,
    /// Stories on the page by the source whose words they show.
    of_source: HashMap<String, usize>,
    /// The newest stories of sources that have their share, as many as a page could take and one more.
    passed: Vec<Cursor>,
    count_passed: usize,
    /// The newest story that was there before its source was added.
    backlog: Option<Cursor>,
}

impl Gathering {
    fn is_full(&self) -> bool {
        self.page.stories.len() == self.limit || self.bytes > MOST_BYTES
    }

    fn has_share(&self, source: &str) -> bool {
        let most = self.fairness.per_source.unwrap_or(usize::MAX);
        self.of_source.get(source).is_some_and(|count| *count >= most)
    }

    /// Takes a story, or passes it over: whose words it shows decides which source has it on the page.
    fn take(&mut self, look: &Look<'_>, at: Cursor, source: &str, is_backlog: bool) -> rusqlite::Result<()> {
        if self.fairness.passes_backlog && is_backlog {
            self.count_passed += 1;
            self.backlog.get_or_insert(at);
            return Ok(());
        }
        if self.has_share(source) && !members::has_several(look.connection, at.row)? {
            self.pass(at);
            return Ok(());
        }
        match look.story(at.row)? {
            Some(story) if self.has_share(story.told_by.as_str()) => self.pass(at),
            Some(story) => self.add(story),
            None => {}
        }
        Ok(())
    }

    fn pass(&mut self, at: Cursor) {
        self.count_passed += 1;
        if self.passed.len() <= self.limit {
            self.passed.push(at);
        }
    }

    fn add(&mut self, story: StoredEntry) {
        *self.of_source.entry(story.told_by.to_string()).or_default() += 1;
        self.bytes += story.body_len();
        self.page.stories.push(story);
    }

    /// Looks for what came lately and stands below a place, of sources that do not have their share.
    fn look_behind(&mut self, look: &Look<'_>, mut below: Cursor) -> rusqlite::Result<()> {
        let (among, of) = among(look.selection);
        let mut select = look.connection.prepare_cached(&format!(
            "SELECT row, sort, source, backlog FROM entries INDEXED BY stories_by_arrival
             WHERE story = row AND pruned = 0 AND (sort, row) < (?1, ?2) AND {among}
               AND first_seen >= (SELECT first_seen FROM entries ORDER BY row DESC LIMIT 1) - ?4
               AND source NOT IN (SELECT value FROM json_each(?5)) ORDER BY sort DESC, row DESC"
        ))?;
        loop {
            let with_share: Vec<&String> = self.of_source.keys().filter(|source| self.has_share(source)).collect();
            let with_share = serde_json::json!(with_share).to_string();
            let mut rows = select.query(params![below.order, below.row, of, LATELY_MILLIS, with_share])?;
            let before = self.count_passed;
            loop {
                let Some(row) = rows.next()? else { return Ok(()) };
                below = Cursor { order: row.get(1)?, row: row.get(0)? };
                self.take(look, below, row.get_ref(2)?.as_str()?, row.get(3)?)?;
                if self.is_full() {
                    return Ok(());
                }
                if self.count_passed - before > MOST_PASSED {
                    // By now more sources have their share.
                    break;
                }
            }
        }
    }

    /// Fills the page with what was passed over, where the others have no more.
    fn fill(&mut self, look: &Look<'_>) -> rusqlite::Result<()> {
        let mut passed = std::mem::take(&mut self.passed).into_iter();
        while self.fairness.fills
            && !self.is_full()
            && let Some(at) = passed.next()
        {
            if let Some(story) = look.story(at.row)? {
                self.add(story);
            }
        }
        self.passed = passed.collect();
        self.page.stories.sort_by_key(|story| std::cmp::Reverse((story.order, story.row)));
        Ok(())
    }
}

fn page(look: &Look<'_>, start: &Start, limit: usize) -> rusqlite::Result<Page> {
    let (among, of) = among(look.selection);
    let (compare, direction) = if matches!(start, Start::Above(_)) { (">", "ASC") } else { ("<", "DESC") };
    let mut select = look.connection.prepare_cached(&format!(
        "SELECT row, sort, source, backlog FROM entries
         WHERE story = row AND pruned = 0 AND (sort, row) {compare} (?1, ?2) AND {among} ORDER BY sort {direction}, row {direction}"
    ))?;
    let (from, fairness, mut shown) = match start {
        Start::Top(fairness) => (Cursor { order: i64::MAX, row: i64::MAX }, *fairness, Vec::new()),
        Start::Below(place) => (place.cursor, Fairness::default(), place.shown.clone()),
        Start::Above(cursor) => (*cursor, Fairness::default(), Vec::new()),
    };
    let mut gathering = Gathering {
        page: Page::default(),
        limit,
        bytes: 0,
        fairness,
        of_source: HashMap::new(),
        passed: Vec::new(),
        count_passed: 0,
        backlog: None,
    };
    let mut has_more = false;
    let mut rows = select.query(params![from.order, from.row, of])?;
    while let Some(row) = rows.next()? {
        let at = Cursor { order: row.get(1)?, row: row.get(0)? };
        if let Some(known) = shown.iter().position(|row| *row == at.row) {
            // What stands behind a full page is still to be passed over by the next.
            if !gathering.is_full() {
                shown.swap_remove(known);
            }
            continue;
        }
        if gathering.is_full() {
            // One more than is shown tells that there is a next page.
            has_more = true;
            break;
        }
        gathering.take(look, at, row.get_ref(2)?.as_str()?, row.get(3)?)?;
        if gathering.count_passed > MOST_PASSED {
            has_more = true;
            gathering.look_behind(look, at)?;
            break;
        }
    }
    if matches!(start, Start::Top(_)) {
        gathering.fill(look)?;
    }
    let passed_over = gathering.passed.first().copied().max(gathering.backlog);
    let mut page = std::mem::take(&mut gathering.page);
    if has_more {
        page.next = page.stories.last().map(|last| Place { cursor: Cursor::after(last), shown });
    }
    lead_on(look, start, page, gathering, passed_over)
}

/// Lets late arrivals onto a page, and says where the next one begins.
fn lead_on(
    look: &Look<'_>,
    start: &Start,
    mut page: Page,
    mut gathering: Gathering,
    mut passed_over: Option<Cursor>,
) -> rusqlite::Result<Page> {
    if page.next.is_some() && gathering.fairness.passes_backlog {
        let may_show = |source: &SourceId| {
            let has_share = gathering.has_share(source.as_str());
            *gathering.of_source.entry(source.to_string()).or_default() += 1;
            !has_share
        };
        let late = late(look, &page.stories, may_show)?;
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
    look: &Look<'_>,
    shown: &[StoredEntry],
    mut may_show: impl FnMut(&SourceId) -> bool,
) -> rusqlite::Result<Vec<StoredEntry>> {
    let room = shown.len() / LATE_PART;
    let Some(last_kept) = shown.len().checked_sub(room + 1).and_then(|place| shown.get(place)) else {
        return Ok(Vec::new());
    };
    let (among, of) = among(look.selection);
    let mut select = look.connection.prepare_cached(&format!(
        "SELECT row FROM entries
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
        } else if let Some(story) = look.story(row_number)?
            && may_show(&story.told_by)
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
