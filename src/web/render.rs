//! The store's river -> what is served, at each change; and what leaves its first page -> the archives.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use chrono::Utc;

use super::pages::{Setting, Surroundings};
use super::rendered::Rendered;
use super::site::Site;
use crate::language::Language;
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::publish::River;
use crate::store::StoreError;

/// Bytes of renderings that may be held: the one that is served, and those before it that readers still take. With
/// more, readers that take nothing lose their connections.
const MOST_HELD: usize = 96 << 20;

/// Rounds of archiving between two looks at what else is to be done.
const CAUGHT_UP: usize = 8;

/// What a rendering did.
#[derive(Debug, Clone, Copy)]
pub struct Rendering {
    /// Entries on the first page.
    pub entries: usize,
    /// Whether stories that left the first page are in no archive yet: see [`Site::catch_up`].
    pub is_behind: bool,
}

impl Site {
    /// Renders the river as the store has it now; requests meanwhile get the one before. Stories that have
    /// left the first page go into the archives before, so that whoever walks them from this page on misses
    /// nothing; unless they are many, or much is being written: what is new does not wait for that.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read; the river stays as it was.
    pub fn render(&self) -> Result<Rendering, StoreError> {
        let mut river = self.first_page()?;
        let is_behind = match self.archiving.try_lock() {
            Ok(_archiving) if !self.store.is_at_many() => self.archive(&mut river),
            _ => self.live.is_behind(&self.store, &river)?,
        };
        self.publish(&river)?;
        Ok(Rendering { entries: river.entries.len(), is_behind })
    }

    /// Puts some of what a rendering left behind into the archives; whether there is more. After the last of
    /// it the river is to be rendered again, which leads to all of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn catch_up(&self) -> Result<bool, StoreError> {
        let _archiving = self.archiving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut river = self.first_page()?;
        Ok((0..CAUGHT_UP).all(|_| self.archive(&mut river)))
    }

    fn first_page(&self) -> Result<River, StoreError> {
        self.live
            .river(&self.store, &Ask::default(), &Spot::First)?
            .ok_or_else(|| StoreError::Fault("the river has no first page".into()))
    }

    /// Puts some of what has left the first page into the archives; whether there is more.
    fn archive(&self, river: &mut River) -> bool {
        match self.live.archive(&self.store, river) {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, "stories could not be put into the archives; it is tried again at the next change");
                false
            }
        }
    }

    fn publish(&self, river: &River) -> Result<(), StoreError> {
        let around = Surroundings::new(&self.live, &self.store, river)?;
        let setting = Setting::new(&self.live, Language::default(), Utc::now());
        let rendered = Rendered::new(river, &around, &setting, &self.held);
        if let Some(before) = self.rendered() {
            for (body, known) in rendered.bodies().zip(before.bodies()) {
                body.prepare_like(known);
            }
        }
        self.rendered.send_replace(Some(Arc::new(rendered)));
        self.renderings.fetch_add(1, Ordering::Release);
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let held = self.held.load(Ordering::Relaxed);
        if held > MOST_HELD {
            let cut = self.connections.cut_stalled();
            tracing::info!(
                held_bytes = held,
                cut,
                "connections closed: their clients hold old renderings and take nothing"
            );
        }
        Ok(())
    }
}
