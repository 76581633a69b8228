//! One `[[source]]` table -> [`Source`].

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use url::Url;

use super::poll::PollDefaults;
use super::section::{Findings, Found, Section};
use crate::model::cleaning::{Rule, Rules};
use crate::model::source::{Address, Credentials, Secret, Select, Source, SourceId};
use crate::search::Filter;

/// Where ids and addresses were first used, to name both places of a duplicate.
#[derive(Default)]
pub(super) struct Places {
    ids: HashMap<SourceId, usize>,
    addresses: HashMap<Address, usize>,
}

/// Reads one source; `None` where it has no usable address.
pub(super) fn read<'a>(
    mut section: Section<'a>,
    poll: &PollDefaults,
    folder: &Path,
    findings: &'a Findings<'a>,
    places: &mut Places,
) -> Option<(Source, Filter)> {
    let id = section.get(
        "id",
        "letters, digits, '-', '_' and '.', at most 64, beginning with a letter or digit",
        super::source_id,
    );
    let url = section.text("url");
    if url.is_none() && section.raw("url").is_none() {
        findings.add(section.span(), "a source without `url`", "add url = \"https://…\" or url = \"file:…\"");
    }
    let located = url.as_ref().and_then(|found| address(found, folder, findings));
    let (address, url_credentials) = located.unwrap_or_else(|| (Address::File("".into()), None));
    let place = url.as_ref().map_or(section.span(), |found| found.span.clone());
    let id_place = id.as_ref().map_or(place.clone(), |found| found.span.clone());
    let derived = id.is_none();
    let id = id.map_or_else(|| SourceId::from_address(&address), |found| found.value);
    let mut source = with_defaults(id, address, &super::poll::read(&mut section, poll, findings));
    read_rest(&mut section, &mut source, folder, findings);
    source.credentials = source.credentials.or(url_credentials);
    let filter = super::filter::read_filter(&mut section, findings);
    section.finish();
    if source.address == Address::File("".into()) {
        return None;
    }
    places.note(&source, derived, (id_place, place), findings);
    Some((source, filter))
}

/// A source of which only the address is known; the rest is what it starts from.
pub(super) fn with_defaults(id: SourceId, address: Address, poll: &PollDefaults) -> Source {
    Source {
        id,
        name: None,
        address,
        base_url: None,
        group: None,
        tags: Vec::new(),
        enabled: true,
        priority: 0,
        every: poll.every,
        min_every: poll.min_every,
        timeouts: poll.timeouts,
        max_bytes: poll.max_bytes,
        per_host: poll.per_host,
        initial: poll.initial,
        allow_private: poll.allow_private,
        host_gap: poll.host_gap,
        proxy: poll.proxy.clone(),
        private_url: None,
        robots: poll.robots,
        headers: Vec::new(),
        user_agent: poll.user_agent.clone(),
        credentials: None,
        charset: None,
        timezone: None,
        select: None,
        full_text: false,
        clean: poll.clean.clone(),
    }
}

/// Reads the keys that only a source has, but for `id` and `url`.
fn read_rest<'a>(section: &mut Section<'a>, source: &mut Source, folder: &Path, findings: &'a Findings<'a>) {
    source.name = section.text("name").map(|f| f.value);
    source.group = section
        .get("group", "a name of letters, digits, '-', '_' and '.'", super::source_id)
        .map(|f| f.value.to_string());
    source.tags = section.texts("tags");
    source.enabled = section.flag("enabled").unwrap_or(true);
    source.priority = section
        .get("priority", "a whole number from -1000 to 1000; 0 is the default", |v| match v {
            toml::de::DeValue::Integer(n) => n.as_str().parse().ok().filter(|n: &i64| n.abs() <= 1000),
            _ => None,
        })
        .map_or(0, |f| f.value);
    source.base_url = section.text("base_url").and_then(|found| web_url(&found, findings));
    source.private_url = section.flag("private_url");
    source.headers = headers(section, findings);
    source.credentials = credentials(section, folder, findings);
    source.charset = charset(section);
    source.timezone = super::zone::read(section, findings);
    source.full_text = section.flag("full_text").unwrap_or(false);
    if section.raw("clean").is_some() {
        source.clean = rules(section.table("clean"), &source.clean);
    }
    source.select = section.raw("select").is_some().then(|| select(section.table("select"), findings));
}

