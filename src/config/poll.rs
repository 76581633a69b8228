//! `[poll]` -> what every source starts from; a group and a source read the same keys.

use std::time::Duration;

use toml::de::DeValue;
use url::Url;

use super::defaults;
use super::section::{Findings, Found, Section};
use crate::model::cleaning::Rules;
use crate::model::source::Timeouts;

/// What a source starts from: what `[poll]` sets for all, and a group for its own.
#[derive(Clone)]
pub(super) struct PollDefaults {
    pub(super) every: Duration,
    pub(super) min_every: Duration,
    pub(super) timeouts: Timeouts,
    pub(super) max_bytes: u64,
    pub(super) per_host: usize,
    pub(super) initial: Option<usize>,
    pub(super) allow_private: bool,
    pub(super) host_gap: Option<Duration>,
    pub(super) proxy: Option<Url>,
    pub(super) robots: bool,
    pub(super) user_agent: Option<String>,
    pub(super) clean: Rules,
}

impl PollDefaults {
    /// Those of a source where feeds.toml says nothing.
    pub(super) fn built_in() -> Self {
        Self {
            every: defaults::EVERY,
            min_every: defaults::MIN_EVERY,
            timeouts: Timeouts {
                connect: defaults::CONNECT_TIMEOUT,
                first_byte: defaults::FIRST_BYTE_TIMEOUT,
                whole: defaults::TIMEOUT,
            },
            max_bytes: defaults::MAX_BYTES,
            per_host: defaults::PER_HOST,
            initial: None,
            allow_private: false,
            host_gap: None,
            proxy: None,
            robots: true,
            user_agent: None,
            clean: Rules::default(),
        }
    }
}

/// The keys that set what sources start from; what is not stated is `inherited`.
pub(super) fn read(section: &mut Section<'_>, inherited: &PollDefaults, findings: &Findings<'_>) -> PollDefaults {
    let (every, min_every) = read_intervals(section, inherited.every, inherited.min_every, findings);
    let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
    let proxy = section.get("proxy", "http://host:port, or \"\" for none", text);
    PollDefaults {
        every,
        min_every,
        timeouts: read_timeouts(section, inherited.timeouts),
        max_bytes: section.size("max_bytes").unwrap_or(inherited.max_bytes),
        per_host: section.count("per_host", 1..=1000).unwrap_or(inherited.per_host),
        initial: section.count("initial", 0..=1_000_000).or(inherited.initial),
        allow_private: section.flag("allow_private").unwrap_or(inherited.allow_private),
        host_gap: section.duration("host_gap").map(|f| f.value).or(inherited.host_gap),
        proxy: match proxy {
            Some(found) if found.value.is_empty() => None,
            Some(found) => read_proxy(&found, findings),
            None => inherited.proxy.clone(),
        },
        robots: section.flag("robots").unwrap_or(inherited.robots),
        user_agent: section.text("user_agent").map(|f| f.value).or_else(|| inherited.user_agent.clone()),
        clean: inherited.clean.clone(),
    }
}

/// `every` and `min_every`: a stated `every` below the default of `min_every` lowers that too.
fn read_intervals(
    section: &mut Section<'_>,
    every: Duration,
    min_every: Duration,
    findings: &Findings<'_>,
) -> (Duration, Duration) {
    let stated = section.duration("every");
    let stated_min = section.duration("min_every");
    for found in stated.iter().chain(&stated_min) {
        if found.value < Duration::from_secs(1) {
            findings.add(found.span.clone(), "an interval below one second", "expected at least \"1s\"");
        }
    }
    let every = stated.map_or(every, |f| f.value);
    match stated_min {
        Some(found) if found.value > every => {
            findings.add(found.span, "`min_every` is longer than `every`", "expected at most `every`");
            (every, every)
        }
        Some(found) => (every, found.value),
        None => (every, min_every.min(every)),
    }
}

fn read_timeouts(section: &mut Section<'_>, inherited: Timeouts) -> Timeouts {
    let positive = |found: Option<Found<Duration>>| found.map(|f| f.value).filter(|d| !d.is_zero());
    let whole = positive(section.duration("timeout")).unwrap_or(inherited.whole);
    let first_byte = positive(section.duration("first_byte_timeout")).unwrap_or(inherited.first_byte).min(whole);
    Timeouts { connect: inherited.connect, first_byte, whole }
}

/// A proxy; credentials may stand in it.
fn read_proxy(found: &Found<String>, findings: &Findings<'_>) -> Option<Url> {
    match Url::parse(&found.value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
        _ => {
            findings.add(
                found.span.clone(),
                "`proxy` is no address of a proxy",
                "expected http://host:port, or \"\" for none",
            );
            None
        }
    }
}
