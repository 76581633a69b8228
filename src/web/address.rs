//! Paths and queries -> which page of which feed is asked for. Pure.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::model::page::{Cursor, Place, Spot};
use crate::model::part::{Ask, Part};
use crate::model::source::SourceId;
use crate::publish::Format;
use crate::search::Query;

/// Stories on a page at most, whoever asks.
const MOST_ASKED: usize = 1000;

/// What a page of the river looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// A feed.
    Feed(Format),
    /// A page for people.
    Html,
}

/// A feed, or a page of it, as its path names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FeedAddress {
    /// The river or a part of it.
    Feed(Part, Shape),
    /// An archive document: its number, and how many stories.
    Archive(i64, i64, Format),
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Of what.
    pub(super) ask: Ask,
    /// Which page.
    pub(super) spot: Spot,
    /// As what.
    pub(super) shape: Shape,
}

impl FeedAddress {
    /// The part of the river.
    pub(super) fn part(&self) -> &Part {
        match self {
            Self::Feed(part, _) => part,
            Self::Archive(..) => &Part::Whole,
        }
    }

    /// Whether it is a feed, not its page for people.
    pub(super) fn is_feed(&self) -> bool {
        !matches!(self, Self::Feed(_, Shape::Html))
    }

    /// The page that the query names; else what is wrong with it.
    pub(super) fn page(self, query: &str, now: DateTime<Utc>) -> Result<Page, &'static str> {
        match self {
            Self::Feed(part, shape) => asked(part, query, now).map(|(ask, spot)| Page { ask, spot, shape }),
            Self::Archive(number, count, format) => {
                let shape = Shape::Feed(format);
                Ok(Page { ask: Ask::default(), spot: Spot::Archive(number, count), shape })
            }
        }
    }
}

/// What the query of a feed's address asks for, and which page of it; else what is wrong with it.
fn asked(part: Part, query: &str, now: DateTime<Utc>) -> Result<(Ask, Spot), &'static str> {
    let (mut ask, mut spot) = (Ask::from(part), Spot::First);
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = value.trim();
        match key.as_ref() {
            "before" => {
                let place = Place::parse(value)
                    .ok_or("400: `before` is no place in the river; follow the `next` links of the feed.\n")?;
                spot = Spot::Below(place);
            }
            "after" => {
                let place = Cursor::parse(value)
                    .ok_or("400: `after` is no place in the river; follow the links of the feed.\n")?;
                spot = Spot::Above(place);
            }
            "q" if value.is_empty() => {}
            "q" => {
                Query::parse(value)
                    .map_err(|_| "400: `q` wants up to 20 words: a b \"a phrase\" title:a source:id tag:t -not.\n")?;
                ask.query = Some(value.to_owned());
            }
            "n" => {
                let count = value.parse().ok().filter(|count| (1..=MOST_ASKED).contains(count));
                ask.count = Some(count.ok_or("400: `n` is a number of stories, from 1 to 1000.\n")?);
            }
            "min_sources" => {
                let least = value.parse().ok().filter(|least| (1..=MOST_ASKED).contains(least));
                ask.min_sources = Some(least.ok_or("400: `min_sources` is a number of outlets, from 1 to 1000.\n")?);
            }
            "hours" => {
                let hours = value.parse().ok().filter(|hours| (1..=24 * 366).contains(hours));
                let hours = hours.ok_or("400: `hours` is a number of hours, from 1 to 8784.\n")?;
                // To the minute, so that those who ask within one get the same page.
                let since = now - TimeDelta::hours(hours);
                ask.since = since.duration_trunc(TimeDelta::minutes(1)).ok();
            }
            "since" => {
                let day = || chrono::NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
                let since =
                    DateTime::parse_from_rfc3339(value).map(|at| at.to_utc()).ok().or_else(|| Some(day()?.and_utc()));
                ask.since = Some(
                    since.ok_or("400: `since` is a day or a time, such as 2026-01-31 or 2026-01-31T08:00:00Z.\n")?,
                );
            }
            _ => {}
        }
    }
    Ok((ask, spot))
}

/// The feed that a path names: `/feed.atom`, `/tags/SZ300623/feed.json`, `/archives/12-100.rss`; or its page
/// for people: `/`, `/groups/local/`.
pub(super) fn feed_at(path: &str) -> Option<FeedAddress> {
    let path = path.strip_prefix('/')?;
    let path = if path == "top" { "top/" } else { path };
    let (place, file) = match path.rsplit_once('/') {
        Some((place, file)) => (place, file),
        None => ("", path),
    };
    if place == "archives" {
        let (name, ending) = file.rsplit_once('.')?;
        let (number, count) = name.split_once('-')?;
        return Some(FeedAddress::Archive(number.parse().ok()?, count.parse().ok()?, Format::of_ending(ending)?));
    }
    let shape = match file.strip_prefix("feed.") {
        Some(ending) => Shape::Feed(Format::of_ending(ending)?),
        None if file.is_empty() => Shape::Html,
        None => return None,
    };
    let part = match (place, shape) {
        ("top", _) => Some(Part::Top),
        ("digest", Shape::Feed(_)) => Some(Part::Digest),
        _ => None,
    };
    if let Some(part) = part {
        return Some(FeedAddress::Feed(part, shape));
    }
    if place.is_empty() {
        return (path == file).then_some(FeedAddress::Feed(Part::Whole, shape));
    }
    let (kind, name) = place.split_once('/').filter(|(_, name)| !name.is_empty() && !name.contains('/'))?;
    let name = percent_decoded(name)?;
    let part = match kind {
        "sources" => Part::Source(SourceId::new(&name).ok()?),
        "groups" => Part::Group(name),
        "tags" => Part::Tag(name),
        _ => return None,
    };
    Some(FeedAddress::Feed(part, shape))
}

pub(super) fn percent_decoded(segment: &str) -> Option<String> {
    // The parser of queries decodes percent signs; a plus is a plus in a path.
    let escaped = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let (name, _) = url::form_urlencoded::parse(escaped.as_bytes()).next()?;
    Some(name.into_owned()).filter(|name| !name.contains(char::is_control))
}
/// The path behind the one that `river.base_url` has: behind a reverse proxy it may be there or not.
pub(super) fn local_path<'a>(path: &'a str, base: &str) -> &'a str {
    match path.strip_prefix(base.trim_end_matches('/')) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}
