//! `status` and `log` as people at a terminal and scripts use them.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Fallible, Origin, Reply, River, rss, source};
use serde_json::Value;

/// A source that works, and one whose server is broken while `IS_BROKEN` says so.
fn two_sources(is_broken: &'static AtomicBool) -> Result<(Origin, River), Box<dyn std::error::Error>> {
    let origin = Origin::new(move |asked| match asked.path.as_str() {
        "/bad" if is_broken.load(Ordering::SeqCst) => Reply::status("500 Oops"),
        _ => Reply::feed(rss(&[("1", "青浦工业园区"), ("2", "two")])),
    })?;
    let river = River::new(&(source("good", &origin.url("/good")) + &source("bad", &origin.url("/bad"))))?;
    river.command(&["poll"])?;
    Ok((origin, river))
}

fn first_words(table: &str) -> Vec<&str> {
    table.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn status_is_sorted_and_narrowed_and_coloured_as_asked_for() -> Fallible {
    static IS_BROKEN: AtomicBool = AtomicBool::new(true);
    let (_origin, river) = two_sources(&IS_BROKEN)?;
    let (_, out, _) = river.command(&["status"])?;
    assert_eq!(first_words(&out), ["source", "good", "bad", "2"], "{out}");
    assert!(!out.contains('\x1b'), "nothing is coloured in a pipe: {out:?}");
    let (_, out, _) = river.command(&["status", "--sort", "state"])?;
    assert_eq!(first_words(&out)[1..3], ["bad", "good"], "{out}");
    let (_, out, _) = river.command(&["status", "--sort", "entries"])?;
    assert_eq!(first_words(&out)[1..3], ["good", "bad"], "{out}");
    let (_, out, _) = river.command(&["status", "--failing"])?;
    assert!(!out.contains("good") && out.contains("1 failing sources"), "{out}");
    let (_, out, _) = river.command(&["status", "--failing", "--json"])?;
    let report: Value = serde_json::from_str(&out)?;
    assert_eq!(report["sources"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["sources"][0]["id"], "bad");
    let (_, out, _) = river.command(&["status", "--color", "always"])?;
    assert!(out.contains("\x1b["), "{out:?}");
    let (code, _, err) = river.command(&["status", "--sort", "statee"])?;
    assert_eq!(code, Some(2));
    assert!(err.contains("state"), "{err}");
    Ok(())
}

#[test]
fn the_log_tells_failures_by_kind_and_what_recovered() -> Fallible {
    static IS_BROKEN: AtomicBool = AtomicBool::new(true);
    let (_origin, river) = two_sources(&IS_BROKEN)?;
    IS_BROKEN.store(false, Ordering::SeqCst);
    river.command(&["poll", "bad"])?;
    let (_, out, _) = river.command(&["log"])?;
    assert!(out.contains("recovered") && out.contains("3 polls since"), "{out}");
    for (arguments, expected) in [
        (&["log", "--failed"][..], 1),
        (&["log", "--kind", "http_status"], 1),
        (&["log", "--kind", "dns"], 0),
        (&["log", "good", "--failed"], 0),
    ] {
        let (_, out, _) = river.command(&[arguments, &["--json"]].concat())?;
        assert_eq!(serde_json::from_str::<Value>(&out)?.as_array().map(Vec::len), Some(expected), "{arguments:?}");
    }
    let (code, _, err) = river.command(&["log", "--kind", "htp_status"])?;
    assert_eq!(code, Some(2));
    assert!(err.contains("http_status"), "{err}");
    Ok(())
}

#[test]
fn the_log_goes_on_with_each_poll_that_ends() -> Fallible {
    static IS_BROKEN: AtomicBool = AtomicBool::new(false);
    let (_origin, river) = two_sources(&IS_BROKEN)?;
    let config = river.config();
    let follow = |json: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_newsriver"));
        command.arg("-c").arg(&config).args(["log", "-f"]).args(json.then_some("--json"));
        command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()
    };
    let (mut lines, mut objects) = (follow(false)?, follow(true)?);
    let mut out = BufReader::new(lines.stdout.take().ok_or("no stdout")?).lines();
    let mut json = BufReader::new(objects.stdout.take().ok_or("no stdout")?).lines();
    let mut next = || -> Result<(String, Value), Box<dyn std::error::Error>> {
        let line = out.next().ok_or("the log ended")??;
        Ok((line, serde_json::from_str(&json.next().ok_or("the log ended")??)?))
    };
    for _ in 0..2 {
        let (line, object) = next()?;
        assert!(line.contains("  ok 200  ") && object["status"] == "ok", "{line} {object}");
    }
    IS_BROKEN.store(true, Ordering::SeqCst);
    river.command(&["poll", "bad"])?;
    let (line, object) = next()?;
    assert!(line.contains("  bad  failed 500  "), "{line}");
    assert_eq!((&object["source"], &object["error_kind"]), (&"bad".into(), &"http_status".into()));
    for mut child in [lines, objects] {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

#[test]
fn a_table_that_is_shown_again_and_again_ends_with_its_reader() -> Fallible {
    static IS_BROKEN: AtomicBool = AtomicBool::new(false);
    let (_origin, river) = two_sources(&IS_BROKEN)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsriver"));
    let mut watch = command.arg("-c").arg(river.config()).args(["status", "-w"]).stdout(Stdio::piped()).spawn()?;
    let mut out = BufReader::new(watch.stdout.take().ok_or("no stdout")?);
    let mut tables = 0;
    while tables < 2 {
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line)?, 0, "it ended after {tables} tables");
        tables += usize::from(line.starts_with("2 sources"));
    }
    drop(out);
    assert_eq!(watch.wait()?.code(), Some(0));
    Ok(())
}
