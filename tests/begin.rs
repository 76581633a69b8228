//! The first minutes: where the configuration is looked for, `init`, `health`, what installs beside the program.

mod common;

use std::process::{Command, Stdio};

use common::{Fallible, River, newsriver, rss};

#[test]
fn a_missing_file_is_said_to_be_missing() -> Fallible {
    let folder = tempfile::tempdir()?;
    for command in ["status", "log", "check", "run", "poll", "export", "explain", "backup", "prune", "health"] {
        let rest: &[&str] = match command {
            "export" => &["opml"],
            "explain" | "backup" => &["x"],
            _ => &[],
        };
        let (code, out, err) = newsriver(&[&["-c", "nowhere.toml", command], rest].concat(), folder.path())?;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{command}");
        assert!(err.contains("nowhere.toml: there is no such file"), "{command}: {err}");
    }
    Ok(())
}

#[test]
fn the_environment_names_the_file_and_the_argument_outranks_it() -> Fallible {
    let (a, b) = (River::new("")?, River::new("[[source]]\nid = \"b\"\nurl = \"file:x\"\n")?);
    let empty = tempfile::tempdir()?;
    let check = |arguments: &[&str]| -> std::io::Result<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_newsriver"))
            .args(arguments)
            .current_dir(empty.path())
            .env("NEWSRIVER_CONFIG", b.config())
            .stdin(Stdio::null())
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert!(check(&["check"])?.contains("1 sources"));
    assert!(check(&["-c", &a.config().to_string_lossy(), "check"])?.contains("0 sources"));
    Ok(())
}

#[test]
fn a_beginning_is_written_once_and_works() -> Fallible {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    let run = |arguments: &[&str]| newsriver(&[&["-c", "new/feeds.toml"], arguments].concat(), folder.path());
    let (code, out, err) = run(&["init"])?;
    assert!(code == Some(0) && out.contains("newsriver add URL"), "{out}{err}");
    let file = folder.path().join("new/feeds.toml");
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&["check"])?.0, Some(0));
    std::fs::write(folder.path().join("new/f.xml"), rss(&[("1", "one")]))?;
    assert_eq!(run(&["add", "file:f.xml"])?.0, Some(0));
    let (code, out, err) = run(&["poll"])?;
    assert!(code == Some(0) && out.contains("1 entries new"), "{out}{err}");
    let (code, schema, _) = newsriver(&["schema"], folder.path())?;
    let schema: serde_json::Value = serde_json::from_str(&schema)?;
    assert!(code == Some(0) && schema["properties"]["river"]["properties"]["title"].is_object(), "{schema}");
    let before = std::fs::read_to_string(&file)?;
    let (code, _, err) = run(&["init"])?;
    assert!(code == Some(1) && err.contains("is there already"), "{err}");
    assert_eq!(std::fs::read_to_string(&file)?, before);
    Ok(())
}

#[test]
fn health_is_that_of_the_daemon() -> Fallible {
    let river = River::new("")?;
    std::fs::write(river.config(), "[server]\nlisten = \"unix:http.sock\"\n[log]\nformat = \"json\"\n")?;
    let (code, _, err) = river.command(&["health"])?;
    assert!(code == Some(1) && err.contains("no answer"), "{err}");
    let daemon = river.start()?;
    daemon.until(|_| Ok(river.command(&["health"])?), |(code, out, _)| *code == Some(0) && out == "ready\n")?;
    daemon.stop()?;
    Ok(())
}

#[test]
fn every_command_has_a_page_and_ids_are_completed() -> Fallible {
    let river =
        River::new("[[source]]\nid = \"alpha\"\nurl = \"file:a\"\n[[source]]\nid = \"beta\"\nurl = \"file:b\"\n")?;
    let folder = river.folder.path().join("man");
    assert_eq!(river.command(&["man", "--dir", &folder.to_string_lossy()])?.0, Some(0));
    for page in ["newsriver", "newsriver-run", "newsriver-add", "newsriver-completions"] {
        let text = std::fs::read_to_string(folder.join(format!("{page}.1")))?;
        assert!(text.contains(".TH"), "{page}");
    }
    let (_, ids, _) = river.command(&["ids"])?;
    assert_eq!(ids, "alpha\nbeta\n");
    let (_, script, _) = river.command(&["completions", "bash"])?;
    std::fs::write(river.folder.path().join("completions"), script)?;
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_newsriver")).parent().ok_or("no folder")?;
    let typed = "source ./completions; COMP_WORDS=(newsriver poll al); COMP_CWORD=2; _newsriver_ids newsriver al poll; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["-c", typed])
        .current_dir(river.folder.path())
        .env("PATH", format!("{}:{}", program.display(), std::env::var("PATH")?))
        .output()?;
    let offered = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        offered.split_whitespace().any(|word| word == "alpha"),
        "{offered}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!offered.contains("beta"), "{offered}");
    Ok(())
}

