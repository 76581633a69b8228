//! The files of the store: who may read them, who looks at them without writing, and one daemon at a time.

mod common;

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Daemon, Fallible, Origin, Reply, River, message, rss};
use rusqlite::Connection;

/// Commands that only look, and `ID` stands for an entry.
const LOOKING: [&[&str]; 9] = [
    &["status"],
    &["status", "--json"],
    &["log"],
    &["explain", "ID"],
    &["explain", "--json", "ID"],
    &["export", "atom"],
    &["export", "json"],
    &["export", "opml"],
    &["check", "--store"],
];

fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

fn mode(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|about| about.mode() & 0o777)
}

/// A river with one entry, its daemon, and the id of the entry.
fn polled() -> Result<(River, Daemon, String), Box<dyn std::error::Error>> {
    let origin = Origin::new(|_| Reply::feed(rss(&[("1", "one")])))?;
    let river = River::new(&format!("[[source]]\nid = \"a\"\nurl = \"{}\"\nevery = \"1h\"\n", origin.url("/f")))?;
    let mut daemon = river.start()?;
    daemon.polled("a")?;
    daemon.until(|daemon| daemon.titles(), |titles| titles == &["one"])?;
    let id = daemon.json("feed.json")?["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    Ok((river, daemon, id))
}

fn store(river: &River, ending: &str) -> PathBuf {
    river.folder.path().join(format!("newsriver.db{ending}"))
}

#[test]
fn who_only_looks_waits_for_nobody() -> Fallible {
    let (river, daemon, id) = polled()?;
    for running in [Some(daemon), None] {
        if let Some(daemon) = &running {
            assert!(daemon.get("readyz", &[])?.status == 200);
        }
        let other = Connection::open(store(&river, ""))?;
        other.execute_batch("BEGIN IMMEDIATE; INSERT INTO meta VALUES ('x', 'y')")?;
        for command in LOOKING {
            let command: Vec<&str> = command.iter().map(|word| if *word == "ID" { &id } else { *word }).collect();
            let (status, out, err) = river.command(&command)?;
            assert_eq!(status, Some(0), "{command:?}: {out}{err}");
            assert!(
                command[0] == "check"
                    || out.contains("one")
                    || out.contains("a ")
                    || out.contains("\"a\"")
                    || out.contains("/f\""),
                "{command:?}: {out}"
            );
        }
        other.execute_batch("ROLLBACK")?;
        if let Some(daemon) = running {
            daemon.stop()?;
        }
    }
    Ok(())
}

/// Runs a command as a user who may read the files and nothing else.
struct Stranger {
    program: PathBuf,
    is_root: bool,
}

impl Stranger {
    fn new(folder: &Path) -> std::io::Result<Self> {
        let program = folder.join("newsriver-copy");
        std::fs::copy(env!("CARGO_BIN_EXE_newsriver"), &program)?;
        Ok(Self { program, is_root: std::fs::metadata(folder)?.uid() == 0 })
    }

    fn run(&self, river: &River, arguments: &[&str]) -> std::io::Result<(Option<i32>, String)> {
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(river.config()).args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
        if self.is_root {
            // Root may do everything; nobody may not.
            command.uid(65534).gid(65534);
        }
        let output = command.output()?;
        Ok((output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()))
    }
}

#[test]
fn who_may_only_read_can_look() -> Fallible {
    let (river, daemon, id) = polled()?;
    let folder = river.folder.path();
    let stranger = Stranger::new(folder)?;
    set_mode(&river.config(), 0o444)?;
    let look = |what: &str| -> Fallible {
        for ending in ["", "-wal", "-shm"] {
            if store(&river, ending).exists() {
                set_mode(&store(&river, ending), 0o444)?;
            }
        }
        set_mode(folder, 0o555)?;
        for command in LOOKING {
            let command: Vec<&str> = command.iter().map(|word| if *word == "ID" { &id } else { *word }).collect();
            let (status, out) = stranger.run(&river, &command)?;
            assert_eq!(status, Some(0), "{what}: {command:?}: {out}");
        }
        let (status, out) = stranger.run(&river, &["split", &id])?;
        assert_eq!(status, Some(1), "{what}: {out}");
        set_mode(folder, 0o755)?;
        for ending in ["", "-wal", "-shm"] {
            if store(&river, ending).exists() {
                set_mode(&store(&river, ending), 0o644)?;
            }
        }
        Ok(())
    };
    assert!(store(&river, "-wal").exists() && store(&river, "-shm").exists());
    look("beside the daemon")?;
    daemon.kill()?;
    assert!(store(&river, "-shm").exists());
    look("after the daemon was killed")?;
    let mut daemon = river.start()?;
    daemon.until(|daemon| daemon.titles(), |titles| titles == &["one"])?;
    daemon.signal("TERM")?;
    daemon.logged(|line| message(line).starts_with("stopped"))?;
    daemon.stop()?;
    assert!(!store(&river, "-shm").exists());
    look("after the daemon has stopped")?;
    Ok(())
}

#[test]
fn an_older_store_says_how_it_is_migrated() -> Fallible {
    let (river, daemon, _) = polled()?;
    daemon.stop()?;
    let connection = Connection::open(store(&river, ""))?;
    let newest: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    connection.pragma_update(None, "user_version", newest - 1)?;
    for command in [&["status"][..], &["log"], &["export", "atom"]] {
        let (status, out, err) = river.command(command)?;
        assert_eq!(status, Some(1), "{out}{err}");
        assert!(err.contains("newsriver run") && err.lines().count() == 1, "{err}");
    }
    let (status, out, err) = river.command(&["backup", "copy.db"])?;
    assert_eq!(status, Some(0), "a copy before the migration: {out}{err}");
    assert_eq!(connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?, newest - 1);
    Ok(())
}

#[test]
fn the_store_and_its_copies_are_their_owners() -> Fallible {
    let (river, daemon, _) = polled()?;
    for ending in ["", "-wal", "-shm", ".lock"] {
        assert_eq!(mode(&store(&river, ending)), Some(0o600), "{ending}");
    }
    let copy = river.folder.path().join("copy.db");
    for _ in 0..2 {
        let (status, out, err) = river.command(&["backup", &copy.to_string_lossy()])?;
        assert_eq!((status, mode(&copy)), (Some(0), Some(0o600)), "{out}{err}");
        set_mode(&copy, 0o644)?;
    }
    daemon.kill()?;
    for ending in ["", "-wal", "-shm"] {
        set_mode(&store(&river, ending), 0o644)?;
    }
    let mut daemon = river.start()?;
    for ending in ["", "-wal", "-shm"] {
        assert_eq!(mode(&store(&river, ending)), Some(0o600), "{ending}");
    }
    assert!(
        daemon.log.iter().any(
            |line| line["file"].as_str().is_some_and(|file| file.ends_with("newsriver.db")) && line["was"] == "644"
        )
    );
    daemon.get("readyz", &[])?;
    daemon.signal("TERM")?;
    daemon.logged(|line| message(line).starts_with("stopped"))?;
    drop(daemon);
    // What a group may do is the administrator's choice.
    set_mode(&store(&river, ""), 0o640)?;
    let daemon = river.start()?;
    assert_eq!((mode(&store(&river, "")), mode(&store(&river, "-wal"))), (Some(0o640), Some(0o640)));
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_second_daemon_learns_who_holds_the_store() -> Fallible {
    let (river, first, _) = polled()?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let other = River::new(&format!("[store]\npath = \"{}\"\n", store(&river, "").display()))?;
    let linked = River::new("")?;
    symlink(store(&river, ""), store(&linked, ""))?;
    for second in [&river, &other, &linked] {
        let (status, _, err) = second.command(&["run"])?;
        assert_eq!(status, Some(1), "{err}");
        let said = err.lines().find(|line| line.starts_with("newsriver: ")).ok_or_else(|| err.clone())?;
        assert!(said.contains(&format!("process {} on {host}", first.id())) && said.contains("since 20"), "{said}");
    }
    for command in [&["poll", "--force"][..], &["status"], &["prune"], &["check", "--store"]] {
        let (status, out, err) = river.command(command)?;
        assert_eq!(status, Some(0), "{command:?} works beside the daemon: {out}{err}");
    }
    first.kill()?;
    other.start()?.stop()?;
    Ok(())
}
