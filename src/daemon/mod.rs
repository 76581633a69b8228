//! The daemon: due sources -> concurrent polls; reload; rendering; graceful stop.
//!
//! The only place that starts tasks. The caller owns the socket and the stop signal, so tests do
//! too. One task holds the [`Queue`]; each poll is a task of its own, so a fault in one ends that
//! one only.

mod clients;
mod day;
mod descriptors;
mod hub;
mod keep;
mod output;
mod picture_cache;
mod pictures;
mod reload;
mod render;
mod service;
mod share;
mod watch;
mod websub;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::config::{Config, ConfigError};
use crate::fetch::{FetchError, Hosts};
use crate::live::Live;
use crate::model::recent::Recent;
use crate::model::report::ErrorKind;
use crate::model::source::SourceId;
use crate::poll::{self, PollError, Poller};
use crate::schedule::{Queue, clock_jump};
use crate::store::{Store, StoreError};
use crate::web::{self, Listener, Site};
use clients::{Clients, authority};
use sd_notify::NotifyState;
use service::Watchdog;
use websub::{Heard, Subscriber, Tools};

/// How long running polls may take when the daemon stops.
const GRACE: Duration = Duration::from_secs(4);

/// The longest sleep of the scheduler: a clock that was set, or a machine that slept, is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Why the daemon ended, if not by request.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] FetchError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The socket.
    #[error("the listening socket: {0}")]
    Socket(#[from] std::io::Error),
}

/// What a daemon is started with.
#[derive(Debug)]
pub struct Start {
    /// The configuration file, watched for edits.
    pub config_path: PathBuf,
    /// The configuration in it.
    pub config: Config,
    /// The open store.
    pub store: Store,
    /// The bound sockets.
    pub listeners: Vec<Listener>,
    /// Ends the daemon.
    pub stop: CancellationToken,
    /// Reads the configuration again at once (SIGHUP).
    pub reload: Arc<Notify>,
    /// The last log events.
    pub recent: Recent,
}

/// A turn that ended.
struct Done {
    id: SourceId,
    /// When it is due again; never, where it is gone.
    due: Option<DateTime<Utc>>,
}

/// Runs until `stop`; then finishes or abandons the polls that run, and closes the store.
///
/// # Errors
/// [`DaemonError`] where it cannot start.
pub async fn run(start: Start) -> Result<(), DaemonError> {
    let Start { config_path, config, store, listeners, stop, reload, recent } = start;
    let began = Instant::now();
    let listening = listeners.first().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?.url()?;
    store.set_priorities(config.priorities());
    let retention = keep::Retention::at_start(&store)?;
    let live = Arc::new(Live::new(config, &store, listening, Utc::now(), recent)?);
    let pictures = pictures::offer(&live, &store);
    let (pushes, new_pushes) = mpsc::channel(64);
    let (asks, new_asks) = mpsc::channel(64);
    let descriptors = descriptors::share(descriptors::raise());
    let site = Site::new(live.clone(), store.clone(), pushes, asks, stop.clone()).limited(descriptors.readers);
    let site = Arc::new(site);
    let changed = Arc::new(Notify::new());
    changed.notify_one();
    let (configs, new_configs) = mpsc::channel(4);

    let mut tasks = JoinSet::new();
    tasks.spawn(web::serve(listeners, site.clone(), stop.clone()));
    let renderings = site.renderings();
    tasks.spawn(output::write(live.clone(), store.clone(), site.renderings(), stop.clone()));
    tasks.spawn(render::render(live.clone(), site, changed.clone(), stop.clone()));
    tasks.spawn(day::watch(live.clone(), changed.clone(), stop.clone()));
    tasks.spawn(keep::keep(live.clone(), store.clone(), retention, changed.clone(), stop.clone()));
    tasks.spawn(watch::watch(config_path, live.config(), configs, reload, stop.clone()));
    announce(&live);

    let clients = Clients::new(&live, descriptors.kept_open);
    let (fetcher, callbacks) = clients.fetchers(&live)?;
    let poller = Poller::new(fetcher.clone(), store.clone(), &authority(&live));
    share::share_out(&live, &live.config(), &poller);
    let tools = Arc::new(Mutex::new(Tools { poller, fetcher, callbacks }));
    tasks.spawn(share::keep_sharing(live.clone(), tools.clone(), stop.clone()));
    let (heard, hearing) = mpsc::channel(256);
    let subscriber = Subscriber {
        live: live.clone(),
        store: store.clone(),
        tools: tools.clone(),
        changed: changed.clone(),
        stop: stop.clone(),
    };
    tasks.spawn(subscriber.run(hearing, new_pushes));
    tasks.spawn(pictures::serve(live.clone(), pictures, tools.clone(), stop.clone()));
    let publisher = hub::Publisher::new(live.clone(), store.clone(), tools.clone(), stop.clone());
    tasks.spawn(publisher.run(new_asks, renderings));

    let scheduler = Scheduler::new(live, (tools, clients), descriptors.polls, heard, store.clone(), changed, stop);
    let (finished, abandoned) = scheduler.run(new_configs).await;
    service::tell(&[NotifyState::Stopping]);
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a task of the daemon failed");
        }
    }
    store.close().await;
    tracing::info!(
        uptime_s = began.elapsed().as_secs(),
        "stopped: {finished} polls finished, {abandoned} abandoned, the store is closed"
    );
    Ok(())
}

