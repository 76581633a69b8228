//! `newsriver parse`: what the daemon would make of a document.

use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::Utc;
use url::Url;

use super::{Ending, load, note, print_json_text, runtime};
use crate::config::{Config, defaults};
use crate::fetch::{Fetcher, Known, Outcome};
use crate::identity;
use crate::model::document::Document;
use crate::model::source::{Address, Source};
use crate::model::text::hex;
use crate::observe::Loudness;
use crate::poll::{clean_entries, read_document};
use crate::publish::json_feed;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A file, a URL, or - for standard input
    #[arg(value_name = "FILE|URL|-")]
    document: String,
    /// The address the document stands for; relative links are resolved against it
    #[arg(long, value_name = "U")]
    base_url: Option<String>,
    /// The Content-Type that a server would send with it
    #[arg(long, value_name = "CT")]
    content_type: Option<String>,
    /// Read it as this source of feeds.toml is read
    #[arg(long, value_name = "ID")]
    source: Option<String>,
}

impl Arguments {
    /// Whether a source of feeds.toml is named.
    pub(super) fn needs_configuration(&self) -> bool {
        self.source.is_some()
    }
}

pub(super) fn run(path: &Path, loudness: Loudness, arguments: &Arguments) -> Result<(), Ending> {
    let named = match &arguments.source {
        Some(id) => Some(
            load(path)?
                .source(id)
                .cloned()
                .ok_or_else(|| Ending::Usage(format!("there is no source `{id}` in {}", path.display())))?,
        ),
        None => None,
    };
    let address = match Url::parse(&arguments.document) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Address::Web(url),
        _ => Address::File(PathBuf::from(&arguments.document)),
    };
    let mut source = named.unwrap_or_else(|| Config::lone_source(address.clone()));
    if let Some(base) = &arguments.base_url {
        source.base_url =
            Some(Url::parse(base).map_err(|error| Ending::Usage(format!("`{base}` is no address: {error}")))?);
    }
    let mut document = bring(&arguments.document, address, &source)?;
    if let Some(content_type) = &arguments.content_type {
        document.content_type = Some(content_type.clone());
    }
    let place = &arguments.document;
    let now = document.fetched_at;
    let mut reading = read_document(&source, document).map_err(|error| Ending::Failed(format!("{place}: {error}")))?;
    if loudness == Loudness::Verbose {
        for warning in &reading.raw.warnings {
            note(&format!("newsriver: {place}: {warning}"));
        }
    }
    let fired = clean_entries(&source, &mut reading.feed.entries, &[], now);
    if loudness == Loudness::Verbose {
        for (entry, fired) in reading.feed.entries.iter().zip(&fired) {
            for firing in fired {
                note(&format!(
                    "newsriver: {place}: {}: {} changed {} from {:?} to {:?}",
                    entry.title,
                    firing.rule.name(),
                    firing.field,
                    firing.before,
                    firing.after
                ));
            }
        }
    }
    // An item without id and link still needs one in JSON Feed; its text gives it.
    let ids: Vec<String> = identity::keys(&reading.feed.entries, str::to_owned)
        .iter()
        .map(|keys| format!("urn:newsriver:{}", hex(&keys.text)))
        .collect();
    print_json_text(&String::from_utf8_lossy(&json_feed::of_feed(&reading.feed, &ids)))
}

fn bring(name: &str, address: Address, source: &Source) -> Result<Document, Ending> {
    match address {
        Address::Web(_) => {
            let source = Source { address, ..source.clone() };
            let fetcher = Fetcher::new("newsriver parse", source.timeouts.connect, Default::default())?;
            let fetched = runtime()?.block_on(fetcher.fetch(&source, &Known::NOTHING, Utc::now()));
            match fetched.map_err(|failed| Ending::Failed(format!("{name}: {}", failed.error)))?.outcome {
                Outcome::Document(document) => Ok(document),
                Outcome::NotModified => Err(Ending::Failed(format!("{name}: the server answered 304"))),
            }
        }
        Address::File(path) => {
            let mut bytes = Vec::new();
            let failed = |error: std::io::Error| Ending::Failed(format!("{name} cannot be read: {error}"));
            let limit = source.max_bytes.max(defaults::MAX_BYTES);
            if name == "-" {
                std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
            } else {
                std::fs::File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
            }
            if bytes.len() as u64 > limit {
                return Err(Ending::Failed(format!("{name} is larger than {limit} bytes (`max_bytes`)")));
            }
            Ok(Document { url: String::new(), content_type: None, bytes, fetched_at: Utc::now() })
        }
    }
}
