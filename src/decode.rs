//! Bytes and charset evidence -> [`Text`].
//!
//! In: the bytes of a document, what HTTP and feeds.toml say of their charset. Out: UTF-8 text
//! without BOM and XML declaration, and the charset that it was in. Never fails: what fits no
//! charset becomes U+FFFD and is told.
//!
//! Evidence in order: feeds.toml, BOM, HTTP, declaration or meta, detection (RFC 7303, section 3;
//! HTML, section 13.2.3). The first that decodes without error wins, so a lie is found out;
//! `gb2312` and `gbk` are read as GB18030, which holds both. What is plainly UTF-8 is UTF-8, whatever
//! a label says: `gb2312` on UTF-8 text would decode to mojibake without an error. Where none decodes without error,
//! the first under which nearly all bytes make sense wins: one bad byte must not change the language of the rest.

mod mixed;

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, DecoderResult, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252,
};

use crate::model::text::Text;
use mixed::Share;

/// How far into a document a declaration is looked for, bytes.
const PROLOG: usize = 1024;

/// Charsets of which one wrong byte disqualifies the whole document for the detector.
const MULTI_BYTE: [&Encoding; 5] = [GB18030, BIG5, SHIFT_JIS, EUC_KR, EUC_JP];

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
        // Markup in UTF-16 has zero bytes.
        http.and_then(|label| by_label(label.as_bytes())).filter(|it| !is_utf16(it) || prolog.contains(&0)),
        unmarked_utf16(prolog),
        // What could be read as ASCII to find the declaration is not UTF-16, whatever it says.
        declared.filter(|encoding| !is_utf16(encoding)),
        Some(UTF_8),
    ];
    for (place, encoding) in candidates.into_iter().enumerate().filter_map(|(n, e)| Some((n, e?))) {
        // A person's word and a BOM are believed; a label that was copied along is not.
        let is_lie = || is_utf8_after_all(bytes, encoding) || (encoding == WINDOWS_1252 && is_not_western(bytes));
        if place > 1 && encoding != UTF_8 && is_lie() {
            continue;
        }
        if let Some(text) = decode_exactly(bytes, encoding) {
            return wrap(text, encoding, false);
        }
    }
    if bom == Some(UTF_8) {
        return wrap(mixed::read(bytes), UTF_8, true);
    }
    fallback(bytes, &candidates)
}

/// Whether bytes that are said to be in a legacy charset are UTF-8: Western text never looks so by
/// chance, and Chinese, Japanese or Korean text does only for a few characters.
fn is_utf8_after_all(bytes: &[u8], stated: &'static Encoding) -> bool {
    if bytes.is_ascii() {
        return false;
    }
    let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
        // In Western text even one pair that looks like UTF-8 is none of its own; letters of other scripts stand in runs.
        return stated.is_single_byte() && Share::of(bytes).outweighs(if stated == WINDOWS_1252 { 1 } else { 4 });
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
        [0, 0, 0xfe, 0xff] => true,
        [0xff, 0xfe, 0, 0] => false,
        [0, 0, 0, first] if begins_document(*first) => true,
        [first, 0, 0, 0] if begins_document(*first) => false,
        _ => return None,
    };
    let unit = |unit: &[u8; 4]| if big { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) };
    Some(bytes.as_chunks::<4>().0.iter().map(|word| char::from_u32(unit(word)).unwrap_or('\u{fffd}')).collect())
}

/// Nothing fitted without error. `stated` are feeds.toml, BOM, HTTP, what the bytes show and the declaration, in order
/// of trust.
fn fallback<'a>(bytes: &'a [u8], stated: &[Option<&'static Encoding>]) -> Text<'a> {
    // A person's word holds whatever the bytes say.
    if let Some(configured) = stated.first().copied().flatten().filter(|encoding| *encoding != UTF_8) {
        return wrap(configured.decode_without_bom_handling(bytes).0, configured, true);
    }
    if let Some(wide) = stated.iter().copied().flatten().find(|encoding| is_utf16(encoding)) {
        return wrap(wide.decode_without_bom_handling(bytes).0, wide, true);
    }
    let share = Share::of(bytes);
    if share.outweighs(1) || share.is_ascii_with_pastes() {
        return wrap(mixed::read(bytes), UTF_8, true);
    }
    // A single-byte charset takes any byte, so that one fits is evidence of nothing.
    let wide = stated.iter().flatten().filter(|encoding| !encoding.is_single_byte() && **encoding != UTF_8);
    for encoding in wide {
        if let Some(text) = decode_nearly(bytes, encoding) {
            return wrap(text, encoding, true);
        }
    }
    let guessed = guess(bytes);
    if guessed.is_single_byte()
        && let Some((text, encoding)) = recognised(bytes)
    {
        return wrap(text, encoding, true);
    }
    match decode_tightly(bytes, guessed) {
        Some(text) => wrap(text, guessed, false),
        None => wrap(guessed.decode_without_bom_handling(bytes).0, guessed, true),
    }
}

fn is_utf16(encoding: &Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let guessed = detector.guess(None, Utf8Detection::Allow);
    if guessed == GBK { GB18030 } else { guessed }
}

/// Decodes where nearly every character fits; the others become U+FFFD.
fn decode_nearly(bytes: &[u8], encoding: &'static Encoding) -> Option<String> {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let (mut wide, mut wrong) = (0_usize, 0_usize);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        *(if matches!(c, '\u{fffd}' | '\u{80}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}') {
            &mut wrong
        } else {
            &mut wide
        }) += 1;
    }
    (wrong * 4 <= wide && wrong <= 1 + wide / 50).then(|| text.into_owned())
}

