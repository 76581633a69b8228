//! What the daemon counts, in the text format of Prometheus (version 0.0.4): names end in their unit,
//! counters in `_total`. Counting is an addition to an atomic; text is made when it is asked for.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::report::{ErrorKind, PollReport, PollStatus};

/// Upper bounds of the classes of durations, seconds.
const BOUNDS: [f64; 10] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Durations in classes.
#[derive(Debug, Default)]
struct Durations {
    /// One for each bound, and one for what is longer.
    classes: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Durations {
    fn add(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let class = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.classes[class].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        head(out, name, "histogram", help);
        let mut below = 0;
        for (bound, class) in BOUNDS.iter().zip(&self.classes) {
            below += class.load(Ordering::Relaxed);
            line(out, &format!("{name}_bucket{{le=\"{bound}\"}}"), below as f64);
        }
        let all = below + self.classes[BOUNDS.len()].load(Ordering::Relaxed);
        line(out, &format!("{name}_bucket{{le=\"+Inf\"}}"), all as f64);
        line(out, &format!("{name}_sum"), self.microseconds.load(Ordering::Relaxed) as f64 / 1e6);
        line(out, &format!("{name}_count"), all as f64);
    }
}

/// What is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    polls: [AtomicU64; 4],
    /// By their kind; faults of newsriver are `internal`.
    failures: [AtomicU64; ErrorKind::ALL.len()],
    poll_time: Durations,
    bytes: AtomicU64,
    new: AtomicU64,
    changed: AtomicU64,
    render_time: Durations,
    /// By the first digit of the status.
    requests: [AtomicU64; 6],
    /// Sources that are due and wait for their turn.
    queued: AtomicU64,
    /// Sources that are being polled.
    running: AtomicU64,
    /// How long the source that is due longest has waited, milliseconds.
    lag: AtomicU64,
}

/// What is measured rather than counted.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// Seconds since 1970.
    pub started: i64,
    /// Entries in the store.
    pub entries: u64,
    /// Stories in the river.
    pub stories: u64,
    /// Sources by their state.
    pub states: Vec<(&'static str, u64)>,
    /// The size of the store, bytes.
    pub store_bytes: u64,
}

const STATUSES: [PollStatus; 4] = [PollStatus::Ok, PollStatus::NotModified, PollStatus::Unchanged, PollStatus::Failed];

impl Metrics {
    /// Counts a poll.
    pub fn polled(&self, report: &PollReport) {
        if let Some(place) = STATUSES.iter().position(|status| *status == report.status) {
            self.polls[place].fetch_add(1, Ordering::Relaxed);
        }
        if let Some(error) = &report.error {
            self.failed(error.kind);
        }
        self.poll_time.add(report.elapsed);
        self.bytes.fetch_add(report.bytes, Ordering::Relaxed);
        self.new.fetch_add(report.counts.new.into(), Ordering::Relaxed);
        self.changed.fetch_add(report.counts.changed.into(), Ordering::Relaxed);
    }

