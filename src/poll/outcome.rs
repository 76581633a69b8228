//! What a poll brought, on its way into the commit.

use chrono::{DateTime, Utc};
use tokio::sync::OwnedSemaphorePermit;

use super::PollError;
use crate::fetch::Room;
use crate::ingest::{ArticleAttempt, PollCommit, Prepared, ReadDocument};
use crate::model::document::{ServerWish, Validators};
use crate::model::entry::Entry;
use crate::model::moved::Move;
use crate::model::report::{PollStatus, SourceState};
use crate::model::source::Source;
use crate::model::websub::Announced;

/// What is to be written of a poll that went well.
pub(super) struct Success {
    pub(super) status: PollStatus,
    pub(super) http_status: Option<u16>,
    pub(super) bytes: u64,
    pub(super) validators: Validators,
    pub(super) document: Option<ReadDocument>,
    pub(super) articles: Vec<ArticleAttempt>,
    pub(super) warnings: Vec<String>,
    pub(super) wish: ServerWish,
    pub(super) moved: Option<Move>,
    /// What the headers announce.
    pub(super) announces: Announces,
    /// What they and the document announce together.
    pub(super) announced: Option<Announced>,
    /// What a large document holds until it is stored.
    pub(super) held: Held,
}

/// What a large document holds, so that few are in memory at once; given back when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The room of its body.
    _room: Option<Room>,
    /// Its turn to be read and stored, which takes several times its size.
    _turn: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub(super) fn room(room: Option<Room>) -> Self {
        Self { _room: room, _turn: None }
    }

    pub(super) fn take_turn(&mut self, turn: Option<OwnedSemaphorePermit>) {
        self._turn = turn;
    }
}

/// The hub and the own address that headers name.
#[derive(Debug, Default)]
pub(super) struct Announces {
    pub(super) hub: Option<String>,
    pub(super) own: Option<String>,
}

/// A poll that brought nothing.
pub(super) struct Nothing {
    pub(super) error: PollError,
    pub(super) wish: ServerWish,
}

impl Nothing {
    pub(super) fn since(error: impl Into<PollError>, wish: &ServerWish) -> Self {
        Self { error: error.into(), wish: wish.clone() }
    }
}

impl Success {
    /// Of a document that no request brought.
    pub(super) fn new(state: &SourceState) -> Self {
        Self {
            status: PollStatus::Ok,
            http_status: None,
            bytes: 0,
            validators: Validators::default(),
            document: None,
            articles: Vec::new(),
            warnings: Vec::new(),
            wish: ServerWish::default(),
            moved: state.moved.clone(),
            announces: Announces::default(),
            announced: None,
            held: Held::default(),
        }
    }

    /// Believes a move that was first seen now.
    pub(super) fn recognise(&mut self, now: DateTime<Utc>) {
        if let Some(moved) = &mut self.moved {
            moved.recognise(now);
        }
    }

    /// Puts what was brought into the commit; gives what the server wishes.
    pub(super) fn put_into(self, commit: &mut PollCommit, state: &SourceState) -> ServerWish {
        let now = commit.started_at.timestamp();
        if self.status != PollStatus::NotModified {
            commit.activity.last_whole = Some(now);
        }
        if let Some(document) = &self.document {
            let dated = document.entries.iter().map(Prepared::entry).filter_map(Entry::dated);
            let times: Vec<i64> = dated.map(|date| date.timestamp()).collect();
            if times.is_empty() && state.last_success.is_some() {
                commit.activity.add(now);
            } else {
                commit.activity.learn(times, now);
            }
            commit.hints = document.hints.clone();
        }
        commit.status = self.status;
        commit.http_status = self.http_status;
        commit.bytes = self.bytes;
        commit.warnings = self.warnings;
        commit.validators = Some(self.validators);
        commit.moved = self.moved;
        commit.document = self.document;
        commit.articles = self.articles;
        self.wish
    }
}

impl PollCommit {
    pub(super) fn put_failure(&mut self, source: &Source, error: &PollError) {
        self.http_status = match error {
            PollError::Fetch(error) => error.http_status(),
            PollError::Parse(_) => source.address.host().map(|_| 200),
            PollError::NothingToKeep => Some(304),
            _ => None,
        };
        self.error = Some(error.failure());
    }
}
