//! Commands that change feeds.toml, many at once and beside an editor.

mod common;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use common::{Fallible, Origin, Reply, River, rss};

#[test]
fn commands_at_the_same_time_all_land() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(rss(&[("1", "one")])))?;
    let river = River::new("# mine\n")?;
    std::fs::set_permissions(river.config(), std::fs::Permissions::from_mode(0o640))?;
    let mut running = Vec::new();
    for n in 0..51 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_newsriver"));
        command.arg("-c").arg(river.config()).stdout(Stdio::null()).stderr(Stdio::null());
        if n % 10 == 0 {
            command.args(["add", &origin.url(&format!("/{n}")), "--id", &format!("s{n}")]);
        } else {
            let list = river.folder.path().join(format!("{n}.opml"));
            std::fs::write(&list, format!("<opml><body><outline xmlUrl='http://e.example/{n}'/></body></opml>"))?;
            command.arg("import").arg(list);
        }
        running.push(command.spawn()?);
    }
    let mut said_done = 0;
    for mut child in running {
        said_done += usize::from(child.wait()?.success());
    }
    let text = std::fs::read_to_string(river.config())?;
    let there = text.matches("[[source]]").count();
    assert_eq!((said_done, there), (51, 51), "{text}");
    assert!(text.contains("# mine"), "{text}");
    assert_eq!(std::fs::metadata(river.config())?.mode() & 0o777, 0o640);
    let left: Vec<_> = std::fs::read_dir(river.folder.path())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    assert!(left.iter().all(|name| name == "feeds.toml" || name.ends_with(".opml")), "{left:?}");
    Ok(())
}

#[test]
fn a_file_that_changed_while_a_feed_was_tried_keeps_that_change() -> Fallible {
    let river = std::sync::Arc::new(River::new("# before\n")?);
    let editor = river.clone();
    let origin = Origin::new(move |_| {
        // An editor saves while `add` waits for the answer.
        drop(editor.edit("# after\n"));
        Reply::feed(rss(&[("1", "one")]))
    })?;
    let (status, out, err) = river.command(&["add", &origin.url("/f"), "--id", "f"])?;
    assert_eq!(status, Some(0), "{out}{err}");
    let text = std::fs::read_to_string(river.config())?;
    assert!(text.contains("# after") && text.contains("id = \"f\""), "{text}");
    Ok(())
}

#[test]
fn a_word_that_is_no_level_is_refused_with_the_nearest() -> Fallible {
    let river = River::new("")?;
    for (word, near) in [("warning", "`warn`"), ("verbose", "`debug`"), ("inof", "`info`")] {
        std::fs::write(river.config(), format!("[log]\nlevel = \"{word}\"\n"))?;
        for command in [&["check"][..], &["run"]] {
            let (status, _, err) = river.command(command)?;
            assert_eq!(status, Some(2), "{err}");
            assert!(err.contains("feeds.toml:2:9:") && err.contains(near) && err.contains(word), "{err}");
        }
    }
    Ok(())
}

#[test]
fn a_quiet_run_hears_no_warnings_of_libraries() -> Fallible {
    // A table in a paragraph that a table is in: the HTML parser warns of what it has to move.
    let html = "&lt;table&gt;text&lt;b&gt;more&lt;/table&gt;&lt;p&gt;".repeat(20);
    let feed = rss(&[("1", "one")])
        .replace("<title>one</title>", &format!("<title>one</title><description>{html}</description>"));
    let origin = Origin::new(move |_| Reply::feed(feed.clone()))?;
    let river = River::new(&common::source("a", &origin.url("/f")))?;
    for flags in [&["poll", "--force"][..], &["-q", "poll", "--force"], &["-v", "poll", "--force"]] {
        let (status, out, err) = river.command(flags)?;
        assert_eq!(status, Some(0), "{out}{err}");
        assert!(!err.contains("\"WARN\"") && !err.contains("parenting"), "{flags:?}: {err}");
    }
    Ok(())
}

#[test]
fn every_edit_leaves_a_file_that_only_its_owner_may_read_so() -> Fallible {
    let origin = Origin::new(|_| Reply::feed(rss(&[("1", "one")])))?;
    let url = origin.url("/f");
    let river = River::new("")?;
    std::fs::set_permissions(river.config(), std::fs::Permissions::from_mode(0o600))?;
    let list = river.folder.path().join("list.opml");
    std::fs::write(&list, "<opml><body><outline xmlUrl='http://e.example/1'/></body></opml>")?;
    let list = list.to_string_lossy().into_owned();
    for edit in
        [&["add", &url, "--id", "f"][..], &["import", &list], &["poll", "f"], &["rename", "f", "g"], &["remove", "g"]]
    {
        let before = std::fs::read(river.config())?;
        let (status, out, err) = river.command(edit)?;
        assert_eq!(status, Some(0), "{edit:?}: {out}{err}");
        assert!(edit[0] == "poll" || std::fs::read(river.config())? != before, "{edit:?} edits nothing");
        assert_eq!(std::fs::metadata(river.config())?.mode() & 0o777, 0o600, "{edit:?}");
    }
    Ok(())
}
