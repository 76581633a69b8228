//! feeds.toml -> [`Config`].
//!
//! In: the text of a file and its folder. Out: a configuration in which every default is filled in
//! and every value has its type, or all the problems of the file with line and column.

pub mod edit;
mod environment;
mod filter;
mod group;
mod log;
mod mask;
mod output;
mod pages;
mod poll;
mod problem;
mod schema;
mod section;
mod server;
mod source;
mod units;
mod websub;
mod zone;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

pub use filter::Filters;
use filter::read_filter;
pub use log::{Log, LogFormat, filter_of};
pub use output::Output;
use output::read_base_url;
pub use pages::{Images, Pages};
use poll::PollDefaults;
pub use problem::{ConfigError, Problem};
pub use schema::schema;
use section::{Findings, Section};
use server::Server;
pub use units::duration as parse_duration;
pub use websub::WebSub;

use crate::model::cleaning::Rules;
use crate::model::redact::HIDDEN;
use crate::model::server::{Access, Listen, TrustedProxies};
use crate::model::source::{Address, Priorities, Source, SourceId};
use crate::model::zone::Zone;
use crate::search::Filter;
use crate::store::SourceRow;

/// Every default value of feeds.toml, in one place.
pub mod defaults {
    use std::time::Duration;

    /// `river.title`
    pub const TITLE: &str = "newsriver";
    /// `river.entries`: entries on one page of the river.
    pub const ENTRIES: usize = 100;
    /// `river.window`
    pub const WINDOW: Duration = Duration::from_secs(24 * 3600);
    /// `server.listen`
    pub const LISTEN: &str = "127.0.0.1:8700";
    /// `store.path`
    pub const STORE: &str = "newsriver.db";
    /// `poll.every`
    pub const EVERY: Duration = Duration::from_secs(30 * 60);
    /// `poll.min_every`
    pub const MIN_EVERY: Duration = Duration::from_secs(5 * 60);
    /// `poll.mean_every`
    pub const MEAN_EVERY: Duration = Duration::from_secs(3600);
    /// `poll.timeout`
    pub const TIMEOUT: Duration = Duration::from_secs(30);
    /// `poll.connect_timeout`
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// `poll.first_byte_timeout`
    pub const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(20);
    /// `poll.max_bytes`
    pub const MAX_BYTES: u64 = 10 << 20;
    /// `poll.concurrency`
    pub const CONCURRENCY: usize = 64;
    /// `poll.per_host`
    pub const PER_HOST: usize = 2;
    /// `source.select.pages`, where `next` is given.
    pub const PAGES: usize = 3;
}

/// The shortest that entries can be kept: stories are joined within seven days.
const SHORTEST_KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

/// A checked feeds.toml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `[river]`
    pub river: River,
    /// `server.listen`
    pub listen: Listen,
    /// `server.trusted_proxies`
    pub trusted_proxies: TrustedProxies,
    /// `server.hosts`: names that requests may carry beside that of `river.base_url`.
    pub hosts: Vec<String>,
    /// `[access]`
    pub access: Access,
    /// `[store]`: the database file, absolute or relative to the working directory.
    pub store: PathBuf,
    /// `[websub]`
    pub websub: WebSub,
    /// How long entries are kept; all for ever where it is not said.
    pub keep: Option<Duration>,
    /// Polls at once.
    pub concurrency: usize,
    /// The time between two polls of a source, on average over all, that is not gone below without need.
    pub mean_every: Duration,
    /// The limit for a connection to stand.
    pub connect_timeout: Duration,
    /// `[pages]`
    pub pages: Pages,
    /// `[digest]`: times of day, in the zone of the river.
    pub digest: Vec<chrono::NaiveTime>,
    /// `[log]`
    pub log: Log,
    /// `[output]`, where it says so.
    pub output: Option<Output>,
    /// `[[source]]`, in the order of the file.
    pub sources: Vec<Source>,
    /// What is published.
    pub filters: Filters,
    /// The files with secrets that feeds.toml names, as they were read with it.
    pub files: Vec<PathBuf>,
    /// `rsshub.instance`: makes feeds for sites without one, for `newsriver add`.
    pub rsshub: Option<Url>,
}

