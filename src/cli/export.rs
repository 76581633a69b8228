//! Commands that take something out: `export`, `backup`, `prune`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::Utc;
use url::Url;

use super::{Ending, contact, load, note, print, print_json_text, print_xml};
use crate::config::Config;
use crate::live::Live;
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::model::recent::Recent;
use crate::output::{self, Folder};
use crate::publish::Format;
use crate::schedule::is_clock_doubtful;
use crate::store::{Mark, Store, StoreError};

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
            let private = config.sources.iter().filter(|source| source.public_address().is_none()).count();
            if private > 0 {
                note(&format!(
                    "newsriver: {private} private addresses are in this list, so that it can be imported again; \
                     /opml of the daemon leaves them out"
                ));
            }
            return print_xml(crate::live::opml(&config, store.as_ref()).trim_end());
        }
        What::Atom => Format::Atom,
        What::Rss => Format::Rss,
        What::Json => Format::Json,
    };
    let store = Store::look_at(&config.store)?;
    store.set_priorities(config.priorities());
    let river = live(config, &store)?.river(&store, &Ask::default(), &Spot::First)?;
    let rendered = river.map(|river| river.render(format)).unwrap_or_default();
    let text = String::from_utf8_lossy(&rendered);
    if format == Format::Json { print_json_text(&text) } else { print_xml(&text) }
}

/// Writes the river as files; what has left its first page goes into the archives as when the daemon runs.
fn site(config: Config, folder: Option<PathBuf>) -> Result<(), Ending> {
    let stated = config.output.as_ref().map(|output| output.dir.clone());
    let folder = folder
        .or(stated)
        .ok_or_else(|| Ending::Usage("name a folder, or set `dir` under [output] in feeds.toml".to_owned()))?;
    // Who may only read the store gets the archives as they are.
    let (store, archives) = match Store::look_at(&config.store) {
        Ok(reading) => match Store::open_existing(&config.store) {
            Ok(store) => (store, true),
            Err(_) => (reading, false),
        },
        Err(StoreError::TooOld { .. }) => (Store::open_existing(&config.store)?, true),
        Err(error) => return Err(error.into()),
    };
    store.set_priorities(config.priorities());
    let live = live(config, &store)?;
    let first = if archives { live.river(&store, &Ask::default(), &Spot::First)? } else { None };
    if let Some(mut river) = first {
        while live.archive(&store, &mut river)? {}
    }
    let folder = Folder::new(folder);
    let written = output::write(&live, &store, &folder, None, SystemTime::now())?;
    print(&format!("{}: {} files written", folder.path().display(), written.files))
}

pub(super) fn backup(path: &Path, arguments: &BackupArguments) -> Result<(), Ending> {
    let store = Store::look_at_files(&Config::store_path_of(path))?;
    let bytes = store.backup(&arguments.file)?;
    print(&format!("{}: {bytes} bytes", arguments.file.display()))
}

#[derive(Debug, clap::Args)]
pub(super) struct PruneArguments {
    /// Take all that is beyond `keep`, however much it is
    #[arg(long)]
    yes: bool,
}

pub(super) fn prune(path: &Path, arguments: &PruneArguments) -> Result<(), Ending> {
    let config = load(path)?;
    let Some(keep) = config.keep else {
        return print(
            "nothing to do: `keep` under [store] says how long entries are kept, such as \"365d\"; without it all are",
        );
    };
    let store = Store::open_existing(&config.store)?;
    let now = Utc::now();
    let horizon = now - chrono::TimeDelta::from_std(keep).unwrap_or(chrono::TimeDelta::MAX);
    let plan = store.prune_plan(horizon)?;
    let before = horizon.format("%Y-%m-%d");
    if plan.entries > 0 {
        eprintln!("{} of {} entries were first seen before {before}, and go", plan.entries, plan.all);
    }
    if !arguments.yes && plan.entries > 0 {
        let latest = store.latest_moment()?;
        if let Some(latest) = latest.filter(|_| is_clock_doubtful(now, latest)) {
            return Err(Ending::Failed(format!(
                "nothing is pruned: the clock says {}, and the last poll in the store is of {}; where the clock is right, `newsriver prune --yes` takes {} of {} entries",
                now.format("%Y-%m-%d %H:%M"),
                latest.format("%Y-%m-%d %H:%M"),
                plan.entries,
                plan.all
            )));
        }
        let jumped = store.marked(Mark::ClockJump)?;
        if let Some(jumped) = jumped.filter(|jumped| now - *jumped < chrono::TimeDelta::days(1)) {
            return Err(Ending::Failed(format!(
                "nothing is pruned: the clock jumped at {}, less than a day ago; where the clock is right, `newsriver prune --yes` takes {} of {} entries",
                jumped.format("%Y-%m-%d %H:%M"),
                plan.entries,
                plan.all
            )));
        }
        if plan.entries > plan.share() {
            return Err(Ending::Failed(format!(
                "nothing is pruned: {} of {} entries were first seen before {before}, more than a tenth and more than 1,000; see `keep` under [store], `newsriver prune --yes` takes them",
                plan.entries, plan.all
            )));
        }
    }
    let pruned = store.prune(horizon, u64::MAX)?;
    store.touch(now)?;
    print(&format!("{pruned} entries pruned that were first seen before {before}"))
}
