//! One poll of one source, top to bottom; the file to read first.
//!
//! fetch -> decode -> parse -> normalise -> identity -> store. A poll ends in a [`PollReport`],
//! whatever happened: an error ends that poll only, is kept with the source, and the entries stay.
//! The report is the log line, the row of `/status` and the row of `newsriver log`.

mod event;
mod linked;
mod outcome;
mod timing;

use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::Semaphore;
use url::Url;

use crate::clean::Cleaner;
use crate::fetch::{Failed, FetchError, Fetched, Fetcher, Known, Outcome};
use crate::model::cleaning::Firing;
use crate::model::document::{Document, ServerWish, Validators, charset_of};
use crate::model::entry::{Entry, Feed};
use crate::model::feed::RawFeed;
use crate::model::report::{Counts, ErrorKind, Failure, PollReport, PollStatus, SourceState};
use crate::model::source::Source;
use crate::model::text::hex;
use crate::normalise::{self, Context};
use crate::parse::ParseError;
use crate::schedule::{After, Outage};
use crate::store::{OVERRUN, PollCommit, ReadDocument, SourceRow, Store, StoreError};
use crate::{clean, decode, identity, parse};
pub use event::log;
use outcome::{Nothing, Success};

/// Changes whenever the same bytes would be read in another way than by the version before, so
/// that documents which did not change are read again.
const READING: u32 = 3;

/// How long a server is believed that says "not changed", seconds.
const LONGEST_UNCHANGED: i64 = 7 * 24 * 3600;

/// Earlier titles of a source that its affixes are learnt from, beside those of the document.
const KNOWN_TITLES: usize = 300;

/// Why a poll failed.
#[derive(Debug, Error)]
pub enum PollError {
    /// The document did not come.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The document is no feed, or broken.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The server says that nothing changed, of a document that was never had.
    #[error("the server answered 304, though it was not asked for changes")]
    NothingToKeep,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of newsriver.
    #[error("a fault of newsriver ended this poll: {0}; please report it")]
    Panicked(String),
}

impl PollError {
    /// The kind for `/status.json`.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fetch(error) => error.kind(),
            Self::Parse(ParseError::NotAFeed { .. }) => ErrorKind::NotAFeed,
            Self::Parse(ParseError::Broken { .. } | ParseError::NoItems { .. }) => ErrorKind::Parse,
            Self::NothingToKeep => ErrorKind::HttpStatus,
            Self::Store(_) => ErrorKind::Io,
            Self::Panicked(_) => ErrorKind::Internal,
        }
    }

    /// The failure to keep: one line, bounded, without control characters.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let text: String = self.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
        Failure { kind: self.kind(), message: text }
    }
}

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

/// Polls sources; clones share the client and the store.
#[derive(Debug, Clone)]
pub struct Poller {
    fetcher: Fetcher,
    store: Store,
    authority: Arc<str>,
    readers: Arc<Semaphore>,
    outage: Arc<Mutex<Outage>>,
}

/// What a poll left behind: what happened, and the source as it is now.
#[derive(Debug)]
pub struct Polled {
    /// What happened.
    pub report: PollReport,
    /// The source afterwards.
    pub row: SourceRow,
}

impl Poller {
    /// A poller that mints ids in the name of `authority`, a host.
    #[must_use]
    pub fn new(fetcher: Fetcher, store: Store, authority: &str) -> Self {
        // Reading is work for the processor: more at once would only cost memory.
        let readers = available_parallelism().map_or(2, std::num::NonZero::get) * 2;
        Self {
            fetcher,
            store,
            authority: authority.into(),
            readers: Arc::new(Semaphore::new(readers)),
            outage: Arc::default(),
        }
    }

    /// The same poller with another client and name; what it knows of our own network stays.
    #[must_use]
    pub fn renewed(&self, fetcher: Fetcher, authority: &str) -> Self {
        Self { fetcher, authority: authority.into(), ..self.clone() }
    }

