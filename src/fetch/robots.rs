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

/// Rules of one site that are kept at most.
const MOST_RULES: usize = 10_000;

/// The paths in the rules of one site at most, bytes.
const MOST_RULE_BYTES: usize = 128 * 1024;

/// Sites whose rules are kept at most.
const MOST_SITES: usize = 2_000;

/// The rules of all sites together at most, bytes.
const MOST_CACHED: usize = 8 << 20;

/// What a site costs beside its paths, and a rule beside its own, bytes: roughly.
const SITE_COST: usize = 256;
const RULE_COST: usize = 40;

/// The name that rules call us by.
const OURS: &str = "newsriver";

/// The rules of the sites whose articles were asked for.
#[derive(Debug, Default)]
pub(super) struct Robots {
    cache: Mutex<Cache>,
}

/// Rules by site, bounded by number and size: who was asked for longest ago goes first.
#[derive(Debug, Default)]
struct Cache {
    sites: HashMap<String, Site>,
    bytes: usize,
    /// Counts what was asked for.
    turn: u64,
}

#[derive(Debug)]
struct Site {
    read_at: DateTime<Utc>,
    rules: Arc<Rules>,
    cost: usize,
    asked: u64,
}

impl Cache {
    /// The rules of a site, where they were read within [`KEPT`].
    fn get(&mut self, name: &str, now: DateTime<Utc>) -> Option<Arc<Rules>> {
        self.turn += 1;
        let site = self.sites.get_mut(name).filter(|site| (TimeDelta::zero()..KEPT).contains(&(now - site.read_at)))?;
        site.asked = self.turn;
        Some(site.rules.clone())
    }

    fn put(&mut self, name: String, rules: Arc<Rules>, now: DateTime<Utc>) {
        self.turn += 1;
        let cost = SITE_COST + name.len() + rules.cost();
        let site = Site { read_at: now, rules, cost, asked: self.turn };
        self.bytes += cost;
        if let Some(before) = self.sites.insert(name, site) {
            self.bytes -= before.cost;
        }
        if self.bytes <= MOST_CACHED && self.sites.len() <= MOST_SITES {
            return;
        }
        // A quarter is freed at once, so that a full cache is not sorted for each site.
        let mut by_turn: Vec<(u64, String)> =
            self.sites.iter().map(|(name, site)| (site.asked, name.clone())).collect();
        by_turn.sort_unstable();
        for (_, name) in by_turn {
            if self.bytes <= MOST_CACHED / 4 * 3 && self.sites.len() <= MOST_SITES / 4 * 3 {
                break;
            }
            if let Some(gone) = self.sites.remove(&name) {
                self.bytes -= gone.cost;
            }
        }
    }
}

impl Robots {
    /// Whether the site lets us fetch `url`.
    pub(super) async fn allow(&self, fetcher: &Fetcher, source: &Source, url: &Url, now: DateTime<Utc>) -> bool {
        let site = url.origin().ascii_serialization();
        let known = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&site, now);
        let rules = match known {
            Some(rules) => rules,
            None => {
                // What the address rules bar, they bar for the article too.
                let Some(rules) = fetch(fetcher, source, url, now).await.map(Arc::new) else { return true };
                self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(site, rules.clone(), now);
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
struct Rules(Box<[(Box<str>, bool)]>);

/// The rules of one group while it is read: no more of them than are kept.
#[derive(Debug, Default)]
struct Group {
    rules: Vec<(Box<str>, bool)>,
    bytes: usize,
}

impl Group {
    fn add(&mut self, path: &str, is_open: bool) {
        if self.rules.len() < MOST_RULES && self.bytes + path.len() <= MOST_RULE_BYTES {
            self.bytes += path.len();
            self.rules.push((path.into(), is_open));
        }
    }
}

impl Rules {
    fn nothing() -> Self {
        Self([("/".into(), false)].into())
    }

    /// What they take in memory, bytes.
    fn cost(&self) -> usize {
        self.0.iter().map(|(path, _)| path.len() + RULE_COST).sum()
    }

    /// The group that names us, else the one for all; other groups are not even kept while it is read.
    fn parse(text: &str) -> Self {
        let (mut ours, mut all) = (None::<Group>, None::<Group>);
        // Whether the group being read is ours, and whether it is the one for all.
        let (mut names_us, mut names_all, mut in_rules) = (false, false, false);
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim(), value.trim());
            if key.eq_ignore_ascii_case("user-agent") {
                if std::mem::take(&mut in_rules) {
                    (names_us, names_all) = (false, false);
                }
                if is_ours(value) {
                    names_us = true;
                    ours.get_or_insert_default();
                }
                if value == "*" {
                    names_all = true;
                    all.get_or_insert_default();
                }
            } else if key.eq_ignore_ascii_case("allow") || key.eq_ignore_ascii_case("disallow") {
                in_rules = true;
                let groups = [(&mut ours, names_us), (&mut all, names_all)];
                for group in
                    groups.into_iter().filter(|(_, named)| *named && !value.is_empty()).filter_map(|(g, _)| g.as_mut())
                {
                    group.add(value, key.eq_ignore_ascii_case("allow"));
                }
            }
        }
        Self(ours.or(all).unwrap_or_default().rules.into_boxed_slice())
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

    #[test]
    fn rules_of_one_site_are_bounded_and_those_of_others_not_kept() {
        let rule = |n: usize| format!("Disallow: /{n:04}{}\n", "x".repeat(40));
        let many: String = (0..20_000).map(rule).collect();
        let rules = Rules::parse(&format!("User-agent: *\n{many}"));
        assert!(
            rules.0.len() <= MOST_RULES && rules.cost() <= MOST_RULE_BYTES + MOST_RULES * RULE_COST,
            "{}",
            rules.cost()
        );
        assert!(!rules.allow(&format!("/0000{}", "x".repeat(40))), "the first rules hold");
        let others = Rules::parse(&format!("User-agent: other\n{many}\nUser-agent: *\nDisallow: /a\n"));
        assert_eq!(others, Rules::parse("User-agent: *\nDisallow: /a\n"));
        let named = format!("{}Disallow: /\n", "User-agent: somebody\n".repeat(100_000));
        assert_eq!(Rules::parse(&named), Rules::default());
        assert_eq!(Rules::parse(&format!("User-agent: *\nDisallow: /{}\n", "x".repeat(MOST_RULE_BYTES))).0.len(), 0);
    }

    #[test]
    fn the_cache_is_bounded_as_a_whole_and_keeps_who_is_asked_for() {
        let now = DateTime::UNIX_EPOCH;
        let large = Arc::new(Rules::parse(&format!("User-agent: *\nDisallow: /{}\n", "x".repeat(MOST_RULE_BYTES / 2))));
        let mut cache = Cache::default();
        cache.put("first".into(), large.clone(), now);
        for n in 0..10_000 {
            cache.put(format!("large{n}"), large.clone(), now);
            assert!(cache.bytes <= MOST_CACHED && cache.sites.len() <= MOST_SITES);
            assert!(cache.get("first", now).is_some(), "{n}: it is asked for all the time");
        }
        for n in 0..10_000 {
            cache.put(format!("small{n}"), Arc::default(), now);
            assert!(cache.sites.len() <= MOST_SITES);
        }
        let cost: usize = cache.sites.values().map(|site| site.cost).sum();
        assert_eq!(cache.bytes, cost);
        assert!(cache.get("small9999", now + KEPT).is_none(), "rules grow old");
    }
}
