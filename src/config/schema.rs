//! feeds.toml as a JSON Schema, so that editors complete and check it while it is written.
//!
//! The tables below say the same as the code that reads the file; the tests hold both together: the keys that
//! `check` knows are the keys here, and what the schema refuses `check` refuses too.

use serde_json::{Map, Value, json};

use crate::model::cleaning::Rule;

/// What may stand behind a key.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Text that is not empty.
    Text,
    /// Text that may be empty.
    AnyText,
    Flag,
    Duration,
    /// A number of bytes, or text such as `10MiB`.
    Size,
    /// A whole number within these limits.
    Count(u32, u32),
    /// A whole number of either sign.
    Number,
    /// A list of texts.
    Texts,
    /// A text, or a list of them.
    TextOrTexts,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A table of texts under any names.
    Headers,
    /// A table with keys of its own.
    Table(&'static [Key]),
    /// The switches of the cleaning rules.
    Clean,
}

type Key = (&'static str, Kind, &'static str);

use Kind::{AnyText, Clean, Count, Duration, Flag, Headers, Number, OneOf, Size, Table, Text, TextOrTexts, Texts};

const FILTERS: [Key; 2] = [
    ("include", Texts, "publish only what one of these searches finds"),
    ("exclude", Texts, "publish nothing that one of these searches finds"),
];

const RIVER: [Key; 8] = [
    ("title", Text, "the title of the merged feed"),
    ("base_url", Text, "where readers reach it; default: the listening address"),
    ("entries", Count(1, 10_000), "entries on one page; default 100"),
    ("max_per_source", Count(1, 10_000), "stories of one source on the first page at most"),
    ("window", Duration, "how long a reader may stay away and still be told what is new; default 24h"),
    ("timezone", Text, "of all times on pages and in tables, an IANA name; default: the system's zone"),
    FILTERS[0],
    FILTERS[1],
];

const SERVER: [Key; 4] = [
    ("listen", Text, "host:port, or unix:PATH; default 127.0.0.1:8700"),
    ("socket_mode", Text, "permissions of the Unix socket, in octal"),
    ("trusted_proxies", Texts, "addresses and networks whose X-Forwarded-For is believed"),
    ("hosts", Texts, "further names under which requests are answered"),
];

const GUARD: [Key; 5] = [
    ("token", Text, "at least 16 letters and digits; stands in the address"),
    ("token_file", Text, "a file with the token"),
    ("username", Text, "HTTP Basic"),
    ("password", Text, "HTTP Basic"),
    ("password_file", Text, "a file with the password"),
];

const ACCESS: [Key; 2] =
    [("feeds", Table(&GUARD), "who may read feeds"), ("pages", Table(&GUARD), "who may read pages")];

const STORE: [Key; 3] = [
    ("path", Text, "the database file; default newsriver.db"),
    ("url", Text, "a shared store"),
    ("keep", Duration, "how long entries are kept; default: for ever"),
];

const POLL: [Key; 15] = [
    ("every", Duration, "the longest time between two polls; default 30m"),
    ("min_every", Duration, "the shortest; default 5m"),
    ("timeout", Duration, "for one whole fetch; default 30s"),
    ("first_byte_timeout", Duration, "until the server begins to answer; default 20s"),
    ("max_bytes", Size, "the largest document after decompression; default 10MiB"),
    ("initial", Count(0, 1_000_000), "entries of a new source that come up as new"),
    ("per_host", Count(1, 1000), "requests at once to one host; default 2"),
    ("allow_private", Flag, "let redirects and public names lead to private addresses"),
    ("host_gap", Duration, "between two requests to one host"),
    ("proxy", AnyText, "default: that of the environment; empty on a source: none"),
    ("robots", Flag, "honour robots.txt for articles"),
    ("user_agent", Text, "how the daemon names itself"),
    ("mean_every", Duration, "the time between two polls on average over all sources; default 1h"),
    ("connect_timeout", Duration, "until the connection stands; default 10s"),
    ("concurrency", Count(1, 10_000), "polls at once; default 64"),
];

const WEBSUB: [Key; 3] = [
    ("subscribe", Flag, "ask hubs to push"),
    ("hub", TextOrTexts, "self, or the addresses of hubs"),
    ("allow_private", Flag, "let subscribers of our hub be at private addresses"),
];

const OUTPUT: [Key; 2] =
    [("dir", Text, "the river as files goes there"), ("base_url", Text, "where readers reach the files")];

