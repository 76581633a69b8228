//! A thousand sources on fifty hosts for a day in virtual time, against an instrumented origin: the rules
//! of a good guest hold for every single request.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use newsriver::model::activity::Activity;
use newsriver::model::document::ServerWish;
use newsriver::model::feed::PollHints;
use newsriver::model::source::SourceId;
use newsriver::schedule::{After, LONGEST_PATIENCE, Queue, Rhythm, next_poll};

const SOURCES: usize = 1000;
const HOSTS: usize = 50;
const PER_HOST: usize = 2;
const DAY: i64 = 86_400;

/// What the origin does with one source.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Habit {
    Well,
    /// 410 from its third answer on.
    Ends,
    /// 503 with `Retry-After` of an hour, each fifth time.
    Tires,
    /// 500, always.
    Fails,
}

fn habit(source: usize) -> Habit {
    match source % 20 {
        0 => Habit::Ends,
        1 => Habit::Tires,
        2 => Habit::Fails,
        _ => Habit::Well,
    }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap_or_default()
}

#[derive(Default)]
struct Origin {
    under_way: HashMap<usize, usize>,
    requests: Vec<(i64, usize)>,
    answered: HashMap<usize, u32>,
    held: HashMap<usize, i64>,
    gone: BTreeSet<usize>,
}

#[test]
fn the_rules_of_a_good_guest_hold_for_every_request_of_a_day() {
    let ids: Vec<SourceId> = (0..SOURCES).filter_map(|n| SourceId::new(&format!("s{n}")).ok()).collect();
    let number: HashMap<SourceId, usize> = ids.iter().cloned().zip(0..).collect();
    let host = |source: usize| source % HOSTS;
    let (activity, hints) = (Activity::default(), PollHints::default());
    let mut queue = Queue::new(64);
    for (n, id) in ids.iter().enumerate() {
        queue.put(id, at(0), Some(&format!("h{}", host(n))), PER_HOST);
    }
    let (mut origin, mut failures) = (Origin::default(), vec![0_u32; SOURCES]);
    let mut ends: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    let mut now = 0;
    while now < DAY {
        for source in ends.remove(&now).unwrap_or_default() {
            *origin.under_way.entry(host(source)).or_default() -= 1;
            let answered = origin.answered.entry(source).or_default();
            *answered += 1;
            let mut wish = ServerWish::default();
            let after = match habit(source) {
                Habit::Ends if *answered >= 3 => {
                    origin.gone.insert(source);
                    queue.remove(&ids[source]);
                    continue;
                }
                Habit::Tires if *answered % 5 == 0 => {
                    wish.retry_after = Some(Duration::from_secs(3600));
                    origin.held.insert(host(source), now + 3600);
                    failures[source] += 1;
                    After::Failure { in_a_row: failures[source], lasting: false }
                }
                Habit::Fails => {
                    failures[source] += 1;
                    After::Failure { in_a_row: failures[source], lasting: false }
                }
                _ => {
                    failures[source] = 0;
                    After::Success
                }
            };
            let rhythm = Rhythm {
                every: Duration::from_secs(1800),
                min_every: Duration::from_secs(300),
                patience: LONGEST_PATIENCE,
                activity: &activity,
                hints: &hints,
                wish: &wish,
            };
            queue.finished(&ids[source], next_poll(&ids[source], at(now), after, &rhythm));
        }
        let held = |name: &str| {
            let host: usize = name[1..].parse().unwrap_or(0);
            origin.held.get(&host).is_some_and(|until| *until > now)
        };
        let mut started = Vec::new();
        while let Some(id) = queue.next(at(now), held) {
            started.push(number[&id]);
        }
        for source in started {
            assert!(!origin.gone.contains(&source), "s{source} is gone and was asked at {now}");
            let under_way = origin.under_way.entry(host(source)).or_default();
            *under_way += 1;
            assert!(*under_way <= PER_HOST, "h{} had {under_way} requests at {now}", host(source));
            assert!(origin.held.get(&host(source)).is_none_or(|until| *until <= now), "asked before Retry-After");
            origin.requests.push((now, source));
            // An answer takes one to three seconds.
            ends.entry(now + 1 + i64::try_from(source % 3).unwrap_or(0)).or_default().push(source);
        }
        now += 1;
    }
    assert_eq!(origin.gone.len(), SOURCES / 20, "each that ends has ended");
    // Those that fail cost less than those that are well.
    let of =
        |wanted: Habit| origin.requests.iter().filter(|(_, source)| habit(*source) == wanted).count() / (SOURCES / 20);
    assert!(of(Habit::Fails) * 4 < of(Habit::Well) / 17, "{} against {}", of(Habit::Fails), of(Habit::Well) / 17);
    // After the start the load is even: chi-square over the minutes of the last twelve hours, at the level
    // of one in a thousand (720 classes: 720 + 3.09 * sqrt(1440)).
    let mut minutes = vec![0_f64; 720];
    for (second, source) in &origin.requests {
        if *second >= DAY / 2 && habit(*source) == Habit::Well && !matches!(source % HOSTS % 20, 1) {
            minutes[usize::try_from((second - DAY / 2) / 60).unwrap_or(0)] += 1.0;
        }
    }
    let mean = minutes.iter().sum::<f64>() / 720.0;
    let chi_square: f64 = minutes.iter().map(|count| (count - mean).powi(2) / mean).sum();
    assert!(mean > 10.0 && chi_square < 720.0 + 3.09 * 1440_f64.sqrt(), "chi-square {chi_square:.0}, mean {mean:.1}");
    // And it was never a stampede: the first minute is bounded by what hosts may be asked.
    let first = origin.requests.iter().filter(|(second, _)| *second < 60).count();
    assert!(first <= HOSTS * PER_HOST * 60, "{first}");
}
