//! What of a source may be shown to those who read the river, its status or its log: pure.
//!
//! The address of a feed may be a key to it. `private_url = true` keeps it from everybody; where feeds.toml says
//! nothing, what looks like a secret in it is left out; `private_url = false` publishes it.

use url::Url;

use super::entry::StoredEntry;
use super::redact::{self, HIDDEN, MASK};
use super::source::{Address, Source, SourceId};

/// Parts of a secret that are shorter are not looked for in texts: they would be found in every word.
const SHORTEST: usize = 6;

impl Source {
    /// The address for feeds and subscription lists; nothing where it is private.
    #[must_use]
    pub fn public_address(&self) -> Option<String> {
        let address = self.address.to_string();
        let is_private = self.private_url.unwrap_or_else(|| redact::has_secret(&address));
        (!is_private).then_some(address)
    }

    /// The address for status and errors: without what is secret, or [`HIDDEN`].
    #[must_use]
    pub fn shown_address(&self) -> String {
        match self.private_url {
            Some(true) => HIDDEN.to_owned(),
            Some(false) => self.address.to_string(),
            None => redact::masked(&self.address.to_string()).into_owned(),
        }
    }

    /// Whether the id, which stands in feeds, links and the ids of entries, tells what the address keeps.
    #[must_use]
    pub fn is_told_by_id(&self) -> bool {
        match self.private_url {
            Some(true) => self.id == SourceId::from_address(&self.address),
            Some(false) => false,
            None => {
                self.id != SourceId::without_secrets(&self.address) && self.id == SourceId::from_address(&self.address)
            }
        }
    }

    /// A message about the source without what is secret in its address, its credentials and its headers.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        let (text, by) = match self.private_url {
            Some(true) => (redact::masked(&redact::without_addresses(text)).into_owned().into(), HIDDEN),
            Some(false) => (text.into(), MASK),
            None => (redact::masked(text), MASK),
        };
        let mut text = text.into_owned();
        for part in self.address_secrets(true) {
            text = text.replace(&part, by);
        }
        let password = self.credentials.iter().map(|credentials| &credentials.password);
        for secret in password.chain(self.headers.iter().map(|(_, value)| value)) {
            if secret.reveal().len() >= SHORTEST {
                text = text.replace(secret.reveal(), MASK);
            }
        }
        text
    }

    /// A text of the source's document, without what is secret in the source's own address.
    #[must_use]
    pub fn redacted_document(&self, text: &str) -> String {
        self.address_secrets(false).iter().fold(text.to_owned(), |text, part| text.replace(part, MASK))
    }

    /// Whether an address that the source's document names tells what its own address keeps.
    #[must_use]
    pub fn gives_away(&self, address: &str) -> bool {
        let is_open = self.private_url == Some(false);
        !is_open
            && (redact::has_secret(address) || self.address_secrets(false).iter().any(|part| address.contains(part)))
    }

    /// An address that the source's document names, without the parameters that hold what is secret in the source's own
    /// address; nothing where that does not help.
    #[must_use]
    pub fn without_secrets(&self, address: &str) -> Option<String> {
        without(address, &self.address_secrets(false))
    }

    /// Takes what is secret in the source's address out of an entry that repeats it.
    pub fn redact_entry(&self, stored: &mut StoredEntry) {
        let secrets = self.address_secrets(false);
        if secrets.is_empty() {
            return;
        }
        let clean = |url: &mut Option<String>| *url = url.take().and_then(|url| without(&url, &secrets));
        let entry = &mut stored.entry;
        for url in [&mut entry.url, &mut entry.external_url, &mut entry.image] {
            clean(url);
        }
        if let Some(comments) = &mut entry.comments {
            clean(&mut comments.url);
            clean(&mut comments.feed_url);
        }
        entry.attachments.retain_mut(|attachment| match without(&attachment.url, &secrets) {
            Some(url) => {
                attachment.url = url;
                if secrets.iter().any(|secret| attachment.mime_type.contains(secret.as_str())) {
                    attachment.mime_type = "application/octet-stream".to_owned();
                }
                true
            }
            None => false,
        });
        let masked = |text: &str| {
            let holds = secrets.iter().any(|secret| text.contains(secret.as_str()));
            holds.then(|| secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK)))
        };
        let masked_in = |text: &mut Option<String>| {
            if let Some(clean) = text.as_deref().and_then(masked) {
                *text = Some(clean);
            }
        };
        [&mut entry.title_original, &mut entry.page_title, &mut entry.summary, &mut entry.content_text]
            .into_iter()
            .for_each(masked_in);
        masked_in(&mut entry.attribution);
        for text in std::iter::once(&mut entry.title).chain(&mut entry.tags) {
            if let Some(clean) = masked(text) {
                *text = clean;
            }
        }
        for author in &mut entry.authors {
            if let Some(name) = masked(&author.name) {
                author.name = name;
            }
            clean(&mut author.url);
            masked_in(&mut author.email);
        }
        if let Some(html) = entry.content_html.as_deref().and_then(masked) {
            // Sanitised again: what was cut out may have stood anywhere in it.
            entry.content_html = Some(html.into());
        }
        for telling in &mut stored.tellings {
            clean(&mut telling.url);
            masked_in(&mut telling.title_original);
            if let Some(title) = masked(&telling.title) {
                telling.title = title;
            }
        }
    }

    /// What of the address must not be shown, the longest first; with `place`, also where it is.
    fn address_secrets(&self, place: bool) -> Vec<String> {
        let address = self.address.to_string();
        let mut parts: Vec<String> = match (self.private_url, &self.address) {
            (Some(false), _) => Vec::new(),
            (Some(true), Address::Web(url)) => {
                let rest = address.split_once("://").map(|(_, rest)| rest.to_owned());
                let query = url.query().map(|query| format!("{}?{query}", url.path()));
                let values = url.query_pairs().map(|(_, value)| value.into_owned());
                let host = url.host_str().filter(|_| place).map(str::to_owned);
                let path = Some(url.path().to_owned()).filter(|_| place || url.query().is_none());
                rest.into_iter().chain(query).chain(values).chain(host).chain(path).chain([address]).collect()
            }
            (Some(true), Address::File(path)) => vec![path.display().to_string(), address],
            (None, _) => {
                let raw: Vec<&str> = redact::secrets(&address).into_iter().map(|range| &address[range]).collect();
                let decoded = |raw: &&str| {
                    Url::parse(&format!("x:?{raw}"))
                        .ok()
                        .and_then(|url| url.query_pairs().next().map(|(value, _)| value.into_owned()))
                };
                raw.iter().filter_map(decoded).chain(raw.iter().map(|&raw| raw.to_owned())).collect()
            }
        };
        parts.retain(|part| part.len() >= SHORTEST);
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        parts.dedup();
        parts
    }
}

