//! Which entry of a source an entry of a new document is: entries and what is known -> [`Verdict`].
//!
//! Within a source an entry is known by the publisher's id, else by its link, else by its text.
//! A key that several entries of one document share says nothing and is void for that document
//! (FreshRSS issue 5329, NewsBlur issue 1470). The names are digests: this stage never looks at
//! the store; it is asked with what the store found under the keys it gave.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::model::entry::Entry;

/// A digest that two entries share if, and only if, that feature of them is the same.
pub type Key = [u8; 16];

/// What an entry is known by, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The publisher's id.
    Id = 1,
    /// The link, in canonical spelling.
    Link = 2,
    /// Title and body.
    Text = 3,
}

/// The keys of one entry; `None` where it has no such feature or where it is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Of the publisher's id.
    pub id: Option<Key>,
    /// Of the link.
    pub link: Option<Key>,
    /// Of title and body.
    pub text: Key,
}

impl Keys {
    /// The keys there are, with their kinds.
    pub fn each(&self) -> impl Iterator<Item = (KeyKind, Key)> {
        let id = self.id.map(|key| (KeyKind::Id, key));
        let link = self.link.map(|key| (KeyKind::Link, key));
        id.into_iter().chain(link).chain([(KeyKind::Text, self.text)])
    }

    /// The strongest key, from which an id in the river is made.
    #[must_use]
    pub fn strongest(&self) -> Key {
        self.id.or(self.link).unwrap_or(self.text)
    }
}

/// The digest of a list of texts.
#[must_use]
pub fn digest(parts: &[&str]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

/// The keys of all entries of one document; `canonical` gives the spelling in which links compare.
#[must_use]
pub fn keys(entries: &[Entry], canonical: impl Fn(&str) -> String) -> Vec<Keys> {
    let mut keys: Vec<Keys> = entries
        .iter()
        .map(|entry| Keys {
            id: entry.publisher_id.as_deref().map(|id| digest(&[id])),
            link: entry.url.as_deref().map(|link| digest(&[&canonical(link)])),
            text: digest(&[&entry.title, entry.content_html.as_deref().unwrap_or_default()]),
        })
        .collect();
    let repeated_ids = repeated(keys.iter().filter_map(|k| k.id));
    let repeated_links = repeated(keys.iter().filter_map(|k| k.link));
    for (key, entry) in keys.iter_mut().zip(entries) {
        // The same entry twice in a document is one entry, not a void id.
        let void = |repeated: &HashMap<Key, usize>, key: &Option<Key>| key.is_some_and(|k| repeated.contains_key(&k));
        if void(&repeated_ids, &key.id) && !same_everywhere(entries, entry) {
            key.id = None;
        }
        if void(&repeated_links, &key.link) && key.id.is_none() && !same_everywhere(entries, entry) {
            key.link = None;
        }
    }
    keys
}

fn repeated(keys: impl Iterator<Item = Key>) -> HashMap<Key, usize> {
    let mut counts = HashMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    counts.retain(|_, count| *count > 1);
    counts
}

/// Whether all entries with this entry's id are telling the same thing under the same link.
fn same_everywhere(entries: &[Entry], entry: &Entry) -> bool {
    let others = entries.iter().filter(|other| other.publisher_id == entry.publisher_id && other.url == entry.url);
    others.clone().all(|other| other.title == entry.title)
        && entries
            .iter()
            .filter(|other| other.publisher_id.is_some() && other.publisher_id == entry.publisher_id)
            .all(|other| other.url == entry.url)
}

/// What is known of a stored entry that one of the keys led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its row in the store.
    pub row: i64,
    /// Its publisher's id.
    pub id: Option<Key>,
    /// Its title.
    pub title: String,
}

/// What an entry of a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not seen before.
    New,
    /// The stored entry with this row.
    Known(i64),
    /// Told by the document a second time.
    Repeated,
}

/// Decides the entries of one document one after the other.
#[derive(Debug, Default)]
pub struct Matcher {
    taken: HashSet<i64>,
    ids_here: HashSet<Key>,
}

impl Matcher {
    /// A matcher for a document whose entries have these keys.
    #[must_use]
    pub fn new(keys: &[Keys]) -> Self {
        Self { taken: HashSet::new(), ids_here: keys.iter().filter_map(|k| k.id).collect() }
    }

