//! The store's entries and the configuration -> pages of the river.

use std::collections::{BTreeMap, HashSet};

use super::Live;
use crate::config::Config;
use crate::model::archive::ArchivedStory;
use crate::model::entry::StoredEntry;
use crate::model::page::{Cursor, Place, Spot};
use crate::model::part::{Ask, Part};
use crate::model::redact::{MASK, has_secret};
use crate::model::source::SourceId;
use crate::publish::{Format, Origin, River};
use crate::search::{Query, QueryError};
use crate::store::{ARCHIVE, Archived, Changes, Fairness, Page, Selection, Start, Store, StoreError};

/// Stories that a reader is told at most of what changed since his last visit; with more the river's pages
/// serve him better.
const MOST_CHANGES: usize = 10_000;

/// Pages that are looked through for stories that enough outlets report.
const MOST_PAGES_BEHIND: usize = 10;

/// Stories that go into the archives in one transaction.
const ARCHIVED_AT_ONCE: usize = 64;

impl Live {
    /// A page of what is asked for, from the store; `None` where there is no such page.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn river(&self, store: &Store, ask: &Ask, spot: &Spot) -> Result<Option<River>, StoreError> {
        let config = self.config();
        let publishes = |stored: &StoredEntry| config.filters.is_empty() || self.barred(&config, stored).is_none();
        if ask.part == Part::Digest {
            let (page, origins) = self.digest(store, &config, &publishes)?;
            return Ok((*spot == Spot::First).then(|| River { origins, ..self.titled(&config, ask, spot, page) }));
        }
        let mut archive = None;
        let page = match spot {
            Spot::Archive(number, count) => {
                let stories = self.archived(store, *number, *count)?;
                return Ok(stories.map(|(mut stories, origins)| {
                    hide_secrets(&config, &mut stories);
                    River {
                        archive: Some((number - 1, ARCHIVE)).filter(|(number, _)| *number > 0),
                        origins: origins.into_iter().map(|(id, origin)| (id, public(&config, origin))).collect(),
                        ..self.titled(&config, ask, spot, Page { stories, ..Page::default() })
                    }
                }));
            }
            Spot::Between(since, until) => match store.changes(*since, *until, MOST_CHANGES, &publishes)? {
                Changes::Stories(stories) => Page { stories, next: None, change: *until },
                Changes::Unknown => return Ok(None),
            },
            Spot::First | Spot::Below(_) | Spot::Above(_) => with_enough(store, &config, ask, spot, &publishes)?,
        };
        if *spot == Spot::First && ask.is_plain() {
            archive = last_archive(store)?;
        }
        let mut page = page;
        hide_secrets(&config, &mut page.stories);
        let origins = self.origins(&config, &page.stories);
        Ok(Some(River { archive, origins, ..self.titled(&config, ask, spot, page) }))
    }

    /// Puts stories that have left the first page `river` into the archives, each once, and links them there;
    /// whether there are more of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read or written.
    pub fn archive(&self, store: &Store, river: &mut River) -> Result<bool, StoreError> {
        let config = self.config();
        let leaving = self.leaving(&config, store, river, ARCHIVED_AT_ONCE)?;
        if leaving.is_empty() {
            return Ok(false);
        }
        let more = leaving.len() == ARCHIVED_AT_ONCE;
        let leaving = leaving.into_iter().map(|(row, story)| {
            let archived = story.map(|story| ArchivedStory {
                origins: self.origins(&config, std::slice::from_ref(&story)).into_values().collect(),
                story,
            });
            Archived::new(row, archived.as_ref())
        });
        let leaving = leaving.collect();
        store.put_into_archives(leaving)?;
        river.archive = last_archive(store)?;
        Ok(more)
    }

    /// Whether stories have left the first page `river` and are in no archive.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn is_behind(&self, store: &Store, river: &River) -> Result<bool, StoreError> {
        Ok(!self.leaving(&self.config(), store, river, 1)?.is_empty())
    }

    fn leaving(&self, config: &Config, store: &Store, river: &River, most: usize) -> Result<Leaving, StoreError> {
        let publishes = |stored: &StoredEntry| config.filters.is_empty() || self.barred(config, stored).is_none();
        let shown: HashSet<i64> = river.entries.iter().map(|story| story.row).collect();
        store.unarchived(&|row| shown.contains(&row), most, &publishes)
    }

    /// The stories of an archive document, with their sources.
    fn archived(&self, store: &Store, number: i64, count: i64) -> Result<Option<Stories>, StoreError> {
        let exists = number > 0 && (1..=ARCHIVE).contains(&count);
        let exists = exists && (number - 1).saturating_mul(ARCHIVE).saturating_add(count) <= store.archived()?;
        let kept = if exists { store.archive(number, count)? } else { Vec::new() };
        if kept.is_empty() {
            return Ok(None);
        }
        let (mut stories, mut origins) = (Vec::new(), BTreeMap::new());
        for archived in kept {
            stories.push(archived.story);
            origins.extend(archived.origins.into_iter().map(|origin| (origin.id.clone(), origin)));
        }
        Ok(Some((stories, origins)))
    }

    /// A page with its title, and without sources.
    pub(super) fn titled(&self, config: &Config, ask: &Ask, spot: &Spot, page: Page) -> River {
        let title = match &ask.part {
            Part::Whole => config.river.title.clone(),
            Part::Source(id) => format!("{} · {}", config.river.title, self.origin(config, id).name),
            part => format!("{} · {part}", config.river.title),
        };
        let previous = match spot {
            Spot::First | Spot::Between(..) | Spot::Archive(..) => None,
            _ if ask.query.is_some() => None,
            _ => Some(page.stories.first().map_or(Spot::First, |first| Spot::Above(Cursor::after(first)))),
        };
        River {
            title: ask.query.as_ref().map_or(title.clone(), |query| format!("{title} · {query}")),
            ask: ask.clone(),
            spot: spot.clone(),
            addresses: self.addresses(),
            entries: page.stories,
            origins: BTreeMap::new(),
            next: page.next,
            previous,
            archive: None,
            change: page.change,
            hubs: if ask.is_plain() && !matches!(spot, Spot::Archive(..)) { self.hubs(config) } else { Vec::new() },
            is_files: false,
        }
    }

    /// The hubs that push the river.
    fn hubs(&self, config: &Config) -> Vec<String> {
        let own = config.websub.is_hub.then(|| format!("{}hub", self.base_url()));
        own.into_iter().chain(config.websub.hubs.iter().map(ToString::to_string)).collect()
    }

    /// The feed of ours that an address names: what can be subscribed to at the hub.
    #[must_use]
    pub fn topic(&self, address: &str) -> Option<Format> {
        let base = &self.addresses().feeds;
        Format::ALL.into_iter().find(|format| address == format!("{base}feed.{}", format.ending()))
    }

    pub(super) fn origins(&self, config: &Config, stories: &[StoredEntry]) -> BTreeMap<SourceId, Origin> {
        let ids: HashSet<&SourceId> = stories
            .iter()
            .flat_map(|e| [&e.source, &e.told_by].into_iter().chain(e.tellings.iter().map(|telling| &telling.source)))
            .collect();
        ids.into_iter().map(|id| (id.clone(), self.origin(config, id))).collect()
    }

    /// Why the filters of feeds.toml keep an entry out of the river.
    #[must_use]
    pub fn unpublished(&self, stored: &StoredEntry) -> Option<String> {
        self.barred(&self.config(), stored)
    }

    pub(super) fn barred(&self, config: &Config, stored: &StoredEntry) -> Option<String> {
        let group = config.source(stored.source.as_str()).and_then(|source| source.group.as_deref());
        config.filters.bars(group, stored)
    }

    pub(super) fn origin(&self, config: &Config, id: &SourceId) -> Origin {
        let row = self.row(id);
        let title = row.as_ref().and_then(|row| row.state.feed_title.clone());
        let configured = config.source(id.as_str());
        let name = configured.and_then(|s| s.name.clone()).or(title).unwrap_or_else(|| id.to_string());
        let address = configured.map(|s| s.address.to_string()).or_else(|| row.as_ref().map(|row| row.address.clone()));
        let page = row.and_then(|row| row.state.home_page_url);
        let origin = Origin {
            id: id.clone(),
            name,
            url: address.filter(|url| url.starts_with("http")),
            home_page_url: page.filter(|url| url.starts_with("http")),
        };
        public(config, origin)
    }
}

