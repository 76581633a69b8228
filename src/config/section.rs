//! Reads one table of a TOML document key by key, and collects what is wrong with it.
//!
//! In: a parsed table with positions. Out: typed values; problems go to a common list, so that
//! one run tells all of them. A key that nobody asked for is unknown.

use std::cell::RefCell;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Lines, Problem};
use super::units;

/// The source text, the problems found in it so far, and the files it names that were read.
pub(super) struct Findings<'a> {
    source: &'a str,
    list: RefCell<Vec<Finding>>,
    files: RefCell<Vec<PathBuf>>,
}

struct Finding {
    span: Range<usize>,
    message: String,
    hint: String,
}

impl<'a> Findings<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, list: RefCell::default(), files: RefCell::default() }
    }

    pub(super) fn add(&self, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.list.borrow_mut().push(Finding { span, message: message.into(), hint: hint.into() });
    }

    /// Reads a file that the text names, and notes it.
    pub(super) fn read(&self, path: PathBuf) -> std::io::Result<String> {
        let text = std::fs::read_to_string(&path);
        self.files.borrow_mut().push(path);
        text
    }

    /// The files that were read so far.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.files.borrow().clone()
    }

    /// Line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        super::problem::position(self.source, offset).0
    }

    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut list = self.list.into_inner();
        if list.is_empty() {
            return Vec::new();
        }
        list.sort_by_key(|finding| finding.span.start);
        let file = Lines::new(self.source);
        list.into_iter().map(|found| Problem::at(&file, found.span, found.message, found.hint)).collect()
    }
}

/// A value with the place it stands at.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// One table being read.
pub(super) struct Section<'a> {
    name: &'a str,
    span: Range<usize>,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
    findings: &'a Findings<'a>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        name: &'a str,
        span: Range<usize>,
        table: Option<&'a DeTable<'a>>,
        findings: &'a Findings<'a>,
    ) -> Self {
        Self { name, span, table, asked: Vec::new(), findings }
    }

    /// Where the table begins.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The raw value under `key`, which thereby becomes a known key.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table?.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// The value under `key` as `read` understands it; a problem naming `expected` where it does not.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Option<Found<T>> {
        let raw = self.raw(key)?;
        if let Some(value) = read(raw.get_ref()) {
            return Some(Found { value, span: raw.span() });
        }
        self.findings.add(
            raw.span(),
            format!("`{key}` in {} has a wrong value", self.name),
            format!("expected {expected}"),
        );
        None
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Found<String>> {
        self.get(key, "a text in quotes, not empty", |v| v.as_str().map(str::to_owned).filter(|s| !s.trim().is_empty()))
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.get(key, "true or false", |v| v.as_bool()).map(|f| f.value)
    }

    pub(super) fn duration(&mut self, key: &'static str) -> Option<Found<Duration>> {
        self.get(key, units::DURATION, |v| v.as_str().and_then(units::duration))
    }

    pub(super) fn size(&mut self, key: &'static str) -> Option<u64> {
        let read = |v: &DeValue<'_>| match v {
            DeValue::Integer(n) => n.as_str().parse().ok(),
            v => v.as_str().and_then(units::size),
        };
        self.get(key, units::SIZE, |v| read(v).filter(|&n| n > 0)).map(|f| f.value)
    }

    pub(super) fn count(&mut self, key: &'static str, limits: std::ops::RangeInclusive<usize>) -> Option<usize> {
        let expected = format!("a whole number from {} to {}", limits.start(), limits.end());
        self.get(key, &expected, |v| match v {
            DeValue::Integer(n) => n.as_str().replace('_', "").parse().ok().filter(|n| limits.contains(n)),
            _ => None,
        })
        .map(|f| f.value)
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let read = |v: &DeValue<'_>| {
            v.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        self.get(key, "a list of texts, such as [\"a\", \"b\"]", read).map(|f| f.value).unwrap_or_default()
    }

    /// One text, or a list of them.
    pub(super) fn one_or_more(&mut self, key: &'static str) -> Vec<String> {
        let list = |v: &DeValue<'_>| {
            v.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        let read = |v: &DeValue<'_>| v.as_str().map(|text| vec![text.to_owned()]).or_else(|| list(v));
        self.get(key, "a text, or a list of texts such as [\"a\", \"b\"]", read).map(|f| f.value).unwrap_or_default()
    }

    /// The table under `key`, empty where there is none.
    pub(super) fn table(&mut self, key: &'static str) -> Section<'a> {
        let found = self.raw(key);
        let table = found.and_then(|v| v.get_ref().as_table());
        if let (Some(value), None) = (found, table) {
            self.findings.add(
                value.span(),
                format!("`{key}` is not a table"),
                format!("expected [{key}] with keys under it"),
            );
        }
        Section::new(key, found.map_or(0..0, Spanned::span), table, self.findings)
    }

    /// Ends the reading: each key that was not asked for is unknown.
    pub(super) fn finish(self) {
        for (key, _) in self.table.into_iter().flatten() {
            let name = key.get_ref();
            if !self.asked.iter().any(|known| known == name) {
                self.findings.add(
                    key.span(),
                    format!("unknown key `{name}` in {}", self.name),
                    suggestion(name, &self.asked),
                );
            }
        }
    }
}

/// `did you mean …?` where a name is near enough, else the names there are.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .min()
        .filter(|(distance, k)| *distance <= (k.len().max(name.len()) / 2).max(1));
    match near {
        Some((_, k)) => format!("did you mean `{k}`?"),
        None => format!("expected one of {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn names_the_nearest_key() {
        assert_eq!(suggestion("evry", &["every", "timeout"]), "did you mean `every`?");
        assert_eq!(suggestion("colour", &["every", "timeout"]), "expected one of `every`, `timeout`");
    }
}
