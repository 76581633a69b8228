//! The open connections: how many, whose, and which of them gives way when there are too many.
//!
//! A connection is refused only where every other one is being answered and takes what it is sent: else the one that
//! has waited for nothing the longest is closed for the new one. So whoever holds connections without using them takes
//! nothing from others, also where both come from the same address.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Between two looks at a connection.
pub(super) const LOOK: Duration = Duration::from_millis(2500);

/// How long a client may take from the first byte of the connection, or from none, to its first whole request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next request.
const KEPT_OPEN: Duration = Duration::from_secs(60);

/// How long a client may take next to nothing of what it is sent.
pub(super) const TAKING_TIME: Duration = Duration::from_secs(30);

/// Next to nothing: less than so many bytes within [`TAKING_TIME`].
pub(super) const LEAST_TAKEN: u64 = 4096;

/// A client that takes fewer bytes than this between two looks gives way to others where places are scarce.
const SLOW: u64 = 40 * 1024;

/// One connection, as its tasks count what they do. Counting is a change of an atomic, without a clock.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    client: Option<IpAddr>,
    opened: Instant,
    /// Bytes that were rendered for requests and are on their way over it.
    pub(super) under_way: Arc<AtomicUsize>,
    /// Closes it.
    pub(super) cut: CancellationToken,
    /// Requests so far.
    requests: AtomicU32,
    /// Requests whose answers are being made.
    answering: AtomicU32,
    /// Answers on their way: streams of HTTP/2, and of events.
    streams: AtomicU32,
    /// Whether the client does not take what is being written.
    is_blocked: AtomicBool,
    /// Bytes written so far.
    written: AtomicU64,
    /// How it looked at the last look, and since when: milliseconds since it was opened.
    pace: AtomicU8,
    since: AtomicU64,
}

/// How useful a connection is, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Pace {
    /// It has asked for nothing yet.
    Silent = 0,
    /// It was answered, and asks for nothing more.
    Idle = 1,
    /// It takes nothing of its answer.
    Stalled = 2,
    /// It takes little of its answer.
    Slow = 3,
    /// It is being answered.
    Busy = 4,
}

impl Pace {
    fn of(number: u8) -> Self {
        [Self::Silent, Self::Idle, Self::Stalled, Self::Slow].get(usize::from(number)).copied().unwrap_or(Self::Busy)
    }
}

/// What is known of a connection at one look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Look {
    requests: u32,
    answering: u32,
    streams: u32,
    is_blocked: bool,
    written: u64,
}

/// What looking at a connection again and again tells.
#[derive(Debug, Default)]
pub(super) struct Watch {
    last: Look,
    /// Since when it asks for nothing.
    idle_since: Option<Duration>,
    /// Since when the client does not take what it is sent, and what had been written then.
    blocked_since: Option<(Duration, u64)>,
}

impl Watch {
    /// Looks at the connection at `at`, the time since it was opened; why it is to be closed, if it is.
    pub(super) fn look(&mut self, connection: &Connection, at: Duration) -> Option<&'static str> {
        let now = connection.reading();
        let pace = pace(&self.last, &now);
        connection.note(pace, at);
        self.idle_since = match pace {
            Pace::Silent | Pace::Idle if now.requests == self.last.requests => Some(self.idle_since.unwrap_or(at)),
            _ => None,
        };
        self.blocked_since = now.is_blocked.then(|| self.blocked_since.unwrap_or((at, now.written)));
        if let Some((since, written)) = self.blocked_since
            && at - since >= TAKING_TIME
        {
            if now.written - written < LEAST_TAKEN {
                return Some("the client does not take its answer");
            }
            self.blocked_since = Some((at, now.written));
        }
        self.last = now;
        if now.requests == 0 && at >= FIRST_REQUEST {
            return Some("no request came");
        }
        self.idle_since.is_some_and(|since| at - since >= KEPT_OPEN).then_some("no further request came")
    }
}

/// How a connection looks, by this look and the one before. Pure.
fn pace(before: &Look, now: &Look) -> Pace {
    let moved = now.written - before.written;
    match now {
        Look { requests: 0, .. } => Pace::Silent,
        Look { answering: 1.., .. } => Pace::Busy,
        Look { streams: 0, is_blocked: false, .. } => Pace::Idle,
        _ if moved < LEAST_TAKEN => Pace::Stalled,
        _ if moved < SLOW => Pace::Slow,
        _ => Pace::Busy,
    }
}

/// Counts an answer for as long as it is made or on its way.
#[derive(Debug)]
pub(super) struct Counted(Arc<Connection>, fn(&Connection) -> &AtomicU32);

impl Counted {
    pub(super) fn answering(connection: &Arc<Connection>) -> Self {
        connection.requests.fetch_add(1, Ordering::Relaxed);
        Self::new(connection, |connection| &connection.answering)
    }

