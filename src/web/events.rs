//! Server-sent events (HTML, section 9.2): the river has changed, the state of a source has.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{StreamExt, unfold};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::connections::Counted;
use super::responses::{ready, try_again};
use super::site::{Asker, Site};
use super::streams::{Events, Outgoing};

/// A line that says nothing, so that proxies keep the connection and a client that is gone is noticed.
const BREATH: Duration = Duration::from_secs(15);

/// At most so often is a client told that states of sources changed.
const PAUSE: Duration = Duration::from_secs(1);

impl Site {
    /// What happens from now on, the river as it is first; for `?seconds=` where the client says so, after which
    /// it comes again by itself.
    pub(super) fn events(self: &Arc<Self>, query: &str, asker: &Asker) -> Response<Outgoing> {
        let Some(share) = self.event_streams.take(asker.client, 1) else {
            let text = "503: too many streams of events are open; come back in a minute.\n";
            return ready(try_again(StatusCode::SERVICE_UNAVAILABLE, text, "60"));
        };
        let seconds = query.strip_prefix("seconds=").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let mut renderings = self.renderings();
        renderings.mark_changed();
        let state = (renderings, self.live.status_changes(), self.closing().clone());
        let events = unfold(state, |(mut renderings, mut states, closing)| async move {
            let text = tokio::select! {
                () = closing.cancelled() => return None,
                changed = renderings.changed() => {
                    changed.ok()?;
                    let change = renderings.borrow_and_update().as_ref().map_or(0, |rendered| rendered.change());
                    format!("event: river\ndata: {{\"change\":{change}}}\n\n")
                }
                changed = async {
                    tokio::time::sleep(PAUSE).await;
                    states.changed().await
                } => {
                    changed.ok()?;
                    "event: status\ndata: {}\n\n".to_owned()
                }
                () = tokio::time::sleep(BREATH) => ":\n\n".to_owned(),
            };
            Some((Bytes::from(text), (renderings, states, closing)))
        });
        let events = match seconds {
            Some(seconds) => events.take_until(tokio::time::sleep(seconds)).boxed(),
            None => events.boxed(),
        };
        let held = (share, Counted::stream(&asker.connection));
        let mut response = Response::new(Outgoing::Events(Events::new(events, held)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Proxies that gather answers would keep the news from the reader.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}
