//! What a document leads to: the pages that continue it and the articles behind its short entries.
//!
//! All of it is learnt from the network, so the address rules hold. It is asked for one request
//! after the other, within limits, and each article once: what could not be had is a warning, never
//! a failed poll.

use std::collections::HashSet;
use std::time::Instant;

use chrono::{DateTime, Utc};
use url::Url;

use super::{PollError, Poller, Reading};
use crate::fetch::{Failed, Fetched, Outcome};
use crate::identity::{Key, digest};
use crate::ingest::ArticleAttempt;
use crate::model::document::{Document, charset_of};
use crate::model::feed::RawArticle;
use crate::model::source::Source;
use crate::normalise::{self, Context};
use crate::{clean, decode, parse};

/// Articles fetched in one poll at most; the others follow with the next polls.
const MOST_ARTICLES: usize = 10;

/// How often an article that cannot be had is asked for.
const MOST_ATTEMPTS: u32 = 3;

/// Entries with fewer characters of text are short.
const SHORT: usize = 600;

/// What reading on brought beside the entries.
#[derive(Debug, Default)]
pub(super) struct Linked {
    /// The articles that were tried.
    pub(super) attempts: Vec<ArticleAttempt>,
    /// What went wrong, in words.
    pub(super) warnings: Vec<String>,
    /// Whether something is left for the next poll, which then must read the document again.
    pub(super) unfinished: bool,
}

impl Poller {
    /// Completes what was read of a document by what it links to.
    pub(super) async fn read_on(
        &self,
        source: &Source,
        reading: &mut Reading,
        now: DateTime<Utc>,
    ) -> Result<Linked, PollError> {
        let mut linked = Linked::default();
        self.read_pages(source, reading, now, &mut linked).await;
        if source.full_text {
            self.read_articles(source, reading, now, &mut linked).await?;
        }
        Ok(linked)
    }

    /// Follows `next` of `select`.
    async fn read_pages(&self, source: &Source, reading: &mut Reading, now: DateTime<Utc>, linked: &mut Linked) {
        let most = source.select.as_ref().map_or(1, |select| select.pages);
        let mut visited = HashSet::new();
        visited.extend(reading.url.clone());
        let mut next = reading.next_page();
        while let Some(url) = next.take().filter(|url| visited.len() < most && visited.insert(url.clone())) {
            let page = match document(self.fetcher.fetch_linked(source, &url, now).await) {
                Ok(document) => self.read(source, document).await.map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            match page {
                Ok(page) => {
                    next = page.next_page();
                    reading.raw.entries.extend(page.raw.entries);
                    reading.feed.entries.extend(page.feed.entries);
                }
                Err(error) => linked.warnings.push(format!("the page {url} was not read: {error}")),
            }
        }
    }

    /// Puts articles in the place of short entries.
    async fn read_articles(
        &self,
        source: &Source,
        reading: &mut Reading,
        now: DateTime<Utc>,
        linked: &mut Linked,
    ) -> Result<(), PollError> {
        let wanted: Vec<(usize, Key, Url)> = (reading.feed.entries.iter().enumerate())
            .filter(|(_, entry)| normalise::length(entry) < SHORT || clean::is_cut(&entry.title))
            .filter_map(|(place, entry)| Some((place, entry.url.as_deref()?)))
            .filter_map(|(place, link)| Some((place, digest(&[&clean::canonical_link(link)]), Url::parse(link).ok()?)))
            .collect();
        let keys: Vec<Key> = wanted.iter().map(|(_, key, _)| *key).collect();
        let store = self.store.clone();
        let known = tokio::task::spawn_blocking(move || store.articles(&keys)).await;
        let mut known = known.map_err(|error| PollError::Panicked(error.to_string()))??;
        let deadline = Instant::now() + source.timeouts.whole;
        let (mut found, mut left) = (Vec::new(), 0);
        for (place, key, url) in wanted {
            let before = known.remove(&key);
            let attempts = before.as_ref().map_or(0, |known| known.attempts);
            if let Some(article) = before.and_then(|known| known.article) {
                found.push((place, article));
            } else if attempts < MOST_ATTEMPTS {
                if linked.attempts.len() >= MOST_ARTICLES || Instant::now() >= deadline {
                    left += 1;
                    continue;
                }
                let article = match self.article(source, &url, now).await {
                    Ok(article) => Some(article),
                    Err(error) => {
                        linked.warnings.push(format!("the article {url} was not read: {error}"));
                        linked.unfinished |= attempts + 1 < MOST_ATTEMPTS;
                        None
                    }
                };
                found.extend(article.clone().map(|article| (place, article)));
                linked.attempts.push(ArticleAttempt { key, article });
            }
        }
        if left > 0 {
            linked.warnings.push(format!("{left} articles are left for the next poll"));
            linked.unfinished = true;
        }
        apply(source, reading, found, now).await
    }

    async fn article(&self, source: &Source, url: &Url, now: DateTime<Utc>) -> Result<RawArticle, String> {
        let fetched = self.fetcher.fetch_article(source, url, now).await;
        let document = document(fetched)?;
        let charset = source.charset;
        let read = self.readers.run(document.bytes.len(), move || {
            let http_charset = document.content_type.as_deref().and_then(charset_of);
            parse::article(&decode::decode(&document.bytes, charset, http_charset))
        });
        let article = read.await?;
        article.ok_or_else(|| "no main text was found on the page".to_owned())
    }
}

fn document(fetched: Result<Fetched, Failed>) -> Result<Document, String> {
    match fetched.map_err(|failed| failed.error.to_string())?.outcome {
        Outcome::Document(document) => Ok(document),
        Outcome::NotModified => Err("the server answered 304, though it was not asked for changes".to_owned()),
    }
}

/// Sanitising is work for the processor, and may meet anything.
async fn apply(
    source: &Source,
    reading: &mut Reading,
    found: Vec<(usize, RawArticle)>,
    now: DateTime<Utc>,
) -> Result<(), PollError> {
    if found.is_empty() {
        return Ok(());
    }
    let mut entries = std::mem::take(&mut reading.feed.entries);
    let (timezone, document_url) = (source.timezone, reading.url.clone());
    let applied = tokio::task::spawn_blocking(move || {
        let context = Context { document_url, timezone, tags: &[], now };
        for (place, article) in &found {
            if let Some(entry) = entries.get_mut(*place) {
                normalise::take_article(entry, article, &context);
            }
        }
        entries
    });
    reading.feed.entries = applied.await.map_err(|error| PollError::Panicked(error.to_string()))?;
    Ok(())
}

impl Reading {
    /// The page that continues this one.
    fn next_page(&self) -> Option<Url> {
        let next = self.raw.next_page.as_deref()?.trim();
        match &self.url {
            Some(url) => url.join(next).ok(),
            None => Url::parse(next).ok(),
        }
    }
}