    pub(super) fn stream(connection: &Arc<Connection>) -> Self {
        Self::new(connection, |connection| &connection.streams)
    }

    fn new(connection: &Arc<Connection>, count: fn(&Connection) -> &AtomicU32) -> Self {
        count(connection).fetch_add(1, Ordering::Relaxed);
        Self(connection.clone(), count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1(&self.0).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Notes what a write did: so many bytes, or nothing since the client takes nothing.
    pub(super) fn wrote(&self, bytes: Option<usize>) {
        match bytes {
            Some(bytes) => {
                self.written.fetch_add(bytes as u64, Ordering::Relaxed);
                if self.is_blocked.load(Ordering::Relaxed) {
                    self.is_blocked.store(false, Ordering::Relaxed);
                }
            }
            None => self.is_blocked.store(true, Ordering::Relaxed),
        }
    }

    /// How long it has been open.
    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Streams of HTTP/2 that are open.
    pub(super) fn streams(&self) -> u32 {
        self.streams.load(Ordering::Relaxed)
    }

    fn reading(&self) -> Look {
        Look {
            requests: self.requests.load(Ordering::Relaxed),
            answering: self.answering.load(Ordering::Relaxed),
            streams: self.streams(),
            is_blocked: self.is_blocked.load(Ordering::Relaxed),
            written: self.written.load(Ordering::Relaxed),
        }
    }

    fn note(&self, pace: Pace, at: Duration) {
        if self.pace.swap(pace as u8, Ordering::Relaxed) != pace as u8 {
            let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
            self.since.store(at, Ordering::Relaxed);
        }
    }

    /// How useful it is now, and since when: what it did since the last look counts for it.
    fn standing(&self) -> (Pace, Instant) {
        let noted = Pace::of(self.pace.load(Ordering::Relaxed));
        let now = self.reading();
        let pace = match pace(&now, &now) {
            // Only a look tells how much is taken.
            Pace::Stalled if noted > Pace::Idle => noted,
            Pace::Stalled => Pace::Busy,
            pace => pace,
        };
        (pace, self.opened + Duration::from_millis(self.since.load(Ordering::Relaxed)))
    }
}

/// The connections that are open.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    spare: usize,
    per_client: usize,
    open: Mutex<Open>,
    /// Those beyond the limit, the oldest first.
    beyond: Mutex<VecDeque<CancellationToken>>,
    /// Sockets that may be open, one for a connection that is to take the place of another: that is closed a moment
    /// after it lost its place, and many may come in a moment.
    sockets: Arc<Semaphore>,
    /// Streams of HTTP/2 that are open, of all connections.
    pub(super) streams: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Arc<Connection>>,
}

/// A place among the open connections; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    pub(super) connection: Arc<Connection>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all.remove(&self.connection.id);
    }
}

impl Connections {
    pub(super) fn new(limit: usize, spare: usize, per_client: usize) -> Self {
        let sockets = Arc::new(Semaphore::new((limit + spare + 1).min(Semaphore::MAX_PERMITS)));
        let (open, beyond, streams) = Default::default();
        Self { limit, spare, per_client, open, beyond, sockets, streams }
    }

    /// Waits until a socket that was accepted may stay open; what is given is dropped with it.
    pub(super) async fn socket(&self) -> Option<OwnedSemaphorePermit> {
        self.sockets.clone().acquire_owned().await.ok()
    }

    /// Takes a connection beyond the limit, for one request; the oldest of those gives way. What is given closes it.
    pub(super) fn admit_beyond(&self) -> CancellationToken {
        let cut = CancellationToken::new();
        let mut beyond = self.beyond.lock().unwrap_or_else(PoisonError::into_inner);
        beyond.retain(|one| !one.is_cancelled());
        if beyond.len() >= self.spare
            && let Some(oldest) = beyond.pop_front()
        {
            oldest.cancel();
        }
        beyond.push_back(cut.clone());
        cut
    }

