//! Looking up names: the system's resolver, which takes a thread for each, so few at once.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

/// Names that are looked up at once, unless another number is given.
const AT_ONCE: usize = 64;

/// The names that are looked up at once; clones share them.
#[derive(Debug, Clone)]
pub struct Lookups(Arc<Semaphore>);

impl Default for Lookups {
    fn default() -> Self {
        Self::new(AT_ONCE)
    }
}

impl Lookups {
    /// So many names at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// The addresses of a host. A look-up that nobody waits for any more takes its place until it ends: its thread
    /// cannot be stopped.
    pub(super) async fn look_up(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let place = self.0.clone().acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        let work = move || {
            let _place = place;
            (host.as_str(), 0).to_socket_addrs().map(Iterator::collect)
        };
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
    }
}

impl Resolve for Lookups {
    fn resolve(&self, name: Name) -> Resolving {
        let lookups = self.clone();
        Box::pin(async move {
            let found = lookups.look_up(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_are_looked_up_a_few_at_once() -> io::Result<()> {
        let lookups = Lookups::new(1);
        let found = lookups.look_up("localhost").await?;
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        let Ok(place) = lookups.0.clone().acquire_owned().await else { panic!("it is never closed") };
        let mut waiting = std::pin::pin!(lookups.look_up("localhost"));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there is no place"),
            () = std::future::ready(()) => {}
        }
        drop(place);
        assert_eq!(waiting.await?, found);
        Ok(())
    }
}
