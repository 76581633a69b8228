//! Labelled real news: how well it is joined, and the weights that it teaches.
//!
//! In: a folder with a set of entries (`*.jsonl.gz`: source, title, url, body, at), the keys by which labels
//! name them (`keys*.txt`, a line an entry), judged pairs (`pairs.jsonl`) and stories (`clusters.jsonl`). The
//! news is other people's, so it is read in place and no part of the project.

mod fit;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::io::Read;
use std::path::Path;

use chrono::DateTime;
use newsriver::clean::Cleaner;
use newsriver::model::cleaning::Rules;
use newsriver::model::entry::Entry;
use newsriver::stories::{Features, Grouping, Rarity, judge};
use serde_json::Value;

pub(crate) use fit::fit;

/// A judged pair.
pub(crate) struct Pair {
    a: usize,
    b: usize,
    kind: String,
    is_same: bool,
}

/// A set of entries with its labels.
pub(crate) struct Labelled {
    entries: Vec<Features>,
    titles: Vec<String>,
    pairs: Vec<Pair>,
    stories: Vec<(Vec<usize>, Vec<usize>)>,
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn json_lines(path: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// The first file of a folder whose name begins and ends so.
fn file(folder: &Path, begins: &str, ends: &str) -> Result<std::path::PathBuf, Box<dyn Error>> {
    let mut all: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    all.sort();
    let fits = |path: &std::path::PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|n| n.starts_with(begins) && n.ends_with(ends))
    };
    all.into_iter().find(fits).ok_or_else(|| format!("no {begins}*{ends} in {}", folder.display()).into())
}

impl Labelled {
    /// Reads a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let mut lines = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(file(folder, "", ".jsonl.gz")?)?)
            .read_to_string(&mut lines)?;
        let items: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let keys = std::fs::read_to_string(file(folder, "keys", ".txt")?)?;
        let place: HashMap<&str, usize> = keys.lines().enumerate().map(|(n, key)| (key, n)).collect();
        let mut by_source: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (n, item) in items.iter().enumerate() {
            by_source.entry(text(item, "source")).or_default().push(n);
        }
        let mut entries: Vec<Option<Features>> = vec![None; items.len()];
        for (source, numbers) in &by_source {
            let all: Vec<Entry> = numbers.iter().map(|n| entry(&items[*n])).collect();
            let rules = Rules::default();
            let newest = all.iter().filter_map(Entry::dated).max().unwrap_or_default().to_utc();
            let cleaner = Cleaner::new(&rules, &all, &[], newest);
            for (n, mut entry) in numbers.iter().zip(all) {
                drop(cleaner.clean(&mut entry));
                let seen = items[*n]["at"].as_i64().unwrap_or(0) * 1000;
                entries[*n] = Some(Features::of(source, &entry, seen));
            }
        }
        let at = |value: &Value| value.as_str().and_then(|key| place.get(key)).copied();
        let pair = |line: &Value| {
            let is_same = line["label"] == "same";
            let (a, b) = at(&line["a"]).zip(at(&line["b"]))?;
            (line["label"] != "unsure").then(|| Pair { a, b, kind: text(line, "kind"), is_same })
        };
        let list = |value: &Value| value.as_array().into_iter().flatten().filter_map(at).collect::<Vec<_>>();
        Ok(Self {
            entries: entries.into_iter().flatten().collect(),
            titles: items.iter().map(|item| format!("{}: {}", text(item, "source"), text(item, "title"))).collect(),
            pairs: json_lines(&folder.join("pairs.jsonl"))?.iter().filter_map(pair).collect(),
            stories: (json_lines(&folder.join("clusters.jsonl")).unwrap_or_default().iter())
                .map(|line| (list(&line["members"]), list(&line["maybe"])))
                .collect(),
        })
    }

    /// How rare words are in the whole set.
    fn rarity(&self) -> Rarity {
        let mut rarity = Rarity::default();
        for features in &self.entries {
            drop(rarity.add(features.time.seen, &features.words.keys().collect::<Vec<_>>()));
        }
        rarity
    }
}

