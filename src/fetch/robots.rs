//! robots.txt (RFC 9309), for articles: feeds are published to be polled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{Fetcher, Outcome};
use crate::model::report::ErrorKind;
use crate::model::source::Source;

/// How long the rules of a site are kept (RFC 9309, section 2.4).
const KEPT: TimeDelta = TimeDelta::hours(24);

/// The most of a robots.txt that is read, bytes (RFC 9309, section 2.5).
const MOST_BYTES: usize = 500 * 1024;

/// Sites whose rules are kept at most.
const MOST_SITES: usize = 2000;

/// The name that rules call us by.
const OURS: &str = "newsriver";

/// When rules were read, and what they are.
type Known = (DateTime<Utc>, Arc<Rules>);

/// The rules of the sites whose articles were asked for.
#[derive(Debug, Default)]
pub(super) struct Robots {
    sites: Mutex<HashMap<String, Known>>,
}

impl Robots {
    /// Whether the site lets us fetch `url`.
    pub(super) async fn allow(&self, fetcher: &Fetcher, source: &Source, url: &Url, now: DateTime<Utc>) -> bool {
        let site = url.origin().ascii_serialization();
        let known = {
            let sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
            sites.get(&site).filter(|(at, _)| now - *at < KEPT).map(|(_, rules)| rules.clone())
        };
        let rules = match known {
            Some(rules) => rules,
            None => {
                // What the address rules bar, they bar for the article too.
                let Some(rules) = fetch(fetcher, source, url, now).await.map(Arc::new) else { return true };
                let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
                if sites.len() >= MOST_SITES {
                    sites.clear();
                }
                sites.insert(site, (now, rules.clone()));
                rules
            }
        };
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        rules.allow(&path)
    }
}

async fn fetch(fetcher: &Fetcher, source: &Source, url: &Url, now: DateTime<Utc>) -> Option<Rules> {
    let Ok(place) = url.join("/robots.txt") else { return Some(Rules::default()) };
    let rules = match fetcher.fetch_linked(source, &place, now).await {
        Ok(fetched) => match fetched.outcome {
            Outcome::Document(document) => {
                Rules::parse(&String::from_utf8_lossy(&document.bytes[..document.bytes.len().min(MOST_BYTES)]))
            }
            Outcome::NotModified => Rules::default(),
        },
        // A site that fails is left alone, one that has no rules is free (RFC 9309, section 2.3.1).
        Err(failed) => match (failed.error.kind(), failed.error.http_status()) {
            (ErrorKind::BlockedAddress, _) => return None,
            (_, Some(400..=499)) => Rules::default(),
            _ => Rules::nothing(),
        },
    };
    Some(rules)
}

/// The rules that hold for us: paths, and whether they are open.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Rules(Vec<(String, bool)>);

impl Rules {
    fn nothing() -> Self {
        Self(vec![("/".to_owned(), false)])
    }

    /// The group that names us, else the one for all.
    fn parse(text: &str) -> Self {
        let (mut ours, mut all) = (None::<Vec<_>>, None::<Vec<_>>);
        let (mut names, mut in_rules) = (Vec::new(), false);
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if std::mem::take(&mut in_rules) {
                        names.clear();
                    }
                    names.push(value.to_ascii_lowercase());
                    for (group, is_it) in [(&mut ours, is_ours(value)), (&mut all, value == "*")] {
                        if is_it {
                            group.get_or_insert_default();
                        }
                    }
                }
                "allow" | "disallow" => {
                    in_rules = true;
                    if value.is_empty() {
                        continue;
                    }
                    let rule = (value.to_owned(), key == "allow");
                    for name in &names {
                        let group = if name == "*" { &mut all } else { &mut ours };
                        if name == "*" || is_ours(name) {
                            group.get_or_insert_default().push(rule.clone());
                        }
                    }
                }
                _ => {}
            }
        }
        Self(ours.or(all).unwrap_or_default())
    }

    /// The longest rule decides; of two as long the open one.
    fn allow(&self, path: &str) -> bool {
        let matching = self.0.iter().filter(|(pattern, _)| matches(pattern, path));
        matching.max_by_key(|(pattern, open)| (pattern.len(), *open)).is_none_or(|(_, open)| *open)
    }
}

fn is_ours(name: &str) -> bool {
    let name = name.trim();
    name.len() >= OURS.len() && name.is_char_boundary(OURS.len()) && name[..OURS.len()].eq_ignore_ascii_case(OURS)
}

/// `*` stands for anything, `$` for the end.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, to_end) = pattern.strip_suffix('$').map_or((pattern, false), |pattern| (pattern, true));
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (place, part) in parts.iter().enumerate() {
        if to_end && place + 1 == parts.len() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    !to_end || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_that_names_us_holds_else_the_one_for_all() {
        let rules = Rules::parse(
            "User-agent: *\nDisallow: /\n\nUser-Agent: other\nUser-agent: NewsRiver/1\nDisallow: /private # not this\nAllow: /private/open\n",
        );
        for (path, open) in [("/", true), ("/private", false), ("/private/x", false), ("/private/open/x", true)] {
            assert_eq!(rules.allow(path), open, "{path}");
        }
        assert!(!Rules::parse("user-agent: *\ndisallow: /").allow("/a"));
        assert!(Rules::parse("user-agent: *\ndisallow:").allow("/a"));
        assert!(
            !Rules::parse("User-agent: newsriver\n\nUser-agent: *\nDisallow: /").allow("/a"),
            "one group of two names"
        );
        assert!(Rules::parse("<html>no rules</html>").allow("/a"));
        assert!(!Rules::nothing().allow("/a"));
    }

    #[test]
    fn stars_and_ends() {
        for (pattern, path, fits) in [
            ("/a", "/ab", true),
            ("/*.pdf$", "/x/y.pdf", true),
            ("/*.pdf$", "/x/y.pdf?z", false),
            ("/a*b", "/axxb/c", true),
            ("/a$", "/a", true),
            ("/a$", "/ab", false),
            ("*", "/anything", true),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }
}
