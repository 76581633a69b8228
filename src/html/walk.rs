//! A tree of what others wrote -> HTML on the allowlist, with clean characters and absolute addresses.
//!
//! On the way images that are loaded lazily get their address, tracking pixels go, and players of known sites become
//! links. What comes out is held to the allowlist once more by the sanitiser.

use ego_tree::iter::Edge;
use html5ever::ns;
use scraper::node::Element;
use scraper::{Html, Node};
use url::Url;

use super::allowed::{ALLOWED, address, is_address, is_dropped, is_void};
use super::characters::{self, push_escaped};

/// Elements inside each other at most; browsers stop at 512.
const DEEPEST: usize = 256;

/// Bytes of the longest value of an attribute, as it is written. The serialiser of the sanitiser looks through the rest
/// of a value at every sign that it escapes: the square of the length. Addresses and descriptions are shorter.
const LONGEST_VALUE: usize = 16 << 10;

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

/// The tree as HTML; `None` where it is nested deeper than readers follow.
pub(super) fn written(tree: &Html, base: Option<&Url>) -> Option<String> {
    let mut out = String::new();
    let mut dropped = None;
    let mut depth = 0_usize;
    // Texts that only a dropped tag parts are one.
    let mut text = String::new();
    let flush = |text: &mut String, out: &mut String| {
        push_escaped(&characters::clean(text), false, out);
        text.clear();
    };
    for edge in tree.tree.root().traverse() {
        match edge {
            Edge::Open(node) if dropped.is_none() => match node.value() {
                Node::Text(part) => text.push_str(part),
                Node::Element(element) if is_dropped(element.name()) => {
                    if element.name() == "iframe" {
                        flush(&mut text, &mut out);
                        push_player(element, base, &mut out);
                    }
                    dropped = Some(node.id());
                }
                Node::Element(element) if is_kept(element) => {
                    flush(&mut text, &mut out);
                    push_start(element, base, &mut out);
                    depth += 1;
                    if depth > DEEPEST {
                        return None;
                    }
                }
                _ => {}
            },
            Edge::Close(node) if dropped == Some(node.id()) => dropped = None,
            Edge::Close(node) if dropped.is_none() => {
                if let Some(element) = node.value().as_element().filter(|element| is_kept(element)) {
                    flush(&mut text, &mut out);
                    depth -= 1;
                    if !is_void(element.name()) {
                        out.push_str("</");
                        out.push_str(element.name());
                        out.push('>');
                    }
                }
            }
            _ => {}
        }
    }
    flush(&mut text, &mut out);
    Some(out)
}

fn is_kept(element: &Element) -> bool {
    element.name.ns == ns!(html)
        && ALLOWED.has_element(element.name())
        && !(element.name() == "img" && is_pixel(element))
}

fn push_start(element: &Element, base: Option<&Url>, out: &mut String) {
    let tag = element.name();
    out.push('<');
    out.push_str(tag);
    let lazy = if tag == "img" { LAZY.iter().find_map(|name| filled(element, name)) } else { None };
    if let Some(source) = lazy {
        push_attribute("src", source, base, out);
    }
    for (name, value) in element.attrs() {
        if ALLOWED.has_attribute(tag, name) && !(name == "src" && lazy.is_some()) {
            push_attribute(name, value, base, out);
        }
    }
    if tag == "a" {
        out.push_str(" rel=\"noopener noreferrer\"");
    }
    out.push('>');
}

fn push_attribute(name: &str, value: &str, base: Option<&Url>, out: &mut String) {
    let value = characters::clean(value);
    let Some(value) = (if is_address(name) { address(name, &value, base) } else { Some(value) }) else { return };
    let before = out.len();
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    let start = out.len();
    push_escaped(&value, true, out);
    if out.len() - start > LONGEST_VALUE {
        // Half an address would be another one.
        return out.truncate(before);
    }
    out.push('"');
}

/// A frame is no part of a body; one that plays something is linked.
fn push_player(frame: &Element, base: Option<&Url>, out: &mut String) {
    let Some(source) = filled(frame, "src") else { return };
    let url = match base {
        Some(base) => base.join(source),
        None => Url::parse(source),
    };
    let Some(url) = url.ok().filter(|url| matches!(url.scheme(), "http" | "https")) else { return };
    let is_known = url.host_str().is_some_and(|host| {
        PLAYERS
            .iter()
            .any(|player| host == *player || host.strip_suffix(player).is_some_and(|rest| rest.ends_with('.')))
    });
    if is_known {
        out.push_str("<p><a");
        push_attribute("href", url.as_str(), None, out);
        out.push_str(" rel=\"noopener noreferrer\">");
        push_escaped(url.as_str(), false, out);
        out.push_str("</a></p>");
    }
}

/// An image of at most one pixel shows nothing: it counts readers.
fn is_pixel(image: &Element) -> bool {
    let tiny = |name| filled(image, name).is_some_and(|size| matches!(size.trim_end_matches("px"), "0" | "1"));
    tiny("width") && tiny("height")
}

/// The value of an attribute, if it is there and not empty.
fn filled<'e>(element: &'e Element, name: &str) -> Option<&'e str> {
    element.attr(name).map(str::trim).filter(|value| !value.is_empty())
}
