//! Why a fetch brought nothing, in the words of the person who has to mend it.

use std::error::Error as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::address::Blocked;
use crate::model::report::ErrorKind;

/// What the system says where a process, or all of them, have too many files open.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// Why a fetch brought no document.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The client could not be set up.
    #[error("the HTTP client cannot start: {0}")]
    Client(#[source] reqwest::Error),
    /// The proxy of the environment is none that newsriver can use.
    #[error(
        "the proxy of the environment is a `{kind}:` proxy; set `http_proxy` and `https_proxy` to one that speaks HTTP, or `proxy` in feeds.toml"
    )]
    ProxyKind {
        /// The scheme of its address.
        kind: String,
    },
    /// The name does not resolve.
    #[error("the host's name does not resolve: {detail}")]
    Dns {
        /// What the resolver says.
        detail: String,
    },
    /// No connection, or it broke.
    #[error("no answer over the connection: {detail}")]
    Connect {
        /// What the network says.
        detail: String,
    },
    /// newsriver itself has no descriptor for a connection.
    #[error(
        "newsriver may open no further file or connection: {detail}; raise `LimitNOFILE` of its service or `ulimit -n`"
    )]
    Descriptors {
        /// What the system says.
        detail: String,
    },
    /// TLS failed.
    #[error("the TLS connection failed: {detail}")]
    Tls {
        /// What the TLS library says.
        detail: String,
    },
    /// A time limit was hit.
    #[error("timed out: {step} took more than {limit:?} (`{key}` in feeds.toml)")]
    TimedOut {
        /// What took too long.
        step: &'static str,
        /// The limit.
        limit: Duration,
        /// The key that sets it.
        key: &'static str,
    },
    /// An error status.
    #[error("the server answered {status}{}", status_hint(*.status))]
    Status {
        /// The status code.
        status: u16,
    },
    /// The host asked to be left alone, by the answer to another request.
    #[error("{host} asked to be left alone until {}", .until.format("%Y-%m-%d %H:%M:%S UTC"))]
    Held {
        /// The host.
        host: String,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// robots.txt of the site keeps us out.
    #[error("robots.txt of the site bars {url}; `robots = false` for this source asks all the same")]
    Robots {
        /// The article.
        url: String,
    },
    /// A redirect without `Location`.
    #[error("the server answered {status} without saying where to")]
    RedirectWithoutTarget {
        /// The status code.
        status: u16,
    },
    /// A redirect that leads off the web.
    #[error("redirected to `{location}`, which is no web address")]
    BadRedirect {
        /// The `Location` as sent.
        location: String,
    },
    /// A redirect from https to http.
    #[error("redirected from https to `{location}`; set that as `url` if you trust it")]
    Downgrade {
        /// The `Location` as sent.
        location: String,
    },
    /// The same address twice.
    #[error("redirected in a circle, back to {url}")]
    RedirectLoop {
        /// The address that came again.
        url: String,
    },
    /// Too many redirects.
    #[error("redirected more than {limit} times")]
    TooManyRedirects {
        /// The limit.
        limit: usize,
    },
    /// The address rules refuse it.
    #[error("{host} is the private address {address}; set `allow_private = true` for this source if that is meant")]
    Blocked {
        /// The name that led there.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// The same, by the name alone.
    #[error("{host} is a name of private networks; set `allow_private = true` for this source if that is meant")]
    PrivateName {
        /// The name.
        host: String,
    },
    /// The body is too large.
    #[error("the body is larger than {limit} bytes (`max_bytes` in feeds.toml)")]
    TooLarge {
        /// The limit, bytes.
        limit: u64,
    },
    /// The headers are too large.
    #[error("the headers are larger than {limit} bytes")]
    HeadersTooLarge {
        /// The limit, bytes.
        limit: usize,
    },
    /// The body is not in its coding.
    #[error("the body cannot be decompressed: {detail}")]
    Decompression {
        /// What the decompressor says.
        detail: String,
    },
    /// The body ended too early, or broke.
    #[error("the body broke off: {detail}")]
    BrokenBody {
        /// What the network says.
        detail: String,
    },
    /// A file could not be read.
    #[error("{path} cannot be read: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The path is a folder, a device or a pipe.
    #[error("{path} is no file", path = .0.display())]
    NoFile(PathBuf),
}

fn status_hint(status: u16) -> &'static str {
    match status {
        401 => " (credentials wanted: set `username` and `password_file`)",
        403 => " (refused: the site may block this User-Agent or address)",
        404 => " (not found: has the feed moved?)",
        410 => " (gone: the publisher has ended this feed; it is not polled any more)",
        429 => " (too many requests: polled again when the server allows)",
        500..=599 => " (a fault of the server)",
        _ => "",
    }
}

