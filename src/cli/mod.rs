//! The command line: arguments -> work -> exit status.
//!
//! Data goes to stdout, everything else to stderr. 0: done. 1: the work failed. 2: wrong usage or
//! wrong configuration.

mod add;
mod edit;
mod explain;
mod export;
mod feeds_file;
mod find;
mod health;
mod init;
mod locate;
mod log;
mod look;
mod parse;
mod poll;
mod prompt;
mod run;
mod shell;
mod table;
mod why;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError};
use crate::model::server::Listen;
use crate::model::visible;
use crate::observe::Loudness;
use table::{ColorChoice, Table};

/// Merges RSS, Atom and JSON feeds, and pages without one, into one feed: the river.
#[derive(Debug, Parser)]
#[command(name = "newsriver", version, max_term_width = 100)]
struct Arguments {
    /// The configuration file; default: NEWSRIVER_CONFIG, else the first there is of ./feeds.toml,
    /// ~/.config/newsriver/feeds.toml and /etc/newsriver/feeds.toml
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Log more
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Log warnings and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Colour tables
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The daemon: poll, normalise, store and publish until it is stopped
    Run,
    /// One round over all sources (or those named) now, ignoring their schedule
    Poll(poll::Arguments),
    /// Validate feeds.toml
    Check(look::CheckArguments),
    /// The sources: state, last success, next poll, entries, last error
    Status(look::StatusArguments),
    /// The poll history of a source or of all
    Log(log::Arguments),
    /// What the daemon would make of a document, as JSON Feed 1.1
    Parse(parse::Arguments),
    /// How one entry came to be: its document, the rules that changed it, its story
    Explain(explain::Arguments),
    /// Take an entry out of a story that it was wrongly joined to
    Split(explain::SplitArguments),
    /// Find the feed behind an address, try it, and append it to feeds.toml
    Add(add::Arguments),
    /// Take a source out of feeds.toml
    Remove(edit::RemoveArguments),
    /// Give a source another id; its history, entries and stories stay
    Rename(why::RenameArguments),
    /// Why a source is late, failing, or polled when it is
    Why(why::Arguments),
    /// Put the addresses into feeds.toml that sources have moved to for good
    Fix(edit::FixArguments),
    /// Append the subscriptions of an OPML file to feeds.toml
    Import(edit::ImportArguments),
    /// Write the subscriptions or the river to stdout
    Export(export::ExportArguments),
    /// A consistent copy of the store, also while the daemon runs
    Backup(export::BackupArguments),
    /// Apply the retention of feeds.toml now
    Prune(export::PruneArguments),
    /// Write a feeds.toml to begin with
    Init,
    /// The JSON Schema of feeds.toml, for editors that complete and check it
    Schema,
    /// Whether the daemon of this configuration is ready; exit status 0 if it is
    Health,
    /// Shell completions
    Completions(shell::CompletionsArguments),
    /// The man pages
    Man(shell::ManArguments),
    /// The ids of all sources, for completions
    #[command(hide = true)]
    Ids,
}

/// Why a command ended badly.
#[derive(Debug)]
enum Ending {
    /// The work failed.
    Failed(String),
    /// feeds.toml is wrong.
    Config(ConfigError),
    /// The arguments are wrong in a way only the configuration tells.
    Usage(String),
}

impl<E: std::error::Error> From<E> for Ending {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Runs the command of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Whoever checks a file at a terminal has written it; everything else may be kept and read by others.
    let unmasks = matches!(arguments.command, Command::Check(_)) && std::io::stderr().is_terminal();
    arguments.color.apply();
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ending::Failed(message)) => {
            eprintln!("newsriver: {}", visible::line(&message));
            ExitCode::from(1)
        }
        Err(Ending::Config(error)) => {
            note(&if unmasks { error.unmasked().to_string() } else { error.to_string() });
            ExitCode::from(2)
        }
        Err(Ending::Usage(message)) => {
            note(&format!("newsriver: {message}"));
            ExitCode::from(2)
        }
    }
}

