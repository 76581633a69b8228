//! Markup as it is found -> tokens: never fails, linear in the input.
//!
//! What a strict reader refuses is read as it was most likely meant: a `<` or `&` that begins
//! nothing is text, attributes need no quotes, what is never closed ends with the document.

use std::borrow::Cow;
use std::collections::HashMap;

/// The most attributes of one element that are kept.
const MOST_ATTRIBUTES: usize = 64;

/// The most that the entities of a document may add to it, bytes.
const ENTITY_BUDGET: usize = 64 * 1024;

/// A piece of markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A start tag; `markup` is all of it.
    Start { name: &'a str, attributes: Vec<(&'a str, Cow<'a, str>)>, empty: bool, markup: &'a str },
    /// An end tag.
    End { name: &'a str, markup: &'a str },
    /// Text with its references undecoded.
    Text(&'a str),
    /// The inside of a CDATA section.
    CData(&'a str),
}

/// Reads tokens from a text.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    entities: HashMap<&'a str, &'a str>,
    budget: usize,
    /// Whether a document type may still come.
    in_prolog: bool,
    cdata_ends: bool,
    comments_end: bool,
    instructions_end: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            entities: HashMap::new(),
            budget: ENTITY_BUDGET,
            in_prolog: true,
            cdata_ends: true,
            comments_end: true,
            instructions_end: true,
        }
    }

    /// Behind the start of the root `<!` begins no document type.
    pub(super) fn leave_prolog(&mut self) {
        self.in_prolog = false;
    }

    /// Goes back to a place that [`Tokens::place`] gave.
    pub(super) fn rewind(&mut self, place: usize) {
        self.at = place;
    }

    /// Leaves out all that follows.
    pub(super) fn end(&mut self) {
        self.at = self.text.len();
    }

    /// The document from a place up to the next token.
    pub(super) fn since(&self, place: usize) -> &'a str {
        self.text.get(place..self.at).unwrap_or_default()
    }

    /// The place before the next token.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Decodes the references of a text: XML's, HTML's, and those the document declares.
    pub(super) fn decode(&mut self, text: &'a str) -> Cow<'a, str> {
        if !text.contains('&') {
            return Cow::Borrowed(text);
        }
        if self.entities.is_empty() {
            return decode_references(text);
        }
        let mut expanded = String::with_capacity(text.len());
        self.expand(text, &mut expanded, 0);
        Cow::Owned(decode_references(&expanded).into_owned())
    }

    /// Replaces references to declared entities; declared ones inside them too, to a small depth
    /// and within the budget, so that a bomb stays a spark.
    fn expand(&mut self, text: &str, out: &mut String, depth: usize) {
        let mut rest = text;
        while let Some(start) = rest.find('&') {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            let end = rest.bytes().take(64).position(|b| b == b';');
            let value = end.and_then(|end| self.entities.get(&rest[1..end]).copied());
            match (end, value) {
                (Some(end), Some(value)) if depth < 4 && value.len() <= self.budget => {
                    self.budget -= value.len();
                    self.expand(value, out, depth + 1);
                    rest = &rest[end + 1..];
                }
                (Some(end), Some(_)) => rest = &rest[end + 1..],
                _ => {
                    out.push('&');
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes behind the next `end`; false where there is none, and nothing moves. It is looked for once then, not for
    /// every section: time stays linear.
    fn skip_past(&mut self, end: &str) -> bool {
        let found = memchr::memmem::find(self.rest().as_bytes(), end.as_bytes());
        self.at += found.map_or(0, |n| n + end.len());
        found.is_some()
    }

    /// Whether a tag, comment, section, instruction or document type begins here; what has no end is text.
    fn begins_markup(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let letter = |n: usize| bytes.get(n).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_' || *b >= 0x80);
        match (bytes.first(), bytes.get(1)) {
            (Some(b'<'), Some(b'/')) => letter(2),
            (Some(b'<'), Some(b'?')) => self.instructions_end && letter(2),
            (Some(b'<'), Some(b'!')) => {
                (self.comments_end && text.starts_with("<!--"))
                    || text.starts_with("<![CDATA[")
                    || (self.in_prolog && bytes.get(2).is_some_and(u8::is_ascii_alphabetic))
            }
            (Some(b'<'), _) => letter(1) && !is_words(text),
            _ => false,
        }
    }

    /// Text up to the next `<` that begins something.
    fn take_text(&mut self) -> Token<'a> {
        let rest = self.rest();
        let mut from = 0;
        let end = loop {
            match memchr::memchr(b'<', &rest.as_bytes()[from..]) {
                None => break rest.len(),
                Some(n) if self.begins_markup(&rest[from + n..]) && from + n > 0 => break from + n,
                Some(n) => from += n + 1,
            }
        };
        self.at += end;
        Token::Text(&rest[..end])
    }

    fn take_cdata(&mut self) -> Token<'a> {
        let inside = &self.rest()[9..];
        let found = if self.cdata_ends { memchr::memmem::find(inside.as_bytes(), b"]]>") } else { None };
        if let Some(end) = found {
            self.at += 9 + end + 3;
            return Token::CData(&inside[..end]);
        }
        // Looked for once, not for every section: time stays linear.
        self.cdata_ends = false;
        // Never closed: it ends where the field does, so that one fault does not eat the rest.
        let end = end_of_field(inside).unwrap_or(inside.len());
        self.at += 9 + end;
        Token::CData(&inside[..end])
    }

    /// A document type: its internal entities are kept, external ones never fetched.
    fn take_doctype(&mut self) {
        let rest = self.rest();
        let close = rest.find('>').unwrap_or(rest.len());
        let Some(open) = rest[..close].find('[') else {
            self.at += (close + 1).min(rest.len());
            return;
        };
        let end = memchr::memmem::find(&rest.as_bytes()[open..], b"]>")
            .or_else(|| memchr::memchr(b']', &rest.as_bytes()[open..]));
        let subset = &rest[open..end.map_or(rest.len(), |n| open + n)];
        for declaration in subset.split("<!ENTITY").skip(1).take(256) {
            let declaration = declaration.trim_start();
            let Some((name, value)) = declaration.split_once(char::is_whitespace) else { continue };
            let value = value.trim_start();
            let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
            if let Some(end) = value[1..].find(quote) {
                self.entities.insert(name, &value[1..=end]);
            }
        }
        self.at += end.map_or(rest.len(), |n| open + n + 1);
        if !self.skip_past(">") {
            self.end();
        }
    }

    fn take_tag(&mut self) -> Token<'a> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let closing = bytes.get(1) == Some(&b'/');
        let start = if closing { 2 } else { 1 };
        let name_end = rest[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '<' | '='))
            .map_or(rest.len(), |n| start + n);
        let name = &rest[start..name_end];
        if closing {
            let end = rest[name_end..].find(['>', '<']).map_or(rest.len(), |n| name_end + n);
            let past = if bytes.get(end) == Some(&b'>') { end + 1 } else { end };
            self.at += past;
            return Token::End { name, markup: &rest[..past] };
        }
        let mut attributes = Vec::new();
        let mut at = name_end;
        let mut empty = false;
        loop {
            let ahead = &rest[at..];
            let gap = ahead.len() - ahead.trim_start().len();
            at += gap;
            match bytes.get(at) {
                None | Some(b'<') => break,
                Some(b'>') => {
                    at += 1;
                    break;
                }
                Some(b'/') => {
                    empty = bytes.get(at + 1) == Some(&b'>');
                    at += 1;
                }
                Some(_) => {
                    let (attribute, past) = attribute(rest, at);
                    at = past;
                    let new = attribute.filter(|(key, _)| {
                        is_name(key)
                            && attributes.len() < MOST_ATTRIBUTES
                            && !attributes.iter().any(|(known, _)| known == key)
                    });
                    if let Some((key, value)) = new {
                        attributes.push((key, self.decode(value)));
                    }
                }
            }
        }
        self.at += at;
        Token::Start { name, attributes, empty, markup: &rest[..at] }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.rest();
            if rest.is_empty() {
                return None;
            }
            if !self.begins_markup(rest) {
                return Some(self.take_text());
            }
            if rest.starts_with("<!--") {
                self.comments_end = self.skip_past("-->");
            } else if rest.starts_with("<![CDATA[") {
                return Some(self.take_cdata());
            } else if rest.starts_with("<?") {
                self.instructions_end = self.skip_past("?>");
            } else if rest.starts_with("<!") {
                self.take_doctype();
            } else {
                return Some(self.take_tag());
            }
        }
    }
}