    /// Polls `source` once. `force` ignores what is known of the document.
    pub async fn poll(&self, source: &Source, state: &SourceState, force: bool) -> Polled {
        let started_at = Utc::now();
        let clock = Instant::now();
        let recipe = source.recipe();
        let known = !force && state.recipe.as_deref() == Some(recipe.as_str());
        let brought = self.bring(source, state, known, recipe, started_at).await;
        let (success, failed) = match brought {
            Ok(success) => (Some(success), None),
            Err(failed) => (None, Some(failed)),
        };
        let after = self.after(source, state, failed.as_ref().map(|failed| &failed.error), started_at);
        let mut commit = self.commit_of(source, state, started_at, clock.elapsed(), after);
        let wish = match (success, &failed) {
            (Some(success), _) => success.put_into(&mut commit, state),
            (None, Some(failed)) => {
                commit.put_failure(source, &failed.error);
                failed.wish.clone()
            }
            (None, None) => ServerWish::default(),
        };
        timing::set_next(source, &mut commit, after, &wish);
        let mut report = PollReport {
            source: source.id.clone(),
            started_at,
            elapsed: Duration::ZERO,
            status: commit.status,
            http_status: commit.http_status,
            bytes: commit.bytes,
            counts: Counts::default(),
            warnings: commit.warnings.clone(),
            error: commit.error.clone(),
            next_poll: commit.next_poll,
        };
        let row = match self.store.commit(commit).await {
            Ok(committed) => {
                report.counts = committed.counts;
                report.warnings.extend(committed.is_overrun.then(|| OVERRUN.to_owned()));
                report.next_poll = committed.source.state.next_poll;
                committed.source
            }
            Err(error) => self.not_stored(source, state, &mut report, &PollError::Store(error)),
        };
        report.elapsed = clock.elapsed();
        Polled { report, row }
    }

    /// Everything before the store.
    async fn bring(
        &self,
        source: &Source,
        state: &SourceState,
        known: bool,
        recipe: String,
        now: DateTime<Utc>,
    ) -> Result<Success, Nothing> {
        let nothing = Validators::default();
        // A server that has said "not changed" for long is asked for the whole once: some always say it.
        let whole = state.activity.last_whole.is_some_and(|at| now.timestamp() - at > LONGEST_UNCHANGED);
        let validators = if known && !whole { &state.validators } else { &nothing };
        let moved_to = state.moved_to.as_deref().filter(|_| known).and_then(|url| Url::parse(url).ok());
        let known_of_it = Known { moved_to: moved_to.as_ref(), validators, was_well: state.last_success.is_some() };
        let fetched = self.fetcher.fetch(source, &known_of_it, now).await;
        let Fetched { outcome, http_status, hops, validators, wish, is_delta } =
            fetched.map_err(|Failed { error, wish }| Nothing { error: error.into(), wish })?;
        let mut success = Success {
            status: PollStatus::NotModified,
            http_status,
            bytes: 0,
            validators,
            document: None,
            articles: Vec::new(),
            warnings: Vec::new(),
            wish,
            moved_to,
        };
        // Only as far as every step was for good.
        if let Some(hop) = hops.iter().take_while(|hop| matches!(hop.status, 301 | 308)).last() {
            success.moved_to = Url::parse(&hop.to).ok();
        }
        if let Some(target) = &success.moved_to {
            success.warnings.push(format!("moved permanently to {target}; `newsriver fix` puts that into feeds.toml"));
        }
        let document = match outcome {
            Outcome::NotModified if state.last_success.is_none() => {
                return Err(Nothing::since(PollError::NothingToKeep, &success.wish));
            }
            Outcome::NotModified => return Ok(success),
            Outcome::Document(document) => document,
        };
        success.bytes = document.bytes.len() as u64;
        let mut body_digest = body_digest(&document);
        if known && state.body_digest.as_deref() == Some(body_digest.as_str()) {
            success.status = PollStatus::Unchanged;
            return Ok(success);
        }
        let wish = success.wish.clone();
        let fail = |error: PollError| Nothing::since(error, &wish);
        let mut reading = self.read(source, document).await.map_err(fail)?;
        let linked = self.read_on(source, &mut reading, now).await.map_err(fail)?;
        success.status = PollStatus::Ok;
        success.articles = linked.attempts;
        if linked.unfinished {
            // The next poll must see the document again, changed or not.
            success.validators = Validators::default();
            body_digest.clear();
        }
        success.warnings.extend(reading.raw.warnings.iter().cloned());
        success.warnings.extend(linked.warnings);
        // By the publisher's words, so that no change of a rule makes an entry another.
        let keys = identity::keys(&reading.feed.entries, clean::canonical_link);
        let (entries, fired) = self.clean(source, reading.feed.entries, now).await.map_err(fail)?;
        success.document = Some(ReadDocument {
            body_digest,
            recipe,
            title: reading.feed.title,
            home_page_url: reading.feed.home_page_url,
            hints: reading.raw.hints,
            is_delta,
            entries: reading.raw.entries.into_iter().zip(entries).collect(),
            fired,
            keys,
        });
        Ok(success)
    }

