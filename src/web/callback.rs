//! The callback of subscriptions at hubs: verification of intent, and pushes (WebSub, sections 5.3 and 7).
//!
//! Anybody may send here whatever he likes: what cannot be believed is answered before its body, and few bodies are
//! under way at once.

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::responses::{closing, plain, try_again};
use super::site::Site;
use crate::live::{Push, Room, SMALL};
use crate::model::websub::{Stage, Subscription};
use crate::websub::{self, Answer};

/// How long a hub may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How long it may take before its rate counts, and the least rate then, bytes a second.
const FIRST_TIME: Duration = Duration::from_secs(5);
const LEAST_RATE: usize = 32 * 1024;

/// What is read and dropped of a body that is not wanted, bytes, so that a hub reads its answer.
const DRAINED: u64 = 64 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Why a push is not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the body is larger than max_bytes of the source")]
    TooLarge,
    #[error("the body came too slowly")]
    TooSlow,
    #[error("the body broke off: {0}")]
    BrokenOff(#[from] hyper::Error),
    #[error("too many pushes are unfinished")]
    TooMany,
}

/// The token in the path of a callback.
pub(super) fn token_at(path: &str) -> Option<&str> {
    path.strip_prefix("/websub/").filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric()))
}

impl Site {
    /// Answers a hub.
    pub(super) async fn callback(&self, token: &str, request: Request<Incoming>) -> Response<Bytes> {
        let Some(subscription) = self.live.subscription_at(token) else {
            // Hubs take 410 for the end of a subscription.
            return plain(StatusCode::GONE, "410: there is no such subscription.\n");
        };
        match *request.method() {
            Method::GET => self.verify(subscription, request.uri().query().unwrap_or_default()).await,
            Method::POST => self.push(&subscription, request).await,
            _ => {
                let mut response =
                    plain(StatusCode::METHOD_NOT_ALLOWED, "405: a hub asks here (GET) or pushes (POST).\n");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
                response
            }
        }
    }

    async fn verify(&self, subscription: Subscription, query: &str) -> Response<Bytes> {
        let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let id = subscription.source.clone();
        let (kept, answer) = match websub::answer(&subscription, &query, Utc::now()) {
            Answer::Confirm { challenge, lease_until } => {
                tracing::info!(source.id = %id, until = %lease_until.format("%Y-%m-%dT%H:%M:%SZ"), "the hub will push {id}");
                let kept =
                    Subscription { stage: Stage::Active, failures: 0, lease_until: Some(lease_until), ..subscription };
                (kept, Bytes::from(challenge))
            }
            Answer::Denied => {
                tracing::warn!(source.id = %id, "the hub refuses to push {id}; it is polled");
                (Subscription { stage: Stage::Denied, is_trusted: false, ..subscription }, Bytes::new())
            }
            Answer::Unknown => return plain(StatusCode::NOT_FOUND, "404: this was not asked for.\n"),
        };
        self.live.put_subscription(kept.clone());
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || store.put_subscription(&kept)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(source.id = %id, %error, "a subscription could not be kept"),
            Err(error) => tracing::error!(source.id = %id, %error, "a subscription could not be kept"),
        }
        let mut response = Response::new(answer);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }

    async fn push(&self, subscription: &Subscription, request: Request<Incoming>) -> Response<Bytes> {
        let id = &subscription.source;
        let limit = self.live.config().source(id.as_str()).map_or(0, |source| source.max_bytes);
        let text = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (content_type, signature) = (text("content-type"), text("x-hub-signature"));
        let body = request.into_body();
        let signature = match websub::signature(signature.as_deref()) {
            Ok(signature) => signature,
            Err(error) => {
                // A 2xx all the same (section 8): who forges shall not learn that it failed.
                tracing::warn!(source.id = %id, %error, "push not taken");
                drain(body).await;
                return closing(plain(StatusCode::ACCEPTED, ""));
            }
        };
        let taken = self.take_body(subscription, body, limit).await;
        let (body, held) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(source.id = %id, %error, "push not taken");
                return closing(match error {
                    Refused::TooLarge => plain(StatusCode::PAYLOAD_TOO_LARGE, "413: the push is too large.\n"),
                    Refused::TooSlow => plain(StatusCode::REQUEST_TIMEOUT, "408: the push took too long.\n"),
                    Refused::BrokenOff(_) => plain(StatusCode::BAD_REQUEST, "400: the push broke off.\n"),
                    Refused::TooMany => too_many(),
                });
            }
        };
        if let Err(error) = websub::check_signature(&subscription.secret, &signature, &body) {
            tracing::warn!(source.id = %id, %error, "push not taken");
            return plain(StatusCode::ACCEPTED, "");
        }
        match self.pushes.try_send(Push { source: id.clone(), content_type, body, held }) {
            Ok(()) => plain(StatusCode::ACCEPTED, ""),
            Err(_) => too_many(),
        }
    }

    /// Reads the body of a push, within what bodies may hold; and what it holds of that.
    async fn take_body(
        &self,
        subscription: &Subscription,
        mut body: Incoming,
        limit: u64,
    ) -> Result<(Bytes, Box<dyn std::any::Any + Send>), Refused> {
        let length = body.size_hint().lower();
        if length > limit {
            return Err(Refused::TooLarge);
        }
        let token = Some(subscription.token.clone());
        let place = self.unfinished.all.take(token.clone(), 1).ok_or(Refused::TooMany)?;
        let room = || -> Result<(Room, _), Refused> {
            let share = self.unfinished.large.take(token.clone(), 1).ok_or(Refused::TooMany)?;
            Ok((self.live.rooms.try_enter().ok_or(Refused::TooMany)?, share))
        };
        let mut large = if length > SMALL as u64 { Some(room()?) } else { None };
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(SMALL).min(SMALL));
        let began = Instant::now();
        loop {
            let fair = FIRST_TIME + Duration::from_secs((bytes.len() / LEAST_RATE) as u64);
            let frame = tokio::time::timeout_at(began + fair.min(BODY_TIME), body.frame()).await;
            let Some(frame) = frame.map_err(|_| Refused::TooSlow)? else { break };
            // What stands behind the body is of no use here.
            let Ok(data) = frame?.into_data() else { continue };
            if (bytes.len() + data.len()) as u64 > limit {
                return Err(Refused::TooLarge);
            }
            if large.is_none() && bytes.len() + data.len() > SMALL {
                large = Some(room()?);
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes.into(), Box::new((place, large))))
    }
}

fn too_many() -> Response<Bytes> {
    try_again(StatusCode::SERVICE_UNAVAILABLE, "503: too many pushes at once.\n", "60")
}

/// Reads what there is of a small body and drops it: a connection that is closed over unread bytes loses the answer.
async fn drain(mut body: Incoming) {
    if body.size_hint().lower() > DRAINED {
        return;
    }
    let draining = async {
        let mut left = DRAINED as usize;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    if tokio::time::timeout(DRAIN_TIME, draining).await.is_err() {
        tracing::debug!("body not read to its end");
    }
}
