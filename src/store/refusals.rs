//! What an entry resembles and was not joined to: judged anew, for a person who asks why.
//!
//! Refusals are not stored: every entry is refused by many. They are judged with how rare words were when the entry
//! came, as far as the store still knows.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::explain::find;
use super::read::{ENTRY_COLUMNS, entry};
use super::{Store, StoreError};
use crate::model::entry::StoredEntry;
use crate::stories::{Features, Judgement, Rarity, Signature, WINDOW_MS, judge_in_full};

/// Entries that are judged, those that share the rarest words.
const MOST_JUDGED: usize = 24;

/// Stories that are told of.
const MOST_TOLD: usize = 5;

/// What the words that both titles have must weigh, in words that no other title has.
const LEAST_SHARED: f64 = 0.7;

/// An entry of another story, and why it is not of this one.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    /// The id of the other entry in the river.
    pub other: String,
    /// Its source.
    pub source: String,
    /// Its title.
    pub title: String,
    /// What speaks for and against.
    #[serde(flatten)]
    pub judgement: Judgement,
}

impl Store {
    /// The entries of other stories that an entry resembles most, one of each story, with what kept them apart; none
    /// where there is no such entry, or where it was split off by hand. This reads what all entries of the window are
    /// found by, so it is for a person who asks and not for pages.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn refusals(&self, name: &str) -> Result<Vec<Refusal>, StoreError> {
        self.reading(|connection| match find(connection, name)? {
            Some(row) => refusals(connection, row),
            None => Ok(Vec::new()),
        })
    }
}

fn refusals(connection: &Connection, row: i64) -> rusqlite::Result<Vec<Refusal>> {
    let Some((own, stored)) = told(connection, row)? else { return Ok(Vec::new()) };
    let features = Features::of_stored(&stored);
    let seen = stored.first_seen.timestamp_millis();
    let (rarity, titles) = window(connection, row, seen)?;
    let mut alike: Vec<(f64, i64)> = (titles.into_iter())
        .map(|(other, words)| {
            let shared = features.words.keys().filter(|word| words.contains(word));
            (shared.map(|word| rarity.weight(word)).sum(), other)
        })
        .filter(|(weight, _)| *weight >= LEAST_SHARED)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    alike.truncate(MOST_JUDGED);
    let (mut stories, mut found) = (vec![own], Vec::new());
    for (_, other) in alike {
        if found.len() == MOST_TOLD {
            break;
        }
        let Some((story, theirs)) = told(connection, other)?.filter(|(story, _)| !stories.contains(story)) else {
            continue;
        };
        stories.push(story);
        let mut judgement = judge_in_full(&features, &Features::of_stored(&theirs), &rarity);
        if judgement.joined {
            judgement.joined = false;
            judgement.evidence.insert(0, "alike, but the tellings of the two stories are not as a whole".to_owned());
        }
        found.push(Refusal {
            other: theirs.river_id,
            source: theirs.source.to_string(),
            title: theirs.entry.title,
            judgement,
        });
    }
    Ok(found)
}

/// An entry with its story; `None` where it is gone, is beyond the limits of its story, or was split off by hand.
fn told(connection: &Connection, row: i64) -> rusqlite::Result<Option<(i64, StoredEntry)>> {
    connection
        .prepare_cached(&format!(
            "SELECT {ENTRY_COLUMNS}, coalesce(story, row) FROM entries
             WHERE row = ?1 AND split = 0 AND surplus = 0 AND pruned = 0"
        ))?
        .query_row([row], |r| Ok((r.get(8)?, entry(r)?)))
        .optional()
}

/// Entries with the words of their titles.
type Titles = Vec<(i64, Vec<u32>)>;

/// How rare words were when the entry `row` came, and the entries within the window on either side of it.
fn window(connection: &Connection, row: i64, seen: i64) -> rusqlite::Result<(Rarity, Titles)> {
    let (mut rarity, mut titles) = (Rarity::default(), Vec::new());
    let mut select = connection.prepare(
        "SELECT row, first_seen, signature FROM entries
         WHERE first_seen BETWEEN ?1 AND ?2 AND signature IS NOT NULL ORDER BY row",
    )?;
    let mut rows = select.query(params![Rarity::horizon(seen), seen.saturating_add(WINDOW_MS)])?;
    while let Some(each) = rows.next()? {
        let (other, first_seen, bytes): (i64, i64, Vec<u8>) = (each.get(0)?, each.get(1)?, each.get(2)?);
        let Some(signature) = Signature::from_bytes(&bytes) else { continue };
        if other <= row {
            drop(rarity.add(first_seen, signature.words()));
        }
        if other != row {
            titles.push((other, signature.words().to_vec()));
        }
    }
    Ok((rarity, titles))
}
