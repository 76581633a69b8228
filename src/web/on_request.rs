//! What is rendered for a request: few at once, few that wait, and no more memory than there is.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::address::Shape;
use super::body::{Body, Coding};
use super::budget::Reserved;
use super::pages::{self, Setting, Surroundings};
use super::rendered::feed_body;
use super::renderers::Turn;
use super::responses::{plain, try_again};
use super::site::{Asker, PageKey, Site};
use crate::language::Language;
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::store::StoreError;

/// How many pages beside the first of the river are kept rendered, and how many bytes of them.
const KEPT_PAGES: usize = 64;
const KEPT_BYTES: usize = 16 << 20;

/// A rendering; `None` where there is nothing to render.
pub(super) type Render = Box<dyn FnOnce(&Site) -> Result<Option<Body>, StoreError> + Send>;

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
    /// Waits for the turn of a request, and for the memory that it takes.
    async fn turn(&self, client: Option<IpAddr>, is_delta: bool) -> Result<(Turn, Reserved), NoPage> {
        let turn = self.renderers.turn(client, is_delta).await.ok_or(NoPage::Busy)?;
        match self.budget.reserve().await {
            Some(memory) => Ok((turn, memory)),
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
    ) -> Result<Option<Body>, NoPage> {
        let (turn, memory) = self.turn(asker.client, false).await?;
        let site = self.clone();
        let rendering = move || {
            let _turn = turn;
            let Some(body) = render(&site)? else { return Ok(None) };
            body.within(memory, coding).ok_or(NoPage::Busy).map(Some)
        };
        tokio::task::spawn_blocking(rendering).await.map_err(StoreError::from)?
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
        setting: Setting,
        coding: Coding,
        asker: &Asker,
    ) -> Result<Option<(Arc<Body>, bool)>, NoPage> {
        let is_delta = matches!(spot, Spot::Between(..));
        // Feeds are the same in every language.
        let language = if shape == Shape::Html { setting.language } else { Language::default() };
        let key: PageKey = (ask, shape, spot, language, self.live.addresses());
        if let Some(body) = self.kept(&key).filter(|body| body.is_prepared(coding)) {
            return Ok(Some((body, true)));
        }
        let (turn, memory) = self.turn(asker.client, is_delta).await?;
        // Others may have asked for the same meanwhile.
        if let Some(body) = self.kept(&key) {
            let prepared = body.clone();
            let prepare = move || {
                let _turn = (turn, memory);
                prepared.prepare(coding);
            };
            tokio::task::spawn_blocking(prepare).await.map_err(StoreError::from)?;
            return Ok(Some((body, true)));
        }
        let rendering = self.renderings.load(Ordering::Acquire);
        let (site, (ask, shape, spot, ..)) = (self.clone(), key.clone());
        let render = move || {
            let _turn = turn;
            let Some(river) = site.live.river(&site.store, &ask, &spot)? else { return Ok(None) };
            let body = match shape {
                Shape::Feed(format) => feed_body(&river, format),
                Shape::Html => pages::river(&river, &Surroundings::new(&site.live, &site.store, &river)?, &setting),
            };
            // What a page without stories says instead may change at any time.
            let is_lasting = shape != Shape::Html || !river.entries.is_empty();
            drop(river);
            body.within(memory, coding).ok_or(NoPage::Busy).map(|body| Some((Arc::new(body), is_lasting)))
        };
        let body = tokio::task::spawn_blocking(render).await.map_err(StoreError::from)?;
        let Some((body, is_lasting)) = body? else { return Ok(None) };
        if is_lasting {
            self.keep(key, &body, rendering);
        }
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
