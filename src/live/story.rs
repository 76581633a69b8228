//! One story with its neighbours in the river, from the store.

use std::sync::PoisonError;

use super::Live;
use super::river::hide_secrets;
use crate::model::entry::StoredEntry;
use crate::model::page::{Cursor, Place, Spot};
use crate::model::part::Ask;
use crate::pictures::{PictureRequest, Signer};
use crate::publish::River;
use crate::store::{Page, Selection, Start, Store, StoreError};

/// A story, and those beside it in the river.
#[derive(Debug)]
pub struct Neighbours {
    /// The story alone, as a page of the river.
    pub river: River,
    /// The next newer story.
    pub newer: Option<StoredEntry>,
    /// The next older story.
    pub older: Option<StoredEntry>,
}

impl Live {
    /// The story that the row `story` leads; `None` where it leads none that is published.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn story(&self, store: &Store, story: i64) -> Result<Option<Neighbours>, StoreError> {
        let config = self.config();
        let publishes = |stored: &StoredEntry| config.filters.is_empty() || self.barred(&config, stored).is_none();
        let Some(stored) = store.story(story, &publishes)? else { return Ok(None) };
        let public = |stored: StoredEntry| {
            let mut stories = vec![stored];
            hide_secrets(&config, &mut stories);
            stories
        };
        let beside = |start: Start| {
            let page = store.river(&Selection::All, &publishes, &start, 1)?;
            Ok::<_, StoreError>(page.stories.into_iter().next().and_then(|story| public(story).pop()))
        };
        let cursor = Cursor::after(&stored);
        let (newer, older) =
            (beside(Start::Above(cursor))?, beside(Start::Below(Place { cursor, shown: Vec::new() }))?);
        let stories = public(stored);
        let origins = self.origins(&config, &stories);
        let page = Page { stories, ..Page::default() };
        let river = River { origins, ..self.titled(&config, &Ask::default(), &Spot::First, page) };
        Ok(Some(Neighbours { river, newer, older }))
    }

    /// Pages name pictures by addresses of `signer` from now on, and `requests` are answered.
    pub fn offer_pictures(&self, signer: Signer, requests: tokio::sync::mpsc::Sender<PictureRequest>) {
        *self.pictures.write().unwrap_or_else(PoisonError::into_inner) = Some((signer, requests));
    }

    /// What signs the addresses of pictures; `None` where nothing fetches them.
    #[must_use]
    pub fn picture_signer(&self) -> Option<Signer> {
        self.pictures.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(signer, _)| signer.clone())
    }

    /// Where pictures are asked for; `None` where nothing fetches them.
    #[must_use]
    pub fn picture_requests(&self) -> Option<tokio::sync::mpsc::Sender<PictureRequest>> {
        self.pictures.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, requests)| requests.clone())
    }
}
