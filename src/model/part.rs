//! A part of the river that has feeds of its own.

use std::fmt;

use super::source::SourceId;

/// The whole river, or the stories of it that a source, a group or a tag has an entry in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
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
}

impl Part {
    /// The path of its feeds before `feed.*`: empty, or ending in a slash, percent-encoded.
    #[must_use]
    pub fn path(&self) -> String {
        let named = |kind: &str, name: &str| {
            // In a path a space is %20, and a slash must not part segments.
            let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            format!("{kind}/{}/", encoded.replace('+', "%20"))
        };
        match self {
            Self::Whole => String::new(),
            Self::Source(id) => named("sources", id.as_str()),
            Self::Group(name) => named("groups", name),
            Self::Tag(name) => named("tags", name),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the river"),
            Self::Source(id) => write!(f, "{id}"),
            Self::Group(name) | Self::Tag(name) => f.write_str(name),
        }
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