/// Whether what looks like a tag is words: it runs into the next tag without an end, and has none of the `=` of
/// attributes.
fn is_words(text: &str) -> bool {
    match memchr::memchr2(b'<', b'>', &text.as_bytes()[1..]) {
        Some(n) if text.as_bytes()[n + 1] == b'<' => {
            let inside = text[1..=n].trim();
            inside.contains(char::is_whitespace) && !inside.contains(['=', '"', '\''])
        }
        _ => false,
    }
}

/// Whether a key can be written as one: quotes that stand alone cannot.
fn is_name(key: &str) -> bool {
    key.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}

/// Where the first long field ends in a text.
fn end_of_field(text: &str) -> Option<usize> {
    const ENDS: [&str; 5] = ["</description>", "</content:encoded>", "</title>", "</summary>", "</content>"];
    memchr::memmem::find_iter(text.as_bytes(), b"</").find(|at| ENDS.iter().any(|end| text[*at..].starts_with(end)))
}

/// Whether a value holds the end of a field, so that its own must have been left out.
fn ends_field(value: &str) -> bool {
    value.contains('<') && end_of_field(value).is_some()
}

/// The attribute at `at`, and where it ends.
fn attribute(text: &str, at: usize) -> (Option<(&str, &str)>, usize) {
    let rest = &text[at..];
    let key_end =
        rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '<') || c == '/').unwrap_or(rest.len());
    if key_end == 0 {
        // A stray mark, such as a lone quote.
        return (None, at + rest.chars().next().map_or(1, char::len_utf8));
    }
    let key = &rest[..key_end];
    let behind = rest[key_end..].trim_start();
    let Some(value) = behind.strip_prefix('=') else { return (Some((key, "")), at + key_end) };
    let value = value.trim_start();
    let from = text.len() - value.len();
    match value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => {
            match memchr::memchr(quote as u8, &value.as_bytes()[1..]).filter(|end| !ends_field(&value[1..=*end])) {
                Some(end) => (Some((key, &value[1..=end])), from + end + 2),
                // Never closed: the value ends with the tag.
                None => {
                    let end = value.find(['>', '<']).unwrap_or(value.len()).max(1);
                    (Some((key, &value[1..end])), from + end)
                }
            }
        }
        None => {
            let end = value.find(|c: char| c.is_whitespace() || matches!(c, '>' | '<')).unwrap_or(value.len());
            (Some((key, &value[..end])), from + end)
        }
    }
}

