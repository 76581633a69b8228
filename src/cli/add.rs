//! `newsriver add`: the feeds behind an address -> the ones chosen -> feeds.toml.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use toml_edit::{InlineTable, Value};
use url::Url;

use super::edit::{free_id, load_or_empty, subscribe};
use super::find::{Discovery, Finder, Found, Trouble};
use super::prompt::{ask, password};
use super::{Ending, contact, feeds_file, note, print, runtime};
use crate::config::Config;
use crate::config::edit::{self, NewSource};
use crate::discover;
use crate::fetch::{FetchError, Fetcher};
use crate::model::report::ErrorKind;
use crate::model::source::{Address, Credentials, Secret, Select, Source, SourceId};
use crate::poll::PollError;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A feed, a page, a subscription list (OPML), file:PATH, or rsshub://ROUTE
    #[arg(value_name = "URL")]
    url: String,
    /// The id of the new source; made of its title if it is not given
    #[arg(long)]
    id: Option<String>,
    /// The name of the new source for people; default: its title
    #[arg(long)]
    name: Option<String>,
    /// The group it belongs to
    #[arg(long, value_name = "G")]
    group: Option<String>,
    /// Of several feeds, take the one with this number
    #[arg(long, value_name = "N", conflicts_with = "all")]
    pick: Option<usize>,
    /// Of several feeds, take all
    #[arg(long)]
    all: bool,
    /// Write the rules proposed for a page without a feed
    #[arg(long)]
    yes: bool,
    /// The user name the server asks for; the password is read from standard input
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// A file with the password, relative to feeds.toml
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// A header to send with each request; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Add the address as it is, if it cannot be read now
    #[arg(long)]
    force: bool,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// What the arguments say of how the source is asked, and how it is written.
