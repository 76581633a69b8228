//! A document: the bytes that one poll brought back, with what HTTP said of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a server gave to recognise a document by (RFC 9110, section 8.8), verbatim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The `ETag`, with its quotes and `W/`.
    pub etag: Option<String>,
    /// The text of `Last-Modified`.
    pub last_modified: Option<String>,
    /// The address that gave them.
    #[serde(default)]
    pub of: Option<String>,
}

impl Validators {
    /// None.
    pub const NONE: Self = Self { etag: None, last_modified: None, of: None };

    /// Whether a conditional request can be made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// One redirect that a fetch followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Where it led.
    pub to: String,
}

/// What a server said about when to come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerWish {
    /// `Retry-After`, as a span from the answer.
    pub retry_after: Option<Duration>,
    /// How long the answer stays fresh (`Cache-Control: max-age` less `Age`, else `Expires`).
    pub fresh_for: Option<Duration>,
}

/// The bytes of a 200 (or of a file), decompressed.
#[derive(Debug, Clone)]
pub struct Document {
    /// The address the bytes came from, after redirects; the base of relative links.
    pub url: String,
    /// The value of `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub bytes: Vec<u8>,
    /// When it arrived.
    pub fetched_at: DateTime<Utc>,
}

/// The charset parameter of a `Content-Type` value, unquoted.
#[must_use]
pub fn charset_of(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::charset_of;

    #[test]
    fn charset_parameters() {
        assert_eq!(charset_of("text/xml; charset=GBK"), Some("GBK"));
        assert_eq!(charset_of("text/xml;x=1; Charset=\"utf-8\""), Some("utf-8"));
        assert_eq!(charset_of("text/xml; charset="), None);
        assert_eq!(charset_of("text/xml"), None);
    }
}
