//! `[pages]` and `[digest]` -> how the pages for people look, and when digests are made.

use chrono::NaiveTime;
use toml::de::DeValue;

use super::section::Section;
use crate::language::Language;

/// How the pages for people look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pages {
    /// The language of the pages; that of the reader's browser where it is not set.
    pub language: Option<Language>,
    /// Where pictures come from.
    pub images: Images,
    /// Bytes of pictures that are kept on disk at most.
    pub image_cache: u64,
    /// Whether pictures may be at private addresses.
    pub allow_private: bool,
}

/// Where the pictures of a page come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    /// From the daemon, which fetches them: publishers do not learn who reads.
    Proxy,
    /// From the publishers.
    Direct,
    /// There are none.
    Off,
}

/// `pages.image_cache`
const IMAGE_CACHE: u64 = 256 << 20;

pub(super) fn read(mut section: Section<'_>) -> Pages {
    let language = section.get("language", "\"auto\" (the reader's), \"en\" or \"zh\"", |v| match v.as_str() {
        Some("auto") => Some(None),
        Some(tag) => Language::of_tag(tag).map(Some),
        None => None,
    });
    let images = section.get("images", "\"proxy\", \"direct\" or \"off\"", |v| match v.as_str() {
        Some("proxy") => Some(Images::Proxy),
        Some("direct") => Some(Images::Direct),
        Some("off") => Some(Images::Off),
        _ => None,
    });
    let image_cache = section.size("image_cache").unwrap_or(IMAGE_CACHE);
    let allow_private = section.flag("allow_private").unwrap_or(false);
    section.finish();
    Pages {
        language: language.and_then(|found| found.value),
        images: images.map_or(Images::Proxy, |found| found.value),
        image_cache,
        allow_private,
    }
}

/// `[digest]`: the times of day at which an edition is made, in the zone of the river; none where it says nothing.
pub(super) fn read_digest(mut section: Section<'_>) -> Vec<NaiveTime> {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    let read = |v: &DeValue<'_>| {
        v.as_array()?.iter().map(|item| item.get_ref().as_str().and_then(time)).collect::<Option<Vec<_>>>()
    };
    let found = section.get("at", "a list of times of day, such as [\"08:00\", \"18:00\"]", read);
    section.finish();
    let mut times = found.map(|found| found.value).unwrap_or_default();
    times.sort_unstable();
    times.dedup();
    times
}
