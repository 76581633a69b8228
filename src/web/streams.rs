//! Answers on their way: bodies that can be watched, and the tasks of HTTP/2 streams, which end where the client takes
//! nothing.
//!
//! hyper asks a body for more only when the window of its stream has room, so a body cannot end itself; but each stream
//! of HTTP/2 is a task of its own, and a task that ends resets its stream.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;

use super::connections::{Connection, Counted, LEAST_TAKEN, TAKING_TIME};
use super::shares::Share;

/// Streams of HTTP/2 that are open at once, of all connections.
const MOST_STREAMS: usize = 4096;

/// What a body of HTTP/2 gives at once: the default of the largest frame.
const PIECE: usize = 16 * 1024;

tokio::task_local! {
    /// The stream of HTTP/2 whose task this is.
    static STREAM: Arc<Transfer>;
}

/// How far the answer of one stream has gone.
#[derive(Debug, Default)]
struct Transfer {
    /// Whether its body was begun: until then it is we who take long.
    is_begun: AtomicBool,
    /// Bytes handed over so far.
    moved: AtomicU64,
}

impl Transfer {
    /// Ends once the client has taken next to nothing for [`TAKING_TIME`].
    async fn stalled(&self) {
        const PARTS: u32 = 3;
        let (mut before, mut idle) = (0, 0);
        loop {
            tokio::time::sleep(TAKING_TIME / PARTS).await;
            let moved = self.moved.load(Ordering::Relaxed);
            if !self.is_begun.load(Ordering::Relaxed) || moved - before >= LEAST_TAKEN {
                (before, idle) = (moved, 0);
                continue;
            }
            idle += 1;
            if idle == PARTS {
                return;
            }
        }
    }
}

/// Runs the streams of one connection of HTTP/2.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    connection: Arc<Connection>,
    /// Those of all connections.
    all: Arc<AtomicUsize>,
}

impl Streams {
    pub(super) fn new(connection: Arc<Connection>, all: Arc<AtomicUsize>) -> Self {
        Self { connection, all }
    }
}

/// One among the streams of all connections.
struct OneOf(Arc<AtomicUsize>);

impl Drop for OneOf {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let one = OneOf(self.all.clone());
        if self.all.fetch_add(1, Ordering::Relaxed) >= MOST_STREAMS {
            // What is dropped is reset.
            return;
        }
        let counted = Counted::stream(&self.connection);
        let transfer = Arc::new(Transfer::default());
        tokio::spawn(STREAM.scope(transfer.clone(), async move {
            let _counted = (counted, one);
            tokio::select! {
                () = stream => {}
                () = transfer.stalled() => tracing::debug!("stream reset: the client does not take its answer"),
            }
        }));
    }
}

/// The body of an answer.
pub(super) enum Outgoing {
    /// Bytes that are ready, at once.
    Whole(Full<Bytes>),
    /// The same for HTTP/2: as the client takes them.
    Pieces(Pieces),
    /// What happens, as it does.
    Events(Events),
}

/// Bytes that are given piece by piece.
pub(super) struct Pieces {
    left: Bytes,
    transfer: Option<Arc<Transfer>>,
}

impl Outgoing {
    /// The same as it goes over the connection that this task answers.
    pub(super) fn over_this_connection(self) -> Self {
        match (self, STREAM.try_with(Arc::clone).ok()) {
            (Self::Whole(body), Some(transfer)) => {
                transfer.is_begun.store(true, Ordering::Relaxed);
                Self::Pieces(Pieces { left: body.into_inner().unwrap_or_default(), transfer: Some(transfer) })
            }
            (body, _) => body,
        }
    }
}

impl Pieces {
    fn next(&mut self) -> Option<Bytes> {
        if self.left.is_empty() {
            return None;
        }
        let piece = self.left.split_to(self.left.len().min(PIECE));
        if let Some(transfer) = &self.transfer {
            transfer.moved.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Some(piece)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Pieces(body) => Poll::Ready(body.next().map(|piece| Ok(Frame::data(piece)))),
            Self::Events(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Pieces(body) => body.left.is_empty(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Pieces(body) => SizeHint::with_exact(body.left.len() as u64),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// A body that goes on while the client listens.
pub(super) struct Events {
    events: BoxStream<'static, Bytes>,
    /// The place that it takes of those that there are.
    _held: (Share, Counted),
}

impl Events {
    pub(super) fn new(events: BoxStream<'static, Bytes>, held: (Share, Counted)) -> Self {
        Self { events, _held: held }
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.events).poll_next(cx).map(|next| next.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_stalled_once_its_client_takes_nothing() {
        let transfer = Arc::new(Transfer::default());
        let started = Instant::now();
        let stalled = async {
            transfer.stalled().await;
            started.elapsed()
        };
        let client = async {
            // We take long, then the client takes some, then nothing.
            tokio::time::sleep(TAKING_TIME * 3).await;
            transfer.is_begun.store(true, Ordering::Relaxed);
            for _ in 0..10 {
                tokio::time::sleep(TAKING_TIME / 2).await;
                transfer.moved.fetch_add(LEAST_TAKEN, Ordering::Relaxed);
            }
        };
        let both = async { tokio::join!(stalled, client).0 };
        let Ok(elapsed) = tokio::time::timeout(TAKING_TIME * 100, both).await else { panic!("it never ended") };
        assert!((TAKING_TIME * 9..TAKING_TIME * 10).contains(&elapsed), "{elapsed:?}");
    }

    #[tokio::test]
    async fn a_body_is_the_same_in_pieces() -> Result<(), Box<dyn std::error::Error>> {
        let bytes = Bytes::from(vec![7; PIECE * 2 + 1]);
        let transfer = Arc::new(Transfer::default());
        let whole = Outgoing::Whole(Full::new(bytes.clone()));
        assert_eq!(whole.size_hint().exact(), Some(bytes.len() as u64));
        let whole = STREAM.scope(transfer.clone(), async { whole.over_this_connection() }).await;
        assert!(matches!(whole, Outgoing::Pieces(_)) && whole.size_hint().exact() == Some(bytes.len() as u64));
        assert_eq!(whole.collect().await?.to_bytes(), bytes);
        assert_eq!(transfer.moved.load(Ordering::Relaxed), bytes.len() as u64);
        let empty = Outgoing::Whole(Full::new(Bytes::new()));
        assert!(STREAM.scope(transfer, async { empty.over_this_connection().is_end_stream() }).await);
        Ok(())
    }
}
