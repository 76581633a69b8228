//! The river over HTTP: requests -> bytes that are ready before they are asked for.
//!
//! Every connection has limits of time and number; a request for the first page of the river
//! touches neither the store nor the renderer.

mod access;
mod address;
mod body;
mod events;
mod hub;
mod pages;
mod reader;
mod render;
mod rendered;
mod route;
mod socket;
mod wire;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use body::Body;
pub use pages::{Setting, Surroundings, assets, page};
pub use render::Rendering;
pub use rendered::Rendered;
pub use route::Site;
pub use socket::Listener;
use wire::{Answering, Wire};

/// Connections at once.
const CONNECTIONS: usize = 1024;

/// How long a client may take for its request line and headers.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// How long open requests may take when the daemon stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Serves `site` at all of `listeners` until `stop`; open requests are answered first.
pub async fn serve(listeners: Vec<Listener>, site: Arc<Site>, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut serving = JoinSet::new();
    for listener in listeners {
        serving.spawn(serve_at(listener, slots.clone(), site.clone(), stop.clone()));
    }
    serving.join_all().await;
}

async fn serve_at(listener: Listener, slots: Arc<Semaphore>, site: Arc<Site>, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(64 * 1024);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(32 * 1024)
        .max_concurrent_streams(64)
        .keep_alive_interval(Duration::from_secs(30));
    loop {
        let permit = tokio::select! {
            permit = slots.clone().acquire_owned() => permit,
            () = stop.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: others will be closed in a moment.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (site, answering) = (site.clone(), Answering::default());
        let wire = Wire::new(stream, answering.clone());
        let service = service_fn(move |request| {
            let (site, answering) = (site.clone(), answering.clone());
            async move {
                let mut response = site.respond(request, peer).await;
                answering.with(response.extensions_mut().remove());
                Ok::<_, Infallible>(response)
            }
        });
        let connection = graceful.watch(server.serve_connection(TokioIo::new(wire), service).into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(LAST_WORDS) => tracing::debug!("some connections were cut"),
    }
}
