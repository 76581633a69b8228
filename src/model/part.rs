//! A part of the river that has feeds of its own.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::source::SourceId;

/// The whole river, or the stories of it that a source, a group or a tag has an entry in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// What one source tells.
    Source(SourceId),
    /// What the sources of one group tell.
    Group(String),
    /// What has one tag.
    Tag(String),
    /// What most independent outlets report.
    Top,
    /// Editions with the top stories of each group.
    Digest,
}

impl Part {
    /// The path of its feeds before `feed.*`: empty, or ending in a slash, percent-encoded.
    #[must_use]
    pub fn path(&self) -> String {
        let named = |kind: &str, name: &str| format!("{kind}/{}/", segment(name));
        match self {
            Self::Whole => String::new(),
            Self::Source(id) => named("sources", id.as_str()),
            Self::Group(name) => named("groups", name),
            Self::Tag(name) => named("tags", name),
            Self::Top => "top/".to_owned(),
            Self::Digest => "digest/".to_owned(),
        }
    }
}

/// A name as one segment of a path, or as a value in a query: a space is %20, and a slash parts nothing.
#[must_use]
pub fn segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the river"),
            Self::Source(id) => write!(f, "{id}"),
            Self::Group(name) | Self::Tag(name) => f.write_str(name),
            Self::Top => f.write_str("Top"),
            Self::Digest => f.write_str("Digest"),
        }
    }
}

/// What a reader asks for: a part of the river, and bounds of his own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ask {
    /// The part.
    pub part: Part,
    /// What is searched for (`?q=`).
    pub query: Option<String>,
    /// Stories on a page (`?n=`).
    pub count: Option<usize>,
    /// The oldest that is wanted (`?since=`, `?hours=`).
    pub since: Option<DateTime<Utc>>,
    /// Independent outlets that report a story at least (`?min_sources=`).
    pub min_sources: Option<usize>,
}

impl From<Part> for Ask {
    fn from(part: Part) -> Self {
        Self { part, ..Self::default() }
    }
}

impl Ask {
    /// Whether it is the river as it is rendered beforehand.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The parameters of its address.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let since = self.since.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let all = [
            ("q", self.query.clone()),
            ("n", self.count.map(|n| n.to_string())),
            ("since", since),
            ("min_sources", self.min_sources.map(|n| n.to_string())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn paths_are_one_segment_each() {
        assert_eq!(Part::Whole.path(), "");
        assert_eq!(Part::Tag("SZ300623".into()).path(), "tags/SZ300623/");
        assert_eq!(Part::Tag("NYSE:BABA a/b".into()).path(), "tags/NYSE%3ABABA%20a%2Fb/");
        assert_eq!(Part::Group("财经".into()).path(), "groups/%E8%B4%A2%E7%BB%8F/");
    }
}
