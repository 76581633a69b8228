//! Decoded text: UTF-8 by construction, with the charset that it came from.

use std::borrow::Cow;

/// Text of a document after decoding.
///
/// Only `decode` makes one from bytes, so no parser can be handed undecoded bytes. A document that
/// is UTF-8 already is borrowed, not copied.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    content: Cow<'a, str>,
    start: usize,
    charset: &'static str,
    replaced: bool,
}

impl<'a> Text<'a> {
    /// Wraps decoded `content`; what stands before byte `start` (a BOM, an XML declaration whose
    /// encoding no longer holds) is not shown to parsers. `replaced` says that some bytes did not
    /// fit the charset and became U+FFFD.
    pub(crate) fn new(content: Cow<'a, str>, start: usize, charset: &'static str, replaced: bool) -> Self {
        let start = if content.is_char_boundary(start) { start } else { 0 };
        Self { content, start, charset, replaced }
    }

    /// The text, without byte order mark and XML declaration.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.content[self.start..]
    }

    /// WHATWG name of the charset that the bytes were in, such as `UTF-8` or `gb18030`.
    #[must_use]
    pub fn charset(&self) -> &'static str {
        self.charset
    }

    /// Whether bytes were replaced by U+FFFD because they are none of the charset's.
    #[must_use]
    pub fn has_replacements(&self) -> bool {
        self.replaced
    }
}

/// Bytes in hexadecimal, as digests are shown.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
