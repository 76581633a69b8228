//! `[log]`: where log lines go, how they look, and which of them are written.

use std::path::{Path, PathBuf};

use super::section::{Findings, Section};

/// Where log lines go and how they look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A filter of `tracing`: a level, or `target=level` parts.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
    /// A file beside stderr, rotated daily.
    pub file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// The levels of the log, the loudest last; `off` writes nothing.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What other programs call these levels.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("warning", "warn"),
    ("warnings", "warn"),
    ("quiet", "warn"),
    ("err", "error"),
    ("critical", "error"),
    ("fatal", "error"),
    ("information", "info"),
    ("notice", "info"),
    ("normal", "info"),
    ("verbose", "debug"),
    ("all", "trace"),
    ("none", "off"),
];

impl Log {
    /// The filter of `tracing` that this level means: newsriver at that level, libraries only where they fail,
    /// unless the level names them (`"info,hyper=debug"`).
    #[must_use]
    pub fn filter(&self) -> String {
        filter_of(&self.level)
    }
}

/// As [`Log::filter`], of a level in words.
#[must_use]
pub fn filter_of(level: &str) -> String {
    let part = |part: &str| match part.trim() {
        "off" => "off".to_owned(),
        part if part.contains('=') => part.to_owned(),
        part => format!("error,newsriver={part}"),
    };
    level.split(',').map(part).collect::<Vec<_>>().join(",")
}

pub(super) fn read(mut section: Section<'_>, folder: &Path, findings: &Findings<'_>) -> Log {
    let level = section.get("level", "a level in quotes, such as \"info\"", |v| {
        v.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
    });
    let level = level.and_then(|found| match unknown_level(&found.value) {
        None => Some(found.value.to_ascii_lowercase()),
        Some(unknown) => {
            findings.add(
                found.span,
                format!("`{unknown}` in `level` is no level of the log"),
                format!(
                    "did you mean `{}`? Levels are error, warn, info, debug and trace; or a filter such as \"info,newsriver::fetch=debug\"",
                    nearest(&unknown)
                ),
            );
            None
        }
    });
    let format = section.get("format", "\"pretty\" or \"json\"", |v| match v.as_str() {
        Some("pretty") => Some(LogFormat::Pretty),
        Some("json") => Some(LogFormat::Json),
        _ => None,
    });
    let file = section.text("file").map(|f| folder.join(f.value));
    section.finish();
    Log {
        level: level.unwrap_or_else(|| "info".to_owned()),
        format: format.map_or(LogFormat::Pretty, |f| f.value),
        file,
    }
}

/// The first part of a level or filter that is none.
fn unknown_level(text: &str) -> Option<String> {
    let level = |word: &str| LEVELS.contains(&word.trim().to_ascii_lowercase().as_str());
    let target = |word: &str| {
        let word = word.trim();
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
    };
    let part = |part: &str| match part.split_once('=') {
        None => (!level(part)).then(|| part.trim().to_owned()),
        Some((name, _)) if !target(name) => Some(name.trim().to_owned()),
        Some((_, word)) => (!level(word)).then(|| word.trim().to_owned()),
    };
    text.split(',').find_map(part)
}

/// The level that a word most probably means.
fn nearest(word: &str) -> &'static str {
    let word = word.to_ascii_lowercase();
    let same = OTHER_NAMES.iter().find(|(name, _)| *name == word).map(|(_, level)| *level);
    let near = || LEVELS.into_iter().min_by_key(|level| strsim::damerau_levenshtein(&word, level));
    same.or_else(near).unwrap_or("info")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError};

    fn check(level: &str) -> Result<Log, ConfigError> {
        Config::check(&format!("[log]\nlevel = \"{level}\"\n"), Path::new("feeds.toml")).map(|config| config.log)
    }

    #[test]
    fn a_word_that_is_no_level_is_an_error_with_the_nearest() {
        for (word, near) in [
            ("warning", "warn"),
            ("verbose", "debug"),
            ("inof", "info"),
            ("errors", "error"),
            ("WARNING", "warn"),
            ("info,newsriver::fetch=verbose", "debug"),
            ("newsriver::fetch", "trace"),
            ("info,", "off"),
        ] {
            let error = check(word).err().unwrap_or_else(|| panic!("{word} is taken"));
            assert!(word.contains("::") || error.to_string().contains(&format!("did you mean `{near}`?")), "{error}");
            assert!(error.to_string().starts_with("feeds.toml:2:9: "), "{error}");
        }
    }

    #[test]
    fn libraries_are_heard_only_where_they_fail_or_are_named() -> Result<(), ConfigError> {
        for (level, filter) in [
            ("info", "error,newsriver=info"),
            ("WARN", "error,newsriver=warn"),
            ("off", "off"),
            ("info,hyper=debug", "error,newsriver=info,hyper=debug"),
            ("newsriver::fetch=trace", "newsriver::fetch=trace"),
        ] {
            let found = check(level)?.filter();
            assert_eq!(found, filter);
            assert!(found.parse::<tracing_subscriber::filter::Targets>().is_ok(), "{found}");
        }
        Ok(())
    }
}
