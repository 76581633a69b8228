//! A folder whose files are replaced whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::OutputError;

/// Web servers run as somebody else: files and folders are for all to read, whatever the mask says.
const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;

/// A folder of files for a web server, each beside a copy of it in gzip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`; it is made when something is put into it.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }

    pub(super) fn holds(&self, name: &str, bytes: &[u8]) -> bool {
        fs::read(self.0.join(name)).is_ok_and(|known| known == bytes)
    }

    /// Puts a file there, and its copy in gzip before it; whether it said something else before.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<bool, OutputError> {
        let path = self.0.join(name);
        let coded = path.with_file_name(format!("{}.gz", file_name(&path)));
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| OutputError::File { path, source }
        };
        if coded.exists() && fs::read(&path).is_ok_and(|known| known == bytes) {
            return Ok(false);
        }
        let folder = path.parent().unwrap_or(&self.0);
        make(folder).map_err(at(folder))?;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        let gzip = encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(at(&coded))?;
        replace(&coded, &gzip).map_err(at(&coded))?;
        replace(&path, bytes).map_err(at(&path))?;
        Ok(true)
    }

    /// Removes what begins like this.
    pub(super) fn remove_all(&self, folder: &str, beginning: &str) -> Result<(), OutputError> {
        self.remove(folder, |name, _| name.starts_with(beginning))
    }

    /// Removes what is old enough and meant.
    pub(super) fn remove_older(
        &self,
        folder: &str,
        horizon: Option<SystemTime>,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<(), OutputError> {
        self.remove(folder, |name, changed| is_meant(name) && horizon.is_some_and(|horizon| changed < horizon))
    }

    fn remove(&self, folder: &str, is_meant: impl Fn(&str, SystemTime) -> bool) -> Result<(), OutputError> {
        let folder = self.0.join(folder);
        let look = || -> io::Result<()> {
            for found in fs::read_dir(&folder)? {
                let found = found?;
                if is_meant(&found.file_name().to_string_lossy(), found.metadata()?.modified()?) {
                    fs::remove_file(found.path())?;
                }
            }
            Ok(())
        };
        match look() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            looked => looked.map_err(|source| OutputError::File { path: folder.clone(), source }),
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Makes a folder and those above it.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| *above != Path::new("")) {
        make(above)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))),
    }
}

/// Readers have the file before or the one after, never a part of one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_file_name(format!(".{}.new", file_name(path)));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    drop(file);
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn files_are_put_once_and_for_all_to_read() -> Result<(), Box<dyn std::error::Error>> {
        let place = tempfile::tempdir()?;
        let folder = Folder::new(place.path().join("public"));
        assert!(folder.put("a/b.txt", b"one")?);
        assert!(!folder.put("a/b.txt", b"one")?, "it says so already");
        assert!(folder.put("a/b.txt", b"two")?);
        let path = folder.path().join("a/b.txt");
        assert_eq!(fs::read(&path)?, b"two");
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, FILE_MODE);
        assert_eq!(fs::metadata(folder.path().join("a"))?.permissions().mode() & 0o777, FOLDER_MODE);
        let mut text = String::new();
        io::Read::read_to_string(
            &mut flate2::read::GzDecoder::new(File::open(folder.path().join("a/b.txt.gz"))?),
            &mut text,
        )?;
        assert_eq!(text, "two");
        let names =
            || -> io::Result<Vec<_>> { fs::read_dir(folder.path().join("a"))?.map(|f| Ok(f?.file_name())).collect() };
        assert_eq!(names()?.len(), 2, "nothing is left over");
        folder.remove_older("a", Some(SystemTime::now() - Duration::from_secs(60)), |_| true)?;
        assert_eq!(names()?.len(), 2);
        folder.remove_all("a", "b.")?;
        assert!(names()?.is_empty());
        folder.remove_all("not there", "b.")?;
        let blocked = Folder::new(path);
        folder.put("a/b.txt", b"a file")?;
        assert!(blocked.put("c.txt", b"in a file").is_err_and(|error| error.to_string().contains("b.txt")));
        Ok(())
    }
}
