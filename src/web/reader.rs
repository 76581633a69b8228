//! Pages that depend on who reads: the reader's language, the page of one story.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use hyper::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderMap};
use hyper::{Method, Response, StatusCode};
use tokio::sync::oneshot;

use super::address::{Page, Shape};
use super::body::{Body, Coding};
use super::on_request::NoPage;
use super::pages::{self, Setting};
use super::responses::plain;
use super::site::{Asker, Site};
use crate::language::Language;
use crate::model::page::Spot;
use crate::pictures::{Picture, PictureRequest};
use crate::store::StoreError;

/// The address of a picture names one picture for good; it is for who may read the page.
const PICTURE_CACHING: &str = "private, max-age=604800, immutable";

/// How long a request waits for its picture, which may wait for others.
const PICTURE_TIME: Duration = Duration::from_secs(30);

impl Site {
    /// The answer where nothing is: a page for a person, a line for a program.
    pub(super) fn nothing(
        &self,
        method: &Method,
        headers: &HeaderMap,
        asker: &Asker,
        line: &'static str,
    ) -> Response<Bytes> {
        if !pages::wants_html(headers) {
            return plain(StatusCode::NOT_FOUND, line);
        }
        let title = &self.live.config().river.title;
        let page = pages::not_found(title, &self.live.addresses(), &self.setting(headers));
        // What the client has of another address is not this.
        let mut response = page.respond(method, &HeaderMap::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        self.send(response, asker, false)
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

    /// The picture that a signed path names. It is sent as it is: pictures are compressed already.
    pub(super) async fn picture(
        self: &Arc<Self>,
        path: &str,
        method: &Method,
        headers: &HeaderMap,
        asker: &Asker,
    ) -> Response<Bytes> {
        let none = || plain(StatusCode::NOT_FOUND, "404: there is no picture at this address.\n");
        let url = self.live.picture_signer().and_then(|signer| signer.open(path.trim_start_matches('/')));
        let (Some(url), Some(requests)) = (url, self.live.picture_requests()) else { return none() };
        let Some(_waiting) = self.picture_waits.take(asker.client, 1) else { return NoPage::Busy.answer() };
        let (answer, answered) = oneshot::channel();
        if requests.send(PictureRequest { url, answer }).await.is_err() {
            return none();
        }
        let picture = match tokio::time::timeout(PICTURE_TIME, answered).await {
            Ok(Ok(Some(picture))) => picture,
            Ok(_) => return none(),
            Err(_) => return NoPage::Busy.answer(),
        };
        match self.picture_body(picture).await {
            Ok(body) => {
                let mut headers = headers.clone();
                headers.remove(ACCEPT_ENCODING);
                self.send(body.respond(method, &headers), asker, false)
            }
            Err(error) => error.answer(),
        }
    }

    /// The body of a picture, within the memory of what is rendered for requests.
    async fn picture_body(&self, picture: Picture) -> Result<Body, NoPage> {
        let memory = self.budget.reserve().await.ok_or(NoPage::Busy)?;
        let body = move || {
            let body = Body::new(picture.media_type, picture.bytes.to_vec(), None, PICTURE_CACHING);
            body.within(memory, Coding::Identity).ok_or(NoPage::Busy)
        };
        tokio::task::spawn_blocking(body).await.map_err(StoreError::from)?
    }

    /// The page of the story that an entry belongs to; `None` where there is no such story.
    pub(super) fn story_page(&self, name: &str, setting: &Setting) -> Result<Option<Body>, StoreError> {
        let Some(row) = self.store.story_of(name)? else { return Ok(None) };
        let Some(found) = self.live.story(&self.store, row)? else { return Ok(None) };
        let members = self.live.listed(&self.store, &[row])?.remove(&row).unwrap_or_default();
        let Some(stored) = found.river.entries.first() else { return Ok(None) };
        let shown = pages::shown_of(stored, &members).map_or(&stored.river_id, |member| &member.river_id);
        let made = self.live.explanation(&self.store, shown)?;
        Ok(pages::story(&found, &members, made.as_ref(), setting))
    }
}
