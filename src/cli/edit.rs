//! Commands that change feeds.toml: `remove`, `fix`, `import`; and what they share with `add`.

use std::collections::HashSet;
use std::path::Path;

use url::Url;

use super::{Ending, feeds_file, load, note, print};
use crate::config::Config;
use crate::config::edit::{self, NewSource};
use crate::model::moved::Move;
use crate::model::source::{Address, SourceId};
use crate::opml;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(super) struct RemoveArguments {
    /// The source
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct FixArguments {
    /// Say what would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ImportArguments {
    /// The subscription list
    #[arg(value_name = "FILE.opml")]
    file: std::path::PathBuf,
}

/// The configuration, or an empty one where there is no file yet.
pub(super) fn load_or_empty(path: &Path) -> Result<Config, Ending> {
    if path.exists() { load(path) } else { Config::check("", path).map_err(Ending::Config) }
}

/// An id that no source has yet.
pub(super) fn free_id(wanted: SourceId, taken: &HashSet<SourceId>) -> SourceId {
    let mut id = wanted.clone();
    let mut copy = 1;
    while taken.contains(&id) {
        copy += 1;
        let short: String = wanted.as_str().chars().take(58).collect();
        id = SourceId::new(&format!("{short}-{copy}")).unwrap_or_else(|_| wanted.clone());
    }
    id
}

pub(super) fn remove(path: &Path, arguments: &RemoveArguments) -> Result<(), Ending> {
    let id = feeds_file::change(path, |text, config| {
        let source = config
            .source(&arguments.id)
            .ok_or_else(|| Ending::Usage(format!("there is no source `{}` in {}", arguments.id, path.display())))?;
        Ok((Some(edit::remove(text, &source.id)?), source.id.clone()))
    })?;
    print(&format!("removed {id}; its entries stay in the store"))
}

pub(super) fn fix(path: &Path, arguments: &FixArguments) -> Result<(), Ending> {
    let rows = Store::look_at(&load(path)?.store)?.sources()?;
    let lines = feeds_file::change(path, |text, config| {
        let (mut text, mut lines) = (text.to_owned(), Vec::new());
        for row in rows {
            let Some(source) = config.source(row.id.as_str()) else { continue };
            let moved = row.state.moved.as_ref().and_then(Move::target);
            let Some(target) = moved.filter(|target| *target != source.address.to_string()) else { continue };
            text = edit::move_to(&text, &source.id, target)?;
            lines.push(format!("{}: {} -> {target}", source.id, source.address));
        }
        Ok((Some(text).filter(|_| !arguments.dry_run), lines))
    })?;
    print(&if lines.is_empty() { "no source has moved".to_owned() } else { lines.join("\n") })
}

pub(super) fn import(path: &Path, arguments: &ImportArguments) -> Result<(), Ending> {
    let bytes = std::fs::read(&arguments.file)
        .map_err(|error| Ending::Failed(format!("{} cannot be read: {error}", arguments.file.display())))?;
    let list = crate::decode::decode(&bytes, None, None);
    let outlines = opml::parse(list.as_str());
    if outlines.is_empty() {
        return Err(Ending::Failed(format!("{} holds no subscription", arguments.file.display())));
    }
    subscribe(path, outlines, None)
}

/// Appends the subscriptions of a list that are not there yet, in their groups or all in `group`.
pub(super) fn subscribe(path: &Path, outlines: Vec<opml::Outline>, group: Option<&str>) -> Result<(), Ending> {
    let (added, known, unusable) = feeds_file::change(path, |text, config| {
        let (new, known, unusable) = new_sources(config, outlines, group);
        let after = if new.is_empty() { None } else { Some(edit::append(text, &new)?) };
        Ok((after, (new.len(), known, unusable)))
    })?;
    for url in &unusable {
        note(&format!("newsriver: left out {url}: no web address"));
    }
    print(&format!("{added} sources added, {known} were there, {} left out", unusable.len()))
}

/// What of a subscription list is new, how much is known, and what is no web address.
fn new_sources(
    config: &Config,
    outlines: Vec<opml::Outline>,
    group: Option<&str>,
) -> (Vec<NewSource>, usize, Vec<String>) {
    let mut taken: HashSet<SourceId> = config.sources.iter().map(|source| source.id.clone()).collect();
    let mut addresses: HashSet<Address> = config.sources.iter().map(|source| source.address.clone()).collect();
    let (mut new, mut known, mut unusable) = (Vec::new(), 0, Vec::new());
    for outline in outlines {
        // Some programs write feed:// for http://.
        let written = outline.url.strip_prefix("feed:").map_or(outline.url.clone(), |rest| {
            if rest.starts_with("//") { format!("http:{rest}") } else { rest.to_owned() }
        });
        let url = Url::parse(&written).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(mut url) = url else {
            unusable.push(outline.url);
            continue;
        };
        url.set_fragment(None);
        let address = Address::Web(url.clone());
        if !addresses.insert(address.clone()) {
            known += 1;
            continue;
        }
        let id = free_id(SourceId::without_secrets(&address), &taken);
        taken.insert(id.clone());
        let own = outline.group.as_deref().map(|name| SourceId::from_name(name).to_string());
        let group = group.map(str::to_owned).or(own);
        new.push(NewSource { id, url: url.to_string(), name: outline.title, group, keys: Vec::new() });
    }
    (new, known, unusable)
}
