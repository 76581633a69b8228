//! The manual and the code agree on limits: every number in the manual that a constant sets is compared with it.

use std::collections::HashMap;
use std::path::Path;

type Fallible = Result<(), Box<dyn std::error::Error>>;

/// Words of the manual with `{}` for the number; the file and the constant that set it; how it is written.
const LIMITS: [(&str, &str, &str, Unit); 47] = [
    ("`max_bytes`, {}; more fails the poll", "config/mod.rs", "MAX_BYTES", Unit::Bytes),
    ("large documents (over {}) held at once", "fetch/room.rs", "SMALL", Unit::Bytes),
    ("held at once | {};", "fetch/room.rs", "ROOMS", Unit::Count),
    ("over {} they are read one at a time", "poll/reading.rs", "LARGE", Unit::Bytes),
    ("with attributes of {},", "html/walk.rs", "LONGEST_VALUE", Unit::Bytes),
    ("a body of {} with", "parse/bounds.rs", "BODY", Unit::Bytes),
    ("a title of {},", "parse/bounds.rs", "TITLE", Unit::Bytes),
    ("addresses of {},", "parse/bounds.rs", "ADDRESS", Unit::Bytes),
    ("{} tags, attachments and authors", "parse/bounds.rs", "LISTED", Unit::Count),
    ("entries of one document | {}", "parse/mod.rs", "MOST_ENTRIES", Unit::Count),
    ("nesting | {} elements are told apart", "parse/repair/mod.rs", "DEEPEST", Unit::Count),
    ("nested deeper than {} are shown as text", "html/walk.rs", "DEEPEST", Unit::Count),
    ("attributes of one element | {}", "parse/repair/token.rs", "MOST_ATTRIBUTES", Unit::Count),
    ("declarations, {} of expansion", "parse/repair/token.rs", "ENTITY_BUDGET", Unit::Bytes),
    ("{} are read; ", "fetch/robots.rs", "MOST_BYTES", Unit::Bytes),
    ("are read; {} rules or", "fetch/robots.rs", "MOST_RULES", Unit::Count),
    ("rules or {} of paths are kept", "fetch/robots.rs", "MOST_RULE_BYTES", Unit::Bytes),
    ("robots.txt of all sites | {} sites or", "fetch/robots.rs", "MOST_SITES", Unit::Count),
    ("sites or {} for a day", "fetch/robots.rs", "MOST_CACHED", Unit::Bytes),
    ("running ones get {}", "daemon/mod.rs", "GRACE", Unit::Words),
    ("fewer than {} characters", "poll/linked.rs", "SHORT", Unit::Count),
    ("kept in the store, {} in one poll", "poll/linked.rs", "MOST_ARTICLES", Unit::Words),
    ("is tried with {} polls", "poll/linked.rs", "MOST_ATTEMPTS", Unit::Words),
    ("up to `pages` of them ({} unless given)", "config/mod.rs", "PAGES", Unit::Count),
    ("long as our patience, {} at most", "schedule/patience.rs", "LONGEST", Unit::Words),
    ("longest interval ({} unless feeds.toml says otherwise)", "config/mod.rs", "EVERY", Unit::Time),
    ("within twice, four times ..., at most {}", "schedule/interval.rs", "LONGEST_PAUSE", Unit::Words),
    ("stretches that, up to {}", "schedule/interval.rs", "LONGEST_WISH", Unit::Words),
    ("always heeded, up to {}", "schedule/interval.rs", "LONGEST_RETRY_AFTER", Unit::Words),
    ("a server that says 304 for {} is asked", "poll/mod.rs", "LONGEST_UNCHANGED", Unit::WordsOfSeconds),
    ("followed at each poll, and believed after {}", "model/moved.rs", "DOUBTED", Unit::Words),
    ("Leases are {} unless he asks otherwise", "websub.rs", "LEASE", Unit::Words),
    ("unless he asks otherwise, {} minutes to", "websub.rs", "SHORTEST_LEASE", Unit::Words),
    ("at least {}). The daemon", "config/mod.rs", "SHORTEST_KEPT", Unit::Words),
    ("Tokens have at least {} letters and digits", "config/server.rs", "SHORTEST_TOKEN", Unit::Count),
    ("{} wrong passwords within", "web/access.rs", "WRONG_AT_MOST", Unit::Words),
    ("an address wait for {}", "web/access.rs", "WHILE", Unit::Words),
    ("stories on a page (at most {})", "web/address.rs", "MOST_ASKED", Unit::Plain),
    ("changed since, up to {}, back to", "live/river.rs", "MOST_CHANGES", Unit::Count),
    ("a full one has {}", "store/changes.rs", "ARCHIVE", Unit::Count),
    ("A page ends after {} of bodies", "store/river.rs", "MOST_BYTES", Unit::Bytes),
    ("takes up to a {} of the first page", "store/river.rs", "LATE_PART", Unit::Ordinal),
    ("where it is not set, {} once the river", "ingest/progress.rs", "INITIAL", Unit::Count),
    ("the same from the store, for {}", "store/commit.rs", "HISTORY_DAYS", Unit::WordsOfDays),
    ("at least {} different, unrelated titles", "clean/affix.rs", "ENOUGH", Unit::Words),
    ("No title is left with fewer than {} letters", "clean/affix.rs", "SHORTEST_LEFT", Unit::Words),
    ("of the document's entries carry, and {} of them", "clean/body.rs", "ENOUGH", Unit::Words),
];