fn announce(live: &Live) {
    let (base, config) = (live.base_url(), live.config());
    tracing::info!(
        sources = config.sources.len(),
        "the river is at {base}: subscribe to {base}feed.atom, {base}feed.rss or {base}feed.json"
    );
    if config.access.feeds.token.is_some() {
        tracing::info!("the feeds are at {base}t/TOKEN/, with the token of [access.feeds]");
    }
}

/// Polls each source when it is due.
struct Scheduler {
    live: Arc<Live>,
    tools: Arc<Mutex<Tools>>,
    clients: Clients,
    hosts: Arc<Hosts>,
    /// Polls at once, whatever feeds.toml says: there are descriptors for no more.
    most_polls: usize,
    heard: mpsc::Sender<Heard>,
    queue: Queue,
    store: Store,
    changed: Arc<Notify>,
    stop: CancellationToken,
    polls: JoinSet<()>,
}

impl Scheduler {
    fn new(
        live: Arc<Live>,
        (tools, clients): (Arc<Mutex<Tools>>, Clients),
        most_polls: usize,
        heard: mpsc::Sender<Heard>,
        store: Store,
        changed: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        let config = live.config();
        let hosts = clients.polls.hosts.clone();
        if most_polls < config.concurrency {
            tracing::warn!(
                polls = most_polls,
                "fewer polls at once than `poll.concurrency`: newsriver may open too few files; raise `LimitNOFILE` of its service or `ulimit -n`"
            );
        }
        let mut queue = Queue::new(config.concurrency.min(most_polls));
        let now = Utc::now();
        for source in config.sources.iter().filter(|source| source.enabled) {
            if let Some(due) = reload::due_at_start(source, &live.state(&source.id), now) {
                queue.put(&source.id, due, source.address.host(), source.per_host);
            }
        }
        Self { live, tools, clients, hosts, most_polls, heard, queue, store, changed, stop, polls: JoinSet::new() }
    }

