//! Logs: where lines go and how they look.

use std::io::IsTerminal;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{Log, LogFormat};

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

/// Starts the log; what it returns must live as long as lines are to reach the file.
///
/// `RUST_LOG` outranks the command line, which outranks feeds.toml.
///
/// # Errors
/// Where the log file's folder cannot be written, or a log was started before.
pub fn start(log: &Log, loudness: Loudness) -> Result<Option<WorkerGuard>, Box<dyn std::error::Error + Send + Sync>> {
    let level = match loudness {
        Loudness::Configured => log.level.as_str(),
        Loudness::Verbose => "info,newsriver=debug",
        Loudness::Quiet => "warn",
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
    tracing_subscriber::registry().with(filter).with(to_stderr.and_then(to_file)).try_init()?;
    Ok(guard)
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
