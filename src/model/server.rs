//! Where newsriver listens, and who may read what.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use super::source::{Credentials, Secret};

/// Where connections are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address and port; port 0 is one that is free.
    Address(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Reverse proxies whose word counts on who the client is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads an address or a network; the text that is neither, where one is.
    ///
    /// # Errors
    /// The text that is neither.
    pub fn parse(texts: Vec<String>) -> Result<Self, String> {
        let one = |text: String| {
            let network = text.parse::<IpNet>().ok();
            network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).ok_or(text)
        };
        texts.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is that of such a proxy.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// What lets somebody in: any of what is set. Nothing set is an open door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// A word in the address (`/t/TOKEN/feed.atom`), or a bearer token (RFC 6750).
    pub token: Option<Secret>,
    /// HTTP Basic (RFC 7617).
    pub credentials: Option<Credentials>,
}

impl Guard {
    /// Whether anybody may pass.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.token.is_none() && self.credentials.is_none()
    }
}

/// Who may read what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The feeds, the archives and the list of subscriptions.
    pub feeds: Guard,
    /// Pages for people, the status and the metrics.
    pub pages: Guard,
}