/// How the manual writes a number.
#[derive(Clone, Copy)]
enum Unit {
    /// `10 MiB`
    Bytes,
    /// `20,000`
    Count,
    /// `1000`
    Plain,
    /// `30 minutes`
    Time,
    /// `five minutes`, `ten`, `a week`; a constant that is a duration brings its unit.
    Words,
    /// The same of a constant in seconds.
    WordsOfSeconds,
    /// The same of a constant in days.
    WordsOfDays,
    /// `fifth`
    Ordinal,
}

/// The value of a constant: a number, or seconds.
fn value(root: &Path, file: &str, name: &str) -> Result<(u64, bool), String> {
    let text = std::fs::read_to_string(root.join("src").join(file)).map_err(|error| format!("{file}: {error}"))?;
    let at = text
        .find(&format!("const {name}:"))
        .ok_or_else(|| format!("{file} has no constant {name}: where is it now?"))?;
    let line = text[at..].split(';').next().unwrap_or_default();
    let (kind, written) = line.split_once('=').ok_or_else(|| format!("{file}: {line}"))?;
    let is_time = kind.contains("Duration") || kind.contains("TimeDelta");
    let unit =
        [("minutes(", 60), ("hours(", 3600), ("days(", 86_400)].into_iter().find(|(call, _)| written.contains(call));
    let inner = written.rsplit('(').next().unwrap_or_default().trim_end_matches([')', ' ']);
    let number = |text: &str| {
        text.trim().replace('_', "").parse::<u64>().map_err(|error| format!("{file} {name}: {text}: {error}"))
    };
    let product = match inner.split_once("<<") {
        Some((base, shift)) => number(base)? << number(shift)?,
        None => inner.split('*').map(number).product::<Result<u64, String>>()?,
    };
    Ok((product * unit.map_or(1, |(_, seconds)| seconds), is_time))
}

fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    if number < 1000 { digits.clone() } else { groups.join(",") }
}

fn word(number: u64) -> String {
    let words = HashMap::from([
        (1, "one"),
        (2, "two"),
        (3, "three"),
        (4, "four"),
        (5, "five"),
        (6, "six"),
        (8, "eight"),
        (10, "ten"),
        (20, "twenty"),
        (30, "thirty"),
    ]);
    words.get(&number).map_or_else(|| count(number), |word| (*word).to_owned())
}

/// The number as the manual may write it.
fn written((number, is_time): (u64, bool), unit: Unit) -> Vec<String> {
    let time = |seconds: u64| {
        let units = [(7 * 86_400, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
        let fitting = units.into_iter().filter(|(length, _)| seconds.is_multiple_of(*length) && seconds >= *length);
        let each = |(length, name): (u64, &str)| match seconds / length {
            1 => vec![format!("a {name}"), format!("one {name}"), "one".to_owned()],
            many => vec![format!("{} {name}s", word(many)), format!("{many} {name}s"), word(many)],
        };
        fitting.flat_map(each).collect::<Vec<_>>()
    };
    match unit {
        Unit::Bytes if number % (1 << 20) == 0 => vec![format!("{} MiB", number >> 20)],
        Unit::Bytes => vec![format!("{} KiB", number >> 10)],
        Unit::Count => vec![count(number)],
        Unit::Plain => vec![number.to_string()],
        Unit::Words if !is_time => vec![word(number)],
        Unit::Time | Unit::Words | Unit::WordsOfSeconds => time(number),
        Unit::WordsOfDays => time(number * 86_400),
        Unit::Ordinal => vec![
            HashMap::from([(2, "half"), (3, "third"), (4, "quarter"), (5, "fifth")])
                .get(&number)
                .map_or_else(String::new, |w| (*w).to_owned()),
        ],
    }
}

#[test]
fn the_manual_says_what_the_constants_set() -> Fallible {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = std::fs::read_to_string(root.join("docs/manual.md"))?;
    let manual = manual.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let mut wrong = Vec::new();
    for (words, file, name, unit) in LIMITS {
        match value(root, file, name) {
            Ok(value) => {
                let may_be: Vec<String> =
                    written(value, unit).iter().map(|number| words.replace("{}", number).to_lowercase()).collect();
                if !may_be.iter().any(|text| manual.contains(text)) {
                    wrong.push(format!("{file} {name} = {value:?}, and the manual does not say {:?}", may_be.first()));
                }
            }
            Err(error) => wrong.push(error),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
