//! A store with many Chinese entries: `cargo bench --bench million -- [ENTRIES]` (1,000,000 unless given) makes
//! one and prints what the index for search weighs against the text, how long words of two characters take,
//! and how long after its commit a new entry is in every rendered body.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use newsriver::config::Config;
use newsriver::ingest::PollCommit;
use newsriver::live::Live;
use newsriver::model::entry::Entry;
use newsriver::model::recent::Recent;
use newsriver::model::source::SourceId;
use newsriver::search::Query;
use newsriver::store::{Selection, Store};
use newsriver::web::Site;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

/// The limits of the project: a word of two characters, 95 of 100 times; bytes of index to one of text.
const P95: Duration = Duration::from_millis(50);
const WEIGHT: f64 = 1.0;

/// From the commit to the last rendered body.
const RENDERED: Duration = Duration::from_millis(100);

/// A stream of numbers that is the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    /// Small numbers more often, as words are.
    fn word(&mut self, limit: usize) -> usize {
        let share = self.below(1 << 20) as f64 / f64::from(1 << 20);
        ((limit as f64).powf(share) - 1.0) as usize
    }
}

/// A poll that brings one new entry.
fn poll(n: usize) -> Result<PollCommit, Box<dyn std::error::Error>> {
    let text = format!("第{n}条新消息{}", char::from_u32(0x5000 + u32::try_from(n)? * 7).unwrap_or('x'));
    let entries = vec![Entry { publisher_id: Some(format!("n{n}")), title: text, ..Entry::default() }];
    let at = DateTime::from_timestamp(1_800_000_000 + i64::try_from(n)?, 0).unwrap_or_default();
    Ok(PollCommit {
        address: "http://e.example/".into(),
        authority: "e.example".into(),
        ..PollCommit::of_entries(SourceId::new("s")?, at, entries)?
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(1_000_000_usize);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("search.db");
    drop(Store::open(&path)?);
    let mut draw = Draw(3);
    let words: Vec<String> = (0..20_000)
        .map(|_| {
            let characters = if draw.below(4) == 0 { 3 } else { 2 };
            (0..characters).filter_map(|_| char::from_u32(0x4e00 + u32::try_from(draw.below(3500)).ok()?)).collect()
        })
        .collect();
    let connection = rusqlite::Connection::open(&path)?;
    connection.execute_batch("PRAGMA synchronous = OFF; BEGIN")?;
    let mut text_bytes = 0;
    {
        let mut insert = connection.prepare(
            "INSERT INTO entries (river_id, source, first_seen, changed_at, sort, data, original, story) VALUES (?1, 's', ?2, ?2, ?2, ?3, x'', ?4)",
        )?;
        let mut say = |n: usize| (0..n).map(|_| words[draw.word(words.len())].as_str()).collect::<String>();
        for row in 1..=i64::try_from(count)? {
            let (title, text) = (say(10), say(80));
            text_bytes += title.len() + text.len();
            let data = serde_json::json!({ "title": title, "content_html": format!("<p>{text}</p>") }).to_string();
            insert.execute(rusqlite::params![format!("urn:x:{row}"), 1_700_000_000_000_i64 + row, data, row])?;
        }
    }
    connection.execute_batch("COMMIT; DELETE FROM meta WHERE key = 'search'")?;
    let pages = |connection: &rusqlite::Connection| {
        connection.query_row("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", [], |r| {
            r.get::<_, i64>(0)
        })
    };
    let before = pages(&connection)?;
    let clock = Instant::now();
    let store = Store::open(&path)?;
    let elapsed = clock.elapsed();
    let weight = (pages(&connection)? - before) as f64 / text_bytes as f64;
    println!("{count} entries, {:.0} MB of text; the index was made in {elapsed:.0?}", text_bytes as f64 / 1e6);
    let mut draw = Draw(5);
    let mut times = Vec::new();
    let mut found = 0;
    for _ in 0..500 {
        let word: String = words[draw.word(words.len())].chars().take(2).collect();
        let query = Query::parse(&word)?;
        let clock = Instant::now();
        found += store.search(&query, &Selection::All, &|_| true, None, 100)?.stories.len();
        times.push(clock.elapsed());
    }
    times.sort();
    let (median, p95) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    println!(
        "words of two characters: median {median:.1?}, p95 {p95:.1?}, {found} stories found in {} queries",
        times.len()
    );
    println!("index to text: {weight:.2}");
    let runtime = tokio::runtime::Runtime::new()?;
    let config = Config::check("", Path::new("feeds.toml"))?;
    let live =
        Live::new(config, &store, Url::parse("http://127.0.0.1:8700/")?, DateTime::default(), Recent::default())?;
    let site =
        Site::new(Arc::new(live), store.clone(), mpsc::channel(1).0, mpsc::channel(1).0, CancellationToken::new());
    site.render()?;
    let mut times = Vec::new();
    for n in 0..50 {
        runtime.block_on(store.commit(poll(n)?))?;
        let clock = Instant::now();
        site.render()?;
        times.push(clock.elapsed());
    }
    times.sort();
    let rendered = times[times.len() - 1];
    println!("from the commit to the last body: median {:.1?}, longest {rendered:.1?}", times[times.len() / 2]);
    let good = p95 < P95 && weight <= WEIGHT && rendered < RENDERED;
    println!(
        "p95 below {P95:?}, index at most {WEIGHT}, rendered within {RENDERED:?}: {}",
        if good { "holds" } else { "FAILS" }
    );
    std::process::exit(i32::from(!good));
}
