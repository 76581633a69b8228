//! Finding the feed behind an address: fetches what [`crate::discover`] proposes and keeps what can be read.

use chrono::{DateTime, FixedOffset, Utc};
use url::Url;

use crate::discover::{self, Candidate, Form};
use crate::fetch::{FetchError, Fetched, Fetcher, Known, Outcome};
use crate::model::document::{Document, Hop, charset_of};
use crate::model::entry::Feed;
use crate::model::source::{Address, Select, Source};
use crate::opml::{self, Outline};
use crate::parse::ParseError;
use crate::poll::{PollError, read_document};

/// Addresses that are tried at most, so that a page of a thousand links costs no thousand requests.
const MOST_TRIES: usize = 48;

/// Pages that are looked at for one address: itself, and what it shows in frames.
const MOST_PAGES: usize = 5;

/// A feed that can be read.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it is for good: behind permanent redirects, before temporary ones.
    pub(super) address: Address,
    /// Its title, else what the page that names it calls it.
    pub(super) title: String,
    pub(super) entries: usize,
    /// Date and title of its newest entry.
    pub(super) newest: Option<(Option<DateTime<FixedOffset>>, String)>,
    /// The rules by which a page is read as a feed.
    pub(super) select: Option<Select>,
    /// The titles of the first entries.
    pub(super) sample: Vec<String>,
}

/// What stands behind an address.
#[derive(Debug)]
pub(super) enum Discovery {
    /// Feeds, at least one, the best first.
    Feeds(Vec<Found>),
    /// A subscription list.
    List(Vec<Outline>),
    /// A page without a feed, and rules that read it.
    Page(Box<Found>),
}

/// Why nothing was found.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The document at the address did not come, or is broken.
    Fetch(PollError),
    /// It came, and leads to no feed.
    Said(String),
}

impl From<PollError> for Trouble {
    fn from(error: PollError) -> Self {
        Self::Fetch(error)
    }
}

/// What one address holds.
enum Visit {
    Feed(Box<Found>),
    Other { document: Document, text: String, looks_like: &'static str },
}

/// Looks behind addresses; it keeps count of its requests.
pub(super) struct Finder<'a> {
    pub(super) fetcher: Fetcher,
    /// The source as it will be polled: headers, credentials and limits.
    pub(super) source: Source,
    /// The RSSHub instance of feeds.toml.
    pub(super) rsshub: Option<&'a Url>,
    tries: usize,
}

impl<'a> Finder<'a> {
    pub(super) fn new(fetcher: Fetcher, source: Source, rsshub: Option<&'a Url>) -> Self {
        Self { fetcher, source, rsshub, tries: 0 }
    }

    /// Finds what can be subscribed to behind the address of the source.
    pub(super) async fn find(&mut self) -> Result<Discovery, Trouble> {
        let address = self.source.address.clone();
        if let Address::Web(url) = &address {
            match discover::form(url) {
                Some(Form::None(why)) => return Err(said(format!("{url}: {why}"))),
                Some(Form::Route(route)) => return self.route(url, &route).await,
                Some(Form::Lookup(lookup)) => return self.look_up(&lookup).await,
                Some(Form::Feeds(list)) => {
                    let found = self.try_all(list).await;
                    if !found.is_empty() {
                        return Ok(Discovery::Feeds(found));
                    }
                }
                None => {}
            }
        }
        match self.visit(None).await {
            Ok(Visit::Feed(found)) => Ok(Discovery::Feeds(vec![*found])),
            Ok(Visit::Other { document, text, looks_like }) => self.behind(document, text, looks_like).await,
            Err(error) => {
                // A site that has no front page may have a feed.
                if let (Address::Web(url), PollError::Fetch(FetchError::Status { status: 403..=405 | 410 | 500.. })) =
                    (&address, &error)
                    && url.path() == "/"
                {
                    let found = self.first_of(discover::well_known(url)).await;
                    if !found.is_empty() {
                        return Ok(Discovery::Feeds(found));
                    }
                }
                Err(Trouble::Fetch(error))
            }
        }
    }

    /// A route of the RSSHub instance, which a person named.
    async fn route(&mut self, url: &Url, route: &str) -> Result<Discovery, Trouble> {
        let Some(instance) = self.rsshub else {
            return Err(said(format!(
                "{url}: the site has no feed of its own; RSSHub makes one at {route}: name an instance as `instance` under [rsshub] in feeds.toml"
            )));
        };
        let made = format!("{}{route}", instance.as_str().trim_end_matches('/'));
        let made = Url::parse(&made).map_err(|error| said(format!("{made} is no address: {error}")))?;
        self.source.address = Address::Web(made.clone());
        match self.visit(None).await? {
            Visit::Feed(found) => Ok(Discovery::Feeds(vec![*found])),
            Visit::Other { looks_like, .. } => Err(said(format!("{made}: no feed: this is {looks_like}"))),
        }
    }

    /// A podcast, whose feed a directory names.
    async fn look_up(&mut self, lookup: &Url) -> Result<Discovery, Trouble> {
        let needed = "needed is the directory that names the feed of a podcast, or the address of the feed itself";
        let feed = match self.visit(Some(lookup)).await {
            Ok(Visit::Other { text, .. }) => discover::feed_of_lookup(&text),
            Ok(Visit::Feed(_)) => None,
            Err(error) => return Err(said(format!("{lookup}: {error}; {needed}"))),
        };
        let feed = feed.ok_or_else(|| said(format!("{lookup} names no feed; {needed}")))?;
        match self.visit(Some(&feed)).await? {
            Visit::Feed(found) => Ok(Discovery::Feeds(vec![*found])),
            Visit::Other { looks_like, .. } => Err(said(format!("{feed}: no feed: this is {looks_like}"))),
        }
    }

