//! `newsriver why` and `newsriver rename`: one source, in a sentence or under another id.

use std::path::Path;

use chrono::{DateTime, Local, TimeDelta, Utc};

use super::{Ending, feeds_file, load, note, print};
use crate::config::{Config, edit};
use crate::model::moved::Move;
use crate::model::source::{Source, SourceId};
use crate::store::{DaemonLock, SourceRow, Store, StoreError};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The source
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct RenameArguments {
    /// The source
    #[arg(value_name = "OLD")]
    old: String,
    /// Its new id
    #[arg(value_name = "NEW")]
    new: String,
}

fn known<'a>(config: &'a Config, id: &str) -> Result<&'a Source, Ending> {
    config.source(id).ok_or_else(|| {
        let near = config.sources.iter().min_by_key(|source| strsim::damerau_levenshtein(id, source.id.as_str()));
        let hint = near.map(|near| format!("; did you mean `{}`?", near.id)).unwrap_or_default();
        Ending::Usage(format!("there is no source `{id}` in feeds.toml{hint}"))
    })
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<(), Ending> {
    let config = load(path)?;
    let source = known(&config, &arguments.id)?;
    let rows = match Store::look_at(&config.store) {
        Ok(store) => store.sources()?,
        // Before the first start there is none, and that is the answer.
        Err(StoreError::Missing(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let row = rows.into_iter().find(|row| row.id == source.id);
    print(&paragraph(source, row.as_ref(), Utc::now()))
}

/// Why a source is polled when it is, and what is wrong with it.
fn paragraph(source: &Source, row: Option<&SourceRow>, now: DateTime<Utc>) -> String {
    let id = &source.id;
    if !source.enabled {
        return format!("{id} is paused: `enabled = false` in feeds.toml. Its entries stay.");
    }
    let Some((row, last)) = row.and_then(|row| Some((row, row.state.last_poll?))) else {
        return format!(
            "{id} was never polled. A running daemon polls it within seconds; `newsriver poll {id}` does now."
        );
    };
    let state = &row.state;
    let mut said = Vec::new();
    match &state.error {
        Some(_) if state.is_gone() => {
            return format!(
                "{id} is gone: its server answered 410 at {}, which means for ever. It is not polled again; `newsriver remove {id}` takes it out, `newsriver poll {id}` asks once more.",
                at(last)
            );
        }
        Some(error) => {
            let since = state.last_success.map_or_else(
                || "it never succeeded".to_owned(),
                |last| format!("the last success was at {}", at(last)),
            );
            said.push(format!(
                "{id} is failing: {} ({since}), the last at {} with {}: {}.",
                polls(state.failures_in_a_row),
                at(last),
                error.kind.name(),
                error.message.trim_end_matches('.')
            ));
            said.push("After each failure it waits longer before the next try, a day at most.".to_owned());
        }
        None => said.push(format!("{id} is well: it was last polled at {} and has {} entries.", at(last), row.entries)),
    }
    match state.next_poll {
        Some(next) if next < now - TimeDelta::minutes(2) => {
            said.push(format!(
                "It has been due since {}: no daemon is running with this feeds.toml, or its queue is long.",
                at(next)
            ));
        }
        Some(next) => said.push(format!("The next poll is at {}.", at(next))),
        None => {}
    }
    if state.error.is_none() {
        said.push(interval(source, row));
    }
    if let Some(target) = state.moved.as_ref().and_then(Move::target) {
        said.push(format!("Its server says that it moved to {target}; `newsriver fix` puts that into feeds.toml."));
    }
    said.join(" ")
}

/// What decides the interval.
fn interval(source: &Source, row: &SourceRow) -> String {
    let mut reasons = vec![format!(
        "between {} and {} (`min_every`, `every`)",
        length(source.min_every.as_secs()),
        length(source.every.as_secs())
    )];
    let recent = &row.state.activity.recent;
    match (recent.first(), recent.last()) {
        (Some(first), Some(last)) if recent.len() > 1 => {
            let gap = (last - first) / i64::try_from(recent.len() - 1).unwrap_or(1);
            reasons.push(format!("it publishes about every {}", length(gap.unsigned_abs())));
        }
        _ => reasons.push("how often it publishes is not known yet".to_owned()),
    }
    let hints = &row.state.hints;
    if let Some(minutes) = hints.ttl_minutes {
        reasons.push(format!("its document asks for {} (`ttl`)", length(u64::from(minutes) * 60)));
    }
    if let Some(seconds) = hints.update_seconds {
        reasons.push(format!("its document says that it is updated every {} (`sy:updatePeriod`)", length(seconds)));
    }
    if hints.skip_hours != 0 || hints.skip_days != 0 {
        reasons.push("its document names hours or days on which not to ask".to_owned());
    }
    format!("The interval follows from: {}.", reasons.join("; "))
}

fn polls(count: u32) -> String {
    if count == 1 { "the last poll failed".to_owned() } else { format!("{count} polls in a row failed") }
}

fn at(moment: DateTime<Utc>) -> String {
    moment.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A span in its two largest units: `1 h 30 min`.
fn length(seconds: u64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

pub(super) fn rename(path: &Path, arguments: &RenameArguments) -> Result<(), Ending> {
    let store = load(path)?.store;
    // A running daemon knows the source by its old id and would go on storing under it; none may start meanwhile.
    let (_lock, store) = if store.exists() {
        let lock = DaemonLock::acquire(&store, Utc::now()).map_err(|error| match error {
            StoreError::Held { holder, .. } => {
                Ending::Failed(format!("the daemon is running ({holder}); stop it, rename, and start it again"))
            }
            error => error.into(),
        })?;
        (Some(lock), Some(Store::open_existing(&store)?))
    } else {
        (None, None)
    };
    let mut is_stored = None;
    let renamed = feeds_file::change(path, |text, config| {
        let old = known(config, &arguments.old)?.id.clone();
        let new = SourceId::new(&arguments.new)
            .map_err(|error| Ending::Usage(format!("`{}` is no id: {error}", arguments.new)))?;
        if config.source(new.as_str()).is_some() {
            return Err(Ending::Usage(format!("there is a source `{new}` already")));
        }
        let after = edit::rename(text, &old, &new)?;
        let entries = match &store {
            Some(store) => store.rename_source(&old, &new)?.ok_or_else(|| {
                Ending::Failed(format!("the store holds entries of an earlier source `{new}`; choose another id"))
            })?,
            None => 0,
        };
        is_stored = Some((old.clone(), new.clone()));
        let is_named = text.contains(&format!("source:{old}"));
        Ok((Some(after), (old, new, entries, is_named)))
    });
    let (old, new, entries, is_named) = match (renamed, &store, is_stored) {
        (Ok(renamed), ..) => renamed,
        // Both or neither: the store follows feeds.toml.
        (Err(ending), Some(store), Some((old, new))) => {
            store.rename_source(&new, &old)?;
            return Err(ending);
        }
        (Err(ending), ..) => return Err(ending),
    };
    if is_named {
        note(&format!("newsriver: a filter in feeds.toml names source:{old}; change it by hand"));
    }
    print(&format!("{old} is {new} now, with {entries} entries; its feed is at /sources/{new}/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::{ErrorKind, Failure, SourceState};
    use crate::model::source::Address;

    fn source() -> Source {
        Config::lone_source(Address::File("a.xml".into()))
    }

    fn row(state: SourceState) -> SourceRow {
        SourceRow { id: source().id, name: "a".into(), address: "file:a.xml".into(), entries: 7, state }
    }

    #[test]
    fn each_state_has_its_reason() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let polled = SourceState {
            last_poll: Some(now - TimeDelta::minutes(10)),
            last_success: Some(now - TimeDelta::minutes(10)),
            next_poll: Some(now + TimeDelta::minutes(10)),
            ..SourceState::default()
        };
        let failing = SourceState {
            error: Some(Failure { kind: ErrorKind::Dns, message: "no such name".into() }),
            failures_in_a_row: 3,
            ..polled.clone()
        };
        let late = SourceState { next_poll: Some(now - TimeDelta::hours(1)), ..polled.clone() };
        let gone = SourceState { http_status: Some(410), ..failing.clone() };
        for (state, words) in [
            (polled, "a-xml is well: it was last polled at"),
            (failing, "3 polls in a row failed"),
            (late, "no daemon is running with this feeds.toml"),
            (gone, "a-xml is gone"),
        ] {
            let said = paragraph(&source(), Some(&row(state)), now);
            assert!(said.contains(words) && !said.contains('\n'), "{words}: {said}");
        }
        assert!(paragraph(&source(), None, now).contains("was never polled"));
        let paused = Source { enabled: false, ..source() };
        assert!(paragraph(&paused, None, now).contains("is paused"));
    }

    #[test]
    fn spans_are_told_in_two_units() {
        for (seconds, wanted) in
            [(0, "0 s"), (90, "1 min 30 s"), (5400, "1 h 30 min"), (86_400, "1 d"), (90_061, "1 d 1 h")]
        {
            assert_eq!(length(seconds), wanted);
        }
    }
}
