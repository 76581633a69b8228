//! The memory that bodies may take: what is rendered for one request counts from its rendering until the last byte of
//! it is sent or dropped, wherever it lies meanwhile.
//!
//! Two counts: the memory itself, once however many readers share it; and for each client and connection what is on
//! its way to it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use memmap2::{Mmap, MmapMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shares::{Share, Shares};

/// Bytes of all bodies that were rendered for requests: those that are kept, and those on their way.
const RENDERED: usize = 64 << 20;

/// What a rendering is counted as before its size is known, bytes.
const EXPECTED: usize = 4 << 20;

/// The unit that memory is counted in: a semaphore counts to 2^29 on small machines.
const UNIT: usize = 1024;

/// Bytes on their way to all readers, and to one client.
const UNDER_WAY: (usize, usize) = (1 << 30, 32 << 20);

/// Bytes on their way over one connection.
const PER_CONNECTION: usize = 16 << 20;

/// What is kept for all readers counts to one of them as this part of its bytes: many of them may stand behind one
/// address, but none may hold all that is kept.
const SHARED_PART: usize = 8;

/// Bodies from this size on have pages of their own, bytes.
const LARGE: usize = 32 * 1024;

/// How long a request waits for the memory that others hold.
const PATIENCE: Duration = Duration::from_secs(5);

/// The budget.
#[derive(Debug)]
pub(super) struct BodyBudget {
    memory: Arc<Semaphore>,
    under_way: Arc<Shares>,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self { memory: Arc::new(Semaphore::new(RENDERED / UNIT)), under_way: Shares::new(UNDER_WAY) }
    }
}

impl BodyBudget {
    /// Waits for the memory of a rendering; `None` where others hold it for too long.
    pub(super) async fn reserve(&self) -> Option<Reserved> {
        let permits = self.memory.clone().acquire_many_owned(units(EXPECTED));
        let permit = tokio::time::timeout(PATIENCE, permits).await.ok()?.ok()?;
        Some(Reserved { memory: self.memory.clone(), permit })
    }

    /// Counts a body as on its way to a client; `None` where too much already is. `is_shared` says that it was
    /// rendered for others before.
    pub(super) fn send(
        &self,
        bytes: Bytes,
        client: Option<IpAddr>,
        connection: &Arc<AtomicUsize>,
        is_shared: bool,
    ) -> Option<Bytes> {
        let amount = if is_shared { bytes.len() / SHARED_PART } else { bytes.len() };
        if amount == 0 {
            return Some(bytes);
        }
        let share = self.under_way.take(client, amount)?;
        let before = connection.fetch_add(amount, Ordering::Relaxed);
        let sent = Sent { bytes, amount, connection: connection.clone(), _share: share };
        let fits = before == 0 || before + amount <= PER_CONNECTION;
        // What does not fit is given back as it is dropped.
        fits.then(|| Bytes::from_owner(sent))
    }
}

/// Memory for one rendering.
#[derive(Debug)]
pub(super) struct Reserved {
    memory: Arc<Semaphore>,
    permit: OwnedSemaphorePermit,
}

impl Reserved {
    /// Counts a rendering as what it turned out to take; what it does not take is given back. `None` where there is
    /// not so much.
    pub(super) fn take(mut self, length: usize) -> Option<(Memory, OwnedSemaphorePermit)> {
        let memory = Memory::Budgeted(self.memory);
        let (wanted, reserved) = (units(length), self.permit.num_permits());
        match usize::try_from(wanted).unwrap_or(usize::MAX) {
            wanted if wanted <= reserved => Some((memory, self.permit.split(wanted)?)),
            wanted => {
                let Memory::Budgeted(all) = &memory else { return None };
                let more = u32::try_from(wanted - reserved).ok()?;
                self.permit.merge(all.clone().try_acquire_many_owned(more).ok()?);
                Some((memory, self.permit))
            }
        }
    }
}

/// Where the memory of a body and its codings is counted.
#[derive(Debug, Clone, Default)]
pub(super) enum Memory {
    /// It is small, or lives as long as the daemon.
    #[default]
    Uncounted,
    /// As a part of what is rendered once for all readers.
    Counted(Arc<AtomicUsize>),
    /// Within the budget.
    Budgeted(Arc<Semaphore>),
}

impl Memory {
    /// Counts bytes until the last of them is dropped; `None` where there is no room for them.
    pub(super) fn keep(&self, bytes: Bytes) -> Option<Bytes> {
        match self.hold(bytes.len())? {
            Hold::Nothing => Some(bytes),
            hold => Some(Kept::of(bytes, hold)),
        }
    }

    /// Counts so many bytes until what it gives is dropped; `None` where there is no room for them.
    pub(super) fn hold(&self, length: usize) -> Option<Hold> {
        match self {
            Self::Uncounted => Some(Hold::Nothing),
            Self::Counted(count) => {
                count.fetch_add(length, Ordering::Relaxed);
                Some(Hold::Count(InCount { length, count: count.clone() }))
            }
            Self::Budgeted(memory) => {
                memory.clone().try_acquire_many_owned(units(length)).ok().map(|permit| Hold::Permit { _permit: permit })
            }
        }
    }
}