/// The merged feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct River {
    /// Its title.
    pub title: String,
    /// Where readers reach it; default: the listening address.
    pub base_url: Option<Url>,
    /// Entries on one page.
    pub entries: usize,
    /// Stories of one source on the first page at most; a third of it where it is not set, while others have stories.
    pub max_per_source: Option<usize>,
    /// How long readers may stay away and still be told what changed.
    pub window: Duration,
    /// The zone of all times on pages and in tables.
    pub timezone: Zone,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem of the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read(path).map_err(|error| {
            ConfigError::whole(path, format!("cannot be read: {error}"), "name the file with -c, or create it")
        })?;
        let text = String::from_utf8(text).map_err(|error| {
            ConfigError::whole(
                path,
                format!("is not UTF-8 (byte {})", error.utf8_error().valid_up_to()),
                "save the file as UTF-8",
            )
        })?;
        Self::check(&text, path)
    }

    /// Checks the `text` of the file `path`; relative paths in it count from its folder.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem of the text.
    pub fn check(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let findings = Findings::new(text);
        let table = environment::read_table(text, &findings);
        let config = read(&table, folder, &findings);
        let files = findings.files();
        let problems = findings.into_sorted();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { file: path.to_owned(), problems, files }) }
    }

    /// The source with this id.
    #[must_use]
    pub fn source(&self, id: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.id.as_str() == id)
    }

    /// Whose telling of a story is preferred.
    #[must_use]
    pub fn priorities(&self) -> Priorities {
        self.sources.iter().map(|source| (source.id.clone(), source.priority)).collect()
    }

    /// A source outside any file, with every default.
    #[must_use]
    pub fn lone_source(address: Address) -> Source {
        let id = SourceId::from_address(&address);
        source::with_defaults(id, address, &PollDefaults::built_in())
    }

    /// The configuration that a store's sources point to, for showing them while the file is
    /// broken.
    #[must_use]
    pub fn of_rows(rows: &HashMap<SourceId, SourceRow>) -> Self {
        let findings = Findings::new("");
        let (empty, _) = DeTable::parse_recoverable("");
        let mut config = read(&empty, Path::new(""), &findings);
        let address = |text: &str| {
            Url::parse(text)
                .ok()
                .filter(|url| !url.cannot_be_a_base() && url.has_host())
                .map_or_else(|| Address::File(text.trim_start_matches("file:").into()), Address::Web)
        };
        let source = |row: &SourceRow| Source {
            id: row.id.clone(),
            name: Some(row.name.clone()),
            private_url: (row.address == HIDDEN).then_some(true),
            ..Self::lone_source(address(&row.address))
        };
        config.sources = rows.values().map(source).collect();
        config.sources.sort_by(|a, b| a.id.cmp(&b.id));
        config
    }

    /// Where the store of the file at `path` is, as far as a broken file still tells: so that
    /// `status` and `log` work while feeds.toml is being mended.
    #[must_use]
    pub fn store_path_of(path: &Path) -> PathBuf {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let findings = Findings::new(&text);
        let table = environment::read_table(&text, &findings);
        let mut root = Section::new("feeds.toml", 0..0, Some(table.get_ref()), &findings);
        let name = root.table("store").text("path").map_or_else(|| defaults::STORE.to_owned(), |f| f.value);
        path.parent().unwrap_or(Path::new("")).join(name)
    }
}

fn read<'a>(root: &'a Spanned<DeTable<'a>>, folder: &Path, findings: &'a Findings<'a>) -> Config {
    let mut root = Section::new("feeds.toml", 0..0, Some(root.get_ref()), findings);
    let (river, of_river) = read_river(root.table("river"), findings);
    let Server { listen, trusted_proxies, hosts } = server::read_server(root.table("server"), folder, findings);
    let (store, keep) = read_store(root.table("store"), findings);
    let store = folder.join(store);
    let mut section = root.table("poll");
    let mut poll = poll::read(&mut section, &PollDefaults::built_in(), findings);
    poll.timeouts.connect = section.duration("connect_timeout").map_or(defaults::CONNECT_TIMEOUT, |f| f.value);
    let concurrency = section.count("concurrency", 1..=10_000).unwrap_or(defaults::CONCURRENCY);
    let mean_every = section.duration("mean_every").map_or(defaults::MEAN_EVERY, |f| f.value);
    section.finish();
    poll.clean = source::rules(root.table("clean"), &Rules::default());
    let websub = websub::read(root.table("websub"), findings);
    let access = server::read_access(root.table("access"), &websub, folder, findings);
    let pages = pages::read(root.table("pages"));
    let digest = pages::read_digest(root.table("digest"));
    let log = log::read(root.table("log"), folder, findings);
    let output = output::read(root.table("output"), folder, findings);
    let groups = group::read_all(&mut root, &poll, findings);
    let (sources, of_sources) = read_sources(&mut root, (&poll, &groups), folder, findings);
    let rsshub = read_rsshub(root.table("rsshub"), findings);
    let filters = Filters { river: of_river, groups: group::filters(groups), sources: of_sources };
    root.finish();
    Config {
        river,
        listen,
        trusted_proxies,
        hosts,
        access,
        store,
        websub,
        keep,
        concurrency,
        mean_every,
        connect_timeout: poll.timeouts.connect,
        pages,
        digest,
        log,
        output,
        sources,
        filters,
        files: findings.files(),
        rsshub,
    }
}

