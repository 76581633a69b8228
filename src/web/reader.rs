//! Pages that depend on who reads: the reader's language, the page of one story.

use std::sync::Arc;

use bytes::Bytes;
use chrono::Utc;
use hyper::header::{ACCEPT_LANGUAGE, HeaderMap};
use hyper::{Method, Response, StatusCode};
use tokio::sync::oneshot;

use super::address::{Page, Shape};
use super::body::Body;
use super::pages::{self, Setting};
use super::route::{Site, plain};
use crate::language::Language;
use crate::model::page::Spot;
use crate::pictures::PictureRequest;
use crate::store::StoreError;

/// The address of a picture names one picture for good; it is for who may read the page.
const PICTURE_CACHING: &str = "private, max-age=604800, immutable";

impl Site {
    /// The answer where nothing is: a page for a person, a line for a program.
    pub(super) fn nothing(&self, method: &Method, headers: &HeaderMap, line: &'static str) -> Response<Bytes> {
        if !pages::wants_html(headers) {
            return plain(StatusCode::NOT_FOUND, line);
        }
        let title = &self.live.config().river.title;
        let page = pages::not_found(title, &self.live.addresses(), &self.setting(headers));
        // What the client has of another address is not this.
        let mut response = page.respond(method, &HeaderMap::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }

    /// The page for a person who opened a feed in a browser; `None` for everybody else.
    pub(super) fn instead_of_feed(&self, page: &Page, query: &str, headers: &HeaderMap) -> Option<Body> {
        let Shape::Feed(format) = page.shape else { return None };
        let is_raw = url::form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == "raw");
        if is_raw || page.spot != Spot::First || !pages::is_for_a_person(headers) {
            return None;
        }
        let title = &self.live.config().river.title;
        Some(pages::feed(title, &page.ask, format, &self.live.addresses(), &self.setting(headers)))
    }

    /// What pages are made with for who asks.
    pub(super) fn setting(&self, headers: &HeaderMap) -> Setting {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let accepted = accepted.map(Language::accepted).unwrap_or_default();
        Setting::new(&self.live, self.live.config().pages.language.unwrap_or(accepted), Utc::now())
    }

    /// The picture that a signed path names.
    pub(super) async fn picture(&self, path: &str, method: &Method, headers: &HeaderMap) -> Response<Bytes> {
        let none = || plain(StatusCode::NOT_FOUND, "404: there is no picture at this address.\n");
        let url = self.live.picture_signer().and_then(|signer| signer.open(path.trim_start_matches('/')));
        let (Some(url), Some(requests)) = (url, self.live.picture_requests()) else { return none() };
        let (answer, answered) = oneshot::channel();
        if requests.send(PictureRequest { url, answer }).await.is_err() {
            return none();
        }
        match answered.await {
            Ok(Some(picture)) => {
                Body::new(picture.media_type, picture.bytes.to_vec(), None, PICTURE_CACHING).respond(method, headers)
            }
            _ => none(),
        }
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