    /// Runs until the stop; gives the numbers of polls that were finished and abandoned after it.
    async fn run(mut self, mut configs: mpsc::Receiver<Result<Config, ConfigError>>) -> (usize, usize) {
        let (done, mut ended) = mpsc::unbounded_channel::<Done>();
        let mut watchdog = Watchdog::new();
        let mut clocks = (Utc::now(), Instant::now());
        while !self.stop.is_cancelled() {
            self.heed_clock(&mut clocks);
            watchdog.feed(self.store.is_stuck());
            let now = Utc::now();
            while let Some(id) = self.queue.next(now, |host| self.hosts.held(host, now).is_some()) {
                self.start(id, done.clone());
            }
            let lag = self.queue.lag(now).to_std().unwrap_or_default();
            self.live.metrics.queue(self.queue.queued(), self.queue.running(), lag);
            let sleep = watchdog.longest_sleep(self.until_due());
            tokio::select! {
                Some(done) = ended.recv() => self.end(&done),
                Some(result) = configs.recv() => self.take_config(result),
                Some(_) = self.polls.join_next() => {}
                () = tokio::time::sleep(sleep) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.drain().await
    }

    /// Notices that the clock was set, that the machine slept, or that the daemon was stopped: the one clock
    /// went on, the other did not, or not that we saw.
    fn heed_clock(&mut self, clocks: &mut (DateTime<Utc>, Instant)) {
        let (now, ticks) = (Utc::now(), Instant::now());
        let jump = clock_jump(now - clocks.0, ticks - clocks.1, LONGEST_SLEEP);
        *clocks = (now, ticks);
        let Some(jump) = jump else { return };
        let config = self.live.config();
        if jump > TimeDelta::zero() {
            // Everything is due at once; a tenth of a second each, and two minutes in all, is no stampede.
            let each = i32::try_from(config.sources.len()).unwrap_or(i32::MAX);
            let span = (TimeDelta::milliseconds(100) * each).min(TimeDelta::minutes(2));
            tracing::info!(
                jump_s = jump.num_seconds(),
                "the clock went forward, or the machine or the daemon stood still: what is due is spread"
            );
            self.queue.spread(now, span);
        } else {
            tracing::info!(
                jump_s = jump.num_seconds(),
                "the clock went back: no source waits longer than its interval"
            );
            self.queue.pull(now, |id| {
                let every = config.source(id.as_str()).map(|source| source.every);
                every.and_then(|every| TimeDelta::from_std(every).ok()).unwrap_or(TimeDelta::minutes(30))
            });
        }
    }

    fn end(&mut self, done: &Done) {
        match done.due {
            Some(due) => self.queue.finished(&done.id, due),
            None => self.queue.remove(&done.id),
        }
    }

    fn until_due(&self) -> Duration {
        let now = Utc::now();
        let next = self.queue.next_due().into_iter().chain(self.hosts.next_release(now)).min();
        next.map_or(LONGEST_SLEEP, |due| {
            let sleep = (due - now).to_std().unwrap_or(Duration::from_millis(50));
            sleep.clamp(Duration::from_millis(5), LONGEST_SLEEP)
        })
    }

    fn start(&mut self, id: SourceId, done: mpsc::UnboundedSender<Done>) {
        let config = self.live.config();
        let Some(mut source) = config.source(id.as_str()).cloned() else {
            self.queue.remove(&id);
            return;
        };
        let poller = self.tools.lock().unwrap_or_else(PoisonError::into_inner).poller.clone();
        let (live, changed, heard) = (self.live.clone(), self.changed.clone(), self.heard.clone());
        let pushed = websub::is_pushed(&live, &id, Utc::now());
        if pushed {
            // Polls only see to it that the hub has forgotten nothing.
            source.min_every = source.every;
            source.every *= 4;
        }
        let span = tracing::info_span!("poll", source.id = %id);
        let turn = async move {
            let state = live.state(&id);
            let (fallback, failures) = (Utc::now() + source.every, state.failures_in_a_row);
            // A task of its own, so that a panic in it is an outcome like others.
            let polling = tokio::spawn(async move { poller.poll(&source, &state, false).await }.in_current_span());
            let due = match polling.await {
                Ok(polled) => {
                    poll::log(&polled.report);
                    poll::log_recovery(&polled.report, failures);
                    live.metrics.polled(&polled.report);
                    let counts = polled.report.counts;
                    let due = polled.report.next_poll;
                    let renamed = live.state(&id).feed_title != polled.row.state.feed_title;
                    live.set_row(polled.row);
                    if counts.new + counts.changed > 0 || renamed {
                        changed.notify_one();
                    }
                    let announced = polled.announced.map(|announced| Heard::Announced(id.clone(), announced));
                    let missed = (pushed && counts.new > 0).then(|| Heard::Missed(id.clone()));
                    for event in announced.into_iter().chain(missed) {
                        // A subscriber that is busy hears of it at the next poll.
                        if let Err(error) = heard.try_send(event) {
                            tracing::debug!(%error, "the subscriber did not hear of a poll");
                        }
                    }
                    due
                }
                Err(error) => {
                    tracing::error!(%error, "a fault of newsriver ended the poll of {id}; it is tried again, please report it");
                    live.metrics.failed(ErrorKind::Internal);
                    live.note_failure(&id, PollError::Panicked(error.to_string()).failure(), fallback);
                    Some(fallback)
                }
            };
            // The scheduler is gone only when the daemon stops.
            drop(done.send(Done { id, due }));
        };
        self.polls.spawn(turn.instrument(span));
    }

    fn take_config(&mut self, result: Result<Config, ConfigError>) {
        service::reloading();
        self.apply_config(result);
        service::tell(&[NotifyState::Ready]);
    }

    fn apply_config(&mut self, result: Result<Config, ConfigError>) {
        match result {
            Ok(config) => {
                let before = self.live.config();
                let plan = reload::plan(&before, &config, |id| self.live.state(id), Utc::now());
                for key in &plan.needs_restart {
                    tracing::warn!("`{key}` in feeds.toml changed; that takes effect when newsriver is started again");
                }
                let count = config.sources.len();
                self.store.set_priorities(config.priorities());
                self.live.set_config(config);
                for id in &plan.gone {
                    self.queue.remove(id);
                }
                for due in plan.due {
                    self.queue.put(&due.id, due.at, due.host.as_deref(), due.per_host);
                }
                self.queue.set_concurrency(self.live.config().concurrency.min(self.most_polls));
                match self.clients.fetchers(&self.live) {
                    Ok((fetcher, callbacks)) => {
                        let mut tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
                        let poller = tools.poller.renewed(fetcher.clone(), &authority(&self.live));
                        *tools = Tools { poller, fetcher, callbacks };
                    }
                    Err(error) => tracing::error!(%error, "the HTTP client stays as it was"),
                }
                self.changed.notify_one();
                // Told when it is true.
                tracing::info!(
                    added = plan.added,
                    removed = plan.gone.len(),
                    changed = plan.changed,
                    "feeds.toml is in force: {} sources",
                    count
                );
            }
            Err(error) => {
                self.live.set_config_error(Some(error.clone()));
                tracing::error!(
                    problems = error.problems.len(),
                    "feeds.toml has errors, the configuration before stays in force:\n{error}"
                );
            }
        }
    }

    /// No new polls; those that run get the grace period.
    async fn drain(mut self) -> (usize, usize) {
        let running = self.queue.running();
        tracing::info!(running, queued = self.queue.queued(), "stopping: no new polls, {running} still run");
        let mut finished = 0;
        let end = tokio::time::Instant::now() + GRACE;
        while let Ok(Some(_)) = tokio::time::timeout_at(end, self.polls.join_next()).await {
            finished += 1;
        }
        let abandoned = self.polls.len();
        self.polls.shutdown().await;
        (finished, abandoned)
    }
}