impl Places {
    /// Notes where a source stands; a second one with its id or address is a problem.
    fn note(
        &mut self,
        source: &Source,
        derived: bool,
        (id_place, place): (Range<usize>, Range<usize>),
        findings: &Findings<'_>,
    ) {
        // A line is counted only where it is told: files may hold ten thousand sources.
        if let Some(&first) = self.ids.get(&source.id) {
            let first = findings.line(first);
            let what = if derived { "set an `id` for this source" } else { "give one of them another `id`" };
            findings.add(
                id_place,
                format!("the id `{}` is already that of the source at line {first}", source.id),
                what,
            );
        } else {
            self.ids.insert(source.id.clone(), id_place.start);
        }
        if let Some(&first) = self.addresses.get(&source.address) {
            let first = findings.line(first);
            findings.add(
                place,
                format!("the url is already that of the source at line {first}"),
                "remove one of the two",
            );
        } else {
            self.addresses.insert(source.address.clone(), place.start);
        }
    }
}

/// The address, and the credentials that stood in the URL.
fn address(found: &Found<String>, folder: &Path, findings: &Findings<'_>) -> Option<(Address, Option<Credentials>)> {
    let text = found.value.trim();
    let expected = "expected http://…, https://… or file:path";
    if let Some(path) = text.strip_prefix("file:") {
        let path = if path.starts_with("//") {
            Url::parse(text).ok().and_then(|url| url.to_file_path().ok())
        } else {
            Some(folder.join(path))
        };
        return match path.filter(|path| path != Path::new("")) {
            Some(path) => Some((Address::File(path), None)),
            None => {
                findings.add(
                    found.span.clone(),
                    "`url` is no file address",
                    "expected file:relative/path or file:/absolute/path",
                );
                None
            }
        };
    }
    let mut url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        Ok(url) => {
            findings.add(
                found.span.clone(),
                format!("sources of the kind `{}:` are not known", url.scheme()),
                expected,
            );
            return None;
        }
        Err(error) => {
            findings.add(found.span.clone(), format!("`url` is no address: {error}"), expected);
            return None;
        }
    };
    let decode = |text: &str| percent_decoded(text);
    let credentials = (!url.username().is_empty()).then(|| Credentials {
        username: decode(url.username()),
        password: Secret::new(decode(url.password().unwrap_or_default())),
    });
    // Both calls can only fail for URLs without a host, which were refused above.
    if url.set_username("").and_then(|()| url.set_password(None)).is_err() {
        return None;
    }
    url.set_fragment(None);
    Some((Address::Web(url), credentials))
}

fn percent_decoded(text: &str) -> String {
    // A form value decodes `+` too, so that is protected first.
    let pair = format!("v={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, v)| v.into_owned()).unwrap_or_default()
}

fn web_url(found: &Found<String>, findings: &Findings<'_>) -> Option<Url> {
    match Url::parse(&found.value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
        _ => {
            findings.add(found.span.clone(), "`base_url` is no address", "expected an http:// or https:// URL");
            None
        }
    }
}

pub(super) fn credentials(section: &mut Section<'_>, folder: &Path, findings: &Findings<'_>) -> Option<Credentials> {
    let username = section.text("username");
    let password = section.text("password").map(|f| f.value);
    let file = section.text("password_file");
    let password = match (password, file) {
        (Some(_), Some(file)) => {
            findings.add(file.span, "both `password` and `password_file`", "keep one of them");
            None
        }
        (None, Some(file)) => match findings.read(folder.join(&file.value)) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                findings.add(
                    file.span,
                    format!("`password_file` cannot be read: {error}"),
                    "name a file with the password in it",
                );
                None
            }
        },
        (password, None) => password,
    };
    if username.is_none() && password.is_some() {
        findings.add(section.span(), "a password without `username`", "add `username`");
    }
    Some(Credentials { username: username?.value, password: Secret::new(password.unwrap_or_default()) })
}