impl SourceId {
    /// The id of a new source at an address, without what looks like a secret in that.
    #[must_use]
    pub fn without_secrets(address: &Address) -> Self {
        let masked = match address {
            Address::Web(url) => Url::parse(&redact::masked(url.as_str())).ok().map(Address::Web),
            Address::File(_) => None,
        };
        Self::from_address(&masked.unwrap_or_else(|| address.clone()))
    }
}

/// An address without the parameters that hold a secret; nothing where that does not help.
fn without(address: &str, secrets: &[String]) -> Option<String> {
    let holds = |text: &str| secrets.iter().any(|secret| text.contains(secret.as_str()));
    if !holds(address) {
        return Some(address.to_owned());
    }
    let mut url = Url::parse(address).ok()?;
    let kept: Vec<(String, String)> =
        url.query_pairs().filter(|(_, value)| !holds(value)).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    Some(url.to_string()).filter(|url| !holds(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError};

    fn source(keys: &str) -> Result<Source, ConfigError> {
        let config =
            Config::check(&format!("[[source]]\nid = \"x\"\n{keys}\n"), std::path::Path::new("/c/feeds.toml"))?;
        Ok(config.sources[0].clone())
    }

    #[test]
    fn what_looks_like_a_secret_is_left_out() -> Result<(), ConfigError> {
        let keyed = source("url = \"https://e.org/rss?key=s3cr3t%20s&page=2\"")?;
        assert_eq!(keyed.public_address(), None);
        assert_eq!(keyed.shown_address(), "https://e.org/rss?key=***&page=2");
        assert_eq!(keyed.redacted("s3cr3t s at https://e.org/rss?key=s3cr3t%20s"), "*** at https://e.org/rss?key=***");
        assert!(keyed.gives_away("https://other.org/s3cr3t%20s/") && !keyed.gives_away("https://e.org/"));
        let plain = source("url = \"https://e.org/rss\"\nheaders = { \"X-Key\" = \"s3cr3t-header\" }")?;
        assert_eq!(plain.public_address().as_deref(), Some("https://e.org/rss"));
        assert_eq!(plain.redacted("https://e.org/rss said s3cr3t-header"), "https://e.org/rss said ***");
        Ok(())
    }

    #[test]
    fn feeds_toml_decides() -> Result<(), ConfigError> {
        let hidden = source("url = \"https://host.example/some/path.xml\"\nprivate_url = true")?;
        assert_eq!((hidden.public_address(), hidden.shown_address()), (None, HIDDEN.to_owned()));
        let said = hidden.redacted("host.example: no /some/path.xml, see https://cdn.example/x");
        assert!(!said.contains("host.example") && !said.contains("path.xml") && !said.contains("cdn"), "{said}");
        let file = source("url = \"file:secret-name.xml\"\nprivate_url = true")?;
        assert!(!file.redacted("/c/secret-name.xml cannot be read").contains("secret-name"));
        let open = source("url = \"https://e.org/rss?key=of-all\"\nprivate_url = false")?;
        assert_eq!(open.public_address().as_deref(), Some("https://e.org/rss?key=of-all"));
        assert_eq!(open.redacted("at https://e.org/rss?key=of-all"), "at https://e.org/rss?key=of-all");
        Ok(())
    }

    #[test]
    fn a_message_about_a_private_source_holds_no_secret_of_any_address() -> Result<(), ConfigError> {
        // What a server says may hold the keys of others, and addresses without a host.
        for keys in ["url = \"https://e.org/rss?key=s3cr3t-words\"", "url = \"https://e.org/rss\"\nprivate_url = true"]
        {
            let said = source(keys)?.redacted("see /login?token=0ther-k3y and https://o.org/?sig=0ther-k3y");
            assert!(!said.contains("0ther-k3y"), "{said}");
        }
        Ok(())
    }

    #[test]
    fn no_text_of_an_entry_repeats_the_secret() -> Result<(), Box<dyn std::error::Error>> {
        use crate::model::entry::{Attachment, Comments, Entry, Person, Telling};
        let keyed = source("url = \"https://e.org/rss?key=s3cr3t-words\"")?;
        let told = || "told by s3cr3t-words".to_owned();
        let url = || Some("https://e.org/1?n=1&key=s3cr3t-words".to_owned());
        let entry = Entry {
            url: url(),
            external_url: url(),
            image: url(),
            title: told(),
            title_original: Some(told()),
            page_title: Some(told()),
            summary: Some(told()),
            content_text: Some(told()),
            content_html: Some(
                "<p>told by s3cr3t-words, <a href=\"https://e.org/?key=s3cr3t-words\">here</a></p>".into(),
            ),
            attribution: Some(told()),
            tags: vec![told()],
            authors: vec![Person { name: told(), url: url(), email: Some(told()) }],
            comments: Some(Comments { url: url(), feed_url: url(), ..Comments::default() }),
            attachments: vec![Attachment {
                url: url().unwrap_or_default(),
                mime_type: told(),
                size_in_bytes: None,
                duration_in_seconds: None,
            }],
            ..Entry::default()
        };
        let (id, now) = (keyed.id.clone(), chrono::DateTime::UNIX_EPOCH);
        let mut stored = StoredEntry {
            row: 1,
            river_id: "1".into(),
            source: id.clone(),
            first_seen: now,
            changed_at: now,
            order: now,
            entry,
            told_by: id,
            tellings: Vec::new(),
        };
        stored.tellings = vec![Telling { title_original: Some(told()), ..stored.telling() }];
        assert!(format!("{stored:?}").contains("s3cr3t"));
        keyed.redact_entry(&mut stored);
        assert!(!format!("{stored:?}").contains("s3cr3t"), "{stored:#?}");
        assert_eq!(stored.entry.url.as_deref(), Some("https://e.org/1?n=1"));
        assert_eq!((stored.entry.title.as_str(), stored.tellings[0].title.as_str()), ("told by ***", "told by ***"));
        Ok(())
    }

    #[test]
    fn an_id_that_tells_what_the_address_keeps_is_known() -> Result<(), Box<dyn std::error::Error>> {
        let path = "https://e.org/private-0123456789abcdef/f.xml";
        for (keys, is_told) in [
            (format!("url = \"{path}\"\nprivate_url = true"), false),
            ("url = \"https://e.org/a/b.xml\"".to_owned(), false),
        ] {
            assert_eq!(source(&keys)?.is_told_by_id(), is_told, "{keys}: its id is x");
        }
        let derived = |keys: &str| -> Result<Source, ConfigError> {
            let config = Config::check(&format!("[[source]]\n{keys}\n"), std::path::Path::new("/c/feeds.toml"))?;
            Ok(config.sources[0].clone())
        };
        for (keys, is_told) in [
            ("url = \"https://e.org/a/b.xml\"", false),
            ("url = \"https://e.org/a/b.xml\"\nprivate_url = true", true),
            ("url = \"https://e.org/a/b.xml\"\nprivate_url = false", false),
            ("url = \"https://e.org/a.xml?key=s3cr3t-words\"", false),
            ("url = \"https://e.org/private-0123456789abcdef/f.xml\"", true),
            ("url = \"https://e.org/private-0123456789abcdef/f.xml\"\nprivate_url = false", false),
            ("url = \"file:a.xml\"\nprivate_url = true", true),
        ] {
            assert_eq!(derived(keys)?.is_told_by_id(), is_told, "{keys}");
        }
        let id = SourceId::without_secrets(&Address::Web(Url::parse(path)?));
        assert_eq!(id.as_str(), "e-org-private-f-xml");
        assert_eq!(SourceId::without_secrets(&Address::Web(Url::parse("https://e.org/a/")?)).as_str(), "e-org-a");
        Ok(())
    }

    #[test]
    fn links_lose_the_secret_and_stay_links_where_they_can() {
        let secrets = ["s3cr3t".to_owned()];
        assert_eq!(without("https://e.org/a?n=1&k=s3cr3t", &secrets).as_deref(), Some("https://e.org/a?n=1"));
        assert_eq!(without("https://e.org/s3cr3t/a", &secrets), None);
        assert_eq!(without("https://e.org/a?n=1", &secrets).as_deref(), Some("https://e.org/a?n=1"));
    }
}
