//! RSS of every version, RDF and CDF -> RSS 2.0.

use super::names::Vocabulary;
use super::token::Token;
use super::{Attributes, Walker, attribute, folded, join};

/// What of an item or channel was written already: the first of each field counts.
#[derive(Debug, Default)]
struct Written(Vec<&'static str>);

impl Written {
    fn first(&mut self, name: &'static str) -> bool {
        let first = !self.0.contains(&name);
        if first {
            self.0.push(name);
        }
        first
    }
}

/// State of the walk.
#[derive(Debug, Default)]
struct State {
    /// Where the item under way begins in the output.
    item: Option<usize>,
    channel: Written,
    fields: Written,
}

/// Walks the whole document.
pub(super) fn walk(w: &mut Walker<'_>) {
    w.out.push_str("<rss version=\"2.0\"");
    w.write_declarations();
    w.out.push_str("><channel>");
    let mut state = State::default();
    while let Some(token) = w.tokens.next() {
        match token {
            Token::Start { name, attributes, empty, .. } => start(w, &mut state, name, &attributes, empty),
            Token::End { name, .. } => {
                if state.item.is_some() && w.is_frame(name) {
                    close_item(w, &mut state);
                }
                w.leave(name);
            }
            Token::Text(_) | Token::CData(_) => {}
        }
    }
    w.drop_unfinished(state.item);
    w.out.push_str("</channel></rss>");
}

fn close_item(w: &mut Walker<'_>, state: &mut State) {
    if state.item.take().is_some() {
        w.out.push_str("</item>");
    }
}

fn start<'a>(w: &mut Walker<'a>, state: &mut State, name: &'a str, attributes: &Attributes<'a>, empty: bool) {
    let (vocabulary, local) = w.enter(name, attributes, empty);
    let folded = folded(local);
    match vocabulary {
        Vocabulary::Core => core(w, state, name, &folded, attributes, empty),
        Vocabulary::Atom if state.item.is_some() || folded == "link" => {
            atom(w, state, name, &folded, attributes, empty)
        }
        Vocabulary::Known("itunes") if folded == "category" && state.item.is_some() => {
            if let Some(text) = attribute(attributes, "text") {
                w.write("category", &[], text);
            }
        }
        Vocabulary::Known(prefix) => w.pass(prefix, name, local, attributes, empty),
        Vocabulary::Markup if state.item.is_some() => {
            let captured = if empty { String::new() } else { w.capture(name, false).value().to_owned() };
            if matches!(&*folded, "body" | "div") && state.fields.first("content") {
                w.write("content:encoded", &[], &captured);
            }
        }
        // Around the channel or the items anything may stand; inside an item it is not ours.
        _ if state.item.is_some() => w.skip(name, empty),
        _ => {}
    }
}

fn core<'a>(
    w: &mut Walker<'a>,
    state: &mut State,
    name: &'a str,
    folded: &str,
    attributes: &Attributes<'a>,
    empty: bool,
) {
    match folded {
        "rss" | "rdf" | "items" | "seq" | "li" => {}
        "channel" => {
            w.write_context();
            if let Some(href) = attribute(attributes, "href").filter(|_| state.channel.first("link")) {
                w.write("link", &[], href);
            }
        }
        "item" => {
            if state.item.is_some() {
                w.warn("an item was not closed");
                close_item(w, state);
            }
            if !w.may_begin_entry() {
                return;
            }
            state.item = Some(w.out.len());
            state.fields = Written::default();
            w.out.push_str("<item>");
            w.write_context();
            if let Some(date) = attribute(attributes, "lastmod") {
                w.write("nr:updated", &[], date);
            }
            // CDF keeps the link in an attribute.
            if let Some(href) = attribute(attributes, "href").filter(|_| state.fields.first("link")) {
                w.write("link", &[], href);
            }
            if empty {
                close_item(w, state);
            }
        }
        "image" | "textinput" | "cloud" => w.skip(name, empty),
        "skiphours" | "skipdays" if !empty => {
            let (list, one) = if folded == "skiphours" { ("skipHours", "hour") } else { ("skipDays", "day") };
            let captured = w.capture(name, false);
            w.out.push_str(&format!("<{list}>"));
            for value in captured.markup.split(['<', '>']).map(str::trim).filter(|v| !v.is_empty() && !v.ends_with(one))
            {
                w.write(one, &[], value);
            }
            w.out.push_str(&format!("</{list}>"));
        }
        _ => field(w, state, name, folded, attributes, empty),
    }
}

