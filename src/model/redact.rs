//! What is secret in an address or a text, and the same with it left out: pure.
//!
//! In: addresses of feeds, error messages, log lines. Out: the same with user info, values of secret parameters and
//! tokens replaced by [`MASK`]. It looks at names (`key`, `access_token`, `sig`) and shapes (a signed token) only, so
//! it can miss a secret in a path; `private_url` in feeds.toml is for those.

use std::borrow::Cow;
use std::ops::Range;

/// What stands where a secret was.
pub const MASK: &str = "***";

/// What stands where a whole address was.
pub const HIDDEN: &str = "(address hidden)";

/// Words that name a secret, as a whole name or as a part of one (`api_key`, `X-Amz-Signature`, `accessToken`).
const SECRET_WORDS: [&str; 31] = [
    "pw",
    "tok",
    "pin",
    "passcode",
    "key",
    "keys",
    "apikey",
    "token",
    "tokens",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "passkey",
    "auth",
    "authkey",
    "authorization",
    "sig",
    "sign",
    "signature",
    "hmac",
    "jwt",
    "bearer",
    "session",
    "sessionid",
    "jsessionid",
    "credential",
    "credentials",
    "cookie",
];

/// Endings of names that are written as one word (`authtoken`, `feedkey`).
const SECRET_ENDINGS: [&str; 9] =
    ["key", "token", "secret", "password", "passwd", "auth", "signature", "sessionid", "credential"];

/// Names that say nothing by themselves: their value is a secret only where it looks random.
const VAGUE_NAMES: [&str; 14] = [
    "hash",
    "code",
    "sid",
    "uid",
    "user",
    "member",
    "sub",
    "subscriber",
    "access",
    "rss",
    "feed",
    "private",
    "hdnea",
    "ticket",
];

/// How the tokens of well-known services begin.
const TOKEN_BEGINNINGS: [&str; 9] =
    ["sk_live_", "sk_test_", "ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA"];

/// The shortest value that can look random, characters.
const RANDOM_LENGTH: usize = 20;

/// Whether the name of a parameter or key says that its value is a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let joined: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    words(name).iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || SECRET_ENDINGS.iter().any(|ending| joined.ends_with(ending))
}

/// The words of a name, in lower case: split at capitals and at what is no letter or digit.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (was_lower && c.is_uppercase()) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a value is a token by its own looks, whatever it is called.
#[must_use]
pub fn is_token(value: &str) -> bool {
    let is_jwt = value.starts_with("eyJ") && value.len() > 40 && value.contains('.');
    is_jwt || (value.len() >= 16 && TOKEN_BEGINNINGS.iter().any(|beginning| value.starts_with(beginning)))
}

/// Whether a value looks as if a machine had drawn it: letters and digits that change all the time.
fn is_random(value: &str) -> bool {
    let is_plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=.~+%".contains(&b));
    // Words with dashes between them change at the dashes only.
    let kind = |b: u8| (b.is_ascii_digit(), b.is_ascii_uppercase());
    let changes = |pair: &&[u8]| pair.iter().all(u8::is_ascii_alphanumeric) && kind(pair[0]) != kind(pair[1]);
    let changes = value.as_bytes().windows(2).filter(changes).count();
    value.len() >= RANDOM_LENGTH
        && is_plain
        && value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
        && changes * 4 >= value.len()
}

