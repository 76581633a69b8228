//! Atom 0.3 and 1.0, broken or with what the strict crate would refuse -> Atom 1.0.

use std::borrow::Cow;

use super::names::Vocabulary;
use super::token::{Token, decode_references};
use super::{Attributes, Captured, Walker, attribute, folded, join};

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

fn end(w: &mut Walker<'_>, state: &mut State, name: &str) {
    let local = folded(w.scopes.resolve(name).1);
    if state.source && (local == "source" || w.is_frame(name)) {
        w.out.push_str("</source>");
        state.source = false;
    }
    if w.is_frame(name) {
        close_entry(w, state);
    }
    w.leave(name);
}

fn close_entry(w: &mut Walker<'_>, state: &mut State) {
    if state.entry.take().is_some() {
        w.out.push_str("</entry>");
    }
}

fn start<'a>(w: &mut Walker<'a>, state: &mut State, name: &'a str, attributes: &Attributes<'a>, empty: bool) {
    let (vocabulary, local) = w.enter(name, attributes, empty);
    let folded = folded(local);
    match vocabulary {
        Vocabulary::Core | Vocabulary::Atom => element(w, state, name, &folded, attributes, empty),
        Vocabulary::Known(prefix) if !state.source => w.pass(prefix, name, local, attributes, empty),
        _ => w.skip(name, empty),
    }
}

fn element<'a>(
    w: &mut Walker<'a>,
    state: &mut State,
    name: &'a str,
    folded: &str,
    attributes: &Attributes<'a>,
    empty: bool,
) {
    match folded {
        "feed" => w.write_context(),
        "entry" | "item" => {
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
            if empty {
                close_entry(w, state);
            }
        }
        "source" if state.entry.is_some() && !empty => {
            w.out.push_str("<source>");
            state.source = true;
        }
        "author" | "contributor" => person(w, name, folded, empty),
        "link" => link(w, name, attributes, empty),
        "category" => category(w, name, attributes, empty),
        "id" => {
            let id = inside(w, name, empty, true);
            w.write("id", &[], id.value().trim());
        }
        "title" => text(w, state, "title", name, attributes, empty),
        "subtitle" | "tagline" => text(w, state, "subtitle", name, attributes, empty),
        "summary" => text(w, state, "summary", name, attributes, empty),
        "content" => text(w, state, "content", name, attributes, empty),
        "updated" | "modified" => date(w, state, "nr:updated", name, empty),
        "published" | "issued" => date(w, state, "nr:published", name, empty),
        "created" => date(w, state, "nr:created", name, empty),
        _ => w.skip(name, empty),
    }
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

fn person<'a>(w: &mut Walker<'a>, name: &'a str, role: &str, empty: bool) {
    if empty {
        return;
    }
    let (mut parts, mut bare) = (Vec::new(), String::new());
    loop {
        let place = w.tokens.place();
        match w.tokens.next() {
            Some(Token::Start { name: part, attributes, empty, .. }) => {
                if w.is_frame(part) {
                    w.tokens.rewind(place);
                    break;
                }
                let local = folded(w.enter(part, &attributes, empty).1);
                let base = w.base().map(str::to_owned);
                let captured = inside(w, part, empty, true);
                let value = captured.text.trim();
                match &*local {
                    "name" => parts.push(("name", value.to_owned())),
                    "email" => parts.push(("email", value.to_owned())),
                    "uri" | "url" | "homepage" => parts.push(("uri", join(base.as_deref(), value))),
                    _ => {}
                }
            }
            Some(Token::Text(text)) => bare.push_str(&w.tokens.decode(text)),
            Some(Token::CData(text)) => bare.push_str(text),
            Some(Token::End { name: tag, .. }) if tag == name => break,
            Some(Token::End { name: tag, .. }) if w.is_frame(tag) => {
                w.tokens.rewind(place);
                break;
            }
            Some(Token::End { .. }) => {}
            None => break,
        }
    }
    w.leave(name);
    if parts.is_empty() && !bare.trim().is_empty() {
        parts.push(("name", bare.trim().to_owned()));
    }
    w.out.push_str(&format!("<{role}>"));
    for (part, value) in parts {
        w.write(part, &[], &value);
    }
    w.out.push_str(&format!("</{role}>"));
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
fn construct<'c>(captured: &'c Captured<'_>, kind: &str, mode: &str) -> (Cow<'c, str>, bool) {
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
