//! When is a source due, and which of the due ones goes next: pure, `now` is an argument.
//!
//! [`next_poll`] says when a source is polled again; [`Queue`] holds every source on its own clock
//! and hands out those that are due, never more at once than the limits allow, host by host in
//! turn, so that a start with ten thousand sources is a queue and no stampede.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::source::SourceId;

/// The longest pause after failures, unless the source's own interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// What [`next_poll`] decides from. The adaptive estimate of a source's own rhythm joins here.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// The longest interval.
    pub every: Duration,
    /// The shortest interval.
    pub min_every: Duration,
    /// Polls that failed in a row, this one included.
    pub failures: u32,
    /// How long the server asked to be left alone; outranks the longest interval.
    pub retry_after: Option<Duration>,
}

/// When a source that was polled at `polled` is due again: its interval, doubled with each failure
/// in a row, less up to a tenth so that sources of one interval drift apart.
#[must_use]
pub fn next_poll(id: &SourceId, polled: DateTime<Utc>, rhythm: &Rhythm) -> DateTime<Utc> {
    let pause = rhythm.every.saturating_mul(1 << rhythm.failures.min(10)).min(LONGEST_PAUSE.max(rhythm.every));
    let early = pause.mul_f64(0.1 * jitter(id, polled));
    let pause = (pause - early).max(rhythm.min_every).max(rhythm.retry_after.unwrap_or_default());
    TimeDelta::from_std(pause).ok().and_then(|pause| polled.checked_add_signed(pause)).unwrap_or(polled)
}

/// A share from 0 to 1 that is the source's own at that moment, the same wherever it is computed.
fn jitter(id: &SourceId, at: DateTime<Utc>) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.as_str().bytes().chain(at.timestamp().to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mixed = u32::try_from((hash ^ (hash >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).unwrap_or_default();
    f64::from(mixed) / f64::from(u32::MAX)
}

/// One source as the queue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    due: DateTime<Utc>,
    host: Option<String>,
    per_host: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its time is yet to come.
    Waiting,
    /// Due, behind others of its host or of the whole queue.
    Queued,
    /// Handed out.
    Running,
}

/// Every source with its due time; hands out the due ones within the limits.
#[derive(Debug)]
pub struct Queue {
    concurrency: usize,
    running: usize,
    slots: HashMap<SourceId, Slot>,
    waiting: BTreeSet<(DateTime<Utc>, SourceId)>,
    lines: BTreeMap<String, VecDeque<SourceId>>,
    turn: VecDeque<String>,
    busy: HashMap<String, usize>,
}

impl Queue {
    /// A queue that has at most `concurrency` sources handed out at a time.
    #[must_use]
    pub fn new(concurrency: usize) -> Self {
        Self {
            concurrency,
            running: 0,
            slots: HashMap::new(),
            waiting: BTreeSet::new(),
            lines: BTreeMap::new(),
            turn: VecDeque::new(),
            busy: HashMap::new(),
        }
    }

    /// Changes the limit; what is handed out already runs on.
    pub fn set_concurrency(&mut self, concurrency: usize) {
        self.concurrency = concurrency;
    }

    /// Adds a source, or gives a known one another due time and host. One that is handed out keeps
    /// running; its due time comes with [`Queue::finished`].
    pub fn put(&mut self, id: &SourceId, due: DateTime<Utc>, host: Option<&str>, per_host: usize) {
        let running = self.slots.get(id).is_some_and(|slot| slot.state == State::Running);
        if running {
            if let Some(slot) = self.slots.get_mut(id) {
                slot.due = due;
                slot.per_host = per_host;
            }
            return;
        }
        self.remove(id);
        self.waiting.insert((due, id.clone()));
        self.slots.insert(id.clone(), Slot { due, host: host.map(str::to_owned), per_host, state: State::Waiting });
    }

    /// Takes a source out; one that is handed out is forgotten when it finishes.
    pub fn remove(&mut self, id: &SourceId) {
        let Some(slot) = self.slots.remove(id) else { return };
        match slot.state {
            State::Waiting => {
                self.waiting.remove(&(slot.due, id.clone()));
            }
            State::Queued => {
                if let Some(line) = self.lines.get_mut(&line_of(&slot, id)) {
                    line.retain(|queued| queued != id);
                }
            }
            State::Running => self.release(slot.host.as_deref()),
        }
    }

    /// The next source to poll at `now`, if the limits let one go.
    pub fn next(&mut self, now: DateTime<Utc>) -> Option<SourceId> {
        self.move_due(now);
        if self.running >= self.concurrency {
            return None;
        }
        for _ in 0..self.turn.len() {
            let line = self.turn.pop_front()?;
            let Some(front) = self.lines.get(&line).and_then(VecDeque::front) else {
                self.lines.remove(&line);
                continue;
            };
            let Some(slot) = self.slots.get(front) else { continue };
            let free = slot.host.as_ref().is_none_or(|host| self.busy.get(host).copied().unwrap_or(0) < slot.per_host);
            self.turn.push_back(line.clone());
            if free {
                let id = self.lines.get_mut(&line)?.pop_front()?;
                self.start(&id);
                return Some(id);
            }
        }
        None
    }

    /// Ends a source's turn; it is due again at `due`. A source that was removed meanwhile stays
    /// so.
    pub fn finished(&mut self, id: &SourceId, due: DateTime<Utc>) {
        let Some(slot) = self.slots.get_mut(id).filter(|slot| slot.state == State::Running) else { return };
        slot.state = State::Waiting;
        slot.due = due;
        let host = slot.host.clone();
        self.waiting.insert((due, id.clone()));
        self.release(host.as_deref());
    }

    /// When the next source becomes due; `None` where nothing waits for its time.
    #[must_use]
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// Sources that are due and not yet handed out.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.lines.values().map(VecDeque::len).sum()
    }

    /// Sources handed out.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    fn start(&mut self, id: &SourceId) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.state = State::Running;
            self.running += 1;
            if let Some(host) = &slot.host {
                *self.busy.entry(host.clone()).or_insert(0) += 1;
            }
        }
    }

    fn release(&mut self, host: Option<&str>) {
        self.running = self.running.saturating_sub(1);
        if let Some(host) = host
            && let Some(count) = self.busy.get_mut(host)
        {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(host);
            }
        }
    }

    fn move_due(&mut self, now: DateTime<Utc>) {
        while let Some((due, id)) = self.waiting.first().cloned().filter(|(due, _)| *due <= now) {
            self.waiting.remove(&(due, id.clone()));
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            slot.state = State::Queued;
            let line = line_of(slot, &id);
            if !self.lines.contains_key(&line) {
                self.turn.push_back(line.clone());
            }
            self.lines.entry(line).or_default().push_back(id);
        }
    }
}

/// The line a source queues in: its host's; a file has one of its own.
fn line_of(slot: &Slot, id: &SourceId) -> String {
    slot.host.clone().unwrap_or_else(|| format!("file:{id}"))
}

#[cfg(test)]
mod tests;
