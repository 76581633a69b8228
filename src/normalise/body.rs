//! Bodies: HTML that runs nothing, with absolute links; of text, its paragraphs.

use url::Url;

use super::text;
use crate::html::SanitisedHtml;
use crate::model::feed::{RawText, TextKind};

/// The body as HTML that runs nothing in any reader; `None` where nothing is left to show.
pub(super) fn html(raw: &RawText, base: Option<&Url>) -> Option<SanitisedHtml> {
    match raw.kind {
        // Only where the format says that this is text do its line ends mean something.
        TextKind::Plain => SanitisedHtml::of_lines(&raw.value),
        TextKind::Unknown if !text::looks_like_html(&raw.value) => SanitisedHtml::of_text(&raw.value),
        TextKind::Unknown | TextKind::Html => SanitisedHtml::of_html(&raw.value, base),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(value: &str) -> Option<SanitisedHtml> {
        super::html(&RawText::html(value), Url::parse("http://e.org/a/").ok().as_ref())
    }

    #[test]
    fn script_goes_and_figures_stay() {
        let cleaned = html(
            "<figure><img src=x.png onerror=alert(1)><figcaption>x</figcaption></figure><script>alert(1)</script>",
        )
        .unwrap_or_default();
        assert_eq!(&*cleaned, "<figure><img src=\"http://e.org/a/x.png\"><figcaption>x</figcaption></figure>");
        assert_eq!(
            html("<a href='javascript:alert(1)'>x</a>").as_deref(),
            Some("<a rel=\"noopener noreferrer\">x</a>")
        );
        assert_eq!(
            html("<q cite='javascript:alert(1)'>x</q><q cite='/y'>z</q>").as_deref(),
            Some("<q>x</q><q cite=\"http://e.org/y\">z</q>")
        );
        assert_eq!(html("<script>x</script>"), None);
    }

    #[test]
    fn plain_text_becomes_paragraphs() {
        let body = |value: &str| super::html(&RawText::plain(value), None);
        assert_eq!(body("a < b\nc").as_deref(), Some("a &lt; b<br>c"));
        assert_eq!(body("a\n\nb").as_deref(), Some("<p>a</p><p>b</p>"));
        assert_eq!(body("  "), None);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}x", "<b>".repeat(300_000));
        assert_eq!(html(&deep).as_deref(), Some("x"));
    }

    #[test]
    fn every_address_in_a_body_is_absolute() {
        let base = Url::parse("https://e.org/n/1.html").ok();
        let html = "<img src='/a.jpg' srcset='/a-1x.jpg 1x, b,c.jpg 2x, javascript:x() 3x'><video poster='p.png' src='v.mp4'></video><a href='?q'>x</a>";
        let html = super::html(&RawText::html(html), base.as_ref()).unwrap_or_default();
        for address in [
            "src=\"https://e.org/a.jpg\"",
            "\"https://e.org/a-1x.jpg 1x, https://e.org/n/b,c.jpg 2x\"",
            "poster=\"https://e.org/n/p.png\"",
            "https://e.org/n/1.html?q",
        ] {
            assert!(html.contains(address), "{address} in {html}");
        }
    }
}
