//! The health of all sources as a page.

use std::collections::HashMap;
use std::time::Duration;

use askama::Template;
use chrono::TimeDelta;
use url::Url;

use super::chart::Chart;
use super::frame::{Frame, Setting, Time};
use super::html;
use crate::language::Language;
use crate::model::part::segment;
use crate::model::source::SourceId;
use crate::status::{Report, SourceReport};
use crate::store::Pulse;
use crate::web::body::Body;

/// Sources that fail which are named before the table.
const NAMED: usize = 8;

/// Polls that start later than this are worth a word.
const WORTH_A_WORD: Duration = Duration::from_secs(60);

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
    f: Frame<'a>,
    title: &'a str,
    report: &'a Report,
    /// How late polls start, where that is worth a word.
    lag: Option<String>,
    /// How many sources fail, and the first of them.
    failing: Option<String>,
    trouble: Vec<Trouble>,
    counts: String,
    running: Option<String>,
    find: &'a str,
    state: &'a str,
    order: &'a str,
    states: Vec<(&'static str, usize)>,
    orders: [&'static str; 5],
    lines: Vec<Line<'a>>,
    events: Vec<String>,
}

/// A source that fails.
struct Trouble {
    name: String,
    url: String,
    since: String,
    advice: Option<String>,
}

struct Line<'a> {
    source: &'a SourceReport,
    url: String,
    chart: Option<Chart>,
    a_day: String,
    last_success: Option<Time>,
    next_poll: Option<Time>,
    reason: Option<String>,
    remark: String,
    advice: Option<String>,
}

/// The polls of the last days by source, newest first; and how many days.
pub(in crate::web) type Pulses = (HashMap<SourceId, Vec<Pulse>>, f64);

/// What the page shows beside the report.
pub(in crate::web) struct Beside<'a> {
    /// The polls of the last days.
    pub(in crate::web) pulses: &'a Pulses,
    /// The last log events.
    pub(in crate::web) events: Vec<String>,
    /// How late the source due longest is.
    pub(in crate::web) lag: Duration,
    /// The title of the river.
    pub(in crate::web) title: &'a str,
}

/// The page.
pub(in crate::web) fn status(
    report: &Report,
    beside: Beside<'_>,
    wanted: &Wanted,
    base: &Url,
    setting: &Setting,
) -> Body {
    let frame = Frame::new(base, setting);
    let t = frame.t;
    let mut lines: Vec<Line<'_>> = report
        .sources
        .iter()
        .filter(|source| wanted.holds(source))
        .map(|source| line(source, beside.pulses, &frame))
        .collect();
    wanted.sort(&mut lines);
    let count = |state: &'static str| (state, report.sources.iter().filter(|source| source.state == state).count());
    let mut failing: Vec<&SourceReport> = report.sources.iter().filter(|source| fails(source)).collect();
    failing.sort_by_key(|source| std::cmp::Reverse(source.failures_in_a_row));
    let late = || t.polls_are_late(&t.span(TimeDelta::from_std(beside.lag).unwrap_or(TimeDelta::MAX)));
    let page = Page {
        title: beside.title,
        report,
        lag: (beside.lag > WORTH_A_WORD).then(late),
        failing: (!failing.is_empty()).then(|| t.failing(failing.len(), report.sources.len())),
        trouble: failing.iter().take(NAMED).map(|source| trouble(source, &frame)).collect(),
        counts: t.river_counts(report.river.stories, report.river.entries),
        running: frame.time_of(report.started.as_ref()).map(|since| t.running_since(report.version, &since.shown)),
        find: &wanted.find,
        state: &wanted.state,
        order: &wanted.order,
        states: ["ok", "failing", "gone", "paused", "new"].map(count).into(),
        orders: ORDERS,
        lines,
        events: beside.events,
        f: frame,
    };
    html(&page, None, "no-store")
}

fn fails(source: &SourceReport) -> bool {
    matches!(source.state, "failing" | "gone")
}

fn trouble(source: &SourceReport, frame: &Frame<'_>) -> Trouble {
    let since = frame.time_of(source.last_success.as_ref()).map(|time| time.shown);
    Trouble {
        name: source.name.clone(),
        url: format!("{}status/{}", frame.root, segment(&source.id)),
        since: frame.t.failing_since(since.as_deref(), source.failures_in_a_row),
        advice: advice(source, frame.t),
    }
}

fn line<'a>(source: &'a SourceReport, pulses: &Pulses, frame: &Frame<'_>) -> Line<'a> {
    let polls = SourceId::new(&source.id).ok().and_then(|id| pulses.0.get(&id)).map_or(&[][..], Vec::as_slice);
    let new: u32 = polls.iter().filter_map(|poll| poll.new).sum();
    Line {
        source,
        url: format!("{}status/{}", frame.root, segment(&source.id)),
        chart: Chart::new(polls, frame.t),
        a_day: format!("{:.1}", f64::from(new) / pulses.1),
        last_success: frame.time_of(source.last_success.as_ref()),
        next_poll: frame.time_of(source.next_poll.as_ref()),
        reason: source.reason.map(|reason| frame.t.reason(reason)),
        remark: remark(source, frame.t),
        advice: advice(source, frame.t),
    }
}

/// What a person should know of a source, in a line: why it fails, else what is odd.
pub(super) fn remark(source: &SourceReport, t: Language) -> String {
    match (&source.error, &source.moved_to) {
        (Some(failure), _) => t.failure(failure, source.failures_in_a_row),
        (None, Some(target)) => t.moved(target),
        (None, None) => source.warnings.join("; "),
    }
}

/// What the reader can do about it.
pub(super) fn advice(source: &SourceReport, t: Language) -> Option<String> {
    if source.state == "gone" {
        return Some(t.gone().to_owned());
    }
    source.error.as_ref().map(|failure| t.advice(failure, source.http_status))
}
