//! Names of tags without what bad bytes left in them.

use std::borrow::Cow;

/// The text with only ASCII in the names of its tags: the vocabularies of feeds have no other names, and one byte that
/// was damaged in `<entry>` must not cost the entry. Takes linear time.
pub(super) fn without_bad_characters(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for at in memchr::memchr_iter(b'<', text.as_bytes()) {
        let begin = at + 1 + usize::from(text[at + 1..].starts_with('/'));
        let length = text[begin..].find(|c: char| c.is_ascii() && !is_name(c)).unwrap_or(text.len() - begin);
        let name = &text[begin..begin + length];
        if name.is_ascii() || !name.contains(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        out.push_str(&text[copied..begin]);
        out.extend(name.chars().filter(char::is_ascii));
        copied = begin + length;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::without_bad_characters;

    #[test]
    fn only_names_of_tags_lose_characters() {
        for (text, expected) in [
            ("<f\u{fffd}eed a='\u{fffd}'>\u{fffd}</fee\u{fffd}d>", "<feed a='\u{fffd}'>\u{fffd}</feed>"),
            ("<entryâ€><ÿid/>", "<entry><id/>"),
            ("a < \u{fffd}b <青浦> <", "a < \u{fffd}b <青浦> <"),
            ("<a>青浦</a>", "<a>青浦</a>"),
        ] {
            assert_eq!(without_bad_characters(text), expected, "{text}");
        }
    }
}