fn execute(arguments: Arguments) -> Result<(), Ending> {
    let located = locate::locate(arguments.config.as_deref(), |name| std::env::var_os(name), Path::exists);
    let path = located.path.clone();
    if arguments.command.needs_configuration() && !path.exists() {
        return Err(missing(&located));
    }
    let loudness = match (arguments.verbose, arguments.quiet) {
        (true, _) => Loudness::Verbose,
        (_, true) => Loudness::Quiet,
        _ => Loudness::Configured,
    };
    match arguments.command {
        Command::Run => run::run(&path, loudness),
        Command::Poll(arguments) => poll::run(&path, loudness, &arguments),
        Command::Check(arguments) => look::check(&path, &arguments),
        Command::Status(arguments) => look::status(&path, &arguments),
        Command::Log(arguments) => log::run(&path, &arguments),
        Command::Parse(arguments) => parse::run(&path, loudness, &arguments),
        Command::Explain(arguments) => explain::run(&path, &arguments),
        Command::Split(arguments) => explain::split(&path, &arguments),
        Command::Add(arguments) => add::run(&path, &arguments),
        Command::Remove(arguments) => edit::remove(&path, &arguments),
        Command::Rename(arguments) => why::rename(&path, &arguments),
        Command::Why(arguments) => why::run(&path, &arguments),
        Command::Fix(arguments) => edit::fix(&path, &arguments),
        Command::Import(arguments) => edit::import(&path, &arguments),
        Command::Export(arguments) => export::export(&path, &arguments),
        Command::Backup(arguments) => export::backup(&path, &arguments),
        Command::Prune(arguments) => export::prune(&path, &arguments),
        // A beginning is made here, not where another configuration is.
        Command::Init => init::run(if located.named { &path } else { Path::new("feeds.toml") }),
        Command::Schema => print_json(&crate::config::schema()),
        Command::Health => health::run(&path),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
        Command::Ids => {
            let ids: Vec<String> = load(&path)?.sources.iter().map(|source| source.id.to_string()).collect();
            print(&ids.join("\n"))
        }
    }
}

impl Command {
    /// Whether it can do nothing without a feeds.toml.
    fn needs_configuration(&self) -> bool {
        match self {
            Self::Add(_) | Self::Import(_) | Self::Init | Self::Schema | Self::Completions(_) | Self::Man(_) => false,
            Self::Parse(arguments) => arguments.needs_configuration(),
            _ => true,
        }
    }
}

fn missing(located: &locate::Located) -> Ending {
    Ending::Usage(if located.named {
        format!("{}: there is no such file; `newsriver -c FILE init` writes one", located.path.display())
    } else {
        "there is no feeds.toml here, nor in ~/.config/newsriver/ or /etc/newsriver/; `newsriver init` writes one, \
         -c names one elsewhere"
            .to_owned()
    })
}

fn load(path: &Path) -> Result<Config, Ending> {
    Config::load(path).map_err(Ending::Config)
}

/// Where readers would reach the daemon of this configuration: what polls name as contact.
fn contact(config: &Config) -> String {
    match (&config.river.base_url, &config.listen) {
        (Some(base), _) => base.to_string(),
        (None, Listen::Address(address)) => format!("http://{address}/"),
        (None, Listen::Unix { .. }) => "http://localhost/".to_owned(),
    }
}

/// The runtime of a command.
fn runtime() -> Result<tokio::runtime::Runtime, std::io::Error> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Writes lines for people to stderr.
fn note(text: &str) {
    eprintln!("{}", visible::lines(text));
}

/// Writes lines for people to stdout.
fn print(text: &str) -> Result<(), Ending> {
    print_bytes(visible::lines(text).as_bytes())
}

/// Writes a JSON document to stdout.
fn print_json(value: &impl serde::Serialize) -> Result<(), Ending> {
    print_json_text(&serde_json::to_string_pretty(value)?)
}

/// Writes JSON to stdout that is text already.
fn print_json_text(text: &str) -> Result<(), Ending> {
    print_bytes(visible::json(text).as_bytes())
}

/// Writes a table and what it is followed by to stdout.
fn print_table(table: &Table, below: &str) -> Result<(), Ending> {
    print_bytes(format!("{table}\n{}", visible::lines(below)).as_bytes())
}

/// Writes XML to stdout.
fn print_xml(text: &str) -> Result<(), Ending> {
    print_bytes(visible::xml(text).as_bytes())
}

/// Writes a document to stdout as it is; a reader that has gone (`| head`) is no error.
fn print_bytes(bytes: &[u8]) -> Result<(), Ending> {
    is_taken(bytes).map(drop)
}

/// Writes a document to stdout as it is; whether there is still somebody who reads it.
fn is_taken(bytes: &[u8]) -> Result<bool, Ending> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}
