//! Changes of feeds.toml by commands: one at a time, whole or not at all, and never over somebody else's.
//!
//! Commands take turns by an advisory lock (`flock`) on the folder of the file, which leaves nothing behind. Each
//! reads the file under the lock, so none works on what another has replaced. An editor takes no lock: what it wrote
//! in the meantime is found when the files are exchanged, and put back.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use super::Ending;
use crate::config::{Config, ConfigError};
use crate::model::text::hex;

/// Reads the file at `path`, or an empty one where there is none, and replaces it with the text that `edit` makes of
/// it, if it makes one; then gives what `edit` gives beside. A symbolic link is followed: its target is replaced.
///
/// # Errors
/// What `edit` ends with; [`Ending::Config`] where the file has errors; [`Ending::Failed`] where it cannot be read or
/// written, would get errors, or was changed by another program meanwhile. Then it is as it was.
pub(super) fn change<T>(
    path: &Path,
    edit: impl FnOnce(&str, &Config) -> Result<(Option<String>, T), Ending>,
) -> Result<T, Ending> {
    let target = resolved(path)?;
    let folder = target.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let folder = File::open(folder)
        .map_err(|error| Ending::Failed(format!("the folder {} cannot be opened: {error}", folder.display())))?;
    lock(&folder)?;
    let before =
        read(&target).map_err(|error| Ending::Failed(format!("{} cannot be read: {error}", target.display())))?;
    let text = String::from_utf8(before.clone().unwrap_or_default())
        .map_err(|_| Ending::Failed(format!("{} is not UTF-8", target.display())))?;
    let config = Config::check(&text, path).map_err(Ending::Config)?;
    let (after, value) = edit(&text, &config)?;
    if let Some(after) = after.filter(|after| *after != text) {
        Config::check(&after, path).map_err(|ConfigError { file, problems, .. }| {
            let first = problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
            Ending::Failed(format!("{} would have an error and stays as it was: {first}", file.display()))
        })?;
        replace(&target, &folder, before.as_deref(), after.as_bytes())
            .map_err(|error| Ending::Failed(format!("{} cannot be written: {error}", target.display())))?;
    }
    Ok(value)
}

/// Where links lead, also to a file that is not there yet.
fn resolved(path: &Path) -> Result<PathBuf, Ending> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(Ending::Failed(format!("{}: too many symbolic links", path.display())))
}

/// Links that are followed, as the system does.
const MOST_LINKS: usize = 40;

/// Waits for the other commands.
fn lock(folder: &File) -> std::io::Result<()> {
    loop {
        match flock(folder, FlockOperation::LockExclusive) {
            Err(Errno::INTR) => {}
            // A file system without such locks: the comparison before the exchange is left.
            Err(Errno::BADF | Errno::INVAL | Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS) => return Ok(()),
            result => return Ok(result?),
        }
    }
}

fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_end(&mut bytes).map(|_| Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file beside the target, taken away again unless it has become the target.
struct Beside(Option<PathBuf>);

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(std::fs::remove_file) {
            tracing::debug!(%error, "a temporary file beside feeds.toml stays");
        }
    }
}

/// Puts `after` in the place of `before` (nothing: there is no file).
fn replace(target: &Path, folder: &File, before: Option<&[u8]>, after: &[u8]) -> std::io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let path = target.with_file_name(format!(".{name}.{}.new", hex(&random)));
    let kept = before.map(|_| std::fs::metadata(target)).transpose()?;
    // A new name that nobody can guess, and an error where something stands there all the same: no link is followed.
    // Passwords may come to stand in a file that is made here, so only its owner may read it.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let mut beside = Beside(Some(path.clone()));
    file.write_all(after)?;
    if let Some(kept) = &kept {
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (kept.uid(), kept.gid()) {
            fchown(&file, Some(kept.uid()), Some(kept.gid())).map_err(|error| {
                let (user, group) = (kept.uid(), kept.gid());
                std::io::Error::new(
                    error.kind(),
                    format!("it belongs to user {user}, group {group}, and would not any more; edit it as that user ({error})"),
                )
            })?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(kept.mode() & 0o7777))?;
    }
    file.sync_all()?;
    match before {
        Some(before) => exchange(&path, target, before, &mut beside)?,
        None => {
            match renameat_with(CWD, &path, CWD, target, RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => return Err(changed_meanwhile()),
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => std::fs::hard_link(&path, target)?,
                renamed => {
                    renamed?;
                    beside.0 = None;
                }
            };
        }
    }
    folder.sync_all()
}

