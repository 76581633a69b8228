//! Rivers -> bodies.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::address::Shape;
use super::body::Body;
use super::budget::Memory;
use super::pages::{self, Setting, Surroundings};
use crate::language::Language;
use crate::model::page::Spot;
use crate::publish::{Addresses, Format, River};

/// Clients may keep a feed but must ask whether it changed: a 304 costs next to nothing.
pub(super) const FEED_CACHING: &str = "no-cache";

/// An archive document never changes (RFC 5005, section 4; RFC 8246).
const ARCHIVE_CACHING: &str = "public, max-age=31536000, immutable";

/// The first page of the river in every format, rendered once a change.
#[derive(Debug)]
pub struct Rendered {
    feeds: [Body; 3],
    /// In each language.
    pages: [Body; 2],
    is_empty: bool,
    change: i64,
    /// Where it says that all is.
    addresses: Arc<Addresses>,
}

impl Rendered {
    /// Renders a river; its bytes are counted in `memory` for as long as somebody holds them.
    pub(super) fn new(river: &River, around: &Surroundings, setting: &Setting, memory: &Arc<AtomicUsize>) -> Self {
        let counted = || Memory::Counted(memory.clone());
        let page = |language| pages::river(river, around, &Setting { language, ..setting.clone() });
        Self {
            feeds: Format::ALL.map(|format| feed_body(river, format).for_all(counted())),
            pages: Language::ALL.map(|language| page(language).for_all(counted())),
            is_empty: river.entries.is_empty(),
            change: river.change,
            addresses: river.addresses.clone(),
        }
    }

    /// The number of the newest change that it knows of.
    #[must_use]
    pub fn change(&self) -> i64 {
        self.change
    }

    /// Whether it names the addresses that hold now: who may see a token can change.
    pub(super) fn names(&self, addresses: &Arc<Addresses>) -> bool {
        self.addresses == *addresses
    }

    pub(super) fn bodies(&self) -> impl Iterator<Item = &Body> {
        self.feeds.iter().chain(&self.pages)
    }

    /// Whether there are no stories: what its page says instead may change at any time.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    pub(super) fn body(&self, shape: Shape, language: Language) -> &Body {
        let Shape::Feed(format) = shape else {
            let place = Language::ALL.iter().position(|known| *known == language).unwrap_or(0);
            return &self.pages[place];
        };
        let place = Format::ALL.iter().position(|known| *known == format).unwrap_or(0);
        &self.feeds[place]
    }
}

/// A page of a feed, ready to be served.
pub(super) fn feed_body(river: &River, format: Format) -> Body {
    let changed = (!river.entries.is_empty()).then(|| river.changed_at());
    let caching = if matches!(river.spot, Spot::Archive(..)) { ARCHIVE_CACHING } else { FEED_CACHING };
    let body = Body::new(format.content_type(), river.render(format), changed, caching);
    if river.ask.is_plain() && river.spot == Spot::First { body.at_change(river.change) } else { body }
}