/// A multi-byte charset in which the document is but for a few bytes, and which the detector knows it by once those
/// are out.
fn recognised(bytes: &[u8]) -> Option<(String, &'static Encoding)> {
    MULTI_BYTE.into_iter().find_map(|encoding| {
        let text = decode_nearly(bytes, encoding)?;
        let sound: String = text.chars().filter(|c| *c != '\u{fffd}').collect();
        (guess(&encoding.encode(&sound).0) == encoding).then_some((text, encoding))
    })
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

/// UTF-16 without a BOM shows by the zero bytes around its first characters, which are ASCII in markup and in JSON (XML
/// 1.0, appendix F).
fn unmarked_utf16(prolog: &[u8]) -> Option<&'static Encoding> {
    match *prolog.first_chunk::<4>()? {
        [0, first, 0, second] if begins_document(first) && second != 0 => Some(UTF_16BE),
        [first, 0, second, 0] if begins_document(first) && second != 0 => Some(UTF_16LE),
        _ => None,
    }
}

fn begins_document(byte: u8) -> bool {
    matches!(byte, b'<' | b'{' | b' ' | b'\n' | b'\r' | b'\t')
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
        // Half a surrogate pair spoils one character.
        let spoilt = [&marked[..], &[0x00, 0xd8, b'x', 0]].concat();
        assert!(decode(&spoilt, None, None).as_str().contains("青浦工业园区"));
        for text in ["\n<rss>青浦</rss>", " {\"title\": \"青浦\"}", "{\"title\": \"青浦\"}"] {
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let widest: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
            for bytes in [big, widest] {
                assert!(decode(&bytes, None, None).as_str().contains("青浦"), "{text}");
            }
        }
        assert!(decode(rss("utf-8").as_bytes(), None, Some("utf-16")).as_str().contains("青浦"));
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
    fn one_bad_byte_decides_no_document() {
        let declared = |charset: &str, text: &[u8]| {
            let head = format!("<?xml version=\"1.0\" encoding=\"{charset}\"?><rss><channel><title>");
            [head.as_bytes(), text, b"</title></channel></rss>"].concat()
        };
        let cut = |text: &str| {
            let mut bytes = gb18030(text);
            bytes.pop();
            bytes
        };
        let long = "青浦工业园区开展调研，承载着托举全区经济大盘的重要使命";
        for (what, bytes, charset, text) in [
            ("a cut character at the end", declared("utf-8", b"\xe2\x80\x9cok\xe2\x80"), "UTF-8", "“ok\u{fffd}<"),
            (
                "latin-1 that is not",
                declared("iso-8859-1", b"d\xc3\xa9j\xc3\xa0 vu\xe2\x80"),
                "UTF-8",
                "déjà vu\u{fffd}<",
            ),
            (
                "latin-1 that is not, pasted",
                declared(
                    "iso-8859-1",
                    "Été “déjà” ".as_bytes().iter().copied().chain(*b"It\x92s").collect::<Vec<_>>().as_slice(),
                ),
                "UTF-8",
                "Été “déjà” It’s",
            ),
            (
                "latin-1 that is not, one of each",
                declared("iso-8859-1", b"caf\xc3\xa9, It\x92s"),
                "UTF-8",
                "café, It’s",
            ),
            ("pasted in ASCII", declared("utf-8", b"It\x92s \x93here\x94"), "UTF-8", "It’s “here”"),
            ("pasted, one accent", declared("utf-8", b"caf\xc3\xa9: It\x92s"), "UTF-8", "café: It’s"),
            ("GBK that says so", declared("gb2312", &cut(long)), "gb18030", "青浦工业园区"),
            ("GBK that says UTF-8", declared("utf-8", &cut(&long.repeat(3))), "gb18030", "青浦工业园区"),
            (
                "Western throughout",
                declared("utf-8", b"caf\xe9 d\xe9j\xe0 vu, \xe9t\xe9 \xe0 No\xebl, gar\xe7on"),
                "windows-1252",
                "café déjà vu",
            ),
        ] {
            let read = decode(&bytes, None, None);
            assert_eq!(read.charset(), charset, "{what}: {}", read.as_str());
            assert!(read.as_str().contains(text), "{what}: {}", read.as_str());
        }
    }

    #[test]
    fn pages_declare_in_a_meta() {
        for meta in ["<meta charset=\"gb2312\">", "<META http-equiv=Content-Type content='text/html; charset=GBK'>"] {
            let page = gb18030(&format!("<!DOCTYPE html><html><head>{meta}</head><body>青浦</body></html>"));
            assert!(decode(&page, None, None).as_str().contains("青浦"), "{meta}");
        }
    }
}
