//! A store whose file, or whose write-ahead log, is deleted or replaced while it is open: noticed, and saved from the open file.
//!
//! An open file lives on without a name, so what it holds can still be read by the connection that holds it. A commit
//! that goes there is gone with the process, so none is told as stored.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::health::LostFile;
use super::open::beside;

/// Names that are tried for what is saved.
const MOST_NAMES: usize = 1000;

/// Which file stands under a name: its device and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// The file at `path`, through links; `None` where there is none.
    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|about| {
            use std::os::unix::fs::MetadataExt;
            Self { device: about.dev(), inode: about.ino() }
        })
    }
}

/// The files of an open store.
#[derive(Debug)]
pub(super) struct OpenFiles {
    path: PathBuf,
    database: Option<FileIdentity>,
    log: Option<FileIdentity>,
}

impl OpenFiles {
    /// The files of the store at `path`, which has just been opened.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), database: FileIdentity::of(path), log: FileIdentity::of(&beside(path, "-wal")) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the database and its write-ahead log are still the files under their names.
    pub(super) fn is_there(&self) -> bool {
        let is_log_there = self.log.is_none() || self.log == FileIdentity::of(&beside(&self.path, "-wal"));
        // A database in memory has no file.
        self.database.is_none() || (self.database == FileIdentity::of(&self.path) && is_log_there)
    }

    /// Saves what `connection` holds, which lost its file: at the name of that where nothing is there, else beside it.
    pub(super) fn save(&self, connection: &Connection) -> (LostFile, Result<(), Error>) {
        // The database may be there, and its log, with all that is not folded in, gone.
        let is_own = self.database == FileIdentity::of(&self.path);
        let is_replaced = !is_own && fs::symlink_metadata(&self.path).is_ok();
        let saved = self.copy(connection).and_then(|copy| {
            // The write-ahead log is of the file that is gone: beside another database it would be taken for its.
            let log = beside(&self.path, "-wal");
            if self.log.is_some() && self.log == FileIdentity::of(&log) {
                fs::remove_file(&log)?;
                match fs::remove_file(beside(&self.path, "-shm")) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            if is_own {
                // Nothing that stands beside the database now belongs to what is put in its place.
                for end in ["-wal", "-shm"] {
                    match fs::remove_file(beside(&self.path, end)) {
                        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
                fs::rename(&copy, &self.path)?;
                return Ok(self.path.clone());
            }
            // A link never takes the place of a file that was put there meanwhile.
            if is_replaced || fs::hard_link(&copy, &self.path).is_err() {
                return Ok(copy);
            }
            fs::remove_file(&copy)?;
            Ok(self.path.clone())
        });
        let (saved, outcome) = match saved {
            Ok(saved) => (Some(saved), Ok(())),
            Err(error) => (None, Err(error)),
        };
        (LostFile { path: self.path.clone(), is_replaced, saved }, outcome)
    }

    /// Writes all that `connection` reads into a new file beside the one that is gone.
    fn copy(&self, connection: &Connection) -> Result<PathBuf, Error> {
        let free = (1..MOST_NAMES).map(|n| beside(&self.path, &format!(".saved-{n}")));
        let copy = free.into_iter().find(|copy| fs::symlink_metadata(copy).is_err());
        let copy = copy.ok_or_else(|| Error::from(ErrorKind::AlreadyExists))?;
        connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map_err(Error::other)?;
        fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        fs::File::open(&copy)?.sync_all()?;
        Ok(copy)
    }
}
