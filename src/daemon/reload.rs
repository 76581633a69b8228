//! What a new configuration means for the running daemon: pure.
//!
//! A new source is due at once, as is one whose address or reading changed. A removed or disabled
//! one stops; its entries stay in the river until they age out of it, and in the store. Another
//! interval counts from the last poll. Everything else runs on as it was.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Config;
use crate::model::report::SourceState;
use crate::model::source::{Source, SourceId};
use crate::schedule::asked;

/// A source that gets another due time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) id: SourceId,
    pub(super) at: DateTime<Utc>,
    pub(super) host: Option<String>,
    pub(super) per_host: usize,
}

/// What changes with a new configuration.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) gone: Vec<SourceId>,
    pub(super) due: Vec<Due>,
    pub(super) needs_restart: Vec<&'static str>,
}

/// Compares two configurations.
pub(super) fn plan(
    before: &Config,
    after: &Config,
    state: impl Fn(&SourceId) -> SourceState,
    now: DateTime<Utc>,
) -> Plan {
    let mut plan = Plan::default();
    let running = |config: &Config, id: &SourceId| config.source(id.as_str()).filter(|s| s.enabled).cloned();
    plan.gone =
        before.sources.iter().filter(|s| s.enabled && running(after, &s.id).is_none()).map(|s| s.id.clone()).collect();
    for source in after.sources.iter().filter(|s| s.enabled) {
        let at = match running(before, &source.id) {
            None => {
                plan.added += 1;
                Some(now)
            }
            Some(old) if old == *source => None,
            Some(old) => {
                plan.changed += 1;
                let known = state(&source.id);
                // Another password may be what a failing source waits for.
                let other_request = (&old.credentials, &old.headers, &old.user_agent, &old.proxy)
                    != (&source.credentials, &source.headers, &source.user_agent, &source.proxy);
                if old.recipe() != source.recipe() || (other_request && known.failures_in_a_row > 0) {
                    Some(now)
                } else if (old.every, old.min_every) != (source.every, source.min_every) {
                    known.last_poll.and_then(|last| after_interval(last, source)).map(|due| due.max(now))
                } else {
                    known.next_poll
                }
            }
        };
        plan.due.extend(at.map(|at| Due {
            id: source.id.clone(),
            at,
            host: source.address.host().map(str::to_owned),
            per_host: source.per_host,
        }));
    }
    for (key, differs) in [
        ("server.listen", before.listen != after.listen),
        ("store.path", before.store != after.store),
        ("log", before.log != after.log),
    ] {
        if differs {
            plan.needs_restart.push(key);
        }
    }
    plan
}

/// When a source is due as the daemon starts: as the last run left it, unless the clock was set back
/// since; never, where it is gone.
pub(super) fn due_at_start(source: &Source, state: &SourceState, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let same = state.recipe.is_none() || state.recipe.as_deref() == Some(source.recipe().as_str());
    if same && state.is_gone() {
        return None;
    }
    let due = match (state.next_poll, state.last_poll) {
        (Some(next), Some(last)) if same => {
            // A clock that was set back must not leave a source for years.
            let last = last.min(now);
            // After a failure it may be the server that wants it so late.
            let latest = if state.failures_in_a_row > 0 { LATEST } else { source.every.max(asked(&state.hints)) };
            let latest = TimeDelta::from_std(latest).ok().and_then(|pause| last.checked_add_signed(pause));
            latest.map_or(next, |latest| next.min(latest)).max(last)
        }
        _ => now,
    };
    Some(due)
}

/// The longest that anything keeps a source from being polled.
const LATEST: Duration = Duration::from_secs(7 * 24 * 3600);

fn after_interval(last: DateTime<Utc>, source: &Source) -> Option<DateTime<Utc>> {
    last.checked_add_signed(TimeDelta::from_std(source.every).ok()?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::ConfigError;
    use crate::model::report::{ErrorKind, Failure};

    fn config(sources: &str) -> Result<Config, ConfigError> {
        Config::check(sources, Path::new("feeds.toml"))
    }

    fn source(id: &str, rest: &str) -> String {
        format!("[[source]]\nid = \"{id}\"\nurl = \"http://{id}.org/\"\n{rest}\n")
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + 60 * minutes, 0).unwrap_or_default()
    }

    fn polled(_: &SourceId) -> SourceState {
        SourceState { last_poll: Some(at(-10)), next_poll: Some(at(20)), ..SourceState::default() }
    }

    #[test]
    fn only_what_changed_gets_another_due_time() -> Result<(), ConfigError> {
        let before = config(&["same", "removed", "paused", "faster", "moved"].map(|id| source(id, "")).concat())?;
        let after = config(
            &[
                source("same", ""),
                source("paused", "enabled = false"),
                source("faster", "every = \"15m\""),
                source("moved", "charset = \"gbk\""),
                source("new", ""),
            ]
            .concat(),
        )?;
        let plan = plan(&before, &after, polled, at(0));
        let due: Vec<_> = plan.due.iter().map(|d| (d.id.as_str(), d.at)).collect();
        assert_eq!(due, [("faster", at(5)), ("moved", at(0)), ("new", at(0))]);
        assert_eq!(plan.gone.iter().map(SourceId::as_str).collect::<Vec<_>>(), ["removed", "paused"]);
        assert_eq!((plan.added, plan.changed), (1, 2));
        Ok(())
    }

    #[test]
    fn a_restart_goes_on_where_the_last_run_ended() -> Result<(), ConfigError> {
        let config = config(&source("a", ""))?;
        let source = &config.sources[0];
        let state = |last: i64, next: i64| SourceState {
            last_poll: Some(at(last)),
            next_poll: Some(at(next)),
            ..SourceState::default()
        };
        assert_eq!(due_at_start(source, &SourceState::default(), at(0)), Some(at(0)), "never polled");
        assert_eq!(due_at_start(source, &state(-2, 28), at(0)), Some(at(28)), "polled two minutes ago");
        assert_eq!(due_at_start(source, &state(-2, 9999), at(0)), Some(at(28)), "the interval was shortened");
        assert_eq!(
            due_at_start(source, &SourceState { recipe: Some("other".into()), ..state(-2, 28) }, at(0)),
            Some(at(0)),
            "the source was changed"
        );
        assert!(due_at_start(source, &state(5000, 5030), at(0)) <= Some(at(30)), "the clock was set back");
        let failure = Failure { kind: ErrorKind::HttpStatus, message: String::new() };
        let gone = SourceState {
            http_status: Some(410),
            error: Some(failure),
            recipe: Some(source.recipe()),
            ..state(-2, 28)
        };
        assert_eq!(due_at_start(source, &gone, at(0)), None, "the publisher has ended it");
        let moved = SourceState { recipe: Some("other".into()), ..gone };
        assert_eq!(due_at_start(source, &moved, at(0)), Some(at(0)), "it has another address");
        Ok(())
    }
}
