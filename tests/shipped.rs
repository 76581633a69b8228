//! What is shipped works as it is: feeds.toml, the examples, the manual.

mod common;

use std::path::Path;

use common::{Daemon, Fallible};
use newsriver::config::{Config, defaults};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A copy of the shipped configuration that listens on a port of its own.
fn copy(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder.join("examples"))?;
    for file in std::fs::read_dir(root().join("examples"))? {
        let file = file?;
        std::fs::copy(file.path(), folder.join("examples").join(file.file_name()))?;
    }
    let text = std::fs::read_to_string(root().join("feeds.toml"))?;
    let text = text
        .replace("# listen = \"127.0.0.1:8700\"  ", "listen = \"127.0.0.1:0\"\n#")
        .replace("# format = \"pretty\"", "format = \"json\" #");
    std::fs::write(folder.join("feeds.toml"), text)
}

#[test]
fn the_first_start_shows_the_report_and_the_briefs_in_every_format() -> Fallible {
    let folder = tempfile::tempdir()?;
    copy(folder.path())?;
    let daemon = Daemon::start(&folder.path().join("feeds.toml"))?;
    daemon.until(|d| d.json("status.json"), |s| s["river"]["entries"] == 53)?;
    let report = "抓转型、求突破,全面提升园区发展质量和效能,徐建、杨小菁一行到青浦工业园区开展调研";
    let brief = "佳兆业已累计交付15个项目、9430套房源";
    for path in ["feed.atom", "feed.rss", "feed.json"] {
        let feed =
            daemon.until(|d| Ok(d.get(path, &[])?.text()), |text| text.contains(brief) && text.contains(report))?;
        assert!(!feed.contains('\u{fffd}'), "{path}");
    }
    let (code, _) = daemon.stop()?;
    assert_eq!(code, Some(0));
    Ok(())
}

#[test]
fn every_commented_key_is_a_key_and_shows_its_default() -> Fallible {
    let text = std::fs::read_to_string(root().join("feeds.toml"))?;
    let shipped = Config::check(&text, Path::new("feeds.toml"))?;
    let quoted = |key: &str| {
        let line =
            text.lines().find(|l| l.trim_start_matches("# ").starts_with(&format!("{key} = "))).unwrap_or_default();
        line.split(" = ").nth(1).unwrap_or_default().split("  ").next().unwrap_or_default().trim_matches('"').to_owned()
    };
    assert_eq!(shipped.sources.len(), 4);
    assert_eq!(quoted("listen"), defaults::LISTEN);
    assert_eq!(quoted("path"), defaults::STORE);
    assert_eq!(quoted("entries"), defaults::ENTRIES.to_string());
    assert_eq!(quoted("concurrency"), defaults::CONCURRENCY.to_string());
    assert_eq!(quoted("per_host"), defaults::PER_HOST.to_string());
    for (key, default) in [
        ("every", defaults::EVERY),
        ("min_every", defaults::MIN_EVERY),
        ("timeout", defaults::TIMEOUT),
        ("first_byte_timeout", defaults::FIRST_BYTE_TIMEOUT),
        ("connect_timeout", defaults::CONNECT_TIMEOUT),
    ] {
        assert_eq!(newsriver::config::parse_duration(&quoted(key)), Some(default), "{key}");
    }
    Ok(())
}

#[test]
fn the_public_sources_can_be_uncommented() -> Fallible {
    let text = std::fs::read_to_string(root().join("feeds.toml"))?;
    let (head, public) = text.split_once("# Public sources").ok_or("no public sources")?;
    let public: String = public.lines().skip(1).map(|line| line.trim_start_matches("# ").to_owned() + "\n").collect();
    let config = Config::check(&format!("{head}{public}"), Path::new("feeds.toml"))?;
    assert_eq!(config.sources.len(), 10);
    Ok(())
}

#[test]
fn the_readme_names_the_two_commands() -> Fallible {
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    assert!(readme.contains("cargo run --release -- run") && readme.contains("cargo test"));
    Ok(())
}

/// The blocks of a language in a page of the documentation.
fn blocks(text: &str, language: &str) -> Vec<String> {
    text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix(language)).map(str::to_owned).collect()
}

#[test]
fn the_book_holds_every_page_and_its_examples_work() -> Fallible {
    let docs = root().join("docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md"))?;
    let (_, help, _) = common::newsriver(&["--help"], root())?;
    let mut commands = 0;
    for page in std::fs::read_dir(&docs)? {
        let page = page?.path();
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".md") || name == "SUMMARY.md" {
            continue;
        }
        assert!(summary.contains(&format!("({name})")), "{name} is not in SUMMARY.md");
        let text = std::fs::read_to_string(&page)?;
        for block in blocks(&text, "sh\n") {
            for line in block.lines().filter_map(|line| line.trim_start_matches("sudo ").strip_prefix("newsriver ")) {
                let command = line.split_whitespace().next().unwrap_or_default();
                assert!(help.contains(&format!("\n  {command} ")) || command == "help", "{name}: {line}");
                commands += 1;
            }
        }
        if name == "recipes.md" {
            for block in blocks(&text, "toml\n") {
                let checked = Config::check(&block, Path::new("feeds.toml"));
                assert!(checked.is_ok(), "{name}: {block}\n{checked:?}");
            }
        }
    }
    assert!(commands > 10, "{commands} commands");
    for link in summary.split('(').skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(docs.join(link).exists(), "{link}");
    }
    Ok(())
}