#[test]
fn a_renamed_source_keeps_its_entries_and_their_ids() -> Fallible {
    let river = River::new(
        "[[source]]\nid = \"a\" # kept\nurl = \"file:a.xml\"\n[[source]]\nid = \"b\"\nurl = \"file:b.xml\"\n",
    )?;
    std::fs::write(
        river.folder.path().join("a.xml"),
        rss(&[("1", "one of the stories"), ("2", "two of the stories")]),
    )?;
    std::fs::write(river.folder.path().join("b.xml"), rss(&[("1", "one of the stories")]))?;
    assert_eq!(river.command(&["poll"])?.0, Some(0));
    let items = || -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
        let feed: serde_json::Value = serde_json::from_str(&river.command(&["export", "json"])?.1)?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let mut items: Vec<_> = feed["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| (text(&item["id"]), text(&item["title"])))
            .collect();
        items.sort();
        Ok(items)
    };
    let before = items()?;
    let (code, out, err) = river.command(&["rename", "a", "alpha"])?;
    assert!(code == Some(0) && out.contains("with 2 entries"), "{out}{err}");
    assert!(std::fs::read_to_string(river.config())?.contains("id = \"alpha\" # kept"));
    assert_eq!(items()?, before);
    let (_, out, _) = river.command(&["poll", "--force"])?;
    assert!(out.contains("0 entries new"), "{out}");
    assert_eq!(items()?, before);
    let (_, log, _) = river.command(&["log", "alpha", "--json"])?;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&log)?.as_array().map(Vec::len), Some(2));
    for (old, new, wanted) in [("alpha", "b", 2), ("x", "y", 2), ("alpha", "a/b", 2)] {
        assert_eq!(river.command(&["rename", old, new])?.0, Some(wanted), "{old} {new}");
    }
    let (code, out, _) = river.command(&["why", "alpha"])?;
    assert!(code == Some(0) && out.contains("alpha is well") && out.lines().count() == 1, "{out}");
    let (code, _, err) = river.command(&["why", "alpah"])?;
    assert!(code == Some(2) && err.contains("did you mean `alpha`?"), "{err}");
    Ok(())
}

#[test]
fn a_source_is_not_renamed_under_a_running_daemon() -> Fallible {
    let river = River::new("[[source]]\nid = \"a\"\nurl = \"file:a.xml\"\n")?;
    std::fs::write(river.folder.path().join("a.xml"), rss(&[("1", "one")]))?;
    assert_eq!(river.command(&["poll"])?.0, Some(0));
    let before = std::fs::read_to_string(river.config())?;
    let daemon = river.start()?;
    let (code, _, err) = river.command(&["rename", "a", "b"])?;
    assert!(code == Some(1) && err.contains("the daemon is running"), "{err}");
    assert_eq!(std::fs::read_to_string(river.config())?, before);
    daemon.stop()?;
    let (code, _, err) = river.command(&["rename", "a", "b"])?;
    assert_eq!(code, Some(0), "{err}");
    Ok(())
}

#[test]
fn a_file_that_add_makes_is_its_owners_alone() -> Fallible {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("f.xml"), rss(&[("1", "one")]))?;
    let (code, _, err) = newsriver(&["-c", "feeds.toml", "add", "file:f.xml"], folder.path())?;
    assert_eq!(code, Some(0), "{err}");
    let mode = std::fs::metadata(folder.path().join("feeds.toml"))?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    Ok(())
}

#[test]
fn a_source_that_is_polled_by_hand_is_not_backed_off_for_it() -> Fallible {
    let river = River::new("[[source]]\nid = \"a\"\nurl = \"file:gone.xml\"\n")?;
    let mut waits = Vec::new();
    for _ in 0..6 {
        river.command(&["poll"])?;
        let status: serde_json::Value = serde_json::from_str(&river.command(&["status", "--json"])?.1)?;
        let time =
            |key: &str| status["sources"][0][key].as_str().unwrap_or_default().parse::<chrono::DateTime<chrono::Utc>>();
        waits.push((time("next_poll")? - time("last_poll")?).num_minutes());
    }
    // The interval of 30 minutes with its jitter; six failures of the schedule make hours of it.
    assert!(waits.iter().all(|wait| *wait <= 60), "minutes until the next poll: {waits:?}");
    Ok(())
}

#[test]
fn tables_fit_the_terminal() -> Fallible {
    let river =
        River::new("[[source]]\nid = \"a-source-with-a-rather-long-id-of-its-own\"\nurl = \"file:gone.xml\"\n")?;
    river.command(&["poll"])?;
    let typed = format!("stty cols 80; {} -c {} status", env!("CARGO_BIN_EXE_newsriver"), river.config().display());
    let on_terminal = |no_color: &str| {
        let mut command = Command::new("script");
        command.args(["-qec", &typed, "/dev/null"]).env("TERM", "xterm").env("NO_COLOR", no_color);
        let output = command.stdin(Stdio::null()).output()?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let colored = on_terminal("")?;
    assert!(colored.contains("\x1b["), "{colored:?}");
    let text = on_terminal("1")?;
    assert!(text.contains("failing") && !text.contains('\x1b'), "{text:?}");
    for line in text.lines() {
        assert!(line.trim_end_matches('\r').chars().count() <= 80, "{line:?}");
    }
    let (_, piped, _) = river.command(&["status"])?;
    assert!(piped.lines().any(|line| line.chars().count() > 80), "a pipe gets one line for each source: {piped}");
    Ok(())
}