/// Memory that is counted until this is dropped.
#[derive(Debug)]
pub(super) enum Hold {
    /// It is not counted.
    Nothing,
    /// A part of a count.
    Count(#[expect(dead_code, reason = "it is there to be dropped")] InCount),
    /// A part of the budget.
    Permit { _permit: OwnedSemaphorePermit },
}

/// Bytes whose memory is given back with the last of them.
pub(super) fn keep_with(bytes: Bytes, permit: OwnedSemaphorePermit) -> Bytes {
    Kept::of(bytes, Hold::Permit { _permit: permit })
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// Bytes that are kept for long by somebody whom nobody can hurry.
struct Kept {
    bytes: Stored,
    _hold: Hold,
}

/// Where they lie. Large ones have pages of their own: in the heap they would stand between what is freed, and the
/// process would keep the memory of its worst minute.
enum Stored {
    Heap(Bytes),
    Pages(Mmap),
}

impl Kept {
    fn of(bytes: Bytes, hold: Hold) -> Bytes {
        let pages = if bytes.len() < LARGE { None } else { in_pages(&bytes) };
        Bytes::from_owner(Self { bytes: pages.map_or(Stored::Heap(bytes), Stored::Pages), _hold: hold })
    }
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        match &self.bytes {
            Stored::Heap(bytes) => bytes,
            Stored::Pages(pages) => pages,
        }
    }
}

/// A copy in pages of its own; `None` where the system has none to give.
fn in_pages(bytes: &[u8]) -> Option<Mmap> {
    let mut pages = MmapMut::map_anon(bytes.len()).ok()?;
    pages.copy_from_slice(bytes);
    pages.make_read_only().ok()
}

/// A part of a count.
#[derive(Debug)]
pub(super) struct InCount {
    length: usize,
    count: Arc<AtomicUsize>,
}

impl Drop for InCount {
    fn drop(&mut self) {
        self.count.fetch_sub(self.length, Ordering::Relaxed);
    }
}

/// Bytes on their way to a client.
struct Sent {
    bytes: Bytes,
    amount: usize,
    connection: Arc<AtomicUsize>,
    _share: Share,
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.connection.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn body(length: usize) -> Bytes {
        vec![0; length].into()
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_held_until_the_last_byte_is_dropped() -> Result<(), Box<dyn std::error::Error>> {
        let budget = BodyBudget::default();
        let all = budget.memory.available_permits();
        let reserved = budget.reserve().await.ok_or("no memory")?;
        let (memory, permit) = reserved.take(2 * MIB).ok_or("no memory")?;
        let kept = keep_with(body(2 * MIB), permit);
        let coded = memory.keep(body(MIB)).ok_or("no memory")?;
        assert_eq!(budget.memory.available_permits(), all - 3 * 1024);
        let tail = kept.slice(kept.len() - 1..);
        drop((kept, coded));
        assert_eq!(budget.memory.available_permits(), all - 2 * 1024, "one byte holds all of its body");
        drop(tail);
        assert_eq!(budget.memory.available_permits(), all);
        // A rendering larger than expected takes more, if there is.
        let large = budget.reserve().await.ok_or("no memory")?.take(60 * MIB).ok_or("no memory")?;
        assert!(budget.reserve().await.ok_or("no memory")?.take(5 * MIB).is_none());
        let _rest = budget.reserve().await.ok_or("no memory")?;
        assert!(budget.reserve().await.is_none(), "it waits, and then not any more");
        drop(large);
        assert!(budget.reserve().await.is_some());
        Ok(())
    }

    #[test]
    fn a_client_and_a_connection_have_their_share() {
        let budget = BodyBudget::default();
        let client = "192.0.2.1".parse().ok();
        let connections: Vec<Arc<AtomicUsize>> = (0..4).map(|_| Arc::default()).collect();
        let first = budget.send(body(12 * MIB), client, &connections[0], false);
        assert!(first.is_some());
        assert!(budget.send(body(5 * MIB), client, &connections[0], false).is_none(), "the connection has 16 MiB");
        let second = budget.send(body(16 * MIB), client, &connections[1], false);
        assert!(second.is_some());
        assert!(budget.send(body(5 * MIB), client, &connections[2], false).is_none(), "the client has 32 MiB");
        assert!(budget.send(body(5 * MIB), "192.0.2.2".parse().ok(), &connections[2], false).is_some());
        assert!(budget.send(body(40 * MIB), None, &connections[3], false).is_some(), "alone, it may be larger");
        assert!(budget.send(Bytes::new(), client, &connections[2], false).is_some());
        assert!(budget.send(body(40 * MIB), client, &connections[2], true).is_none(), "5 MiB, as it counts");
        assert!(budget.send(body(20 * MIB), client, &connections[2], true).is_some());
        drop((first, second));
        assert!(connections.iter().all(|held| held.load(Ordering::Relaxed) == 0));
        assert!(budget.send(body(5 * MIB), client, &connections[0], false).is_some());
    }

    #[test]
    fn large_bodies_have_pages_of_their_own() {
        let memory = Memory::Counted(Arc::default());
        for length in [0, 1, LARGE - 1, LARGE, MIB + 1] {
            let bytes: Bytes = (0..length).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
            assert_eq!(memory.keep(bytes.clone()), Some(bytes), "{length}");
        }
    }

    #[test]
    fn what_is_rendered_for_all_is_counted() {
        let count = Arc::new(AtomicUsize::new(0));
        let kept = Memory::Counted(count.clone()).keep(body(MIB));
        assert_eq!(count.load(Ordering::Relaxed), MIB);
        drop(kept);
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }
}
