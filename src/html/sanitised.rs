//! HTML that runs nothing in any reader.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::ops::Deref;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::allowed::ALLOWED;
use super::characters::{self, with_references};
use super::{tree, walk};

/// The version of the sanitiser. It changes whenever less comes through than before: what was stored by another is then
/// sanitised again.
pub const SANITISER: &str = "2";

/// How often a body is parsed again until that changes nothing more; one round is what nearly all take.
const MOST_ROUNDS: usize = 4;

/// HTML on the allowlist: no script, style, form or frame, addresses of allowed schemes only, characters in NFC.
///
/// Only the sanitiser makes one, and nothing changes one: what is to be changed is taken apart, and what is put
/// together is sanitised. Sanitising it again gives the same, and so does a reader who normalises its characters
/// (NFC, NFKC) or drops invisible ones. Read from JSON it is sanitised again, unless [`restored`] knows better.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct SanitisedHtml(String);

impl SanitisedHtml {
    /// Of HTML that others wrote, relative links resolved against `base`; `None` where nothing is left to show. HTML
    /// that is nested too deep, or too costly to parse, becomes text.
    #[must_use]
    pub fn of_html(html: &str, base: Option<&Url>) -> Option<Self> {
        let html = characters::visible(html);
        let html = html.trim();
        if !html.contains(['<', '&']) {
            return Self::of_text(html);
        }
        Some(settled(parsed(html, base))).filter(|html| !html.is_empty())
    }

    /// Of text of one paragraph, in which line ends are white space.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let text = characters::clean(text);
        Some(Self(characters::as_html(text.trim()))).filter(|html| !html.is_empty())
    }

    /// Of literal text: empty lines part paragraphs, line ends break.
    #[must_use]
    pub fn of_lines(text: &str) -> Option<Self> {
        Some(Self(paragraphs(characters::clean(text).trim()))).filter(|html| !html.is_empty())
    }

    /// The HTML with a paragraph behind it: some words, then names in a row, linked where they have a web address.
    #[must_use]
    pub fn with_names(own: Option<&Self>, words: &str, names: &[(String, Option<&str>)], comma: &str) -> Self {
        let mut html = format!("<p>{}", characters::escaped(words));
        for (n, (name, url)) in names.iter().enumerate() {
            if n > 0 {
                html.push_str(&characters::escaped(comma));
            }
            let name = characters::escaped(name);
            match url {
                Some(url) => html.push_str(&format!("<a href=\"{}\">{name}</a>", characters::escaped(url))),
                None => html.push_str(&name),
            }
        }
        html.push_str("</p>");
        let behind = settled(parsed(&html, None));
        // Sanitised HTML ends every element it begins, so that one behind another means what each means alone.
        Self(format!("{}{behind}", own.map_or("", |own| own), behind = behind.0))
    }
}

impl Deref for SanitisedHtml {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SanitisedHtml {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<&str> for SanitisedHtml {
    fn from(html: &str) -> Self {
        Self::of_html(html, None).unwrap_or_default()
    }
}

impl From<String> for SanitisedHtml {
    fn from(html: String) -> Self {
        Self::from(html.as_str())
    }
}

/// HTML as our own walk writes it; text where it cannot be parsed within bounds.
fn parsed(html: &str, base: Option<&Url>) -> String {
    let written = tree::fragment(html).and_then(|tree| walk::written(&tree, base));
    written.unwrap_or_else(|| paragraphs(&tree::without_tags(html)))
}

/// The last step: the sanitiser, until it finds nothing to change. Markup that comes out otherwise each time it is
/// parsed is no markup to keep.
fn settled(mut html: String) -> SanitisedHtml {
    for _ in 0..MOST_ROUNDS {
        let trimmed = html.trim();
        let cleaned = ALLOWED.sanitiser.clean(&parted(trimmed)).to_string();
        let cleaned = with_references(&cleaned);
        if *cleaned == *trimmed {
            return SanitisedHtml(cleaned.into_owned());
        }
        html = parsed(&cleaned, None);
    }
    SanitisedHtml(paragraphs(&tree::plain_text(&html)))
}

/// The longest text that is written in one piece.
const PIECE: usize = 4096;

/// The same HTML to the sanitiser, long texts parted by empty comments, which it takes out. Its serialiser looks for the
/// next `<` of a text at every `&` and every character of Latin-1: the square of the length.
fn parted(html: &str) -> Cow<'_, str> {
    if html.len() < PIECE {
        return Cow::Borrowed(html);
    }
    let mut out = String::with_capacity(html.len() + html.len() / 256);
    let (mut in_tag, mut in_reference, mut length) = (false, false, 0);
    for c in html.chars() {
        if length >= PIECE && !in_tag && !in_reference && c != '<' {
            out.push_str("<!---->");
            length = 0;
        }
        match c {
            '<' => in_tag = true,
            '>' => (in_tag, length) = (false, 0),
            '&' => in_reference = true,
            ';' => in_reference = false,
            _ => {}
        }
        length += c.len_utf8();
        out.push(c);
    }
    Cow::Owned(out)
}

/// Plain text as HTML: escaped, empty lines part paragraphs, line ends break.
fn paragraphs(text: &str) -> String {
    let blocks: Vec<String> = text
        .split("\n\n")
        .map(|block| block.trim().lines().map(characters::as_html).collect::<Vec<_>>().join("<br>"))
        .filter(|block| !block.is_empty())
        .collect();
    match &blocks[..] {
        [one] => one.clone(),
        blocks => blocks.iter().map(|block| format!("<p>{block}</p>")).collect(),
    }
}

thread_local! {
    /// Whether what is being deserialised on this thread was written by this version of the sanitiser.
    static IS_CURRENT: Cell<bool> = const { Cell::new(false) };
}

impl<'de> Deserialize<'de> for SanitisedHtml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let html = String::deserialize(deserializer)?;
        Ok(if IS_CURRENT.get() { Self(html) } else { Self::from(html) })
    }
}

/// A value read back from the JSON that the store keeps.
#[derive(Debug)]
pub struct Restored<T> {
    /// The value; every [`SanitisedHtml`] in it holds what that type promises.
    pub value: T,
    /// Whether the JSON is as this version wrote it. What else is in the value may need healing where it is not.
    pub is_current: bool,
}

/// What JSON is stored with, to be known as the work of this version of the sanitiser: 16 bytes.
#[must_use]
pub fn stamp(json: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(SANITISER);
    hash.update([0]);
    hash.update(json);
    hash.finalize()[..16].to_vec()
}

/// Reads a value back from JSON. Its HTML is sanitised again unless `stamp` is that of this very JSON.
///
/// # Errors
/// Those of `serde_json`.
pub fn restored<T: DeserializeOwned>(json: &[u8], stamp: Option<&[u8]>) -> serde_json::Result<Restored<T>> {
    /// Sets back what it found, however reading ends.
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            IS_CURRENT.set(self.0);
        }
    }
    let is_current = stamp.is_some_and(|stamp| *stamp == *self::stamp(json));
    let reset = Reset(IS_CURRENT.replace(is_current));
    let value = serde_json::from_slice(json);
    drop(reset);
    Ok(Restored { value: value?, is_current })
}
