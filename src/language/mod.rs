//! The languages of the pages: which one a reader wants, its words and its forms of dates. Pure.
//!
//! Both languages of a phrase stand side by side (`words.rs`, `phrases.rs`), so that a phrase without a translation
//! does not compile.

mod advice;
mod dates;
mod names;
mod phrases;
mod words;

pub use advice::{BROKE_OFF, HEADERS_TOO_LARGE};
pub use phrases::DateOrigin;

use serde::{Deserialize, Serialize};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The language that a tag (BCP 47) names.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// Its tag (BCP 47), for `lang`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// The language that an `Accept-Language` header (RFC 9110, section 12.5.4) prefers; of equals the first, and
    /// English where it names none of ours.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let mut best: (f64, Option<Self>) = (0.0, None);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let language = match parts.next() {
                Some("*") => Some(Self::default()),
                Some(tag) => Self::of_tag(tag),
                None => None,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.trim().parse().ok());
            if let (Some(_), Some(weight)) = (language, weight)
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{Chinese, English};
    use super::*;

    #[test]
    fn what_readers_accept() {
        for (header, wanted) in [
            ("", English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Chinese),
            ("en-GB,en;q=0.9,zh;q=0.8", English),
            ("de, zh;q=0.5", Chinese),
            ("de-DE", English),
            ("zh;q=0, en", English),
            ("fr, *;q=0.1, zh;q=0.05", English),
            ("zh_TW", Chinese),
            ("en;q=x, zh;q=0.1", Chinese),
        ] {
            assert_eq!(Language::accepted(header), wanted, "{header}");
        }
    }
}
