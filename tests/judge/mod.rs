//! Whether HTML could do anything in a reader's window, by the parser that browsers' rules describe. Knows nothing of
//! the sanitiser's own lists.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

use scraper::{Html, Node};
use unicode_normalization::UnicodeNormalization;
use url::Url;

/// Elements that run, load or ask for something by themselves, or change the page around them.
const LIVE: [&str; 30] = [
    "script",
    "style",
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "form",
    "input",
    "button",
    "select",
    "option",
    "textarea",
    "keygen",
    "isindex",
    "svg",
    "math",
    "base",
    "meta",
    "link",
    "template",
    "noscript",
    "xmp",
    "plaintext",
    "noembed",
    "noframes",
    "portal",
    "dialog",
    "bgsound",
];

/// Attributes that hold addresses.
const ADDRESSES: [&str; 16] = [
    "href",
    "src",
    "cite",
    "poster",
    "srcset",
    "action",
    "formaction",
    "data",
    "background",
    "longdesc",
    "ping",
    "xlink:href",
    "manifest",
    "profile",
    "lowsrc",
    "dynsrc",
];

/// Schemes that do nothing but lead somewhere.
const HARMLESS: [&str; 10] = ["http", "https", "ftp", "mailto", "tel", "magnet", "gemini", "xmpp", "irc", ""];

/// What in the HTML is live; nothing where all is well.
pub fn live(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let tree = Html::parse_document(&format!("<!doctype html><body><div>{html}</div>"));
    for node in tree.tree.nodes() {
        let Node::Element(element) = node.value() else {
            if let Node::Comment(comment) = node.value() {
                found.push(format!("<!--{}-->", &**comment));
            }
            continue;
        };
        let name = element.name();
        if LIVE.contains(&name) || &*element.name.ns != "http://www.w3.org/1999/xhtml" {
            found.push(format!("<{name}>"));
        }
        for (attribute, value) in element.attrs() {
            if attribute.starts_with("on") || matches!(attribute, "style" | "srcdoc" | "id" | "name" | "is") {
                found.push(format!("{name} {attribute}={value}"));
            }
            if ADDRESSES.contains(&attribute) {
                let parts: Vec<&str> = if attribute == "srcset" { value.split(", ").collect() } else { vec![value] };
                let bad = parts.into_iter().filter(|part| !is_harmless(part));
                found.extend(bad.map(|part| format!("{name} {attribute}={part}")));
            }
        }
    }
    found
}

/// Whether an address does nothing but lead somewhere.
pub fn is_harmless(address: &str) -> bool {
    HARMLESS.contains(&scheme(address).as_str())
}

/// The scheme that a browser, or one who decodes once more, may take from an address; empty for a relative one.
fn scheme(address: &str) -> String {
    let address: String =
        htmlize::unescape(address).chars().filter(|c| !is_invisible(*c) && !c.is_whitespace()).collect();
    match Url::parse(&address) {
        Ok(url) => url.scheme().to_owned(),
        Err(url::ParseError::RelativeUrlWithoutBase) => String::new(),
        Err(_) => "none".to_owned(),
    }
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

/// What is live in the HTML however a reader changes its characters: normal forms, invisible characters taken out.
pub fn live_in_any_form(html: &str) -> Vec<String> {
    let visible: String = html.chars().filter(|c| !is_invisible(*c) || *c == '\n').collect();
    let mut forms = Vec::new();
    for text in [html, &visible] {
        forms.extend([
            text.to_owned(),
            text.nfc().collect(),
            text.nfd().collect(),
            text.nfkc().collect(),
            text.nfkd().collect(),
        ]);
    }
    forms.dedup();
    forms.iter().flat_map(|form| live(form)).collect()
}

/// Pieces of markup that sanitisers have stumbled over.
pub const NASTY: [&str; 96] = [
    "<",
    ">",
    "\"",
    "'",
    "&",
    "=",
    "/",
    "`",
    " ",
    "\n",
    "\u{0}",
    "\u{8}",
    "\u{c}",
    "\t",
    "\u{338}",
    "\u{301}\u{338}",
    "\u{200b}",
    "\u{feff}",
    "\u{202e}",
    "\u{200d}",
    "\u{ad}",
    "＜",
    "﹤",
    "＞",
    "＂",
    "＇",
    "＆",
    "：",
    "≮",
    "\u{1fef}",
    "ſ",
    "\u{212a}",
    "&#x338;",
    "&#x338",
    "&#8203;",
    "&#0;",
    "&#1;",
    "&#x9;",
    "&lt;",
    "&lt",
    "&gt;",
    "&quot;",
    "&amp;",
    "&colon;",
    "&Tab;",
    "&NewLine;",
    "&#106;",
    "&nbsp;",
    "<img src=x onerror=alert(1)>",
    "<img src=\"x.png\">",
    "<img alt=\"",
    "<a href=\"",
    "<a href=javascript:alert(1)>",
    "java",
    "script:",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "onerror=alert(1)",
    " onload=alert(1) x=",
    "<svg>",
    "<svg><style>",
    "<math>",
    "<mtext>",
    "<mglyph>",
    "<annotation-xml encoding=text/html>",
    "<foreignObject>",
    "<template>",
    "<noscript>",
    "<xmp>",
    "<plaintext>",
    "<select>",
    "<option>",
    "<table>",
    "<tr><td>",
    "<caption>",
    "<p>",
    "</p>",
    "<b>",
    "<a>",
    "</a>",
    "<br>",
    "<pre>\n",
    "<style>",
    "</style>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<iframe src=//www.youtube.com/embed/x>",
    "<title>",
    "</title>",
    "<form>",
    "(编辑:",
];
