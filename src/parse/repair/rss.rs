//! RSS of every version, RDF and CDF -> RSS 2.0. What is not RSS's own but says the same travels in our namespace and
//! counts where RSS's own field is missing.

use std::borrow::Cow;

use super::person::Person;
use super::scopes::Resolved;
use super::token::Token;
use super::{Attributes, Captured, Walker, atom, attribute, folded, join};
use crate::parse::vocabulary::{Name, Vocabulary};

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

/// An element under way.
struct Element<'e, 'a> {
    name: &'a str,
    attributes: &'e Attributes<'a>,
    empty: bool,
}

/// Walks the whole document.
pub(super) fn walk(w: &mut Walker<'_>) {
    w.out.push_str("<rss version=\"2.0\"");
    w.write_declarations();
    w.out.push_str("><channel>");
    let mut state = State::default();
    while let Some(token) = w.tokens.next() {
        match token {
            Token::Start { name, attributes, empty, .. } => {
                start(w, &mut state, &Element { name, attributes: &attributes, empty });
            }
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
    if let Some(begin) = state.item.take() {
        w.close_entry(begin, "</item>");
    }
}

fn start<'a>(w: &mut Walker<'a>, state: &mut State, e: &Element<'_, 'a>) {
    let Resolved { vocabulary, name } = w.enter(e.name, e.attributes, e.empty);
    let Some(to) = name else {
        // Around the channel or the items anything may stand; inside an item it is not ours.
        if state.item.is_some() || matches!(vocabulary, Vocabulary::Known(_)) {
            w.skip(e.name, e.empty);
        }
        return;
    };
    match to.vocabulary {
        Vocabulary::Core | Vocabulary::Rdf | Vocabulary::Other => core(w, state, to, e),
        Vocabulary::Atom if matches!(to.local, "item" | "channel" | "feed") => core(w, state, to, e),
        Vocabulary::Atom => atom(w, state, to, e),
        Vocabulary::Known("itunes") if to.local == "category" && state.item.is_some() => {
            if let Some(text) = attribute(e.attributes, "text") {
                w.write("category", &[], text);
            }
        }
        // Its coordinates stand inside as elements of their own.
        Vocabulary::Known("geo") if to.local == "Point" => {}
        Vocabulary::Known("content") if !state.fields.first("content:encoded") => w.skip(e.name, e.empty),
        Vocabulary::Known(prefix) => w.pass(prefix, to, e.name, e.attributes, e.empty),
        Vocabulary::Markup if state.item.is_some() && !e.empty => {
            let captured = w.capture(e.name, false);
            w.write("nr:content", &[], captured.value());
        }
        Vocabulary::Markup => {}
    }
}

fn core<'a>(w: &mut Walker<'a>, state: &mut State, to: Name, e: &Element<'_, 'a>) {
    match to.local {
        "rss" | "feed" => {}
        "channel" => {
            w.write_context();
            if let Some(href) = attribute(e.attributes, "href").filter(|_| state.channel.first("link")) {
                w.write("link", &[], href);
            }
        }
        // An empty one within another is none, and does not end that.
        "item" if e.empty && state.item.is_some() => {}
        "item" => item(w, state, e),
        "image" if state.item.is_some() => image(w, e),
        "image" | "textinput" | "cloud" => w.skip(e.name, e.empty),
        "skipHours" | "skipDays" if !e.empty => {
            let one = if to.local == "skipHours" { "hour" } else { "day" };
            let captured = w.capture(e.name, false);
            w.out.push_str(&format!("<{}>", to.local));
            let is_value = |value: &&str| !value.is_empty() && !value.to_ascii_lowercase().ends_with(one);
            for value in captured.markup.split(['<', '>']).map(str::trim).filter(is_value) {
                w.write(one, &[], value);
            }
            w.out.push_str(&format!("</{}>", to.local));
        }
        "link" => link(w, state, e),
        "author" => author(w, state, e),
        "enclosure" => enclosure(w, state, e),
        "keywords" => keywords(w, e),
        "summary" | "content" | "id" | "published" | "created" | "updated" => fallback(w, state, to, e),
        _ => field(w, state, to, e),
    }
}

