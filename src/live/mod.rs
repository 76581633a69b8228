//! What a running daemon knows at this moment: shared between the polls, the renderer and the web.
//!
//! Held in memory so that a request never waits for the store; all of it can be rebuilt from
//! feeds.toml and the store.

mod private;
mod river;
mod story;
mod top;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use url::Url;

use crate::config::{Config, ConfigError};
use crate::fetch::is_private;
pub use crate::fetch::{Room, Rooms, SMALL};
use crate::metrics::{Gauges, Metrics};
use crate::model::part::Part;
use crate::model::recent::Recent;
use crate::model::redact::masked;
use crate::model::report::{Failure, SourceState};
use crate::model::server::Guard;
use crate::model::source::{Source, SourceId};
use crate::model::websub::Subscription;
use crate::opml::{self, Outline};
use crate::pictures::{PictureRequest, Signer};
use crate::publish::Addresses;
use crate::status::{self, Report, SourceReport};
use crate::store::{SourceRow, Store, StoreError};
pub use story::Neighbours;

/// The state of a running daemon.
#[derive(Debug)]
pub struct Live {
    /// When it started.
    pub started: DateTime<Utc>,
    /// Where readers reach it, if feeds.toml does not say.
    listening: Url,
    in_force: RwLock<InForce>,
    config_error: RwLock<Option<ConfigError>>,
    rows: RwLock<HashMap<SourceId, SourceRow>>,
    stories: Arc<AtomicU64>,
    store: Store,
    subscriptions: RwLock<HashMap<SourceId, Subscription>>,
    /// The places for large bodies, of polls and of pushes.
    pub rooms: Rooms,
    /// What signs addresses of pictures, and where these are asked for.
    pictures: RwLock<Option<(Signer, mpsc::Sender<PictureRequest>)>>,
    /// What is counted.
    pub metrics: Metrics,
    /// The last log events.
    pub recent: Recent,
    /// Counts changes of what the status tells.
    status: watch::Sender<u64>,
}

/// The configuration, and what is the same for every request as long as it holds.
#[derive(Debug)]
struct InForce {
    config: Arc<Config>,
    addresses: Arc<Addresses>,
}

impl InForce {
    fn new(config: Config, listening: &Url) -> Self {
        let mut base = config.river.base_url.clone().unwrap_or_else(|| listening.clone());
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let behind = |guard: &Guard| {
            let mut url = base.clone();
            if let Some(token) = &guard.token {
                url.set_path(&format!("{}t/{}/", base.path(), token.reveal()));
            }
            url
        };
        let (feeds, pages) = (behind(&config.access.feeds), behind(&config.access.pages));
        let offered = if config.access.pages.is_open() { base.clone() } else { feeds.clone() };
        Self { config: Arc::new(config), addresses: Arc::new(Addresses { feeds, pages, offered, base }) }
    }
}

/// What a hub sent for a source, signed as it should be.
#[derive(Debug)]
pub struct Push {
    /// The source.
    pub source: SourceId,
    /// The value of `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
    /// What it takes of the places for bodies; given back once it is read.
    pub held: Box<dyn std::any::Any + Send>,
}

/// The subscriptions as OPML for who wrote feeds.toml: what is on the web, with the names and pages that the store
/// knows. Private addresses are in it, so that the list can be imported again.
#[must_use]
pub fn opml(config: &Config, store: Option<&Store>) -> String {
    let rows = store.and_then(|store| store.sources().ok()).unwrap_or_default();
    let rows: HashMap<SourceId, SourceRow> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
    opml_of(config, &rows, |source| Some(source.address.to_string()))
}

fn opml_of(
    config: &Config,
    rows: &HashMap<SourceId, SourceRow>,
    address: impl Fn(&Source) -> Option<String>,
) -> String {
    let on_the_web = config.sources.iter().filter(|source| source.address.host().is_some());
    let outlines: Vec<Outline> = on_the_web
        .filter_map(|source| {
            let state = rows.get(&source.id).map(|row| &row.state);
            Some(Outline {
                url: address(source)?,
                title: source.name.clone().or_else(|| state.and_then(|state| state.feed_title.clone())),
                group: source.group.clone(),
                page: state.and_then(|state| state.home_page_url.clone()).filter(|page| !source.gives_away(page)),
            })
        })
        .collect();
    opml::render(&config.river.title, &outlines)
}

