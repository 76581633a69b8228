//! Stories by how many independent outlets report them, from the store; and digests of them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Live;
use super::river::hide_secrets;
use crate::config::Config;
use crate::html::SanitisedHtml;
use crate::html::characters::escaped;
use crate::model::entry::{Entry, StoredEntry};
use crate::model::part::Ask;
use crate::model::source::SourceId;
use crate::publish::Origin;
use crate::ranking::{families, outlets, score};
use crate::store::{Page, Ranked, Store, StoreError};

/// How far back stories are ranked.
const WINDOW_MS: i64 = 24 * 3600 * 1000;

/// Stories on a page of the ranking, unless a reader wants another number.
const SHOWN: usize = 30;

/// Editions of the digest in its feed, and days that they lie in at most.
const EDITIONS: usize = 8;
const DAYS: i64 = 8;

/// Stories of one group in an edition.
const OF_GROUP: usize = 10;

/// A story with what it counts.
struct Counted {
    story: i64,
    outlets: usize,
    score: f64,
    dated: i64,
    sources: Vec<String>,
}

/// The stories that count most first. What ties is ordered by date, the newest first.
fn counted(ranked: &[Ranked], now: i64) -> Vec<Counted> {
    let reports: Vec<_> = ranked.iter().map(|one| one.reports.clone()).collect();
    let families = families(&reports);
    let count = |one: &Ranked| {
        let outlets = outlets(&one.reports, &families);
        let mut sources: Vec<String> = Vec::new();
        for report in &one.reports {
            if !sources.contains(&report.source) {
                sources.push(report.source.clone());
            }
        }
        let dated = one.reports.iter().map(|report| report.dated).max().unwrap_or(0);
        Counted { story: one.story, outlets: outlets.len(), score: score(&outlets, now), dated, sources }
    };
    let mut counted: Vec<Counted> = ranked.iter().map(count).collect();
    // What came within minutes counts alike.
    let rounded = |one: &Counted| (one.score * 100.0).round();
    counted.sort_by(|a, b| rounded(b).total_cmp(&rounded(a)).then(b.dated.cmp(&a.dated)).then(b.story.cmp(&a.story)));
    counted
}

impl Live {
    /// The stories of the last day by how many independent outlets report them. The day ends with the newest arrival.
    pub(super) fn top(store: &Store, ask: &Ask, publishes: &dyn Fn(&StoredEntry) -> bool) -> Result<Page, StoreError> {
        let now = store.newest_arrival()?;
        let query = super::river::query_of(ask)?;
        let mut stories = Vec::new();
        for one in counted(&store.reported(now - WINDOW_MS, now)?, now) {
            if stories.len() == ask.count.unwrap_or(SHOWN) {
                break;
            }
            if ask.min_sources.is_some_and(|least| one.outlets < least) {
                continue;
            }
            let Some(story) = store.story(one.story, publishes)? else { continue };
            if query.as_ref().is_none_or(|query| query.holds(&story))
                && ask.since.is_none_or(|since| story.order >= since)
            {
                stories.push(story);
            }
        }
        Ok(Page { stories, ..Page::default() })
    }

    /// Keeps the stories that at least so many independent outlets report.
    pub(super) fn with_outlets(
        store: &Store,
        stories: Vec<StoredEntry>,
        least: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        // Fewer reports than outlets are wanted need no comparing.
        let possible: Vec<i64> =
            stories.iter().filter(|story| story.tellings.len().max(1) >= least).map(|story| story.row).collect();
        let counted = counted(&store.reports_of(&possible)?, 0);
        let enough: Vec<i64> = counted.iter().filter(|one| one.outlets >= least).map(|one| one.story).collect();
        Ok(stories.into_iter().filter(|story| enough.contains(&story.row)).collect())
    }

    /// The last editions of the digest, the newest first: one entry each, with the top stories of each group.
    pub(super) fn digest(
        &self,
        store: &Store,
        config: &Config,
        publishes: &dyn Fn(&StoredEntry) -> bool,
    ) -> Result<(Page, BTreeMap<SourceId, Origin>), StoreError> {
        let Some(now) = DateTime::from_timestamp_millis(store.newest_arrival()?) else { return Ok(Default::default()) };
        let Ok(source) = SourceId::new("digest") else { return Ok(Default::default()) };
        let moments = moments(config, now);
        let mut stories = Vec::new();
        for pair in moments.windows(2).take(EDITIONS) {
            if let [at, before] = pair {
                stories.extend(self.edition(store, config, publishes, (*before, *at), &source)?);
            }
        }
        let origin = Origin { id: source.clone(), name: config.river.title.clone(), url: None, home_page_url: None };
        Ok((Page { stories, ..Page::default() }, BTreeMap::from([(source, origin)])))
    }

