//! Rounds of polling against the bare path: the same downloads, a parser and a batch insert, and nothing else.
//!
//! `cargo bench --bench poll -- [FEEDS] [ENTRIES] [ROUNDS] [FOLDER]`: FEEDS synthetic feeds (500) of ENTRIES entries
//! (20) of 1.5 KB, or those that newsriver can read among the documents in FOLDER, ROUNDS times (3), turn by turn. Each
//! round is a first poll, an unchanged one (304) and one in which 5 of 100 feeds have a new entry. Printed are the
//! medians: feeds/s, CPU milliseconds a feed, peak memory, and newsriver's share of the bare path's speed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ETAG, IF_NONE_MATCH};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rusqlite::{Connection, params};

type Fallible<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Requests at once, on both sides.
const AT_ONCE: usize = 64;

/// One feed in so many is new in the third poll of a round.
const CHANGED: usize = 20;

const PHASES: [&str; 3] = ["first poll", "unchanged (304)", "5 of 100 changed"];

fn main() -> Fallible {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [role, base, feeds, store] = arguments.as_slice()
        && role == "bare"
    {
        return bare(base, feeds.parse()?, Path::new(store));
    }
    let number = |place: usize, usual: usize| arguments.get(place).map_or(Ok(usual), |text| text.parse());
    let (feeds, entries, rounds) = (number(0, 500)?, number(1, 20)?, number(2, 3)?);
    let documents = match arguments.get(3) {
        Some(folder) => recorded(Path::new(folder), feeds)?,
        None => (0..feeds).map(|n| synthetic(n, entries, 0)).collect(),
    };
    let feeds = documents.len();
    let bytes: usize = documents.iter().map(Bytes::len).sum();
    println!("{feeds} feeds, {:.1} MB, {rounds} rounds", bytes as f64 / 1e6);
    let origin = Origin::start(documents, arguments.get(3).is_none().then_some(entries))?;
    let mut figures: HashMap<(usize, bool), Vec<Figure>> = HashMap::new();
    for _ in 0..rounds {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("feeds.toml"), configuration(&origin.base, feeds)?)?;
        for phase in 0..PHASES.len() {
            origin.version.store(usize::from(phase == 2), Ordering::SeqCst);
            for is_bare in [true, false] {
                let figure = if is_bare {
                    let mut command = Command::new(std::env::current_exe()?);
                    command.args(["bare", &origin.base, &feeds.to_string()]).arg(folder.path().join("bare.db"));
                    measure(command)?
                } else {
                    let mut command = Command::new(env!("CARGO_BIN_EXE_newsriver"));
                    command.arg("-q").arg("-c").arg(folder.path().join("feeds.toml")).arg("poll");
                    measure(command)?
                };
                figures.entry((phase, is_bare)).or_default().push(figure);
            }
        }
        let disk = |name: &str| -> u64 { std::fs::metadata(folder.path().join(name)).map_or(0, |about| about.len()) };
        println!(
            "store {:.2} bytes for each byte of the documents (bare path {:.2})",
            disk("newsriver.db") as f64 / bytes as f64,
            disk("bare.db") as f64 / bytes as f64
        );
    }
    println!(
        "{:18} {:>10} {:>10} {:>8} | {:>10} {:>10} {:>8} | share",
        "", "bare/s", "CPU ms", "MB", "river/s", "CPU ms", "MB"
    );
    for (phase, name) in PHASES.iter().enumerate() {
        let median = |is_bare: bool| {
            let list = figures.get(&(phase, is_bare)).cloned().unwrap_or_default();
            let middle = |of: fn(&Figure) -> f64| {
                let mut values: Vec<f64> = list.iter().map(of).collect();
                values.sort_by(f64::total_cmp);
                values.get(values.len() / 2).copied().unwrap_or_default()
            };
            let (wall, cpu, peak) = (middle(|f| f.wall.as_secs_f64()), middle(|f| f.cpu_ms), middle(|f| f.peak_mb));
            (feeds as f64 / wall, cpu / feeds as f64, peak)
        };
        let ((a, a_cpu, a_mb), (b, b_cpu, b_mb)) = (median(true), median(false));
        println!("{name:18} {a:>10.0} {a_cpu:>10.3} {a_mb:>8.0} | {b:>10.0} {b_cpu:>10.3} {b_mb:>8.0} | {:.3}x", b / a);
    }
    Ok(())
}

