//! How the files of the store are opened: for writing, private to their owner; for reading, without a trace.
//!
//! A command that only looks takes no lock, migrates nothing and needs no right but to read. SQLite wants a shared index
//! (`-shm`) beside a database with a log; where there is none and none can be made, nobody has the store open, and
//! it is read as a file that does not change.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use url::Url;

use super::{StoreError, schema};

/// What a new store, its log and its copies may be read and written by: they hold addresses with keys and the secrets
/// of subscriptions.
pub(super) const PRIVATE: u32 = 0o600;

/// Permissions of everybody on the machine.
const OTHERS: u32 = 0o007;

/// What connections may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// All.
    Write,
    /// Read, with those that write beside.
    Read,
    /// Read a file that nobody has open: it is taken for one that does not change.
    ReadUnchanging,
}

/// The path of a file of SQLite beside the database.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A connection that only reads.
pub(super) fn reader(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let unchanging = (access == Access::ReadUnchanging).then(|| unchanging(path)).flatten();
    let connection = match unchanging {
        Some(url) => Connection::open_with_flags(url.as_str(), flags | OpenFlags::SQLITE_OPEN_URI)?,
        None => Connection::open_with_flags(path, flags)?,
    };
    connection.busy_timeout(schema::BUSY)?;
    Ok(connection)
}

fn unchanging(path: &Path) -> Option<Url> {
    let mut url = Url::from_file_path(std::path::absolute(path).ok()?).ok()?;
    url.set_query(Some("immutable=1"));
    Some(url)
}

/// How the store at `path` can be read by this user, and its schema version.
///
/// # Errors
/// [`StoreError::Missing`] where there is none; [`StoreError::Sqlite`] where it cannot be read.
pub(super) fn readable(path: &Path) -> Result<(Access, i64), StoreError> {
    let version = |access| {
        let connection = reader(path, access)?;
        connection.query_row("PRAGMA user_version", [], |row| row.get(0))
    };
    let wrap = |source| StoreError::Sqlite { path: path.to_owned(), source };
    if !path.try_exists().unwrap_or(true) {
        return Err(StoreError::Missing(path.to_owned()));
    }
    match version(Access::Read) {
        Ok(found) => Ok((Access::Read, found)),
        Err(error) if needs_index(&error) && has_no_log(path) => {
            Ok((Access::ReadUnchanging, version(Access::ReadUnchanging).map_err(wrap)?))
        }
        Err(error) => Err(wrap(error)),
    }
}

/// Whether SQLite could not make the index of the log.
fn needs_index(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

/// Whether all of the store is in the database itself.
fn has_no_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).map_or(true, |log| log.len() == 0)
}

/// Makes an empty file that only its owner may read, where there is none; whether it did. SQLite gives the files beside
/// a database the permissions of that.
pub(super) fn create(path: &Path) -> std::io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes the store from everybody on the machine, where an older version or a loose `umask` gave it to them. What a
/// group may do is the administrator's choice and stays.
pub(super) fn tighten(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let file = beside(path, ending);
        let Ok(about) = std::fs::metadata(&file) else { continue };
        let mode = about.permissions().mode() & 0o777;
        if mode & OTHERS == 0 {
            continue;
        }
        let file = file.display();
        match std::fs::set_permissions(beside(path, ending), Permissions::from_mode(PRIVATE)) {
            Ok(()) => {
                tracing::warn!(%file, was = format!("{mode:o}"), "the store was open to every user of the machine and is now its owner's only")
            }
            Err(error) => tracing::warn!(%file, %error, "the store is open to every user of the machine"),
        }
    }
}
