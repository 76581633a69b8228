//! A store whose file, or whose write-ahead log, is deleted, replaced, cut or overwritten while it is open: noticed, and
//! saved from the open file.
//!
//! An open file lives on without a name, so what it holds can still be read by the connection that holds it; of one
//! that is cut or overwritten there is what stands in the log and in the cache. A commit that goes there is gone with
//! the process, so none is told as stored.

use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::generation::{self, Content, Generations};
use super::health::{LossCause, LostFile};
use super::open::{self, beside};

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
    /// The database, open for as long as connections to it are: the locks of a process on a file end where it closes
    /// any descriptor of that (POSIX, `fcntl`).
    file: Option<File>,
    generations: Generations,
}

impl OpenFiles {
    /// The files of the store at `path`, which has just been opened and is at `generation`.
    pub(super) fn of(path: &Path, generation: i64) -> Self {
        // One that cannot be opened here is compared by its identity alone.
        let file = File::open(path).ok();
        Self {
            path: path.to_owned(),
            database: FileIdentity::of(path),
            log: FileIdentity::of(&beside(path, "-wal")),
            generations: Generations::new(generation, file.as_ref()),
            file,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes the generation of a commit.
    pub(super) fn committed(&mut self, generation: i64) {
        self.generations.committed(generation);
    }

    /// Whether the database and its write-ahead log are still the files under their names, and hold what was written.
    pub(super) fn is_there(&mut self) -> bool {
        let is_log_there = self.log.is_none() || self.log == FileIdentity::of(&beside(&self.path, "-wal"));
        // A database in memory has no file.
        self.database.is_none()
            || (self.database == FileIdentity::of(&self.path) && is_log_there && self.content() == Content::Own)
    }

    fn content(&mut self) -> Content {
        // A disk that cannot be read is told of by SQLite.
        self.file.as_ref().and_then(|file| self.generations.content(file).ok()).unwrap_or(Content::Own)
    }

    fn cause(&mut self) -> LossCause {
        if self.database == FileIdentity::of(&self.path) {
            match self.content() {
                // The database may be there, and its log, with all that is not folded in, gone.
                Content::Own => LossCause::Deleted,
                Content::Cut => LossCause::Cut,
                Content::Foreign => LossCause::Overwritten,
            }
        } else if fs::symlink_metadata(&self.path).is_ok() {
            LossCause::Replaced
        } else {
            LossCause::Deleted
        }
    }

    /// Saves what `connection` holds, which lost its file: at the name of that where nothing of others is there, else
    /// beside it.
    pub(super) fn save(&mut self, connection: &Connection) -> (LostFile, Result<(), Error>) {
        let cause = self.cause();
        let saved = self.keep(connection, cause);
        let ((saved, is_whole), outcome) = match saved {
            Ok((saved, is_whole)) => ((Some(saved), is_whole), Ok(())),
            Err(error) => ((None, false), Err(error)),
        };
        (LostFile { path: self.path.clone(), cause, saved, is_whole }, outcome)
    }

    /// Where what `connection` holds is kept, and whether that is all.
    fn keep(&self, connection: &Connection, cause: LossCause) -> Result<(PathBuf, bool), Error> {
        // It would fold its log into what is there now, and take away the log that has the name of its own.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(Error::other)?;
        let copy = self.free_name()?;
        if let Err(error) = self.copy(connection, &copy) {
            tracing::warn!(%error, "the store that lost its file cannot be read as a whole");
            self.copy_remains(&copy)?;
            self.remove_log()?;
            return Ok((copy, false));
        }
        // The write-ahead log is of the file that is gone: beside another database it would be taken for its.
        self.remove_log()?;
        if self.database == FileIdentity::of(&self.path) && cause != LossCause::Overwritten {
            // Nothing that stands beside the database now belongs to what is put in its place.
            remove_if_there(&beside(&self.path, "-wal"))?;
            remove_if_there(&beside(&self.path, "-shm"))?;
            fs::rename(&copy, &self.path)?;
            return Ok((self.path.clone(), true));
        }
        // A link never takes the place of a file that was put there meanwhile.
        if cause != LossCause::Deleted || fs::hard_link(&copy, &self.path).is_err() {
            return Ok((copy, true));
        }
        fs::remove_file(&copy)?;
        Ok((self.path.clone(), true))
    }

    /// Takes the write-ahead log away, if it is the one that was opened.
    fn remove_log(&self) -> Result<(), Error> {
        let log = beside(&self.path, "-wal");
        if self.log.is_some() && self.log == FileIdentity::of(&log) {
            fs::remove_file(&log)?;
            remove_if_there(&beside(&self.path, "-shm"))?;
        }
        Ok(())
    }

    /// A name beside the store that nothing has.
    fn free_name(&self) -> Result<PathBuf, Error> {
        let mut names = (1..MOST_NAMES).map(|n| beside(&self.path, &format!(".saved-{n}")));
        let free = names.find(|copy| fs::symlink_metadata(copy).is_err());
        free.ok_or_else(|| Error::from(ErrorKind::AlreadyExists))
    }

    /// Writes all that `connection` reads into a new file.
    fn copy(&self, connection: &Connection, copy: &Path) -> Result<(), Error> {
        let written = connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]);
        let checked = written.and_then(|_| {
            generation::restart(copy)?;
            // Pages of two stores may look like one for as long as nobody reads them.
            Connection::open(copy)?.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        });
        match checked {
            Ok(found) if found == "ok" => {}
            found => {
                remove_if_there(copy)?;
                return Err(Error::other(found.unwrap_or_else(|error| error.to_string())));
            }
        }
        fs::set_permissions(copy, std::os::unix::fs::PermissionsExt::from_mode(open::PRIVATE))?;
        File::open(copy)?.sync_all()
    }

    /// Copies the files as they are: the log holds what was written last.
    fn copy_remains(&self, copy: &Path) -> Result<(), Error> {
        for ending in ["", "-wal"] {
            let (from, to) = (beside(&self.path, ending), beside(copy, ending));
            match fs::read(&from) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                bytes => {
                    open::create(&to)?;
                    fs::write(&to, bytes?)?;
                }
            }
            File::open(&to)?.sync_all()?;
        }
        Ok(())
    }
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
