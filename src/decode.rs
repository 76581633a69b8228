//! Bytes and charset evidence -> [`Text`].
//!
//! In: the bytes of a document, what HTTP and feeds.toml say of their charset. Out: UTF-8 text
//! without BOM and XML declaration, and the charset that it was in. Never fails: what fits no
//! charset becomes U+FFFD and is told.
//!
//! Evidence in order: feeds.toml, BOM, HTTP, declaration or meta, detection (RFC 7303, section 3;
//! HTML, section 13.2.3). The first that decodes without error wins, so a lie is found out;
//! `gb2312` and `gbk` are read as GB18030, which holds both. What is plainly UTF-8 is UTF-8, whatever
//! a label says: `gb2312` on UTF-8 text would decode to mojibake without an error.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::model::text::Text;

/// How far into a document a declaration is looked for, bytes.
const PROLOG: usize = 1024;

/// Decodes `bytes`; `configured` and `http` are charset labels.
#[must_use]
pub fn decode<'a>(bytes: &'a [u8], configured: Option<&str>, http: Option<&str>) -> Text<'a> {
    if let Some(text) = utf32(bytes) {
        return wrap(text, UTF_8, false);
    }
    let bom = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let prolog = &bytes[..bytes.len().min(PROLOG)];
    let declared = declared_charset(prolog).and_then(|label| by_label(&label));
    let candidates = [
        configured.and_then(|label| by_label(label.as_bytes())),
        bom,
        http.and_then(|label| by_label(label.as_bytes())),
        unmarked_utf16(prolog),
        // What could be read as ASCII to find the declaration is not UTF-16, whatever it says.
        declared.filter(|encoding| *encoding != UTF_16LE && *encoding != UTF_16BE),
        Some(UTF_8),
    ];
    for (place, encoding) in candidates.into_iter().enumerate().filter_map(|(n, e)| Some((n, e?))) {
        // A person's word and a BOM are believed; a label that was copied along is not.
        let is_lie = || is_utf8_after_all(bytes, encoding) || (encoding == WINDOWS_1252 && is_not_western(bytes));
        if place > 1 && encoding != UTF_8 && is_lie() {
            continue;
        }
        match decode_exactly(bytes, encoding) {
            Some(text) if encoding == UTF_8 => {
                return wrap(undo_double(&text).map_or(text, Cow::Owned), encoding, false);
            }
            Some(text) => return wrap(text, encoding, false),
            None => {}
        }
    }
    if bom == Some(UTF_8) {
        return wrap(mostly_utf8(bytes), UTF_8, true);
    }
    fallback(bytes, candidates.into_iter().flatten().next())
}

/// Whether bytes that are said to be in a legacy charset are UTF-8: Western text never looks so by
/// chance, and Chinese, Japanese or Korean text does only for a few characters.
fn is_utf8_after_all(bytes: &[u8], stated: &'static Encoding) -> bool {
    let Some(text) = (!bytes.is_ascii()).then(|| simdutf8::basic::from_utf8(bytes).ok()).flatten() else {
        return false;
    };
    let enough = if stated.is_single_byte() { 1 } else { 6 };
    text.chars().filter(|c| !c.is_ascii()).take(enough).count() == enough
}

/// Whether bytes that are said to be Western are not: accents stand alone or in pairs, while the
/// letters of other scripts are all above ASCII and so stand in runs.
fn is_not_western(bytes: &[u8]) -> bool {
    let runs = bytes.split(u8::is_ascii).map(<[u8]>::len);
    let (in_runs, all) = runs.fold((0, 0), |(in_runs, all), run| (in_runs + if run >= 4 { run } else { 0 }, all + run));
    in_runs >= 8 && in_runs * 10 > all * 7
}

/// UTF-32, which the web's decoders do not know, by its BOM or its first markup.
fn utf32(bytes: &[u8]) -> Option<String> {
    let big = match bytes.first_chunk::<4>()? {
        [0, 0, 0xfe, 0xff] | [0, 0, 0, b'<'] => true,
        [0xff, 0xfe, 0, 0] | [b'<', 0, 0, 0] => false,
        _ => return None,
    };
    let unit = |unit: &[u8; 4]| if big { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) };
    Some(bytes.as_chunks::<4>().0.iter().map(|word| char::from_u32(unit(word)).unwrap_or('\u{fffd}')).collect())
}