    /// Counts a failure of a poll.
    pub fn failed(&self, kind: ErrorKind) {
        if let Some(place) = ErrorKind::ALL.iter().position(|known| *known == kind) {
            self.failures[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a rendering of the river.
    pub fn rendered(&self, elapsed: Duration) {
        self.render_time.add(elapsed);
    }

    /// Counts an answer to a reader.
    pub fn answered(&self, status: u16) {
        if let Some(count) = self.requests.get(usize::from(status / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes the queue of sources: how many wait, how many are polled, how long the first has waited.
    pub fn queue(&self, queued: usize, running: usize, lag: Duration) {
        self.lag.store(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.queued.store(queued as u64, Ordering::Relaxed);
        self.running.store(running as u64, Ordering::Relaxed);
    }

    /// How long the source due longest has waited.
    #[must_use]
    pub fn lag(&self) -> Duration {
        Duration::from_millis(self.lag.load(Ordering::Relaxed))
    }

    /// All of it as text.
    #[must_use]
    pub fn render(&self, gauges: &Gauges) -> String {
        let mut out = String::with_capacity(4096);
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        head(&mut out, "newsriver_build_info", "gauge", "Which newsriver this is.");
        line(&mut out, &format!("newsriver_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0);
        single(&mut out, "process_start_time_seconds", "gauge", "When it started.", gauges.started as f64);
        head(&mut out, "newsriver_polls_total", "counter", "Polls, by how they ended.");
        for (status, count) in STATUSES.iter().zip(&self.polls) {
            line(&mut out, &format!("newsriver_polls_total{{status=\"{}\"}}", status.name()), of(count));
        }
        head(&mut out, "newsriver_poll_failures_total", "counter", "Polls that failed, by the kind of error.");
        for (kind, count) in ErrorKind::ALL.iter().zip(&self.failures) {
            line(&mut out, &format!("newsriver_poll_failures_total{{kind=\"{}\"}}", kind.name()), of(count));
        }
        self.poll_time.write(&mut out, "newsriver_poll_duration_seconds", "How long polls took, commit included.");
        single(&mut out, "newsriver_poll_bytes_total", "counter", "Bytes of documents, decompressed.", of(&self.bytes));
        single(&mut out, "newsriver_entries_new_total", "counter", "Entries that were new.", of(&self.new));
        single(&mut out, "newsriver_entries_changed_total", "counter", "Entries that changed.", of(&self.changed));
        single(&mut out, "newsriver_entries", "gauge", "Entries in the store.", gauges.entries as f64);
        single(&mut out, "newsriver_stories", "gauge", "Stories in the river.", gauges.stories as f64);
        head(&mut out, "newsriver_sources", "gauge", "Sources, by their state.");
        for (state, count) in &gauges.states {
            line(&mut out, &format!("newsriver_sources{{state=\"{state}\"}}"), *count as f64);
        }
        single(&mut out, "newsriver_sources_queued", "gauge", "Sources that are due and wait.", of(&self.queued));
        single(&mut out, "newsriver_sources_running", "gauge", "Sources that are being polled.", of(&self.running));
        let lag = of(&self.lag) / 1000.0;
        single(&mut out, "newsriver_queue_lag_seconds", "gauge", "How long the source due longest has waited.", lag);
        single(&mut out, "newsriver_store_bytes", "gauge", "Size of the store.", gauges.store_bytes as f64);
        self.render_time.write(&mut out, "newsriver_render_duration_seconds", "How long renderings of the river took.");
        head(&mut out, "newsriver_http_requests_total", "counter", "Answers to readers, by class of status.");
        for (class, count) in self.requests.iter().enumerate().skip(2) {
            line(&mut out, &format!("newsriver_http_requests_total{{code=\"{class}xx\"}}"), of(count));
        }
        out
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
}

fn line(out: &mut String, name: &str, value: f64) {
    // Writing to a string cannot fail.
    if writeln!(out, "{name} {value}").is_err() {
        tracing::debug!("a line of the metrics was lost");
    }
}

fn single(out: &mut String, name: &str, kind: &str, help: &str, value: f64) {
    head(out, name, kind, help);
    line(out, name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_that_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.answered(200);
        metrics.answered(999);
        metrics.rendered(Duration::from_millis(30));
        metrics.queue(3, 2, Duration::from_millis(1500));
        metrics.failed(ErrorKind::Internal);
        let text = metrics.render(&Gauges { entries: 7, states: vec![("ok", 2)], ..Gauges::default() });
        for wanted in [
            "newsriver_http_requests_total{code=\"2xx\"} 1\n",
            "newsriver_render_duration_seconds_bucket{le=\"0.02\"} 0\n",
            "newsriver_render_duration_seconds_bucket{le=\"0.05\"} 1\n",
            "newsriver_render_duration_seconds_bucket{le=\"+Inf\"} 1\n",
            "newsriver_render_duration_seconds_sum 0.03\n",
            "newsriver_entries 7\n",
            "newsriver_sources{state=\"ok\"} 2\n",
            "newsriver_sources_queued 3\n",
            "newsriver_queue_lag_seconds 1.5\n",
            "newsriver_poll_failures_total{kind=\"internal\"} 1\n",
        ] {
            assert!(text.contains(wanted), "{wanted} in\n{text}");
        }
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').unwrap_or_default();
            assert!(value.parse::<f64>().is_ok() && name.starts_with(['n', 'p']), "{line}");
        }
    }

    #[test]
    fn the_dashboard_shows_what_there_is() {
        let text = Metrics::default().render(&Gauges { states: vec![("ok", 0)], ..Gauges::default() });
        let dashboard = include_str!("../contrib/grafana.json");
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let names = dashboard.match_indices("newsriver_").map(|(at, _)| {
            let rest = &dashboard[at..];
            &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())]
        });
        let missing: Vec<&str> = names.filter(|name| !text.contains(&format!("\n{name}"))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
