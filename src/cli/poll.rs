//! `newsriver poll`: one round now, with a bar and a table.

use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::table::{Cell, Table, Tone};
use super::{Ending, contact, load, print_json, print_table, runtime};
use crate::config::Config;
use crate::fetch::Fetcher;
use crate::model::report::{PollReport, PollStatus};
use crate::model::source::Source;
use crate::observe::{self, Loudness};
use crate::poll::{self, Poller};
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The sources to poll; all of them if none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Fetch and read even what did not change
    #[arg(long)]
    force: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(path: &Path, loudness: Loudness, arguments: &Arguments) -> Result<(), Ending> {
    let config = load(path)?;
    let sources = chosen(&config, &arguments.ids)?;
    // The table tells what the log would; only what is wrong is logged beside it.
    let loudness = if loudness == Loudness::Configured { Loudness::Quiet } else { loudness };
    let log = observe::start(&config.log, loudness)
        .map_err(|error| Ending::Failed(format!("the log cannot start: {error}")))?;
    let reports = runtime()?.block_on(round(&config, sources, arguments.force))?;
    drop(log);
    if arguments.json {
        let rows: Vec<_> = reports.iter().map(row_json).collect();
        print_json(&rows)?;
    } else {
        let (table, below) = summary(&reports);
        print_table(&table, &below)?;
    }
    let failed = reports.iter().filter(|r| r.status == PollStatus::Failed).count();
    if failed > 0 && failed == reports.len() {
        return Err(Ending::Failed(format!("every source failed ({failed} of {failed})")));
    }
    Ok(())
}

/// The sources that are named, in the order of feeds.toml; all that are enabled if none is.
fn chosen(config: &Config, ids: &[String]) -> Result<Vec<Source>, Ending> {
    if let Some(unknown) = ids.iter().find(|id| config.source(id).is_none()) {
        let known: Vec<&str> = config.sources.iter().map(|s| s.id.as_str()).collect();
        let near = known.iter().min_by_key(|k| strsim::damerau_levenshtein(unknown, k));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(Ending::Usage(format!("there is no source `{unknown}` in feeds.toml{hint}")));
    }
    let wanted =
        |source: &&Source| if ids.is_empty() { source.enabled } else { ids.iter().any(|id| id == source.id.as_str()) };
    Ok(config.sources.iter().filter(wanted).cloned().collect())
}

async fn round(config: &Config, sources: Vec<Source>, force: bool) -> Result<Vec<PollReport>, Ending> {
    let store = Store::open(&config.store)?;
    store.set_priorities(config.priorities());
    let base = contact(config);
    let fetcher = Fetcher::new(&base, config.connect_timeout, Default::default())?;
    let authority = poll::authority(&url::Url::parse(&base)?);
    let poller = Poller::new(fetcher, store.clone(), &authority).by_hand();
    let states: std::collections::HashMap<_, _> = store.sources()?.into_iter().map(|row| (row.id, row.state)).collect();
    let known = config.sources.iter().map(|source| (source, states.get(&source.id)));
    poller.share_out(known, config.mean_every, Utc::now());
    let bar = progress(sources.len());
    let all = Arc::new(Semaphore::new(config.concurrency));
    let mut hosts = std::collections::HashMap::new();
    let mut polls = JoinSet::new();
    for (place, source) in sources.into_iter().enumerate() {
        let host = source.address.host().map(|host| {
            hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(source.per_host))).clone()
        });
        let (poller, all, state) = (poller.clone(), all.clone(), states.get(&source.id).cloned().unwrap_or_default());
        polls.spawn(async move {
            // Its host's turn first, so that a slow host holds no place that others could use.
            let turn = match host {
                Some(host) => host.acquire_owned().await.ok(),
                None => None,
            };
            let place_in_all = all.acquire_owned().await;
            let polled = poller.poll(&source, &state, force).await;
            drop((turn, place_in_all));
            (place, polled.report)
        });
    }
    let mut reports = Vec::new();
    while let Some(ended) = polls.join_next().await {
        let (place, report) = ended?;
        bar.suspend(|| poll::log(&report));
        bar.inc(1);
        bar.set_message(report.source.to_string());
        reports.push((place, report));
    }
    bar.finish_and_clear();
    store.touch(Utc::now())?;
    store.close().await;
    reports.sort_by_key(|(place, _)| *place);
    Ok(reports.into_iter().map(|(_, report)| report).collect())
}

/// A bar on a terminal, nothing elsewhere.
fn progress(length: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

fn summary(reports: &[PollReport]) -> (Table, String) {
    let mut rows = Table::new(&["source", "status", "http", "bytes", "time", "new", "changed", "unchanged", ""]);
    for report in reports {
        let said = report
            .error
            .as_ref()
            .map(|e| format!("{}: {}", e.kind.name(), e.message))
            .unwrap_or_else(|| report.warnings.join("; "));
        rows.add_row([
            Cell::from(report.source.to_string()),
            Cell::new(report.status.name(), Tone::of_poll(report.status.name())),
            report.http_status.map(|s| s.to_string()).unwrap_or_default().into(),
            report.bytes.to_string().into(),
            format!("{} ms", report.elapsed.as_millis()).into(),
            report.counts.new.to_string().into(),
            report.counts.changed.to_string().into(),
            report.counts.unchanged.to_string().into(),
            said.into(),
        ]);
    }
    let failed = reports.iter().filter(|r| r.status == PollStatus::Failed).count();
    let sum = |count: fn(&PollReport) -> u32| reports.iter().map(count).sum::<u32>();
    let (new, changed) = (sum(|r| r.counts.new), sum(|r| r.counts.changed));
    let below = format!("{} sources, {failed} failed; {new} entries new, {changed} changed", reports.len());
    (rows, below)
}

fn row_json(report: &PollReport) -> serde_json::Value {
    json!({
        "source": report.source, "at": report.started_at, "status": report.status.name(), "http_status": report.http_status,
        "bytes": report.bytes, "elapsed_ms": u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX), "new": report.counts.new,
        "changed": report.counts.changed, "unchanged": report.counts.unchanged, "warnings": report.warnings, "error": report.error,
        "next_poll": report.next_poll,
    })
}