/// Exchanges the two files and looks at the one that was there: where it is not `before`, it is put back.
fn exchange(path: &Path, target: &Path, before: &[u8], beside: &mut Beside) -> std::io::Result<()> {
    match renameat_with(CWD, path, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => {
            if read(path)?.as_deref() != Some(before) {
                renameat_with(CWD, path, CWD, target, RenameFlags::EXCHANGE)?;
                return Err(changed_meanwhile());
            }
            Ok(())
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if read(target)?.as_deref() != Some(before) {
                return Err(changed_meanwhile());
            }
            std::fs::rename(path, target)?;
            beside.0 = None;
            Ok(())
        }
        Err(Errno::NOENT) => Err(changed_meanwhile()),
        Err(error) => Err(error.into()),
    }
}

fn changed_meanwhile() -> std::io::Error {
    std::io::Error::other("another program changed it meanwhile, and it stays as that left it; run the command again")
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fallible = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn what_an_editor_wrote_meanwhile_stays() -> Fallible {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("feeds.toml");
        std::fs::write(&path, "# one\n")?;
        let edited = change(&path, |text, _| {
            // An editor saves while the command works, as editors do: a new file over the old one.
            let new = folder.path().join("new");
            std::fs::write(&new, "# two\n").and_then(|()| std::fs::rename(&new, &path))?;
            Ok((Some(format!("{text}# three\n")), ()))
        });
        let Err(Ending::Failed(message)) = edited else { panic!("{edited:?}") };
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert_eq!(std::fs::read_to_string(&path)?, "# two\n");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1, "nothing else is left");
        let made = folder.path().join("made.toml");
        let edited = change(&made, |_, _| {
            std::fs::write(&made, "# by an editor\n")?;
            Ok((Some("# by a command\n".to_owned()), ()))
        });
        assert!(matches!(edited, Err(Ending::Failed(_))), "{edited:?}");
        assert_eq!(std::fs::read_to_string(&made)?, "# by an editor\n");
        Ok(())
    }

    #[test]
    fn a_link_mode_and_owner_stay() -> Fallible {
        let (folder, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let (link, target) = (folder.path().join("feeds.toml"), other.path().join("real.toml"));
        std::os::unix::fs::symlink(&target, &link)?;
        let append = |line: &'static str| move |text: &str, _: &Config| Ok((Some(format!("{text}{line}")), ()));
        change(&link, append("# one\n")).map_err(|ending| format!("{ending:?}"))?;
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640))?;
        // Only root may give a file away; others see that it stays theirs.
        let owner = std::fs::metadata(&target)?;
        let given = fchown(File::open(&target)?, Some(65534), Some(65534)).is_ok();
        change(&link, append("# two\n")).map_err(|ending| format!("{ending:?}"))?;
        let about = std::fs::metadata(&target)?;
        assert_eq!(std::fs::read_to_string(&target)?, "# one\n# two\n");
        assert!(std::fs::symlink_metadata(&link)?.is_symlink());
        assert_eq!(about.mode() & 0o777, 0o640);
        assert_eq!(about.uid(), if given { 65534 } else { owner.uid() });
        Ok(())
    }

    #[test]
    fn a_trap_at_a_temporary_name_is_not_followed() -> Fallible {
        let folder = tempfile::tempdir()?;
        let (path, victim) = (folder.path().join("feeds.toml"), folder.path().join("victim"));
        std::fs::write(&path, "")?;
        std::fs::write(&victim, "mine")?;
        for name in ["feeds.toml.new", ".feeds.toml.new", "feeds.toml.tmp", "feeds.toml~"] {
            std::os::unix::fs::symlink(&victim, folder.path().join(name))?;
        }
        change(&path, |_, _| Ok((Some("# new\n".to_owned()), ()))).map_err(|ending| format!("{ending:?}"))?;
        assert_eq!(std::fs::read_to_string(&victim)?, "mine");
        assert_eq!(std::fs::read_to_string(&path)?, "# new\n");
        Ok(())
    }
}
