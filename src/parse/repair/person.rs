//! The author of an entry, with elements inside as Atom has them or as a line of text as RSS has it.

use super::token::Token;
use super::{Captured, Walker, folded, join};

/// What is said of a person.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) uri: Option<String>,
    /// The text beside the elements.
    pub(super) bare: String,
}

impl Person {
    /// Whether any element said something.
    pub(super) fn has_parts(&self) -> bool {
        self.name.is_some() || self.email.is_some() || self.uri.is_some()
    }
}

impl<'a> Walker<'a> {
    /// Takes a person up to the end tag of the element just entered, and closes it.
    pub(super) fn person(&mut self, name: &'a str, empty: bool) -> Person {
        let mut person = Person::default();
        if empty {
            return person;
        }
        loop {
            let place = self.tokens.place();
            match self.tokens.next() {
                Some(Token::Start { name: part, attributes, empty, .. }) => {
                    if self.is_frame(part) {
                        self.tokens.rewind(place);
                        break;
                    }
                    let local = folded(part.split_once(':').map_or(part, |(_, local)| local));
                    self.enter(part, &attributes, empty);
                    let base = self.base().map(str::to_owned);
                    let captured = if empty { Captured::default() } else { self.capture(part, true) };
                    let value = captured.text.trim();
                    let (field, value) = match &*local {
                        "name" => (&mut person.name, value.to_owned()),
                        "email" => (&mut person.email, value.to_owned()),
                        "uri" | "url" | "homepage" => (&mut person.uri, join(base.as_deref(), value)),
                        _ => continue,
                    };
                    if field.is_none() && !value.is_empty() {
                        *field = Some(value);
                    }
                }
                Some(Token::Text(text)) => person.bare.push_str(&self.tokens.decode(text)),
                Some(Token::CData(text)) => person.bare.push_str(text),
                Some(Token::End { name: tag, .. }) if tag.eq_ignore_ascii_case(name) => break,
                Some(Token::End { name: tag, .. }) if self.is_frame(tag) => {
                    self.tokens.rewind(place);
                    break;
                }
                Some(Token::End { .. }) => {}
                None => break,
            }
        }
        self.leave(name);
        person.bare = person.bare.trim().to_owned();
        person
    }
}
