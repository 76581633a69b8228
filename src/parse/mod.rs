//! [`Text`] -> [`RawFeed`]: what a document says, whatever its format.
//!
//! In: decoded text and, for pages, the selectors of the source. Out: a feed of which nothing is
//! cleaned, or the reason why there is none. Well-formed documents go straight to the strict crates;
//! `repair` turns the others into a dialect that they know. The format is decided by the content alone: servers
//! send feeds as `text/html`, and files have any name.

mod article;
mod atom;
mod bounds;
mod extension;
mod json_api;
mod json_feed;
mod json_mend;
mod page;
mod repair;
mod rss;
mod sniff;
mod survey;
mod tag_names;
mod vocabulary;

use thiserror::Error;

use crate::model::feed::{Format, RawEntry, RawFeed};
use crate::model::source::Select;
use crate::model::text::Text;
pub use article::article;
use sniff::Kind;

/// Entries of one document that are read; what a hostile document sends beyond costs no memory.
pub const MOST_ENTRIES: usize = 20_000;

/// The warning for a document with more.
const TOO_MANY: &str = "the document has more than 20000 entries; the first 20000 were read";

/// Why a document gave no feed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseError {
    /// The document is something else.
    #[error("no feed: this is {looks_like}{}", announcement(.announced))]
    NotAFeed {
        /// What it looks like.
        looks_like: &'static str,
        /// The feeds that the page announces (`<link rel="alternate">`).
        announced: Vec<String>,
    },
    /// A feed whose markup cannot be read.
    #[error("broken {}: {detail}", format.name())]
    Broken {
        /// The format that it begins as.
        format: Format,
        /// What the parser says.
        detail: String,
    },
    /// `select` found nothing on the page.
    #[error("nothing in the document matches `{selector}`; it may have changed, see `select` in feeds.toml")]
    NoItems {
        /// The selector of the items.
        selector: String,
    },
}

fn announcement(announced: &[String]) -> String {
    match announced {
        [] => String::new(),
        [first, ..] => format!("; it announces the feed {first}, set that as `url`"),
    }
}

/// Reads a document.
///
/// # Errors
/// [`ParseError`]; nothing of a document is lost silently: what is odd but readable is a warning.
pub fn parse(text: &Text, select: Option<&Select>) -> Result<RawFeed, ParseError> {
    let content = match text.has_replacements() {
        true => tag_names::without_bad_characters(text.as_str()),
        false => text.as_str().into(),
    };
    let content = &*content;
    let (kind, begin) = sniff::sniff(content);
    let mut feed = match (select, kind) {
        (Some(select), _) if select.is_pointers() => json_api::parse(content, select)?,
        (Some(select), _) => page::parse(content, select)?,
        (None, kind @ (Kind::Rss | Kind::Atom)) => markup(&content[begin..], kind == Kind::Atom)?,
        (None, Kind::Json) => json_feed::parse(&content[begin..])?,
        (None, Kind::Page) => {
            return Err(ParseError::NotAFeed { looks_like: "a web page", announced: page::announced_feeds(content) });
        }
        (None, Kind::Other(looks_like)) => return Err(ParseError::NotAFeed { looks_like, announced: Vec::new() }),
    };
    bounds::hold(&mut feed);
    if text.has_replacements() {
        feed.warnings.push(format!("some bytes are not {}; they were replaced", text.charset()));
    }
    Ok(feed)
}

/// Strict first, repair second: what the strict crates read whole goes straight to them; the rest
/// is repaired and then read by them.
fn markup(content: &str, is_atom: bool) -> Result<RawFeed, ParseError> {
    let (whole, read): (_, fn(&str) -> _) = if is_atom {
        (survey::atom_entries(content), |text| atom::parse(text))
    } else {
        (survey::rss_entries(content), |text| rss::parse(text))
    };
    let fault = match whole.map(|entries| (entries, read(content))) {
        // Entries where none belong, or behind the end of the root, are not in the crate's feed; whether one of which
        // nothing was read is empty the crate does not tell.
        Some((entries, Ok(feed))) if feed.entries.len() == entries && !feed.entries.iter().any(is_bare) => {
            return Ok(feed);
        }
        Some((_, Err(error))) => Some(error),
        _ => None,
    };
    let format = if is_atom { Format::Atom } else { Format::Rss };
    let Some(repaired) = repair::repair(content) else {
        return Err(fault.unwrap_or(ParseError::Broken { format, detail: "no feed begins in it".into() }));
    };
    let mut feed = match repaired.format {
        Format::Atom => atom::parse(repaired.xml)?,
        _ => rss::parse(repaired.xml)?,
    };
    if feed.entries.is_empty() && repaired.broken_off {
        // It ended before the first whole entry, so that is the answer.
        let detail = repaired.warnings.join("; ");
        return Err(fault.unwrap_or(ParseError::Broken { format: repaired.format, detail }));
    }
    feed.warnings.extend(fault.map(|fault| format!("{fault}; it was repaired")));
    feed.warnings.extend(repaired.warnings);
    Ok(feed)
}

/// Whether nothing of an entry was read.
fn is_bare(entry: &RawEntry) -> bool {
    let RawEntry { base, language, id_is_link, .. } = entry;
    *entry
        == RawEntry { base: base.clone(), language: language.clone(), id_is_link: *id_is_link, ..RawEntry::default() }
}

#[cfg(test)]
mod tests;
