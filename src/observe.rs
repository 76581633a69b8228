//! Logs: where lines go and how they look.

use std::io::IsTerminal;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{Log, LogFormat, filter_of};
use crate::model::recent::Recent;

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
    match format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
        LogFormat::Pretty => fmt::layer().with_target(false).with_ansi(colours).with_writer(writer).boxed(),
    }
}

type Layered = tracing_subscriber::layer::Layered<EnvFilter, Registry>;
