//! Files and connections that the process may have open, shared out so that readers take none that polls need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::web::Limits;

/// What the process has open whatever it does: its streams, the store with its readers, sockets that listen, the log,
/// and connections that were accepted and have no place yet.
const OWN: usize = 40;

/// What keeps idle connections to hosts from taking what polls need, and what polls may need at most.
const IDLE: usize = 512;

/// How the descriptors are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptors {
    /// For connections of readers.
    pub(super) readers: Limits,
    /// Polls at once at most.
    pub(super) polls: usize,
    /// Connections that are kept for the next request, to one host.
    pub(super) kept_open: usize,
}

/// Raises what the process may have open to what it may raise it to; how much that is.
pub(super) fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit_if_lower(limit, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::debug!(%error, "limit of open files not raised");
            limit.current
        }
    };
    current.map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX))
}

/// Sandboxes may forbid the call, also where it would change nothing.
fn setrlimit_if_lower(limit: Rlimit, raised: Rlimit) -> rustix::io::Result<()> {
    if limit.current == limit.maximum { Ok(()) } else { setrlimit(Resource::Nofile, raised) }
}

/// Shares out `limit` descriptors. Pure.
pub(super) fn share(limit: usize) -> Descriptors {
    let usual = Limits::default();
    let free = limit.saturating_sub(OWN);
    let spare = (free / 8).clamp(2, usual.spare);
    let connections = (free / 3).clamp(4, usual.connections);
    let rest = free.saturating_sub(spare + connections);
    let is_scarce = rest < IDLE;
    Descriptors {
        readers: Limits { connections, spare },
        // A poll looks up a name while its host's last connection closes.
        polls: if is_scarce { (rest / 2).max(1) } else { usize::MAX },
        kept_open: if is_scarce { 0 } else { 2 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_and_polls_have_their_share_of_any_limit() {
        for limit in [0, 32, 64, 128, 256, 1024, 4096, 65_536, usize::MAX] {
            let Descriptors { readers, polls, .. } = share(limit);
            assert!(readers.connections >= 4 && readers.spare >= 2 && polls >= 1, "{limit}");
            let used = OWN + readers.connections + readers.spare + polls.min(64);
            assert!(limit < 64 || used <= limit, "{limit}: {used}");
        }
        let usual = share(4096);
        assert_eq!((usual.readers, usual.polls, usual.kept_open), (Limits::default(), usize::MAX, 2));
        let few = share(64);
        assert_eq!((few.readers.connections, few.readers.spare, few.polls, few.kept_open), (8, 3, 6, 0));
    }
}
