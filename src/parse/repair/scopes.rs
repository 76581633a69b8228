//! Prefixes in scope, and what each name of a document means: looked up in the table once, until a declaration changes.

use std::borrow::Cow;
use std::collections::HashMap;

use super::folded;
use crate::parse::vocabulary::{Name, Vocabulary, by_custom, meaning, of_declaration};

/// Names that are remembered; a document with more is none of a feed's.
const MOST_NAMES: usize = 1024;

/// What a name means where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) vocabulary: Vocabulary,
    /// `None` where nothing of ours comes from it.
    pub(super) name: Option<Name>,
}

/// Prefixes in scope, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scopes<'a> {
    declared: Vec<(usize, &'a str, Vocabulary)>,
    looked_up: HashMap<&'a str, Resolved>,
    /// The prefix of the root.
    home: Option<(&'a str, Vocabulary)>,
}

impl<'a> Scopes<'a> {
    /// The names of a root are those of its format, whatever namespace it declares for them.
    pub(super) fn settle(&mut self, root: &'a str, vocabulary: Vocabulary) {
        self.home = Some((split(root).0, vocabulary));
        self.declared.clear();
        self.looked_up.clear();
    }

    /// Notes what an element at `depth` declares.
    pub(super) fn enter(&mut self, depth: usize, attributes: &[(&'a str, Cow<'a, str>)]) {
        self.leave(depth);
        for (key, value) in attributes {
            let prefix = if *key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            let Some(prefix) = prefix else { continue };
            let home = self.home.filter(|(home, _)| depth == 1 && *home == prefix).map(|(_, vocabulary)| vocabulary);
            self.declared.push((depth, prefix, home.unwrap_or_else(|| of_declaration(&folded(prefix), value))));
            self.looked_up.clear();
        }
    }

    /// Forgets what elements at `depth` and below declared.
    pub(super) fn leave(&mut self, depth: usize) {
        if self.declared.last().is_some_and(|(at, ..)| *at >= depth) {
            self.declared.retain(|(at, ..)| *at < depth);
            self.looked_up.clear();
        }
    }

    /// What a name means here.
    pub(super) fn resolve(&mut self, name: &'a str) -> Resolved {
        if let Some(known) = self.looked_up.get(name) {
            return *known;
        }
        let (prefix, local) = split(name);
        let found = self.declared.iter().rev().find(|(_, known, _)| *known == prefix);
        let vocabulary = found.map_or_else(|| by_custom(&folded(prefix)), |(.., vocabulary)| *vocabulary);
        let resolved = Resolved { vocabulary, name: meaning(vocabulary, &folded(local)) };
        if self.looked_up.len() >= MOST_NAMES {
            self.looked_up.clear();
        }
        self.looked_up.insert(name, resolved);
        resolved
    }
}

/// Prefix and local name.
fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}
