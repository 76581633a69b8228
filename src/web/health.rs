//! Whether newsriver lives, is ready, and how it is: answered also where there is a place for nothing else.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use super::address::local_path;
use super::body::Body;
use super::responses::{add_safe_headers, empty, plain, ready, try_again};
use super::site::Site;
use super::streams::Outgoing;

/// Probes are sent to an address, under any name.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

impl Site {
    /// Answers where there is no place for another connection: who asks for health gets it.
    pub(super) fn respond_in_need(&self, request: &Request<Incoming>) -> Response<Outgoing> {
        let path = local_path(request.uri().path(), self.live.addresses().base.path()).to_owned();
        let mut response = match path.as_str() {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => self.readiness(),
            "/metrics" if self.live.config().access.pages.is_open() => {
                self.metrics().respond(request.method(), request.headers())
            }
            _ => {
                try_again(StatusCode::SERVICE_UNAVAILABLE, "503: too many connections; come back in a minute.\n", "60")
            }
        };
        add_safe_headers(response.headers_mut());
        self.live.metrics.answered(response.status().as_u16());
        let response = ready(response);
        if request.method() == Method::HEAD { response.map(|_| empty()) } else { response }
    }

    pub(super) fn metrics(&self) -> Body {
        let text = self.live.metrics_text(&self.store);
        Body::new("text/plain; version=0.0.4; charset=utf-8", text.into_bytes(), None, "no-store")
    }

    pub(super) fn readiness(&self) -> Response<Bytes> {
        let unready = |reason: &str| plain(StatusCode::SERVICE_UNAVAILABLE, "").map(|_| format!("{reason}\n").into());
        match (self.store.problem(), self.rendered()) {
            (Some(problem), _) => unready(&problem.to_string()),
            (None, None) => unready("the river is not rendered yet"),
            (None, Some(_)) => plain(StatusCode::OK, "ready\n"),
        }
    }
}
