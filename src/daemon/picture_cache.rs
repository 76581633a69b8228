//! Pictures on disk: a folder of files named by the digests of their addresses, bounded in bytes; those that were
//! asked for least lately go first.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use url::Url;

use crate::model::text::hex;

/// A folder of pictures.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Bytes that the files may have together.
    limit: u64,
    /// Size of each file, and when it was last asked for: a count of requests, not a time.
    files: HashMap<String, (u64, u64)>,
    bytes: u64,
    requests: u64,
}

impl Cache {
    /// The cache in a folder, which is made if it is not there; files beyond the limit go.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub(super) fn open(folder: &Path, limit: u64) -> std::io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut found = Vec::new();
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            let (name, about) = (file.file_name().to_string_lossy().into_owned(), file.metadata()?);
            if is_name(&name) && about.is_file() {
                found.push((about.modified()?, name, about.len()));
            } else if name.ends_with(UNFINISHED) {
                // Left by a daemon that was killed.
                std::fs::remove_file(file.path())?;
            }
        }
        found.sort();
        let mut cache = Self { folder: folder.to_owned(), limit, files: HashMap::new(), bytes: 0, requests: 0 };
        for (_, name, size) in found {
            cache.note(name, size);
        }
        cache.make_room()?;
        Ok(cache)
    }

    /// The picture of an address, where it is kept.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub(super) fn get(&mut self, url: &Url) -> std::io::Result<Option<Vec<u8>>> {
        let name = name_of(url);
        let Some((size, _)) = self.files.get(&name).copied() else { return Ok(None) };
        match std::fs::read(self.folder.join(&name)) {
            Ok(bytes) => {
                self.note(name, size);
                Ok(Some(bytes))
            }
            Err(error) => {
                // Somebody emptied the folder.
                self.files.remove(&name);
                self.bytes = self.bytes.saturating_sub(size);
                if error.kind() == std::io::ErrorKind::NotFound { Ok(None) } else { Err(error) }
            }
        }
    }

    /// Keeps the picture of an address.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn put(&mut self, url: &Url, bytes: &[u8]) -> std::io::Result<()> {
        let size = bytes.len() as u64;
        if size > self.limit {
            return Ok(());
        }
        let name = name_of(url);
        let (path, unfinished) = (self.folder.join(&name), self.folder.join(format!("{name}{UNFINISHED}")));
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(bytes)?;
        std::fs::rename(&unfinished, &path)?;
        self.note(name, size);
        self.make_room()
    }

    fn note(&mut self, name: String, size: u64) {
        self.requests += 1;
        let before = self.files.insert(name, (size, self.requests));
        self.bytes = self.bytes + size - before.map_or(0, |(size, _)| size);
    }

    fn make_room(&mut self) -> std::io::Result<()> {
        while self.bytes > self.limit {
            let oldest = self.files.iter().min_by_key(|(_, (_, asked))| *asked).map(|(name, _)| name.clone());
            let Some(name) = oldest else { return Ok(()) };
            if let Some((size, _)) = self.files.remove(&name) {
                self.bytes -= size;
            }
            match std::fs::remove_file(self.folder.join(&name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// How the names of files end that are being written.
const UNFINISHED: &str = ".part";

fn name_of(url: &Url) -> String {
    hex(&Sha256::digest(url.as_str())[..16])
}

fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_bounded_and_what_was_asked_for_lately_stays() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let folder = folder.path().join("pictures");
        let url = |n: u32| Url::parse(&format!("http://p.example/{n}"));
        let mut cache = Cache::open(&folder, 100)?;
        for n in 0..3 {
            cache.put(&url(n)?, &[u8::try_from(n)?; 30])?;
        }
        assert_eq!(cache.get(&url(0)?)?, Some(vec![0; 30]));
        cache.put(&url(3)?, &[3; 30])?;
        assert_eq!(cache.get(&url(1)?)?, None, "the one asked for least lately went");
        assert_eq!(cache.get(&url(0)?)?, Some(vec![0; 30]));
        cache.put(&url(4)?, &[4; 101])?;
        assert_eq!(cache.get(&url(4)?)?, None, "larger than all of it");
        // A start finds what is there, and what a smaller limit leaves of it.
        std::fs::write(folder.join("x.part"), "half")?;
        let mut cache = Cache::open(&folder, 60)?;
        let kept = [0, 2, 3].iter().filter(|n| matches!(url(**n).map(|url| cache.get(&url)), Ok(Ok(Some(_))))).count();
        assert_eq!((kept, cache.bytes), (2, 60));
        assert_eq!(std::fs::read_dir(&folder)?.count(), 2);
        Ok(())
    }
}
