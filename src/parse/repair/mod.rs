//! Broken or foreign markup -> a well-formed document of a dialect that the strict crates know.
//!
//! In: text whose root is a feed's. Out: RSS 2.0 or Atom 1.0 with one spelling for each element,
//! and the list of what was repaired. What the strict crates drop (bases, languages, dates they
//! cannot read) travels in elements of our own namespace. One pass, linear in the input; nesting
//! costs no stack.

mod atom;
mod blank;
mod escape;
mod person;
mod rss;
mod scopes;
mod token;

use std::borrow::Cow;

use url::Url;

pub(super) use super::vocabulary::OWN;
use super::vocabulary::{DECLARED, Name, Vocabulary};
use super::{MOST_ENTRIES, TOO_MANY};
use crate::model::feed::Format;
use blank::says_nothing;
use escape::{escape_into, text_into};
use scopes::{Resolved, Scopes};
use token::{Token, Tokens};

/// Elements inside each other that are remembered; deeper ones count as text of the deepest.
const DEEPEST: usize = 512;

/// The warning for a document that ends too early.
const BROKEN_OFF: &str = "the document breaks off";

/// A repaired document.
#[derive(Debug)]
pub(super) struct Repaired {
    /// The dialect it is in now.
    pub(super) format: Format,
    /// The document.
    pub(super) xml: String,
    /// What was wrong with it, in words.
    pub(super) warnings: Vec<String>,
    /// Whether it ends inside an entry or field.
    pub(super) broken_off: bool,
}

/// Repairs a document; `None` where no feed begins in it.
pub(super) fn repair(text: &str) -> Option<Repaired> {
    let mut walker = Walker::new(text);
    let format = walker.find_root()?;
    match format {
        Format::Atom => atom::walk(&mut walker),
        _ => rss::walk(&mut walker),
    }
    let broken_off = walker.warnings.iter().any(|w| w == BROKEN_OFF);
    Some(Repaired { format, xml: walker.out, warnings: walker.warnings, broken_off })
}

/// An element that is open.
#[derive(Debug)]
struct Open<'a> {
    name: &'a str,
    base: Option<String>,
    language: Option<String>,
}

/// What stands inside an element.
#[derive(Debug, Default)]
struct Captured<'a> {
    /// The text, references decoded, markup left out.
    text: Cow<'a, str>,
    /// The inside as markup.
    markup: String,
    /// Whether there were elements inside.
    has_markup: bool,
}

impl<'a> Captured<'a> {
    /// Adds a piece of text; the first is not copied.
    fn add(&mut self, text: Cow<'a, str>) {
        if self.text.is_empty() {
            self.text = text;
        } else {
            self.text.to_mut().push_str(&text);
        }
    }

    /// The text, or where there is markup that.
    fn value(&self) -> &str {
        if self.has_markup { &self.markup } else { &self.text }
    }
}

type Attributes<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// Walks over a document and writes another.
#[derive(Debug)]
struct Walker<'a> {
    tokens: Tokens<'a>,
    scopes: Scopes<'a>,
    open: Vec<Open<'a>>,
    out: String,
    warnings: Vec<String>,
    entries: usize,
    /// Where in the document the entry under way begins.
    entry_at: usize,
    /// Where in the output its fields begin.
    entry_out: usize,
}

