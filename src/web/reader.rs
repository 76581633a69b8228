//! Pages that depend on who reads: the reader's language, the page of one story.

use std::sync::Arc;

use chrono::Utc;
use hyper::header::{ACCEPT_LANGUAGE, HeaderMap};

use super::body::Body;
use super::pages::{self, Setting};
use super::route::Site;
use crate::language::Language;
use crate::store::StoreError;

impl Site {
    /// What pages are made with for who asks.
    pub(super) fn setting(&self, headers: &HeaderMap) -> Setting {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let accepted = accepted.map(Language::accepted).unwrap_or_default();
        Setting::new(&self.live, self.live.config().pages.language.unwrap_or(accepted), Utc::now())
    }

    /// The page of the story that an entry belongs to.
    pub(super) async fn story_page(
        self: &Arc<Self>,
        name: String,
        setting: Setting,
    ) -> Result<Option<Body>, StoreError> {
        self.looking(move |site| {
            let Some(row) = site.store.story_of(&name)? else { return Ok(None) };
            let Some(found) = site.live.story(&site.store, row)? else { return Ok(None) };
            let members = site.store.members(&[row])?.remove(&row).unwrap_or_default();
            let Some(stored) = found.river.entries.first() else { return Ok(None) };
            let shown = pages::shown_of(stored, &members).map_or(&stored.river_id, |member| &member.river_id);
            let made = site.store.explain(shown)?;
            Ok(pages::story(&found, &members, made.as_ref(), &setting))
        })
        .await
    }
}
