//! Commands that change feeds.toml: `remove`, `fix`, `import`; and what they share with `add`.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use url::Url;

use super::{Ending, load, print};
use crate::config::edit::{self, NewSource};
use crate::config::{Config, ConfigError};
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
pub(super) fn load_or_empty(path: &Path) -> Result<(String, Config), Ending> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((text, load(path)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok((String::new(), Config::check("", path).map_err(Ending::Config)?))
        }
        Err(error) => Err(Ending::Failed(format!("{} cannot be read: {error}", path.display()))),
    }
}

/// Writes the file whole or not at all, after the daemon's own check of it.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Ending> {
    Config::check(text, path).map_err(|ConfigError { file, problems }| {
        let first = problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
        Ending::Failed(format!("{} would have an error and stays as it was: {first}", file.display()))
    })?;
    let failed = |error: std::io::Error| Ending::Failed(format!("{} cannot be written: {error}", path.display()));
    // A link is followed, so that it stays one.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = path.with_extension("toml.new");
    let mut file = std::fs::File::create(&beside).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    if let Ok(about) = std::fs::metadata(&path) {
        std::fs::set_permissions(&beside, about.permissions()).map_err(failed)?;
    }
    std::fs::rename(&beside, &path).map_err(failed)
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
    let config = load(path)?;
    let source = config
        .source(&arguments.id)
        .ok_or_else(|| Ending::Usage(format!("there is no source `{}` in {}", arguments.id, path.display())))?;
    let text = std::fs::read_to_string(path)?;
    write(path, &edit::remove(&text, &source.id)?)?;
    print(format!("removed {}; its entries stay in the store", source.id).as_bytes())
}

pub(super) fn fix(path: &Path, arguments: &FixArguments) -> Result<(), Ending> {
    let config = load(path)?;
    let store = Store::look_at(&config.store)?;
    let mut text = std::fs::read_to_string(path)?;
    let mut lines = Vec::new();
    for row in store.sources()? {
        let Some(source) = config.source(row.id.as_str()) else { continue };
        let moved = row.state.moved.as_ref().and_then(Move::target);
        let Some(target) = moved.filter(|target| *target != source.address.to_string()) else { continue };
        text = edit::move_to(&text, &source.id, target)?;
        lines.push(format!("{}: {} -> {target}", source.id, source.address));
    }
    if lines.is_empty() {
        return print(b"no source has moved");
    }
    if !arguments.dry_run {
        write(path, &text)?;
    }
    print(lines.join("\n").as_bytes())
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
    let (text, config) = load_or_empty(path)?;
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
        let id = free_id(SourceId::from_address(&address), &taken);
        taken.insert(id.clone());
        let own = outline.group.as_deref().map(|name| SourceId::from_name(name).to_string());
        let group = group.map(str::to_owned).or(own);
        new.push(NewSource { id, url: url.to_string(), name: outline.title, group, keys: Vec::new() });
    }
    if !new.is_empty() {
        write(path, &edit::append(&text, &new)?)?;
    }
    for url in &unusable {
        eprintln!("newsriver: left out {url}: no web address");
    }
    print(format!("{} sources added, {known} were there, {} left out", new.len(), unusable.len()).as_bytes())
}
