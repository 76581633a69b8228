//! Everything that an entry alone tells, made before the store is asked: what is stored of it, what it is compared by,
//! and the words it is found by.
//!
//! This is most of the work of a new entry, and none of it needs to know what is stored; so the threads that read
//! documents do it, several at once. Entries that look known are left for later ([`Prepared::complete`]): of these
//! nothing is written unless they changed.

use std::cell::RefCell;

use thiserror::Error;

use crate::clean;
use crate::html;
use crate::identity::Keys;
use crate::model::cleaning::Firing;
use crate::model::entry::Entry;
use crate::model::feed::RawEntry;
use crate::model::source::SourceId;
use crate::search::indexed;
use crate::stories::Features;

/// How well the publisher's words are compressed (zstd).
const LEVEL: i32 = 3;

/// The digest by which stored JSON is known as the work of this version of the sanitiser ([`html::stamp`]).
pub type Stamp = [u8; 16];

/// Why an entry could not be prepared.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// It has no form in JSON.
    #[error("an entry cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It could not be compressed.
    #[error("an entry cannot be compressed: {0}")]
    Compress(#[from] std::io::Error),
    /// A fault of newsriver: it was written before.
    #[error("an entry was to be written twice")]
    Taken,
}

/// One entry of a document, ready to be decided on.
#[derive(Debug)]
pub struct Prepared {
    pub(super) entry: Entry,
    pub(super) keys: Keys,
    /// The entry as the store keeps it, JSON.
    pub(super) data: String,
    /// The stamp of `data`.
    pub(super) stamp: Stamp,
    source: SourceId,
    rest: Rest,
}

/// What only an entry needs that is written.
#[derive(Debug)]
enum Rest {
    Unmade { raw: Box<RawEntry>, fired: Vec<Firing> },
    Made(Box<Complete>),
    Taken,
}

/// What is written of an entry beside its JSON.
#[derive(Debug)]
pub(super) struct Complete {
    /// The publisher's words: JSON in zstd.
    pub(super) original: Vec<u8>,
    /// What cleaning did, JSON.
    pub(super) fired: String,
    /// What it is compared by; its place in time is not known here.
    pub(super) features: Features,
    /// The words of the full-text index.
    pub(super) search: String,
}

impl Prepared {
    /// An entry of `source`, with the publisher's words, what cleaning did to it, and what it is known by.
    ///
    /// # Errors
    /// [`PrepareError`] where it has no stored form.
    pub fn new(
        source: &SourceId,
        raw: RawEntry,
        entry: Entry,
        fired: Vec<Firing>,
        keys: Keys,
    ) -> Result<Self, PrepareError> {
        let data = serde_json::to_string(&entry)?;
        let mut stamp = Stamp::default();
        stamp.copy_from_slice(&html::stamp(data.as_bytes()));
        let rest = Rest::Unmade { raw: Box::new(raw), fired };
        Ok(Self { entry, keys, data, stamp, source: source.clone(), rest })
    }

    /// The entry.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// What is stored under this stamp is this entry.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// What it is known by.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Makes what is written of an entry that is new or changed. Without this it is made when it is decided that the
    /// entry is written.
    ///
    /// # Errors
    /// [`PrepareError`] where it has no stored form.
    pub fn complete(&mut self) -> Result<(), PrepareError> {
        if let Rest::Unmade { raw, fired } = &self.rest {
            let text = clean::text_of(&self.entry).unwrap_or_default();
            let complete = Complete {
                original: packed(raw)?,
                fired: serde_json::to_string(fired)?,
                features: Features::of_text(self.source.as_str(), &self.entry, &text, 0),
                search: indexed(&self.entry.title, &text),
            };
            self.rest = Rest::Made(Box::new(complete));
        }
        Ok(())
    }

    /// What it is compared by; its place in time is not known here. Nothing where it was taken.
    pub(super) fn features(&mut self) -> Result<Option<&Features>, PrepareError> {
        self.complete()?;
        Ok(match &self.rest {
            Rest::Made(complete) => Some(&complete.features),
            Rest::Unmade { .. } | Rest::Taken => None,
        })
    }

    /// Takes what is written of the entry; nothing is left of it here.
    pub(super) fn take(&mut self) -> Result<Complete, PrepareError> {
        self.complete()?;
        match std::mem::replace(&mut self.rest, Rest::Taken) {
            Rest::Made(complete) => Ok(*complete),
            Rest::Unmade { .. } | Rest::Taken => Err(PrepareError::Taken),
        }
    }
}

/// Prepares the entries of a document in the order in which it has them.
///
/// # Errors
/// [`PrepareError`] where one has no stored form.
pub fn prepare(
    source: &SourceId,
    entries: Vec<(RawEntry, Entry)>,
    fired: Vec<Vec<Firing>>,
    keys: Vec<Keys>,
) -> Result<Vec<Prepared>, PrepareError> {
    let fired = fired.into_iter().chain(std::iter::repeat_with(Vec::new));
    let all = entries.into_iter().zip(fired).zip(keys);
    all.map(|(((raw, entry), fired), keys)| Prepared::new(source, raw, entry, fired, keys)).collect()
}

thread_local! {
    /// Making a context costs more than compressing an entry with it.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// JSON in zstd.
///
/// # Errors
/// [`PrepareError`] where the value has no such form.
pub fn packed(value: &impl serde::Serialize) -> Result<Vec<u8>, PrepareError> {
    let json = serde_json::to_vec(value)?;
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(zstd::bulk::Compressor::new(LEVEL)?),
        };
        Ok(compressor.compress(&json)?)
    })
}
