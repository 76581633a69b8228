//! Intervals, back-off, and the limits of the queue.

use proptest::prelude::*;

use super::*;

fn id(name: &str) -> SourceId {
    SourceId::new(name).unwrap_or_else(|_| panic!("{name}"))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap_or_default()
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

fn pause(failures: u32, retry_after: Option<Duration>) -> Duration {
    let rhythm = Rhythm { every: minutes(30), min_every: minutes(5), failures, retry_after };
    (next_poll(&id("a"), at(0), &rhythm) - at(0)).to_std().unwrap_or_default()
}

#[test]
fn intervals_have_jitter_and_grow_with_failures_up_to_a_cap() {
    assert!((minutes(27)..=minutes(30)).contains(&pause(0, None)));
    assert!((minutes(54)..=minutes(60)).contains(&pause(1, None)));
    assert!(pause(30, None) <= LONGEST_PAUSE);
    assert_eq!(pause(0, Some(minutes(24 * 60))), minutes(24 * 60));
    let all: std::collections::HashSet<_> = (0..100)
        .map(|n| {
            next_poll(
                &id(&format!("s{n}")),
                at(0),
                &Rhythm { every: minutes(30), min_every: minutes(5), failures: 0, retry_after: None },
            )
        })
        .collect();
    assert!(all.len() > 90, "{} of 100 differ", all.len());
}

#[test]
fn a_fixed_interval_is_kept_to_the_second() {
    let rhythm = Rhythm { every: minutes(1), min_every: minutes(1), failures: 0, retry_after: None };
    assert_eq!(next_poll(&id("a"), at(0), &rhythm), at(60));
}

#[test]
fn limits_hold_and_hosts_take_turns() {
    let mut queue = Queue::new(3);
    for n in 0..100 {
        queue.put(&id(&format!("big{n}")), at(0), Some("big.org"), 2);
    }
    queue.put(&id("small"), at(0), Some("small.org"), 2);
    queue.put(&id("later"), at(60), Some("later.org"), 2);
    let first: Vec<_> = std::iter::from_fn(|| queue.next(at(0))).map(|id| id.to_string()).collect();
    assert_eq!(first.len(), 3, "{first:?}");
    assert!(first.contains(&"small".to_owned()), "a host with many sources holds nobody up: {first:?}");
    queue.finished(&id("small"), at(1800));
    assert_eq!(queue.next(at(0)), None, "big.org has two running");
    assert_eq!(queue.next_due(), Some(at(60)));
    assert_eq!(queue.next(at(60)).map(|id| id.to_string()).as_deref(), Some("later"));
}

#[test]
fn a_source_removed_while_it_runs_does_not_come_back() {
    let mut queue = Queue::new(1);
    queue.put(&id("a"), at(0), None, 1);
    queue.put(&id("b"), at(0), None, 1);
    let running = queue.next(at(0)).unwrap_or_else(|| id("none"));
    queue.remove(&running);
    queue.finished(&running, at(0));
    let other = queue.next(at(0)).unwrap_or_else(|| id("none"));
    assert_ne!(running, other);
    queue.finished(&other, at(10));
    assert_eq!((queue.running(), queue.next(at(5))), (0, None));
}

#[test]
fn another_due_time_replaces_the_first() {
    let mut queue = Queue::new(1);
    queue.put(&id("a"), at(100), None, 1);
    queue.put(&id("a"), at(10), None, 1);
    assert_eq!(queue.next(at(9)), None);
    assert_eq!(queue.next(at(10)), Some(id("a")));
    assert_eq!(queue.next(at(200)), None);
}

proptest! {
    #[test]
    fn every_source_gets_its_turn_within_the_limits(hosts in prop::collection::vec(0..5u8, 1..60), concurrency in 1..8usize) {
        let mut queue = Queue::new(concurrency);
        for (n, host) in hosts.iter().enumerate() {
            queue.put(&id(&format!("s{n}")), at(0), Some(&format!("h{host}")), 2);
        }
        let mut running: Vec<SourceId> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        loop {
            while let Some(next) = queue.next(at(0)) {
                prop_assert!(seen.insert(next.clone()), "{next} was handed out twice");
                running.push(next);
            }
            prop_assert!(running.len() <= concurrency);
            for host in 0..5u8 {
                let of_host = running.iter().filter(|id| id.as_str()[1..].parse::<usize>().is_ok_and(|n| hosts[n] == host)).count();
                prop_assert!(of_host <= 2);
            }
            let Some(done) = running.pop() else { break };
            queue.finished(&done, at(1000));
        }
        prop_assert_eq!(seen.len(), hosts.len());
    }
}
