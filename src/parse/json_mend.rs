//! JSON as it is sent -> values: strictly first, and mended where it is broken.
//!
//! Mended are half surrogate pairs, bare control characters, unknown escapes, commas before a closing bracket,
//! comments, numbers that are none; and of a document that breaks off, every element of its outer array that arrived
//! whole counts. One pass, linear in the input.

use serde::de::DeserializeOwned;

/// Brackets inside each other that are followed; `serde_json` reads no deeper ones.
const DEEPEST: usize = 128;

/// Reads a document; what was mended in it, in words.
///
/// # Errors
/// What the strict reader says, where mending does not help.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<(T, Vec<String>), String> {
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok((value, Vec::new())),
        Err(error) => error.to_string(),
    };
    let Some(mended) = mend(text) else { return Err(error) };
    match serde_json::from_str(&mended.text) {
        Ok(value) => {
            let mut warnings = vec![format!("broken JSON was mended: {error}")];
            warnings.extend(mended.broken_off.then(|| "the document breaks off".to_owned()));
            Ok((value, warnings))
        }
        Err(_) => Err(error),
    }
}

/// A document without what breaks it.
#[derive(Default)]
struct Mended {
    text: String,
    broken_off: bool,
}

fn mend(text: &str) -> Option<Mended> {
    let mut mender = Mender { rest: text, out: String::with_capacity(text.len()), open: Vec::new(), whole: None };
    while let Some(c) = mender.rest.chars().next() {
        match c {
            '"' => mender.string(),
            '{' | '[' => {
                if mender.open.len() == DEEPEST {
                    return None;
                }
                mender.open.push(if c == '{' { '}' } else { ']' });
                mender.take(c);
            }
            '}' | ']' => {
                mender.drop_comma();
                // What closes nothing that is open is not there.
                if mender.open.last() == Some(&c) {
                    mender.open.pop();
                    mender.take(c);
                    mender.note_whole();
                    if mender.open.is_empty() {
                        return Some(Mended { text: mender.out, broken_off: false });
                    }
                } else {
                    mender.skip(1);
                }
            }
            '/' => mender.comment(),
            c if c.is_whitespace() || matches!(c, ',' | ':') => mender.take(c),
            _ => mender.word(),
        }
    }
    let (end, closing) = mender.whole?;
    mender.out.truncate(end);
    mender.out.push_str(&closing);
    Some(Mended { text: mender.out, broken_off: true })
}

struct Mender<'a> {
    rest: &'a str,
    out: String,
    /// What closes the brackets that are open.
    open: Vec<char>,
    /// Where the last whole element of an outer array ends, and what closes the document there.
    whole: Option<(usize, String)>,
}

