//! Intervals, back-off, and the limits of the queue.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::model::activity::Activity;
use crate::model::document::ServerWish;
use crate::model::feed::PollHints;
use crate::model::source::SourceId;

fn id(name: &str) -> SourceId {
    SourceId::new(name).unwrap_or_else(|_| panic!("{name}"))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap_or_default()
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

fn due(name: &str, after: After, rhythm: &Rhythm<'_>) -> Duration {
    (next_poll(&id(name), at(0), after, rhythm) - at(0)).to_std().unwrap_or_default()
}

fn pause(after: After, hints: &PollHints, wish: &ServerWish) -> Duration {
    let activity = Activity::default();
    due(
        "a",
        after,
        &Rhythm {
            every: minutes(30),
            min_every: minutes(5),
            patience: LONGEST_PATIENCE,
            activity: &activity,
            hints,
            wish,
        },
    )
}

fn failure(in_a_row: u32) -> After {
    After::Failure { in_a_row, lasting: false }
}

#[test]
fn an_unknown_source_is_polled_at_its_longest_interval() {
    let (hints, wish) = (PollHints::default(), ServerWish::default());
    assert!((minutes(15)..=minutes(30)).contains(&pause(After::Success, &hints, &wish)));
    assert_eq!(pause(After::Overrun, &hints, &wish), minutes(5));
    let activity = Activity::default();
    let rhythm = Rhythm {
        every: minutes(30),
        min_every: minutes(5),
        patience: LONGEST_PATIENCE,
        activity: &activity,
        hints: &hints,
        wish: &wish,
    };
    let all: std::collections::HashSet<_> = (0..100).map(|n| due(&format!("s{n}"), After::Success, &rhythm)).collect();
    assert!(all.len() > 90, "{} of 100 differ", all.len());
    let fixed = Rhythm { every: minutes(1), min_every: minutes(1), ..rhythm };
    assert_eq!(due("a", After::Success, &fixed), minutes(1), "a fixed interval is kept to the second");
}

#[test]
fn failures_back_off_with_full_jitter_up_to_a_cap() {
    let (hints, wish) = (PollHints::default(), ServerWish::default());
    let activity = Activity::default();
    let rhythm = Rhythm {
        every: minutes(30),
        min_every: minutes(5),
        patience: LONGEST_PATIENCE,
        activity: &activity,
        hints: &hints,
        wish: &wish,
    };
    for (failures, most) in [(1, 30), (2, 60), (4, 240), (30, 360)] {
        let pauses: Vec<_> = (0..200).map(|n| due(&format!("s{n}"), failure(failures), &rhythm)).collect();
        let (first, last) = (pauses.iter().min().copied(), pauses.iter().max().copied());
        assert!(first >= Some(minutes(5)) && first < Some(minutes(5 + most / 5)), "{failures}: {first:?}");
        assert!(last <= Some(minutes(most)) && last > Some(minutes(most * 4 / 5)), "{failures}: {last:?}");
    }
    let lasting = (0..200).map(|n| due(&format!("s{n}"), After::Failure { in_a_row: 9, lasting: true }, &rhythm)).max();
    assert!(lasting > Some(minutes(20 * 60)), "{lasting:?}");
    let ours = (0..200).map(|n| due(&format!("s{n}"), After::Outage, &rhythm)).max();
    assert!(ours <= Some(minutes(10)), "{ours:?}");
}

#[test]
fn wishes_of_servers_and_documents_are_honoured_within_reason() {
    let hints = |ttl: u32, update: u64| PollHints {
        ttl_minutes: Some(ttl),
        update_seconds: Some(update),
        ..PollHints::default()
    };
    let wish = |retry: u64, fresh: u64| ServerWish {
        retry_after: (retry > 0).then(|| minutes(retry)),
        fresh_for: (fresh > 0).then(|| minutes(fresh)),
    };
    let none = PollHints::default();
    assert_eq!(pause(After::Success, &hints(60, 0), &wish(0, 0)), minutes(60));
    assert_eq!(pause(After::Success, &hints(60, 7200), &wish(0, 0)), minutes(120));
    assert_eq!(pause(After::Success, &hints(60, 0), &wish(0, 180)), minutes(180));
    assert_eq!(pause(After::Success, &hints(u32::MAX, u64::MAX), &wish(0, 0)), minutes(24 * 60), "a day is the most");
    assert_eq!(pause(failure(1), &none, &wish(24 * 60, 0)), minutes(24 * 60));
    assert_eq!(pause(failure(1), &none, &wish(60 * 24 * 365, 0)), minutes(7 * 24 * 60));
    assert!(pause(After::Success, &none, &wish(0, 2)) >= minutes(15), "an earlier wish is no reason to hurry");
}

#[test]
fn hours_and_days_that_a_feed_bars_are_skipped() {
    // Tuesday, 14 November 2023, 22:13 GMT.
    let skip = |hours: u32, days: u8| PollHints { skip_hours: hours, skip_days: days, ..PollHints::default() };
    let wish = ServerWish::default();
    let at_hour = |hints: &PollHints| {
        let due = at(0) + TimeDelta::from_std(pause(After::Success, hints, &wish)).unwrap_or_default();
        due.format("%a %H:%M").to_string()
    };
    assert_eq!(at_hour(&skip(1 << 22 | 1 << 23, 0)), "Wed 00:00");
    assert_eq!(at_hour(&skip(0, 1 << 1 | 1 << 2)), "Thu 00:00");
    assert!(at_hour(&skip(u32::MAX, 0)).starts_with("Tue 22"), "who bars all hours means none");
}

proptest! {
    #[test]
    fn the_interval_stays_within_its_bounds(times in prop::collection::vec(0..10_000_000i64, 0..80), least in 1..3600u64, more in 0..100_000u64) {
        let now = at(0);
        let mut activity = Activity::default();
        activity.learn(times.into_iter().map(|ago| now.timestamp() - ago), now.timestamp());
        let (least, most) = (Duration::from_secs(least), Duration::from_secs(least + more));
        let wait = wait(&activity, now, (least, most), LONGEST_PATIENCE);
        prop_assert!(wait >= least && wait <= most, "{wait:?}");
    }
}

#[test]
fn busy_sources_are_polled_more_often_and_none_at_night() {
    let now = at(0);
    let publishing = |gap: i64| {
        let mut activity = Activity::default();
        activity.learn((1..200).map(|n| now.timestamp() - n * gap - 7), now.timestamp());
        wait(&activity, now, (Duration::from_secs(60), minutes(24 * 60)), LONGEST_PATIENCE)
    };
    let waits: Vec<_> = [60, 600, 3600, 24 * 3600].map(publishing).to_vec();
    assert!(waits.is_sorted(), "{waits:?}");
    assert!(waits[0] <= minutes(6) && waits[2] > minutes(20) && waits[2] < minutes(60), "{waits:?}");
    // From 8 to 18 GMT each quarter of an hour; now it is 22.
    let mut office = Activity::default();
    let day = now.timestamp() - now.timestamp().rem_euclid(86_400);
    let times = (1..6).flat_map(|d| (32..72).map(move |quarter| day - d * 86_400 + quarter * 900 + 60));
    office.learn(times, now.timestamp());
    let night = wait(&office, now, (Duration::from_secs(60), minutes(24 * 60)), LONGEST_PATIENCE);
    assert!(night > minutes(90) && night < minutes(12 * 60), "{night:?}");
}

#[test]
fn polls_are_shared_out_within_the_budget() {
    let now = at(0).timestamp();
    let publishing = |gap: i64| {
        let mut activity = Activity::default();
        activity.learn((1..60).map(|n| now - n * gap), now);
        activity
    };
    // At any hour of the day, so that no hour is worth more than another.
    let quiet: Vec<Activity> = (1..20).map(|n| publishing(n * 90_061)).collect();
    let lively: Vec<Activity> = (1..20).map(|n| publishing(n * 60)).collect();
    let (least, most) = (minutes(5), minutes(24 * 60));
    fn share(activity: &Activity) -> Share<'_> {
        Share { activity, least: minutes(5), most: minutes(24 * 60) }
    }
    let hour = minutes(60);
    let of = |all: &[Activity], mean| patience(all.iter().map(share), mean, now);
    let patient = of(&quiet, hour);
    assert!(patient < LONGEST_PATIENCE, "{patient:?}");
    let spent: f64 = quiet.iter().map(|a| 1.0 / wait(a, at(0), (least, most), patient).as_secs_f64()).sum();
    assert!((0.6..1.1).contains(&(spent * 3600.0 / 19.0)), "{spent}");
    assert!(of(&quiet, minutes(120)) > patient, "a smaller budget makes patient");
    assert_eq!(of(&quiet, minutes(10_000)), LONGEST_PATIENCE);
    assert_eq!(of(&lively, hour), LONGEST_PATIENCE, "what is lively gets what it needs");
    assert_eq!(of(&[], hour), LONGEST_PATIENCE);
    let fixed = quiet.iter().map(|activity| Share { activity, least: most, most });
    assert_eq!(patience(fixed.chain(lively.iter().map(share)), hour, now), LONGEST_PATIENCE);
}