fn headers(section: &mut Section<'_>, findings: &Findings<'_>) -> Vec<(String, Secret)> {
    let expected = "a table of texts, such as { \"X-Key\" = \"value\" }";
    let read = |v: &toml::de::DeValue<'_>| {
        let pair = |(key, value): (&toml::Spanned<_>, &toml::Spanned<toml::de::DeValue<'_>>)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            value.get_ref().as_str().map(|text| (key.to_string(), text.to_owned()))
        };
        v.as_table()?.iter().map(pair).collect::<Option<Vec<_>>>()
    };
    let Some(found) = section.get("headers", expected, read) else { return Vec::new() };
    let bad = found.value.iter().find(|(name, value)| {
        reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err()
            || reqwest::header::HeaderValue::from_str(value).is_err()
    });
    if let Some((name, _)) = bad {
        findings.add(
            found.span,
            format!("`{name}` is no header that HTTP can carry"),
            "expected a token as name and a value in one line",
        );
    }
    found.value.into_iter().map(|(name, value)| (name, Secret::new(value))).collect()
}

fn charset(section: &mut Section<'_>) -> Option<&'static str> {
    let label = |text: &str| encoding_rs::Encoding::for_label(text.as_bytes()).map(encoding_rs::Encoding::name);
    section
        .get("charset", "a charset such as \"utf-8\", \"gb18030\" or \"big5\"", |v| v.as_str().and_then(label))
        .map(|f| f.value)
}

/// The switches of the cleaning rules over those that hold already.
pub(super) fn rules(mut section: Section<'_>, before: &Rules) -> Rules {
    let mut rules = before.clone();
    for rule in Rule::ALL {
        match section.flag(rule.name()) {
            Some(true) => rules.off.remove(&rule),
            Some(false) => rules.off.insert(rule),
            None => false,
        };
    }
    rules.affixes.extend(section.texts("affixes"));
    section.finish();
    rules
}

fn select(mut section: Section<'_>, findings: &Findings<'_>) -> Select {
    let item = section.text("item");
    if item.is_none() && section.raw("item").is_none() {
        findings.add(section.span(), "`select` without `item`", "add item = \"…\", the CSS selector of one item");
    }
    let pointers = item.as_ref().is_some_and(|item| item.value.starts_with('/'));
    let checked = |key: &'static str, found: Found<String>| {
        if pointers && !found.value.starts_with('/') {
            findings.add(
                found.span,
                format!("`{key}` in select is no JSON pointer, and `item` is one"),
                "expected a pointer such as \"/title\"",
            );
        } else if !pointers && let Err(error) = scraper::Selector::parse(&found.value) {
            findings.add(
                found.span,
                format!("`{key}` in select is no CSS selector: {error}"),
                "expected a selector such as \".list li\"",
            );
        }
        found.value
    };
    let item = item.map(|found| checked("item", found)).unwrap_or_default();
    let mut part = |key: &'static str| section.text(key).map(|found| checked(key, found));
    let mut select = Select {
        item,
        title: part("title"),
        link: part("link"),
        date: part("date"),
        content: part("content"),
        author: part("author"),
        image: part("image"),
        next: part("next"),
        pages: 1,
    };
    let pages = section.count("pages", 1..=100);
    if select.next.is_some() {
        select.pages = pages.unwrap_or(super::defaults::PAGES);
    }
    section.finish();
    select
}
