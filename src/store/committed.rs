//! What a commit says that it did.

use super::read::SourceRow;
use crate::model::report::Counts;

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The entries, by what became of them.
    pub counts: Counts,
    /// Whether there were entries before and none of the document's was among them: some may have come
    /// and gone unseen.
    pub is_overrun: bool,
    /// What was odd, with what only the store could tell.
    pub warnings: Vec<String>,
    /// The source, as the store now knows it.
    pub source: SourceRow,
}