#[test]
fn more_is_expected_on_the_heels_of_an_entry() {
    let mut activity = Activity::default();
    activity.learn((1..30).map(|n| at(0).timestamp() - n * 86_400), at(0).timestamp());
    let bounds = (minutes(5), minutes(24 * 60));
    let usual = wait(&activity, at(43_200), bounds, LONGEST_PATIENCE);
    activity.add(at(43_100).timestamp());
    let now = wait(&activity, at(43_200), bounds, LONGEST_PATIENCE);
    assert!(now * 2 < usual, "{now:?} after an entry, {usual:?} without");
}

#[test]
fn a_host_that_asks_for_it_is_left_alone() {
    let mut queue = Queue::new(9);
    for name in ["a", "b"] {
        queue.put(&id(name), at(0), Some("busy.org"), 1);
    }
    queue.put(&id("c"), at(0), Some("other.org"), 1);
    let held = |host: &str| host == "busy.org";
    assert_eq!((queue.next(at(0), held), queue.next(at(0), held)), (Some(id("c")), None));
    assert!(queue.next(at(60), |_| false).is_some());
}

#[test]
fn a_sleep_of_the_machine_ends_without_a_stampede() {
    let mut queue = Queue::new(100);
    for n in 0..60 {
        queue.put(&id(&format!("s{n}")), at(n), Some(&format!("h{n}")), 1);
    }
    queue.spread(at(7200), TimeDelta::minutes(1));
    let started = |queue: &mut Queue, now: i64| std::iter::from_fn(|| queue.next(at(now), |_| false)).count();
    assert_eq!((started(&mut queue, 7200), started(&mut queue, 7230), started(&mut queue, 7260)), (1, 30, 29));
    queue.put(&id("far"), at(999_999), None, 1);
    queue.pull(at(0), |_| TimeDelta::minutes(30));
    assert_eq!(queue.next_due(), Some(at(1800)));
}