fn read_rsshub(mut section: Section<'_>, findings: &Findings<'_>) -> Option<Url> {
    let instance = section.text("instance");
    section.finish();
    let instance = instance?;
    let url = Url::parse(&instance.value).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        findings.add(instance.span, "`instance` is no address", "expected an http:// or https:// URL");
    }
    url
}

fn read_river(mut section: Section<'_>, findings: &Findings<'_>) -> (River, Filter) {
    let title = section.text("title").map_or_else(|| defaults::TITLE.to_owned(), |f| f.value);
    let base_url = read_base_url(&mut section, findings);
    let entries = section.count("entries", 1..=10_000).unwrap_or(defaults::ENTRIES);
    let max_per_source = section.count("max_per_source", 1..=10_000);
    let window = section.duration("window").map_or(defaults::WINDOW, |f| f.value);
    let timezone = zone::read(&mut section, findings).unwrap_or_else(zone::of_system);
    let filter = read_filter(&mut section, findings);
    section.finish();
    (River { title, base_url, entries, max_per_source, window, timezone }, filter)
}

fn read_store(mut section: Section<'_>, findings: &Findings<'_>) -> (String, Option<Duration>) {
    let path = section.text("path").map_or_else(|| defaults::STORE.to_owned(), |f| f.value);
    if let Some(url) = section.text("url") {
        findings.add(url.span, "`url` in store: this version has the embedded store only", "set `path` instead");
    }
    let keep = section.duration("keep").and_then(|found| {
        if found.value < SHORTEST_KEPT {
            findings.add(
                found.span,
                "`keep` is below eight days",
                "stories are joined over seven days; expected at least \"8d\"",
            );
            return None;
        }
        Some(found.value)
    });
    section.finish();
    (path, keep)
}

fn read_sources<'a>(
    root: &mut Section<'a>,
    (poll, groups): (&PollDefaults, &group::Groups),
    folder: &Path,
    findings: &'a Findings<'a>,
) -> (Vec<Source>, HashMap<SourceId, Filter>) {
    let mut filters = HashMap::new();
    let Some(list) = root.raw("source") else { return (Vec::new(), filters) };
    let Some(list) = list.get_ref().as_array() else {
        findings.add(list.span(), "`source` is not a list of tables", "write [[source]] with two brackets");
        return (Vec::new(), filters);
    };
    let mut sources: Vec<Source> = Vec::new();
    let mut places = source::Places::default();
    for item in list.iter() {
        let table = item.get_ref().as_table();
        if table.is_none() {
            findings.add(item.span(), "`source` is not a table", "write [[source]] with keys under it");
        }
        let mut section = Section::new("[[source]]", item.span(), table, findings);
        let group = section.raw("group").and_then(|name| groups.get(name.get_ref().as_str()?));
        let poll = group.map_or(poll, |group| &group.poll);
        if let Some((source, filter)) = source::read(section, poll, folder, findings, &mut places) {
            if !filter.is_empty() {
                filters.insert(source.id.clone(), filter);
            }
            sources.push(source);
        }
    }
    (sources, filters)
}

/// An id that a source could be named by, or a problem.
fn source_id(value: &DeValue<'_>) -> Option<SourceId> {
    value.as_str().and_then(|text| SourceId::new(text).ok())
}

#[cfg(test)]
mod tests;
