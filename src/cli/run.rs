//! `newsriver run`: start-up, signals, the daemon.

use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Ending, load, runtime};
use crate::daemon::{self, Start};
use crate::model::server::Listen;
use crate::observe::{self, Loudness};
use crate::store::{DaemonLock, Store, set_aside};
use crate::web::Listener;

pub(super) fn run(path: &Path, loudness: Loudness) -> Result<(), Ending> {
    let config = load(path)?;
    let log = observe::start(&config.log, loudness)
        .map_err(|error| Ending::Failed(format!("the log cannot start: {error}")))?;
    tracing::info!("newsriver {} starts with {}", env!("CARGO_PKG_VERSION"), path.display());
    let result = runtime()?.block_on(async {
        // Held until the process ends.
        let _lock = DaemonLock::acquire(&config.store, Utc::now())?;
        let store = open(&config.store)?;
        tracing::info!(entries = store.entry_count()?, "the store is {}", config.store.display());
        let listeners = listen(&config.listen).await?;
        for listener in &listeners {
            tracing::info!("listening on {}", listener.name()?);
        }
        let stop = CancellationToken::new();
        let reload = Arc::new(Notify::new());
        tokio::spawn(signals(stop.clone(), reload.clone()));
        let start =
            Start { config_path: path.to_owned(), config, store, listeners, stop, reload, recent: log.recent.clone() };
        Ok(daemon::run(start).await?)
    });
    drop(log);
    result
}

/// Takes the sockets that the service manager passes on; else listens where feeds.toml says.
async fn listen(place: &Listen) -> Result<Vec<Listener>, Ending> {
    let passed = Listener::passed().map_err(|error| {
        Ending::Failed(format!(
            "a socket that the service manager passes on cannot be used: {error}; it must be a listening stream"
        ))
    })?;
    if !passed.is_empty() {
        return Ok(passed);
    }
    let listener = Listener::bind(place).await.map_err(|error| {
        let remedy = match place {
            Listen::Address(_) => "set `listen` under [server] to another port, or stop what uses this one",
            Listen::Unix { .. } => "stop what listens there, or see to it that its folder is there and may be written",
        };
        Ending::Failed(format!("cannot listen on {place}: {error}; {remedy}"))
    })?;
    Ok(vec![listener])
}

/// Opens the store; one that is damaged is moved aside, so that the daemon runs and nothing of it is
/// lost to whoever can mend it.
fn open(path: &Path) -> Result<Store, Ending> {
    match Store::open(path).and_then(|store| store.probe().map(|()| store)) {
        Err(error) if error.is_damage() => {
            let aside = set_aside(path, Utc::now())
                .map_err(|cause| Ending::Failed(format!("{error}; it cannot be moved aside either: {cause}")))?;
            tracing::error!(
                %error,
                "the store is damaged: it now lies at {}, and newsriver begins a new one; put a backup in its place, or mend it with `sqlite3 FILE .recover`",
                aside.display()
            );
            Ok(Store::open(path)?)
        }
        opened => Ok(opened?),
    }
}

/// SIGINT and SIGTERM stop, a second one ends at once; SIGHUP reloads.
async fn signals(stop: CancellationToken, reload: Arc<Notify>) {
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        tracing::error!("signals cannot be received; stop newsriver with SIGKILL, the store survives it");
        return;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {
                reload.notify_one();
                continue;
            }
        }
        if stop.is_cancelled() {
            tracing::warn!("stopped at once by a second signal");
            end_at_once();
        }
        stop.cancel();
    }
}

/// What was reported stored is on disk already, and the person asked twice: nothing else is worth
/// waiting for.
fn end_at_once() -> ! {
    std::process::exit(130)
}
