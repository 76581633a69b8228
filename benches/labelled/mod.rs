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
use newsriver::stories::{Features, Grouping, Rarity, judge_in_full};
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

/// Orders of arrival that are measured.
const ORDERS: u64 = 12;

/// How a set was joined in one order of arrival.
struct Joined {
    /// The story of each entry.
    story: Vec<usize>,
    rarity: Rarity,
}

impl Labelled {
    /// The entries as a daemon gets them: the sources in another order for each seed, each document from its newest
    /// entry on, whole or in slices between those of others.
    fn order(&self, seed: u64) -> Vec<usize> {
        const SLICES: [usize; 4] = [usize::MAX, 1500, 400, 100];
        let mut state = seed.wrapping_mul(7919).wrapping_add(1);
        let mut roll = |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as usize) % sides
        };
        let mut by_source: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (n, entry) in self.entries.iter().enumerate() {
            by_source.entry(&entry.source).or_default().push(n);
        }
        let mut documents: Vec<Vec<usize>> = by_source.into_values().collect();
        for n in (1..documents.len()).rev() {
            documents.swap(n, roll(n + 1));
        }
        for document in &mut documents {
            document.sort_by_key(|n| self.entries[*n].time.seen);
        }
        let slice = SLICES[seed as usize % SLICES.len()];
        let mut order = Vec::with_capacity(self.entries.len());
        while !documents.is_empty() {
            let place = roll(documents.len());
            let left = documents[place].len();
            order.extend(documents[place].split_off(left.saturating_sub(slice)).into_iter().rev());
            documents.retain(|document| !document.is_empty());
        }
        order
    }

    fn join(&self, order: &[usize]) -> Joined {
        let mut grouping = Grouping::default();
        for &n in order {
            grouping.add(self.entries[n].clone());
        }
        let mut story = vec![0; order.len()];
        for (place, &n) in order.iter().enumerate() {
            story[n] = grouping.story(place);
        }
        Joined { story, rarity: grouping.rarity().clone() }
    }

    /// Prints each labelled pair that is joined wrongly or missed, with its evidence.
    fn show(&self, joined: &Joined) {
        for pair in &self.pairs {
            let is_one = joined.story[pair.a] == joined.story[pair.b];
            if is_one != pair.is_same {
                let judged = judge_in_full(&self.entries[pair.a], &self.entries[pair.b], &joined.rarity);
                println!(
                    "{} {}\n    {}\n    {}\n    {:.2} {:?}",
                    if is_one { "FALSE" } else { "missed" },
                    pair.kind,
                    self.titles[pair.a],
                    self.titles[pair.b],
                    judged.score,
                    judged.evidence
                );
            }
        }
    }

    /// The mean share of a labelled story that is in its largest, and the entries there that are no tellings of it.
    fn shares(&self, joined: &Joined) -> (f64, usize) {
        let (mut share, mut foreign) = (0.0, 0);
        for (members, maybe) in &self.stories {
            let mut sizes: HashMap<usize, usize> = HashMap::new();
            members.iter().for_each(|n| *sizes.entry(joined.story[*n]).or_default() += 1);
            let Some((big, size)) = sizes.into_iter().max_by_key(|(story, size)| (*size, std::cmp::Reverse(*story)))
            else {
                continue;
            };
            share += size as f64 / members.len() as f64;
            let is_foreign = |n: &usize| joined.story[*n] == big && !members.contains(n) && !maybe.contains(n);
            foreign += (0..self.entries.len()).filter(is_foreign).count();
        }
        (share / self.stories.len().max(1) as f64, foreign)
    }
}

/// Joins the set as the daemon would in several orders of arrival, and prints how well; whether a floor was missed.
pub(crate) fn measure(folder: &Path, show: bool) -> Result<bool, Box<dyn Error>> {
    let set = Labelled::read(folder)?;
    let mut kinds: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut times_joined: Vec<u64> = vec![0; set.pairs.len()];
    for seed in 0..ORDERS {
        let joined = set.join(&set.order(seed));
        let mut all = [0_usize; 4];
        let mut false_stories = HashSet::new();
        for (pair, times) in set.pairs.iter().zip(&mut times_joined) {
            let is_one = joined.story[pair.a] == joined.story[pair.b];
            let slot = usize::from(!is_one) * 2 + usize::from(!pair.is_same);
            kinds.entry(&pair.kind).or_default()[slot] += 1;
            all[slot] += 1;
            *times += u64::from(is_one);
            if is_one && !pair.is_same {
                false_stories.insert(joined.story[pair.a]);
            }
        }
        if show && seed == 0 {
            set.show(&joined);
        }
        let (share, foreign) = set.shares(&joined);
        println!(
            "order {seed:>2}: precision {:.3}, recall {:.3}, false pairs in {} stories, mean share {share:.3}, foreign entries {foreign}",
            rate(all[0], all[1]),
            rate(all[0], all[2]),
            false_stories.len()
        );
    }
    println!("\nover all orders:\n{:12} precision  recall", "kind");
    let mut sum = [0; 4];
    for (kind, counts) in &kinds {
        println!("{kind:12} {:9.3}  {:6.3}", rate(counts[0], counts[1]), rate(counts[0], counts[2]));
        (0..4).for_each(|k| sum[k] += counts[k]);
    }
    println!("{:12} {:9.3}  {:6.3}", "all", rate(sum[0], sum[1]), rate(sum[0], sum[2]));
    let depend = times_joined.iter().filter(|times| **times != 0 && **times != ORDERS).count();
    println!("the order decides {depend} of {} pairs", set.pairs.len());
    Ok(rate(sum[0], sum[1]) < 0.95)
}

fn rate(right: usize, wrong: usize) -> f64 {
    right as f64 / (right + wrong).max(1) as f64
}