fn item<'a>(w: &mut Walker<'a>, state: &mut State, e: &Element<'_, 'a>) {
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
    w.entry_out = w.out.len();
    if let Some(date) = attribute(e.attributes, "lastmod") {
        w.write("nr:updated", &[], date);
    }
    // RSS 1.0 names the item in an attribute of its frame.
    let about = e.attributes.iter().find(|(key, _)| folded(key).ends_with(":about")).map(|(_, about)| about.trim());
    if let Some(about) = about {
        w.write("nr:id", &[], about);
    }
    // CDF keeps the link in an attribute.
    if let Some(href) = attribute(e.attributes, "href").filter(|_| state.fields.first("link")) {
        w.write("link", &[], href);
    }
    if e.empty {
        close_item(w, state);
    }
}

fn inside<'a>(w: &mut Walker<'a>, e: &Element<'_, 'a>, short: bool) -> Captured<'a> {
    if e.empty { Captured::default() } else { w.capture(e.name, short) }
}

/// A field of the channel or of an item.
fn field<'a>(w: &mut Walker<'a>, state: &mut State, to: Name, e: &Element<'_, 'a>) {
    let in_item = state.item.is_some();
    let short = !matches!(to.local, "description" | "category");
    let own_base = attribute(e.attributes, "xml:base").map(|base| join(None, base));
    let captured = inside(w, e, short);
    let value = match to.local {
        // Their text counts, whatever stands around it.
        "guid" | "pubDate" | "comments" | "language" | "ttl" => captured.text.trim(),
        _ => captured.value().trim(),
    };
    let attributed = ["text", "term", "label", "url", "href"].into_iter().find_map(|key| attribute(e.attributes, key));
    let value = match to.local {
        "category" | "comments" if value.is_empty() => attributed.unwrap_or_default(),
        _ => value,
    };
    let written = if in_item { &mut state.fields } else { &mut state.channel };
    // Of several dates the last is the newest.
    let repeats = matches!(to.local, "category" | "pubDate");
    // A title that is written again says no more, but an empty one may stand before the one that says something.
    if value.is_empty() || !(repeats || written.first(to.local)) {
        return;
    }
    let mut kept: Vec<(&str, Cow<'_, str>)> = Vec::new();
    for (key, value) in e.attributes {
        match &*folded(key) {
            "ispermalink" => kept.push(("isPermaLink", folded(value.trim()))),
            "domain" => kept.push(("domain", Cow::Borrowed(value))),
            "url" => kept.push(("url", Cow::Borrowed(value))),
            _ => {}
        }
    }
    let kept: Vec<(&str, &str)> = kept.iter().map(|(key, value)| (*key, &**value)).collect();
    w.write(to.local, &kept, value);
    if let (Some(base), "description") = (own_base, to.local) {
        w.write("nr:body_base", &[], &base);
    }
}

/// An address: as text, or as the attribute that Atom has.
fn link<'a>(w: &mut Walker<'a>, state: &mut State, e: &Element<'_, 'a>) {
    let captured = inside(w, e, true);
    let value = captured.text.trim();
    if value.is_empty() {
        if attribute(e.attributes, "href").is_some() {
            write_link(w, e.attributes);
        }
        return;
    }
    let written = if state.item.is_some() { &mut state.fields } else { &mut state.channel };
    if written.first("link") {
        w.write("link", &[], value);
    }
}

/// Writes a link with attributes; a base in force is applied, since the strict crate would lose it.
fn write_link(w: &mut Walker<'_>, attributes: &Attributes<'_>) {
    let base = match attribute(attributes, "xml:base") {
        Some(own) => Some(join(w.base(), own)),
        None => w.base().map(str::to_owned),
    };
    let own: Vec<(Cow<'_, str>, Cow<'_, str>)> = attributes
        .iter()
        .filter(|(key, _)| !key.starts_with("xml"))
        .map(|(key, value)| match folded(key) {
            key if key == "href" && base.is_some() => (key, Cow::Owned(join(base.as_deref(), value))),
            key => (key, Cow::Borrowed(&**value)),
        })
        .collect();
    let own: Vec<(&str, &str)> = own.iter().map(|(key, value)| (&**key, &**value)).collect();
    w.write("atom:link", &own, "");
}

/// A person: the first line of text stays RSS's own field, everything else goes beside it.
fn author<'a>(w: &mut Walker<'a>, state: &mut State, e: &Element<'_, 'a>) {
    let person = w.person(e.name, e.empty);
    let in_item = state.item.is_some();
    if !person.has_parts() {
        if person.bare.is_empty() {
            return;
        }
        let (written, name) =
            if in_item { (&mut state.fields, "author") } else { (&mut state.channel, "managingEditor") };
        if written.first(name) {
            w.write(name, &[], &person.bare);
            return;
        }
    }
    if in_item {
        write_person(w, &person);
    } else if let Some(name) = person.name.as_deref().or(person.email.as_deref())
        && state.channel.first("managingEditor")
    {
        w.write("managingEditor", &[], name);
    }
}