#[test]
fn limits_hold_and_hosts_take_turns() {
    let mut queue = Queue::new(3);
    for n in 0..100 {
        queue.put(&id(&format!("big{n}")), at(0), Some("big.org"), 2);
    }
    queue.put(&id("small"), at(0), Some("small.org"), 2);
    queue.put(&id("later"), at(60), Some("later.org"), 2);
    let first: Vec<_> = std::iter::from_fn(|| queue.next(at(0), |_| false)).map(|id| id.to_string()).collect();
    assert_eq!(first.len(), 3, "{first:?}");
    assert!(first.contains(&"small".to_owned()), "a host with many sources holds nobody up: {first:?}");
    queue.finished(&id("small"), at(1800));
    assert_eq!(queue.next(at(0), |_| false), None, "big.org has two running");
    assert_eq!((queue.lag(at(30)), Queue::new(1).lag(at(30))), (TimeDelta::seconds(30), TimeDelta::zero()));
    assert_eq!(queue.next_due(), Some(at(60)));
    assert_eq!(queue.next(at(60), |_| false).map(|id| id.to_string()).as_deref(), Some("later"));
}

#[test]
fn a_source_removed_while_it_runs_does_not_come_back() {
    let mut queue = Queue::new(1);
    queue.put(&id("a"), at(0), None, 1);
    queue.put(&id("b"), at(0), None, 1);
    let running = queue.next(at(0), |_| false).unwrap_or_else(|| id("none"));
    queue.remove(&running);
    queue.finished(&running, at(0));
    let other = queue.next(at(0), |_| false).unwrap_or_else(|| id("none"));
    assert_ne!(running, other);
    queue.finished(&other, at(10));
    assert_eq!((queue.running(), queue.next(at(5), |_| false)), (0, None));
}

#[test]
fn another_due_time_replaces_the_first() {
    let mut queue = Queue::new(1);
    queue.put(&id("a"), at(100), None, 1);
    queue.put(&id("a"), at(10), None, 1);
    assert_eq!(queue.next(at(9), |_| false), None);
    assert_eq!(queue.next(at(10), |_| false), Some(id("a")));
    assert_eq!(queue.next(at(200), |_| false), None);
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
            while let Some(next) = queue.next(at(0), |_| false) {
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