const LOG: [Key; 3] = [
    ("level", Text, "error, warn, info, debug, trace, or a filter"),
    ("format", OneOf(&["pretty", "json"]), "how lines look"),
    ("file", Text, "beside stderr; rotated daily"),
];

const RSSHUB: [Key; 1] = [("instance", Text, "makes feeds for sites without one, for `newsriver add`")];

const PAGES: [Key; 4] = [
    ("language", OneOf(&["auto", "en", "zh"]), "of the pages; default: the reader's"),
    ("images", OneOf(&["proxy", "direct", "off"]), "where pictures come from; default proxy"),
    ("image_cache", Size, "pictures kept on disk at most; default 256MiB"),
    ("allow_private", Flag, "let pictures be at private addresses"),
];

const DIGEST: [Key; 1] = [("at", Texts, "times of day of the editions, such as 08:00")];

const SELECT: [Key; 9] = [
    ("item", Text, "selects the items of the page; a JSON pointer for an API"),
    ("title", Text, "the title, inside an item"),
    ("link", Text, "the link, inside an item"),
    ("date", Text, "the date, inside an item"),
    ("content", Text, "the body, inside an item"),
    ("author", Text, "the author, inside an item"),
    ("image", Text, "the image, inside an item"),
    ("next", Text, "the link to the next page of items"),
    ("pages", Count(1, 100), "pages read in one poll at most; default 3"),
];

const SOURCE: [Key; 22] = [
    ("id", Text, "its name in the log, the store and addresses; keep it stable"),
    ("url", Text, "http(s)://… or file:PATH"),
    ("name", Text, "its name for people"),
    ("group", Text, "sources that belong together"),
    ("tags", Texts, "tags that each of its entries gets"),
    ("enabled", Flag, "false pauses it"),
    ("priority", Number, "of a story that several tell, the telling of the highest is shown"),
    ("private_url", Flag, "keep its address out of what others see"),
    ("base_url", Text, "what relative links count from"),
    ("charset", Text, "outranks what the server and the document say"),
    ("timezone", Text, "of dates without one, such as +08:00"),
    ("username", Text, "HTTP Basic"),
    ("password", Text, "HTTP Basic"),
    ("password_file", Text, "a file with the password"),
    ("headers", Headers, "sent to the source's own origin only"),
    ("full_text", Flag, "fetch the article behind each short entry"),
    ("clean", Clean, "cleaning rules switched for this source"),
    ("select", Table(&SELECT), "how a page without a feed is read"),
    FILTERS[0],
    FILTERS[1],
    ("every", Duration, "the longest time between two polls of this source"),
    ("min_every", Duration, "the shortest time between two polls of this source"),
];

const GROUP: [Key; 3] =
    [FILTERS[0], FILTERS[1], ("clean", Clean, "cleaning rules switched for the sources of this group")];

/// Keys of `[poll]` that are not set on a source or a group.
const OF_ALL: [&str; 3] = ["mean_every", "connect_timeout", "concurrency"];

/// Every table of the file but the sources and the groups.
const TABLES: [Key; 12] = [
    ("river", Table(&RIVER), "the merged feed"),
    ("server", Table(&SERVER), "where it listens"),
    ("access", Table(&ACCESS), "who may read; default: everybody who reaches the port"),
    ("store", Table(&STORE), "what is kept, and where"),
    ("poll", Table(&POLL), "what every source starts from"),
    ("clean", Clean, "cleaning rules of all sources"),
    ("websub", Table(&WEBSUB), "hubs that push"),
    ("output", Table(&OUTPUT), "the river as files"),
    ("pages", Table(&PAGES), "how the pages for people look"),
    ("digest", Table(&DIGEST), "editions of the day"),
    ("log", Table(&LOG), "where log lines go"),
    ("rsshub", Table(&RSSHUB), "makes feeds for sites without one"),
];

/// The schema (JSON Schema, draft 2020-12) of feeds.toml.
#[must_use]
pub fn schema() -> Value {
    let mut keys: Map<String, Value> = TABLES.iter().map(described).collect();
    let mut source: Map<String, Value> = SOURCE.iter().map(described).collect();
    let mut group: Map<String, Value> = GROUP.iter().map(described).collect();
    for key in POLL.iter().filter(|(name, ..)| !OF_ALL.contains(name)) {
        let (name, value) = described(key);
        group.entry(name.clone()).or_insert(value.clone());
        source.entry(name).or_insert(value);
    }
    keys.insert("groups".to_owned(), json!({ "type": "object", "additionalProperties": object(group, &[]) }));
    keys.insert("source".to_owned(), json!({ "type": "array", "items": object(source, &["url"]) }));
    let mut whole = object(keys, &[]);
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    whole["title"] = "feeds.toml of newsriver".into();
    whole
}

