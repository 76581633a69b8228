//! The entries of stories as pages list them: each with its own headline, time and link, and why it was joined.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::members;
use super::read::{source_id, time};
use super::{Store, StoreError};
use crate::ingest::MOST_MEMBERS;
use crate::model::entry::StoredEntry;
use crate::model::source::SourceId;
use crate::model::text::hex;
use crate::stories::Judgement;

/// One entry of a story, without its text.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedEntry {
    /// Its id in the river.
    pub river_id: String,
    /// Its source.
    pub source: SourceId,
    /// Its link.
    pub url: Option<String>,
    /// Its title, cleaned.
    pub title: String,
    /// The publisher's title, where cleaning changed it.
    pub title_original: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// The publisher's date, held to the time first seen; else that.
    pub at: DateTime<FixedOffset>,
    /// The strongest reason for which it was joined to an entry before it.
    pub why: Option<Why>,
}

/// Why an entry was joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// The id in the river of the entry that it was compared with.
    pub other: String,
    /// The evidence.
    pub judgement: Judgement,
}

impl Store {
    /// The members of each of these stories (rows), in the order of their arrival.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn listed(&self, stories: &[i64]) -> Result<HashMap<i64, Vec<ListedEntry>>, StoreError> {
        self.reading(|connection| stories.iter().map(|story| Ok((*story, listed(connection, *story)?))).collect())
    }

    /// The key that addresses of pictures are signed with: `fresh` becomes it where there is none yet.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn picture_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let wrap = |source| StoreError::Sqlite { path: self.path.to_path_buf(), source };
        let connection = self.writing()?;
        let key = connection
            .execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('picture_key', ?1)", [hex(&fresh)])
            .and_then(|_| {
                connection
                    .query_row("SELECT value FROM meta WHERE key = 'picture_key'", [], |row| row.get::<_, String>(0))
            });
        let key = key.map_err(wrap)?;
        let byte = |at: usize| key.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        Ok(std::array::from_fn(|at| byte(at).unwrap_or(fresh[at])))
    }

    /// The story that a row leads, as its best published telling; `None` where it leads none.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn story(
        &self,
        story: i64,
        publishes: &dyn Fn(&StoredEntry) -> bool,
    ) -> Result<Option<StoredEntry>, StoreError> {
        let priorities = self.priorities();
        self.reading(|connection| members::told(connection, story, publishes, &priorities))
    }

    /// The row of the story that the entry `name` belongs to: an id in the river, a row, a link or a publisher's id.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn story_of(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.reading(|connection| {
            let Some(row) = super::explain::find(connection, name)? else { return Ok(None) };
            connection
                .prepare_cached("SELECT coalesce(story, row) FROM entries WHERE row = ?1")?
                .query_row([row], |found| found.get(0))
                .optional()
        })
    }
}

fn listed(connection: &Connection, story: i64) -> rusqlite::Result<Vec<ListedEntry>> {
    let mut reasons = reasons(connection, story)?;
    let mut select = connection.prepare_cached(
        "SELECT row, river_id, source, first_seen,
                json_extract(data, '$.url', '$.title', '$.title_original', '$.language', '$.published', '$.updated')
         FROM entries INDEXED BY members_of_story
         WHERE story = ?1 AND pruned = 0 AND surplus = 0 ORDER BY row LIMIT ?2",
    )?;
    let mut rows = select.query(params![story, MOST_MEMBERS])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let first_seen: DateTime<Utc> = time(row.get(3)?);
        let parts: String = row.get(4)?;
        let [url, title, title_original, language, published, updated]: [Option<String>; 6] =
            serde_json::from_str(&parts).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, error.into())
            })?;
        let dated = published.or(updated).and_then(|date| DateTime::parse_from_rfc3339(&date).ok());
        found.push(ListedEntry {
            river_id: row.get(1)?,
            source: source_id(row, 2)?,
            url,
            title: title.unwrap_or_default(),
            title_original,
            language,
            at: dated.filter(|date| *date <= first_seen).unwrap_or_else(|| first_seen.fixed_offset()),
            why: reasons.remove(&row.get(0)?),
        });
    }
    Ok(found)
}

/// Why each entry of a story was joined, by its row: of several reasons the strongest.
fn reasons(connection: &Connection, story: i64) -> rusqlite::Result<HashMap<i64, Why>> {
    let mut select = connection.prepare_cached(
        "SELECT j.entry, b.river_id, j.judgement FROM entries a INDEXED BY members_of_story
            CROSS JOIN joins j ON j.entry = a.row JOIN entries b ON b.row = j.other
         WHERE a.story = ?1 AND a.surplus = 0 AND b.story = ?1 ORDER BY j.entry, j.other",
    )?;
    let mut rows = select.query([story])?;
    let mut reasons: HashMap<i64, Why> = HashMap::new();
    while let Some(row) = rows.next()? {
        let json: String = row.get(2)?;
        let judgement: Judgement = serde_json::from_str(&json)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, error.into()))?;
        let entry: i64 = row.get(0)?;
        if reasons.get(&entry).is_none_or(|known| known.judgement.score < judgement.score) {
            reasons.insert(entry, Why { other: row.get(1)?, judgement });
        }
    }
    Ok(reasons)
}