struct Manner {
    credentials: Option<Credentials>,
    keys: Vec<(&'static str, Value)>,
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<(), Ending> {
    let config = load_or_empty(path)?;
    check_names(&config, arguments)?;
    let (addresses, of_url) = addresses(path, &arguments.url)?;
    let manner = manner(path, arguments, of_url)?;
    let mut trouble = None;
    for address in &addresses {
        match search(&config, address, arguments, &manner)? {
            Ok(Discovery::List(outlines)) if outlines.is_empty() => {
                return Err(Ending::Failed(format!("{address} is a subscription list that holds no subscription")));
            }
            Ok(Discovery::List(outlines)) => return subscribe(path, outlines, arguments.group.as_deref()),
            Ok(Discovery::Feeds(found)) => {
                let chosen = choose(&config, found, arguments)?;
                return append(path, arguments, &manner, &chosen);
            }
            Ok(Discovery::Page(found)) => {
                confirm(&found, arguments)?;
                return append(path, arguments, &manner, &[*found]);
            }
            Err(new) => {
                // Without a scheme https is tried before http; what stands behind http is told if both fail.
                let next = matches!(&new, Trouble::Fetch(error) if is_unreachable(error));
                trouble = Some((address, new));
                if !next {
                    break;
                }
            }
        }
    }
    let Some((address, trouble)) = trouble else { return Ok(()) };
    if arguments.force {
        let untried = Found {
            address: address.clone(),
            title: String::new(),
            entries: 0,
            newest: None,
            select: None,
            sample: Vec::new(),
        };
        return append(path, arguments, &manner, &[untried]);
    }
    Err(Ending::Failed(match trouble {
        Trouble::Said(message) => message,
        Trouble::Fetch(error) => format!("{address}: {error}{}", hint(&error)),
    }))
}

/// What to do about an address that did not come.
fn hint(error: &PollError) -> &'static str {
    match error {
        PollError::Fetch(FetchError::Status { status: 401 }) => "; give --username NAME, or a token with --header",
        error if is_unreachable(error) => "; --force adds it untried",
        _ => "",
    }
}

fn is_unreachable(error: &PollError) -> bool {
    matches!(error.kind(), ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Timeout)
}

fn check_names(config: &Config, arguments: &Arguments) -> Result<(), Ending> {
    for name in arguments.id.iter().chain(&arguments.group) {
        SourceId::new(name).map_err(|error| Ending::Usage(format!("`{name}` is no id: {error}")))?;
    }
    match arguments.id.as_ref().filter(|id| config.source(id).is_some()) {
        Some(id) => Err(Ending::Usage(format!("there is a source `{id}` already; give another with --id"))),
        None => Ok(()),
    }
}

/// The addresses that a text may mean, the likelier first, and the credentials that stood in it.
fn addresses(config: &Path, text: &str) -> Result<(Vec<Address>, Option<Credentials>), Ending> {
    let text = text.trim();
    let unusable =
        || Ending::Usage(format!("`{text}` is no address of the web: expected http://…, https://… or file:PATH"));
    if let Some(file) = text.strip_prefix("file:") {
        let path = match file.starts_with("//") {
            true => Url::parse(text).ok().and_then(|url| url.to_file_path().ok()).ok_or_else(unusable)?,
            false => PathBuf::from(file),
        };
        return Ok((vec![Address::File(beside(config, &path))], None));
    }
    if !text.contains("://") && Path::new(text).is_file() {
        return Ok((vec![Address::File(beside(config, Path::new(text)))], None));
    }
    let text = match text.strip_prefix("feed:") {
        Some(rest) if rest.starts_with("//") => format!("http:{rest}"),
        Some(rest) => rest.to_owned(),
        None => text.to_owned(),
    };
    let written = match text.contains("://") {
        true => vec![text.clone()],
        false => vec![format!("https://{text}"), format!("http://{text}")],
    };
    // "mailto:a@e.example" has no host of its own, and "localhost:8080" no scheme.
    let scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        !scheme.contains('.') && !rest.starts_with("//") && !rest.starts_with(|c: char| c.is_ascii_digit())
    });
    if scheme {
        return Err(unusable());
    }
    let mut credentials = None;
    let mut found = Vec::new();
    for text in written {
        let mut url = Url::parse(&text).map_err(|_| unusable())?;
        if !matches!(url.scheme(), "http" | "https" | "rsshub") || !url.has_host() {
            return Err(unusable());
        }
        if !url.username().is_empty() {
            let password = Secret::new(url.password().unwrap_or_default().to_owned());
            credentials = Some(Credentials { username: url.username().to_owned(), password });
            // Fails only for addresses without a host.
            url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| unusable())?;
        }
        url.set_fragment(None);
        found.push(Address::Web(url));
    }
    Ok((found, credentials))
}

/// A path as feeds.toml reads it: relative to its folder where the file is there, else as the shell means it.
fn beside(config: &Path, path: &Path) -> PathBuf {
    let folder = config.parent().unwrap_or(Path::new(""));
    let there = folder.join(path);
    if there.exists() { there } else { std::path::absolute(path).unwrap_or(there) }
}

fn manner(config: &Path, arguments: &Arguments, of_url: Option<Credentials>) -> Result<Manner, Ending> {
    let mut keys: Vec<(&'static str, Value)> = Vec::new();
    let mut credentials = of_url;
    if let Some(username) = &arguments.username {
        let password = match &arguments.password_file {
            Some(file) => {
                let place = config.parent().unwrap_or(Path::new("")).join(file);
                let text = std::fs::read_to_string(&place)
                    .map_err(|error| Ending::Failed(format!("{} cannot be read: {error}", place.display())))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            None => password(username)?,
        };
        credentials = Some(Credentials { username: username.clone(), password: Secret::new(password) });
    }
    if let Some(credentials) = &credentials {
        keys.push(("username", credentials.username.as_str().into()));
        match &arguments.password_file {
            Some(file) => keys.push(("password_file", file.to_string_lossy().as_ref().into())),
            None => keys.push(("password", credentials.password.reveal().into())),
        }
    }
    if !arguments.headers.is_empty() {
        let table: InlineTable =
            arguments.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        keys.push(("headers", Value::InlineTable(table)));
    }
    Ok(Manner { credentials, keys })
}

/// Looks behind one address.
fn search(
    config: &Config,
    address: &Address,
    arguments: &Arguments,
    manner: &Manner,
) -> Result<Result<Discovery, Trouble>, Ending> {
    let fetcher = Fetcher::new(&contact(config), config.connect_timeout, Default::default())?;
    let headers = arguments.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value.clone())));
    let source = Source {
        headers: headers.collect(),
        credentials: manner.credentials.clone(),
        ..Config::lone_source(address.clone())
    };
    let mut finder = Finder::new(fetcher, source, config.rsshub.as_ref());
    Ok(runtime()?.block_on(finder.find()))
}

