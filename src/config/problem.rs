//! What is wrong with a feeds.toml, and where: every problem of a file at once.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::mask;
use crate::model::redact::{self, MASK};
use crate::model::source::Secret;

/// One thing wrong with a configuration file.
///
/// Whatever shows it (`Display`, `Debug`, JSON) shows it with secrets masked: the log, the status and its pages are
/// read by others than who wrote the file. [`ConfigError::unmasked`] is for the terminal of that person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters of the file, from 1.
    pub column: usize,
    /// The line itself, with secrets masked.
    pub text: String,
    /// The characters of `text` that are meant.
    #[serde(skip)]
    mark: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What was expected, or what to do.
    pub hint: String,
    /// The same as the file has it.
    #[serde(skip)]
    original: Original,
}

/// What a problem says before it is masked; nothing where that is the same.
type Original = Option<Box<Unmasked>>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Unmasked {
    text: Secret,
    mark: Range<usize>,
    message: Secret,
    hint: Secret,
}

/// A text of a configuration file, with what is secret in each of its lines.
pub(super) struct Lines<'a> {
    source: &'a str,
    lines: Vec<&'a str>,
    hidden: Vec<Vec<Range<usize>>>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, lines: source.lines().collect(), hidden: mask::hidden(source) }
    }
}

impl Problem {
    /// Places a problem at the byte range `span` of the file.
    pub(super) fn at(file: &Lines<'_>, span: Range<usize>, message: String, hint: String) -> Self {
        let (line, column) = position(file.source, span.start);
        let text = file.lines.get(line - 1).copied().unwrap_or_default();
        let meant = file.source.get(span.start..span.end.max(span.start)).unwrap_or_default();
        let width = meant.lines().next().map_or(1, |l| l.chars().count()).max(1);
        let mark = column - 1..column - 1 + width;
        let hidden = file.hidden.get(line - 1).map(Vec::as_slice).unwrap_or_default();
        let (shown, shown_mark) = mask::shown(text, hidden, mark.clone());
        // A message may quote what stands in the line.
        let secrets: Vec<&str> = hidden.iter().filter_map(|range| text.get(range.clone())).collect();
        let masked = |said: &str| {
            let quoted = secrets.iter().map(|secret| secret.trim()).filter(|secret| secret.len() >= SHORTEST_QUOTE);
            quoted.fold(redact::masked(said).into_owned(), |said, secret| said.replace(secret, MASK))
        };
        let (shown_message, shown_hint) = (masked(&message), masked(&hint));
        let original = (shown != text || shown_message != message || shown_hint != hint).then(|| {
            let (text, message, hint) = (Secret::new(text.to_owned()), Secret::new(message), Secret::new(hint));
            Box::new(Unmasked { text, mark, message, hint })
        });
        Self { line, column, text: shown, mark: shown_mark, message: shown_message, hint: shown_hint, original }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, file: &Path, unmasked: bool) -> fmt::Result {
        let (mut text, mut mark, mut message, mut hint) =
            (self.text.as_str(), &self.mark, self.message.as_str(), self.hint.as_str());
        if let Some(original) = self.original.as_ref().filter(|_| unmasked) {
            (text, mark) = (original.text.reveal(), &original.mark);
            (message, hint) = (original.message.reveal(), original.hint.reveal());
        }
        write!(f, "{}:{}:{}: {message}", file.display(), self.line, self.column)?;
        if !text.is_empty() {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            let indent: String = text
                .chars()
                .take(mark.start)
                .map(|c| match c {
                    '\t' => '\t',
                    c if c.len_utf8() > 2 => '\u{3000}',
                    _ => ' ',
                })
                .collect();
            write!(f, "\n {number} | {text}\n {gutter} | {indent}{}", "^".repeat(mark.len()))?;
        }
        if !hint.is_empty() {
            write!(f, "{}{hint}", if text.is_empty() { "; " } else { " " })?;
        }
        Ok(())
    }
}

/// Masked parts of a line that are shorter are not looked for in messages: they would be found in every word.
const SHORTEST_QUOTE: usize = 4;

/// Line and column, both from 1, of a byte offset.
pub(super) fn position(source: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &source[..offset];
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

/// Why a configuration file was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// All that is wrong with it, in the order of the lines.
    pub problems: Vec<Problem>,
    /// The files that it names and that were read with it: a change of one may mend it.
    pub files: Vec<PathBuf>,
}

impl ConfigError {
    /// A problem with the file as a whole.
    pub(super) fn whole(file: &Path, message: String, hint: &str) -> Self {
        let problem = Problem {
            line: 1,
            column: 1,
            text: String::new(),
            mark: 0..1,
            message,
            hint: hint.to_owned(),
            original: None,
        };
        Self { file: file.to_owned(), problems: vec![problem], files: Vec::new() }
    }

    /// The same with the lines as the file has them, secrets included: for the terminal of who wrote it only.
    #[must_use]
    pub fn unmasked(&self) -> impl fmt::Display {
        UnmaskedError(self)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, unmasked: bool) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            problem.write(f, &self.file, unmasked)?;
        }
        Ok(())
    }
}

struct UnmaskedError<'a>(&'a ConfigError);

impl fmt::Display for UnmaskedError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, true)
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    /// The form of a compiler: `file:line:column: message`, the line, a mark under it, the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        assert_eq!(position("a\n青浦 = 1", 0), (1, 1));
        assert_eq!(position("a\n青浦 = 1", 2 + 6 + 1), (2, 4));
        assert_eq!(position("a", 99), (1, 2));
    }

    #[test]
    fn a_problem_shows_the_line_and_marks_the_place() {
        let source = "[poll]\nevry = \"30m\"\n";
        let problem =
            Problem::at(&Lines::new(source), 7..11, "unknown key `evry`".into(), "did you mean `every`?".into());
        let error = ConfigError { file: "feeds.toml".into(), problems: vec![problem], files: Vec::new() };
        assert_eq!(
            error.to_string(),
            "feeds.toml:2:1: unknown key `evry`\n 2 | evry = \"30m\"\n   | ^^^^ did you mean `every`?"
        );
    }

    #[test]
    fn a_problem_shows_secrets_to_nobody_but_who_asks() -> Result<(), serde_json::Error> {
        let source = "feeds = { token = \"hunter22\", evry = 1 }\n";
        let said = "`hunter22` is bad, see https://u:hunter22@h/".to_owned();
        let at = source.find("evry").unwrap_or_default();
        let problem = Problem::at(&Lines::new(source), at..at + 4, said, String::new());
        let error = ConfigError { file: "feeds.toml".into(), problems: vec![problem], files: Vec::new() };
        let json = serde_json::to_string(&error.problems)?;
        for shown in [error.to_string(), format!("{error:?}"), json] {
            assert!(shown.contains("evry") && shown.contains("***") && !shown.contains("hunter22"), "{shown}");
        }
        let unmasked = error.unmasked().to_string();
        assert!(unmasked.contains(source.trim_end()), "{unmasked}");
        let mark = |text: &str| {
            let lines: Vec<&str> = text.lines().collect();
            lines[1].find("evry").is_some_and(|at| lines[2].find('^') == Some(at))
        };
        assert!(mark(&unmasked) && mark(&error.to_string()), "{error}");
        Ok(())
    }
}
