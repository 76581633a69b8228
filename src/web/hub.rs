//! The callback of subscriptions at hubs: verification of intent, and pushes (WebSub, sections 5.3 and 7).

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::route::{Site, plain};
use crate::hub;
use crate::live::Push;
use crate::model::websub::{Stage, Subscription};
use crate::websub::{self, Answer};

/// How long a hub may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The token in the path of a callback.
pub(super) fn token_at(path: &str) -> Option<&str> {
    path.strip_prefix("/websub/").filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The largest form that our own hub reads, bytes.
const LARGEST_FORM: usize = 16 * 1024;

impl Site {
    /// Answers who wants to listen at our own hub (WebSub, section 5.2): 202, and whether he means it is asked
    /// afterwards.
    pub(super) async fn listen(&self, request: Request<Incoming>) -> Response<Bytes> {
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "405: subscribers post here (WebSub).\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let body = Limited::new(request.into_body(), LARGEST_FORM).collect();
        let Ok(Ok(form)) = tokio::time::timeout(BODY_TIME, body).await else {
            return plain(StatusCode::PAYLOAD_TOO_LARGE, "413: the form is too large or took too long.\n");
        };
        let asked = match hub::request(&form.to_bytes()) {
            Ok(asked) => asked,
            Err(error) => {
                tracing::debug!(%error, "a subscriber of the hub is refused");
                return plain(StatusCode::BAD_REQUEST, "400: hub.mode, hub.callback, hub.topic, as WebSub has them.\n");
            }
        };
        if self.live.topic(&asked.topic).is_none() {
            return plain(
                StatusCode::NOT_FOUND,
                "404: this hub pushes /feed.atom, /feed.rss and /feed.json of here.\n",
            );
        }
        match self.listeners.try_send(asked) {
            Ok(()) => plain(StatusCode::ACCEPTED, ""),
            Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "503: too many subscribers at once.\n"),
        }
    }

    /// Answers a hub.
    pub(super) async fn hub(&self, token: &str, request: Request<Incoming>) -> Response<Bytes> {
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
        let body = Limited::new(request.into_body(), usize::try_from(limit).unwrap_or(usize::MAX)).collect();
        let body = match tokio::time::timeout(BODY_TIME, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => {
                tracing::warn!(source.id = %id, error, "a push could not be taken");
                return plain(StatusCode::PAYLOAD_TOO_LARGE, "413: the push is too large or broke off.\n");
            }
            Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "408: the push took too long.\n"),
        };
        if let Err(error) = websub::check_signature(&subscription.secret, signature.as_deref(), &body) {
            // A 2xx all the same (section 8): who forges shall not learn that it failed.
            tracing::warn!(source.id = %id, "a push for {id} is not taken: {error}");
            return plain(StatusCode::ACCEPTED, "");
        }
        match self.pushes.try_send(Push { source: id.clone(), content_type, body }) {
            Ok(()) => plain(StatusCode::ACCEPTED, ""),
            Err(_) => {
                let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "503: too many pushes at once.\n");
                response.headers_mut().insert("retry-after", HeaderValue::from_static("60"));
                response
            }
        }
    }
}