/// What one run cost.
#[derive(Debug, Clone)]
struct Figure {
    wall: Duration,
    cpu_ms: f64,
    peak_mb: f64,
}

/// Runs a program to its end.
fn measure(mut command: Command) -> Fallible<Figure> {
    let (before, clock) = (cpu_of_children()?, Instant::now());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak_kb = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak_kb);
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = clock.elapsed();
    if !ended.success() {
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut said)?;
        }
        return Err(format!("{command:?} ended with {ended}: {said}").into());
    }
    Ok(Figure { wall, cpu_ms: cpu_of_children()? - before, peak_mb: f64::from(peak_kb) / 1024.0 })
}

/// CPU time of the programs that have ended, milliseconds (`proc_pid_stat(5)`: `cutime` and `cstime`, in hundredths).
fn cpu_of_children() -> Fallible<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    Ok((ticks(13) + ticks(14)) * 10.0)
}

fn configuration(base: &str, feeds: usize) -> Fallible<String> {
    let mut text = format!(
        "[river]\nbase_url = \"http://127.0.0.1:8700/\"\n[poll]\nconcurrency = {AT_ONCE}\nper_host = {AT_ONCE}\nhost_gap = \"0s\"\n"
    );
    for n in 0..feeds {
        writeln!(text, "[[source]]\nid = \"s{n}\"\nurl = \"{base}{n}\"")?;
    }
    Ok(text)
}

/// A feed of Chinese entries; from version 1 on with a new one in front.
fn synthetic(feed: usize, entries: usize, version: usize) -> Bytes {
    const WORDS: [&str; 16] = [
        "园区", "企业", "座谈", "调研", "项目", "资金", "上海", "青浦", "工业", "水务", "交通", "医院", "学校", "投资",
        "会议", "报告",
    ];
    let word = |n: usize| WORDS[n.wrapping_mul(2_654_435_761) / 7 % WORDS.len()];
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel><title>源{feed}</title><link>http://s{feed}.example/</link><description>d</description>"
    );
    for n in (0..entries + version).rev() {
        let seed = feed * 1_000 + n;
        let title: String = (0..5).map(|k| word(seed * 31 + k * 7)).collect();
        let body: String =
            (0..60).map(|k| format!("{}{}", word(seed * 17 + k * 13), if k % 9 == 8 { "。" } else { "" })).collect();
        let (hour, minute) = (n % 24, seed % 60);
        let written = write!(
            text,
            "<item><title>{title}第{seed}期</title><link>http://s{feed}.example/{n}.html</link><guid>http://s{feed}.example/{n}.html</guid><pubDate>Fri, 20 Nov 2026 {hour:02}:{minute:02}:00 +0800</pubDate><description>&lt;p&gt;{body}&lt;/p&gt;&lt;p&gt;编号{seed},{body}&lt;/p&gt;</description></item>"
        );
        // Writing to a string does not fail.
        debug_assert!(written.is_ok());
    }
    text.push_str("</channel></rss>");
    text.into()
}

/// Documents that are feeds, as they were captured.
fn recorded(folder: &Path, most: usize) -> Fallible<Vec<Bytes>> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path)?;
                if feed_rs::parser::parse(bytes.as_slice()).is_ok_and(|feed| !feed.entries.is_empty()) {
                    found.push((path, Bytes::from(bytes)));
                }
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found.into_iter().map(|(_, bytes)| bytes).take(most).collect())
}

/// The server of the feeds, on threads of its own.
struct Origin {
    base: String,
    version: Arc<AtomicUsize>,
}

impl Origin {
    fn start(documents: Vec<Bytes>, synthetic_entries: Option<usize>) -> Fallible<Self> {
        let version = Arc::new(AtomicUsize::new(0));
        let changed: HashMap<usize, Bytes> = (0..documents.len())
            .step_by(CHANGED)
            .filter_map(|n| Some((n, synthetic(n, synthetic_entries?, 1))))
            .collect();
        let (documents, changed) = (Arc::new(documents), Arc::new(changed));
        let (tell, told) = std::sync::mpsc::channel();
        let now = version.clone();
        std::thread::spawn(move || -> Fallible {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
                tell.send(listener.local_addr()?)?;
                loop {
                    let (stream, _) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    let (documents, changed, now) = (documents.clone(), changed.clone(), now.clone());
                    tokio::spawn(async move {
                        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                            let answer = answer(&request, &documents, &changed, now.load(Ordering::SeqCst));
                            async move { answer }
                        });
                        // A client that goes away is no fault of the origin.
                        drop(
                            auto::Builder::new(TokioExecutor::new())
                                .serve_connection(TokioIo::new(stream), service)
                                .await,
                        );
                    });
                }
            })
        });
        Ok(Self { base: format!("http://{}/", told.recv()?), version })
    }
}