fn object(keys: Map<String, Value>, required: &[&str]) -> Value {
    let mut object = json!({ "type": "object", "properties": keys, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn described((name, kind, words): &Key) -> (String, Value) {
    let mut value = shape(*kind);
    value["description"] = (*words).into();
    ((*name).to_owned(), value)
}

fn shape(kind: Kind) -> Value {
    let text = || json!({ "type": "string", "pattern": "\\S" });
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    match kind {
        Text => text(),
        AnyText => json!({ "type": "string" }),
        Flag => json!({ "type": "boolean" }),
        Duration => json!({ "type": "string", "pattern": "^\\s*([0-9]+\\s*(ms|s|sec|m|min|h|d|w)\\s*)+$|\\$\\{" }),
        Size => json!({ "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^\\s*[0-9]+\\s*([kKmMgG][iI]?[bB]|[kKmMgGbB])?\\s*$|\\$\\{" },
        ] }),
        Number => json!({ "type": "integer" }),
        Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Texts => texts(),
        TextOrTexts => json!({ "anyOf": [{ "type": "string" }, texts()] }),
        OneOf(words) => json!({ "enum": words }),
        Headers => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Table(keys) => object(keys.iter().map(described).collect(), if is_select(keys) { &["item"] } else { &[] }),
        Clean => {
            let rules = Rule::ALL.iter().map(|rule| (rule.name().to_owned(), json!({ "type": "boolean" })));
            object(rules.chain([("affixes".to_owned(), texts())]).collect(), &[])
        }
    }
}

fn is_select(keys: &[Key]) -> bool {
    keys.first().is_some_and(|(name, ..)| *name == "item")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::super::Config;
    use super::*;

    /// No key is near enough to this for a guess, so that `check` lists all there are.
    const UNKNOWN: &str = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";

    /// A place in the file: how it is written, and where it is in the schema.
    const PLACES: [(&str, &str); 14] = [
        ("", ""),
        ("[river]", "/properties/river"),
        ("[server]", "/properties/server"),
        ("[access]", "/properties/access"),
        ("[access.feeds]", "/properties/access/properties/feeds"),
        ("[store]", "/properties/store"),
        ("[poll]", "/properties/poll"),
        ("[clean]", "/properties/clean"),
        ("[websub]", "/properties/websub"),
        ("[output]", "/properties/output"),
        ("[log]", "/properties/log"),
        ("[rsshub]", "/properties/rsshub"),
        ("[groups.g]", "/properties/groups/additionalProperties"),
        ("[[source]]\nurl = \"http://e.example/\"", "/properties/source/items"),
    ];

    fn messages(text: &str) -> Vec<String> {
        let error = Config::check(text, Path::new("feeds.toml")).err();
        error
            .map(|error| error.problems)
            .unwrap_or_default()
            .into_iter()
            .map(|p| format!("{} {}", p.message, p.hint))
            .collect()
    }

    fn keys_of(schema: &Value, place: &str) -> BTreeSet<String> {
        let object = schema.pointer(place).and_then(|object| object["properties"].as_object());
        object.into_iter().flatten().map(|(key, _)| key.clone()).collect()
    }

    #[test]
    fn the_keys_are_those_that_check_knows() {
        let schema = schema();
        let select = "[[source]]\nurl = \"http://e.example/\"\n[source.select]\nitem = \"li\"";
        let places = PLACES.into_iter().chain([(select, "/properties/source/items/properties/select")]);
        for (head, place) in places {
            let told = messages(&format!("{head}\n{UNKNOWN} = 1\n"));
            let list =
                told.iter().find(|message| message.contains(UNKNOWN)).unwrap_or_else(|| panic!("{head}: {told:?}"));
            let list = list.split("expected one of").nth(1).unwrap_or_default();
            let known: BTreeSet<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            assert_eq!(keys_of(&schema, place), known, "left: the schema, right: `check`, of {head}");
        }
    }

    #[test]
    fn what_the_schema_refuses_check_refuses() {
        let schema = schema();
        for (head, place) in PLACES.into_iter().skip(1) {
            for key in keys_of(&schema, place) {
                let shape = &schema.pointer(place).map(|object| object["properties"][&key].clone()).unwrap_or_default();
                let wrong: &[&str] = match (shape["type"].as_str(), shape.get("pattern")) {
                    (Some("string"), _) if key == "url" && place.contains("source") => continue,
                    (Some("string"), Some(pattern)) if pattern.as_str().is_some_and(|p| p.contains("ms|s")) => {
                        &["1", "\"soon\"", "\"5\"", "\"\""]
                    }
                    (Some("string"), Some(_)) => &["1", "true", "\"\""],
                    (Some("string"), None) => &["1", "true"],
                    (Some("boolean"), _) => &["1", "\"yes\""],
                    (Some("integer"), _) if shape.get("minimum").is_none() => &["\"1\"", "1.5"],
                    (Some("integer"), _) => &["-1", "\"1\"", "1.5", "100000000"],
                    (Some("array"), _) => &["1", "[1]"],
                    (Some("object"), _) => &["1", "[]"],
                    _ => &["1979-05-27", "[[]]"],
                };
                for value in wrong {
                    let text = format!("{head}\n{key} = {value}\n");
                    assert!(!messages(&text).is_empty(), "{text}");
                }
            }
        }
    }

    /// What a value breaks of the part of JSON Schema that is used here; nothing where it is valid.
    fn broken(schema: &Value, value: &Value, at: &str) -> Vec<String> {
        if let Some(choices) = schema["anyOf"].as_array() {
            let fits = choices.iter().any(|choice| broken(choice, value, at).is_empty());
            return if fits { Vec::new() } else { vec![format!("{at}: none of the forms")] };
        }
        let is_type = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => schema["enum"].as_array().is_some_and(|words| words.contains(value)),
        };
        let pattern = schema["pattern"].as_str().and_then(|pattern| regex::Regex::new(pattern).ok());
        let matches = pattern.is_none_or(|pattern| value.as_str().is_some_and(|text| pattern.is_match(text)));
        let limit = |name: &str| schema[name].as_i64();
        let within = value.as_i64().is_none_or(|n| {
            limit("minimum").is_none_or(|least| n >= least) && limit("maximum").is_none_or(|most| n <= most)
        });
        let mut found = Vec::new();
        if !is_type || !matches || !within {
            found.push(format!("{at}: {value}"));
        }
        for (n, item) in value.as_array().into_iter().flatten().enumerate() {
            found.extend(broken(&schema["items"], item, &format!("{at}[{n}]")));
        }
        for (key, item) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            match (schema["properties"].get(key), &schema["additionalProperties"]) {
                (Some(shape), _) => found.extend(broken(shape, item, &at)),
                (None, shape @ Value::Object(_)) => found.extend(broken(shape, item, &at)),
                _ => found.push(format!("{at}: unknown")),
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        found.extend(required.filter(|key| value.get(key).is_none()).map(|key| format!("{at}: no {key}")));
        found
    }

    #[test]
    fn what_check_takes_the_schema_takes() -> Result<(), toml::de::Error> {
        let all = "[river]\nwindow = \"1h30m\"\nexclude = [\"x\"]\n[poll]\nmax_bytes = 1000\n[websub]\nhub = [\"self\"]\n[groups.\"本地\"]\ninclude = [\"a\"]\n[access]\nfeeds = { token = \"0123456789abcdef\" }\n[[source]]\nurl = \"http://e.example/\"\nproxy = \"\"\nmax_bytes = \"5 MB\"\nheaders = { \"X-Key\" = \"v\" }\nclean = { hype = false, affixes = [\"x\"] }\nselect = { item = \"li\", next = \"a\", pages = 3 }\n";
        for text in ["", all, include_str!("../../feeds.toml"), include_str!("../cli/init.toml")] {
            assert_eq!(messages(text), [""; 0]);
            let value: Value = toml::from_str(text)?;
            assert_eq!(broken(&schema(), &value, ""), [""; 0]);
        }
        for text in [
            "[river]\ntitel = \"x\"\n",
            "[[source]]\nid = \"x\"\n",
            "[log]\nformat = \"xml\"\n",
            "[poll]\nper_host = 0\n",
        ] {
            let value: Value = toml::from_str(text)?;
            assert!(!broken(&schema(), &value, "").is_empty() && !messages(text).is_empty(), "{text}");
        }
        Ok(())
    }
}