/// Nothing fitted without error: the charset with the fewest wrong bytes wins. A few bad bytes in
/// declared UTF-8 must not turn the rest into another language.
fn fallback<'a>(bytes: &'a [u8], first: Option<&'static Encoding>) -> Text<'a> {
    let (mut bad, mut wide) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        bad += usize::from(!chunk.invalid().is_empty());
        wide += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
    }
    if bad <= wide / 8 || (bad <= 4 && wide == 0) {
        return wrap(mostly_utf8(bytes), UTF_8, true);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let guessed = detector.guess(None, Utf8Detection::Allow);
    let guessed = if guessed == GBK { GB18030 } else { guessed };
    if let Some(text) = decode_tightly(bytes, guessed) {
        return wrap(text, guessed, false);
    }
    let (decoded, errors) = guessed.decode_without_bom_handling(bytes);
    match first {
        Some(stated) if errors && stated != guessed && stated != UTF_8 => {
            let (other, _) = stated.decode_without_bom_handling(bytes);
            let worse = other.matches('\u{FFFD}').count() > decoded.matches('\u{FFFD}').count();
            if worse { wrap(decoded, guessed, true) } else { wrap(other, stated, true) }
        }
        _ => wrap(decoded, guessed, errors),
    }
}

/// UTF-8 with foreign bytes in it: in Western text they are Windows-1252 that was pasted in;
/// elsewhere nobody can know, and U+FFFD says so.
fn mostly_utf8(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let wide = bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).any(|c| c > '\u{2e7f}' && c != '\u{feff}');
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        match chunk.invalid() {
            [] => {}
            [byte] if *byte >= 0xa0 && !wide => out.push(char::from(*byte)),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

/// Text that was UTF-8, was taken for Windows-1252 and written as UTF-8 again: every character
/// beyond ASCII then stands for a byte, and the bytes are UTF-8. Nothing else looks so.
fn undo_double(text: &str) -> Option<String> {
    if text.is_ascii()
        || text.chars().any(|c| c > '\u{2122}')
        || !text.contains(['Ã', 'â', 'Â', 'å', 'æ', 'ç', 'è', 'é', 'ä'])
    {
        return None;
    }
    let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(text);
    if unmappable {
        return None;
    }
    let once = String::from_utf8(bytes.into_owned()).ok()?;
    (once.chars().count() < text.chars().count()).then_some(once)
}

fn by_label(label: &[u8]) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label(label)?;
    Some(if encoding == GBK { GB18030 } else { encoding })
}

/// Decodes where every byte fits.
fn decode_exactly<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Option<Cow<'a, str>> {
    if encoding == UTF_8 {
        return simdutf8::basic::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    let text = if bytes.is_ascii() && encoding.is_ascii_compatible() {
        simdutf8::basic::from_utf8(bytes).ok().map(Cow::Borrowed)?
    } else {
        Cow::Owned(decode_tightly(bytes, encoding)?)
    };
    // Single-byte charsets take any byte: C1 controls in the result show that it was another.
    let odd = encoding.is_single_byte() && text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}'));
    (!odd).then_some(text)
}

/// Decodes into hardly more memory than the text takes; the crate's own call sets aside three times
/// the document.
fn decode_tightly(bytes: &[u8], encoding: &'static Encoding) -> Option<String> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8 + 64);
    let mut at = 0;
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(&bytes[at..], &mut text, true);
        at += read;
        match result {
            DecoderResult::InputEmpty => break,
            DecoderResult::OutputFull => text.reserve((bytes.len() - at) * 3 / 2 + 64),
            DecoderResult::Malformed(..) => return None,
        }
    }
    text.shrink_to_fit();
    Some(text)
}

fn wrap<'a>(text: impl Into<Cow<'a, str>>, encoding: &'static Encoding, replaced: bool) -> Text<'a> {
    let text = text.into();
    let start = end_of_declaration(&text);
    Text::new(text, start, encoding.name(), replaced)
}

/// Where the document begins behind BOM, white space and XML declaration.
fn end_of_declaration(text: &str) -> usize {
    let body = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let start = text.len() - body.len();
    let is_declaration =
        body.starts_with("<?xml") && body[5..].starts_with(|c: char| c.is_ascii_whitespace() || c == '?');
    match (is_declaration, body.find("?>")) {
        (true, Some(end)) if end < PROLOG => start + end + 2,
        _ => start,
    }
}