    /// What a document that is no feed leads to.
    async fn behind(
        &mut self,
        document: Document,
        text: String,
        looks_like: &'static str,
    ) -> Result<Discovery, Trouble> {
        if text.to_ascii_lowercase().contains("<opml") {
            return Ok(Discovery::List(opml::parse(&text)));
        }
        let mut pages = vec![(document.url.clone(), text.clone())];
        let (mut at, mut announced) = (0, Vec::new());
        while let Some((url, text)) = pages.get(at).cloned() {
            at += 1;
            // A file has no address of its own; what it names in full can be followed.
            let Ok(url) = Url::parse(&url).or_else(|_| Url::parse("file:///")) else { break };
            let clues = discover::clues(&text, &url);
            announced.extend(clues.announced.iter().map(|candidate| candidate.url.clone()));
            let named = discover::in_page(&url, &text).into_iter().chain(clues.announced).collect();
            for candidates in [named, clues.linked] {
                let found = self.try_all(candidates).await;
                if !found.is_empty() {
                    return Ok(Discovery::Feeds(found));
                }
            }
            for page in clues.pages.into_iter().take(MOST_PAGES.saturating_sub(pages.len())) {
                match self.visit(Some(&page)).await {
                    Ok(Visit::Feed(found)) => return Ok(Discovery::Feeds(vec![*found])),
                    Ok(Visit::Other { document, text, .. }) => pages.push((document.url, text)),
                    // A frame that does not come leaves the others.
                    Err(_) => {}
                }
            }
        }
        if let Ok(url) = Url::parse(&document.url) {
            let found = self.first_of(discover::well_known(&url)).await;
            if !found.is_empty() {
                return Ok(Discovery::Feeds(found));
            }
        }
        match self.as_list(document, &text) {
            Some(found) => Ok(Discovery::Page(Box::new(found))),
            None => {
                let hint = match announced.as_slice() {
                    [] => "it announces no feed, and there is none at the usual paths".to_owned(),
                    [first, ..] => format!("it announces {first}, which cannot be read"),
                };
                Err(said(format!("{}: no feed: this is {looks_like}; {hint}", self.source.address)))
            }
        }
    }

    /// A page read by the rules that its structure suggests.
    fn as_list(&self, document: Document, text: &str) -> Option<Found> {
        let select = discover::propose(text)?;
        let source = Source { select: Some(select.clone()), ..self.source.clone() };
        let reading = read_document(&source, document).ok()?;
        let found = Found { select: Some(select), ..summary(reading.feed, self.source.address.clone()) };
        (found.entries > 2).then_some(found)
    }

    /// Every candidate that is a feed.
    async fn try_all(&mut self, candidates: Vec<Candidate>) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for candidate in candidates {
            if self.tries >= MOST_TRIES {
                break;
            }
            if let Ok(Visit::Feed(mut feed)) = self.visit(Some(&candidate.url)).await
                && found.iter().all(|known| known.address != feed.address)
            {
                if feed.title.is_empty() {
                    feed.title = candidate.title.unwrap_or_default();
                }
                found.push(*feed);
            }
        }
        found
    }

    /// The first address that is a feed.
    async fn first_of(&mut self, addresses: Vec<Url>) -> Vec<Found> {
        for url in addresses {
            if self.tries >= MOST_TRIES {
                break;
            }
            if let Ok(Visit::Feed(found)) = self.visit(Some(&url)).await {
                return vec![*found];
            }
        }
        Vec::new()
    }

    /// Fetches the source itself, or what was learnt from it: that may not lead to private addresses.
    async fn visit(&mut self, linked: Option<&Url>) -> Result<Visit, PollError> {
        self.tries += 1;
        let now = Utc::now();
        let fetched = match linked {
            Some(url) => self.fetcher.fetch_linked(&self.source, url, now).await,
            None => self.fetcher.fetch(&self.source, &Known::NOTHING, now).await,
        };
        let Fetched { outcome, hops, .. } = fetched.map_err(|failed| failed.error)?;
        let Outcome::Document(document) = outcome else { return Err(PollError::NothingToKeep) };
        let address = match (linked, &self.source.address) {
            (Some(url), _) | (None, Address::Web(url)) => Address::Web(lasting(url, &hops)),
            (None, file) => file.clone(),
        };
        let source = Source { address: address.clone(), ..self.source.clone() };
        match read_document(&source, document.clone()) {
            Ok(reading) => Ok(Visit::Feed(Box::new(summary(reading.feed, address)))),
            Err(ParseError::NotAFeed { looks_like, .. }) => {
                let charset = document.content_type.as_deref().and_then(charset_of);
                let text = crate::decode::decode(&document.bytes, None, charset).as_str().to_owned();
                Ok(Visit::Other { document, text, looks_like })
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn said(message: String) -> Trouble {
    Trouble::Said(message)
}

/// The address to keep: permanent redirects are followed up to the first temporary one.
fn lasting(url: &Url, hops: &[Hop]) -> Url {
    let permanent = hops.iter().take_while(|hop| matches!(hop.status, 301 | 308));
    permanent.last().and_then(|hop| Url::parse(&hop.to).ok()).unwrap_or_else(|| url.clone())
}

fn summary(feed: Feed, address: Address) -> Found {
    let dated = feed.entries.iter().max_by_key(|entry| entry.published).or(feed.entries.first());
    let newest = dated.map(|entry| (entry.published, entry.title.clone()));
    let sample = feed.entries.iter().take(5).map(|entry| entry.title.clone()).collect();
    Found { address, title: feed.title, entries: feed.entries.len(), newest, select: None, sample }
}
