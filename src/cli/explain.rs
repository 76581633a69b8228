//! `newsriver explain` and `newsriver split`: how an entry came to be, and the user's word against it.

use std::path::Path;

use super::{Ending, print, print_json};
use crate::config::Config;
use crate::explain::{as_json, as_text};
use crate::store::Store;
use chrono::Utc;

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
    let refusals = store.refusals(&found.entry.river_id)?;
    // A broken feeds.toml keeps nobody from an explanation.
    let barred = Config::load(path).ok().and_then(|config| {
        let group = config.source(found.entry.source.as_str()).and_then(|source| source.group.clone());
        config.filters.bars(group.as_deref(), &found.entry)
    });
    if arguments.json {
        let mut json = as_json(&found, &refusals);
        json["unpublished"] = barred.into();
        return print_json(&json);
    }
    let why = barred.map(|why| format!("\nnot published: {why}"));
    print(&(as_text(&found, &refusals) + &why.unwrap_or_default()))
}

pub(super) fn split(path: &Path, arguments: &SplitArguments) -> Result<(), Ending> {
    let store = Store::open_existing(&Config::store_path_of(path))?;
    let (entry, story) = store.split(&arguments.entry, Utc::now())?.ok_or_else(|| unknown(&arguments.entry))?;
    store.touch(Utc::now())?;
    let left = if entry == story {
        "it led its story; the others go on under the next id".to_owned()
    } else {
        format!("it left the story {story}")
    };
    print(&format!("{entry} stands alone from now on: {left}. A running daemon shows it within seconds."))
}

fn unknown(name: &str) -> Ending {
    Ending::Failed(format!(
        "no entry has `{name}` as its id in the river, its link or its publisher's id; feed.json shows the ids"
    ))
}
