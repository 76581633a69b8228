//! Where feeds.toml is: what `-c` says, else the first of the usual places.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file that is written where there is none yet.
const NAME: &str = "feeds.toml";

/// Where it is for the whole system.
const OF_SYSTEM: &str = "/etc/newsriver/feeds.toml";

/// A configuration file, found or meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// The file.
    pub(super) path: PathBuf,
    /// Whether a person named it, by `-c` or `NEWSRIVER_CONFIG`.
    pub(super) named: bool,
}

/// The file named, else the first that exists of `./feeds.toml`, that of the user and that of the system; where none
/// exists, `./feeds.toml`.
pub(super) fn locate(
    argument: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
    exists: impl Fn(&Path) -> bool,
) -> Located {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = argument.map(Path::to_owned).or_else(|| set("NEWSRIVER_CONFIG")) {
        return Located { path, named: true };
    }
    let of_user = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    let places =
        [Some(PathBuf::from(NAME)), of_user.map(|folder| folder.join("newsriver").join(NAME)), Some(OF_SYSTEM.into())];
    let path = places.into_iter().flatten().find(|path| exists(path)).unwrap_or_else(|| NAME.into());
    Located { path, named: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_is_taken_unless_one_is_named() {
        let found = |argument: Option<&str>, variables: &[(&str, &str)], files: &[&str]| {
            let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            let located =
                locate(argument.map(Path::new), variable, |path| files.iter().any(|file| Path::new(file) == path));
            (located.path.display().to_string(), located.named)
        };
        let home = ("HOME", "/home/me");
        let of_user = "/home/me/.config/newsriver/feeds.toml";
        let all = ["feeds.toml", of_user, OF_SYSTEM];
        assert_eq!(found(Some("x.toml"), &[("NEWSRIVER_CONFIG", "y.toml")], &all), ("x.toml".into(), true));
        assert_eq!(found(None, &[("NEWSRIVER_CONFIG", "y.toml")], &all), ("y.toml".into(), true));
        assert_eq!(found(None, &[home, ("NEWSRIVER_CONFIG", "")], &all), ("feeds.toml".into(), false));
        assert_eq!(found(None, &[home], &all[1..]), (of_user.into(), false));
        assert_eq!(
            found(None, &[home, ("XDG_CONFIG_HOME", "/x")], &["/x/newsriver/feeds.toml"]),
            ("/x/newsriver/feeds.toml".into(), false)
        );
        assert_eq!(found(None, &[], &all[2..]), (OF_SYSTEM.into(), false));
        assert_eq!(found(None, &[home], &[]), ("feeds.toml".into(), false));
    }
}
