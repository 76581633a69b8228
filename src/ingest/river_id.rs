//! The id of an entry in the river, minted once (RFC 4287, section 4.2.6.1).

use crate::identity::Keys;
use crate::model::entry::Entry;
use crate::model::source::SourceId;
use crate::model::text::hex;

/// Copies of an id that are asked about at once.
const COPIES: usize = 16;

/// The ids that an entry may get, the best first: the publisher's where it is an IRI that names no stranger, then a
/// `tag:` URI (RFC 4151) made from the source and the entry's strongest key. `address` is that of the source,
/// `authority` who mints.
pub(super) fn wanted(
    entry: &Entry,
    keys: &Keys,
    source: &SourceId,
    address: &str,
    authority: &str,
) -> (Option<String>, String) {
    let own = entry
        .publisher_id
        .as_ref()
        .filter(|id| keys.id.is_some() && is_iri(id) && is_own(id, entry.url.as_deref(), address));
    let key = hex(&keys.strongest());
    let source = url::form_urlencoded::byte_serialize(source.as_str().as_bytes()).collect::<String>();
    (own.cloned(), format!("tag:{authority},2026:{source}/{key}"))
}

/// The id that an entry gets, `taken` saying which ids others have.
///
/// # Errors
/// The ids that must be known first.
pub(super) fn choose(
    (own, minted): &(Option<String>, String),
    taken: impl Fn(&str) -> Option<bool>,
) -> Result<String, Vec<String>> {
    let all = || own.iter().chain([minted]).cloned().collect::<Vec<_>>();
    for id in own.iter().chain([minted]) {
        if !taken(id).ok_or_else(all)? {
            return Ok(id.clone());
        }
    }
    let mut copy = 2;
    loop {
        let id = format!("{minted}-{copy}");
        match taken(&id) {
            Some(false) => return Ok(id),
            Some(true) => copy += 1,
            None => return Err((copy..copy + COPIES).map(|copy| format!("{minted}-{copy}")).collect()),
        }
    }
}

/// Whether the host that an id names is that of the entry's link or of its source: ids of strangers could be taken
/// before these use them. An id that names no host, as those of most `urn:` schemes, is nobody's.
fn is_own(id: &str, link: Option<&str>, source: &str) -> bool {
    let Some(named) = host_of(id) else { return true };
    let is_of = |address: &str| host_of(address).is_some_and(|host| is_one_site(&named, &host));
    link.is_some_and(is_of) || is_of(source)
}

/// The host that an address or an id names, in lower case, without `www.`.
fn host_of(id: &str) -> Option<String> {
    let host = match id.strip_prefix("tag:").and_then(|rest| rest.split_once(',')) {
        // RFC 4151, section 2.1: the authority is a domain, or a mail address there.
        Some((authority, _)) => authority.rsplit('@').next().map(str::to_owned),
        None => url::Url::parse(id).ok().and_then(|url| url.host_str().map(str::to_owned)),
    };
    let host = host.map(|host| host.trim_end_matches('.').to_ascii_lowercase())?;
    Some(host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)).filter(|host| !host.is_empty())
}

/// Whether two hosts are one, or one is within the other.
fn is_one_site(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        outer.contains('.') && inner.strip_suffix(outer).is_some_and(|rest| rest.ends_with('.'))
    };
    a == b || within(a, b) || within(b, a)
}

/// Whether an id can stand as `atom:id`: absolute, without characters that URIs must escape.
fn is_iri(id: &str) -> bool {
    let fits = |c: char| {
        !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`')
    };
    let name = |text: &str, others: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    let is_of_its_scheme = match id.split_once(':') {
        Some(("http" | "https", _)) => true,
        // RFC 8141, section 2; RFC 4151, section 2.1.
        Some(("urn", rest)) => rest.split_once(':').is_some_and(|(space, rest)| name(space, "-") && !rest.is_empty()),
        Some(("tag", rest)) => rest.split_once(',').is_some_and(|(authority, _)| name(authority, ".-_@")),
        _ => false,
    };
    id.len() <= 2048 && id.chars().all(fits) && is_of_its_scheme && url::Url::parse(id).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_from_those_whose_host_it_names() {
        let feed = "https://feeds.example.org/rss";
        for (id, link, own) in [
            ("https://example.org/1", None, true),
            ("https://www.example.org/1", None, true),
            ("https://feeds.example.org:8080/1", None, true),
            ("http://other.example/1", None, false),
            ("http://other.example/1", Some("https://www.other.example/x"), true),
            ("http://other.example/1", Some("https://notother.example/x"), false),
            ("tag:example.org,2026:1", None, true),
            ("tag:me@example.org,2026:1", None, true),
            ("tag:example.org.evil.example,2026:1", None, false),
            ("tag:victim.example,2026:1", Some("https://evil.example/1"), false),
            ("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", None, true),
            ("http://org/1", None, false),
        ] {
            assert_eq!(is_own(id, link, feed), own, "{id} {link:?}");
        }
        assert!(!is_own("http://e.org/1", Some("/relative"), "file:/tmp/x.xml"));
    }
}
