//! The river as files, for any web server: feeds, archives, pages, the subscriptions.
//!
//! In: a store and a folder. Out: the same bytes as the daemon serves, but that what leads on from a first
//! page are the archives: a file takes no query. Each file is replaced whole, what it links to before it; one
//! that says the same already is not touched, so that web servers answer 304 for it.

mod folder;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use thiserror::Error;

use crate::html::SANITISER;
use crate::live::Live;
use crate::model::page::Spot;
use crate::model::part::{Ask, Part};
use crate::publish::{Format, River};
use crate::store::{ARCHIVE, Store, StoreError};
use crate::web::{self, Setting, Surroundings};

pub use folder::Folder;

/// For how long an archive document stays that has been written on since: whoever read its address before may
/// still come for it.
const PARTIAL_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The file that says by which version of the sanitiser the archives were written.
const ARCHIVES_BY: &str = "archives/sanitiser.txt";

/// Why the files could not be written.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files, a compressed one beside it not counted.
    pub files: usize,
    /// The number of the newest change that they know of.
    pub change: i64,
}

/// Writes the river into a folder: all of it, or with `since` what differs from what was written at that change.
///
/// # Errors
/// [`OutputError`] where the store cannot be read, or a file not be written; what was written stays as it is.
pub fn write(
    live: &Live,
    store: &Store,
    folder: &Folder,
    since: Option<i64>,
    now: SystemTime,
) -> Result<Written, OutputError> {
    let setting = Setting::of_files(live, now.into());
    let mut writing = Writing { live, store, folder, setting, files: 0 };
    let Some(first) = writing.river(Part::Whole, &Spot::First)? else { return Ok(Written::default()) };
    let parts = match since {
        Some(since) => writing.changed_parts(since, first.change)?,
        None => None,
    };
    let whole = parts.is_none();
    for (name, text) in web::assets() {
        writing.put(&format!("assets/{name}"), text.as_bytes())?;
    }
    writing.archives(first.archive, whole, now)?;
    for part in parts.unwrap_or_else(|| writing.all_parts()) {
        if let Some(river) = writing.river(part.clone(), &Spot::First)? {
            writing.put_river(&part.path(), &river)?;
        }
    }
    writing.put("subscriptions.opml", live.opml().as_bytes())?;
    writing.put_river("", &first)?;
    Ok(Written { files: writing.files, change: first.change })
}

struct Writing<'a> {
    live: &'a Live,
    store: &'a Store,
    folder: &'a Folder,
    setting: Setting,
    files: usize,
}

impl Writing<'_> {
    fn river(&self, part: Part, spot: &Spot) -> Result<Option<River>, OutputError> {
        let river = self.live.river(self.store, &Ask::from(part), spot)?;
        Ok(river.map(|river| river.as_files(self.live.output_addresses())))
    }

    /// The parts that have something new; `None` where that is not known any more.
    fn changed_parts(&self, since: i64, until: i64) -> Result<Option<BTreeSet<Part>>, OutputError> {
        let changes = self.live.river(self.store, &Ask::default(), &Spot::Between(since, until))?;
        let Some(changes) = changes else { return Ok(None) };
        let config = self.live.config();
        let mut parts = BTreeSet::new();
        for story in &changes.entries {
            let tellers = story.tellings.iter().map(|telling| &telling.source);
            for id in tellers.chain([&story.source, &story.told_by]) {
                parts.insert(Part::Source(id.clone()));
                parts.extend(config.source(id.as_str()).and_then(|source| source.group.clone()).map(Part::Group));
            }
        }
        Ok(Some(parts))
    }

    fn all_parts(&self) -> BTreeSet<Part> {
        let sources = self.live.known_sources().into_iter().map(Part::Source);
        sources.chain(self.live.groups().into_iter().map(Part::Group)).collect()
    }

    /// Writes the archive documents that are not there yet. Where all is looked through: again those that
    /// retention took stories from, and off with those it left nothing of.
    fn archives(&mut self, newest: Option<(i64, i64)>, whole: bool, now: SystemTime) -> Result<(), OutputError> {
        // What an earlier version wrote is written anew, once.
        let is_current = !whole || self.folder.holds(ARCHIVES_BY, SANITISER.as_bytes());
        if let Some(newest) = newest {
            self.archives_up_to(newest, whole, is_current, now)?;
        }
        if is_current { Ok(()) } else { self.put(ARCHIVES_BY, SANITISER.as_bytes()) }
    }

    fn archives_up_to(
        &mut self,
        (newest, count): (i64, i64),
        whole: bool,
        is_current: bool,
        now: SystemTime,
    ) -> Result<(), OutputError> {
        let kept = if whole { self.store.archive_counts()? } else { Vec::new() };
        let first = if whole { 1 } else { newest - 1 };
        for number in first.max(1)..=newest {
            let of_document = if number == newest { count } else { ARCHIVE };
            let name = |format: &str| format!("archives/{number}-{of_document}.{format}");
            let left = usize::try_from(number - 1).ok().and_then(|place| kept.get(place)).copied();
            if whole && left.unwrap_or(0) == 0 {
                self.folder.remove_all("archives", &format!("{number}-"))?;
                continue;
            }
            let is_whole = left.is_none_or(|left| left == of_document);
            if is_whole && is_current && self.folder.has(&name("html")) {
                continue;
            }
            let Some(river) = self.river(Part::Whole, &Spot::Archive(number, of_document))? else { continue };
            for format in Format::ALL {
                self.put(&name(format.ending()), &river.render(format))?;
            }
            // Last, since it says that the others are there.
            let page = self.page(&river)?;
            self.put(&name("html"), &page)?;
        }
        let is_partial = |name: &str| {
            let (number, rest) = name.split_once('-').unwrap_or((name, ""));
            let known = rest.split('.').next().and_then(|count| count.parse().ok());
            known.is_some_and(|known: i64| known < ARCHIVE && (number, known) != (newest.to_string().as_str(), count))
        };
        let horizon = if is_current { now.checked_sub(PARTIAL_KEPT) } else { Some(now) };
        self.folder.remove_older("archives", horizon, is_partial)
    }

    /// Writes the feeds and the page of a part; the feeds last, since people find these by the page.
    fn put_river(&mut self, place: &str, river: &River) -> Result<(), OutputError> {
        let page = self.page(river)?;
        self.put(&format!("{place}index.html"), &page)?;
        for format in Format::ALL {
            self.put(&format!("{place}feed.{}", format.ending()), &river.render(format))?;
        }
        Ok(())
    }

    fn page(&self, river: &River) -> Result<Bytes, OutputError> {
        let around = Surroundings::new(self.live, self.store, river)?;
        Ok(web::page(river, &around, &self.setting))
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        self.files += usize::from(self.folder.put(name, bytes)?);
        Ok(())
    }
}