impl FetchError {
    /// The kind for `/status.json`.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Client(_) => ErrorKind::Internal,
            Self::Dns { .. } => ErrorKind::Dns,
            Self::Connect { .. } | Self::ProxyKind { .. } => ErrorKind::Connect,
            Self::Tls { .. } => ErrorKind::Tls,
            Self::TimedOut { .. } => ErrorKind::Timeout,
            Self::Status { .. } | Self::Held { .. } => ErrorKind::HttpStatus,
            Self::Robots { .. } => ErrorKind::Robots,
            Self::RedirectWithoutTarget { .. }
            | Self::BadRedirect { .. }
            | Self::Downgrade { .. }
            | Self::RedirectLoop { .. }
            | Self::TooManyRedirects { .. } => ErrorKind::Redirect,
            Self::Blocked { .. } | Self::PrivateName { .. } => ErrorKind::BlockedAddress,
            Self::TooLarge { .. } | Self::HeadersTooLarge { .. } => ErrorKind::TooLarge,
            Self::Decompression { .. } => ErrorKind::Decompression,
            Self::Descriptors { .. } | Self::BrokenBody { .. } | Self::File { .. } | Self::NoFile(_) => ErrorKind::Io,
        }
    }

    /// The HTTP status, where that is the error.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Status { status } | Self::RedirectWithoutTarget { status } => Some(*status),
            _ => None,
        }
    }

    /// Sorts the client's error before an answer came; `connect` is the limit that it knew.
    pub(super) fn from_reqwest(error: reqwest::Error, connect: Duration) -> Self {
        if let Some(blocked) = find::<Blocked>(&error) {
            return Self::Blocked { host: blocked.host.clone(), address: blocked.address };
        }
        if let Some(io) = find::<std::io::Error>(&error)
            && matches!(io.raw_os_error(), Some(EMFILE | ENFILE))
        {
            return Self::Descriptors { detail: io.to_string() };
        }
        if error.is_timeout() {
            return Self::TimedOut { step: "the connection", limit: connect, key: "connect_timeout" };
        }
        let chain = chain(&error);
        let said = |words: &[&str]| words.iter().any(|word| chain.to_ascii_lowercase().contains(word));
        let detail = innermost(&error);
        if said(&["dns error", "failed to lookup", "name or service not known", "nodename nor servname"]) {
            Self::Dns { detail }
        } else if said(&["certificate", "tls", "handshake", "invalid peer", "corrupt message"]) {
            Self::Tls { detail }
        } else {
            Self::Connect { detail }
        }
    }

    /// Sorts the client's error in the middle of a body.
    pub(super) fn from_body(error: reqwest::Error, whole: Duration) -> Self {
        if error.is_timeout() {
            return Self::TimedOut { step: "the body", limit: whole, key: "timeout" };
        }
        Self::BrokenBody { detail: innermost(&error) }
    }
}

/// The first error of type `T` in the chain of sources.
fn find<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An I/O error hides what it wraps from `source` and shows it here.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// All that the chain of sources says, in one line.
fn chain(error: &reqwest::Error) -> String {
    let mut all = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        all.push_str(": ");
        all.push_str(&error.to_string());
        next = error.source();
    }
    all
}

/// What the innermost error says: the outer ones only say that something failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}