/// The label in an XML declaration or an HTML `meta`, read as ASCII.
fn declared_charset(prolog: &[u8]) -> Option<Vec<u8>> {
    let body = prolog.trim_ascii_start();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.starts_with(b"<?xml") {
        let end = memchr::memmem::find(body, b"?>").unwrap_or(body.len());
        return attribute(&body[..end], b"encoding");
    }
    let lower = prolog.to_ascii_lowercase();
    memchr::memmem::find_iter(&lower, b"<meta").find_map(|at| {
        let end = memchr::memchr(b'>', &lower[at..]).map_or(lower.len(), |n| at + n);
        attribute(&lower[at..end], b"charset")
    })
}

/// The value behind `name=` in a tag, quoted or not; enough for `charset` inside `content="…"`.
fn attribute(tag: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::find(tag, name)? + name.len();
    let rest = tag[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end =
        rest.iter().position(|b| matches!(b, b'"' | b'\'' | b' ' | b';' | b'>' | b'/' | b'?')).unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].to_vec())
}

/// UTF-16 without a BOM shows by the zero bytes around its first markup (XML 1.0, appendix F).
fn unmarked_utf16(prolog: &[u8]) -> Option<&'static Encoding> {
    match prolog {
        [0, b'<', 0, second, ..] if *second != 0 => Some(UTF_16BE),
        [b'<', 0, second, 0, ..] if *second != 0 => Some(UTF_16LE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rss(charset: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"{charset}\"?>\n<rss><channel><title>青浦工业园区开展调研</title></channel></rss>"
        )
    }

    fn gb18030(text: &str) -> Vec<u8> {
        GB18030.encode(text).0.into_owned()
    }

    #[test]
    fn lies_are_found_out() {
        let cases: [(&str, Vec<u8>, Option<&str>, &str); 10] = [
            ("utf-8 that says gb2312, no HTTP", rss("gb2312").into_bytes(), None, "UTF-8"),
            ("utf-8 that says latin-1", rss("iso-8859-1").into_bytes(), Some("iso-8859-1"), "UTF-8"),
            ("plain", rss("utf-8").into_bytes(), None, "UTF-8"),
            ("utf-8 that says gb2312", rss("gb2312").into_bytes(), Some("utf-8"), "UTF-8"),
            ("gbk that says gbk", gb18030(&rss("gbk")), None, "gb18030"),
            ("gbk that says utf-8", gb18030(&rss("utf-8")), None, "GBK"),
            ("gbk, HTTP says utf-8", gb18030(&rss("gb2312")), Some("utf-8"), "gb18030"),
            ("gbk without a word", gb18030(&rss("gbk")[30..]), None, "GBK"),
            ("HTTP outranks", gb18030(&rss("big5")), Some("gb2312"), "gb18030"),
            ("BOM outranks", [b"\xef\xbb\xbf", rss("utf-16").as_bytes()].concat(), Some("gbk"), "UTF-8"),
        ];
        for (name, bytes, http, charset) in cases {
            let text = decode(&bytes, None, http);
            assert!(text.as_str().contains("青浦工业园区开展调研"), "{name}: {}", text.as_str());
            assert!(text.charset().eq_ignore_ascii_case(charset) || charset == "GBK", "{name}: {}", text.charset());
            assert!(!text.as_str().contains("<?xml"), "{name}");
        }
    }

    #[test]
    fn utf16_with_and_without_bom() {
        let wide: Vec<u8> = rss("utf-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(decode(&wide, None, None).as_str().contains("青浦"));
        let marked = [&[0xff, 0xfe][..], &wide].concat();
        assert!(decode(&marked, None, None).as_str().starts_with("\n<rss>"));
    }

    #[test]
    fn one_bad_byte_does_not_change_the_language() {
        let mut bytes = rss("utf-8").into_bytes();
        bytes.splice(60..60, [0xff]);
        let text = decode(&bytes, None, None);
        assert_eq!(text.charset(), "UTF-8");
        assert!(text.has_replacements() && text.as_str().contains("工业园区"));
    }

    #[test]
    fn pages_declare_in_a_meta() {
        for meta in ["<meta charset=\"gb2312\">", "<META http-equiv=Content-Type content='text/html; charset=GBK'>"] {
            let page = gb18030(&format!("<!DOCTYPE html><html><head>{meta}</head><body>青浦</body></html>"));
            assert!(decode(&page, None, None).as_str().contains("青浦"), "{meta}");
        }
    }
}
