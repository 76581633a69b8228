//! Where connections come from: a port, a Unix socket, or sockets that the service manager passes on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use listenfd::ListenFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use url::Url;

use super::connections::TAKING_TIME;
use super::host::Reach;
use crate::model::server::Listen;

/// Takes connections.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    /// The file of a socket that is ours to remove.
    file: Option<PathBuf>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens where feeds.toml says. The file of a socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// [`io::Error`] where the place is taken or may not be used.
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Address(address) => Ok(TcpListener::bind(address).await?.into()),
            Listen::Unix { path, mode } => {
                remove_left_over(path).await?;
                let kind = Kind::Unix(UnixListener::bind(path)?);
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode))?;
                Ok(Self { kind, file: Some(path.clone()) })
            }
        }
    }

    /// The sockets that systemd passes on (`sd_listen_fds(3)`); none where it passes none. To be asked once.
    ///
    /// # Errors
    /// [`io::Error`] where one is passed that no connections come from.
    pub fn passed() -> io::Result<Vec<Self>> {
        let mut passed = ListenFd::from_env();
        let count = passed.len();
        let take = |place| {
            if let Ok(Some(socket)) = passed.take_unix_listener(place) {
                socket.set_nonblocking(true)?;
                return Ok(Self { kind: Kind::Unix(UnixListener::from_std(socket)?), file: None });
            }
            let socket = passed.take_tcp_listener(place)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            socket.set_nonblocking(true)?;
            Ok(TcpListener::from_std(socket)?.into())
        };
        (0..count).map(take).collect()
    }

    /// Its name for the log.
    ///
    /// # Errors
    /// [`io::Error`] where the system does not tell.
    pub fn name(&self) -> io::Result<String> {
        Ok(match &self.kind {
            Kind::Tcp(listener) => listener.local_addr()?.to_string(),
            Kind::Unix(listener) => {
                let address = listener.local_addr()?;
                format!("unix:{}", address.as_pathname().unwrap_or(Path::new("")).display())
            }
        })
    }

    /// Where a reader on this machine reaches it; ends in a slash.
    ///
    /// # Errors
    /// [`io::Error`] where the system does not tell.
    pub fn url(&self) -> io::Result<Url> {
        let text = match &self.kind {
            Kind::Tcp(listener) => {
                let mut address = listener.local_addr()?;
                match address.ip() {
                    IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
                    IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
                    _ => {}
                }
                format!("http://{address}/")
            }
            Kind::Unix(_) => "http://localhost/".to_owned(),
        };
        Url::parse(&text).map_err(io::Error::other)
    }

    /// From where it can be reached; from everywhere, where the system does not tell.
    pub(super) fn reach(&self) -> Reach {
        match &self.kind {
            Kind::Unix(_) => Reach::Local,
            Kind::Tcp(listener) if listener.local_addr().is_ok_and(|address| address.ip().is_loopback()) => {
                Reach::Loopback
            }
            Kind::Tcp(_) => Reach::Network,
        }
    }

    /// The next connection, and the address of who made it where it has one.
    pub(super) async fn accept(&self) -> io::Result<(Stream, Option<IpAddr>)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A client that is gone without a word is noticed (RFC 5482).
                if let Err(error) = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(TAKING_TIME)) {
                    tracing::debug!(%error, "a connection has no limit for taking what it is sent");
                }
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps its delay");
                }
                Ok((Stream::Tcp(stream), Some(peer.ip().to_canonical())))
            }
            Kind::Unix(listener) => Ok((Stream::Unix(listener.accept().await?.0), None)),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { kind: Kind::Tcp(listener), file: None }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.file
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(%error, "the file of the socket stays");
        }
    }
}

/// Removes the file of a socket if nobody listens at it: a daemon that was killed leaves it behind.
async fn remove_left_over(path: &Path) -> io::Result<()> {
    let is_socket = path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if is_socket && UnixStream::connect(path).await.is_err_and(refused) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(super) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(context),
            Self::Unix(stream) => stream.poll_write_ready(context),
        }
    }

    /// A call that writes, once [`Self::poll_write_ready`] said it may.
    pub(super) fn try_write<R>(&self, call: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match self {
            Self::Tcp(stream) => stream.try_io(Interest::WRITABLE, call),
            Self::Unix(stream) => stream.try_io(Interest::WRITABLE, call),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// The same for both kinds.
macro_rules! either {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => $call,
            Stream::Unix($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(cx, buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write_vectored(cx, buffers))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
