//! A document becomes entries: decoding, parsing and cleaning as work for the processor.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use url::Url;

use super::outcome::{Announces, Held, Nothing, Success};
use super::{PollError, Poller};
use crate::clean::Cleaner;
use crate::ingest::{self, Prepared, ReadDocument};
use crate::model::cleaning::Firing;
use crate::model::document::{Document, Validators, charset_of};
use crate::model::entry::{Entry, Feed};
use crate::model::feed::{RawEntry, RawFeed};
use crate::model::report::PollStatus;
use crate::model::source::Source;
use crate::model::text::hex;
use crate::model::websub::Announced;
use crate::normalise::{self, Context};
use crate::parse::ParseError;
use crate::store::Store;
use crate::{clean, decode, identity, parse};

/// Changes whenever the same bytes would be read in another way than by the version before, so
/// that documents which did not change are read again.
const READING: u32 = 6;

/// Documents of more bytes than this are read and stored one at a time.
const LARGE: usize = 1 << 20;

/// Earlier titles of a source that its affixes are learnt from, beside those of the document.
const KNOWN_TITLES: usize = 300;

/// Entries of a document that are made ready to be written before it is known whether they are: what they are compared
/// by takes some kilobytes each.
const MOST_AHEAD: usize = 500;

/// A document as far as it is pure work: bytes in, values out.
#[derive(Debug)]
pub struct Reading {
    /// What the publisher sent.
    pub raw: RawFeed,
    /// What was made of it.
    pub feed: Feed,
    /// The charset it was in.
    pub charset: &'static str,
    /// The address of the document, where it has one on the web.
    pub url: Option<Url>,
}

/// Reads the bytes of a document of `source`.
///
/// # Errors
/// [`ParseError`] where it is no feed.
pub fn read_document(source: &Source, document: Document) -> Result<Reading, ParseError> {
    let http_charset = document.content_type.as_deref().and_then(charset_of);
    let text = decode::decode(&document.bytes, source.charset, http_charset);
    let raw = parse::parse(&text, source.select.as_ref())?;
    let document_url = source.base_url.clone().or_else(|| Url::parse(&document.url).ok());
    let url = Url::parse(&document.url).ok().or_else(|| document_url.clone());
    let context = Context { document_url, timezone: source.timezone, tags: &source.tags, now: document.fetched_at };
    let feed = normalise::normalise(&raw, &context);
    Ok(Reading { raw, feed, charset: text.charset(), url })
}

/// Cleans the entries of one document by the rules of their source; what each rule did, entry by
/// entry. `known_titles` are those that the publisher gave earlier entries.
#[must_use]
pub fn clean_entries(
    source: &Source,
    entries: &mut [Entry],
    known_titles: &[String],
    now: DateTime<Utc>,
) -> Vec<Vec<Firing>> {
    let cleaner = Cleaner::new(&source.clean, entries, known_titles, now);
    entries.iter_mut().map(|entry| cleaner.clean(entry)).collect()
}

impl Poller {
    /// Makes entries of a document.
    pub(super) async fn take(
        &self,
        source: &Source,
        document: Document,
        mut digest: Option<String>,
        is_delta: bool,
        mut success: Success,
    ) -> Result<Success, Nothing> {
        let now = document.fetched_at;
        let wish = success.wish.clone();
        let fail = |error: PollError| Nothing::since(error, &wish);
        if document.bytes.len() > LARGE {
            // The semaphore is never closed.
            success.held.take_turn(self.large.clone().acquire_owned().await.ok());
        }
        let mut reading = self.read(source, document).await.map_err(fail)?;
        if source.full_text || source.select.as_ref().is_some_and(|select| select.next.is_some()) {
            // What others wait for is not kept while more is fetched.
            success.held = Held::default();
        }
        let linked = self.read_on(source, &mut reading, now).await.map_err(fail)?;
        success.status = PollStatus::Ok;
        success.articles = linked.attempts;
        if linked.unfinished {
            // The next poll must see the document again, changed or not.
            success.validators = Validators::default();
            digest = digest.map(|_| String::new());
        }
        success.warnings.extend(reading.raw.warnings.iter().cloned());
        success.warnings.extend(linked.warnings);
        success.announced = announced(&reading, std::mem::take(&mut success.announces));
        let entries = self.prepare(source, reading.raw.entries, reading.feed.entries, now).await.map_err(fail)?;
        success.document = Some(ReadDocument {
            body_digest: digest,
            recipe: source.recipe(),
            title: reading.feed.title,
            home_page_url: reading.feed.home_page_url,
            hints: reading.raw.hints,
            is_delta,
            entries,
        });
        Ok(success)
    }

