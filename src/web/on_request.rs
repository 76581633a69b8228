//! What is rendered for a request: few at once, few that wait, and no more memory than there is.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::address::Shape;
use super::body::{Body, Coding};
use super::budget::Reserved;
use super::pages;
use super::rendered::feed_body;
use super::route::{Asker, PageKey, Site, plain, try_again};
use super::shares::Shares;
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::store::StoreError;

/// How many pages beside the first of the river are kept rendered, and how many bytes of them.
const KEPT_PAGES: usize = 64;
const KEPT_BYTES: usize = 16 << 20;

/// Renderings at once: at least, and at most, by the processors that there are.
const AT_ONCE: (usize, usize) = (2, 8);

/// Requests that wait for a rendering: of all clients, and of one.
const WAITING: (usize, usize) = (256, 64);

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// A rendering.
pub(super) type Render = Box<dyn FnOnce(&Site) -> Result<Body, StoreError> + Send>;

/// Who may render.
#[derive(Debug)]
pub(super) struct Renderers {
    turns: Arc<Semaphore>,
    /// What is new since a visit may be as much as eight pages: one at a time.
    deltas: Arc<Semaphore>,
    waiting: Arc<Shares>,
}

/// The turn of a request; held for as long as the rendering takes, whether its client still waits or not.
#[derive(Debug)]
pub(super) struct Turn {
    _permits: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
    memory: Reserved,
}

impl Default for Renderers {
    fn default() -> Self {
        let (least, most) = AT_ONCE;
        let processors = std::thread::available_parallelism().map_or(least, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(processors.clamp(least, most))),
            deltas: Arc::new(Semaphore::new(1)),
            waiting: Shares::new(WAITING),
        }
    }
}

/// Why there is no page for now.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPage {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others are served.
    #[error("too many requests are being answered")]
    Busy,
}

impl NoPage {
    /// What the client is told.
    pub(super) fn answer(&self) -> Response<Bytes> {
        match self {
            Self::Store(error) => {
                tracing::error!(%error, "a page could not be read from the store");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "500: the store could not be read; the log says why.\n")
            }
            Self::Busy => {
                let text =
                    "503: too much is being sent at once; come back in a few seconds. /feed.atom is always ready.\n";
                try_again(StatusCode::SERVICE_UNAVAILABLE, text, "5")
            }
        }
    }
}

impl Site {
    /// Waits for the turn of a request.
    async fn turn(&self, client: Option<IpAddr>, is_delta: bool) -> Result<Turn, NoPage> {
        let renderers = &self.renderers;
        let _waiting = renderers.waiting.take(client, 1).ok_or(NoPage::Busy)?;
        let permits = async {
            let delta = if is_delta { renderers.deltas.clone().acquire_owned().await.ok() } else { None };
            let turn = renderers.turns.clone().acquire_owned().await.ok()?;
            Some((turn, delta))
        };
        let permits = tokio::time::timeout(PATIENCE, permits).await.ok().flatten().ok_or(NoPage::Busy)?;
        match self.budget.reserve().await {
            Some(memory) => Ok(Turn { _permits: permits, memory }),
            None => {
                // What is kept for others is the first to go.
                self.pages.lock().unwrap_or_else(PoisonError::into_inner).clear();
                Err(NoPage::Busy)
            }
        }
    }

    /// Renders a body for a request, away from the tasks that answer.
    pub(super) async fn render_for(
        self: &Arc<Self>,
        asker: &Asker,
        coding: Coding,
        render: Render,
    ) -> Result<Body, NoPage> {
        let turn = self.turn(asker.client, false).await?;
        let site = self.clone();
        let rendering = move || {
            let Turn { _permits, memory } = turn;
            render(&site)?.within(memory, coding).ok_or(NoPage::Busy)
        };
        tokio::task::spawn_blocking(rendering).await.map_err(|_| StoreError::Closed)?
    }

    fn kept(&self, key: &PageKey) -> Option<Arc<Body>> {
        let body = self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some(body) = &body {
            body.note_shared();
        }
        body
    }

    /// A page behind the first, or of a part of the river, and whether it is one of those that are kept: rendered
    /// when it is first asked for.
    pub(super) async fn page(
        self: &Arc<Self>,
        (ask, shape, spot): (Ask, Shape, Spot),
        coding: Coding,
        asker: &Asker,
    ) -> Result<Option<(Arc<Body>, bool)>, NoPage> {
        let is_delta = matches!(spot, Spot::Between(..));
        let key: PageKey = (ask, shape, spot, self.live.addresses());
        if let Some(body) = self.kept(&key).filter(|body| body.is_prepared(coding)) {
            return Ok(Some((body, true)));
        }
        let turn = self.turn(asker.client, is_delta).await?;
        // Others may have asked for the same meanwhile.
        if let Some(body) = self.kept(&key) {
            let prepared = body.clone();
            let prepare = move || {
                let _turn = turn;
                prepared.prepare(coding);
            };
            tokio::task::spawn_blocking(prepare).await.map_err(|_| StoreError::Closed)?;
            return Ok(Some((body, true)));
        }
        let rendering = self.renderings.load(Ordering::Acquire);
        let (site, (ask, shape, spot, _)) = (self.clone(), key.clone());
        let render = move || {
            let Turn { _permits, memory } = turn;
            let Some(river) = site.live.river(&site.store, &ask, &spot)? else { return Ok(None) };
            let body = match shape {
                Shape::Feed(format) => feed_body(&river, format),
                Shape::Html => pages::river(&river, &site.live.groups()),
            };
            drop(river);
            body.within(memory, coding).ok_or(NoPage::Busy).map(|body| Some(Arc::new(body)))
        };
        let body = tokio::task::spawn_blocking(render).await.map_err(|_| StoreError::Closed)?;
        let Some(body) = body? else { return Ok(None) };
        self.keep(key, &body, rendering);
        Ok(Some((body, false)))
    }

    /// Keeps a page for others, unless the river was rendered since it was begun.
    fn keep(&self, key: PageKey, body: &Arc<Body>, rendering: u64) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = pages.values().map(|body| body.memory_len()).sum::<usize>();
        if pages.len() >= KEPT_PAGES || bytes + body.memory_len() > KEPT_BYTES {
            pages.clear();
        }
        if rendering == self.renderings.load(Ordering::Acquire) && body.memory_len() < KEPT_BYTES {
            pages.insert(key, body.clone());
        }
    }
}
