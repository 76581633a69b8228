//! A subscription at a hub that pushes what a source publishes (WebSub, W3C Recommendation 2018).

use chrono::{DateTime, Utc};

use super::source::{Secret, SourceId};

/// What a document or its headers announce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The hub, absolute.
    pub hub: String,
    /// The address that the publisher gives its feed (`rel=self`).
    pub topic: String,
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The hub was asked, and has not verified that we mean it.
    Asked,
    /// Verified: pushes come until the lease ends.
    Active,
    /// The hub refused.
    Denied,
}

impl Stage {
    /// The name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Active => "active",
            Self::Denied => "denied",
        }
    }

    /// Reads a name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Asked, Self::Active, Self::Denied].into_iter().find(|stage| stage.name() == name)
    }
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The source.
    pub source: SourceId,
    /// What is subscribed to.
    pub announced: Announced,
    /// The last part of the callback's path; nobody else knows it.
    pub token: String,
    /// What pushes are signed with.
    pub secret: Secret,
    /// Where it stands.
    pub stage: Stage,
    /// When the hub was last asked.
    pub asked_at: DateTime<Utc>,
    /// Requests in a row that led to nothing.
    pub failures: u32,
    /// When the lease ends.
    pub lease_until: Option<DateTime<Utc>>,
    /// Whether the latest news came by a push, so that polls may be rare.
    pub is_trusted: bool,
}
