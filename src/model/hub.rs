//! Who listens at newsriver's own hub (WebSub, W3C Recommendation 2018).

use chrono::{DateTime, Utc};

use super::source::Secret;

/// One subscription at our hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where it wants pushes; absolute.
    pub callback: String,
    /// The feed of ours.
    pub topic: String,
    /// What pushes are signed with, where it wants that.
    pub secret: Option<Secret>,
    /// Until when it listens.
    pub lease_until: DateTime<Utc>,
    /// The newest change that it was sent.
    pub sent: i64,
}