/// Where `url` holds secrets: user info, values of secret parameters, tokens in the path. Byte ranges, in order.
#[must_use]
pub fn secrets(url: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let authority = url.find("://").map_or(0, |at| at + 3);
    let authority_end = end_of(url, authority, &['/', '?', '#', '\\']);
    let has_port = |text: &str| text.rsplit_once(':').is_none_or(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let mut path = authority_end;
    if authority > 0 {
        let host = &url[authority..authority_end];
        let at = match host.rfind('@') {
            Some(at) => Some(authority + at),
            // A slash in a password: `https://user:pa/ss@host/`.
            None if !has_port(host) => url[authority_end..].rfind('@').map(|at| authority_end + at),
            None => None,
        };
        if let Some(at) = at.filter(|at| *at > authority) {
            found.push(authority..at);
            path = path.max(end_of(url, at, &['/', '?', '#', '\\']));
        }
    }
    let path_end = end_of(url, path, &['?', '#']);
    in_path(url, path..path_end, &mut found);
    let mut start = path_end;
    while start < url.len() {
        start += 1;
        let end = end_of(url, start, &['&', ';', '?', '#']);
        in_parameter(url, start..end, &mut found);
        start = end;
    }
    found
}

fn end_of(text: &str, from: usize, ends: &[char]) -> usize {
    text[from..].find(ends).map_or(text.len(), |at| from + at)
}

fn in_path(url: &str, path: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut before = "";
    let mut start = path.start;
    while start < path.end {
        start += 1;
        let end = end_of(&url[..path.end], start, &['/', ';']);
        let segment = &url[start..end];
        let parameter = segment.split_once('=').filter(|(name, value)| is_secret_name(name) && !value.is_empty());
        if let Some((_, value)) = parameter {
            found.push(end - value.len()..end);
        } else if let Some(rest) = segment.strip_prefix("private-").filter(|rest| rest.len() >= 8) {
            found.push(end - rest.len()..end);
        } else if is_token(segment) || (is_random(segment) && (is_secret_name(before) || before == "private")) {
            found.push(start..end);
        }
        before = segment;
        start = end;
    }
}

fn in_parameter(url: &str, part: Range<usize>, found: &mut Vec<Range<usize>>) {
    let text = &url[part.clone()];
    let (name, value) = text.split_once('=').unwrap_or(("", text));
    let (name, decoded) = (decoded(name), decoded(value));
    let is_vague = name.chars().count() < 2 || VAGUE_NAMES.contains(&name.to_ascii_lowercase().as_str());
    let is_secret = is_secret_name(&name)
        || is_token(&decoded)
        || (is_vague && is_random(&decoded))
        // An address inside the address.
        || (decoded.contains("://") && decoded.len() < url.len() && !secrets(&decoded).is_empty());
    if is_secret && !value.is_empty() {
        found.push(part.end - value.len()..part.end);
    }
}

/// `%XX` as the character it stands for.
fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let pair = format!("v={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, v)| v.into_owned()).unwrap_or_default()
}

/// Whether an address holds what looks like a secret.
#[must_use]
pub fn has_secret(url: &str) -> bool {
    !secrets(url).is_empty()
}

/// Whether no address goes on at a character.
fn is_address_end(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '|')
}

/// Where addresses begin and end in a text.
fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://").map(|at| from + at) {
        let scheme = text[..at].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
        let end = text[at..].find(is_address_end).map_or(text.len(), |end| at + end);
        if scheme > 0 && found.last().is_none_or(|last| last.end <= at - scheme) {
            found.push(at - scheme..end);
        }
        from = end.max(at + 3);
    }
    found
}

/// Where the addresses in a text hold secrets, also those without a host (`/rss?key=…`). Byte ranges, in order.
#[must_use]
pub fn secrets_in_text(text: &str) -> Vec<Range<usize>> {
    let whole = addresses(text);
    let mut found = Vec::new();
    for address in &whole {
        let start = address.start;
        found.extend(secrets(&text[address.clone()]).into_iter().map(|range| start + range.start..start + range.end));
    }
    for (at, _) in text.match_indices('?') {
        let mut start = at + 1;
        let end = text[start..].find(is_address_end).map_or(text.len(), |end| start + end);
        if whole.iter().any(|address| address.contains(&at)) || !text[start..end].contains('=') {
            continue;
        }
        while start < end {
            let stop = end_of(&text[..end], start, &['&', ';', '?', '#']);
            in_parameter(text, start..stop, &mut found);
            start = stop + 1;
        }
    }
    found.sort_by_key(|range| range.start);
    found.dedup();
    found
}

/// A text with the secrets of every address in it replaced by [`MASK`].
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains("://") && !text.contains('?') {
        return Cow::Borrowed(text);
    }
    replaced(text, &secrets_in_text(text), MASK)
}

/// A text with every address in it replaced by [`HIDDEN`].
#[must_use]
pub fn without_addresses(text: &str) -> Cow<'_, str> {
    replaced(text, &addresses(text), HIDDEN)
}

