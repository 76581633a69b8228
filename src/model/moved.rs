//! Where a source moved for good, and whether that is believed.
//!
//! A server that gives up its addresses sends them all, for good, to wherever its owner parks them; there may
//! well be a feed. So a permanent redirect (RFC 9110, sections 15.4.2 and 15.4.9) is remembered at once only
//! where the feed it leads to is known by its title or an entry. Any other is followed at each poll, and
//! believed when it has been said for [`DOUBTED`].

use chrono::{DateTime, TimeDelta, Utc};

/// How long a move is doubted that leads to a feed of strangers.
pub const DOUBTED: TimeDelta = TimeDelta::days(7);

/// A permanent redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Where to.
    pub to: String,
    /// Since when it is doubted; `None` where it is believed.
    pub doubted_since: Option<DateTime<Utc>>,
}

impl Move {
    /// A move that is believed.
    #[must_use]
    pub fn believed(to: String) -> Self {
        Self { to, doubted_since: None }
    }

    /// What a redirect to `to` is now, when `before` was known of it.
    #[must_use]
    pub fn seen(to: String, before: Option<&Self>, now: DateTime<Utc>) -> Self {
        let since = before.filter(|before| before.to == to).map(|before| before.doubted_since);
        let doubted_since = since.unwrap_or(Some(now)).filter(|since| now - *since < DOUBTED);
        Self { to, doubted_since }
    }

    /// Believes it, where it was first seen `now` and leads to what is known. Later that says nothing any more:
    /// what was found there is known since.
    pub fn recognise(&mut self, now: DateTime<Utc>) {
        self.doubted_since = self.doubted_since.filter(|since| *since != now);
    }

    /// Where to, if it is believed.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.doubted_since.is_none().then_some(self.to.as_str())
    }

    /// The same in words.
    #[must_use]
    pub fn remark(&self) -> String {
        let to = &self.to;
        match self.doubted_since {
            None => format!("moved permanently to {to}; `newsriver fix` puts that into feeds.toml"),
            Some(since) => format!(
                "sent permanently to {to}, a feed that shares neither title nor entries with this one: asked for at the \
                 old address until {}, then believed",
                (since + DOUBTED).format("%Y-%m-%d")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_doubted_until_they_have_stayed() {
        let at = |days: i64| DateTime::UNIX_EPOCH + TimeDelta::days(days);
        let first = Move::seen("x".into(), None, at(0));
        assert_eq!(first.target(), None);
        let mut known = first.clone();
        known.recognise(at(0));
        assert_eq!(known.target(), Some("x"));
        assert_eq!(Move::seen("x".into(), Some(&known), at(1)), known, "believed once is believed");

        let mut later = Move::seen("x".into(), Some(&first), at(6));
        later.recognise(at(6));
        assert_eq!(later, first, "what was found there proves nothing the second time");
        assert_eq!(Move::seen("y".into(), Some(&first), at(6)).doubted_since, Some(at(6)), "elsewhere");
        assert_eq!(Move::seen("x".into(), Some(&first), at(7)).target(), Some("x"));
    }
}
