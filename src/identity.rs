//! Which entry of a source an entry of a new document is: entries and what is known -> [`Verdict`].
//!
//! Within a source an entry is known by the publisher's id, else by its link, else by its text. Where
//! publishers change id and link together (both carry a slug of the headline), it is known by its
//! body, or by the second in which it was published under nearly the same title. A body says so only where
//! date and numbers do not speak against it: a daily brief has the same excerpt every day, and is news
//! every day; so is a text that comes again under another link with another date. An id that comes
//! back with another link, another title and another body is used again for other news.
//! A key that several entries of one document share says nothing and is void for that document
//! (FreshRSS issue 5329, NewsBlur issue 1470). The names are digests: this stage never looks at
//! the store; it is asked with what the store found under the keys it gave.

use std::collections::{HashMap, HashSet};

use chrono::Timelike;
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
    /// The body alone, where it is long enough to name an entry.
    Body = 4,
    /// The second of publication.
    Moment = 5,
}

/// Characters of the shortest body that names an entry.
const SHORTEST_BODY: usize = 40;

/// Titles that share this much of their pairs of characters are one title, edited.
const EDITED: f64 = 0.5;

/// Titles that share less have nothing to do with each other.
const UNRELATED: f64 = 0.15;

/// The keys of one entry; `None` where it has no such feature or where it is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Of the publisher's id.
    pub id: Option<Key>,
    /// Of the link.
    pub link: Option<Key>,
    /// Of title and body.
    pub text: Key,
    /// Of the body alone.
    pub body: Option<Key>,
    /// Of the second of publication.
    pub moment: Option<Key>,
}