fn write_person(w: &mut Walker<'_>, person: &Person) {
    let name = person.name.as_deref().or(Some(person.bare.as_str()).filter(|bare| !bare.is_empty()));
    let own: Vec<(&str, &str)> = [("name", name), ("email", person.email.as_deref()), ("uri", person.uri.as_deref())]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    w.write("nr:author", &own, "");
}

/// A file; the strict crate keeps one, so the others go beside it.
fn enclosure<'a>(w: &mut Walker<'a>, state: &mut State, e: &Element<'_, 'a>) {
    let captured = inside(w, e, true);
    let text = captured.text.trim();
    let url = ["url", "href", "src"].into_iter().find_map(|key| attribute(e.attributes, key));
    let Some(url) = url.or(Some(text)).filter(|url| !url.is_empty()) else { return };
    let mut own = vec![("url", url)];
    own.extend(["length", "type"].into_iter().filter_map(|key| Some((key, attribute(e.attributes, key)?))));
    w.write(if state.fields.first("enclosure") { "enclosure" } else { "nr:enclosure" }, &own, "");
}

/// The picture of an item: an address as text, in an attribute, or as `url` inside.
fn image<'a>(w: &mut Walker<'a>, e: &Element<'_, 'a>) {
    let captured = inside(w, e, false);
    let attributed = ["url", "href", "src"].into_iter().find_map(|key| attribute(e.attributes, key));
    let text = if captured.has_markup {
        let lower = captured.markup.to_ascii_lowercase();
        let from = lower.find("<url>").map(|at| at + "<url>".len());
        let to = from.and_then(|from| Some(from + lower[from..].find('<')?));
        from.zip(to).map(|(from, to)| captured.markup[from..to].trim())
    } else {
        Some(captured.text.trim())
    };
    let is_address = |url: &&str| !url.is_empty() && !url.contains(char::is_whitespace);
    if let Some(url) = attributed.or(text).filter(is_address) {
        w.write("nr:image", &[], &super::token::decode_references(url));
    }
}

fn keywords<'a>(w: &mut Walker<'a>, e: &Element<'_, 'a>) {
    let captured = inside(w, e, true);
    for word in captured.text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        w.write("category", &[], word);
    }
}

/// A field that RSS has under another name.
fn fallback<'a>(w: &mut Walker<'a>, state: &mut State, to: Name, e: &Element<'_, 'a>) {
    let short = !matches!(to.local, "title" | "summary" | "content");
    let captured = inside(w, e, short);
    if state.item.is_none() {
        if to.local == "title" && state.channel.first("title") {
            w.write("title", &[], captured.value().trim());
        }
        return;
    }
    let full = format!("nr:{}", to.local);
    if short {
        w.write(&full, &[], captured.text.trim());
        return;
    }
    let kind = attribute(e.attributes, "type").unwrap_or_default().to_ascii_lowercase();
    let mode = attribute(e.attributes, "mode").unwrap_or_default().to_ascii_lowercase();
    let (value, is_html) = atom::construct(&captured, &kind, &mode);
    let kind = match (is_html, kind.is_empty()) {
        (true, _) => "html",
        (false, true) => "unknown",
        (false, false) => "text",
    };
    if !value.trim().is_empty() {
        w.write(&full, &[("type", kind)], value.trim());
    }
}

/// Atom elements in an RSS document.
fn atom<'a>(w: &mut Walker<'a>, state: &mut State, to: Name, e: &Element<'_, 'a>) {
    match to.local {
        "link" => {
            let captured = inside(w, e, true);
            if attribute(e.attributes, "href").is_some() {
                write_link(w, e.attributes);
            } else if !captured.text.trim().is_empty() {
                w.write("atom:link", &[("href", captured.text.trim())], "");
            }
        }
        "author" if state.item.is_some() => {
            let person = w.person(e.name, e.empty);
            write_person(w, &person);
        }
        "category" if state.item.is_some() => field(w, state, to, e),
        "title" | "summary" | "content" | "id" | "published" | "created" | "updated" => {
            fallback(w, state, to, e);
        }
        "pubDate" => fallback(w, state, Name { local: "published", ..to }, e),
        _ => w.skip(e.name, e.empty),
    }
}
