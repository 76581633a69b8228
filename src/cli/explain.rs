//! `newsriver explain` and `newsriver split`: how an entry came to be, and the user's word against it.

use std::path::Path;

use chrono::Utc;
use serde_json::json;

use super::{Ending, print};
use crate::config::Config;
use crate::model::feed::{RawDate, RawEntry};
use crate::store::{Explanation, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The entry: its id in the river, its link, or its publisher's id
    #[arg(value_name = "ENTRY")]
    entry: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct SplitArguments {
    /// The entry: its id in the river, its link, or its publisher's id
    #[arg(value_name = "ENTRY")]
    entry: String,
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<(), Ending> {
    let store = Store::look_at(&Config::store_path_of(path))?;
    let found = store.explain(&arguments.entry)?.ok_or_else(|| unknown(&arguments.entry))?;
    // A broken feeds.toml keeps nobody from an explanation.
    let barred = Config::load(path).ok().and_then(|config| {
        let group = config.source(found.entry.source.as_str()).and_then(|source| source.group.clone());
        config.filters.bars(group.as_deref(), &found.entry)
    });
    let text = if arguments.json {
        let mut json = as_json(&found);
        json["unpublished"] = barred.into();
        serde_json::to_string_pretty(&json)?
    } else {
        let why = barred.map(|why| format!("\nnot published: {why}"));
        as_text(&found) + &why.unwrap_or_default()
    };
    print(text.as_bytes())
}

pub(super) fn split(path: &Path, arguments: &SplitArguments) -> Result<(), Ending> {
    let store = Store::look_at(&Config::store_path_of(path))?;
    let (entry, story) = store.split(&arguments.entry, Utc::now())?.ok_or_else(|| unknown(&arguments.entry))?;
    store.touch(Utc::now())?;
    let left = if entry == story {
        "it led its story; the others go on under the next id".to_owned()
    } else {
        format!("it left the story {story}")
    };
    print(format!("{entry} stands alone from now on: {left}. A running daemon shows it within seconds.").as_bytes())
}

fn unknown(name: &str) -> Ending {
    Ending::Failed(format!(
        "no entry has `{name}` as its id in the river, its link or its publisher's id; feed.json shows the ids"
    ))
}

fn raw_date(original: &RawEntry) -> Option<String> {
    original.published.as_ref().or(original.updated.as_ref()).map(|date| match date {
        RawDate::Known(date) => date.to_rfc3339(),
        RawDate::Text(text) => text.clone(),
    })
}

/// Where the date that the river shows comes from.
fn date_origin(found: &Explanation) -> String {
    let entry = &found.entry.entry;
    match (entry.dated(), entry.date_is_stated) {
        (Some(date), true) => format!("{} (stated in the text; the feed gives none)", date.to_rfc3339()),
        (Some(date), false) => {
            let raw = raw_date(&found.original).map(|raw| format!(", written \"{}\"", raw.trim())).unwrap_or_default();
            format!("{} (from the feed{raw})", date.to_rfc3339())
        }
        (None, _) => format!("{} (first seen; the feed gives none)", found.entry.first_seen.to_rfc3339()),
    }
}

fn as_text(found: &Explanation) -> String {
    let (stored, entry) = (&found.entry, &found.entry.entry);
    let mut lines = vec![
        format!("entry    {}", stored.river_id),
        format!("title    {}", entry.title),
        format!("source   {}, first seen {}", stored.source, stored.first_seen.to_rfc3339()),
    ];
    if stored.changed_at > stored.first_seen {
        lines.push(format!("changed  {}", stored.changed_at.to_rfc3339()));
    }
    lines.extend(entry.url.iter().map(|url| format!("link     {url}")));
    lines.push(format!("date     {}", date_origin(found)));
    lines.extend(entry.stated_date.iter().map(|date| format!("stated   {date}")));
    lines.extend(entry.attribution.iter().map(|name| format!("from     {name}")));
    lines.push(String::new());
    lines.push("document, as its publisher sent it".to_owned());
    let original = &found.original;
    let part = |name: &str, text: Option<&str>| text.map(|text| format!("  {name:<8} {}", shown(text)));
    lines.extend(part("id", original.id.as_deref()));
    lines.extend(part("link", original.link.as_deref()));
    lines.extend(part("title", original.title.as_ref().map(|t| t.value.as_str())));
    lines.extend(part("date", raw_date(original).as_deref()));
    lines.extend(part("excerpt", original.summary.as_ref().map(|t| t.value.as_str())));
    lines.extend(part("body", original.content.as_ref().map(|t| t.value.as_str())));
    lines.push(String::new());
    lines.push(if found.fired.is_empty() { "rules    none fired".to_owned() } else { "rules that fired".to_owned() });
    for firing in &found.fired {
        lines.push(format!("  {} on {}", firing.rule.name(), firing.field));
        if !firing.before.is_empty() {
            lines.push(format!("    before {}", shown(&firing.before)));
        }
        lines.push(format!("    after  {}", shown(&firing.after)));
    }
    lines.push(String::new());
    if found.is_split {
        lines.push("story    alone: it was split off by hand".to_owned());
    } else if found.others.is_empty() {
        lines.push("story    alone: no other entry tells the same news".to_owned());
    } else {
        lines.push(format!("story    {}, told by {} entries", found.story, found.others.len() + 1));
        for other in &found.others {
            lines.push(format!("  {} {}", other.source, shown(&other.entry.title)));
            lines.push(format!("    {}", other.river_id));
        }
        lines.push("joined because".to_owned());
        let own: Vec<_> =
            found.joins.iter().filter(|join| join.entry == stored.river_id || join.other == stored.river_id).collect();
        for join in own {
            lines.push(format!("  {:.2} {}", join.judgement.score, join.judgement.evidence.join("; ")));
            lines.push(format!("    {} and {}", join.entry, join.other));
        }
    }
    lines.join("\n")
}

/// One line of a text, as far as it is worth showing.
fn shown(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().filter(|c| !c.is_control()).take(120).collect();
    if line.chars().count() > 120 { format!("{cut}…") } else { cut }
}

fn as_json(found: &Explanation) -> serde_json::Value {
    let stored = &found.entry;
    json!({
        "id": stored.river_id,
        "source": stored.source,
        "first_seen": stored.first_seen,
        "changed_at": stored.changed_at,
        "date": date_origin(found),
        "entry": stored.entry,
        "original": found.original,
        "rules": found.fired,
        "story": {
            "id": found.story,
            "split": found.is_split,
            "others": found.others.iter().map(|other| json!({
                "id": other.river_id, "source": other.source, "title": other.entry.title, "url": other.entry.url,
            })).collect::<Vec<_>>(),
            "joins": found.joins,
        },
    })
}