impl<'a> Walker<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            tokens: Tokens::new(text),
            scopes: Scopes::default(),
            open: Vec::new(),
            // A repaired document is hardly longer, and growing would hold it twice.
            out: String::with_capacity(text.len() + text.len() / 8 + 4096),
            warnings: Vec::new(),
            entries: 0,
            entry_at: 0,
            entry_out: 0,
        }
    }

    /// Counts an entry that begins; false where there were enough, which ends the walk.
    fn may_begin_entry(&mut self) -> bool {
        self.entries += 1;
        self.entry_at = self.tokens.place();
        if self.entries > MOST_ENTRIES {
            self.warn(TOO_MANY);
            self.tokens.end();
        }
        self.entries <= MOST_ENTRIES
    }

    /// Goes to the root of the feed, past whatever stands before it.
    fn find_root(&mut self) -> Option<Format> {
        loop {
            let place = self.tokens.place();
            let Token::Start { name, attributes, .. } = self.tokens.next()? else { continue };
            self.scopes.enter(0, &attributes);
            let local = name.split_once(':').map_or(name, |(_, local)| local);
            let (format, vocabulary) = match &*folded(local) {
                "rss" | "channel" => (Format::Rss, Vocabulary::Core),
                "rdf" => (Format::Rss, if local == name { Vocabulary::Core } else { Vocabulary::Rdf }),
                "feed" | "entry" => (Format::Atom, Vocabulary::Atom),
                _ => continue,
            };
            self.scopes.settle(name, vocabulary);
            self.tokens.rewind(place);
            self.tokens.leave_prolog();
            return Some(format);
        }
    }

    fn warn(&mut self, text: &str) {
        if !self.warnings.iter().any(|known| known == text) {
            self.warnings.push(text.to_owned());
        }
    }

    /// Opens an element: its declarations, base and language hold for what is inside.
    fn enter(&mut self, name: &'a str, attributes: &Attributes<'a>, empty: bool) -> Resolved {
        self.scopes.enter(self.open.len() + 1, attributes);
        let resolved = self.scopes.resolve(name);
        if !empty && self.open.len() < DEEPEST {
            let base = match attribute(attributes, "xml:base") {
                Some(base) => Some(join(self.base(), base)),
                None => self.base().map(str::to_owned),
            };
            let language = attribute(attributes, "xml:lang").or(self.language()).map(str::to_owned);
            self.open.push(Open { name, base, language });
        }
        resolved
    }

    /// Closes the innermost element of this name and all inside it; a stray end tag closes nothing.
    fn leave(&mut self, name: &str) {
        match self.open.iter().rposition(|open| open.name.eq_ignore_ascii_case(name)) {
            Some(at) => {
                if at + 1 != self.open.len() {
                    self.warn("tags were not closed in order");
                }
                self.open.truncate(at);
                self.scopes.leave(at + 1);
            }
            None => self.warn("an end tag closes nothing"),
        }
    }

    fn base(&self) -> Option<&str> {
        self.open.last().and_then(|open| open.base.as_deref())
    }

    fn language(&self) -> Option<&str> {
        self.open.last().and_then(|open| open.language.as_deref())
    }

    /// Whether a tag of this name ends whatever is being captured: it belongs to the frame of the
    /// document.
    fn is_frame(&mut self, name: &'a str) -> bool {
        let resolved = self.scopes.resolve(name);
        matches!(resolved.vocabulary, Vocabulary::Core | Vocabulary::Atom | Vocabulary::Rdf)
            && resolved.name.is_some_and(|name| matches!(name.local, "item" | "channel" | "feed" | "rss"))
    }

    /// Takes all up to the end tag of the element just entered, and closes it. `short` elements
    /// hold no markup: another field of the feed inside them means that they were not closed.
    fn capture(&mut self, name: &'a str, short: bool) -> Captured<'a> {
        let mut captured = Captured::default();
        let mut inside: Vec<&'a str> = Vec::new();
        loop {
            let place = self.tokens.place();
            match self.tokens.next() {
                None => {
                    self.warn(BROKEN_OFF);
                    break;
                }
                Some(Token::Text(text)) => {
                    captured.add(self.tokens.decode(text));
                    if captured.has_markup {
                        captured.markup.push_str(text);
                    }
                }
                Some(Token::CData(text)) => {
                    captured.add(Cow::Borrowed(text));
                    if captured.has_markup {
                        escape_into(&mut captured.markup, text);
                    }
                }
                Some(Token::Start { name: tag, empty, markup, .. }) => {
                    if self.is_frame(tag) || (short && is_field(tag)) {
                        self.warn("an element was not closed");
                        self.tokens.rewind(place);
                        break;
                    }
                    if !captured.has_markup {
                        captured.has_markup = true;
                        escape_into(&mut captured.markup, &captured.text);
                    }
                    push_tag(&mut captured.markup, markup, tag);
                    if !empty && inside.len() < DEEPEST {
                        inside.push(tag);
                    }
                }
                Some(Token::End { name: tag, markup }) => match inside.iter().rposition(|open| *open == tag) {
                    Some(at) => {
                        inside.truncate(at);
                        push_tag(&mut captured.markup, markup, tag);
                    }
                    None if tag.eq_ignore_ascii_case(name) => break,
                    None if self.is_frame(tag) => {
                        self.warn("an element was not closed");
                        self.tokens.rewind(place);
                        break;
                    }
                    None => {}
                },
            }
        }
        self.leave(name);
        captured
    }

    /// Closes an entry that began at `begin` of the output; one of which nothing was read, and whose element holds
    /// neither text nor attributes, is no entry.
    fn close_entry(&mut self, begin: usize, end: &str) {
        if self.out.len() == self.entry_out && says_nothing(self.tokens.since(self.entry_at)) {
            self.out.truncate(begin);
            self.warn("an empty entry was left out");
        } else {
            self.out.push_str(end);
        }
    }

    /// Ends the walk: where the document broke off inside an entry, that one did not arrive whole
    /// and does not count.
    fn drop_unfinished(&mut self, begin: Option<usize>) {
        if let Some(begin) = begin {
            self.out.truncate(begin);
            self.warn(BROKEN_OFF);
        }
    }

    /// Leaves out the element just entered with all that is inside.
    fn skip(&mut self, name: &'a str, empty: bool) {
        if !empty {
            self.capture(name, false);
        }
    }

    /// Writes an element with text in it.
    fn write(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            escape_into(&mut self.out, value);
            self.out.push('"');
        }
        self.out.push('>');
        text_into(&mut self.out, text);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Writes base and language that hold here, where the strict crates would lose them.
    fn write_context(&mut self) {
        if let Some(base) = self.base().map(str::to_owned) {
            self.write("nr:base", &[], &base);
        }
        if let Some(language) = self.language().map(str::to_owned) {
            self.write("nr:lang", &[], &language);
        }
    }

    /// Passes an element of a known vocabulary on: its attributes and text, and of Media RSS the
    /// elements inside.
    fn pass(&mut self, prefix: &str, to: Name, name: &'a str, attributes: &Attributes<'a>, empty: bool) {
        let full = format!("{prefix}:{}", to.local);
        let own: Vec<(Cow<'_, str>, &str)> = attributes
            .iter()
            .filter(|(key, _)| !key.starts_with("xml"))
            .map(|(key, value)| (spelt(key), &**value))
            .collect();
        let own: Vec<(&str, &str)> = own.iter().map(|(key, value)| (&**key, *value)).collect();
        if empty {
            self.write(&full, &own, "");
            return;
        }
        if prefix != "media" || !matches!(to.local, "group" | "content") {
            let captured = self.capture(name, true);
            // Of places the numbers count, of everything else the markup too.
            let value = if prefix == "georss" { &*captured.text } else { captured.value() };
            self.write(&full, &own, value.trim());
            return;
        }
        // The end tag is taken back: it comes behind what is inside.
        self.write(&full, &own, "");
        self.out.truncate(self.out.len() - full.len() - 3);
        loop {
            let place = self.tokens.place();
            match self.tokens.next() {
                Some(Token::Start { name: inner, attributes, empty, .. }) => {
                    if self.is_frame(inner) {
                        self.tokens.rewind(place);
                        break;
                    }
                    match self.enter(inner, &attributes, empty).name {
                        // One level of nesting more: a group of contents with thumbnails.
                        Some(to @ Name { vocabulary: Vocabulary::Known("media"), .. }) if self.open.len() < 16 => {
                            self.pass("media", to, inner, &attributes, empty);
                        }
                        _ => self.skip(inner, empty),
                    }
                }
                Some(Token::End { name: tag, .. }) if tag == name => break,
                Some(Token::End { name: tag, .. }) if self.is_frame(tag) => {
                    self.tokens.rewind(place);
                    break;
                }
                Some(_) => {}
                None => break,
            }
        }
        self.leave(name);
        self.out.push_str("</");
        self.out.push_str(&full);
        self.out.push('>');
    }

    /// The namespaces that every repaired document declares.
    fn write_declarations(&mut self) {
        for (prefix, namespace) in DECLARED {
            self.out.push_str(&format!(" xmlns:{prefix}=\"{namespace}\""));
        }
    }
}

fn attribute<'s>(attributes: &'s Attributes<'_>, name: &str) -> Option<&'s str> {
    attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// An attribute in the spelling that is looked for.
fn spelt(key: &str) -> Cow<'_, str> {
    match folded(key) {
        folded if folded == "filesize" => Cow::Borrowed("fileSize"),
        folded => folded,
    }
}

/// A name in lower case, which most are.
fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// `relative` against a base that may be relative itself.
fn join(base: Option<&str>, relative: &str) -> String {
    let joined = base.and_then(|base| Url::parse(base).ok()).and_then(|base| base.join(relative.trim()).ok());
    joined.map_or_else(|| relative.trim().to_owned(), |url| url.to_string())
}

/// Whether a tag is a field of feeds and of no page: inside a short field it means a missing end.
fn is_field(name: &str) -> bool {
    const FIELDS: [&str; 9] =
        ["description", "guid", "pubDate", "enclosure", "updated", "published", "summary", "content", "category"];
    // With a prefix it may be a field of another vocabulary that nests.
    FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name))
}

/// A tag of the inside, without its prefix.
fn push_tag(out: &mut String, markup: &str, name: &str) {
    match name.split_once(':') {
        Some((prefix, _)) => out.push_str(&markup.replacen(&format!("{prefix}:"), "", 1)),
        None => out.push_str(markup),
    }
    if !markup.ends_with('>') {
        out.push('>');
    }
}

#[cfg(test)]
mod tests;
