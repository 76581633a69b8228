//! The river as files: complete without the daemon, every link leading to a file, replaced whole.

mod common;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::{Fallible, Origin, Reply, River, message, rss, source};

const BASE: &str = "https://news.example.org/river/";

/// The file that a web server sends for an address of ours.
fn file_of(folder: &Path, url: &str) -> PathBuf {
    let path = url.trim_start_matches(BASE).trim_start_matches("/river/").split('?').next().unwrap_or_default();
    let file = folder.join(path);
    if path.is_empty() || path.ends_with('/') { file.join("index.html") } else { file }
}

/// Walks from the page and the feeds to every address of ours; gives the files it came to.
fn walk(folder: &Path) -> Result<BTreeSet<PathBuf>, Box<dyn std::error::Error>> {
    let mut todo: Vec<String> =
        ["", "feed.atom", "feed.rss", "feed.json", "subscriptions.opml"].map(|name| format!("{BASE}{name}")).into();
    let mut seen = BTreeSet::new();
    while let Some(url) = todo.pop() {
        let file = file_of(folder, &url);
        if !seen.insert(file.clone()) {
            continue;
        }
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{url}: {error}"))?;
        let mut gzip = String::new();
        let beside = std::fs::File::open(format!("{}.gz", file.display()))?;
        flate2::read::GzDecoder::new(beside).read_to_string(&mut gzip)?;
        assert_eq!(gzip, text, "{url}");
        let links = text.split('"').filter(|part| part.starts_with(BASE) || part.starts_with("/river/"));
        todo.extend(links.map(str::to_owned));
    }
    Ok(seen)
}

/// The ids of the stories of a feed and of the archives behind it, by following JSON Feed's `next_url`.
fn stories(folder: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let (mut url, mut ids) = (Some(format!("{BASE}feed.json")), Vec::new());
    while let Some(at) = url {
        let feed: serde_json::Value = serde_json::from_slice(&std::fs::read(file_of(folder, &at))?)?;
        let items = feed["items"].as_array().cloned().unwrap_or_default();
        ids.extend(items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)));
        url = feed["next_url"].as_str().map(str::to_owned);
    }
    Ok(ids)
}

type Items = Arc<Mutex<Vec<(String, String)>>>;

fn origin(items: &Items) -> std::io::Result<Origin> {
    let items = items.clone();
    Origin::new(move |_| {
        let items = items.lock().map(|items| items.clone()).unwrap_or_default();
        let items: Vec<(&str, &str)> = items.iter().map(|(id, title)| (id.as_str(), title.as_str())).collect();
        Reply::feed(rss(&items))
    })
}

fn items(range: std::ops::Range<u32>) -> Vec<(String, String)> {
    range.rev().map(|n| (n.to_string(), format!("青浦工业园区第{n}号公告"))).collect()
}

fn config(origin: &Origin) -> String {
    format!(
        "[river]\nentries = 20\nbase_url = \"{BASE}\"\n[output]\ndir = \"public\"\n{}group = \"local\"\n{}enabled = false\n",
        source("a", &origin.url("/a")),
        source("b", &origin.url("/b")),
    )
}

