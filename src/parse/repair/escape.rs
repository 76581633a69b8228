//! Text as it may stand in XML 1.0.

/// Escapes text for XML and leaves out what XML 1.0 forbids.
pub(super) fn escape_into(out: &mut String, text: &str) {
    let mut rest = text;
    // Spans without a mark are found at the speed of memory; between marks the gaps are short.
    while let Some(at) = rest.bytes().position(|b| MARKS[usize::from(b)]) {
        let (span, from) = rest.split_at(at);
        out.push_str(span);
        let (reference, taken) = match from.as_bytes()[0] {
            b'&' => ("&amp;", 1),
            b'<' => ("&lt;", 1),
            b'>' => ("&gt;", 1),
            b'"' => ("&quot;", 1),
            // U+FFFE and U+FFFF; the other characters of this row are full-width forms.
            0xef if is_noncharacter(from.as_bytes()) => ("", 3),
            0xef => (&from[..3], 3),
            _ => ("", 1),
        };
        out.push_str(reference);
        rest = &from[taken..];
    }
    out.push_str(rest);
}

/// Bytes that [`escape_into`] looks at.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let mut at = 0;
    while at < 32 {
        marks[at] = !matches!(at as u8, b'\t' | b'\n' | b'\r');
        at += 1;
    }
    marks[b'&' as usize] = true;
    marks[b'<' as usize] = true;
    marks[b'>' as usize] = true;
    marks[b'"' as usize] = true;
    marks[0xef] = true;
    marks
};

fn is_noncharacter(bytes: &[u8]) -> bool {
    matches!(bytes, [0xef, 0xbf, 0xbe | 0xbf, ..])
}

/// Whether XML 1.0 allows every character of a text.
fn is_allowed(text: &str) -> bool {
    // Without an early end the compiler makes wide steps of it.
    let controls = text.bytes().fold(0u8, |sum, b| sum | u8::from(b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r')));
    let bytes = text.as_bytes();
    controls == 0 && memchr::memmem::find_iter(bytes, b"\xef\xbf").all(|at| !is_noncharacter(&bytes[at..]))
}

/// Writes text as the inside of an element: as CDATA where there is something to escape, which the
/// strict readers take in whole.
pub(super) fn text_into(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    let ends_cdata = memchr::memmem::find(bytes, b"]]>").is_some();
    if ends_cdata || !is_allowed(text) {
        escape_into(out, text);
    } else if memchr::memchr2(b'<', b'&', bytes).is_some() {
        out.push_str("<![CDATA[");
        out.push_str(text);
        out.push_str("]]>");
    } else {
        out.push_str(text);
    }
}
