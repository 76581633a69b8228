//! Images and players in bodies, made showable before the sanitiser sees them: lazily loaded images
//! get their address, tracking pixels go, players of known sites become links.
//!
//! Works on the text of the tags; whatever comes out is sanitised afterwards, so nothing here has to
//! be trusted.

use std::borrow::Cow;

use url::Url;

/// Where lazily loaded images keep their address, most trusted first.
const LAZY: [&str; 5] = ["data-src", "data-original", "data-lazy-src", "data-actualsrc", "data-echo"];

/// Hosts whose frames play something that a reader may want to open.
const PLAYERS: [&str; 9] = [
    "youtube.com",
    "youtube-nocookie.com",
    "player.vimeo.com",
    "player.bilibili.com",
    "v.qq.com",
    "open.spotify.com",
    "w.soundcloud.com",
    "dailymotion.com",
    "music.163.com",
];

/// Longer tags are left to the sanitiser, bytes.
const LONGEST: usize = 4096;

/// Rewrites the `img` and `iframe` tags of a body.
pub(super) fn rewrite<'h>(html: &'h str, base: Option<&Url>) -> Cow<'h, str> {
    let mut out = String::new();
    let mut kept = 0;
    for (at, _) in html.match_indices('<') {
        let rest = &html[at..];
        // Only as far as a tag may reach: what is longer is none of ours, and time stays linear.
        let reach = &rest.as_bytes()[..rest.len().min(LONGEST)];
        let Some(end) = memchr::memchr(b'>', reach).map(|n| n + 1).filter(|_| at >= kept) else { continue };
        let tag = &rest[..end];
        let is = |name: &str| tag.get(1..=name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name));
        if is("img") {
            if is_pixel(tag) {
                out.push_str(&html[kept..at]);
                kept = at + end;
            } else if let Some(address) = LAZY.iter().find_map(|name| attribute(tag, name)) {
                out.push_str(&html[kept..at]);
                // Of two attributes of one name a browser takes the first.
                out.push_str(&format!("<img src=\"{}\"", address.replace('"', "%22")));
                kept = at + 4;
            }
        } else if is("iframe")
            && let Some(player) = attribute(tag, "src").and_then(|src| player(src, base))
        {
            out.push_str(&html[kept..at]);
            out.push_str(&format!("<p><a href=\"{player}\">{player}</a></p>"));
            kept = at;
        }
    }
    if kept == 0 && out.is_empty() {
        return Cow::Borrowed(html);
    }
    out.push_str(&html[kept..]);
    Cow::Owned(out)
}

/// An image of at most one pixel shows nothing: it counts readers.
fn is_pixel(tag: &str) -> bool {
    let tiny = |name| attribute(tag, name).is_some_and(|size| matches!(size.trim_end_matches("px"), "0" | "1"));
    tiny("width") && tiny("height")
}

fn player(src: &str, base: Option<&Url>) -> Option<String> {
    let src = src.replace("&amp;", "&");
    let url = match base {
        Some(base) => base.join(&src).ok()?,
        None => Url::parse(&src).ok()?,
    };
    let host = url.host_str()?;
    let known = PLAYERS.iter().any(|p| host == *p || host.strip_suffix(p).is_some_and(|rest| rest.ends_with('.')));
    (known && matches!(url.scheme(), "http" | "https")).then(|| url.as_str().replace('&', "&amp;").replace('"', "%22"))
}

/// The value of an attribute, if it is there and not empty.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let folded = tag.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let found = folded[from..].find(name)? + from;
        let behind = &tag[found + name.len()..];
        let stands_alone = tag[..found].ends_with(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '/'));
        let value = behind.trim_start().strip_prefix('=').filter(|_| stands_alone).map(str::trim_start);
        let Some(value) = value else {
            from = found + name.len();
            continue;
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = match quote {
            Some(quote) => value[1..].split(quote).next().unwrap_or_default(),
            None => value.split(|c: char| c.is_ascii_whitespace() || c == '>').next().unwrap_or_default(),
        };
        return Some(value.trim()).filter(|v| !v.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_and_pixels_dropped() {
        for (html, expected) in [
            (
                "<img src='/blank.gif' data-src='/real.jpg'>",
                "<img src=\"/real.jpg\" src='/blank.gif' data-src='/real.jpg'>",
            ),
            ("a<IMG WIDTH=1 height='1px' src=http://t/p.gif>b", "ab"),
            ("<img width=\"100\" height=\"1\" src=x>", "<img width=\"100\" height=\"1\" src=x>"),
            ("<img data-src=\"\" src=x>", "<img data-src=\"\" src=x>"),
            ("<i>x</i> <", "<i>x</i> <"),
        ] {
            assert_eq!(rewrite(html, None), expected, "{html}");
        }
    }

    #[test]
    fn time_is_linear_in_what_is_never_closed() {
        for piece in ["<img ", "<", "<iframe data-src", "<img data-src=x data-src=y"] {
            let html = piece.repeat(200_000);
            assert_eq!(rewrite(&html, None), html, "{piece}");
        }
    }

    #[test]
    fn players_become_links_and_other_frames_do_not() {
        let base = Url::parse("https://e.org/").ok();
        let of = |src: &str| rewrite(&format!("<iframe src=\"{src}\"></iframe>"), base.as_ref()).into_owned();
        assert!(of("//www.youtube.com/embed/x?a=1&amp;b=2").starts_with(
            "<p><a href=\"https://www.youtube.com/embed/x?a=1&amp;b=2\">https://www.youtube.com/embed/x?a=1&amp;b=2</a></p>"
        ));
        for other in ["https://evil-youtube.com/", "javascript:alert(1)", "/local"] {
            assert!(!of(other).contains("<a "), "{other}");
        }
    }
}
