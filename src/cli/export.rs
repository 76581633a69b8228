//! Commands that take something out: `export`, `backup`, `prune`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::Utc;
use url::Url;

use super::{Ending, contact, load, print};
use crate::config::Config;
use crate::live::Live;
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::model::recent::Recent;
use crate::output::{self, Folder};
use crate::publish::Format;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(super) struct ExportArguments {
    /// What to write: to stdout, a site into a folder
    what: What,
    /// The folder of a site; `dir` of [output] if none is named
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// The subscriptions
    Opml,
    /// The river as Atom
    Atom,
    /// The river as RSS
    Rss,
    /// The river as JSON Feed
    Json,
    /// All of it as files for a web server: feeds, archives, pages, subscriptions
    Site,
}

#[derive(Debug, clap::Args)]
pub(super) struct BackupArguments {
    /// The file to write; one that is there is replaced once the copy is whole
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

fn live(config: Config, store: &Store) -> Result<Live, Ending> {
    let base = Url::parse(&contact(&config))?;
    Ok(Live::new(config, store, base, Utc::now(), Recent::default())?)
}

pub(super) fn export(path: &Path, arguments: &ExportArguments) -> Result<(), Ending> {
    let config = load(path)?;
    if arguments.folder.is_some() && !matches!(arguments.what, What::Site) {
        return Err(Ending::Usage("a folder goes with `export site`; the others go to stdout".to_owned()));
    }
    let format = match arguments.what {
        What::Site => return site(config, arguments.folder.clone()),
        What::Opml => {
            let store = Store::look_at(&config.store).ok();
            return print(crate::live::opml(&config, store.as_ref()).trim_end().as_bytes());
        }
        What::Atom => Format::Atom,
        What::Rss => Format::Rss,
        What::Json => Format::Json,
    };
    let store = Store::look_at(&config.store)?;
    let river = live(config, &store)?.river(&store, &Ask::default(), &Spot::First)?;
    print(&river.map(|river| river.render(format)).unwrap_or_default())
}

/// Writes the river as files; what has left its first page goes into the archives as when the daemon runs.
fn site(config: Config, folder: Option<PathBuf>) -> Result<(), Ending> {
    let stated = config.output.as_ref().map(|output| output.dir.clone());
    let folder = folder
        .or(stated)
        .ok_or_else(|| Ending::Usage("name a folder, or set `dir` under [output] in feeds.toml".to_owned()))?;
    let store = Store::look_at(&config.store)?;
    let live = live(config, &store)?;
    if let Some(mut river) = live.river(&store, &Ask::default(), &Spot::First)? {
        while live.archive(&store, &mut river)? {}
    }
    let folder = Folder::new(folder);
    let written = output::write(&live, &store, &folder, None, SystemTime::now())?;
    print(format!("{}: {} files written", folder.path().display(), written.files).as_bytes())
}

pub(super) fn backup(path: &Path, arguments: &BackupArguments) -> Result<(), Ending> {
    let store = Store::look_at(&Config::store_path_of(path))?;
    let bytes = store.backup(&arguments.file)?;
    print(format!("{}: {bytes} bytes", arguments.file.display()).as_bytes())
}

pub(super) fn prune(path: &Path) -> Result<(), Ending> {
    let config = load(path)?;
    let Some(keep) = config.keep else {
        return print(
            b"nothing to do: `keep` under [store] says how long entries are kept, such as \"365d\"; without it all are",
        );
    };
    let store = Store::look_at(&config.store)?;
    let horizon = Utc::now() - chrono::TimeDelta::from_std(keep).unwrap_or(chrono::TimeDelta::MAX);
    let pruned = store.prune(horizon)?;
    store.touch(Utc::now())?;
    print(format!("{pruned} entries pruned that were first seen before {}", horizon.format("%Y-%m-%d")).as_bytes())
}
