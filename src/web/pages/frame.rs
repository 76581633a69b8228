//! What every page shares: the reader's language, the river's time zone, the day it is, where pictures come from.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use url::Url;

use super::VERSION;
use crate::config::Images;
use crate::language::Language;
use crate::live::Live;
use crate::model::zone::Zone;
use crate::pictures::Signer;

/// What pages are made with for one reader at one time.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The language.
    pub language: Language,
    /// The zone of all times.
    pub zone: Zone,
    /// The moment; pages use its day only.
    pub now: DateTime<Utc>,
    /// Where pictures come from.
    pub pictures: Pictures,
}

/// Where pictures come from.
#[derive(Debug, Clone)]
pub enum Pictures {
    /// From the daemon, at signed addresses.
    Proxy(Signer),
    /// From the publishers.
    Direct,
    /// There are none.
    Off,
}

impl Setting {
    /// The setting of a running daemon.
    #[must_use]
    pub fn new(live: &Live, language: Language, now: DateTime<Utc>) -> Self {
        let config = live.config();
        let pictures = match (config.pages.images, live.picture_signer()) {
            (Images::Proxy, Some(signer)) => Pictures::Proxy(signer),
            (Images::Direct, _) => Pictures::Direct,
            (Images::Proxy, None) | (Images::Off, _) => Pictures::Off,
        };
        Self { language, zone: config.river.timezone, now, pictures }
    }

    /// The setting of pages that are written as files: nothing proxies behind them.
    #[must_use]
    pub fn of_files(live: &Live, now: DateTime<Utc>) -> Self {
        let language = live.config().pages.language.unwrap_or_default();
        let setting = Self::new(live, language, now);
        let pictures = match setting.pictures {
            Pictures::Direct => Pictures::Direct,
            Pictures::Proxy(_) | Pictures::Off => Pictures::Off,
        };
        Self { pictures, ..setting }
    }

    /// The day that it is in the zone.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.zone.at(self.now).date_naive()
    }

    /// The address at which a page below `root` shows the picture at `url`.
    #[must_use]
    pub fn picture(&self, root: &str, url: &str) -> Option<String> {
        match &self.pictures {
            Pictures::Proxy(signer) => signer.path(url).map(|path| format!("{root}{path}")),
            Pictures::Direct => url.starts_with("http").then(|| url.to_owned()),
            Pictures::Off => None,
        }
    }
}

/// What the frame around each page needs.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// The path of the daemon's root as a browser sees it; ends in a slash.
    pub(super) root: &'a str,
    /// What makes the addresses of style and scripts change with them.
    pub(super) version: &'static str,
    /// The language, which knows its words.
    pub(super) t: Language,
    /// The name of the time zone.
    pub(super) zone: String,
    /// The zone itself.
    times: Zone,
    /// The day it is; `None` on pages that are kept for longer than a day.
    pub(super) today: Option<NaiveDate>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(base: &'a Url, setting: &Setting) -> Self {
        Self {
            root: base.path(),
            version: &VERSION,
            t: setting.language,
            zone: setting.zone.to_string(),
            times: setting.zone,
            today: Some(setting.today()),
        }
    }

    /// The same for a page that becomes a file, and may be read on any day.
    pub(super) fn undated(self) -> Self {
        Self { today: None, ..self }
    }

    /// A moment as the zone's clocks show it.
    pub(super) fn at(&self, moment: DateTime<Utc>) -> DateTime<FixedOffset> {
        self.times.at(moment)
    }

    /// A moment in words, with its exact time for machines.
    pub(super) fn time(&self, moment: DateTime<FixedOffset>) -> Time {
        let local = self.at(moment.to_utc());
        Time { exact: moment.to_rfc3339(), shown: self.t.moment(local, self.today) }
    }

    /// A moment as the status writes it (RFC 3339).
    pub(super) fn time_of(&self, moment: Option<&String>) -> Option<Time> {
        let moment = DateTime::parse_from_rfc3339(moment?).ok()?;
        Some(self.time(moment))
    }

    /// The page of a story.
    pub(super) fn story(&self, river_id: &str) -> String {
        format!("{}stories/{}", self.root, crate::model::part::segment(river_id))
    }
}

/// A moment for people and for machines.
#[derive(Debug, Clone)]
pub(super) struct Time {
    /// RFC 3339, with the offset that the publisher wrote.
    pub(super) exact: String,
    /// In the river's zone.
    pub(super) shown: String,
}