fn replaced<'t>(text: &'t str, ranges: &[Range<usize>], by: &str) -> Cow<'t, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        // One that begins in another is the same secret.
        if range.start >= from {
            out.push_str(&text[from..range.start]);
            out.push_str(by);
        }
        from = range.end.max(from);
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_addresses_are_masked() {
        for (url, shown) in [
            ("https://e.org/rss?key=abc&page=2", "https://e.org/rss?key=***&page=2"),
            ("https://e.org/rss?page=2&api_key=a%20b#x", "https://e.org/rss?page=2&api_key=***#x"),
            (
                "https://e.org/rss?accessToken=1;X-Amz-Signature=2",
                "https://e.org/rss?accessToken=***;X-Amz-Signature=***",
            ),
            ("https://u:p@e.org/rss", "https://***@e.org/rss"),
            ("https://u:p@ss@e.org/rss", "https://***@e.org/rss"),
            ("https://u:p/ss@e.org/rss", "https://***@e.org/rss"),
            ("https://only-user@e.org/", "https://***@e.org/"),
            ("https://e.org/rss?%6Bey=v", "https://e.org/rss?%6Bey=***"),
            ("https://e.org/rss;jsessionid=12ab?x=1", "https://e.org/rss;jsessionid=***?x=1"),
            ("https://e.org/private-0123456789abcdef/basic.ics", "https://e.org/private-***/basic.ics"),
            ("https://e.org/token/a1b2C3d4E5f6a7b8c9d0/feed", "https://e.org/token/***/feed"),
            ("https://e.org/p?u=a1b2C3d4E5f6a7b8c9d0", "https://e.org/p?u=***"),
            ("https://e.org/p?a1b2C3d4E5f6a7b8c9d0", "https://e.org/p?***"),
            ("https://e.org/p?x=ghp_0123456789abcdef", "https://e.org/p?x=***"),
            ("https://e.org/p?url=https%3A%2F%2Fu%3Ap%40h%2F", "https://e.org/p?url=***"),
            ("https://e.org/#access_token=1", "https://e.org/#access_token=***"),
            ("https://e.org/?pw=1&tok=2&pin=3&passcode=4", "https://e.org/?pw=***&tok=***&pin=***&passcode=***"),
        ] {
            assert_eq!(masked(url), shown);
            assert!(has_secret(url), "{url}");
            assert_eq!(masked(shown), shown, "twice is once");
        }
    }

    #[test]
    fn ordinary_addresses_stay() {
        for url in [
            "https://e.org/rss.xml?id=5&page=2",
            "https://www.youtube.com/feeds/videos.xml?channel_id=UC1a2B3c4D5e6F7g8H9i0Jkl",
            "https://medium.com/@someone/feed",
            "https://e.org:8080/@someone/feed",
            "https://feeds.example/public/shows/5f3c2a1b-9c8e-4f6a-8b4c-2d1e3f0a9b8c",
            "https://e.org/?s=a-long-title-with-words-and-2024",
            "https://e.org/?q=keyword&author=me&keywords=x&sort=new",
            "http://127.0.0.1:8700/",
            "https://e.org/?key=",
        ] {
            assert_eq!(masked(url), url);
        }
    }

    #[test]
    fn addresses_in_a_text_are_found() {
        assert_eq!(
            masked("HTTP 403 for https://e.org/?key=1, not \"http://u:p@h/\" nor <http://h/?sig=2>"),
            "HTTP 403 for https://e.org/?key=*** not \"http://***@h/\" nor <http://h/?sig=***>"
        );
        assert_eq!(without_addresses("back to http://h/x?y (twice)"), "back to (address hidden) (twice)");
        assert_eq!(masked("://x ://"), "://x ://");
        assert_eq!(masked("see /rss?n=1&key=2 and `feed?sig=3`"), "see /rss?n=1&key=*** and `feed?sig=***`");
        assert_eq!(masked("is it? key=1 has been? Yes"), "is it? key=1 has been? Yes");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|[?&;=#/@:%.\\\\]|key=|https://|%3A|token|eyJ){0,40}") {
            // Nothing but that it ends, and that a text without marks of addresses stays.
            let is_plain = !text.contains("://") && !text.contains('?');
            proptest::prop_assert!(!is_plain || masked(&text) == text);
            proptest::prop_assert!(text.contains("://") || without_addresses(&text) == text);
        }

        #[test]
        fn a_key_is_found_whatever_stands_around(
            before in "(\\PC|[?&;=#/@:%.]|key=|https://){0,20}",
            name in "(api_)?key|access_token|Signature|userPassword",
            value in "[a-z0-9]{8,20}",
            after in "(\\PC|[?&;=#/@:%.]){0,20}",
        ) {
            let text = format!("{before} https://e.org/rss?page=2&{name}={value}&{after}");
            proptest::prop_assert!(!masked(&text).contains(&format!("={value}")), "{}", masked(&text));
        }
    }
}
