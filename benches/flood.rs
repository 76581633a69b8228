//! What an entry of a document costs that is made to cost much: `cargo bench --bench flood -- [ENTRIES]` writes
//! documents of 250, 500, 1,000, 2,000 and 10,000 entries (or up to ENTRIES) of several shapes into new stores, and
//! fails where an entry of the largest costs more than a few times what one of the smallest does.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use newsriver::ingest::PollCommit;
use newsriver::model::entry::Entry;
use newsriver::model::source::SourceId;
use newsriver::store::{Selection, Start, Store};

/// How much dearer an entry of the largest document may be than one of the smallest.
const FLAT: f64 = 3.0;

const SIZES: [usize; 5] = [250, 500, 1_000, 2_000, 10_000];

const BODY: &str = "青浦工业园区周一开展调研,区领导走访了三家企业,了解它们的订单、用工和用电。座谈会上,企业代表提出了七条建议,园区答应在月底前逐条答复。";

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()
}

fn poll(source: &str, minutes: i64, entries: Vec<Entry>) -> Fallible<PollCommit> {
    let at = start() + TimeDelta::minutes(minutes);
    Ok(PollCommit {
        address: "http://e.example/".into(),
        authority: "e.example".into(),
        ..PollCommit::of_entries(SourceId::new(source)?, at, entries)?
    })
}

/// A text of its own for each number.
fn words(n: usize) -> String {
    let mut seed = (n as u32).wrapping_mul(2_654_435_761).wrapping_add(97);
    let mut character = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x4e00 + (seed >> 16) % 5000).unwrap_or('文')
    };
    (0..80).map(|_| character()).collect()
}

fn entry(n: usize, title: String, body: String) -> Entry {
    Entry {
        publisher_id: Some(n.to_string()),
        url: Some(format!("http://e.example/{n}")),
        title,
        content_html: Some(format!("<p>{body}</p>").into()),
        ..Entry::default()
    }
}

const TITLE: &str = "区领导到青浦工业园区开展调研";

const SHAPES: [&str; 10] = [
    "one title and text",
    "one title, other texts",
    "other titles, one text",
    "one id",
    "one link",
    "200 tags each",
    "nothing in common",
    "all change",
    "keys of what is stored",
    "pairs of one news",
];

/// The entries of a document of one of the shapes.
fn document(shape: &str, count: usize, round: usize) -> Vec<Entry> {
    let own = |n: usize| entry(n, words(n).chars().take(20).collect(), words(n + 1_000_000));
    (0..count)
        .map(|n| match shape {
            "one title and text" => entry(n, TITLE.into(), BODY.into()),
            "one title, other texts" => entry(n, TITLE.into(), words(n)),
            "other titles, one text" => entry(n, words(n).chars().take(20).collect(), BODY.into()),
            "one id" => Entry { publisher_id: Some("same".into()), ..own(n) },
            "one link" => Entry { url: Some("http://e.example/live".into()), ..own(n) },
            "200 tags each" => Entry { tags: (0..200).map(|tag| format!("t{n}-{tag}")).collect(), ..own(n) },
            "all change" => {
                entry(n, format!("{}{round}", words(n).chars().take(20).collect::<String>()), words(n + round * 20_000))
            }
            "pairs of one news" => entry(n, words(n / 2).chars().take(20).collect(), words(n / 2 + 1_000_000)),
            _ => own(n),
        })
        .collect()
}

/// Seconds that the writing of one document takes.
async fn measure(shape: &str, count: usize) -> Fallible<f64> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("r.db"))?;
    if shape == "keys of what is stored" {
        store.commit(poll("before", 0, document(shape, count, 0))?).await?;
    }
    if shape == "all change" {
        store.commit(poll("s", 0, document(shape, count, 0))?).await?;
    }
    let entries = document(shape, count, 1);
    let clock = Instant::now();
    store.commit(poll("s", 5, entries)?).await?;
    let took = clock.elapsed();
    let clock = Instant::now();
    store.river(&Selection::All, &|_| true, &Start::Top(newsriver::store::Fairness::default()), 100)?;
    let page = clock.elapsed();
    if count == SIZES[SIZES.len() - 1] {
        println!("  {shape}: {:.1} s, then a page in {:.1} ms", took.as_secs_f64(), page.as_secs_f64() * 1e3);
    }
    store.close().await;
    Ok(took.as_secs_f64())
}

fn main() -> Fallible<()> {
    let most = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(SIZES[SIZES.len() - 1]);
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-') && a.parse::<usize>().is_err());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut is_flat = true;
    for shape in SHAPES.into_iter().filter(|shape| only.as_ref().is_none_or(|only| shape.contains(only.as_str()))) {
        let mut costs = Vec::new();
        for size in SIZES.into_iter().filter(|size| *size <= most) {
            let seconds = runtime.block_on(measure(shape, size))?;
            costs.push((size, seconds * 1e6 / size as f64));
        }
        let line: Vec<String> = costs.iter().map(|(size, cost)| format!("{size}: {cost:.0} µs")).collect();
        println!("{shape}: {}", line.join(", "));
        if let (Some((_, first)), Some((_, last))) = (costs.first(), costs.last()) {
            is_flat &= *last <= first * FLAT;
        }
    }
    if is_flat { Ok(()) } else { Err("an entry of a large document costs more than one of a small".into()) }
}
