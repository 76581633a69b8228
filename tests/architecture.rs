//! The rules of ARCHITECTURE.md that a compiler does not check.

mod modules;

use std::path::Path;

use modules::Graph;

type Fallible = Result<(), Box<dyn std::error::Error>>;

/// Which modules each module may name with `crate::`.
const MAY_USE: [(&str, &[&str]); 33] = [
    ("html", &[]),
    ("model", &["model", "html"]),
    ("observe", &["config", "model"]),
    ("config", &["model", "search", "store", "language"]),
    ("schedule", &["model"]),
    ("fetch", &["model"]),
    ("decode", &["model"]),
    ("parse", &["model", "html"]),
    ("normalise", &["model", "html"]),
    ("clean", &["model", "html"]),
    ("identity", &["model"]),
    ("stories", &["model", "clean"]),
    ("ingest", &["model", "html", "clean", "identity", "search", "stories"]),
    ("store", &["model", "html", "clean", "identity", "ingest", "search", "stories", "ranking"]),
    ("publish", &["model", "html"]),
    ("opml", &[]),
    ("ranking", &[]),
    ("pictures", &[]),
    ("language", &["model"]),
    ("discover", &["model"]),
    ("search", &["model", "clean"]),
    ("metrics", &["model"]),
    ("websub", &["model"]),
    ("hub", &["model"]),
    ("poll", &["model", "schedule", "fetch", "decode", "parse", "normalise", "clean", "identity", "ingest", "store"]),
    ("status", &["model", "config", "store", "schedule", "language"]),
    (
        "live",
        &[
            "model", "html", "config", "fetch", "store", "publish", "opml", "metrics", "search", "status", "pictures",
            "ranking",
        ],
    ),
    ("explain", &["model", "store"]),
    // Of fetch the places for large bodies alone: pushes share them with polls.
    (
        "web",
        &[
            "model", "html", "fetch", "store", "publish", "live", "search", "status", "websub", "hub", "config",
            "language", "pictures",
        ],
    ),
    ("output", &["model", "html", "live", "publish", "store", "web"]),
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
            "model", "config", "fetch", "identity", "observe", "poll", "publish", "schedule", "status", "store",
            "daemon", "parse", "decode", "discover", "opml", "live", "explain", "web", "output",
        ],
    ),
    ("main", &[]),
];

/// Cycles that are still to be untied; a new one fails.
const KNOWN_CYCLES: [&[&str]; 1] = [&["fetch/address.rs", "fetch/error.rs"]];

fn graph() -> Result<Graph, Box<dyn std::error::Error>> {
    let graph = Graph::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))?;
    assert!(graph.files.len() > 40, "{} files", graph.files.len());
    Ok(graph)
}

#[test]
fn stages_know_the_nouns_and_not_each_other() -> Fallible {
    let graph = graph()?;
    for file in graph.files.iter().filter(|file| file.path != "lib.rs") {
        let module = file.top();
        let (_, allowed) =
            MAY_USE.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{module} has no rule"));
        for (used, names) in graph.imports(file) {
            let used = used.split(['/', '.']).next().unwrap_or_default();
            assert!(
                used == module || used == "lib" || allowed.contains(&used),
                "{} takes {names:?} from {used}",
                file.path
            );
        }
    }
    Ok(())
}

#[test]
fn no_files_import_each_other() -> Fallible {
    let graph = graph()?;
    let cycles = graph.cycles();
    let ties: Vec<String> = cycles
        .iter()
        .filter(|group| !KNOWN_CYCLES.iter().any(|known| known == group))
        .map(|group| graph.ties(group).join("\n"))
        .collect();
    assert!(ties.is_empty(), "cycles:\n{}", ties.join("\n\n"));
    Ok(())
}

#[test]
fn the_clock_is_read_at_the_edges_only() -> Fallible {
    for file in graph()?.files {
        let edge = matches!(file.top(), "poll" | "daemon" | "cli" | "web");
        let reads =
            ["Utc::now()", "Local::now()", "SystemTime::now()"].iter().any(|call| file.production.contains(call));
        assert!(edge || !reads, "{} reads the clock", file.path);
    }
    Ok(())
}

/// What a poll means is decided on values, whatever they are stored in and whoever waits for it.
#[test]
fn decisions_know_no_database_no_runtime_and_no_clock() -> Fallible {
    let graph = graph()?;
    let files: Vec<_> =
        graph.files.iter().filter(|file| matches!(file.top(), "ingest" | "identity" | "stories")).collect();
    assert!(files.len() > 10, "{} files", files.len());
    for file in files {
        for word in
            ["rusqlite", "tokio", "async ", ".await", "::now()", "Instant", "std::fs", "std::net", "std::thread"]
        {
            assert!(!file.production.contains(word), "{} has {word}", file.path);
        }
    }
    Ok(())
}

#[test]
fn every_file_says_what_it_is_and_can_be_read_in_one_sitting() -> Fallible {
    for file in graph()?.files {
        assert!(file.text.starts_with("//!"), "{} has no header", file.path);
        let lines = file.production.lines().count();
        assert!(lines <= 450, "{} has {lines} lines", file.path);
    }
    Ok(())
}
