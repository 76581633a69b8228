//! Bodies: HTML on an allowlist, with absolute links.

use std::collections::HashSet;

use ammonia::{Builder, UrlRelative};
use url::Url;

use super::{embeds, link, text};
use crate::model::feed::{RawText, TextKind};

/// Elements inside each other at most; deeper bodies are shown as text. Browsers stop at 512.
const DEEPEST: usize = 256;

/// A sanitiser that keeps its settings between the entries of a feed.
#[derive(Default)]
pub(super) struct Sanitiser {
    made_for: Option<Option<Url>>,
    builder: Builder<'static>,
}

impl Sanitiser {
    /// The body as HTML that runs nothing in any reader; `None` where nothing is left to show.
    pub(super) fn html(&mut self, raw: &RawText, base: Option<&Url>) -> Option<String> {
        let is_html = match raw.kind {
            TextKind::Html => true,
            TextKind::Plain => false,
            TextKind::Unknown => text::looks_like_html(&raw.value),
        };
        let value = text::clean(raw.value.trim());
        if !is_html {
            // Only where the format says that this is text do its line ends mean something.
            let literal = raw.kind == TextKind::Plain;
            return (!value.is_empty()).then(|| if literal { paragraphs(&value) } else { escaped(&value) });
        }
        if !value.contains(['<', '&']) {
            return (!value.is_empty()).then_some(value);
        }
        if nesting(&value) > DEEPEST {
            return Some(paragraphs(&without_tags(&value)));
        }
        if self.made_for.as_ref() != Some(&base.cloned()) {
            self.builder = builder(base);
            self.made_for = Some(base.cloned());
        }
        let value = embeds::rewrite(&value, base);
        let cleaned = text::clean(self.builder.clean(&value).to_string().trim());
        (!cleaned.is_empty()).then_some(cleaned)
    }
}

fn builder(base: Option<&Url>) -> Builder<'static> {
    let mut builder = Builder::default();
    let own_base = base.cloned();
    builder
        // The sanitiser checks the schemes of what browsers load or follow by themselves; these a
        // reader may follow too.
        .attribute_filter(move |_, name, value| match name {
            "cite" | "poster" => link::absolute(value, own_base.as_ref()).map(Into::into),
            "srcset" => srcset(value, own_base.as_ref()).map(Into::into),
            _ => Some(value.into()),
        })
        .add_tags(["audio", "video", "source", "picture", "section", "main"])
        .add_tag_attributes("audio", ["src", "controls"])
        .add_tag_attributes("video", ["src", "controls", "poster", "width", "height"])
        .add_tag_attributes("source", ["src", "type", "srcset", "sizes", "media"])
        .add_tag_attributes("img", ["srcset", "sizes"])
        .url_schemes(HashSet::from(["http", "https", "ftp", "mailto", "tel", "magnet", "gemini", "xmpp", "irc"]))
        .url_relative(match base {
            Some(base) => UrlRelative::RewriteWithBase(base.clone()),
            None => UrlRelative::PassThrough,
        });
    builder
}

/// The candidates of a `srcset` with absolute addresses (HTML, section 4.8.4.2.1); what is no web
/// address goes.
fn srcset(value: &str, base: Option<&Url>) -> Option<String> {
    // A comma inside an address is followed by no white space.
    let candidates: Vec<String> = value
        .split(", ")
        .flat_map(|part| part.split(",\n"))
        .filter_map(|candidate| {
            let (address, size) = candidate.trim().split_once(char::is_whitespace).unwrap_or((candidate.trim(), ""));
            let absolute = link::absolute(address.trim_matches(','), base).filter(|url| link::is_web(url))?;
            Some(format!("{absolute} {}", size.trim()).trim_end().to_owned())
        })
        .collect();
    (!candidates.is_empty()).then(|| candidates.join(", "))
}

/// Plain text as HTML: escaped, empty lines part paragraphs, line ends break.
fn paragraphs(text: &str) -> String {
    let blocks: Vec<String> = text
        .split("\n\n")
        .map(|block| block.trim().lines().map(escaped).collect::<Vec<_>>().join("<br>"))
        .filter(|block| !block.is_empty())
        .collect();
    match &blocks[..] {
        [one] => one.clone(),
        blocks => blocks.iter().map(|block| format!("<p>{block}</p>")).collect(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The deepest nesting that the tags of a text could build, by counting.
fn nesting(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for (at, _) in html.match_indices('<') {
        match html.as_bytes().get(at + 1) {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(c) if c.is_ascii_alphabetic() => {
                let name = html[at + 1..].split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
                if !matches!(
                    name.to_ascii_lowercase().as_str(),
                    "br" | "img"
                        | "hr"
                        | "input"
                        | "p"
                        | "li"
                        | "source"
                        | "wbr"
                        | "td"
                        | "tr"
                        | "dt"
                        | "dd"
                        | "option"
                        | "col"
                        | "meta"
                        | "link"
                ) {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
            }
            _ => {}
        }
    }
    deepest
}

fn without_tags(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        rest = rest[open..].find('>').map_or("", |close| &rest[open + close + 1..]);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(value: &str) -> Option<String> {
        Sanitiser::default().html(&RawText::html(value), Url::parse("http://e.org/a/").ok().as_ref())
    }

    #[test]
    fn script_goes_and_figures_stay() {
        let cleaned = html(
            "<figure><img src=x.png onerror=alert(1)><figcaption>x</figcaption></figure><script>alert(1)</script>",
        )
        .unwrap_or_default();
        assert_eq!(cleaned, "<figure><img src=\"http://e.org/a/x.png\"><figcaption>x</figcaption></figure>");
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
        let body = |value: &str| Sanitiser::default().html(&RawText::plain(value), None);
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
        let html = Sanitiser::default().html(&RawText::html(html), base.as_ref()).unwrap_or_default();
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
