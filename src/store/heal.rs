//! What is stored -> what may be published. Entries and archived stories that this version of the sanitiser wrote are
//! known by their stamp. All others are healed whenever they are read: their HTML is sanitised again, links of schemes
//! that nobody may follow go. [`Store::heal`] writes that back, so that it is done once.

use rusqlite::{Connection, TransactionBehavior, params};

use super::codec::to_json;
use super::{Store, StoreError};
use crate::html::link::{SCHEMES, resolved};
use crate::html::{Restored, restored, stamp};
use crate::model::archive::ArchivedStory;
use crate::model::entry::Entry;

/// An entry from its JSON; whether that is as this version writes it.
pub(super) fn entry(json: &str, stamp: Option<&[u8]>) -> serde_json::Result<(Entry, bool)> {
    let Restored { mut value, is_current } = restored(json.as_bytes(), stamp)?;
    if !is_current {
        heal_links(&mut value);
    }
    Ok((value, is_current))
}

/// A story packed for the archives.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) data: Vec<u8>,
    pub(super) stamp: Vec<u8>,
}

impl Packed {
    pub(super) fn new(story: &ArchivedStory) -> std::io::Result<Self> {
        let json = serde_json::to_vec(story)?;
        Ok(Self { data: zstd::bulk::compress(&json, 3)?, stamp: stamp(&json) })
    }
}

/// A story from the archives; whether it is as this version writes it.
pub(super) fn archived(packed: &[u8], stamp: Option<&[u8]>) -> std::io::Result<(ArchivedStory, bool)> {
    let json = zstd::stream::decode_all(packed)?;
    let Restored { value, is_current } = restored::<ArchivedStory>(&json, stamp)?;
    let mut archived = value;
    if !is_current {
        heal_links(&mut archived.story.entry);
        archived.story.tellings.iter_mut().for_each(|telling| heal_link(&mut telling.url));
        for origin in &mut archived.origins {
            heal_link(&mut origin.url);
            heal_link(&mut origin.home_page_url);
        }
    }
    Ok((archived, is_current))
}

fn heal_links(entry: &mut Entry) {
    for link in [&mut entry.url, &mut entry.external_url, &mut entry.image] {
        heal_link(link);
    }
    entry.authors.iter_mut().for_each(|author| heal_link(&mut author.url));
    if let Some(comments) = &mut entry.comments {
        heal_link(&mut comments.url);
        heal_link(&mut comments.feed_url);
    }
    entry.attachments.retain_mut(|attachment| {
        let healed = resolved(&attachment.url, None, &SCHEMES);
        healed.map(|url| attachment.url = url).is_some()
    });
}

fn heal_link(link: &mut Option<String>) {
    *link = link.take().and_then(|link| resolved(&link, None, &SCHEMES));
}

impl Store {
    /// Writes back up to `most` healed entries, and as many archived stories; how many it looked at. Ids, places and
    /// times stay as they are.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn heal(&self, most: usize) -> Result<usize, StoreError> {
        let mut connection = self.writing()?;
        heal(&mut connection, i64::try_from(most).unwrap_or(i64::MAX))
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }
}

fn heal(connection: &mut Connection, most: i64) -> rusqlite::Result<usize> {
    // Reading what is left takes no lock.
    let left: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM entries WHERE stamp IS NULL) OR EXISTS (SELECT 1 FROM archive WHERE stamp IS NULL)",
        [],
        |row| row.get(0),
    )?;
    if !left {
        return Ok(0);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let entries: Vec<(i64, String)> = transaction
        .prepare("SELECT row, data FROM entries WHERE stamp IS NULL LIMIT ?1")?
        .query_map([most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (row, data) in &entries {
        // What cannot be read is not published either; an empty stamp is that of nothing.
        let healed = entry(data, None).ok().map(|(entry, _)| to_json(&entry)).transpose()?;
        let stamp = healed.as_ref().map(|json| stamp(json.as_bytes())).unwrap_or_default();
        transaction
            .prepare_cached("UPDATE entries SET data = coalesce(?2, data), stamp = ?3 WHERE row = ?1")?
            .execute(params![row, healed, stamp])?;
    }
    let archive: Vec<(i64, Vec<u8>)> = transaction
        .prepare("SELECT seq, data FROM archive WHERE stamp IS NULL LIMIT ?1")?
        .query_map([most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (seq, data) in &archive {
        let healed = archived(data, None).and_then(|(story, _)| Packed::new(&story)).ok();
        let (data, stamp) = healed.map_or((None, Vec::new()), |packed| (Some(packed.data), packed.stamp));
        transaction
            .prepare_cached("UPDATE archive SET data = coalesce(?2, data), stamp = ?3 WHERE seq = ?1")?
            .execute(params![seq, data, stamp])?;
    }
    transaction.commit()?;
    Ok(entries.len() + archive.len())
}
