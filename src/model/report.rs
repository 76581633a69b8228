//! What became of a poll: the log line, the status row and the history are made from it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::document::Validators;
use super::feed::PollHints;
use super::moved::Move;
use super::source::SourceId;

/// The kind of an error, as `/status.json` and the log name it (contract: `error.kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The host's name does not resolve.
    Dns,
    /// No connection, or it broke before an answer.
    Connect,
    /// The TLS handshake or certificate failed.
    Tls,
    /// A time limit was hit.
    Timeout,
    /// The server answered with an error status.
    HttpStatus,
    /// Redirects that lead nowhere.
    Redirect,
    /// The body is over `max_bytes`.
    TooLarge,
    /// The body is not in the coding that its headers state.
    Decompression,
    /// The charset cannot be known.
    Encoding,
    /// A feed, but broken beyond reading.
    Parse,
    /// No feed at all.
    NotAFeed,
    /// The address rules refuse the target.
    BlockedAddress,
    /// robots.txt refuses the fetch.
    Robots,
    /// A file or the store could not be read or written.
    Io,
    /// A fault of newsriver itself.
    Internal,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::HttpStatus,
        Self::Redirect,
        Self::TooLarge,
        Self::Decompression,
        Self::Encoding,
        Self::Parse,
        Self::NotAFeed,
        Self::BlockedAddress,
        Self::Robots,
        Self::Io,
        Self::Internal,
    ];

    /// The name as the contract writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::HttpStatus => "http_status",
            Self::Redirect => "redirect",
            Self::TooLarge => "too_large",
            Self::Decompression => "decompression",
            Self::Encoding => "encoding",
            Self::Parse => "parse",
            Self::NotAFeed => "not_a_feed",
            Self::BlockedAddress => "blocked_address",
            Self::Robots => "robots",
            Self::Io => "io",
            Self::Internal => "internal",
        }
    }

    /// Reads a name back from the store.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
    }
}

/// What went wrong, for people and for scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For scripts.
    pub kind: ErrorKind,
    /// For people: what happened and what to do; one line, no control characters, no credentials.
    pub message: String,
}

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollStatus {
    /// A document was read.
    Ok,
    /// The server said 304.
    NotModified,
    /// The bytes are those of last time.
    Unchanged,
    /// The poll failed; the entries stay as they were.
    Failed,
}

impl PollStatus {
    /// The name for logs and the history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotModified => "not_modified",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

/// How many entries a poll found, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Not seen before.
    pub new: u32,
    /// Known, with another text.
    pub changed: u32,
    /// Known, as they were.
    pub unchanged: u32,
}

/// One poll of one source, from its start to the commit.
#[derive(Debug, Clone)]
pub struct PollReport {
    /// The source.
    pub source: SourceId,
    /// When the poll began.
    pub started_at: DateTime<Utc>,
    /// How long it took, commit included.
    pub elapsed: Duration,
    /// How it ended.
    pub status: PollStatus,
    /// The HTTP status, where there was one.
    pub http_status: Option<u16>,
    /// Size of the body after decompression, bytes.
    pub bytes: u64,
    /// What became of the entries.
    pub counts: Counts,
    /// What was odd about the document.
    pub warnings: Vec<String>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// When the source is due again; never, where it is gone.
    pub next_poll: Option<DateTime<Utc>>,
}

/// What the store knows of a source between two polls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceState {
    /// What the next conditional request sends.
    pub validators: Validators,
    /// Digest of the last body read without error.
    pub body_digest: Option<String>,
    /// [`super::source::Source::recipe`] at that time.
    pub recipe: Option<String>,
    /// Start of the last poll.
    pub last_poll: Option<DateTime<Utc>>,
    /// Start of the last poll that did not fail.
    pub last_success: Option<DateTime<Utc>>,
    /// When it is due.
    pub next_poll: Option<DateTime<Utc>>,
    /// HTTP status of the last poll.
    pub http_status: Option<u16>,
    /// Polls that failed since the last success.
    pub failures_in_a_row: u32,
    /// Entries that were new at the last poll.
    pub new_last_poll: u32,
    /// Why the last poll failed.
    pub error: Option<Failure>,
    /// The title that the feed gives itself.
    pub feed_title: Option<String>,
    /// The page that the feed belongs to.
    pub home_page_url: Option<String>,
    /// What was odd about the document last read.
    pub warnings: Vec<String>,
    /// Where its server says that it moved for good.
    pub moved: Option<Move>,
    /// How often it publishes.
    pub activity: Activity,
    /// What its document asks for.
    pub hints: PollHints,
}

impl SourceState {
    /// Whether the publisher has ended it (410): it is not polled until feeds.toml or a person says so.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.http_status == Some(410) && self.error.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorKind;

    #[test]
    fn kinds_are_named_as_the_contract_names_them() {
        for kind in [ErrorKind::Dns, ErrorKind::HttpStatus, ErrorKind::NotAFeed, ErrorKind::BlockedAddress] {
            assert_eq!(ErrorKind::from_name(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.name().into()));
        }
    }
}
