//! docs/threats.md against the code: each threat names where it is held and a test that is there.

use std::collections::BTreeSet;
use std::path::Path;

type Fallible = Result<(), Box<dyn std::error::Error>>;

/// What stands between backticks in a cell.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The names of the functions in the Rust files of a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            functions(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path)?;
            let names = text.split("fn ").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_'));
            found.extend(names.filter_map(|mut name| name.next().map(str::to_owned)));
        }
    }
    Ok(())
}

#[test]
fn each_threat_names_what_holds_it_and_a_test_that_is_there() -> Fallible {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/threats.md"))?;
    let mut known = BTreeSet::new();
    for folder in ["src", "tests", "benches"] {
        functions(&root.join(folder), &mut known)?;
    }
    let is_there =
        |name: &str| name.contains(['/', '.']) && (root.join(name).exists() || root.join("src").join(name).exists());
    let mut wrong = Vec::new();
    let rows =
        text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat") && !line.starts_with("| -"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [threat, _, places, tests] = cells[..] else {
            wrong.push(format!("{} cells: {row}", cells.len()));
            continue;
        };
        count += 1;
        wrong.extend(
            named(places).filter(|place| !is_there(place)).map(|place| format!("{threat}: {place} is not there")),
        );
        let missing = named(tests).filter(|name| !is_there(name) && !known.contains(*name));
        wrong.extend(missing.map(|name| format!("{threat}: no test {name}")));
        if named(places).next().is_none() || named(tests).next().is_none() {
            wrong.push(format!("{threat}: no place, or no test"));
        }
    }
    assert!(count > 30, "{count} threats");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
