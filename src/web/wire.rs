//! A connection that sends large bodies without copying them.
//!
//! A body that is the same for everybody is kept in memory that the kernel can send from (`memfd`): for
//! several hundred kilobytes the copy into the socket is most of the work of an answer. What hyper hands
//! over is recognised by where it lies in memory; all else is written as usual.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::SendFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::budget::{Hold, Memory};
use super::connections::Connection;
use super::socket::Stream;

/// Below this a copy costs less than another call.
const WORTH_SENDING: usize = 64 * 1024;

/// Files of this kind at once: each is a descriptor that others may need.
const MOST_FILES: usize = 64;

/// Those that there are.
static FILES: AtomicUsize = AtomicUsize::new(0);

/// Bytes, and the same as a file that nobody can change.
#[derive(Debug)]
pub(super) struct Sealed {
    bytes: Bytes,
    file: File,
    _counted: (CountedFile, Hold),
}

#[derive(Debug)]
struct CountedFile;

impl CountedFile {
    fn new() -> Option<Self> {
        let counted = (FILES.fetch_add(1, Ordering::Relaxed), Self);
        (counted.0 < MOST_FILES).then_some(counted.1)
    }
}

impl Drop for CountedFile {
    fn drop(&mut self) {
        FILES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sealed {
    /// `None` where it is not worth it, or the system has no such files.
    pub(super) fn new(bytes: &Bytes, memory: &Memory) -> Option<Arc<Self>> {
        if bytes.len() < WORTH_SENDING {
            return None;
        }
        let counted = (CountedFile::new()?, memory.hold(bytes.len())?);
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(rustix::fs::memfd_create("newsriver-body", flags).ok()?);
        file.write_all(bytes).ok()?;
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals).ok()?;
        Some(Arc::new(Self { bytes: bytes.clone(), file, _counted: counted }))
    }

    /// Where in the file a buffer stands that is part of these bytes.
    fn place_of(&self, buffer: &[u8]) -> Option<u64> {
        let (start, at) = (self.bytes.as_ptr().addr(), buffer.as_ptr().addr());
        let place = at.checked_sub(start)?;
        let is_part = buffer.len() >= WORTH_SENDING && place + buffer.len() <= self.bytes.len();
        u64::try_from(place).ok().filter(|_| is_part)
    }
}

/// What the connection is answering with.
#[derive(Debug, Clone, Default)]
pub(super) struct Answering(Arc<Mutex<Option<Arc<Sealed>>>>);

impl Answering {
    pub(super) fn with(&self, sealed: Option<Arc<Sealed>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sealed;
    }

    fn get(&self) -> Option<Arc<Sealed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    answering: Answering,
    connection: Arc<Connection>,
}

impl Wire {
    pub(super) fn new(stream: Stream, answering: Answering, connection: Arc<Connection>) -> Self {
        Self { stream, answering, connection }
    }

    /// Writes the first of `buffers` without a copy where that is possible, else what the system takes of all.
    fn poll_buffers(&mut self, cx: &mut Context<'_>, buffers: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let sealed = self.answering.get();
        let known = sealed.as_ref().and_then(|sealed| {
            buffers.iter().enumerate().find_map(|(n, buffer)| Some((sealed, n, sealed.place_of(buffer)?)))
        });
        match known {
            Some((sealed, 0, place)) => {
                let mut place = place;
                self.poll_call(cx, |stream| {
                    rustix::fs::sendfile(stream, &sealed.file, Some(&mut place), buffers[0].len())
                })
            }
            // The head goes first, and not in a packet of its own.
            Some(_) => self.poll_call(cx, |stream| rustix::net::send(stream, &buffers[0], SendFlags::MORE)),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, buffers),
        }
    }

    /// Runs a call on the socket once it takes something.
    fn poll_call(
        &self,
        context: &mut Context<'_>,
        mut call: impl FnMut(&Stream) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            let result = self.stream.try_write(|| call(&self.stream).map_err(io::Error::from));
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_buffers(cx, buffers);
        match &written {
            Poll::Ready(Ok(bytes)) => self.connection.wrote(Some(*bytes)),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.connection.wrote(None),
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
