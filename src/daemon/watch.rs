//! Notices edits of feeds.toml and of the files with secrets that it names, however the editor writes: in place, or by
//! renaming a new file over it. Looking is cheap and works on every file system; notifications do not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What tells one version of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

/// Sends the configuration whenever a file changed and has been still for one look, or when `reload` asks for it.
/// `config` is what the daemon was started with.
pub(super) async fn watch(
    path: PathBuf,
    config: Arc<Config>,
    configs: mpsc::Sender<Result<Config, ConfigError>>,
    reload: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut files = config.files.clone();
    // What was read last. Files that were not watched yet when they were read are read once more: an edit in between
    // would go unnoticed.
    let (mut read, mut reads_again) = (Some(config), true);
    let mut taken = versions(&path, &files).await;
    let mut last = taken.clone();
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(LOOK) => false,
            () = reload.notified() => true,
            () = stop.cancelled() => return,
        };
        let now = versions(&path, &files).await;
        let still = now == last;
        last.clone_from(&now);
        // While an editor replaces the file it may be away for a moment; that is no edit yet.
        if !asked && !(still && (reads_again || now != taken)) {
            continue;
        }
        let is_edit = asked || now != taken;
        let file = path.clone();
        let Ok(result) = tokio::task::spawn_blocking(move || Config::load(&file)).await else { continue };
        let named = match &result {
            Ok(config) => config.files.clone(),
            // A file that cannot be read at all names none.
            Err(error) if error.files.is_empty() => files.clone(),
            Err(error) => error.files.clone(),
        };
        reads_again = named != files;
        taken = now;
        if reads_again {
            files = named;
            taken = versions(&path, &files).await;
            last.clone_from(&taken);
        }
        let is_known = matches!((&result, &read), (Ok(now), Some(before)) if *now == **before);
        read = result.as_ref().ok().cloned().map(Arc::new);
        if (is_edit || !is_known) && configs.send(result).await.is_err() {
            return;
        }
    }
}

async fn versions(path: &Path, files: &[PathBuf]) -> Vec<Option<Version>> {
    let mut versions = vec![version(path).await];
    for file in files {
        versions.push(version(file).await);
    }
    versions
}

async fn version(path: &Path) -> Option<Version> {
    let about = tokio::fs::metadata(path).await.ok()?;
    Some(Version { modified: about.modified().ok(), length: about.len(), inode: inode(&about) })
}

#[cfg(unix)]
fn inode(about: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}
