//! Logs: where lines go and how they look.

use std::borrow::Cow;
use std::io::IsTerminal;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{Log, LogFormat, filter_of};
use crate::model::recent::Recent;
use crate::model::{redact, visible};

/// How loud the command line asks the log to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loudness {
    /// As configured.
    #[default]
    Configured,
    /// `-v`
    Verbose,
    /// `-q`
    Quiet,
}

/// A log that was started; it must live as long as lines are to reach the file.
#[derive(Debug)]
pub struct Started {
    /// Writes what is left.
    _file: Option<WorkerGuard>,
    /// The last events.
    pub recent: Recent,
}

/// Starts the log.
///
/// `RUST_LOG` outranks the command line, which outranks feeds.toml.
///
/// # Errors
/// Where the log file's folder cannot be written, or a log was started before.
pub fn start(log: &Log, loudness: Loudness) -> Result<Started, Box<dyn std::error::Error + Send + Sync>> {
    let level = match loudness {
        Loudness::Configured => log.filter(),
        Loudness::Verbose => filter_of("debug"),
        Loudness::Quiet => filter_of("warn"),
    };
    let filter = match std::env::var("RUST_LOG") {
        Ok(wanted) if !wanted.is_empty() => EnvFilter::try_new(wanted)?,
        _ => EnvFilter::try_new(level)?,
    };
    let stderr = std::io::stderr;
    let to_stderr = layer(log.format, stderr, std::io::stderr().is_terminal());
    let (to_file, guard) = match &log.file {
        None => (None, None),
        Some(path) => {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
            let name = path.file_name().unwrap_or(std::ffi::OsStr::new("newsriver.log"));
            std::fs::create_dir_all(folder)?;
            let daily = tracing_appender::rolling::RollingFileAppender::builder()
                .rotation(tracing_appender::rolling::Rotation::DAILY)
                .filename_prefix(name.to_string_lossy())
                .max_log_files(14)
                .build(folder)?;
            let (writer, guard) = tracing_appender::non_blocking(daily);
            (Some(layer(log.format, writer, false)), Some(guard))
        }
    };
    let recent = Recent::default();
    let kept = layer(LogFormat::Pretty, Keeper(recent.clone()), false);
    tracing_subscriber::registry().with(filter).with(to_stderr.and_then(to_file).and_then(kept)).try_init()?;
    Ok(Started { _file: guard, recent })
}

/// Writes events into what is kept of them.
struct Keeper(Recent);

impl<'a> fmt::MakeWriter<'a> for Keeper {
    type Writer = Kept;

    fn make_writer(&'a self) -> Kept {
        Kept(self.0.clone())
    }
}

/// Each event is one write.
struct Kept(Recent);

impl std::io::Write for Kept {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.add(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn layer<S>(format: LogFormat, writer: S, colours: bool) -> Box<dyn Layer<Layered> + Send + Sync>
where
    S: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let safe = |kind| SafeWriter { inner: writer, kind };
    match (format, colours) {
        (LogFormat::Json, _) => fmt::layer().json().flatten_event(true).with_writer(safe(Kind::Json)).boxed(),
        (LogFormat::Pretty, false) => {
            fmt::layer().with_target(false).with_ansi(false).with_writer(safe(Kind::Plain)).boxed()
        }
        (LogFormat::Pretty, true) => {
            fmt::layer().with_target(false).with_ansi(true).with_writer(safe(Kind::Coloured)).boxed()
        }
    }
}

type Layered = tracing_subscriber::layer::Layered<EnvFilter, Registry>;

/// What a line is written as.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Json,
    Plain,
    Coloured,
}

/// The last thing before every line of the log: what is secret in addresses is masked, and what a terminal would obey
/// is shown, whoever wrote it and whichever module logs it.
struct SafeWriter<W> {
    inner: W,
    kind: Kind,
}

impl<'a, W: fmt::MakeWriter<'a>> fmt::MakeWriter<'a> for SafeWriter<W> {
    type Writer = SafeLine<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        SafeLine { inner: self.inner.make_writer(), kind: self.kind }
    }
}

/// Each event is one write.
struct SafeLine<W> {
    inner: W,
    kind: Kind,
}

impl<W: std::io::Write> std::io::Write for SafeLine<W> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.inner.write_all(safe(&text, self.kind).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

fn safe(line: &str, kind: Kind) -> String {
    if let Kind::Json = kind {
        return visible::json(&masked_json(line)).into_owned();
    }
    let line = redact::masked(line);
    match kind {
        Kind::Json => line.into_owned(),
        Kind::Plain => visible::lines(&line).into_owned(),
        // The colours are ours: the formatter has escaped what is in the event. Each ends at its `m`.
        Kind::Coloured => line
            .split('\u{1b}')
            .enumerate()
            .map(|(n, part)| match part.strip_prefix('[').and_then(|rest| rest.split_once('m')) {
                Some((codes, text)) if n > 0 && codes.bytes().all(|b| b.is_ascii_digit() || b == b';') => {
                    format!("\u{1b}[{codes}m{}", visible::lines(text))
                }
                _ if n > 0 => format!("\\u{{1b}}{}", visible::lines(part)),
                _ => visible::lines(part).into_owned(),
            })
            .collect(),
    }
}

/// As [`redact::masked`], of a JSON object in one line: an address in it may end at an escaped quote.
fn masked_json(line: &str) -> Cow<'_, str> {
    fn mask(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = redact::masked(text).into_owned(),
            serde_json::Value::Array(values) => values.iter_mut().for_each(mask),
            serde_json::Value::Object(values) => values.values_mut().for_each(mask),
            _ => {}
        }
    }
    if !line.contains("://") && !line.contains('?') {
        return line.into();
    }
    match serde_json::from_str::<serde_json::Value>(line) {
        Ok(mut value) => {
            mask(&mut value);
            format!("{value}\n").into()
        }
        Err(_) => redact::masked(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_passes_on_secrets_or_what_a_terminal_obeys() -> Result<(), serde_json::Error> {
        let quoted = serde_json::json!({ "m": "see \"https://e.org/?key=abc\\\" x", "n": 1 });
        let read: serde_json::Value = serde_json::from_str(&safe(&quoted.to_string(), Kind::Json))?;
        assert_eq!(read["m"], "see \"https://e.org/?key=***\" x");
        let line = "\u{1b}[32m INFO\u{1b}[0m at https://u:p@e.org/?key=1 \u{202e}x\u{9b}2J\u{1b}]0;t\u{7}\n";
        assert_eq!(
            safe(line, Kind::Coloured),
            "\u{1b}[32m INFO\u{1b}[0m at https://***@e.org/?key=*** \\u{202e}x\\u{9b}2J\\u{1b}]0;t\\u{7}\n"
        );
        assert!(!safe(line, Kind::Plain).contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{7}']));
        let json = safe(&serde_json::json!({ "m": line }).to_string(), Kind::Json);
        let read: serde_json::Value = serde_json::from_str(&json)?;
        assert!(read["m"].as_str().is_some_and(|m| m.contains('\u{202e}') && m.contains("key=***")), "{json}");
        assert!(!json.contains('\u{202e}'));
        Ok(())
    }
}