    /// The edition of what was first seen between two moments; `None` where that is nothing.
    fn edition(
        &self,
        store: &Store,
        config: &Config,
        publishes: &dyn Fn(&StoredEntry) -> bool,
        (since, at): (DateTime<Utc>, DateTime<Utc>),
        source: &SourceId,
    ) -> Result<Option<StoredEntry>, StoreError> {
        let until = at.timestamp_millis();
        let counted = counted(&store.reported(since.timestamp_millis(), until)?, until);
        let group_of = |id: &str| config.source(id).and_then(|source| source.group.clone());
        let mut groups: Vec<Option<String>> = self.groups().into_iter().map(Some).collect();
        groups.push(None);
        let mut html = String::new();
        for group in groups {
            let mut lines = String::new();
            let mut shown = 0;
            for one in &counted {
                if shown == OF_GROUP {
                    break;
                }
                if !one.sources.iter().any(|id| group_of(id) == group) {
                    continue;
                }
                let Some(mut story) = store.story(one.story, publishes)? else { continue };
                hide_secrets(config, std::slice::from_mut(&mut story));
                lines.push_str(&self.line(config, &story, &one.sources));
                shown += 1;
            }
            if !lines.is_empty() {
                let heading = group.map(|name| format!("<h2>{}</h2>", escaped(&name))).unwrap_or_default();
                html.push_str(&format!("{heading}<ol>{lines}</ol>"));
            }
        }
        if html.is_empty() {
            return Ok(None);
        }
        let local = config.river.timezone.at(at);
        let base = self.base_url();
        let entry = Entry {
            title: format!("{} · {}", config.river.title, local.format("%Y-%m-%d %H:%M")),
            content_html: SanitisedHtml::of_html(&html, None),
            published: Some(local),
            ..Entry::default()
        };
        Ok(Some(StoredEntry {
            row: at.timestamp(),
            river_id: format!(
                "tag:{},2026:digest/{}",
                base.host_str().unwrap_or("localhost"),
                at.format("%Y-%m-%dT%H:%MZ")
            ),
            source: source.clone(),
            first_seen: at,
            changed_at: at,
            order: at,
            entry,
            told_by: source.clone(),
            tellings: Vec::new(),
        }))
    }

    /// One story of an edition, with everybody who reports it.
    fn line(&self, config: &Config, story: &StoredEntry, sources: &[String]) -> String {
        let title = if story.entry.title.is_empty() { story.river_id.clone() } else { story.entry.title.clone() };
        let title = escaped(&title);
        let linked = match story.entry.url.as_deref().filter(|url| url.starts_with("http")) {
            Some(url) => format!("<a href=\"{}\">{title}</a>", escaped(url)),
            None => title,
        };
        let ids = sources.iter().filter_map(|id| SourceId::new(id).ok());
        let names: Vec<String> = ids.map(|id| escaped(&self.origin(config, &id).name)).collect();
        format!("<li>{linked} ({})</li>", names.join(", "))
    }
}

