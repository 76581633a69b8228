//! Is it the sources that fail, or we? Many that were well until now and fail at once are our own
//! network, or a machine that slept: nobody is backed off for that.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

/// So many servers that were well must fail before it is us.
const SERVERS: usize = 4;

/// How long a failure counts as evidence.
const MEMORY: TimeDelta = TimeDelta::minutes(30);

/// What changed with a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Our own network seems to have failed.
    Began,
    /// It is back, since this moment it was gone.
    Ended(DateTime<Utc>),
}

/// What polls tell about our own network. Servers in private networks are judged by themselves: they
/// can be there while the world is not.
#[derive(Debug, Default)]
pub struct Outage {
    sides: [Side; 2],
}

#[derive(Debug, Default)]
struct Side {
    failed: HashMap<String, DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
}

impl Outage {
    /// A server answered, whatever it said.
    pub fn reached(&mut self, is_private: bool) -> Option<Turn> {
        let side = &mut self.sides[usize::from(is_private)];
        side.failed.clear();
        side.since.take().map(Turn::Ended)
    }

    /// A server that answered last time could not be reached.
    pub fn unreached(&mut self, server: &str, is_private: bool, now: DateTime<Utc>) -> Option<Turn> {
        let side = &mut self.sides[usize::from(is_private)];
        side.failed.retain(|_, at| now - *at < MEMORY);
        side.failed.insert(server.to_owned(), now);
        let begins = side.since.is_none() && side.failed.len() >= SERVERS;
        if begins {
            side.since = side.failed.values().min().copied();
        }
        begins.then_some(Turn::Began)
    }

    /// Whether failures to reach a server are ours at the moment.
    #[must_use]
    pub fn is_ours(&self, is_private: bool) -> bool {
        self.sides[usize::from(is_private)].since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + 60 * minute, 0).unwrap_or_default()
    }

    #[test]
    fn many_at_once_are_us_until_one_answers() {
        let mut outage = Outage::default();
        for n in 0..3 {
            assert_eq!(outage.unreached(&format!("h{n}"), false, at(n)), None);
        }
        assert_eq!(outage.unreached("h2", false, at(3)), None, "the same server twice is one");
        assert!(!outage.is_ours(false));
        assert_eq!(outage.unreached("h3", false, at(3)), Some(Turn::Began));
        assert!(outage.is_ours(false) && !outage.is_ours(true));
        assert_eq!(outage.reached(true), None, "a server at home says nothing about the world");
        assert_eq!(outage.reached(false), Some(Turn::Ended(at(0))));
        assert!(!outage.is_ours(false));
    }

    #[test]
    fn failures_far_apart_are_the_servers() {
        let mut outage = Outage::default();
        for n in 0..20 {
            assert_eq!(outage.unreached(&format!("h{n}"), false, at(n * 31)), None);
        }
    }
}