    /// Takes a connection in; one that uses its place less is closed for it where there are too many. `None` where
    /// there is none. A client without an address is a proxy, held to the limit of all.
    pub(super) fn admit(self: &Arc<Self>, client: Option<IpAddr>) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |one: &Connection| client.is_some() && one.client == client;
        let of_client = || open.all.values().filter(|one| is_same(one)).count();
        let is_full = open.all.len() >= self.limit;
        let is_greedy = client.is_some() && of_client() >= self.per_client;
        if is_full || is_greedy {
            let candidates = open.all.values().filter(|one| !is_greedy || is_same(one));
            let useless = candidates.map(|one| (one.standing(), one)).min_by_key(|(standing, _)| *standing);
            let ((pace, _), victim) = useless?;
            if pace == Pace::Busy {
                return None;
            }
            victim.cut.cancel();
            let id = victim.id;
            open.all.remove(&id);
        }
        let id = open.next;
        open.next += 1;
        let connection = Arc::new(Connection {
            id,
            client,
            opened: Instant::now(),
            under_way: Arc::default(),
            cut: CancellationToken::new(),
            requests: AtomicU32::default(),
            answering: AtomicU32::default(),
            streams: AtomicU32::default(),
            is_blocked: AtomicBool::default(),
            written: AtomicU64::default(),
            pace: AtomicU8::default(),
            since: AtomicU64::default(),
        });
        open.all.insert(id, connection.clone());
        Some(Place { connections: self.clone(), connection })
    }

    /// Closes the connections whose clients take nothing of their answers: they hold memory.
    pub(super) fn cut_stalled(&self) -> usize {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let before = open.all.len();
        open.all.retain(|_, one| {
            let is_stalled = one.standing().0 == Pace::Stalled;
            if is_stalled {
                one.cut.cancel();
            }
            !is_stalled
        });
        before - open.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::shares::network_of;
    use super::*;

    fn admit(connections: &Arc<Connections>, client: &str) -> Option<Place> {
        connections.admit(client.parse().ok().map(network_of))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_least_useful_gives_way() {
        let connections = Arc::new(Connections::new(3, 1, 3));
        let busy = admit(&connections, "192.0.2.1");
        let idle = admit(&connections, "192.0.2.1");
        let silent = admit(&connections, "192.0.2.2");
        let (Some(busy), Some(idle), Some(silent)) = (busy, idle, silent) else { panic!("no place") };
        let _answer = Counted::answering(&busy.connection);
        drop(Counted::answering(&idle.connection));
        let new = admit(&connections, "192.0.2.3");
        assert!(silent.connection.cut.is_cancelled() && !idle.connection.cut.is_cancelled());
        let Some(new) = new else { panic!("no place") };
        let _other = Counted::answering(&new.connection);
        let third = admit(&connections, "192.0.2.4");
        assert!(idle.connection.cut.is_cancelled());
        let Some(third) = third else { panic!("no place") };
        let _last = Counted::answering(&third.connection);
        assert!(admit(&connections, "192.0.2.5").is_none(), "all are being answered");
        drop(busy);
        assert!(admit(&connections, "192.0.2.5").is_some());
    }

    #[test]
    fn a_client_with_too_many_loses_its_own() {
        let connections = Arc::new(Connections::new(10, 1, 2));
        let others = admit(&connections, "2001:db8:1::1");
        let first = admit(&connections, "2001:db8::1");
        let second = admit(&connections, "2001:db8::2");
        let third = admit(&connections, "2001:db8::3");
        let is_cut = |place: &Option<Place>| place.as_ref().is_some_and(|place| place.connection.cut.is_cancelled());
        assert!(is_cut(&first) && !is_cut(&second) && !is_cut(&others) && third.is_some());
        let proxies: Vec<_> = (0..7).map(|_| connections.admit(None)).collect();
        assert!(proxies.iter().all(Option::is_some), "a proxy stands for many");
    }

    #[test]
    fn what_asks_for_nothing_or_takes_nothing_is_closed_in_time() {
        let connections = Arc::new(Connections::new(9, 1, 9));
        let Some(place) = connections.admit(None) else { panic!("no place") };
        let (one, mut watch) = (&place.connection, Watch::default());
        assert_eq!(watch.look(one, seconds(9)), None);
        assert_eq!(watch.look(one, seconds(10)), Some("no request came"));
        drop(Counted::answering(one));
        assert_eq!(watch.look(one, seconds(11)), None);
        assert_eq!(watch.look(one, seconds(14)), None);
        assert_eq!(watch.look(one, seconds(73)), None);
        assert_eq!(watch.look(one, seconds(74)), Some("no further request came"));
        let stream = Counted::stream(one);
        assert_eq!(watch.look(one, seconds(200)), None, "an answer on its way");
        assert_eq!(one.standing().0, Pace::Stalled);
        one.wrote(Some(1 << 20));
        one.wrote(None);
        assert_eq!(watch.look(one, seconds(203)), None);
        assert_eq!(one.standing().0, Pace::Busy);
        one.wrote(Some(5000));
        one.wrote(None);
        assert_eq!(watch.look(one, seconds(233)), None, "slow, but it goes on");
        assert_eq!(one.standing().0, Pace::Slow);
        one.wrote(Some(4000));
        one.wrote(None);
        assert_eq!(watch.look(one, seconds(263)), Some("the client does not take its answer"));
        assert_eq!(connections.cut_stalled(), 1);
        drop(stream);
        assert!(one.cut.is_cancelled());
    }
}