/// A source as feeds name it, without the addresses that are private. The archives hold it as it was once.
fn public(config: &Config, origin: Origin) -> Origin {
    let (url, page) = match config.source(origin.id.as_str()) {
        Some(source) => (
            origin.url.filter(|url| source.public_address().is_some() && !source.gives_away(url)),
            origin.home_page_url.filter(|page| !source.gives_away(page)),
        ),
        None => (
            origin.url.filter(|url| !has_secret(url) && !url.contains(MASK)),
            origin.home_page_url.filter(|page| !has_secret(page)),
        ),
    };
    Origin { url, home_page_url: page, ..origin }
}

/// Takes the keys of private addresses out of entries that repeat them.
pub(super) fn hide_secrets(config: &Config, stories: &mut [StoredEntry]) {
    let tellers = |story: &StoredEntry| -> Vec<SourceId> {
        let others = story.tellings.iter().map(|telling| telling.source.clone());
        [story.source.clone(), story.told_by.clone()].into_iter().chain(others).collect()
    };
    let ids: HashSet<SourceId> = stories.iter().flat_map(tellers).collect();
    // feeds.toml may hold ten thousand sources, a page has stories of few.
    let sources = config.sources.iter().filter(|source| ids.contains(&source.id));
    for source in sources.filter(|source| source.public_address().is_none()) {
        let is_in = |story: &&mut StoredEntry| tellers(story).contains(&source.id);
        stories.iter_mut().filter(is_in).for_each(|story| source.redact_entry(story));
    }
}