fn answer(
    request: &Request<hyper::body::Incoming>,
    documents: &[Bytes],
    changed: &HashMap<usize, Bytes>,
    version: usize,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let number: usize = request.uri().path().trim_start_matches('/').parse().unwrap_or(usize::MAX);
    let new = changed.get(&number).filter(|_| version > 0);
    let Some(body) = new.or_else(|| documents.get(number)) else {
        return Response::builder().status(StatusCode::NOT_FOUND).body(Full::default());
    };
    let etag = format!("\"{number}-{}\"", usize::from(new.is_some()));
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let answer = Response::builder().header(ETAG, &etag);
    if known {
        return answer.status(StatusCode::NOT_MODIFIED).body(Full::default());
    }
    answer.header("content-type", "application/xml").body(Full::new(body.clone()))
}

/// The bare path: download, parse, insert in batches; validators are kept.
fn bare(base: &str, feeds: usize, store: &Path) -> Fallible {
    let mut connection = Connection::open(store)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE IF NOT EXISTS feeds (n INTEGER PRIMARY KEY, etag TEXT) STRICT;
         CREATE TABLE IF NOT EXISTS entries (id TEXT, feed INTEGER, title TEXT, link TEXT, body TEXT, at INTEGER, UNIQUE (feed, id)) STRICT;",
    )?;
    let known: HashMap<usize, String> = {
        let mut select = connection.prepare("SELECT n, etag FROM feeds")?;
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?
    };
    let (send, receive) = std::sync::mpsc::sync_channel::<(usize, String, feed_rs::model::Feed)>(256);
    let writer = std::thread::spawn(move || -> Fallible {
        while let Ok(first) = receive.recv() {
            let transaction = connection.transaction()?;
            for (n, etag, feed) in std::iter::once(first).chain(receive.try_iter().take(63)) {
                transaction
                    .prepare_cached("INSERT INTO feeds VALUES (?1, ?2) ON CONFLICT DO UPDATE SET etag = excluded.etag")?
                    .execute(params![n, etag])?;
                let mut insert =
                    transaction.prepare_cached("INSERT OR IGNORE INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
                for entry in feed.entries {
                    let title = entry.title.map(|title| title.content);
                    let body = entry.content.and_then(|c| c.body).or(entry.summary.map(|summary| summary.content));
                    let link = entry.links.into_iter().next().map(|link| link.href);
                    insert.execute(params![
                        entry.id,
                        n,
                        title,
                        link,
                        body,
                        entry.published.map(|at| at.timestamp())
                    ])?;
                }
            }
            transaction.commit()?;
        }
        Ok(())
    });
    let client = reqwest::Client::builder().pool_max_idle_per_host(AT_ONCE).no_proxy().build()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let turns = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
        let mut polls = tokio::task::JoinSet::new();
        for n in 0..feeds {
            let turn = turns.clone().acquire_owned().await?;
            let (client, send, address, etag) =
                (client.clone(), send.clone(), format!("{base}{n}"), known.get(&n).cloned());
            polls.spawn(async move {
                let mut request = client.get(address);
                if let Some(etag) = etag {
                    request = request.header("if-none-match", etag);
                }
                let answer = request.send().await?;
                if answer.status() == 200 {
                    let etag =
                        answer.headers().get("etag").and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
                    let body = answer.bytes().await?;
                    send.send((n, etag, feed_rs::parser::parse(body.as_ref())?))?;
                }
                drop(turn);
                Fallible::Ok(())
            });
        }
        while let Some(ended) = polls.join_next().await {
            ended??;
        }
        Fallible::Ok(())
    })?;
    drop(send);
    writer.join().map_err(|_| "the writer panicked")?
}
