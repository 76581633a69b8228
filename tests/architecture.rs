//! The rules of ARCHITECTURE.md that a compiler does not check.

use std::path::{Path, PathBuf};

type Fallible = Result<(), Box<dyn std::error::Error>>;

/// Which modules each module may name with `crate::`.
const MAY_USE: [(&str, &[&str]); 30] = [
    ("model", &["model"]),
    ("observe", &["config", "model"]),
    ("config", &["model", "search", "store", "language"]),
    ("schedule", &["model"]),
    ("fetch", &["model"]),
    ("decode", &["model"]),
    ("parse", &["model"]),
    ("normalise", &["model"]),
    ("clean", &["model"]),
    ("identity", &["model"]),
    ("stories", &["model", "clean"]),
    ("store", &["model", "clean", "identity", "search", "stories", "ranking"]),
    ("publish", &["model"]),
    ("opml", &[]),
    ("ranking", &[]),
    ("pictures", &[]),
    ("language", &["model"]),
    ("search", &["model", "clean"]),
    ("metrics", &["model"]),
    ("websub", &["model"]),
    ("hub", &["model"]),
    ("poll", &["model", "schedule", "fetch", "decode", "parse", "normalise", "clean", "identity", "store"]),
    ("status", &["model", "config", "store", "schedule", "language"]),
    (
        "live",
        &["model", "config", "fetch", "store", "publish", "opml", "metrics", "search", "status", "pictures", "ranking"],
    ),
    ("explain", &["model", "store"]),
    (
        "web",
        &[
            "model", "store", "publish", "live", "search", "status", "websub", "hub", "explain", "config", "language",
            "pictures",
        ],
    ),
    ("output", &["model", "live", "publish", "store", "web"]),
    (
        "daemon",
        &[
            "model", "config", "schedule", "fetch", "store", "poll", "live", "web", "websub", "hub", "publish",
            "output", "pictures",
        ],
    ),
    (
        "cli",
        &[
            "model", "config", "fetch", "identity", "observe", "poll", "publish", "status", "store", "daemon", "parse",
            "decode", "opml", "live", "explain", "web", "output",
        ],
    ),
    ("main", &[]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn each_source(check: impl Fn(&str, &str, &str)) -> Fallible {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files)?;
    assert!(files.len() > 40, "{} files", files.len());
    for file in files {
        let relative = file.strip_prefix(&root)?.to_string_lossy().into_owned();
        let module = relative.split(['/', '.']).next().unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(&file)?;
        check(&relative, &module, &text);
    }
    Ok(())
}

/// The part before the tests.
fn production<'a>(relative: &str, text: &'a str) -> &'a str {
    if relative.ends_with("tests.rs") { "" } else { text.split("#[cfg(test)]").next().unwrap_or_default() }
}

#[test]
fn stages_know_the_nouns_and_not_each_other() -> Fallible {
    each_source(|relative, module, text| {
        if module == "lib" {
            return;
        }
        let (_, allowed) =
            MAY_USE.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{module} has no rule"));
        for used in production(relative, text).split("crate::").skip(1) {
            let names = used.strip_prefix('{').map_or(used, |list| list.split('}').next().unwrap_or_default());
            for name in names
                .split(", ")
                .map(|n| n.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
            {
                let known = MAY_USE.iter().any(|(module, _)| *module == name);
                assert!(!known || name == module || allowed.contains(&name), "{relative} uses {name}");
                if !used.starts_with('{') {
                    break;
                }
            }
        }
    })
}

#[test]
fn the_clock_is_read_at_the_edges_only() -> Fallible {
    each_source(|relative, module, text| {
        let edge = matches!(module, "poll" | "daemon" | "cli" | "web");
        let reads = ["Utc::now()", "Local::now()", "SystemTime::now()"]
            .iter()
            .any(|call| production(relative, text).contains(call));
        assert!(edge || !reads, "{relative} reads the clock");
    })
}

#[test]
fn every_file_says_what_it_is_and_can_be_read_in_one_sitting() -> Fallible {
    each_source(|relative, _, text| {
        assert!(text.starts_with("//!"), "{relative} has no header");
        let lines = production(relative, text).lines().count();
        assert!(lines <= 450, "{relative} has {lines} lines");
    })
}
