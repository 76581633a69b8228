//! Notices edits of feeds.toml, however the editor writes: in place, or by renaming a new file
//! over it. Looking is cheap and works on every file system; notifications do not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What tells one version of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

/// Sends the configuration whenever the file changed and has been still for one look, or when
/// `reload` asks for it.
pub(super) async fn watch(
    path: PathBuf,
    configs: mpsc::Sender<Result<Config, ConfigError>>,
    reload: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut taken = version(&path).await;
    let mut last = taken.clone();
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(LOOK) => false,
            () = reload.notified() => true,
            () = stop.cancelled() => return,
        };
        let now = version(&path).await;
        let still = now == last;
        last.clone_from(&now);
        // While an editor replaces the file it may be away for a moment; that is no edit yet.
        if !asked && (now == taken || !still) {
            continue;
        }
        taken = now;
        let file = path.clone();
        let Ok(result) = tokio::task::spawn_blocking(move || Config::load(&file)).await else { continue };
        if configs.send(result).await.is_err() {
            return;
        }
    }
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