impl Live {
    /// The metrics as text.
    #[must_use]
    pub fn metrics_text(&self, store: &Store) -> String {
        let mut states = ["ok", "failing", "gone", "paused", "new"].map(|state| (state, 0));
        let entries;
        {
            let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
            entries = rows.values().map(|row| row.entries).sum::<u64>();
            for source in &self.config().sources {
                let state = status::state_of(source, rows.get(&source.id).map(|row| &row.state));
                if let Some((_, count)) = states.iter_mut().find(|(name, _)| *name == state) {
                    *count += 1;
                }
            }
        }
        self.metrics.render(&Gauges {
            started: self.started.timestamp(),
            entries,
            stories: self.stories.load(Ordering::Relaxed),
            states: states.to_vec(),
            store_bytes: store.bytes(),
        })
    }

    /// The subscriptions as OPML for readers: sources with a private address are left out.
    #[must_use]
    pub fn opml(&self) -> String {
        opml_of(&self.config(), &self.rows.read().unwrap_or_else(PoisonError::into_inner), Source::public_address)
    }

    /// A message about a source, without what is secret in its address.
    #[must_use]
    pub fn redacted(&self, id: &SourceId, text: &str) -> String {
        self.config().source(id.as_str()).map_or_else(|| masked(text).into_owned(), |source| source.redacted(text))
    }

