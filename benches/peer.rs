//! What feed-rs reads in a document, for the comparison of `.ci/differ.py`.
//!
//! Each line of stdin names a file; each line of stdout is what it holds: a list of entries as JSON, or `null` where it
//! is no feed to feed-rs.

use std::io::{BufRead, Write};

use feed_rs::model::Entry;
use serde_json::{Value, json};

fn entry(entry: Entry) -> Value {
    let media = entry.media.iter().flat_map(|media| &media.content).filter_map(|file| file.url.as_ref());
    let enclosures = entry.links.iter().filter(|link| link.rel.as_deref() == Some("enclosure"));
    let files: Vec<String> = media.map(ToString::to_string).chain(enclosures.map(|link| link.href.clone())).collect();
    let page = entry.links.iter().find(|link| matches!(link.rel.as_deref(), None | Some("alternate")));
    let body = entry.content.and_then(|content| content.body);
    json!({
        "id": entry.id,
        "link": page.map(|link| &link.href),
        "title": entry.title.map(|title| title.content),
        "dates": [entry.published, entry.updated],
        "authors": entry.authors.iter().map(|person| &person.name).collect::<Vec<_>>(),
        "body": body.or(entry.summary.map(|summary| summary.content)),
        "files": files,
        "tags": entry.categories.iter().map(|category| &category.term).collect::<Vec<_>>(),
    })
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for path in std::io::stdin().lock().lines() {
        let bytes = std::fs::read(path?)?;
        let parser = feed_rs::parser::Builder::new().base_uri(Some("http://base.example/")).build();
        let read =
            parser.parse(bytes.as_slice()).ok().map(|feed| feed.entries.into_iter().map(entry).collect::<Vec<_>>());
        writeln!(out, "{}", json!(read))?;
        out.flush()?;
    }
    Ok(())
}