/// Decodes character references as HTML does: named ones, numbers in both bases, and the
/// Windows-1252 numbers that people meant. A `&` that begins none stays.
pub(super) fn decode_references(text: &str) -> Cow<'_, str> {
    htmlize::unescape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Vec<String> {
        Tokens::new(text)
            .map(|token| match token {
                Token::Start { name, attributes, empty, .. } => format!(
                    "<{name}{}{}>",
                    attributes.iter().map(|(k, v)| format!(" {k}={v}")).collect::<String>(),
                    if empty { "/" } else { "" }
                ),
                Token::End { name, .. } => format!("</{name}>"),
                Token::Text(text) => text.to_owned(),
                Token::CData(text) => format!("[{text}]"),
            })
            .collect()
    }

    #[test]
    fn broken_markup_is_read_as_it_was_meant() {
        for (text, expected) in [
            ("<a b='1' c=2 d e=\"&amp;\"/>", &["<a b=1 c=2 d= e=&/>"][..]),
            ("1 < 2 & 3 <b>", &["1 < 2 & 3 ", "<b>"]),
            ("<a b='x", &["<a b=x>"]),
            ("<a b='x'\" c'd=1 e=2>", &["<a b=x e=2>"]),
            ("<a <b>", &["<a>", "<b>"]),
            ("</a </b>", &["</a>", "</b>"]),
            ("<![CDATA[x]]>y<![CDATA[z", &["[x]", "y", "[z]"]),
            ("<!-- <a> --><?p <b> ?>x<!-- y", &["x", "<!-- y"]),
            ("1 <x and y</b>", &["1 <x and y", "</b>"]),
            ("<", &["<"]),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn declared_entities_are_known_and_bombs_are_not() {
        let text = "<!DOCTYPE r [<!ENTITY a 'x'><!ENTITY b '&a;&a;'><!ENTITY f SYSTEM 'file:///etc/passwd'>]><r>";
        let mut tokens = Tokens::new(text);
        assert_eq!(tokens.next().map(|t| matches!(t, Token::Start { .. })), Some(true));
        assert_eq!(tokens.decode("&b; &f; &lt; &nbsp;&#8217;"), "xx &f; < \u{a0}\u{2019}");
        let bomb: String = (0..9).map(|n| format!("<!ENTITY e{} '{}'>", n + 1, format!("&e{n};").repeat(10))).collect();
        let text = format!("<!DOCTYPE r [<!ENTITY e0 'aaaaaaaaaa'>{bomb}]><r>");
        let mut tokens = Tokens::new(&text);
        tokens.next();
        assert!(tokens.decode("&e9;").len() <= 2 * ENTITY_BUDGET);
    }
}