    /// Decides one entry; `find` looks a key up in the store.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn decide<E>(
        &mut self,
        entry: &Entry,
        keys: &Keys,
        mut find: impl FnMut(KeyKind, Key) -> Result<Option<Known>, E>,
    ) -> Result<Verdict, E> {
        if let Some(id) = keys.id
            && let Some(known) = find(KeyKind::Id, id)?
        {
            return Ok(self.take(known.row));
        }
        if let Some(link) = keys.link
            && let Some(known) = find(KeyKind::Link, link)?
            && self.same_link_is_same_entry(entry, keys, &known)
        {
            return Ok(self.take(known.row));
        }
        if keys.id.is_none()
            && keys.link.is_none()
            && let Some(known) = find(KeyKind::Text, keys.text)?
        {
            return Ok(self.take(known.row));
        }
        Ok(Verdict::New)
    }

    /// A shared link is proof where one side has no id, or where the id changed and the title did
    /// not; unless the entry that had the link stands in this document under its own id.
    fn same_link_is_same_entry(&self, entry: &Entry, keys: &Keys, known: &Known) -> bool {
        if self.taken.contains(&known.row)
            || known.id.is_some_and(|id| keys.id != Some(id) && self.ids_here.contains(&id))
        {
            return false;
        }
        keys.id.is_none() || known.id.is_none() || known.title == entry.title
    }

    fn take(&mut self, row: i64) -> Verdict {
        if self.taken.insert(row) { Verdict::Known(row) } else { Verdict::Repeated }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn entry(id: Option<&str>, url: Option<&str>, title: &str) -> Entry {
        Entry {
            publisher_id: id.map(str::to_owned),
            url: url.map(str::to_owned),
            title: title.to_owned(),
            ..Entry::default()
        }
    }

    /// Polls documents one after the other; gives the verdicts of the last.
    fn polls(documents: &[Vec<Entry>]) -> Vec<Verdict> {
        let mut stored: HashMap<(u8, Key), Known> = HashMap::new();
        let mut verdicts = Vec::new();
        let mut rows = 0;
        for document in documents {
            let keys = keys(document, str::to_owned);
            let mut matcher = Matcher::new(&keys);
            verdicts.clear();
            for (entry, keys) in document.iter().zip(&keys) {
                let verdict = matcher
                    .decide::<Infallible>(entry, keys, |kind, key| Ok(stored.get(&(kind as u8, key)).cloned()))
                    .unwrap_or(Verdict::New);
                if verdict == Verdict::New {
                    rows += 1;
                }
                let row = match verdict {
                    Verdict::Known(row) => row,
                    _ => rows,
                };
                for (kind, key) in keys.each() {
                    stored.insert((kind as u8, key), Known { row, id: keys.id, title: entry.title.clone() });
                }
                verdicts.push(verdict);
            }
        }
        verdicts
    }

    #[test]
    fn an_edited_entry_is_the_same_entry() {
        let first = vec![
            entry(Some("1"), Some("http://e/1"), "a"),
            entry(None, Some("http://e/2"), "b"),
            entry(None, None, "c"),
        ];
        let mut second = first.clone();
        second[0].title = "a, corrected".into();
        second[1].title = "b, corrected".into();
        assert_eq!(polls(&[first, second]), [Verdict::Known(1), Verdict::Known(2), Verdict::Known(3)]);
    }

    #[test]
    fn a_repeated_id_is_void() {
        let document: Vec<_> =
            (0..3).map(|n| entry(Some("same"), Some(&format!("http://e/{n}")), &format!("t{n}"))).collect();
        assert_eq!(polls(std::slice::from_ref(&document)), [Verdict::New; 3]);
        assert_eq!(polls(&[document.clone(), document]), [Verdict::Known(1), Verdict::Known(2), Verdict::Known(3)]);
    }

    #[test]
    fn new_ids_for_the_same_links_and_titles_are_no_news() {
        let document = |salt: &str| {
            (0..3)
                .map(|n| entry(Some(&format!("{salt}{n}")), Some(&format!("http://e/{n}")), &format!("t{n}")))
                .collect::<Vec<_>>()
        };
        assert_eq!(polls(&[document("a"), document("b")]), [Verdict::Known(1), Verdict::Known(2), Verdict::Known(3)]);
    }

    #[test]
    fn one_link_for_many_ids_joins_nothing() {
        let first = vec![entry(Some("1"), Some("http://e/live"), "a")];
        let second = vec![entry(Some("2"), Some("http://e/live"), "a"), entry(Some("1"), Some("http://e/live"), "a")];
        assert_eq!(polls(&[first, second]), [Verdict::New, Verdict::Known(1)]);
    }

    #[test]
    fn the_same_entry_twice_in_a_document_is_one() {
        let twice = vec![entry(Some("1"), Some("http://e/1"), "a"), entry(Some("1"), Some("http://e/1"), "a")];
        assert_eq!(polls(&[vec![twice[0].clone()], twice]), [Verdict::Known(1), Verdict::Repeated]);
    }
}
