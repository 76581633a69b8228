//! Mutates documents and feeds them to every stage that reads what the world sends. Ends with an error at the first
//! panic and at the first document that takes longer than its size allows; the document is then in `target/fuzz`.
//!
//! usage: cargo bench --bench fuzz -- [EXECUTIONS] [FOLDER OF SEEDS]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use newsriver::config::Config;
use newsriver::html::SanitisedHtml;
use newsriver::model::document::Document;
use newsriver::model::entry::Entry;
use newsriver::model::source::{Address, Source};
use newsriver::poll::{clean_entries, read_document};
use newsriver::stories::{Features, Rarity, Signature, judge};

#[path = "../tests/judge/mod.rs"]
mod judge;
#[path = "worked/mod.rs"]
mod worked;

use worked::worked;

/// Splices that change the meaning of markup, dates and charsets.
const PIECES: [&str; 40] = [
    "<",
    ">",
    "&",
    "</",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<item>",
    "</item>",
    "<entry>",
    "</entry>",
    "<title>",
    "</title>",
    "<b>",
    "&amp;",
    "&nbsp;",
    "&#0;",
    "&#x1F600;",
    "<!DOCTYPE r [<!ENTITY a 'b'>]>",
    "&a;",
    "xml:base=\"../x\"",
    "xmlns=\"http://www.w3.org/2005/Atom\"",
    "encoding=\"gb2312\"",
    "2023年4月24日",
    "24:00:61",
    "3小时前",
    "+99:99",
    "javascript:",
    "\u{0}",
    "\u{fffd}",
    "\u{202e}",
    "青浦",
    "\u{e9}",
    "type=\"xhtml\"",
    "mode=\"base64\"",
    "99999999999999999999",
    "{\"items\": [",
    "null",
    "<rss><channel>",
];

/// A small generator (xorshift64*): the same seed gives the same run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap_or(0) % limit.max(1)
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let executions: u64 = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let mut seeds = Vec::new();
    gather(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").as_path(), &mut seeds);
    if let Some(folder) = arguments.next() {
        gather(Path::new(&folder), &mut seeds);
    }
    // A panic is caught and told below, with its document.
    std::panic::set_hook(Box::new(|_| {}));
    let source = Config::lone_source(Address::File("fuzz".into()));
    let mut random = Random(0x5eed);
    let clock = Instant::now();
    for n in 0..executions {
        // Each tenth is a feed whose bodies are made of what sanitisers have stumbled over.
        let bytes = if n % 10 == 0 { hostile(&mut random) } else { mutate(&seeds, &mut random) };
        let began = worked();
        let document = Document {
            url: "http://e.example/".into(),
            content_type: None,
            bytes: bytes.clone(),
            fetched_at: chrono::DateTime::UNIX_EPOCH,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| read_and_join(&source, document, n % 10 == 0)));
        let allowed =
            Duration::from_millis(200) + Duration::from_micros(20) * u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if outcome.is_err() || worked().saturating_sub(began) > allowed {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz");
            let file = folder.join(format!("{n}.bin"));
            let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, &bytes));
            eprintln!(
                "execution {n}: {} ({kept:?} in {})",
                if outcome.is_err() { "panicked" } else { "too slow" },
                file.display()
            );
            std::process::exit(1);
        }
    }
    println!(
        "{executions} executions over {} seeds in {:.0} s, no finding",
        seeds.len(),
        clock.elapsed().as_secs_f64()
    );
}

/// Everything that a poll does with a document before the store, stories included.
fn read_and_join(source: &Source, document: Document, is_hostile: bool) -> usize {
    let now = document.fetched_at;
    let Ok(mut reading) = read_document(source, document) else { return 0 };
    let fired = clean_entries(source, &mut reading.feed.entries, &[], now);
    let again = clean_entries(source, &mut reading.feed.entries.clone(), &[], now);
    if is_hostile {
        reading.feed.entries.iter().for_each(published);
    }
    let features: Vec<Features> =
        reading.feed.entries.iter().take(8).map(|entry| Features::of("fuzz", entry, 0)).collect();
    let rarity = Rarity::default();
    let joined = features.windows(2).filter(|pair| judge(&pair[0], &pair[1], &rarity).joined).count();
    features.iter().for_each(|features| drop(std::hint::black_box(Signature::of(features, &rarity))));
    fired.len() + again.len() + joined
}

/// A feed of bodies that are hostile.
fn hostile(random: &mut Random) -> Vec<u8> {
    let item = |random: &mut Random| {
        let body: String = (0..random.below(24)).map(|_| judge::NASTY[random.below(judge::NASTY.len())]).collect();
        format!("<item><title>x</title><description><![CDATA[{}]]></description></item>", body.replace("]]>", "]]"))
    };
    let items: String = (0..4).map(|_| item(random)).collect();
    format!("<rss version=\"2.0\"><channel><title>t</title>{items}</channel></rss>").into_bytes()
}

/// Panics where the body is live in any reader, or where sanitising it again would change it.
fn published(entry: &Entry) {
    let Some(html) = &entry.content_html else { return };
    assert_eq!(judge::live_in_any_form(html), Vec::<String>::new(), "{html}");
    assert_eq!(SanitisedHtml::of_html(html, None).as_ref(), Some(html));
}

fn gather(folder: &Path, seeds: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, seeds);
        } else if let Ok(bytes) = std::fs::read(&path) {
            seeds.push(bytes.into_iter().take(4096).collect());
        }
    }
    seeds.sort();
}

/// A seed with up to eight changes: bytes flipped, cut out, doubled, spliced from a list or from another seed.
fn mutate(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(64)).min(bytes.len());
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part.repeat(1 + random.below(20))));
            }
            3 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let part = other[from..(from + random.below(200)).min(other.len())].to_vec();
                drop(bytes.splice(at..end, part));
            }
            4 => bytes.truncate(at.max(16)),
            _ => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
        }
    }
    bytes.truncate(16 * 1024);
    bytes
}
