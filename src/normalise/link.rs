//! Links: absolute, of schemes that readers may follow, and in one spelling for comparison.

use url::Url;

use crate::html::link::{SCHEMES, resolved};

/// `link` resolved against `base`; a relative reference where no base is known; `None` for what readers must
/// not follow (scripts, local files).
pub(super) fn absolute(link: &str, base: Option<&Url>) -> Option<String> {
    resolved(link, base, &SCHEMES)
}

/// An id that is written as a relative reference, made whole: `atom:id` is an IRI, and a base in
/// force applies to it (feedparser reads it so).
pub(super) fn whole_id(id: String, base: Option<&Url>) -> String {
    let relative = !id.contains(':') && id.contains('/');
    let joined = base.filter(|_| relative).and_then(|base| base.join(&id).ok());
    joined.map_or(id, |url| url.to_string())
}

/// Whether a text is an absolute web address.
pub(super) fn is_web(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// The media type that a file's ending tells.
pub(super) fn media_type(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "mp3" => "audio/mpeg",
        "m4a" | "aac" => "audio/mp4",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_absolute_or_absent() {
        let base = Url::parse("http://e.org/a/b").ok();
        for (link, expected) in [
            ("c", Some("http://e.org/a/c")),
            (" /c d ", Some("http://e.org/c%20d")),
            ("//x.org/", Some("http://x.org/")),
            ("http://x.org", Some("http://x.org/")),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("data:text/html,x", None),
            ("file:///etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(absolute(link, base.as_ref()).as_deref(), expected, "{link}");
        }
        assert_eq!(absolute("/c", None).as_deref(), Some("/c"));
    }
}
