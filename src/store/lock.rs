//! One daemon at a store: a lock that dies with its process, on a file beside the database that says who holds it.
//!
//! Commands do not take it: they work beside the daemon.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{StoreError, open};

/// The most of a lock file that is read, bytes.
const MOST_BYTES: u64 = 4096;

/// The right to be the daemon of a store; given back when it is dropped, or when the process ends in any way.
#[derive(Debug)]
pub struct DaemonLock {
    _file: Option<File>,
}

/// Who holds the lock, as the file says.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    host: String,
    since: String,
}

impl DaemonLock {
    /// Takes the lock of the store at `path`.
    ///
    /// # Errors
    /// [`StoreError::Held`] where another daemon has it, [`StoreError::Lock`] where the file cannot be written.
    pub fn acquire(path: &Path, now: DateTime<Utc>) -> Result<Self, StoreError> {
        // Whatever leads to a store, it is one store.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let lock = open::beside(&path, ".lock");
        let failed = |source| StoreError::Lock { path: lock.clone(), source };
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(open::PRIVATE)
            .custom_flags(flags)
            .open(&lock);
        let mut file = match opened {
            // There is no folder; the store itself says that better.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self { _file: None }),
            // A full disk stops nobody from reading the river.
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                tracing::warn!(file = %lock.display(), %error, "the lock file cannot be made: a second daemon at this store would go unnoticed");
                return Ok(Self { _file: None });
            }
            opened => opened.map_err(failed)?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StoreError::Held { path, holder: holder(&mut file) }),
            Err(error @ (Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS)) => {
                tracing::warn!(file = %lock.display(), %error, "the file system has no locks: a second daemon at this store would go unnoticed");
            }
            Err(error) => return Err(failed(error.into())),
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let since = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let text = serde_json::to_vec(&Holder { pid: std::process::id(), host, since }).unwrap_or_default();
        // The lock holds without it; a second daemon then learns less.
        if let Err(error) = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text)) {
            tracing::warn!(file = %lock.display(), %error, "the lock file does not say who holds it");
        }
        Ok(Self { _file: Some(file) })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(MOST_BYTES).read_to_string(&mut text);
    match read.ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok()) {
        Some(Holder { pid, host, since }) => format!("process {pid} on {host}, since {since}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_the_second_learns_who() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("r.db");
        let first = DaemonLock::acquire(&path, DateTime::UNIX_EPOCH)?;
        let Err(StoreError::Held { holder, .. }) = DaemonLock::acquire(&path, Utc::now()) else {
            panic!("two hold it")
        };
        assert!(
            holder.contains(&format!("process {} on ", std::process::id())) && holder.contains("1970-01-01"),
            "{holder}"
        );
        drop(first);
        let second = DaemonLock::acquire(&path, Utc::now())?;
        drop(second);
        std::fs::remove_file(open::beside(&path, ".lock"))?;
        std::os::unix::fs::symlink(folder.path().join("victim"), open::beside(&path, ".lock"))?;
        assert!(matches!(DaemonLock::acquire(&path, Utc::now()), Err(StoreError::Lock { .. })));
        assert!(!folder.path().join("victim").exists());
        Ok(())
    }
}
