//! Atom 0.3 and 1.0, broken or with what the strict crate would refuse -> Atom 1.0.

use std::borrow::Cow;

use super::scopes::Resolved;
use super::token::{Token, decode_references};
use super::{Attributes, Captured, Walker, attribute, join};
use crate::parse::vocabulary::Vocabulary;

/// What the walk is in.
#[derive(Debug, Default)]
struct State {
    /// Where the entry under way begins in the output.
    entry: Option<usize>,
    /// Inside `source` of an entry.
    source: bool,
    written: Vec<&'static str>,
}

/// Walks the whole document.
pub(super) fn walk(w: &mut Walker<'_>) {
    w.out.push_str("<feed xmlns=\"http://www.w3.org/2005/Atom\"");
    w.write_declarations();
    w.out.push('>');
    let mut state = State::default();
    while let Some(token) = w.tokens.next() {
        match token {
            Token::Start { name, attributes, empty, .. } => start(w, &mut state, name, &attributes, empty),
            Token::End { name, .. } => end(w, &mut state, name),
            Token::Text(_) | Token::CData(_) => {}
        }
    }
    w.drop_unfinished(state.entry);
    w.out.push_str("</feed>");
}

fn end<'a>(w: &mut Walker<'a>, state: &mut State, name: &'a str) {
    let is_frame = w.is_frame(name);
    let is_source = w.scopes.resolve(name).name.is_some_and(|name| name.local == "source");
    if state.source && (is_source || is_frame) {
        w.out.push_str("</source>");
        state.source = false;
    }
    if is_frame {
        close_entry(w, state);
    }
    w.leave(name);
}

fn close_entry(w: &mut Walker<'_>, state: &mut State) {
    if let Some(begin) = state.entry.take() {
        w.close_entry(begin, "</entry>");
    }
}

fn start<'a>(w: &mut Walker<'a>, state: &mut State, name: &'a str, attributes: &Attributes<'a>, empty: bool) {
    let Resolved { vocabulary, name: to } = w.enter(name, attributes, empty);
    let Some(to) = to else {
        // Around the entries there may be a frame of the document's own.
        if state.entry.is_some() || !matches!(vocabulary, Vocabulary::Core | Vocabulary::Atom) {
            w.skip(name, empty);
        }
        return;
    };
    match to.vocabulary {
        Vocabulary::Core | Vocabulary::Atom | Vocabulary::Rdf => element(w, state, name, to.local, attributes, empty),
        Vocabulary::Known("geo") if to.local == "Point" => {}
        Vocabulary::Known(prefix) if !state.source => w.pass(prefix, to, name, attributes, empty),
        Vocabulary::Markup if state.entry.is_some() && !state.source && !empty => {
            let captured = w.capture(name, false);
            w.write("nr:content", &[], captured.value());
        }
        _ => w.skip(name, empty),
    }
}

fn element<'a>(
    w: &mut Walker<'a>,
    state: &mut State,
    name: &'a str,
    local: &'static str,
    attributes: &Attributes<'a>,
    empty: bool,
) {
    let in_entry = state.entry.is_some() && !state.source;
    match local {
        "feed" | "rss" | "channel" => w.write_context(),
        // An empty one within another is none, and does not end that.
        "item" if empty && state.entry.is_some() => {}
        "item" => entry(w, state, empty),
        "source" if state.entry.is_some() && !empty => {
            w.out.push_str("<source>");
            state.source = true;
        }
        "author" => person(w, name, empty),
        "link" => link(w, name, attributes, empty),
        "category" => category(w, name, attributes, empty),
        "id" => {
            let id = inside(w, name, empty, true);
            w.write("id", &[], id.text.trim());
        }
        "title" | "subtitle" | "summary" | "content" => text(w, state, local, name, attributes, empty),
        "updated" => date(w, state, "nr:updated", name, empty),
        "published" | "pubDate" => date(w, state, "nr:published", name, empty),
        "created" => date(w, state, "nr:created", name, empty),
        "description" if !in_entry => text(w, state, "subtitle", name, attributes, empty),
        "description" => {
            let captured = inside(w, name, empty, false);
            w.write("nr:summary", &[("type", "unknown")], captured.value().trim());
        }
        "guid" if in_entry => {
            let guid = inside(w, name, empty, true);
            w.write("nr:id", &[], guid.text.trim());
        }
        "enclosure" | "comments" if in_entry => rss_link(w, local, name, attributes, empty),
        _ => w.skip(name, empty),
    }
}

fn entry(w: &mut Walker<'_>, state: &mut State, empty: bool) {
    if std::mem::take(&mut state.source) {
        w.out.push_str("</source>");
    }
    if state.entry.is_some() {
        w.warn("an entry was not closed");
        close_entry(w, state);
    }
    if !w.may_begin_entry() {
        return;
    }
    state.entry = Some(w.out.len());
    state.written.clear();
    w.out.push_str("<entry>");
    w.write_context();
    w.entry_out = w.out.len();
    if empty {
        close_entry(w, state);
    }
}

/// What RSS has elements for, as links.
fn rss_link<'a>(w: &mut Walker<'a>, local: &str, name: &'a str, attributes: &Attributes<'a>, empty: bool) {
    let base = w.base().map(str::to_owned);
    let captured = inside(w, name, empty, true);
    let href = attribute(attributes, "url").unwrap_or(captured.text.trim());
    if href.is_empty() {
        return;
    }
    let href = if base.is_some() { join(base.as_deref(), href) } else { href.to_owned() };
    let mut own = vec![("href", href.as_str())];
    if local == "comments" {
        own.extend([("rel", "replies"), ("type", "text/html")]);
    } else {
        own.push(("rel", "enclosure"));
        own.extend(["length", "type"].into_iter().filter_map(|key| Some((key, attribute(attributes, key)?))));
    }
    w.write("link", &own, "");
}

