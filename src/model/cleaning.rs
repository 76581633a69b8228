//! Cleaning: which rules there are, which are switched on, what one did.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A cleaning rule. They are applied in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Full-width letters and digits become half-width.
    Width,
    /// Tracking parameters and redirectors go out of links.
    Links,
    /// Shouted prefixes and suffixes of portals go.
    Hype,
    /// Titles cut off by their portal are made whole from the article, the page or the text.
    Cut,
    /// Captions that pictures left behind go.
    Captions,
    /// Excerpts and first lines that only repeat the title go.
    Echo,
    /// The agency, paper or portal that the text names becomes its attribution.
    Attribution,
    /// Editors' lines, keywords and share lines at the end go.
    Tails,
    /// Blocks that many entries of the source repeat go.
    Boilerplate,
    /// The date that the text states; the entry's own where the feed gives none.
    Dates,
    /// Ticker codes become tags.
    Tickers,
    /// The place of the dateline becomes a tag.
    Places,
}

impl Rule {
    /// All rules, in the order in which they are applied.
    pub const ALL: [Self; 12] = [
        Self::Width,
        Self::Links,
        Self::Hype,
        Self::Cut,
        Self::Captions,
        Self::Echo,
        Self::Attribution,
        Self::Tails,
        Self::Boilerplate,
        Self::Dates,
        Self::Tickers,
        Self::Places,
    ];

    /// The name in feeds.toml and in `explain`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Width => "width",
            Self::Links => "links",
            Self::Hype => "hype",
            Self::Cut => "cut",
            Self::Captions => "captions",
            Self::Tails => "tails",
            Self::Boilerplate => "boilerplate",
            Self::Echo => "echo",
            Self::Attribution => "attribution",
            Self::Dates => "dates",
            Self::Tickers => "tickers",
            Self::Places => "places",
        }
    }
}

/// The rules of one source; by default all are on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Those switched off.
    pub off: BTreeSet<Rule>,
    /// Affixes that the user wants off titles.
    pub affixes: Vec<String>,
}

impl Rules {
    /// Whether a rule is on.
    #[must_use]
    pub fn on(&self, rule: Rule) -> bool {
        !self.off.contains(&rule)
    }
}

/// What one rule did to one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firing {
    /// The rule.
    pub rule: Rule,
    /// The field.
    pub field: String,
    /// What stood there; of long texts the part that changed.
    pub before: String,
    /// What stands there now.
    pub after: String,
}