fn entry(item: &Value) -> Entry {
    Entry {
        title: text(item, "title"),
        url: item["url"].as_str().map(str::to_owned),
        content_html: Some(text(item, "body")).filter(|body| !body.is_empty()).map(Into::into),
        published: DateTime::from_timestamp(item["at"].as_i64().unwrap_or(0), 0).map(|at| at.fixed_offset()),
        ..Entry::default()
    }
}

/// Joins the set as the daemon would, source by source, and prints how well; whether a floor was missed.
pub(crate) fn measure(folder: &Path, show: bool) -> Result<bool, Box<dyn Error>> {
    let set = Labelled::read(folder)?;
    let mut order: Vec<usize> = (0..set.entries.len()).collect();
    order.sort_by_key(|n| (set.entries[*n].source.clone(), std::cmp::Reverse(set.entries[*n].time.seen)));
    let begin = std::time::Instant::now();
    let mut grouping = Grouping::default();
    let mut arrival = vec![0; order.len()];
    for (place, &n) in order.iter().enumerate() {
        arrival[n] = place;
        grouping.add(set.entries[n].clone());
    }
    let took = begin.elapsed().as_secs_f64();
    let story = |n: usize| grouping.story(arrival[n]);
    let mut kinds: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut false_stories = HashSet::new();
    for pair in &set.pairs {
        let joined = story(pair.a) == story(pair.b);
        let slot = usize::from(!joined) * 2 + usize::from(!pair.is_same);
        kinds.entry(&pair.kind).or_default()[slot] += 1;
        kinds.entry("~ all").or_default()[slot] += 1;
        if joined && !pair.is_same {
            false_stories.insert(story(pair.a));
        }
        if show && joined != pair.is_same {
            let judged = judge(&set.entries[pair.a], &set.entries[pair.b], grouping.rarity());
            println!(
                "{} {}\n    {}\n    {}\n    {:.2} {:?}",
                if joined { "FALSE" } else { "missed" },
                pair.kind,
                set.titles[pair.a],
                set.titles[pair.b],
                judged.score,
                judged.evidence
            );
        }
    }
    println!("{:12} {:>5} {:>5} {:>5} {:>5}  precision  recall", "kind", "tp", "fp", "fn", "tn");
    for (kind, [tp, fp, missed, tn]) in &kinds {
        let rate = |of: usize| *tp as f64 / (tp + of).max(1) as f64;
        println!("{kind:12} {tp:>5} {fp:>5} {missed:>5} {tn:>5}  {:9.3}  {:6.3}", rate(*fp), rate(*missed));
    }
    let (mut share, mut whole, mut foreign) = (0.0, 0, 0);
    for (members, maybe) in &set.stories {
        let mut sizes: HashMap<usize, usize> = HashMap::new();
        members.iter().for_each(|n| *sizes.entry(story(*n)).or_default() += 1);
        let Some((big, size)) = sizes.into_iter().max_by_key(|(_, size)| *size) else { continue };
        share += size as f64 / members.len() as f64;
        whole += usize::from(size == members.len());
        foreign +=
            (0..set.entries.len()).filter(|n| story(*n) == big && !members.contains(n) && !maybe.contains(n)).count();
    }
    let largest = (0..order.len()).fold(HashMap::<usize, usize>::new(), |mut sizes, n| {
        *sizes.entry(story(n)).or_default() += 1;
        sizes
    });
    println!(
        "false pairs lie in {} stories; mean share {:.3}, whole {whole}, foreign entries {foreign}; largest story {}; {:.0} us an entry",
        false_stories.len(),
        share / set.stories.len().max(1) as f64,
        largest.values().max().copied().unwrap_or(0),
        took * 1e6 / order.len().max(1) as f64
    );
    let all = kinds.get("~ all").copied().unwrap_or_default();
    let precision = all[0] as f64 / (all[0] + all[1]).max(1) as f64;
    Ok(precision < 0.95)
}
