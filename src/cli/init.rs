//! `newsriver init`: a feeds.toml to begin with.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Ending, print};

/// What it says; the demonstration of the repository is no beginning for an installed program.
const TEXT: &str = include_str!("init.toml");

/// Writes it where none is. Passwords may come to stand in it, so only its owner may read it.
pub(super) fn run(path: &Path) -> Result<(), Ending> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Ending::Failed(format!("{} is there already and stays as it is", path.display()))
        }
        _ => Ending::Failed(format!("{} cannot be written: {error}", path.display())),
    };
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(TEXT.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    print(
        format!("{} written; next: `newsriver add URL` for each source, then `newsriver run`", path.display())
            .as_bytes(),
    )
}
