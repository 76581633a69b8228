//! What a poll hands to the store: everything that one poll of a source brought.

use chrono::{DateTime, Utc};

use super::prepare::{PrepareError, Prepared, prepare};
use crate::identity::{self, Key};
use crate::model::activity::Activity;
use crate::model::document::Validators;
use crate::model::entry::Entry;
use crate::model::feed::{PollHints, RawArticle, RawEntry};
use crate::model::moved::Move;
use crate::model::report::{Failure, PollStatus};
use crate::model::source::SourceId;

/// What a poll brought, ready to be written.
#[derive(Debug)]
pub struct PollCommit {
    /// The source.
    pub source: SourceId,
    /// Its name for people.
    pub name: String,
    /// Its address as text.
    pub address: String,
    /// When the poll began.
    pub started_at: DateTime<Utc>,
    /// How long it took up to the commit, milliseconds.
    pub elapsed_ms: u64,
    /// How it ended.
    pub status: PollStatus,
    /// The HTTP status, where there was one.
    pub http_status: Option<u16>,
    /// Size of the body, bytes.
    pub bytes: u64,
    /// When the source is due again; never, where it is gone.
    pub next_poll: Option<DateTime<Utc>>,
    /// The same, should none of the document's entries be known.
    pub next_poll_if_overrun: Option<DateTime<Utc>>,
    /// Polls that failed in a row, this one included where it counts.
    pub failures: u32,
    /// Why it failed.
    pub error: Option<Failure>,
    /// What was odd.
    pub warnings: Vec<String>,
    /// New validators; `None` leaves the stored ones.
    pub validators: Option<Validators>,
    /// Where the source moved for good; one first seen now is believed if an entry there is known.
    pub moved: Option<Move>,
    /// How often it publishes.
    pub activity: Activity,
    /// What its document asks for.
    pub hints: PollHints,
    /// What was read, where a document was read.
    pub document: Option<ReadDocument>,
    /// The articles that were tried.
    pub articles: Vec<ArticleAttempt>,
    /// Entries of the first document that may come up on the river's first page, where feeds.toml says.
    pub initial: Option<usize>,
    /// Who mints ids: a host name (RFC 4151, authority).
    pub authority: String,
}

impl PollCommit {
    /// What a poll of `source` brings that goes well and reads these entries as their publisher sent them; nothing
    /// else is known of the poll. Tests and benchmarks say the rest.
    ///
    /// # Errors
    /// [`PrepareError`] where an entry has no stored form.
    pub fn of_entries(source: SourceId, started_at: DateTime<Utc>, entries: Vec<Entry>) -> Result<Self, PrepareError> {
        let keys = identity::keys(&entries, str::to_owned);
        let entries = entries.into_iter().map(|entry| (RawEntry::default(), entry)).collect();
        let document = ReadDocument {
            body_digest: None,
            recipe: "r".to_owned(),
            title: "T".to_owned(),
            home_page_url: None,
            hints: PollHints::default(),
            is_delta: false,
            entries: prepare(&source, entries, Vec::new(), keys)?,
        };
        Ok(Self {
            name: source.to_string(),
            address: format!("http://{source}.org/"),
            source,
            started_at,
            elapsed_ms: 1,
            status: PollStatus::Ok,
            http_status: Some(200),
            bytes: 1,
            next_poll: None,
            next_poll_if_overrun: None,
            failures: 0,
            error: None,
            warnings: Vec::new(),
            validators: None,
            moved: None,
            activity: Activity::default(),
            hints: PollHints::default(),
            document: Some(document),
            articles: Vec::new(),
            initial: None,
            authority: "e.org".to_owned(),
        })
    }
}

/// A document that was read without error.
#[derive(Debug)]
pub struct ReadDocument {
    /// The digest of its bytes, where the next poll may find the same ones.
    pub body_digest: Option<String>,
    /// The recipe it was read by.
    pub recipe: String,
    /// The feed's title.
    pub title: String,
    /// The feed's page.
    pub home_page_url: Option<String>,
    /// What it asks of those who poll it.
    pub hints: PollHints,
    /// Whether it holds only what is new since the one before.
    pub is_delta: bool,
    /// The entries, in the order of the document.
    pub entries: Vec<Prepared>,
}

/// What an attempt at the article behind an entry brought.
#[derive(Debug, Clone)]
pub struct ArticleAttempt {
    /// The digest of the link.
    pub key: Key,
    /// The article; `None` where there is none or it could not be had.
    pub article: Option<RawArticle>,
}

/// What is told of a poll that found nothing it knew.
pub const OVERRUN: &str =
    "no entry was known from the poll before: some may have come and gone unseen, the source is polled sooner";
