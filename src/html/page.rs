//! Sanitised HTML -> the part of a page that shows it: pictures from where the page says, nothing that a browser loads
//! by itself, tables and code that can be scrolled by keyboard.
//!
//! Works on tags and attributes that the sanitiser wrote, and never lets through what that did not.

use std::fmt;

use htmlize::unescape_attribute;

use super::characters::push_escaped;
use super::{Node, SanitisedHtml};

/// Elements that a browser would load by itself, and those that a page has already: their contents stay.
const UNWRAPPED: [&str; 5] = ["audio", "main", "picture", "source", "video"];

/// HTML for a page of ours; only [`SanitisedHtml::on_page`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageHtml {
    html: String,
    has_pictures: bool,
}

impl PageHtml {
    /// Whether a picture is in it.
    #[must_use]
    pub fn has_pictures(&self) -> bool {
        self.has_pictures
    }
}

impl fmt::Display for PageHtml {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.html)
    }
}

impl SanitisedHtml {
    /// The same as a part of a page. `picture` gives the address at which the page shows a picture; one without goes.
    /// `None` where nothing is left to show.
    #[must_use]
    pub fn on_page(&self, picture: impl Fn(&str) -> Option<String>) -> Option<PageHtml> {
        let mut page = PageHtml { html: String::with_capacity(self.len()), has_pictures: false };
        let out = &mut page.html;
        for node in self.nodes() {
            match node {
                Node::Text(text) => push_escaped(&text, false, out),
                Node::Start(name, _) | Node::End(name) if UNWRAPPED.contains(&name) => {}
                Node::End(name) => out.extend(["</", level(name), ">"]),
                Node::Start("img", written) => {
                    let source = attributes(written).find(|(name, _)| *name == "src");
                    if let Some(url) = source.and_then(|(_, value)| picture(&unescape_attribute(value))) {
                        push_picture(written, &url, out);
                        page.has_pictures = true;
                    }
                }
                Node::Start(name, written) => push_start(name, written, out),
            }
        }
        Some(page).filter(|page| !page.html.trim().is_empty())
    }
}

/// A second `h1` would be another title of the page.
fn level(name: &str) -> &str {
    if name == "h1" { "h2" } else { name }
}

fn push_start(name: &str, written: &str, out: &mut String) {
    out.extend(["<", level(name)]);
    for (attribute, value) in attributes(written) {
        // Presentation of another time; it makes pages wider than screens.
        if !matches!(attribute, "width" | "height") {
            out.extend([" ", attribute, "=\"", value, "\""]);
        }
    }
    if matches!(name, "pre" | "table") {
        out.push_str(" tabindex=\"0\"");
    }
    out.push('>');
}

/// A picture at `url`, loaded late. One without a text alternative gets an empty one: a screen reader would spell out
/// its address.
fn push_picture(written: &str, url: &str, out: &mut String) {
    out.push_str("<img src=\"");
    push_escaped(url, true, out);
    out.push('"');
    let mut has_alternative = false;
    for (attribute, value) in attributes(written) {
        if matches!(attribute, "alt" | "title" | "lang" | "width" | "height") {
            out.extend([" ", attribute, "=\"", value, "\""]);
        }
        has_alternative |= attribute == "alt";
    }
    if !has_alternative {
        out.push_str(" alt=\"\"");
    }
    out.push_str(" loading=\"lazy\" decoding=\"async\">");
}

/// The attributes of a tag as the sanitiser writes them: ` name="value"`, no quote in the value.
fn attributes(written: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = written;
    std::iter::from_fn(move || {
        let (name, behind) = rest.split_once("=\"")?;
        let (value, behind) = behind.split_once('"')?;
        rest = behind;
        Some((name.trim(), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(html: &str) -> String {
        let page = SanitisedHtml::from(html).on_page(|url| Some(format!("/p/{url}")));
        page.map(|page| page.to_string()).unwrap_or_default()
    }

    #[test]
    fn pictures_come_from_where_the_page_says() {
        let html = "<p>a</p><img src=\"http://p.example/1.jpg?a=1&amp;b\" srcset=\"http://p.example/2.jpg 2x\" title=\"x > y\" width=\"7\"><picture><source srcset=\"http://p.example/3.webp\"></picture>";
        assert_eq!(
            shown(html),
            "<p>a</p><img src=\"/p/http://p.example/1.jpg?a=1&amp;b\" title=\"x &gt; y\" width=\"7\" alt=\"\" loading=\"lazy\" decoding=\"async\">"
        );
        assert_eq!(
            shown("<img alt=\"b &quot;\" src=\"c\">"),
            "<img src=\"/p/c\" alt=\"b &quot;\" loading=\"lazy\" decoding=\"async\">"
        );
        let none = SanitisedHtml::from(html).on_page(|_| None).map(|page| (page.has_pictures(), page.to_string()));
        assert_eq!(none, Some((false, "<p>a</p>".to_owned())));
        assert_eq!(SanitisedHtml::from("<img src=\"http://p.example/1.jpg\">").on_page(|_| None), None);
    }

    #[test]
    fn what_scrolls_can_be_reached_and_nothing_is_wider_than_it_must_be() {
        assert_eq!(
            shown("<h1>t</h1><table width=\"900\"><tbody><tr><td height=\"9\">1</td></tr></tbody></table><pre>x</pre>"),
            "<h2>t</h2><table tabindex=\"0\"><tbody><tr><td>1</td></tr></tbody></table><pre tabindex=\"0\">x</pre>"
        );
    }

    #[test]
    fn what_a_reader_could_make_markup_of_stays_a_reference() {
        assert_eq!(
            shown("<p title=\"＜x&#x338;\">a ＜ b &#x338; &lt;i&gt;</p>"),
            "<p title=\"&#xff1c;x&#x338;\">a &#xff1c; b &#x338; &lt;i&gt;</p>"
        );
    }

    #[test]
    fn nothing_that_loads_by_itself() {
        for html in [
            "<script>1</script>x",
            "<p onclick=\"1\">x</p>",
            "<a href=\"javascript:1\">x</a>",
            "<svg><script>1</script></svg>x",
            "<iframe src=\"http://e.example/\"></iframe>x",
            "<video src=\"http://e.example/v.mp4\" poster=\"http://e.example/v.jpg\" autoplay>x</video>",
            "<audio src=\"http://e.example/v.mp3\">x</audio>",
            "<style>@import url(http://e.example/)</style>x",
            "<link rel=stylesheet href=http://e.example/>x",
            "<p style=\"background:url(http://e.example/)\">x</p>",
            "<form action=\"http://e.example/\"><input name=q>x</form>",
        ] {
            let shown = shown(html);
            for live in ["script", "onclick", "iframe", "src=", "style", "<link", "<form", "e.example"] {
                assert!(!shown.contains(live), "{html} became {shown}");
            }
            assert!(shown.contains('x'), "{html} became {shown}");
        }
    }
}