    /// Reads on one of the threads for it, since it is work for the processor; a panic there is caught.
    pub(super) async fn read(&self, source: &Source, document: Document) -> Result<Reading, PollError> {
        let source = source.clone();
        let bytes = document.bytes.len();
        let read = self.readers.run(bytes, move || read_document(&source, document)).await;
        Ok(read.map_err(PollError::Panicked)??)
    }

    /// Cleaning is work for the processor too, and so is all that can be made of an entry before it is known what it is.
    async fn prepare(
        &self,
        source: &Source,
        raw: Vec<RawEntry>,
        entries: Vec<Entry>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Prepared>, PollError> {
        let (source, store) = (source.clone(), self.store.clone());
        let bytes = entries.iter().filter_map(|entry| entry.content_html.as_ref()).map(|html| html.len()).sum();
        let prepared = self.readers.run(bytes, move || prepare(&source, &store, raw, entries, now));
        prepared.await.map_err(PollError::Panicked)?
    }
}

/// Makes of the entries of a document what is stored of them.
fn prepare(
    source: &Source,
    store: &Store,
    raw: Vec<RawEntry>,
    mut entries: Vec<Entry>,
    now: DateTime<Utc>,
) -> Result<Vec<Prepared>, PollError> {
    // By the publisher's words, so that no change of a rule makes an entry another.
    let keys = identity::keys(&entries, clean::canonical_link);
    let known_titles = store.titles(&source.id, KNOWN_TITLES)?;
    let fired = clean_entries(source, &mut entries, &known_titles, now);
    if source.public_address().is_none() {
        // An id that repeats the key of a private feed is known by its digest, and published under another.
        let repeats = |id: &String| source.gives_away(id);
        entries.iter_mut().for_each(|entry| entry.publisher_id = entry.publisher_id.take().filter(|id| !repeats(id)));
    }
    let mut prepared = ingest::prepare(&source.id, raw.into_iter().zip(entries).collect(), fired, keys)?;
    // What is stored just so will not be written; it is decided later, when nothing can change any more.
    let is_stored = store.are_stored(&source.id, &prepared)?;
    let will_be_written = prepared.iter_mut().zip(is_stored).filter(|(_, is_stored)| !is_stored);
    will_be_written.take(MOST_AHEAD).try_for_each(|(entry, _)| entry.complete())?;
    Ok(prepared)
}

/// What a document or its headers announce of a hub: the headers count first (WebSub, section 4).
fn announced(reading: &Reading, headers: Announces) -> Option<Announced> {
    let absolute = |link: Option<&str>| {
        let link = link?.trim();
        match &reading.url {
            Some(base) => base.join(link).ok(),
            None => Url::parse(link).ok(),
        }
    };
    let hub = headers.hub.or_else(|| absolute(reading.raw.hub.as_deref()).map(String::from))?;
    let own = headers.own.or_else(|| absolute(reading.raw.self_link.as_deref()).map(String::from));
    Some(Announced { hub, topic: own.or_else(|| reading.url.as_ref().map(Url::to_string))? })
}

/// What a document is recognised by, read as this version reads it.
pub(super) fn body_digest(document: &Document) -> String {
    let mut hash = Sha256::new();
    hash.update(READING.to_le_bytes());
    hash.update(document.content_type.as_deref().unwrap_or_default());
    hash.update([0]);
    hash.update(&document.bytes);
    hex(&hash.finalize()[..16])
}