    /// The state at the start: what the store knows of the sources.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn new(
        config: Config,
        store: &Store,
        listening: Url,
        started: DateTime<Utc>,
        recent: Recent,
    ) -> Result<Self, StoreError> {
        let subscriptions = store.subscriptions()?.into_iter().map(|one| (one.source.clone(), one)).collect();
        let rows = store.sources()?.into_iter().map(|row| (row.id.clone(), row)).collect();
        Ok(Self {
            started,
            in_force: RwLock::new(InForce::new(config, &listening)),
            listening,
            config_error: RwLock::default(),
            rows: RwLock::new(rows),
            stories: store.story_counter(),
            store: store.clone(),
            subscriptions: RwLock::new(subscriptions),
            rooms: Rooms::default(),
            pictures: RwLock::default(),
            metrics: Metrics::default(),
            recent,
            status: watch::Sender::new(0),
        })
    }

    /// Whether hubs may be asked for pushes: they must be able to reach us.
    #[must_use]
    pub fn wants_pushes(&self) -> bool {
        let config = self.config();
        config.websub.subscribe.unwrap_or_else(|| config.river.base_url.as_ref().is_some_and(|base| !is_private(base)))
    }

    /// Whether our own hub may push to a callback: a river of a private network is pushed to none outside it.
    #[must_use]
    pub fn may_push_to(&self, callback: &Url) -> bool {
        let is_inside = |url: &Url| is_private(url) || url.host_str().is_some_and(|host| !host.contains(['.', ':']));
        !is_inside(&self.base_url()) || is_inside(callback)
    }

    /// Every subscription at a hub.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.subscriptions.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The subscription of a source.
    #[must_use]
    pub fn subscription(&self, source: &SourceId) -> Option<Subscription> {
        self.subscriptions.read().unwrap_or_else(PoisonError::into_inner).get(source).cloned()
    }

    /// The subscription whose callback has this token.
    #[must_use]
    pub fn subscription_at(&self, token: &str) -> Option<Subscription> {
        let all = self.subscriptions.read().unwrap_or_else(PoisonError::into_inner);
        all.values().find(|one| one.token == token).cloned()
    }

    /// Notes a subscription.
    pub fn put_subscription(&self, subscription: Subscription) {
        let mut all = self.subscriptions.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(subscription.source.clone(), subscription);
    }

    /// Forgets the subscription of a source.
    pub fn drop_subscription(&self, source: &SourceId) {
        self.subscriptions.write().unwrap_or_else(PoisonError::into_inner).remove(source);
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).config.clone()
    }

    /// The configuration in force, with the addresses that follow from it.
    #[must_use]
    pub fn in_force(&self) -> (Arc<Config>, Arc<Addresses>) {
        let in_force = self.in_force.read().unwrap_or_else(PoisonError::into_inner);
        (in_force.config.clone(), in_force.addresses.clone())
    }

    /// Puts a new configuration in force.
    pub fn set_config(&self, config: Config) {
        let new = InForce::new(config, &self.listening);
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = new;
        self.set_config_error(None);
    }

    /// Notes what is wrong with feeds.toml, or that nothing is.
    pub fn set_config_error(&self, error: Option<ConfigError>) {
        *self.config_error.write().unwrap_or_else(PoisonError::into_inner) = error;
        self.status.send_modify(|count| *count += 1);
    }

    /// What is known of a source.
    #[must_use]
    pub fn state(&self, id: &SourceId) -> SourceState {
        self.rows
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .map(|row| row.state.clone())
            .unwrap_or_default()
    }

    /// Looks at what is known of every source.
    pub fn with_rows<T>(&self, look: impl FnOnce(&HashMap<SourceId, SourceRow>) -> T) -> T {
        look(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn row(&self, id: &SourceId) -> Option<SourceRow> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Notes what a poll left behind.
    pub fn set_row(&self, row: SourceRow) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let known = rows.get(&row.id).map_or(0, |before| before.entries);
        // A row that the store refused carries no count.
        let row = SourceRow { entries: row.entries.max(known), ..row };
        rows.insert(row.id.clone(), row);
        self.status.send_modify(|count| *count += 1);
    }

    /// Notes a failure that the store knows nothing of.
    pub fn note_failure(&self, id: &SourceId, failure: Failure, next_poll: DateTime<Utc>) {
        if let Some(row) = self.rows.write().unwrap_or_else(PoisonError::into_inner).get_mut(id) {
            row.state.failures_in_a_row += 1;
            row.state.error = Some(failure);
            row.state.next_poll = Some(next_poll);
        }
        self.status.send_modify(|count| *count += 1);
    }

    /// Hears of every change of what the status tells.
    #[must_use]
    pub fn status_changes(&self) -> watch::Receiver<u64> {
        self.status.subscribe()
    }

    /// The groups of the sources, each once, in the order of feeds.toml.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        for group in self.config().sources.iter().filter_map(|source| source.group.as_ref()) {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        groups
    }

    /// Takes what the store knows of all sources: another program polled or pruned.
    pub fn set_rows(&self, rows: Vec<SourceRow>) {
        let mut known = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
    }

    /// The health of the sources.
    #[must_use]
    pub fn report(&self) -> Report {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let error = self.config_error.read().unwrap_or_else(PoisonError::into_inner);
        let stories = self.stories.load(Ordering::Relaxed);
        Report {
            store_error: self.store.problem().map(|problem| problem.to_string()),
            ..Report::new(&self.config(), &rows, stories, Some(self.started), error.as_ref())
        }
    }

    /// The health of one source, whatever the others are; `None` where feeds.toml has no such source.
    #[must_use]
    pub fn source_report(&self, id: &str) -> Option<SourceReport> {
        let config = self.config();
        let source = config.source(id)?;
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        Some(SourceReport::new(source, rows.get(&source.id)))
    }

    /// Where readers reach the daemon; ends in a slash.
    #[must_use]
    pub fn base_url(&self) -> Url {
        self.addresses().base.clone()
    }

    /// Where readers reach what: behind doors, the addresses that open them.
    #[must_use]
    pub fn addresses(&self) -> Arc<Addresses> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).addresses.clone()
    }

    /// Where readers reach the files of `[output]`: no doors are there.
    #[must_use]
    pub fn output_addresses(&self) -> Arc<Addresses> {
        let stated = self.config().output.as_ref().and_then(|output| output.base_url.clone());
        Arc::new(stated.unwrap_or_else(|| self.base_url()).into())
    }

    /// The sources that feeds.toml names or that were polled once.
    #[must_use]
    pub fn known_sources(&self) -> BTreeSet<SourceId> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        self.config().sources.iter().map(|source| source.id.clone()).chain(rows.keys().cloned()).collect()
    }

    /// Whether there is such a part: a source or group that feeds.toml names or that was polled once.
    /// Any tag may come to be used.
    #[must_use]
    pub fn has(&self, part: &Part) -> bool {
        match part {
            Part::Whole | Part::Tag(_) | Part::Top => true,
            Part::Digest => !self.config().digest.is_empty(),
            Part::Source(id) => {
                self.config().source(id.as_str()).is_some()
                    || self.rows.read().unwrap_or_else(PoisonError::into_inner).contains_key(id)
            }
            Part::Group(name) => self.config().sources.iter().any(|source| source.group.as_ref() == Some(name)),
        }
    }
}
