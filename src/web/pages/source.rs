//! One source as a page: its state, its polls, what became of its newest entries.

use askama::Template;
use url::Url;

use super::chart::Chart;
use super::frame::{Frame, Setting, Time};
use super::status::{advice, remark};
use super::{html, language_of};
use crate::model::entry::StoredEntry;
use crate::model::part::segment;
use crate::status::SourceReport;
use crate::store::{HistoryRow, Pulse};
use crate::web::body::Body;

#[derive(Template)]
#[template(path = "source.html")]
struct Page<'a> {
    f: Frame<'a>,
    source: &'a SourceReport,
    river: String,
    last_poll: Option<Time>,
    last_success: Option<Time>,
    next_poll: Option<Time>,
    reason: Option<String>,
    remark: String,
    advice: Option<String>,
    chart: Option<Chart>,
    polls: Vec<Poll<'a>>,
    samples: Vec<Sample>,
}

struct Poll<'a> {
    row: &'a HistoryRow,
    time: Time,
    /// Whether it went well after one that failed.
    is_recovery: bool,
}

struct Sample {
    title: String,
    original: Option<String>,
    language: Option<String>,
    story: String,
    explain: String,
}

/// The page; the polls newest first.
pub(in crate::web) fn source(
    source: &SourceReport,
    polls: &[HistoryRow],
    entries: &[StoredEntry],
    base: &Url,
    setting: &Setting,
) -> Body {
    let frame = Frame::new(base, setting);
    let sample = |stored: &StoredEntry| Sample {
        title: if stored.entry.title.is_empty() { stored.river_id.clone() } else { stored.entry.title.clone() },
        original: stored.entry.title_original.clone(),
        language: language_of(stored.entry.language.as_deref(), &stored.entry.title),
        story: frame.story(&stored.river_id),
        explain: format!("{}explain?entry={}", frame.root, segment(&stored.river_id)),
    };
    let pulse = |row: &HistoryRow| Pulse {
        new: row.error_kind.is_none().then_some(row.counts.new),
        elapsed_ms: row.elapsed_ms,
    };
    let pulses: Vec<Pulse> = polls.iter().map(pulse).collect();
    let page = Page {
        source,
        river: format!("{}sources/{}/", frame.root, segment(&source.id)),
        last_poll: frame.time_of(source.last_poll.as_ref()),
        last_success: frame.time_of(source.last_success.as_ref()),
        next_poll: frame.time_of(source.next_poll.as_ref()),
        reason: source.reason.map(|reason| frame.t.reason(reason)),
        remark: remark(source, frame.t),
        advice: advice(source, frame.t),
        chart: Chart::new(&pulses, frame.t),
        polls: polls
            .iter()
            .enumerate()
            .map(|(at, row)| Poll {
                row,
                time: frame.time(row.at.fixed_offset()),
                is_recovery: row.error_kind.is_none()
                    && polls.get(at + 1).is_some_and(|before| before.error_kind.is_some()),
            })
            .collect(),
        samples: entries.iter().map(sample).collect(),
        f: frame,
    };
    html(&page, None, "no-store")
}