#[test]
fn the_daemon_keeps_the_files_up_to_date_and_every_link_leads_to_one() -> Fallible {
    let shown: Items = Arc::new(Mutex::new(items(0..150)));
    let origin = origin(&shown)?;
    let river = River::new(&config(&origin))?;
    let public = river.folder.path().join("public");
    let daemon = river.start()?;
    daemon.until(|_| Ok(stories(&public).unwrap_or_default()), |ids| ids.len() == 150)?;
    let files = walk(&public)?;
    for name in [
        "groups/local/index.html",
        "groups/local/feed.rss",
        "sources/a/feed.json",
        "archives/1-100.html",
        "archives/1-100.atom",
        "archives/2-30.rss",
        "assets/page.css",
    ] {
        assert!(files.contains(&public.join(name)), "{name} in {files:#?}");
    }
    let page = std::fs::read_to_string(public.join("index.html"))?;
    assert!(!page.contains("<form") && !page.contains("/status"), "nothing answers there: {page}");
    let frozen = std::fs::read(public.join("archives/1-100.atom"))?;
    let by = std::fs::read_to_string(public.join("archives/sanitiser.txt"))?;
    assert_eq!(by, newsriver::html::SANITISER);
    let quiet = std::fs::metadata(public.join("subscriptions.opml"))?.modified()?;

    if let Ok(mut items) = shown.lock() {
        *items = self::items(100..160);
    }
    let ids = daemon.until(|_| Ok(stories(&public).unwrap_or_default()), |ids| ids.len() == 160)?;
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 160, "each once");
    let of_source = std::fs::read_to_string(public.join("sources/a/feed.json"))?;
    assert!(of_source.contains("第159号公告"), "{of_source}");
    assert_eq!(std::fs::read(public.join("archives/1-100.atom"))?, frozen);
    assert_eq!(
        std::fs::metadata(public.join("subscriptions.opml"))?.modified()?,
        quiet,
        "what stays the same is not touched"
    );
    assert!(public.join("archives/2-30.rss").exists(), "who has its address may still come");
    walk(&public)?;

    // Without its folder it says so, and goes on when that is mended.
    let moved = river.folder.path().join("moved");
    std::fs::rename(&public, &moved)?;
    std::fs::write(&public, "in the way")?;
    if let Ok(mut items) = shown.lock() {
        *items = self::items(100..161);
    }
    let mut daemon = daemon;
    let line = daemon.logged(|line| message(line).contains("could not be written as files"))?;
    assert!(message(&line).contains("public"), "{line}");
    assert_eq!(daemon.get("feed.atom", &[])?.status, 200);
    daemon.stop()?;
    Ok(())
}

#[test]
fn a_site_is_exported_without_a_daemon() -> Fallible {
    let shown: Items = Arc::new(Mutex::new(items(0..50)));
    let origin = origin(&shown)?;
    let river = River::new(&config(&origin))?;
    let (code, _, told) = river.command(&["export", "site"])?;
    assert_eq!(code, Some(1), "there is no store yet: {told}");
    assert_eq!(river.command(&["poll"])?.0, Some(0));
    let folder = river.folder.path().join("elsewhere/site");
    let (code, out, told) = river.command(&["export", "site", &folder.to_string_lossy()])?;
    assert_eq!(code, Some(0), "{told}");
    assert!(out.contains("elsewhere/site: ") && out.contains(" files written"), "{out}");
    assert_eq!(stories(&folder)?.len(), 50);
    walk(&folder)?;
    let (_, again, _) = river.command(&["export", "site", &folder.to_string_lossy()])?;
    assert!(again.contains(": 0 files written"), "{again}");
    assert_eq!(river.command(&["export", "atom", "folder"])?.0, Some(2));

    // What an earlier version of the sanitiser wrote is written anew.
    let of_archive = walk(&folder)?.into_iter().find(|path| path.to_string_lossy().contains("archives/1-"));
    let of_archive = of_archive.ok_or("no archive")?;
    let before = std::fs::read(&of_archive)?;
    std::fs::write(&of_archive, "<script>")?;
    std::fs::write(folder.join("archives/sanitiser.txt"), "0")?;
    assert_eq!(river.command(&["export", "site", &folder.to_string_lossy()])?.0, Some(0));
    assert_eq!(std::fs::read(&of_archive)?, before);

    // The same with `dir` of feeds.toml, at an address of its own.
    let text = std::fs::read_to_string(river.config())?;
    std::fs::write(
        river.config(),
        text.replace("dir = \"public\"", "dir = \"public\"\nbase_url = \"https://static.example.org\""),
    )?;
    assert_eq!(river.command(&["export", "site"])?.0, Some(0));
    let feed = std::fs::read_to_string(river.folder.path().join("public/feed.atom"))?;
    assert!(feed.contains("href=\"https://static.example.org/feed.atom\" rel=\"self\""), "{feed}");
    assert!(!feed.contains("rel=\"next\"") && feed.contains("rel=\"prev-archive\""), "{feed}");
    Ok(())
}