/// A field of the channel or of an item.
fn field<'a>(
    w: &mut Walker<'a>,
    state: &mut State,
    name: &'a str,
    folded: &str,
    attributes: &Attributes<'a>,
    empty: bool,
) {
    let in_item = state.item.is_some();
    let (canonical, short) = match folded {
        "title" => ("title", true),
        "link" | "url" => ("link", true),
        "description" | "abstract" => ("description", false),
        "content" | "body" | "fullitem" => ("content", false),
        "author" => ("author", true),
        "managingeditor" => ("managingEditor", true),
        "category" => ("category", false),
        "comments" => ("comments", true),
        "guid" => ("guid", true),
        "pubdate" | "date" | "lastmod" => ("pubDate", true),
        "language" => ("language", true),
        "ttl" => ("ttl", true),
        "source" => ("source", true),
        "enclosure" => ("enclosure", true),
        _ => {
            if in_item {
                w.skip(name, empty);
            }
            return;
        }
    };
    if canonical == "enclosure" {
        // The strict crate keeps one, so the others go beside it.
        let canonical = if state.fields.first("enclosure") { "enclosure" } else { "nr:enclosure" };
        let own: Vec<_> = attributes.iter().map(|(key, value)| (*key, &**value)).collect();
        w.write(canonical, &own, "");
        w.skip(name, empty);
        return;
    }
    let own_base = attribute(attributes, "xml:base").map(|base| join(None, base));
    let captured = if empty { super::Captured::default() } else { w.capture(name, short) };
    let written = if in_item { &mut state.fields } else { &mut state.channel };
    let value = captured.value().trim();
    // Of several dates the last is the newest.
    let repeats = matches!(canonical, "category" | "author" | "pubDate");
    if value.is_empty() && canonical != "title" || !(repeats || written.first(canonical)) {
        return;
    }
    let kept: Vec<_> = attributes
        .iter()
        .filter(|(key, _)| matches!(*key, "isPermaLink" | "domain" | "url"))
        .map(|(key, value)| (*key, &**value))
        .collect();
    match canonical {
        "content" => w.write("content:encoded", &[], value),
        "category" if captured.has_markup => w.write("category", &kept, captured.markup.trim()),
        _ => w.write(canonical, &kept, value),
    }
    if let (Some(base), "description" | "content") = (own_base, canonical) {
        w.write("nr:body_base", &[], &base);
    }
}

/// Atom elements in an RSS document.
fn atom<'a>(
    w: &mut Walker<'a>,
    state: &mut State,
    name: &'a str,
    folded: &str,
    attributes: &Attributes<'a>,
    empty: bool,
) {
    if folded == "link" {
        let own: Vec<_> =
            attributes.iter().filter(|(key, _)| !key.starts_with("xml")).map(|(key, value)| (*key, &**value)).collect();
        w.write("atom:link", &own, "");
        w.skip(name, empty);
        return;
    }
    let captured = if empty { super::Captured::default() } else { w.capture(name, false) };
    let value = captured.value().trim().to_owned();
    match folded {
        "author" => {
            let name = captured.markup.split("<name>").nth(1).and_then(|rest| rest.split("</name>").next());
            w.write("dc:creator", &[], name.unwrap_or(&captured.text).trim());
        }
        "id" if state.fields.first("guid") => w.write("guid", &[("isPermaLink", "false")], &value),
        "title" if state.fields.first("title") => w.write("title", &[], &value),
        "summary" if state.fields.first("description") => w.write("description", &[], &value),
        "content" if state.fields.first("content") => w.write("content:encoded", &[], &value),
        "published" | "issued" | "created" if state.fields.first("nr:published") => {
            w.write("nr:published", &[], &value)
        }
        "updated" | "modified" if state.fields.first("nr:updated") => w.write("nr:updated", &[], &value),
        _ => {}
    }
}