fn inside<'a>(w: &mut Walker<'a>, name: &'a str, empty: bool, short: bool) -> Captured<'a> {
    if empty { Captured::default() } else { w.capture(name, short) }
}

/// Dates go as they are: the strict crate would refuse the whole feed for one that it cannot read.
fn date<'a>(w: &mut Walker<'a>, state: &State, canonical: &str, name: &'a str, empty: bool) {
    let captured = inside(w, name, empty, true);
    if !state.source {
        w.write(canonical, &[], captured.text.trim());
    }
}

fn person<'a>(w: &mut Walker<'a>, name: &'a str, empty: bool) {
    let person = w.person(name, empty);
    let bare = Some(person.bare).filter(|bare| !bare.is_empty() && person.name.is_none());
    w.out.push_str("<author>");
    for (part, value) in [("name", person.name.or(bare)), ("email", person.email), ("uri", person.uri)] {
        if let Some(value) = value {
            w.write(part, &[], &value);
        }
    }
    w.out.push_str("</author>");
}

fn link<'a>(w: &mut Walker<'a>, name: &'a str, attributes: &Attributes<'a>, empty: bool) {
    let base = match attribute(attributes, "xml:base") {
        Some(own) if empty => Some(join(w.base(), own)),
        _ => w.base().map(str::to_owned),
    };
    let captured = inside(w, name, empty, true);
    // Some write the address as RSS does.
    let href = attribute(attributes, "href").map_or_else(|| captured.text.trim().to_owned(), str::to_owned);
    let href = if base.is_some() { join(base.as_deref(), &href) } else { href };
    let mut own = vec![("href", href.as_str())];
    own.extend(
        ["rel", "type", "hreflang", "title", "length"]
            .into_iter()
            .filter_map(|key| attribute(attributes, key).map(|value| (key, value))),
    );
    w.write("link", &own, "");
}

fn category<'a>(w: &mut Walker<'a>, name: &'a str, attributes: &Attributes<'a>, empty: bool) {
    let captured = inside(w, name, empty, true);
    let term = attribute(attributes, "term")
        .filter(|t| !t.is_empty())
        .map_or_else(|| captured.text.trim().to_owned(), str::to_owned);
    let mut own = vec![("term", term.as_str())];
    own.extend(["label", "scheme"].into_iter().filter_map(|key| attribute(attributes, key).map(|value| (key, value))));
    w.write("category", &own, "");
}

/// A text construct or content, as HTML or as text.
fn text<'a>(
    w: &mut Walker<'a>,
    state: &mut State,
    canonical: &'static str,
    name: &'a str,
    attributes: &Attributes<'a>,
    empty: bool,
) {
    let base = if empty { None } else { w.base().map(str::to_owned) };
    let captured = inside(w, name, empty, false);
    let src = attribute(attributes, "src").filter(|_| canonical == "content").map(|src| join(base.as_deref(), src));
    let first = !state.written.contains(&canonical);
    if state.entry.is_some() && !state.source {
        if !first {
            return;
        }
        state.written.push(canonical);
    }
    let kind = attribute(attributes, "type").unwrap_or_default().to_ascii_lowercase();
    let mode = attribute(attributes, "mode").unwrap_or_default().to_ascii_lowercase();
    let (value, html) = construct(&captured, &kind, &mode);
    let mut own = vec![("type", if html { "html" } else { "text" })];
    own.extend(base.as_deref().map(|base| ("xml:base", base)));
    own.extend(src.as_deref().map(|src| ("src", src)));
    let language = attribute(attributes, "xml:lang");
    own.extend(language.map(|language| ("xml:lang", language)));
    w.write(canonical, &own, &value);
}

/// RFC 4287, sections 3.1.1 and 4.1.3.3; Atom 0.3, section "Content Constructs".
pub(super) fn construct<'c>(captured: &'c Captured<'_>, kind: &str, mode: &str) -> (Cow<'c, str>, bool) {
    let is_html = kind.contains("html");
    let textual = kind.is_empty() || kind.starts_with("text") || is_html || kind.ends_with("xml");
    if (mode == "base64" || (!textual && !captured.has_markup))
        && let Some(decoded) = base64(&captured.text)
    {
        return (decoded.into(), is_html || !textual);
    }
    if captured.has_markup {
        let markup = captured.markup.trim();
        return (if kind.contains("xhtml") { without_wrapper(markup) } else { markup }.into(), true);
    }
    match kind {
        // Inside XHTML text is markup still.
        "xhtml" | "application/xhtml+xml" if mode != "escaped" => {
            let mut escaped = String::new();
            super::escape::escape_into(&mut escaped, captured.text.trim());
            (escaped.into(), true)
        }
        _ => (captured.text.trim().into(), is_html || (mode == "escaped" && kind != "text/plain" && kind != "text")),
    }
}

/// XHTML comes in one `div` that is not part of it (RFC 4287, section 3.1.1.3).
fn without_wrapper(markup: &str) -> &str {
    let inner = markup
        .strip_prefix("<div")
        .and_then(|rest| rest.find('>').map(|end| &rest[end + 1..]))
        .and_then(|rest| rest.strip_suffix("</div>"));
    inner.filter(|inner| inner.matches("<div").count() == inner.matches("</div").count()).map_or(markup, str::trim)
}

/// Decodes base64 (RFC 4648) that holds UTF-8 text.
fn base64(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0);
    for c in decode_references(text).bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}
