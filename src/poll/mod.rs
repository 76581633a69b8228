//! One poll of one source, top to bottom; the file to read first.
//!
//! fetch -> decode -> parse -> normalise -> identity -> store. A poll ends in a [`PollReport`],
//! whatever happened: an error ends that poll only, is kept with the source, and the entries stay.
//! The report is the log line, the row of `/status` and the row of `newsriver log`.

mod event;
mod linked;
mod outcome;
mod reading;
mod timing;
mod workers;

use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::sync::Semaphore;
use url::{Host, Url};

use crate::fetch::{Failed, FetchError, Fetched, Fetcher, Known, Outcome};
use crate::ingest::{PollCommit, PrepareError};
use crate::model::document::{Document, Validators};
use crate::model::moved::Move;
use crate::model::report::{Counts, ErrorKind, Failure, PollReport, PollStatus, SourceState};
use crate::model::source::Source;
use crate::model::websub::Announced;
use crate::parse::ParseError;
use crate::schedule::{After, Outage};
use crate::store::{SourceRow, Store, StoreError};
pub use event::{log, log_recovery};
use outcome::{Announces, Held, Nothing, Success};
pub use reading::{Reading, clean_entries, read_document};
use workers::Workers;

/// How long a server is believed that says "not changed", seconds.
const LONGEST_UNCHANGED: i64 = 7 * 24 * 3600;

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
    /// An entry has no form in which it could be stored.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
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
            Self::Prepare(_) | Self::Panicked(_) | Self::Store(StoreError::Fault(_)) => ErrorKind::Internal,
            Self::Store(_) => ErrorKind::Io,
        }
    }

    /// The failure to keep: one line, bounded, without control characters.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let text: String = self.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
        Failure { kind: self.kind(), message: text }
    }
}

/// Who mints ids where readers reach the river at `base`: a name, since an IPv6 address can be none (RFC 4151,
/// section 2.1).
#[must_use]
pub fn authority(base: &Url) -> String {
    match base.host() {
        None | Some(Host::Ipv6(_)) => "localhost".to_owned(),
        Some(host) => host.to_string(),
    }
}

/// Polls sources; clones share the client and the store.
#[derive(Debug, Clone)]
pub struct Poller {
    fetcher: Fetcher,
    store: Store,
    authority: Arc<str>,
    readers: Workers,
    large: Arc<Semaphore>,
    outage: Arc<Mutex<Outage>>,
    patience: Arc<timing::Patience>,
    by_hand: bool,
}

/// What a poll left behind: what happened, and the source as it is now.
#[derive(Debug)]
pub struct Polled {
    /// What happened.
    pub report: PollReport,
    /// The source afterwards.
    pub row: SourceRow,
    /// The hub that its document announces.
    pub announced: Option<Announced>,
}