    /// Reads on a thread of its own, since it is work for the processor; a panic there is caught.
    async fn read(&self, source: &Source, document: Document) -> Result<Reading, PollError> {
        let permit = self.readers.clone().acquire_owned().await;
        let source = source.clone();
        let read = tokio::task::spawn_blocking(move || {
            let reading = read_document(&source, document);
            drop(permit);
            reading
        });
        match read.await {
            Ok(reading) => Ok(reading?),
            Err(error) => Err(PollError::Panicked(error.to_string())),
        }
    }

    /// Cleaning is work for the processor too.
    async fn clean(
        &self,
        source: &Source,
        mut entries: Vec<Entry>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Entry>, Vec<Vec<Firing>>), PollError> {
        let (source, store) = (source.clone(), self.store.clone());
        let cleaned = tokio::task::spawn_blocking(move || {
            let known_titles = store.titles(&source.id, KNOWN_TITLES)?;
            let fired = clean_entries(&source, &mut entries, &known_titles, now);
            Ok((entries, fired))
        });
        cleaned.await.map_err(|error| PollError::Panicked(error.to_string()))?
    }

    /// What every poll writes, before it is known what it brought.
    fn commit_of(
        &self,
        source: &Source,
        state: &SourceState,
        started_at: DateTime<Utc>,
        elapsed: Duration,
        after: After,
    ) -> PollCommit {
        PollCommit {
            source: source.id.clone(),
            name: source.label().to_owned(),
            address: source.address.to_string(),
            started_at,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            status: PollStatus::Failed,
            http_status: None,
            bytes: 0,
            next_poll: None,
            next_poll_if_overrun: None,
            failures: match after {
                After::Success | After::Overrun => 0,
                After::Failure { in_a_row, .. } => in_a_row,
                After::Outage => state.failures_in_a_row,
            },
            error: None,
            warnings: Vec::new(),
            validators: None,
            moved_to: None,
            activity: state.activity.clone(),
            hints: state.hints.clone(),
            document: None,
            articles: Vec::new(),
            authority: self.authority.to_string(),
        }
    }

    /// The store refused: the poll is told as failed, and repeated soon, since nothing of it is
    /// kept.
    fn not_stored(
        &self,
        source: &Source,
        state: &SourceState,
        report: &mut PollReport,
        error: &PollError,
    ) -> SourceRow {
        report.status = PollStatus::Failed;
        report.error = Some(error.failure());
        report.next_poll = Some(timing::soon(source, report.started_at));
        let state = SourceState {
            last_poll: Some(report.started_at),
            next_poll: report.next_poll,
            failures_in_a_row: state.failures_in_a_row + 1,
            error: report.error.clone(),
            ..state.clone()
        };
        SourceRow {
            id: source.id.clone(),
            name: source.label().to_owned(),
            address: source.address.to_string(),
            entries: 0,
            state,
        }
    }
}

fn body_digest(document: &Document) -> String {
    let mut hash = Sha256::new();
    hash.update(READING.to_le_bytes());
    hash.update(document.content_type.as_deref().unwrap_or_default());
    hash.update([0]);
    hash.update(&document.bytes);
    hex(&hash.finalize()[..16])
}