type Stories = (Vec<StoredEntry>, BTreeMap<SourceId, Origin>);

/// Rows of stories, with how they are told.
type Leaving = Vec<(i64, Option<StoredEntry>)>;

/// The newest archive document: its number, and how many stories it has so far.
fn last_archive(store: &Store) -> Result<Option<(i64, i64)>, StoreError> {
    let count = store.archived()?;
    Ok((count > 0).then(|| ((count - 1) / ARCHIVE + 1, (count - 1) % ARCHIVE + 1)))
}

/// A page of stories that enough outlets report, where a reader wants that: what is passed over is made up for by the
/// pages behind, up to a limit.
fn with_enough(
    store: &Store,
    config: &Config,
    ask: &Ask,
    spot: &Spot,
    publishes: &dyn Fn(&StoredEntry) -> bool,
) -> Result<Page, StoreError> {
    let mut whole = page(store, config, ask, spot, publishes)?;
    let Some(least) = ask.min_sources.filter(|least| *least > 1 && ask.part != Part::Top) else { return Ok(whole) };
    let limit = ask.count.unwrap_or(config.river.entries);
    whole.stories = Live::with_outlets(store, whole.stories, least)?;
    for _ in 0..MOST_PAGES_BEHIND {
        let Some(place) = whole.next.clone().filter(|_| whole.stories.len() < limit) else { break };
        if matches!(spot, Spot::Above(_)) {
            break;
        }
        let behind = page(store, config, ask, &Spot::Below(place), publishes)?;
        whole.stories.extend(Live::with_outlets(store, behind.stories, least)?);
        whole.next = behind.next;
    }
    Ok(whole)
}

/// The stories of a page of the river, of a part of it, or of a search.
fn page(
    store: &Store,
    config: &Config,
    ask: &Ask,
    spot: &Spot,
    publishes: &dyn Fn(&StoredEntry) -> bool,
) -> Result<Page, StoreError> {
    let selection = match &ask.part {
        Part::Whole => Selection::All,
        Part::Source(id) => Selection::Sources(vec![id.clone()]),
        Part::Group(name) => {
            let of_group = config.sources.iter().filter(|source| source.group.as_ref() == Some(name));
            Selection::Sources(of_group.map(|source| source.id.clone()).collect())
        }
        Part::Tag(name) => Selection::Tag(name.clone()),
        Part::Top => return Live::top(store, ask, publishes),
        // It has no stories of its own: see `Live::digest`.
        Part::Digest => return Ok(Page::default()),
    };
    let limit = ask.count.unwrap_or(config.river.entries);
    let query = query_of(ask)?;
    let mut page = match &query {
        Some(query) => {
            let before = match spot {
                Spot::Below(place) => Some(place.cursor.row),
                _ => None,
            };
            let found = store.search(query, &selection, publishes, before, limit)?;
            let next = found.next.map(|row| Place { cursor: Cursor { order: 0, row }, shown: Vec::new() });
            Page { stories: found.stories, next, change: 0 }
        }
        None => {
            // Whoever asks for one source, or for all since a time, wants what there is.
            let is_mixed = !matches!(ask.part, Part::Source(_)) && ask.since.is_none();
            // Unless feeds.toml says, no source has more than a third while others have stories.
            let fairness = Fairness {
                per_source: Some(config.river.max_per_source.unwrap_or(limit / 3).max(1)),
                fills: config.river.max_per_source.is_none(),
                passes_backlog: true,
            };
            let start = match spot {
                Spot::Below(place) => Start::Below(place.clone()),
                Spot::Above(cursor) => Start::Above(*cursor),
                _ => Start::Top(if is_mixed { fairness } else { Fairness::default() }),
            };
            store.river(&selection, publishes, &start, limit)?
        }
    };
    if let Some(since) = ask.since {
        let all = page.stories.len();
        page.stories.retain(|story| story.order >= since);
        // What is found by searching is in the order of its arrival, the river in that of its dates.
        page.next = page.next.filter(|_| query.is_some() || page.stories.len() == all);
    }
    Ok(page)
}

/// The query of a request, parsed. One that cannot be was refused when it came: nothing is told rather than all.
pub(super) fn query_of(ask: &Ask) -> Result<Option<Query>, StoreError> {
    let fault = |error: QueryError| StoreError::Fault(format!("a query that was taken cannot be read: {error}"));
    ask.query.as_deref().map(Query::parse).transpose().map_err(fault)
}