impl Mender<'_> {
    fn take(&mut self, c: char) {
        self.out.push(c);
        self.rest = &self.rest[c.len_utf8()..];
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn drop_comma(&mut self) {
        let end = self.out.trim_end().len();
        if self.out[..end].ends_with(',') {
            self.out.truncate(end - 1);
        }
    }

    /// Notes the end of an element of an array that is the document or a member of it.
    fn note_whole(&mut self) {
        if matches!(self.open[..], [']'] | ['}', ']']) {
            self.whole = Some((self.out.len(), self.open.iter().rev().collect()));
        }
    }

    /// A string; one that does not end is left out, with what stands open.
    fn string(&mut self) {
        self.take('"');
        loop {
            let end = self.rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(self.rest.len());
            self.out.push_str(&self.rest[..end]);
            self.skip(end);
            match self.rest.chars().next() {
                None => return,
                Some('"') => return self.take('"'),
                Some('\\') => self.escape(),
                Some(control) => {
                    self.out.push_str(match control {
                        '\n' => "\\n",
                        '\t' => "\\t",
                        _ => " ",
                    });
                    self.skip(1);
                }
            }
        }
    }

    fn escape(&mut self) {
        let code = |text: &str| u32::from_str_radix(text.get(..6)?.strip_prefix("\\u")?, 16).ok();
        match self.rest.as_bytes().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.out.push_str(&self.rest[..2]);
                self.skip(2);
            }
            Some(b'u') => match (code(self.rest), self.rest.get(6..).and_then(code)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => {
                    self.out.push_str(&self.rest[..12]);
                    self.skip(12);
                }
                // Half a pair is no character.
                (Some(0xd800..=0xdfff), _) => {
                    self.out.push('\u{fffd}');
                    self.skip(6);
                }
                (Some(_), _) => {
                    self.out.push_str(&self.rest[..6]);
                    self.skip(6);
                }
                (None, _) => {
                    self.out.push('\u{fffd}');
                    self.skip(2);
                }
            },
            // `\'` and its like mean what stands behind the stroke.
            _ => self.skip(1),
        }
    }

    fn comment(&mut self) {
        let length = if self.rest.starts_with("//") {
            self.rest.find('\n').unwrap_or(self.rest.len())
        } else if self.rest.starts_with("/*") {
            self.rest.find("*/").map_or(self.rest.len(), |end| end + 2)
        } else {
            1
        };
        self.skip(length);
    }

    /// A number or one of the three words; anything else says nothing.
    fn word(&mut self) {
        let end = self.rest.find(|c: char| c.is_whitespace() || ",:[]{}\"/".contains(c)).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        let is_known = matches!(word, "true" | "false" | "null")
            || serde_json::from_str::<serde_json::Number>(word)
                .is_ok_and(|number| number.as_f64().is_none_or(f64::is_finite));
        self.out.push_str(if is_known { word } else { "null" });
        self.skip(end);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn broken_json_says_what_it_can() -> Result<(), String> {
        for (text, value) in [
            (r#"{"a":"\ud83d x \ud83d\ude00 \u12"}"#, json!({"a": "\u{fffd} x 😀 \u{fffd}12"})),
            ("{\"a\":\"one\ntwo\u{1}\"}", json!({"a": "one\ntwo "})),
            (r#"{"a":[1,2,],"b":"it\'s",}"#, json!({"a": [1, 2], "b": "it's"})),
            ("{\"a\": 1e999, \"b\": NaN, // why\n \"c\": /* */ 007}", json!({"a": null, "b": null, "c": null})),
            (
                r#"{"v":1,"items":[{"id":"1"},{"id":"2","x":[{}]},{"id":"3"#,
                json!({"v": 1, "items": [{"id": "1"}, {"id": "2", "x": [{}]}]}),
            ),
            (r#"[{"id":"1"},{"id":"#, json!([{"id": "1"}])),
            (r#"{"a":1} trailing"#, json!({"a": 1})),
        ] {
            let (read, warnings) = read::<Value>(text)?;
            assert_eq!((read, warnings.is_empty()), (value, false), "{text}");
        }
        assert_eq!(read::<Value>("{\"a\":1}")?, (json!({"a": 1}), Vec::new()));
        for hopeless in ["{", "{\"a\":", "\"", "", "{\"a\" 1 2}"] {
            assert!(read::<Value>(hopeless).is_err(), "{hopeless}");
        }
        assert!(read::<Value>(&"[".repeat(100_000)).is_err());
        Ok(())
    }

    proptest! {
        #[test]
        fn any_text_is_taken_and_grows_by_a_bounded_factor(text in "[{}\\[\\],:\"\\\\u0-9a-f d8c\\n/*中]{0,60}") {
            let mended = mend(&text).map_or(0, |mended| mended.text.len());
            prop_assert!(mended <= 4 * text.len() + DEEPEST);
        }

        #[test]
        fn what_breaks_off_keeps_what_was_whole(count in 1usize..9, cut in 0usize..200) {
            let items: Vec<Value> = (0..count).map(|n| json!({"id": n.to_string(), "t": "青浦"})).collect();
            let whole = json!({"version": "1", "items": items}).to_string();
            let cut = whole.floor_char_boundary(cut.min(whole.len() - 1));
            if let Ok((value, _)) = read::<Value>(&whole[..cut]) {
                let kept = value["items"].as_array().cloned().unwrap_or_default();
                prop_assert!(kept.iter().zip(&items).all(|(a, b)| a == b), "{value}");
            }
        }
    }
}