impl Keys {
    /// The keys there are, with their kinds.
    pub fn each(&self) -> impl Iterator<Item = (KeyKind, Key)> {
        let id = self.id.map(|key| (KeyKind::Id, key));
        let link = self.link.map(|key| (KeyKind::Link, key));
        let body = self.body.map(|key| (KeyKind::Body, key));
        let moment = self.moment.map(|key| (KeyKind::Moment, key));
        id.into_iter().chain(link).chain([(KeyKind::Text, self.text)]).chain(body).chain(moment)
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
            body: entry
                .content_html
                .as_deref()
                .filter(|html| html.chars().count() >= SHORTEST_BODY)
                .map(|html| digest(&["body", html])),
            // Midnight is a day, not a moment.
            moment: entry
                .published
                .filter(|date| date.num_seconds_from_midnight() != 0)
                .map(|date| digest(&["moment", &date.timestamp().to_string()])),
        })
        .collect();
    let repeated_ids = repeated(keys.iter().filter_map(|k| k.id));
    let repeated_links = repeated(keys.iter().filter_map(|k| k.link));
    let repeated_bodies = repeated(keys.iter().filter_map(|k| k.body));
    let repeated_moments = repeated(keys.iter().filter_map(|k| k.moment));
    for key in &mut keys {
        key.body = key.body.filter(|body| !repeated_bodies.contains_key(body));
        key.moment = key.moment.filter(|moment| !repeated_moments.contains_key(moment));
    }
    let uniform = Uniform::of(entries);
    for (key, entry) in keys.iter_mut().zip(entries) {
        // The same entry twice in a document is one entry, not a void id.
        let void = |repeated: &HashMap<Key, usize>, key: &Option<Key>| key.is_some_and(|k| repeated.contains_key(&k));
        if void(&repeated_ids, &key.id) && !uniform.holds(entry) {
            key.id = None;
        }
        if void(&repeated_links, &key.link) && key.id.is_none() && !uniform.holds(entry) {
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

/// Which ids and links stand for one entry only, however often a document repeats it; made in one pass, since a
/// document may repeat one id in each of its entries.
struct Uniform<'e> {
    /// By id: the link of the first entry that has it; `None` where another has another link.
    links: HashMap<&'e str, Option<Option<&'e str>>>,
    /// By id and link: the title of the first entry that has both; `None` where another has another title.
    titles: HashMap<(Option<&'e str>, Option<&'e str>), Option<&'e str>>,
}

impl<'e> Uniform<'e> {
    fn of(entries: &'e [Entry]) -> Self {
        let mut uniform = Self { links: HashMap::new(), titles: HashMap::new() };
        for entry in entries {
            let (id, link) = (entry.publisher_id.as_deref(), entry.url.as_deref());
            if let Some(id) = id {
                let known = uniform.links.entry(id).or_insert(Some(link));
                *known = known.filter(|known| *known == link);
            }
            let known = uniform.titles.entry((id, link)).or_insert(Some(&entry.title));
            *known = known.filter(|known| *known == entry.title);
        }
        uniform
    }

    /// Whether all entries with this entry's id tell the same thing under the same link.
    fn holds(&self, entry: &Entry) -> bool {
        let (id, link) = (entry.publisher_id.as_deref(), entry.url.as_deref());
        let one = |found: Option<bool>| found.unwrap_or(true);
        one(self.titles.get(&(id, link)).map(Option::is_some))
            && one(id.and_then(|id| self.links.get(id)).map(Option::is_some))
    }
}

/// What is known of a stored entry that one of the keys led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingEntry {
    /// Its row in the store.
    pub row: i64,
    /// Its publisher's id.
    pub id: Option<Key>,
    /// Its title.
    pub title: String,
    /// When it was published, seconds since 1970, where that is known.
    pub published: Option<i64>,
    /// Whether it is known by the link that is asked about.
    pub same_link: bool,
    /// Whether it is known by the body that is asked about.
    pub same_body: bool,
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
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k Keys>) -> Self {
        Self { taken: HashSet::new(), ids_here: keys.into_iter().filter_map(|k| k.id).collect() }
    }

    /// Decides one entry; `find` looks a key up in the store.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn decide<E>(
        &mut self,
        entry: &Entry,
        keys: &Keys,
        mut find: impl FnMut(KeyKind, Key) -> Result<Option<ExistingEntry>, E>,
    ) -> Result<Verdict, E> {
        if let Some(id) = keys.id
            && let Some(known) = find(KeyKind::Id, id)?
        {
            if is_used_again(entry, keys, &known) {
                return Ok(Verdict::New);
            }
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
        if let Some(body) = keys.body
            && let Some(known) = find(KeyKind::Body, body)?
            && self.has_left(&known)
            && likeness(&known.title, &entry.title) > UNRELATED
            && !is_another_issue(entry, &known)
        {
            return Ok(self.take(known.row));
        }
        if let Some(moment) = keys.moment
            && let Some(known) = find(KeyKind::Moment, moment)?
            && self.has_left(&known)
            && likeness(&known.title, &entry.title) >= EDITED
            && numbers(&known.title) == numbers(&entry.title)
        {
            return Ok(self.take(known.row));
        }
        Ok(Verdict::New)
    }

    /// Whether a known entry stands in this document under no name of its own, so that it may have
    /// got another.
    fn has_left(&self, known: &ExistingEntry) -> bool {
        !self.taken.contains(&known.row) && known.id.is_none_or(|id| !self.ids_here.contains(&id))
    }

    /// A shared link is proof where one side has no id, or where the id changed and the title did
    /// not; unless the entry that had the link stands in this document under its own id.
    fn same_link_is_same_entry(&self, entry: &Entry, keys: &Keys, known: &ExistingEntry) -> bool {
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

/// Whether a publisher gives an old id to other news: another link, another title, another body.
fn is_used_again(entry: &Entry, keys: &Keys, known: &ExistingEntry) -> bool {
    keys.link.is_some()
        && !known.same_link
        && !known.same_body
        && !entry.title.is_empty()
        && !known.title.is_empty()
        && likeness(&entry.title, &known.title) < UNRELATED
}

/// Whether an entry with the body of a known one is the next of its kind: of another date, or with other
/// numbers in its title.
fn is_another_issue(entry: &Entry, known: &ExistingEntry) -> bool {
    let published = entry.published.map(|date| date.timestamp());
    let other_date = published.zip(known.published).is_some_and(|(a, b)| a != b);
    other_date || numbers(&known.title) != numbers(&entry.title)
}

/// The digits of a title: numbered items of one batch differ in nothing else.
fn numbers(title: &str) -> String {
    title.chars().filter(char::is_ascii_digit).collect()
}

/// Shared pairs of neighbouring letters and digits against all of them (Jaccard).
fn likeness(a: &str, b: &str) -> f64 {
    let pairs = |text: &str| -> HashSet<(char, char)> {
        let letters: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let (a, b) = (pairs(a), pairs(b));
    let shared = a.intersection(&b).count();
    let all = a.len() + b.len() - shared;
    if all == 0 { 1.0 } else { shared as f64 / all as f64 }
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
        /// Row, id, title and date of an entry.
        type Row = (i64, Option<Key>, String, Option<i64>);
        let mut stored: HashMap<(u8, Key), Row> = HashMap::new();
        let mut verdicts = Vec::new();
        let mut rows = 0;
        for document in documents {
            let keys = keys(document, str::to_owned);
            let mut matcher = Matcher::new(&keys);
            verdicts.clear();
            for (entry, keys) in document.iter().zip(&keys) {
                let verdict = matcher
                    .decide::<Infallible>(entry, keys, |kind, key| {
                        let of = |kind: KeyKind, key: Option<Key>| key.and_then(|key| stored.get(&(kind as u8, key)));
                        Ok(of(kind, Some(key)).map(|(row, id, title, published)| ExistingEntry {
                            row: *row,
                            id: *id,
                            title: title.clone(),
                            published: *published,
                            same_link: of(KeyKind::Link, keys.link).is_some_and(|found| found.0 == *row),
                            same_body: of(KeyKind::Body, keys.body).is_some_and(|found| found.0 == *row),
                        }))
                    })
                    .unwrap_or(Verdict::New);
                if verdict == Verdict::New {
                    rows += 1;
                }
                let row = match verdict {
                    Verdict::Known(row) => row,
                    _ => rows,
                };
                let published = entry.published.map(|date| date.timestamp());
                for (kind, key) in keys.each() {
                    stored.insert((kind as u8, key), (row, keys.id, entry.title.clone(), published));
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

    const BODY: &str = "一篇正文,长到足以认出它来,讲的是青浦工业园区的调研,还有区里的领导和企业的代表,一共二百多字。";

    #[test]
    fn an_entry_whose_id_and_link_follow_its_headline_is_the_same() {
        let told = |slug: &str, title: &str, body: &str| Entry {
            content_html: Some(body.into()),
            published: chrono::DateTime::parse_from_rfc3339("2023-04-24T10:05:07+08:00").ok(),
            ..entry(Some(&format!("http://e/{slug}")), Some(&format!("http://e/{slug}")), title)
        };
        let first = vec![told("park-visit", "区领导赴工业园区调研", BODY)];
        let edited = vec![told("leaders-visit-park", "区领导赴青浦工业园区开展调研", BODY)];
        assert_eq!(polls(&[first.clone(), edited]), [Verdict::Known(1)]);
        let rewritten = vec![told(
            "leaders-visit-park",
            "区领导赴青浦工业园区调研",
            "另一篇正文,改写过了,长度也足够,但没有一句和原来的相同,所以只有时间和标题还能认出它。",
        )];
        assert_eq!(polls(&[first.clone(), rewritten]), [Verdict::Known(1)]);
        let other = vec![told(
            "lithium",
            "天齐锂业:有客户进入供应链",
            "锂业的新闻,在同一秒发布,正文是另一篇,标题也是另一个,所以它是一条新的消息,不是旧的。",
        )];
        assert_eq!(polls(&[first, other]), [Verdict::New]);
    }

    #[test]
    fn a_daily_brief_with_the_same_excerpt_is_a_new_entry() {
        let brief = |day: u32, title: &str, date: Option<&str>| Entry {
            content_html: Some(BODY.into()),
            published: date.and_then(|date| chrono::DateTime::parse_from_rfc3339(date).ok()),
            ..entry(Some(&format!("brief-{day}")), Some(&format!("http://e/{day}")), title)
        };
        let dated = |day: u32| vec![brief(day, "每日财经早餐", Some(&format!("2023-04-{day}T07:00:00+08:00")))];
        assert_eq!(polls(&[dated(24), dated(25)]), [Verdict::New], "another day");
        let numbered = |day: u32| vec![brief(day, &format!("4月{day}日财经早餐"), None)];
        assert_eq!(polls(&[numbered(24), numbered(25)]), [Verdict::New], "another number");
        let moved = |day: u32| vec![brief(day, "每日财经早餐", Some("2023-04-24T07:00:00+08:00"))];
        assert_eq!(polls(&[moved(24), moved(25)]), [Verdict::Known(1)], "the same moment under another link");
    }

    #[test]
    fn an_id_that_is_used_again_for_other_news_is_a_new_entry() {
        let first = vec![entry(Some("7"), Some("http://e/a"), "区领导赴工业园区调研")];
        let other = vec![entry(Some("7"), Some("http://e/b"), "天齐锂业:有客户进入供应链")];
        assert_eq!(polls(&[first.clone(), other.clone()]), [Verdict::New]);
        assert_eq!(polls(&[first.clone(), other.clone(), other]), [Verdict::Known(2)]);
        let moved = vec![entry(Some("7"), Some("http://e/b"), "区领导赴青浦工业园区调研")];
        assert_eq!(polls(&[first.clone(), moved]), [Verdict::Known(1)]);
        let renamed = vec![entry(Some("7"), Some("http://e/a"), "更正:完全不同的题目")];
        assert_eq!(polls(&[first, renamed]), [Verdict::Known(1)]);
    }
}