/// Of the feeds found, those to be added.
fn choose(config: &Config, found: Vec<Found>, arguments: &Arguments) -> Result<Vec<Found>, Ending> {
    let known = |feed: &Found| known(config, &feed.address);
    let already = |feed: &Found| already(config, &feed.address);
    let several = found.len() > 1;
    if several {
        note(&format!("{} feeds:", found.len()));
        for (n, feed) in found.iter().enumerate() {
            let title = if feed.title.is_empty() { "(no title)" } else { &feed.title };
            let remark = known(feed).map(|source| format!(" (already the source `{}`)", source.id)).unwrap_or_default();
            note(&format!(" {}  {title}{remark}\n    {}\n    {}", n + 1, feed.address, contents(feed)));
        }
    }
    let numbers: Vec<usize> = if let Some(pick) = arguments.pick {
        vec![pick]
    } else if arguments.all {
        (1..=found.len()).filter(|n| known(&found[n - 1]).is_none()).collect()
    } else if several && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        ask(found.len())?
    } else {
        vec![1]
    };
    if let Some(wrong) = numbers.iter().find(|n| **n == 0 || **n > found.len()) {
        return Err(Ending::Usage(format!("there is no feed {wrong}: expected a number from 1 to {}", found.len())));
    }
    if let Some(told) = numbers.iter().find_map(|n| already(&found[n - 1])) {
        let others = if several && arguments.pick.is_none() { "; --pick N takes another of the feeds" } else { "" };
        return Err(Ending::Failed(format!("{told}{others}")));
    }
    if numbers.is_empty() {
        let told: Vec<String> = found.iter().filter_map(already).collect();
        return Err(Ending::Failed(if told.is_empty() { "none was chosen".to_owned() } else { told.join("; ") }));
    }
    if several && arguments.pick.is_none() && numbers.len() == 1 {
        note(&format!("taken is {}; --pick N takes another, --all takes all", numbers[0]));
    }
    let chosen = found.into_iter().enumerate().filter(|(n, _)| numbers.contains(&(n + 1)));
    Ok(chosen.map(|(_, feed)| feed).collect())
}

fn contents(feed: &Found) -> String {
    let day = |date: &DateTime<FixedOffset>| date.format(" %Y-%m-%d").to_string();
    match &feed.newest {
        Some((date, title)) => {
            let date = date.as_ref().map(day).unwrap_or_default();
            format!("{} entries, the newest{date}: {title}", feed.entries)
        }
        None => format!("{} entries", feed.entries),
    }
}

/// Shows the rules proposed for a page and what they give; whether they are to be written.
fn confirm(page: &Found, arguments: &Arguments) -> Result<(), Ending> {
    let select = page.select.as_ref().map(|select| inline(select).to_string()).unwrap_or_default();
    let sample: String = page.sample.iter().map(|title| format!("\n  {title}")).collect();
    note(&format!(
        "{} has no feed; it can be read with\n  select ={select}\nwhich gives {} entries, the first:{sample}",
        page.address, page.entries
    ));
    if arguments.yes {
        return Ok(());
    }
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        eprint!("write that? [y/N] ");
        std::io::stderr().flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        if matches!(line.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        return Err(Ending::Failed("nothing was written".to_owned()));
    }
    Err(Ending::Failed(format!("{} has no feed; nothing was written: --yes writes these rules", page.address)))
}

