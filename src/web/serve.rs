//! Connections -> requests: taking them, watching them, and closing them.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::{Connection, Counted, LOOK, Place, Watch};
use super::shares::network_of;
use super::site::{Peer, Site};
use super::socket::{Listener, Stream};
use super::streams::Streams;
use super::wire::{Answering, Wire};

/// How long a client may take for its request line and headers.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// How long a connection beyond the limit may take for its one request and its answer.
const NEED_TIME: Duration = Duration::from_secs(2);

/// How long open requests may take when the daemon stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a connection may hold of requests that were not read, bytes: of HTTP/1 the head, of HTTP/2 the bodies.
const UNREAD: usize = 64 * 1024;

/// The streams of one connection of HTTP/2 at once.
const STREAMS: u32 = 64;

/// How often the log says that no connection can be accepted.
const COMPLAINT: Duration = Duration::from_secs(60);

/// Serves `site` at all of `listeners` until `stop`; open requests are answered first.
pub async fn serve(listeners: Vec<Listener>, site: Arc<Site>, stop: CancellationToken) {
    let mut serving = JoinSet::new();
    for listener in listeners {
        serving.spawn(serve_at(listener, site.clone(), stop.clone()));
    }
    serving.join_all().await;
}

async fn serve_at(listener: Listener, site: Arc<Site>, stop: CancellationToken) {
    let (open, reach) = (TaskTracker::new(), listener.reach());
    let mut complained: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly: others will be closed in a moment.
                if complained.is_none_or(|at| at.elapsed() >= COMPLAINT) {
                    tracing::warn!(%error, "connection not accepted");
                    complained = Some(Instant::now());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let socket = tokio::select! {
            socket = site.connections.socket() => socket,
            () = stop.cancelled() => break,
        };
        match site.connections.admit(counted(&site, address)) {
            Some(place) => {
                let peer = Arc::new(Peer { address, reach, connection: place.connection.clone() });
                let serving = serve_connection(stream, place, peer, site.clone(), stop.clone());
                open.spawn(async move {
                    serving.await;
                    drop(socket);
                });
            }
            None => {
                let cut = site.connections.admit_beyond();
                let serving = serve_in_need(stream, cut, site.clone());
                open.spawn(async move {
                    serving.await;
                    drop(socket);
                });
            }
        }
    }
    drop(listener);
    open.close();
    if tokio::time::timeout(LAST_WORDS, open.wait()).await.is_err() {
        tracing::debug!(connections = open.len(), "connections cut");
    }
}

/// The address that a connection is counted by; none for those that stand for many, proxies and programs of this
/// machine.
fn counted(site: &Site, address: Option<IpAddr>) -> Option<IpAddr> {
    let is_many = |address: &IpAddr| address.is_loopback() || site.live.config().trusted_proxies.contain(*address);
    address.filter(|address| !is_many(address)).map(network_of)
}

async fn serve_connection(stream: Stream, place: Place, peer: Arc<Peer>, site: Arc<Site>, stop: CancellationToken) {
    let (answering, connection) = (Answering::default(), place.connection.clone());
    let wire = Wire::new(stream, answering.clone(), connection.clone());
    let mut server = auto::Builder::new(Streams::new(connection.clone(), site.connections.streams.clone()));
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(UNREAD);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(32 * 1024)
        .max_concurrent_streams(STREAMS)
        .initial_connection_window_size(UNREAD as u32)
        .initial_stream_window_size(UNREAD as u32)
        .max_send_buf_size(UNREAD)
        .keep_alive_interval(Duration::from_secs(30));
    let service = service_fn(|request| {
        let (site, answering, peer) = (site.clone(), answering.clone(), peer.clone());
        async move {
            let _answer = Counted::answering(&peer.connection);
            let mut response = site.respond(request, &peer).await;
            answering.with(response.extensions_mut().remove());
            Ok::<_, Infallible>(response)
        }
    });
    let mut serving = std::pin::pin!(server.serve_connection(TokioIo::new(wire), service));
    // In a set of their own, these are looked at when they wake, not for each request.
    let mut notices = FuturesUnordered::new();
    notices.push(Either::Left(watched(&connection)));
    notices.push(Either::Right(stop.cancelled().map(|()| Notice::Stop)));
    loop {
        tokio::select! {
            biased;
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, "connection ended early");
                }
                break;
            }
            Some(notice) = notices.next() => match notice {
                Notice::Stop => serving.as_mut().graceful_shutdown(),
                Notice::Close(reason) => {
                    tracing::debug!(reason, "connection closed");
                    break;
                }
            },
        }
    }
    drop(place);
}

/// What becomes of a connection, whatever its client asks for.
enum Notice {
    /// The daemon stops.
    Stop,
    /// It is closed, for this reason.
    Close(&'static str),
}

/// Ends once the connection has to be closed.
async fn watched(connection: &Connection) -> Notice {
    let mut watch = Watch::default();
    let looks = async {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(reason) = watch.look(connection, connection.age()) {
                return reason;
            }
        }
    };
    tokio::select! {
        () = connection.cut.cancelled() => Notice::Close("another one needs its place"),
        reason = looks => Notice::Close(reason),
    }
}

/// Serves a connection that there is no place for: one request, in little time.
async fn serve_in_need(stream: Stream, cut: CancellationToken, site: Arc<Site>) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(NEED_TIME).keep_alive(false).max_buf_size(16 * 1024);
    let service = service_fn(|request: Request<Incoming>| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(site.respond_in_need(&request)) }
    });
    let serving = server.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = tokio::time::timeout(NEED_TIME, serving) => {
            if let Ok(Err(error)) = ended {
                tracing::debug!(%error, "connection beyond the limit ended early");
            }
        }
        () = cut.cancelled() => {}
    }
    cut.cancel();
}