/// The moments of editions that are past, the newest first.
fn moments(config: &Config, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let today = config.river.timezone.at(now).date_naive();
    let days = (0..DAYS).filter_map(|back| today.checked_sub_signed(TimeDelta::days(back)));
    let mut moments: Vec<DateTime<Utc>> = days
        .flat_map(|day| config.digest.iter().map(move |time| day.and_time(*time)))
        .filter_map(|local| config.river.timezone.moment(local))
        .map(|moment| moment.to_utc())
        .filter(|moment| *moment <= now)
        .collect();
    moments.sort_unstable_by(|a, b| b.cmp(a));
    moments
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    use crate::ingest::PollCommit;

    use crate::model::page::Spot;
    use crate::model::part::Part;
    use crate::model::recent::Recent;

    use crate::publish::Format;

    type Fallible = Result<(), Box<dyn std::error::Error>>;

    /// What a poll of a source brought at a moment.
    fn poll(source: &str, at: &str, entries: Vec<Entry>) -> Result<PollCommit, Box<dyn std::error::Error>> {
        let at = DateTime::parse_from_rfc3339(at)?.to_utc();
        Ok(PollCommit::of_entries(SourceId::new(source)?, at, entries)?)
    }

    fn entry(id: &str, title: &str) -> Entry {
        let url = Some(format!("http://e.org/{id}"));
        Entry { publisher_id: Some(id.into()), title: title.into(), url, ..Entry::default() }
    }

    #[tokio::test]
    async fn each_edition_has_what_came_since_the_one_before() -> Fallible {
        let text = "[river]\ntitle = \"R\"\ntimezone = \"UTC\"\n[digest]\nat = [\"08:00\", \"18:00\"]\n\
            [[source]]\nid = \"a\"\nurl = \"http://a.org/\"\ngroup = \"one\"\n\
            [[source]]\nid = \"b\"\nurl = \"http://b.org/\"\ngroup = \"two\"\n";
        let config = Config::check(text, Path::new("feeds.toml"))?;
        let folder = tempfile::tempdir()?;
        let store = Store::open(&folder.path().join("r.db"))?;
        let both = "青浦工业园区重大项目集中签约";
        store
            .commit(poll("a", "2026-11-24T07:00:00Z", vec![entry("1", both), entry("2", "只有<一>家报道的小事")])?)
            .await?;
        store.commit(poll("b", "2026-11-24T07:30:00Z", vec![entry("3", both)])?).await?;
        store.commit(poll("b", "2026-11-24T09:00:00Z", vec![entry("4", "早上的另一条新消息来了")])?).await?;
        store.commit(poll("a", "2026-11-24T19:00:00Z", vec![entry("5", "还没有到下一期的消息")])?).await?;
        let base = url::Url::parse("http://river.example/")?;
        let live = Live::new(config, &store, base, DateTime::UNIX_EPOCH, Recent::default())?;
        let river = || live.river(&store, &Ask::from(Part::Digest), &Spot::First);
        let digest = river()?.ok_or("a digest")?;
        let editions: Vec<_> = digest.entries.iter().map(|one| one.entry.title.as_str()).collect();
        assert_eq!(editions, ["R · 2026-11-24 18:00", "R · 2026-11-24 08:00"]);
        let [evening, morning] = [0, 1].map(|n| digest.entries[n].entry.content_html.clone().unwrap_or_default());
        let link = |n: u8| format!("<a href=\"http://e.org/{n}\" rel=\"noopener noreferrer\">");
        assert_eq!(*evening, *format!("<h2>two</h2><ol><li>{}早上的另一条新消息来了</a> (T)</li></ol>", link(4)));
        let (one, two) = morning.split_once("<h2>two</h2>").ok_or("two groups")?;
        assert!(one.starts_with(&format!("<h2>one</h2><ol><li>{}{both}</a> (T, T)</li>", link(1))), "{one}");
        assert!(one.contains("只有&lt;一&gt;家") && two.contains(both) && !morning.contains("早上"), "{morning}");
        // The same at any later time, in every format.
        store.commit(poll("b", "2026-11-24T20:00:00Z", vec![entry("6", "更晚的消息也不改变前几期")])?).await?;
        let later = river()?.ok_or("a digest")?;
        for format in Format::ALL {
            assert_eq!(later.render(format), digest.render(format));
        }
        Ok(())
    }

    /// It was refused when it came; should it come through, all there is would be the wrong answer.
    #[tokio::test]
    async fn a_query_that_cannot_be_read_is_told_nothing() -> Fallible {
        let text = "[[source]]\nid = \"a\"\nurl = \"http://a.org/\"\n";
        let folder = tempfile::tempdir()?;
        let store = Store::open(&folder.path().join("r.db"))?;
        store.commit(poll("a", "2026-11-24T07:00:00Z", vec![entry("1", "只有一家报道的小事")])?).await?;
        let base = url::Url::parse("http://river.example/")?;
        let config = Config::check(text, Path::new("feeds.toml"))?;
        let live = Live::new(config, &store, base, DateTime::UNIX_EPOCH, Recent::default())?;
        for part in [Part::Whole, Part::Top] {
            let ask = Ask { part, query: Some(" ".into()), ..Ask::default() };
            let answer = live.river(&store, &ask, &Spot::First);
            assert!(matches!(answer, Err(StoreError::Fault(_))), "{answer:?}");
        }
        Ok(())
    }

    #[test]
    fn editions_are_at_local_times() -> Result<(), crate::config::ConfigError> {
        let text = "[river]\ntimezone = \"Asia/Shanghai\"\n[digest]\nat = [\"18:00\", \"08:00\"]\n";
        let config = Config::check(text, Path::new("feeds.toml"))?;
        let now = DateTime::parse_from_rfc3339("2026-11-25T01:00:00Z").unwrap_or_default().to_utc();
        let found: Vec<String> = moments(&config, now).iter().take(3).map(ToString::to_string).collect();
        assert_eq!(found, ["2026-11-25 00:00:00 UTC", "2026-11-24 10:00:00 UTC", "2026-11-24 00:00:00 UTC"]);
        Ok(())
    }
}