fn inline(select: &Select) -> Value {
    let parts = [
        ("item", Some(&select.item)),
        ("title", select.title.as_ref()),
        ("link", select.link.as_ref()),
        ("date", select.date.as_ref()),
        ("content", select.content.as_ref()),
    ];
    let table: InlineTable = parts.into_iter().filter_map(|(key, part)| Some((key, part?.as_str()))).collect();
    let mut value = Value::InlineTable(table);
    value.decor_mut().set_prefix(" ");
    value
}

/// Whether two addresses are those of one source: http and https, and a slash at the end, make no other.
fn is_same(a: &Address, b: &Address) -> bool {
    match (a, b) {
        (Address::Web(a), Address::Web(b)) => {
            let key = |url: &Url| {
                let path = url[url::Position::BeforeHost..].to_owned();
                path.trim_end_matches('/').to_owned()
            };
            key(a) == key(b)
        }
        (a, b) => a == b,
    }
}

/// The source that has this address.
fn known<'a>(config: &'a Config, address: &Address) -> Option<&'a Source> {
    config.sources.iter().find(|source| is_same(&source.address, address))
}

/// That a source has this address, in words.
fn already(config: &Config, address: &Address) -> Option<String> {
    known(config, address).map(|source| format!("{address} is already the source `{}`", source.id))
}

/// Appends the chosen feeds to feeds.toml as it is now.
fn append(path: &Path, arguments: &Arguments, manner: &Manner, chosen: &[Found]) -> Result<(), Ending> {
    if chosen.len() > 1 && (arguments.id.is_some() || arguments.name.is_some()) {
        return Err(Ending::Usage(format!("one --id or --name for {} feeds; pick one with --pick N", chosen.len())));
    }
    // The file may be another by now: it is read again for the change.
    let lines = feeds_file::change(path, |text, config| {
        let (new, lines) = new_sources(path, config, arguments, manner, chosen)?;
        Ok((Some(edit::append(text, &new)?), lines))
    })?;
    print(&lines.join("\n"))
}

/// The chosen feeds as they are to be written, and a line about each.
fn new_sources(
    path: &Path,
    config: &Config,
    arguments: &Arguments,
    manner: &Manner,
    chosen: &[Found],
) -> Result<(Vec<NewSource>, Vec<String>), Ending> {
    check_names(config, arguments)?;
    let mut taken: HashSet<SourceId> = config.sources.iter().map(|source| source.id.clone()).collect();
    let (mut new, mut lines) = (Vec::new(), Vec::new());
    for feed in chosen {
        if let Some(told) = already(config, &feed.address) {
            return Err(Ending::Failed(told));
        }
        let id = match &arguments.id {
            Some(id) => SourceId::new(id).map_err(|error| Ending::Usage(format!("`{id}` is no id: {error}")))?,
            None => {
                let short = discover::short_name(&feed.title).and_then(|name| SourceId::new(&name).ok());
                free_id(short.unwrap_or_else(|| SourceId::without_secrets(&feed.address)), &taken)
            }
        };
        taken.insert(id.clone());
        let title = Some(feed.title.trim()).filter(|title| !title.is_empty());
        let url = written(path, &feed.address);
        lines.push(match title {
            None if feed.entries == 0 => format!("added {id} untried: {url}"),
            title => format!("added {id}: {}, {}, {url}", title.unwrap_or("no title"), contents(feed)),
        });
        let mut keys = manner.keys.clone();
        keys.extend(feed.select.as_ref().map(|select| ("select", inline(select))));
        let name = arguments.name.clone().or_else(|| title.map(str::to_owned));
        new.push(NewSource { id, url, name, group: arguments.group.clone(), keys });
    }
    Ok((new, lines))
}

/// An address as it stands in feeds.toml.
fn written(config: &Path, address: &Address) -> String {
    match address {
        Address::File(path) => {
            let folder = config.parent().unwrap_or(Path::new(""));
            format!("file:{}", path.strip_prefix(folder).unwrap_or(path).display())
        }
        Address::Web(url) => url.to_string(),
    }
}
