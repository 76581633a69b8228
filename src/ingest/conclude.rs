//! The end of a poll: what is told of it, and when the next one comes.

use chrono::{DateTime, Utc};

use super::document::{OVERRUN, PollCommit};
use super::progress::Progress;
use crate::model::moved::Move;

/// What a poll comes to, once all of its entries are decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// Whether there were entries before and none of the document's was among them.
    pub is_overrun: bool,
    /// Where the source moved for good.
    pub moved: Option<Move>,
    /// What was odd.
    pub warnings: Vec<String>,
    /// When the source is due again; never, where it is gone.
    pub next_poll: Option<DateTime<Utc>>,
}

/// Concludes a poll.
#[must_use]
pub fn conclude(poll: &PollCommit, progress: &Progress) -> Conclusion {
    let (counts, surplus) = (progress.counts, progress.surplus);
    let is_known = counts.changed + counts.unchanged > 0;
    let is_overrun = poll.document.as_ref().is_some_and(|document| {
        // Another address or another reading may well know nothing of what was.
        let was_read_so = progress.beginning.recipe.as_ref() == Some(&document.recipe);
        !document.is_delta && counts.new > 0 && !is_known && progress.beginning.has_entries && was_read_so
    });
    let mut moved = poll.moved.clone();
    if let Some(moved) = moved.as_mut().filter(|_| is_known) {
        moved.recognise(poll.started_at);
    }
    let mut warnings = poll.warnings.clone();
    warnings.extend(moved.as_ref().map(Move::remark));
    warnings.extend(is_overrun.then(|| OVERRUN.to_owned()));
    warnings.extend((surplus > 0).then(|| {
        format!(
            "{surplus} entries repeat stories that have as many entries as they may have; they are kept and not shown"
        )
    }));
    let next_poll = if is_overrun { poll.next_poll_if_overrun } else { poll.next_poll };
    Conclusion { is_overrun, moved, warnings, next_poll }
}
