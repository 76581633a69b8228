//! `newsriver init`: a feeds.toml to begin with.

use std::path::Path;

use super::{Ending, feeds_file, print};

/// What it says; the demonstration of the repository is no beginning for an installed program.
const TEXT: &str = include_str!("init.toml");

/// Writes it where none is.
pub(super) fn run(path: &Path) -> Result<(), Ending> {
    let absent = || match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(Ending::Failed(format!("{} is there already and stays as it is", path.display()))),
        Err(error) => Err(Ending::Failed(format!("{} cannot be read: {error}", path.display()))),
    };
    // A file with errors is there as well; then, under the lock, one that has come meanwhile.
    absent()?;
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::create_dir_all(folder)
            .map_err(|error| Ending::Failed(format!("the folder {} cannot be made: {error}", folder.display())))?;
    }
    feeds_file::change(path, |_, _| absent().map(|()| (Some(TEXT.to_owned()), ())))?;
    print(&format!("{} written; next: `newsriver add URL` for each source, then `newsriver run`", path.display()))
}
