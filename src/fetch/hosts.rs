//! What each host is asked for at the moment, whoever asks: sources, redirects, articles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Hosts that are kept, unless more of them are busy.
const MOST_HOSTS: usize = 10_000;

/// A host that asked to be left alone (429 or 503 with `Retry-After`; RFC 9110, section 10.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The host.
    pub host: String,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// The requests under way, host by host.
#[derive(Debug, Default)]
pub struct Hosts {
    hosts: Mutex<HashMap<String, Host>>,
}

#[derive(Debug, Default)]
struct Host {
    running: usize,
    /// When the latest request went out, or will.
    latest: Option<Instant>,
    held_until: Option<DateTime<Utc>>,
    freed: Arc<Notify>,
}

/// A request's place at its host; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    hosts: Arc<Hosts>,
    host: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hosts.with(&self.host, |host| {
            host.running = host.running.saturating_sub(1);
            host.freed.notify_one();
        });
    }
}

impl Hosts {
    fn with<T>(&self, name: &str, change: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() > MOST_HOSTS {
            hosts.retain(|_, host| host.running > 0 || host.held_until.is_some());
        }
        change(hosts.entry(name.to_owned()).or_default())
    }

    /// Waits until fewer than `limit` requests to `host` are under way and `gap` has passed since the
    /// last one went out.
    pub(super) async fn enter(self: &Arc<Self>, host: &str, limit: usize, gap: Duration) -> Place {
        loop {
            let freed = self.with(host, |host| {
                let free = host.running < limit;
                host.running += usize::from(free);
                (!free).then(|| host.freed.clone())
            });
            let Some(freed) = freed else { break };
            freed.notified().await;
        }
        let place = Place { hosts: self.clone(), host: host.to_owned() };
        if !gap.is_zero() {
            let turn = self.with(host, |host| {
                let now = Instant::now();
                let turn = host.latest.map_or(now, |latest| (latest + gap).max(now));
                host.latest = Some(turn);
                turn
            });
            tokio::time::sleep_until(turn).await;
        }
        place
    }

    /// Leaves a host alone.
    pub(super) fn hold(&self, hold: &Hold) {
        self.with(&hold.host, |host| host.held_until = host.held_until.max(Some(hold.until)));
    }

    /// Until when a host is left alone, if it is.
    #[must_use]
    pub fn held(&self, host: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(host).and_then(|host| host.held_until).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_wait_for_their_place_and_keep_their_distance() {
        let hosts = Arc::new(Hosts::default());
        let (start, gap) = (Instant::now(), Duration::from_millis(50));
        let first = hosts.enter("a", 2, gap).await;
        let second = hosts.enter("a", 2, gap).await;
        assert!(start.elapsed() >= gap, "the second keeps its distance");
        let mut third = std::pin::pin!(hosts.enter("a", 2, gap));
        tokio::select! {
            biased;
            _ = &mut third => panic!("two are under way"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        drop((third.await, second));
        assert!(start.elapsed() >= gap * 2);
        let now = Utc::now();
        assert_eq!(hosts.held("a", now), None);
        let until = now + chrono::TimeDelta::minutes(1);
        hosts.hold(&Hold { host: "a".into(), until });
        hosts.hold(&Hold { host: "a".into(), until: now });
        assert_eq!((hosts.held("a", now), hosts.held("a", until)), (Some(until), None));
    }
}
