//! What a page of the river says besides its stories: groups, the reports behind each story, how the sources are.

use super::river::Surroundings;
use crate::live::Live;
use crate::publish::River;
use crate::store::{Store, StoreError};

impl Surroundings {
    /// The surroundings of a page of the river.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn new(live: &Live, store: &Store, river: &River) -> Result<Self, StoreError> {
        let several: Vec<i64> =
            river.entries.iter().filter(|story| story.tellings.len() > 1).map(|story| story.row).collect();
        let sources = if river.entries.is_empty() {
            let sources = live.report().sources;
            let count = |state: &str| sources.iter().filter(|source| source.state == state).count();
            (sources.len(), count("new"), count("failing") + count("gone"))
        } else {
            (0, 0, 0)
        };
        Ok(Self {
            groups: live.groups(),
            members: live.listed(store, &several)?,
            sources,
            has_digest: !live.config().digest.is_empty(),
        })
    }
}
