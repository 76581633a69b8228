//! What is wrong with a feeds.toml, and where: every problem of a file at once.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// One thing wrong with a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line itself.
    pub text: String,
    /// How many characters of the line are meant.
    #[serde(skip)]
    pub width: usize,
    /// What is wrong.
    pub message: String,
    /// What was expected, or what to do.
    pub hint: String,
}

impl Problem {
    /// Places a problem at the byte range `span` of `source`.
    pub(super) fn at(source: &str, span: Range<usize>, message: String, hint: String) -> Self {
        let (line, column) = position(source, span.start);
        let text = source.lines().nth(line - 1).unwrap_or_default().to_owned();
        let meant = source.get(span.start..span.end.max(span.start)).unwrap_or_default();
        let width = meant.lines().next().map_or(1, |l| l.chars().count()).max(1);
        Self { line, column, text, width, message, hint }
    }
}

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
}

impl ConfigError {
    /// A problem with the file as a whole.
    pub(super) fn whole(file: &Path, message: String, hint: &str) -> Self {
        let problem = Problem { line: 1, column: 1, text: String::new(), width: 1, message, hint: hint.to_owned() };
        Self { file: file.to_owned(), problems: vec![problem] }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    /// The form of a compiler: `file:line:column: message`, the line, a mark under it, the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:{}:{}: {}", self.file.display(), problem.line, problem.column, problem.message)?;
            if !problem.text.is_empty() {
                let number = problem.line.to_string();
                let gutter = " ".repeat(number.len());
                let indent: String = problem
                    .text
                    .chars()
                    .take(problem.column - 1)
                    .map(|c| {
                        if c == '\t' {
                            '\t'
                        } else if c.len_utf8() > 2 {
                            '\u{3000}'
                        } else {
                            ' '
                        }
                    })
                    .collect();
                write!(f, "\n {number} | {}\n {gutter} | {indent}{}", problem.text, "^".repeat(problem.width))?;
            }
            if !problem.hint.is_empty() {
                write!(f, "{}{}", if problem.text.is_empty() { "; " } else { " " }, problem.hint)?;
            }
        }
        Ok(())
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
        let problem = Problem::at(source, 7..11, "unknown key `evry`".into(), "did you mean `every`?".into());
        let error = ConfigError { file: "feeds.toml".into(), problems: vec![problem] };
        assert_eq!(
            error.to_string(),
            "feeds.toml:2:1: unknown key `evry`\n 2 | evry = \"30m\"\n   | ^^^^ did you mean `every`?"
        );
    }
}