impl Poller {
    /// A poller that mints ids in the name of `authority`, a host.
    #[must_use]
    pub fn new(fetcher: Fetcher, store: Store, authority: &str) -> Self {
        // Reading is work for the processor: more at once would only cost memory.
        let readers = available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            fetcher,
            store,
            authority: authority.into(),
            readers: Workers::new(readers),
            large: Arc::new(Semaphore::new(1)),
            outage: Arc::default(),
            patience: Arc::default(),
            by_hand: false,
        }
    }

    /// The same poller for polls that a person asks for: however often they fail, the next scheduled poll comes as
    /// soon as after a first failure.
    #[must_use]
    pub fn by_hand(self) -> Self {
        Self { by_hand: true, ..self }
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
        let known = !force && state.recipe.as_deref() == Some(source.recipe().as_str());
        let brought = self.bring(source, state, known, started_at).await;
        self.finish(source, state, brought, started_at, clock).await
    }

    /// Takes what a hub pushed for `source`: as a document that says nothing of what it leaves out. The
    /// next poll stays when it was, and is none the wiser.
    ///
    /// # Errors
    /// [`PollError`] where it is no feed; nothing is written then.
    pub async fn push(&self, source: &Source, state: &SourceState, document: Document) -> Result<Polled, PollError> {
        let (started_at, clock) = (document.fetched_at, Instant::now());
        let success = Success { bytes: document.bytes.len() as u64, ..Success::new(state) };
        let success = self.take(source, document, None, true, success).await.map_err(|nothing| nothing.error)?;
        let mut commit = self.commit_of(source, state, started_at, clock.elapsed(), After::Success);
        success.put_into(&mut commit, state);
        commit.validators = None;
        commit.next_poll = state.next_poll;
        Ok(self.store(source, state, commit, clock).await)
    }

    async fn finish(
        &self,
        source: &Source,
        state: &SourceState,
        brought: Result<Success, Nothing>,
        started_at: DateTime<Utc>,
        clock: Instant,
    ) -> Polled {
        let error = brought.as_ref().err().map(|nothing| &nothing.error);
        let after = self.after(source, state, error, started_at);
        let mut commit = self.commit_of(source, state, started_at, clock.elapsed(), after);
        // Kept until it is written what the body brought.
        let mut held = Held::default();
        let (wish, announced) = match brought {
            Ok(mut success) => {
                held = std::mem::take(&mut success.held);
                let announced = success.announced.take();
                (success.put_into(&mut commit, state), announced)
            }
            Err(nothing) => {
                commit.put_failure(source, &nothing.error);
                (nothing.wish, None)
            }
        };
        let after = match after {
            After::Failure { lasting, .. } if self.by_hand => After::Failure { in_a_row: 1, lasting },
            after => after,
        };
        timing::set_next(source, &mut commit, after, &wish, self.patience.get());
        let stored = self.store(source, state, commit, clock).await;
        drop(held);
        Polled { announced, ..stored }
    }

    /// Writes a poll, and tells what became of it.
    async fn store(&self, source: &Source, state: &SourceState, mut commit: PollCommit, clock: Instant) -> Polled {
        // The log, the history and the status are read by others than who wrote feeds.toml.
        let redact = |text: &mut String| *text = source.redacted(text);
        commit.error.iter_mut().map(|error| &mut error.message).chain(&mut commit.warnings).for_each(redact);
        let mut report = PollReport {
            source: source.id.clone(),
            started_at: commit.started_at,
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
                report.warnings = committed.warnings;
                report.warnings.iter_mut().for_each(redact);
                report.next_poll = committed.source.state.next_poll;
                committed.source
            }
            Err(error) => self.not_stored(source, state, &mut report, &PollError::Store(error)),
        };
        report.elapsed = clock.elapsed();
        Polled { report, row, announced: None }
    }

    /// Everything before the store.
    async fn bring(
        &self,
        source: &Source,
        state: &SourceState,
        known: bool,
        now: DateTime<Utc>,
    ) -> Result<Success, Nothing> {
        let nothing = Validators::default();
        // A server that has said "not changed" for long is asked for the whole once: some always say it.
        let whole = state.activity.last_whole.is_some_and(|at| now.timestamp() - at > LONGEST_UNCHANGED);
        let validators = if known && !whole { &state.validators } else { &nothing };
        let known_recipe = state.recipe.as_deref() == Some(source.recipe().as_str());
        let moved = state.moved.as_ref().filter(|_| known_recipe);
        let moved_to = moved.filter(|_| known).and_then(Move::target).and_then(|url| Url::parse(url).ok());
        let known_of_it = Known { moved_to: moved_to.as_ref(), validators, was_well: state.last_success.is_some() };
        let fetched = self.fetcher.fetch(source, &known_of_it, now).await;
        let Fetched { outcome, http_status, hops, validators, wish, is_delta, links, room } =
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
            moved: moved.filter(|moved| known && moved.target().is_some()).cloned(),
            announces: Announces::default(),
            announced: None,
            held: Held::room(room),
        };
        // Only as far as every step was for good.
        if let Some(hop) = hops.iter().take_while(|hop| matches!(hop.status, 301 | 308)).last() {
            let has_read_this = state.last_success.is_some() && known_recipe;
            let to = hop.to.clone();
            success.moved = Some(if has_read_this { Move::seen(to, moved, now) } else { Move::believed(to) });
        }
        let document = match outcome {
            Outcome::NotModified if state.last_success.is_none() => {
                return Err(Nothing::since(PollError::NothingToKeep, &success.wish));
            }
            Outcome::NotModified => return Ok(success),
            Outcome::Document(document) => document,
        };
        let digest = reading::body_digest(&document);
        success.bytes = document.bytes.len() as u64;
        if known && state.body_digest.as_deref() == Some(digest.as_str()) {
            success.status = PollStatus::Unchanged;
            success.recognise(now);
            return Ok(success);
        }
        success.announces = Announces { hub: links.hub, own: links.own };
        let mut success = self.take(source, document, Some(digest), is_delta, success).await?;
        let title = success.document.as_ref().map(|document| document.title.as_str()).filter(|title| !title.is_empty());
        if title.is_some() && title == state.feed_title.as_deref() {
            success.recognise(now);
        }
        Ok(success)
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
            address: source.shown_address(),
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
            // A doubt outlives a failure; what was believed is asked for anew.
            moved: state.moved.clone().filter(|moved| moved.target().is_none()),
            activity: state.activity.clone(),
            hints: state.hints.clone(),
            document: None,
            articles: Vec::new(),
            initial: source.initial,
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
            address: source.shown_address(),
            entries: 0,
            state,
        }
    }
}
