//! A story in the archives, as it was told when it went there.

use serde::{Deserialize, Serialize};

use super::entry::StoredEntry;
use super::source::SourceId;

/// What the archives keep of a story: how it was told, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedStory {
    /// The story.
    pub story: StoredEntry,
    /// The sources that told it.
    pub origins: Vec<Origin>,
}

/// A source as a feed names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its id.
    pub id: SourceId,
    /// Its name for people.
    pub name: String,
    /// Its feed, where that is on the web.
    pub url: Option<String>,
    /// Its page, where that is known.
    pub home_page_url: Option<String>,
}
