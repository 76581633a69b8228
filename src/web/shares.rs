//! How much of something one client may have at once: bytes of answers, streams of events, requests that wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Clients whose requests are counted at once; more are strangers that share one bucket.
const MOST_CLIENTS: usize = 10_000;

/// The address that a client is counted by: an IPv6 client owns a whole network (RFC 6177).
pub(super) fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// What is shared out: to all, and to each of those who are told apart by `K`.
#[derive(Debug)]
pub(super) struct Shares<K = IpAddr> {
    total: usize,
    per_client: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    by_client: HashMap<K, usize>,
}

/// What was taken; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share<K: Eq + Hash = IpAddr> {
    shares: Arc<Shares<K>>,
    client: Option<K>,
    amount: usize,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    pub(super) fn new((total, per_client): (usize, usize)) -> Arc<Self> {
        let taken = Mutex::new(Taken { all: 0, by_client: HashMap::new() });
        Arc::new(Self { total, per_client, taken })
    }

    /// Takes `amount` for a client; `None` where that is more than is left for it. A client without an address
    /// (behind a proxy that does not name it) is held to the total alone. What is larger than a share is given
    /// where nothing else is taken.
    pub(super) fn take(self: &Arc<Self>, client: Option<K>, amount: usize) -> Option<Share<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = client.as_ref().and_then(|client| taken.by_client.get(client).copied()).unwrap_or(0);
        let fits = |used: usize, limit: usize| used == 0 || used + amount <= limit;
        if !fits(taken.all, self.total) || client.is_some() && !fits(own, self.per_client) {
            return None;
        }
        taken.all += amount;
        if let Some(client) = &client {
            *taken.by_client.entry(client.clone()).or_default() += amount;
        }
        Some(Share { shares: self.clone(), client, amount })
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = self.shares.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(self.amount);
        let Some(client) = &self.client else { return };
        if let Some(own) = taken.by_client.get_mut(client) {
            *own = own.saturating_sub(self.amount);
            if *own == 0 {
                taken.by_client.remove(client);
            }
        }
    }
}

/// Requests of one kind that a client may make: `burst` at once, then one each `1 / per_second`.
#[derive(Debug)]
pub(super) struct Rate {
    burst: f64,
    per_second: f64,
    clients: Mutex<HashMap<Option<IpAddr>, (f64, Instant)>>,
}

impl Rate {
    pub(super) fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second, clients: Mutex::default() }
    }

    /// Counts a request at `now`; whether it is within the rate.
    pub(super) fn admits(&self, client: Option<IpAddr>, now: Instant) -> bool {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = |(left, at): (f64, Instant)| {
            (left + now.saturating_duration_since(at).as_secs_f64() * self.per_second).min(self.burst)
        };
        if clients.len() >= MOST_CLIENTS {
            clients.retain(|_, known| refilled(*known) < self.burst);
        }
        let client = client.filter(|client| clients.len() < MOST_CLIENTS || clients.contains_key(&Some(*client)));
        let known = clients.entry(client).or_insert((self.burst, now));
        let left = refilled(*known);
        let admits = left >= 1.0;
        *known = (if admits { left - 1.0 } else { left }, now);
        admits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok().map(network_of)
    }

    #[test]
    fn a_client_has_its_share_and_all_together_the_total() {
        let shares = Shares::new((10, 6));
        let (a, b) = (address("2001:db8::1"), address("2001:db8:0:1::1"));
        let first = shares.take(a, 4);
        assert!(first.is_some());
        assert!(shares.take(address("2001:db8::2"), 3).is_none(), "the same network");
        assert!(shares.take(b, 7).is_none(), "more than is left of the total");
        let second = shares.take(b, 6);
        assert!(second.is_some() && shares.take(None, 1).is_none());
        drop(second);
        assert!(shares.take(None, 6).is_some(), "no address, no share of its own");
        drop(first);
        assert!(shares.take(a, 20).is_some(), "the only one");
        assert!(shares.taken.lock().is_ok_and(|taken| taken.by_client.is_empty() && taken.all == 0));
    }

    #[test]
    fn rates_refill_and_remember_few() {
        let (rate, now) = (Rate::new(2.0, 0.5), Instant::now());
        let client = address("192.0.2.1");
        assert!(rate.admits(client, now) && rate.admits(client, now));
        assert!(!rate.admits(client, now));
        assert!(rate.admits(address("192.0.2.2"), now), "another client");
        assert!(!rate.admits(client, now + Duration::from_secs(1)));
        assert!(rate.admits(client, now + Duration::from_secs(3)));
        for n in 0..20_000_u32 {
            rate.admits(Some(IpAddr::V4(n.into())), now);
        }
        assert!(rate.clients.lock().is_ok_and(|clients| clients.len() <= MOST_CLIENTS + 1));
    }
}
