//! The health of all sources as a page.

use std::collections::HashMap;

use askama::Template;
use url::Url;

use super::{VERSION, html, root_of, to_the_minute};
use crate::model::source::SourceId;
use crate::status::{Report, SourceReport};
use crate::web::body::Body;

/// Polls of a source that are drawn.
const DRAWN: usize = 24;

/// What the sources can be ordered by: as in feeds.toml, those that need somebody first, …
const ORDERS: [&str; 5] = ["feeds.toml", "trouble", "name", "entries", "next poll"];

/// Which sources are wanted, and in which order.
#[derive(Debug, Default)]
pub(in crate::web) struct Wanted {
    find: String,
    state: String,
    order: String,
}

impl Wanted {
    /// Reads the query of the address; what is not known is as if it were not there.
    pub(in crate::web) fn parse(query: &str) -> Self {
        let mut wanted = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match key.as_ref() {
                "find" => wanted.find = value.trim().to_owned(),
                "state" => wanted.state = value.into_owned(),
                "sort" => wanted.order = value.into_owned(),
                _ => {}
            }
        }
        wanted
    }

    fn holds(&self, source: &SourceReport) -> bool {
        let find = self.find.to_lowercase();
        (self.state.is_empty() || source.state == self.state)
            && [&source.id, &source.name, &source.url].iter().any(|text| text.to_lowercase().contains(&find))
    }

    fn sort(&self, lines: &mut [Line<'_>]) {
        match self.order.as_str() {
            "trouble" => lines.sort_by_key(|line| {
                let place = ["failing", "gone", "new", "paused", "ok"].iter().position(|s| *s == line.source.state);
                (place, std::cmp::Reverse(line.source.failures_in_a_row))
            }),
            "name" => lines.sort_by(|a, b| a.source.name.cmp(&b.source.name)),
            "entries" => lines.sort_by_key(|line| std::cmp::Reverse(line.source.entries)),
            "next poll" => lines.sort_by(|a, b| {
                let due = |line: &Line<'_>| (line.source.next_poll.is_none(), line.source.next_poll.clone());
                due(a).cmp(&due(b))
            }),
            _ => {}
        }
    }
}

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    root: &'a str,
    version: &'a str,
    title: &'a str,
    report: &'a Report,
    find: &'a str,
    state: &'a str,
    order: &'a str,
    states: Vec<(&'static str, usize)>,
    orders: [&'static str; 5],
    lines: Vec<Line<'a>>,
    events: Vec<String>,
}

struct Line<'a> {
    source: &'a SourceReport,
    url: String,
    pulse: String,
    pulse_in_words: String,
    a_day: String,
    last_success: String,
    next_poll: String,
}

/// What polls brought, by source: newest first, `None` for one that failed; and over how many days.
pub(in crate::web) type Pulses = (HashMap<SourceId, Vec<Option<u32>>>, f64);

/// The page.
pub(in crate::web) fn status(
    report: &Report,
    pulses: &Pulses,
    events: Vec<String>,
    wanted: &Wanted,
    title: &str,
    base: &Url,
) -> Body {
    let root = root_of(base);
    let mut lines: Vec<Line<'_>> = report
        .sources
        .iter()
        .filter(|source| wanted.holds(source))
        .map(|source| {
            let polls = SourceId::new(&source.id).ok().and_then(|id| pulses.0.get(&id)).map_or(&[][..], Vec::as_slice);
            let new: u32 = polls.iter().flatten().sum();
            Line {
                source,
                url: format!("{root}status/{}", crate::model::part::segment(&source.id)),
                pulse: pulse(&polls[..polls.len().min(DRAWN)]),
                pulse_in_words: in_words(&polls[..polls.len().min(DRAWN)]),
                a_day: format!("{:.1}", f64::from(new) / pulses.1),
                last_success: to_the_minute(source.last_success.as_ref(), "never"),
                next_poll: to_the_minute(source.next_poll.as_ref(), "–"),
            }
        })
        .collect();
    wanted.sort(&mut lines);
    let count = |state: &'static str| (state, report.sources.iter().filter(|source| source.state == state).count());
    let page = Page {
        root,
        version: &VERSION,
        title,
        report,
        find: &wanted.find,
        state: &wanted.state,
        order: &wanted.order,
        states: ["ok", "failing", "gone", "paused", "new"].map(count).into(),
        orders: ORDERS,
        lines,
        events,
    };
    html(&page, None, "no-store")
}

/// The polls as a row of blocks, oldest first: the higher the more was new, a cross for a failure.
fn pulse(polls: &[Option<u32>]) -> String {
    let block = |poll: &Option<u32>| match poll {
        None => '×',
        Some(0) => '▁',
        Some(1) => '▂',
        Some(2..=3) => '▃',
        Some(4..=7) => '▅',
        Some(8..=15) => '▆',
        Some(_) => '█',
    };
    polls.iter().rev().map(block).collect()
}

fn in_words(polls: &[Option<u32>]) -> String {
    let failed = polls.iter().filter(|poll| poll.is_none()).count();
    let new: u32 = polls.iter().flatten().sum();
    format!("last {} polls: {new} new entries, {failed} failed", polls.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_drawn_and_told() {
        let polls = [Some(20), None, Some(0), Some(2)];
        assert_eq!(pulse(&polls), "▃▁×█");
        assert_eq!(in_words(&polls), "last 4 polls: 22 new entries, 1 failed");
        assert_eq!(pulse(&[]), "");
    }
}
