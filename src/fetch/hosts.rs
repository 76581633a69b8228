//! What each host is asked for at the moment, whoever asks: sources, redirects, articles.
//!
//! A host that is slow holds the places of those who ask it. Requests that others had us make (a redirect or an article
//! of another site, a callback, a picture) are guests there: they leave a place to the sources of the host.

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
    /// Those of them that are guests.
    guests: usize,
    /// Requests of its own sources that wait.
    waiting: usize,
    /// When the latest request went out, or will.
    latest: Option<Instant>,
    /// When it last answered anything.
    spoke: Option<Instant>,
    /// Whether it answered anything well since we started.
    is_well: bool,
    hold: Option<Hold>,
    freed: Arc<Freed>,
}

/// Wakes who waits for a place. Each wakes for itself: a guest that may not enter takes no turn of a source.
#[derive(Debug, Default)]
struct Freed {
    own: Notify,
    guest: Notify,
}

impl Freed {
    fn notify(&self) {
        self.own.notify_one();
        self.guest.notify_one();
    }
}

impl Host {
    /// Takes a place, if one is free of `limit`.
    fn enter(&mut self, limit: usize, asker: Asker) -> bool {
        let is_free = self.running < limit
            && (asker == Asker::Source || (self.waiting == 0 && self.guests < limit.saturating_sub(1).max(1)));
        if is_free {
            self.running += 1;
            self.guests += usize::from(asker == Asker::Guest);
        }
        is_free
    }
}

/// On whose behalf a host is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// A source that is there.
    Source,
    /// Anybody else.
    Guest,
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
    asker: Asker,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hosts.with(&self.host, |host| {
            host.running = host.running.saturating_sub(1);
            host.guests = host.guests.saturating_sub(usize::from(self.asker == Asker::Guest));
            host.freed.notify();
        });
    }
}

/// A source that waits for a place at its host, until it is dropped.
struct Waiting<'h> {
    hosts: &'h Hosts,
    host: &'h str,
}

impl<'h> Waiting<'h> {
    fn new(hosts: &'h Hosts, host: &'h str) -> Self {
        hosts.with(host, |host| host.waiting += 1);
        Self { hosts, host }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.hosts.with(self.host, |host| {
            host.waiting = host.waiting.saturating_sub(1);
            host.freed.notify();
        });
    }
}

impl Hosts {
    fn with<T>(&self, name: &str, change: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() > MOST_HOSTS {
            hosts.retain(|_, host| host.running > 0 || host.waiting > 0 || host.hold.is_some());
        }
        change(hosts.entry(name.to_owned()).or_default())
    }

    /// Waits until fewer than `limit` requests to `host` are under way and `gap` has passed since the
    /// last one went out.
    pub(super) async fn enter(self: &Arc<Self>, host: &str, limit: usize, gap: Duration, asker: Asker) -> Place {
        let mut waiting = None;
        while let Some(freed) = self.with(host, |host| (!host.enter(limit, asker)).then(|| host.freed.clone())) {
            match asker {
                Asker::Source => {
                    waiting.get_or_insert_with(|| Waiting::new(self, host));
                    freed.own.notified().await;
                }
                Asker::Guest => freed.guest.notified().await,
            }
        }
        drop(waiting);
        let place = Place { hosts: self.clone(), host: host.to_owned(), asker };
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
        let first = hosts.enter("a", 2, gap, Asker::Source).await;
        let second = hosts.enter("a", 2, gap, Asker::Source).await;
        assert!(start.elapsed() >= gap, "the second keeps its distance");
        let mut third = std::pin::pin!(hosts.enter("a", 2, gap, Asker::Source));
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

    /// Whether a request enters at once.
    async fn enters(hosts: &Arc<Hosts>, limit: usize, asker: Asker) -> Option<Place> {
        tokio::select! {
            biased;
            place = hosts.enter("a", limit, Duration::ZERO, asker) => Some(place),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn guests_leave_a_place_to_the_sources_of_a_host() {
        let hosts = Arc::new(Hosts::default());
        let guest = enters(&hosts, 2, Asker::Guest).await;
        assert!(guest.is_some());
        assert!(enters(&hosts, 2, Asker::Guest).await.is_none(), "one of two places");
        let own = enters(&hosts, 2, Asker::Source).await;
        assert!(own.is_some() && enters(&hosts, 2, Asker::Source).await.is_none(), "two are under way");
        drop((guest, own));
        assert!(enters(&hosts, 2, Asker::Guest).await.is_some(), "places are given back");
        // Where there is one place, whoever waits for it as a source has it next.
        let guest = enters(&hosts, 1, Asker::Guest).await;
        let other = tokio::spawn({
            let hosts = hosts.clone();
            async move { drop(hosts.enter("a", 1, Duration::ZERO, Asker::Guest).await) }
        });
        let own = hosts.enter("a", 1, Duration::ZERO, Asker::Source);
        let mut own = std::pin::pin!(own);
        tokio::select! {
            biased;
            _ = &mut own => panic!("the place is taken"),
            () = std::future::ready(()) => {}
        }
        drop(guest);
        assert!(enters(&hosts, 1, Asker::Guest).await.is_none(), "a source waits");
        drop(own.await);
        assert!(other.await.is_ok(), "then it is the guest's turn");
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
