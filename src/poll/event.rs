//! The one log event of a poll, and that of a source that is well again.

use crate::model::report::PollReport;

/// Writes the one log event of a poll.
pub fn log(report: &PollReport) {
    let counts = report.counts;
    let http = report.http_status;
    let elapsed_ms = u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX);
    let next_poll =
        report.next_poll.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    macro_rules! event {
        ($level:ident, $($rest:tt)*) => {
            tracing::$level!(
                source.id = %report.source, poll.status = report.status.name(), http.status = http, bytes = report.bytes, elapsed_ms,
                entries.new = counts.new, entries.changed = counts.changed, entries.unchanged = counts.unchanged, next_poll, $($rest)*
            )
        };
    }
    match &report.error {
        Some(error) => event!(
            warn,
            error.kind = error.kind.name(),
            "polled {}: {}: {}",
            report.source,
            error.kind.name(),
            error.message
        ),
        None if report.warnings.is_empty() => event!(
            info,
            "polled {}: {}, {} new, {} changed",
            report.source,
            report.status.name(),
            counts.new,
            counts.changed
        ),
        None => event!(
            info,
            warnings = report.warnings.join("; "),
            "polled {}: {}, {} new, {} changed",
            report.source,
            report.status.name(),
            counts.new,
            counts.changed
        ),
    }
}

/// Writes that a source is well again after so many failures in a row.
pub fn log_recovery(report: &PollReport, failures: u32) {
    if failures > 0 && report.error.is_none() {
        tracing::info!(source.id = %report.source, failures, "source recovered");
    }
}
