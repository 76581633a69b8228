//! What each host is asked for at the moment, whoever asks: sources, redirects, articles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Hosts that are kept, unless more of them are busy.
const MOST_HOSTS: usize = 10_000;

/// How long a connection is kept for the next request.
pub(super) const KEPT_OPEN: Duration = Duration::from_secs(30);

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
    /// When it last answered anything.
    spoke: Option<Instant>,
    /// Whether it answered anything well since we started.
    is_well: bool,
    hold: Option<Hold>,
    freed: Arc<Notify>,
}

/// A host asked to be left alone (429 or 503 with `Retry-After`; RFC 9110, section 10.2.3).
#[derive(Debug, Clone, Copy)]
struct Hold {
    until: DateTime<Utc>,
    /// Whether it is the host that is tired: the source was well before.
    is_sure: bool,
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
            hosts.retain(|_, host| host.running > 0 || host.hold.is_some());
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

    /// A host asked to be left alone. That of a source which never answered otherwise says nothing of
    /// the host, if that answers others.
    pub(super) fn refused(&self, host: &str, until: DateTime<Utc>, was_well: bool) {
        self.with(host, |host| {
            let until = host.hold.map_or(until, |hold| hold.until.max(until));
            if was_well || !host.is_well {
                host.hold = Some(Hold { until, is_sure: was_well || host.hold.is_some_and(|hold| hold.is_sure) });
            }
        });
    }

    /// A host answered, whatever it said.
    pub(super) fn spoke(&self, host: &str) {
        self.with(host, |host| host.spoke = Some(Instant::now()));
    }

    /// Whether a connection to a host may be one that was kept.
    pub(super) fn spoke_lately(&self, host: &str) -> bool {
        self.with(host, |host| host.spoke.is_some_and(|spoke| spoke.elapsed() < KEPT_OPEN))
    }

    /// A host answered a request well.
    pub(super) fn answered(&self, host: &str) {
        self.with(host, |host| {
            host.is_well = true;
            host.hold = host.hold.filter(|hold| hold.is_sure);
        });
    }

    /// Until when a host is left alone, if it is.
    #[must_use]
    pub fn held(&self, host: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(host).and_then(|host| host.hold).map(|hold| hold.until).filter(|until| *until > now)
    }

    /// When the next host may be asked again.
    #[must_use]
    pub fn next_release(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.values().filter_map(|host| Some(host.hold?.until)).filter(|until| *until > now).min()
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
        hosts.refused("a", until, true);
        hosts.refused("a", now, true);
        hosts.answered("a");
        assert_eq!((hosts.held("a", now), hosts.held("a", until)), (Some(until), None));
        assert_eq!(hosts.next_release(now), Some(until));
    }

    #[test]
    fn a_source_that_never_answered_holds_back_no_host_that_does() {
        let (hosts, now) = (Arc::new(Hosts::default()), Utc::now());
        let until = now + chrono::TimeDelta::minutes(1);
        hosts.refused("a", until, false);
        assert_eq!(hosts.held("a", now), Some(until), "nothing better is known");
        hosts.answered("a");
        hosts.refused("a", until, false);
        assert_eq!(hosts.held("a", now), None);
    }
}
