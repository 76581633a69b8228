//! The body of an entry as a page shows it: the one place where a publisher's HTML goes into a page of ours.

use std::borrow::Cow;
use std::collections::HashSet;

use ammonia::Builder;

use super::frame::{Pictures, Setting};
use crate::model::entry::Entry;

/// The body, sanitised once more on the way into the page: pictures by the setting and loaded late, tables and code
/// that can be scrolled by keyboard, and nothing that a browser loads by itself. `None` where there is none.
pub(super) fn body_of(entry: &Entry, root: &str, setting: &Setting) -> Option<String> {
    let html = entry.content_html.as_deref()?;
    let cleaned = builder(root, setting).clean(html).to_string();
    Some(with_alternatives(&cleaned)).filter(|html| !html.trim().is_empty())
}

fn builder<'a>(root: &str, setting: &Setting) -> Builder<'a> {
    let mut builder = Builder::default();
    let (root, setting) = (root.to_owned(), setting.clone());
    let is_off = matches!(setting.pictures, Pictures::Off);
    builder
        .add_tags(["section", "main", "figure", "figcaption"])
        // A second `h1` would be another title of the page.
        .rm_tags(["h1", "main"])
        .url_schemes(HashSet::from(["http", "https", "ftp", "mailto", "tel", "magnet", "gemini", "xmpp", "irc"]))
        .link_rel(Some("noopener noreferrer"))
        .set_tag_attribute_value("img", "loading", "lazy")
        .set_tag_attribute_value("img", "decoding", "async")
        .set_tag_attribute_value("pre", "tabindex", "0")
        .set_tag_attribute_value("table", "tabindex", "0")
        .attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("img", "src") => setting.picture(&root, value).map(Cow::Owned),
            // Presentation of another time; it makes pages wider than screens.
            (_, "width" | "height") if element != "img" => None,
            _ => Some(Cow::Borrowed(value)),
        });
    if is_off {
        builder.rm_tags(["img"]);
    }
    builder
}

/// Gives each picture without a text alternative an empty one: a screen reader would spell out its address.
fn with_alternatives(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = start + tag_length(&rest[start..]);
        let tag = &rest[start..end];
        out.push_str(&rest[..start]);
        match tag.strip_prefix("<img ") {
            Some(attributes) if !tag.contains(" alt=\"") => {
                out.push_str("<img alt=\"\" ");
                out.push_str(attributes);
            }
            _ => out.push_str(tag),
        }
        rest = &rest[end..];
    }
    out + rest
}

/// Bytes of the tag that a text begins with, quotes heeded.
fn tag_length(text: &str) -> usize {
    let mut is_quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::model::zone::Zone;
    use crate::pictures::Signer;

    fn shown(html: &str, pictures: Pictures) -> String {
        let entry = Entry { content_html: Some(html.to_owned()), ..Entry::default() };
        let now = chrono::DateTime::UNIX_EPOCH;
        let setting = Setting { language: Language::English, zone: Zone::UTC, now, pictures };
        body_of(&entry, "/r/", &setting).unwrap_or_default()
    }

    #[test]
    fn pictures_follow_the_setting() {
        let html = "<p>a</p><img src=\"http://p.example/1.jpg\" srcset=\"http://p.example/2.jpg 2x\" title=\"x > y\"><picture><source srcset=\"http://p.example/3.webp\"></picture>";
        let signer = Signer::new([7; 32]);
        let own = signer.path("http://p.example/1.jpg").unwrap_or_default();
        let proxied = shown(html, Pictures::Proxy(signer));
        assert!(proxied.contains(&format!("src=\"/r/{own}\"")), "{proxied}");
        assert!(!proxied.contains("p.example"), "{proxied}");
        assert!(proxied.contains("<img alt=\"\" ") && proxied.contains("loading=\"lazy\""), "{proxied}");
        let direct = shown(html, Pictures::Direct);
        assert!(direct.contains("src=\"http://p.example/1.jpg\"") && !direct.contains("srcset"), "{direct}");
        let off = shown(html, Pictures::Off);
        assert!(!off.contains("<img") && off.contains("<p>a</p>"), "{off}");
    }

    #[test]
    fn nothing_live_and_nothing_that_loads_by_itself() {
        for html in [
            "<script>1</script>x",
            "<p onclick=\"1\">x</p>",
            "<a href=\"javascript:1\">x</a>",
            "<img src=\"javascript:1\">",
            "<svg><script>1</script></svg>x",
            "<iframe src=\"http://e.example/\"></iframe>x",
            "<video src=\"http://e.example/v.mp4\" autoplay></video>x",
            "<audio src=\"http://e.example/v.mp3\"></audio>x",
            "<style>@import url(http://e.example/)</style>x",
            "<link rel=stylesheet href=http://e.example/>x",
            "<p style=\"background:url(http://e.example/)\">x</p>",
            "<form action=\"http://e.example/\"><input name=q></form>x",
        ] {
            let shown = shown(html, Pictures::Proxy(Signer::new([7; 32])));
            for live in ["script", "onclick", "iframe", "src=", "style", "<link", "<form", "e.example"] {
                assert!(!shown.contains(live), "{html} became {shown}");
            }
        }
    }

    #[test]
    fn a_picture_keeps_its_own_alternative() {
        assert_eq!(with_alternatives("<p>a<img alt=\"b\" src=\"c\"></p>"), "<p>a<img alt=\"b\" src=\"c\"></p>");
        assert_eq!(with_alternatives("<img src=\"a>b\">c"), "<img alt=\"\" src=\"a>b\">c");
        assert_eq!(with_alternatives("<a title=\"<img x\">c</a> < d"), "<a title=\"<img x\">c</a> < d");
    }
}
