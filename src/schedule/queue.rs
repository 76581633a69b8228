//! Every source on its own clock, handed out when it is due: never more at once than the limits
//! allow, host by host in turn, so that a start with ten thousand sources is a queue and no stampede.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::source::SourceId;

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

    /// The next source to poll at `now`, if the limits let one go; none of a host that is `held` back.
    pub fn next(&mut self, now: DateTime<Utc>, held: impl Fn(&str) -> bool) -> Option<SourceId> {
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
            let free = slot
                .host
                .as_ref()
                .is_none_or(|host| self.busy.get(host).copied().unwrap_or(0) < slot.per_host && !held(host));
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

    /// Spreads what is due at `now` over `span`: after a sleep of the machine everything is due at once.
    pub fn spread(&mut self, now: DateTime<Utc>, span: TimeDelta) {
        let late: Vec<SourceId> =
            self.waiting.iter().take_while(|(due, _)| *due <= now).map(|(_, id)| id.clone()).collect();
        let count = i32::try_from(late.len()).unwrap_or(i32::MAX).max(1);
        for (place, id) in (0..).zip(late) {
            self.move_to(&id, now + span * place / count);
        }
    }

    /// Lets no source wait longer than `limit` from `now`: the clock was set back.
    pub fn pull(&mut self, now: DateTime<Utc>, limit: impl Fn(&SourceId) -> TimeDelta) {
        let far: Vec<_> =
            self.waiting.iter().filter(|(due, id)| *due - now > limit(id)).map(|(_, id)| id.clone()).collect();
        for id in far {
            let due = now + limit(&id);
            self.move_to(&id, due);
        }
    }

    fn move_to(&mut self, id: &SourceId, due: DateTime<Utc>) {
        if let Some(slot) = self.slots.get_mut(id).filter(|slot| slot.state == State::Waiting) {
            self.waiting.remove(&(slot.due, id.clone()));
            slot.due = due;
            self.waiting.insert((due, id.clone()));
        }
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

    /// How long the source that is due longest has waited for its turn at `now`.
    #[must_use]
    pub fn lag(&self, now: DateTime<Utc>) -> TimeDelta {
        let first = self.lines.values().filter_map(VecDeque::front).filter_map(|id| self.slots.get(id));
        first.map(|slot| now - slot.due).max().unwrap_or_default().max(TimeDelta::zero())
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
