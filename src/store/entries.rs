//! The entries of a document -> rows: which are new, which changed, which are known.

use std::collections::HashSet;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{pack, to_json};
use super::polled::{PollCommit, ReadDocument};
use super::story::{Newcomer, Stories};
use super::{changes, search};
use crate::html::{self, SanitisedHtml};
use crate::identity::{Key, KeyKind, Keys, Known, Matcher, Verdict};
use crate::model::cleaning::Firing;
use crate::model::entry::Entry;
use crate::model::feed::RawEntry;
use crate::model::report::Counts;
use crate::model::text::hex;

/// Entries of a new source's first document that come up as new, unless feeds.toml says.
const INITIAL: usize = 50;

/// How long a river is young.
const YOUNG: TimeDelta = TimeDelta::hours(1);

/// Edits of an entry after which it counts as changed no oftener than [`PAUSE`].
const MOST_EDITS: i64 = 24;

/// Between two changes of an entry that never stops changing.
const PAUSE: TimeDelta = TimeDelta::hours(1);

/// How far the writing of a document has come.
#[derive(Debug)]
pub(super) struct Progress {
    matcher: Matcher,
    backlog: HashSet<usize>,
    /// The place of the entry that is written next.
    next: usize,
    /// What became of the entries so far.
    pub(super) counts: Counts,
    /// New entries beyond the limits of their stories.
    pub(super) surplus: usize,
}

/// Looks at a document before its first entry is written.
pub(super) fn begin(connection: &Connection, poll: &PollCommit, document: &ReadDocument) -> rusqlite::Result<Progress> {
    Ok(Progress {
        matcher: Matcher::new(&document.keys),
        backlog: backlog(connection, poll, document)?,
        next: 0,
        counts: Counts::default(),
        surplus: 0,
    })
}

/// Writes entries of a document, the next one at least, until `is_over`; whether all are written.
pub(super) fn advance(
    connection: &Connection,
    stories: &mut Stories,
    poll: &PollCommit,
    document: &ReadDocument,
    progress: &mut Progress,
    is_over: &dyn Fn() -> bool,
) -> rusqlite::Result<bool> {
    let mut lookup = connection.prepare_cached(
        "SELECT e.row, e.id_key, e.data ->> 'title',
            EXISTS (SELECT 1 FROM entry_keys l WHERE l.source = ?1 AND l.kind = 2 AND l.key = ?4 AND l.entry = e.row),
            EXISTS (SELECT 1 FROM entry_keys b WHERE b.source = ?1 AND b.kind = 4 AND b.key = ?5 AND b.entry = e.row),
            unixepoch(e.data ->> 'published')
         FROM entry_keys k JOIN entries e ON e.row = k.entry WHERE k.source = ?1 AND k.kind = ?2 AND k.key = ?3",
    )?;
    while let (Some((raw, entry)), Some(keys)) = (document.entries.get(progress.next), document.keys.get(progress.next))
    {
        let place = progress.next;
        let item = Item {
            raw,
            entry,
            fired: document.fired.get(place).map_or(&[], Vec::as_slice),
            keys,
            place,
            is_backlog: progress.backlog.contains(&place),
        };
        let verdict = progress.matcher.decide(entry, keys, |kind, key| {
            let known = |row: &rusqlite::Row<'_>| {
                let id: Option<Vec<u8>> = row.get(1)?;
                let title: Option<String> = row.get(2)?;
                Ok(Known {
                    row: row.get(0)?,
                    id: id.and_then(|id| Key::try_from(id).ok()),
                    title: title.unwrap_or_default(),
                    same_link: row.get(3)?,
                    same_body: row.get(4)?,
                    published: row.get(5)?,
                })
            };
            lookup.query_row(params![poll.source.as_str(), kind as u8, key, keys.link, keys.body], known).optional()
        })?;
        match verdict {
            Verdict::New => {
                progress.surplus += usize::from(!insert(connection, stories, poll, &item)?);
                progress.counts.new += 1;
            }
            Verdict::Known(row) => {
                if update(connection, stories, poll, &item, row)? {
                    progress.counts.changed += 1;
                } else {
                    progress.counts.unchanged += 1;
                }
            }
            Verdict::Repeated => {}
        }
        progress.next += 1;
        if is_over() {
            break;
        }
    }
    Ok(progress.next >= document.entries.len())
}

/// One entry of a document, with all that is stored of it.
struct Item<'a> {
    raw: &'a RawEntry,
    entry: &'a Entry,
    fired: &'a [Firing],
    keys: &'a Keys,
    place: usize,
    is_backlog: bool,
}

/// Which entries of a source's first document are there to be found and not to be told as news: all but
/// the newest few, by their places in the document.
fn backlog(connection: &Connection, poll: &PollCommit, document: &ReadDocument) -> rusqlite::Result<HashSet<usize>> {
    let initial = match poll.initial {
        Some(initial) => initial,
        None if is_young(connection, poll.started_at)? => return Ok(HashSet::new()),
        None => INITIAL,
    };
    if document.entries.len() <= initial {
        return Ok(HashSet::new());
    }
    let is_known = connection
        .prepare_cached("SELECT entries > 0 OR last_success IS NOT NULL FROM sources WHERE id = ?1")?
        .query_row([poll.source.as_str()], |row| row.get(0))
        .optional()?;
    if is_known.unwrap_or(false) {
        return Ok(HashSet::new());
    }
    let mut places: Vec<usize> = (0..document.entries.len()).collect();
    // The sort is stable: entries of one moment, and those without a date, stay in the document's order.
    places.sort_by_key(|place| std::cmp::Reverse(order(poll, &document.entries[*place].1, *place)));
    Ok(places.split_off(initial).into_iter().collect())
}

/// Whether the river is so new that nobody has read it yet, and nothing can drown in it.
fn is_young(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<bool> {
    let first: Option<i64> = connection
        .prepare_cached("SELECT first_seen FROM entries ORDER BY row LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(first.is_none_or(|first| now.timestamp_millis() - first < YOUNG.num_milliseconds()))
}

/// Where an entry that is seen for the first time stands in the river: by its date, but never in the
/// future. Undated ones keep the order of their document, each a second behind the one before.
fn order(poll: &PollCommit, entry: &Entry, place: usize) -> DateTime<Utc> {
    let seen = poll.started_at.trunc_subsecs(0);
    let in_order =
        i64::try_from(place).ok().and_then(|n| seen.checked_sub_signed(TimeDelta::seconds(n))).unwrap_or(seen);
    entry.dated().map_or(in_order, |date| date.to_utc().min(seen))
}

/// Writes a new entry; whether it is a member of its story. What is beyond the limits of a story is kept, and neither
/// told, searched nor found by its tags.
fn insert(
    connection: &Connection,
    stories: &mut Stories,
    poll: &PollCommit,
    item: &Item<'_>,
) -> rusqlite::Result<bool> {
    let Item { raw, entry, fired, keys, place, is_backlog } = *item;
    let seen = poll.started_at.trunc_subsecs(0);
    let sort = order(poll, entry, place);
    let data = to_json(entry)?;
    connection.prepare_cached(
        "INSERT INTO entries (river_id, source, id_key, first_seen, changed_at, sort, own_sort, data, original, fired, backlog, stamp) VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        river_id(connection, poll, entry, keys)?,
        poll.source.as_str(),
        keys.id,
        seen.timestamp_millis(),
        sort.timestamp_millis(),
        data,
        pack(raw)?,
        to_json(fired)?,
        is_backlog,
        html::stamp(data.as_bytes()),
    ])?;
    let row = connection.last_insert_rowid();
    write_keys(connection, poll, keys, row)?;
    let is_member = stories.join(connection, &Newcomer { row, source: &poll.source, entry, seen, is_new: true })?;
    if is_member {
        write_tags(connection, entry, row)?;
        search::put(connection, row, entry)?;
        changes::appeared(connection, row, is_backlog, poll.started_at)?;
        stories.settle_place(connection, row)?;
    }
    Ok(is_member)
}

/// Writes a known entry where it differs from what is stored; says whether it did. Its id, first
/// sight and own place in the river stay; `changed_at` moves only with its words.
fn update(
    connection: &Connection,
    stories: &mut Stories,
    poll: &PollCommit,
    item: &Item<'_>,
    row: i64,
) -> rusqlite::Result<bool> {
    let Item { raw, entry, fired, keys, .. } = *item;
    let (stored, is_pruned, edits, changed_at, was_surplus): (String, bool, i64, i64, bool) = connection
        .prepare_cached("SELECT data, pruned, edits, changed_at, surplus FROM entries WHERE row = ?1")?
        .query_row([row], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?;
    let data = to_json(entry)?;
    if is_pruned || stored == data {
        return Ok(false);
    }
    let before: Entry = serde_json::from_str(&stored).unwrap_or_default();
    let reworded = words(&before) != words(entry);
    let now = poll.started_at.trunc_subsecs(0).timestamp_millis();
    let is_change = reworded && (edits < MOST_EDITS || now - changed_at >= PAUSE.num_milliseconds());
    connection.prepare_cached(
        "UPDATE entries SET data = ?2, original = ?3, id_key = coalesce(?4, id_key), changed_at = iif(?5, ?6, changed_at),
            fired = ?7, edits = edits + ?8, stamp = ?9 WHERE row = ?1",
    )?
    .execute(params![
        row,
        data,
        pack(raw)?,
        keys.id,
        is_change,
        now,
        to_json(fired)?,
        reworded,
        html::stamp(data.as_bytes()),
    ])?;
    write_keys(connection, poll, keys, row)?;
    let is_member = if reworded { stories.rejoin(connection, row, &poll.source, entry)? } else { !was_surplus };
    if is_member && (before.tags != entry.tags || was_surplus) {
        connection.prepare_cached("DELETE FROM entry_tags WHERE entry = ?1")?.execute([row])?;
        write_tags(connection, entry, row)?;
    }
    if reworded && is_member {
        search::put(connection, row, entry)?;
        let is_shown = stories.settle_place(connection, row)?;
        if was_surplus {
            changes::appeared(connection, row, false, poll.started_at)?;
        } else if is_change && is_shown {
            changes::reworded(connection, row, poll.started_at)?;
        }
    }
    Ok(true)
}

/// What a reader reads: the title and the text of the body, without markup and white space.
fn words(entry: &Entry) -> (&str, String) {
    let nodes = entry.content_html.iter().flat_map(SanitisedHtml::nodes);
    let mut text = String::new();
    nodes.for_each(|node| text.extend(node.text().unwrap_or_default().chars().filter(|c| !c.is_whitespace())));
    (&entry.title, text)
}

fn write_keys(connection: &Connection, poll: &PollCommit, keys: &Keys, row: i64) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO entry_keys (source, kind, key, entry) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET entry = excluded.entry")?;
    for (kind, key) in keys.each() {
        // The text of an entry is a key only where it has no better one.
        if kind != KeyKind::Text || (keys.id.is_none() && keys.link.is_none()) {
            insert.execute(params![poll.source.as_str(), kind as u8, key, row])?;
        }
    }
    Ok(())
}

/// The id in the river, minted once (RFC 4287, section 4.2.6.1): the publisher's where it is an
/// IRI that no other entry has and names no stranger, else a `tag:` URI (RFC 4151) made from the source and the
/// entry's strongest key.
fn river_id(connection: &Connection, poll: &PollCommit, entry: &Entry, keys: &Keys) -> rusqlite::Result<String> {
    let mut taken = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM entries WHERE river_id = ?1)")?;
    let mut is_taken = |id: &str| taken.query_row([id], |row| row.get::<_, bool>(0));
    if let (Some(id), Some(_)) = (&entry.publisher_id, keys.id)
        && is_iri(id)
        && is_own(id, entry.url.as_deref(), &poll.address)
        && !is_taken(id)?
    {
        return Ok(id.clone());
    }
    let key = hex(&keys.strongest());
    let source = url::form_urlencoded::byte_serialize(poll.source.as_str().as_bytes()).collect::<String>();
    let minted = format!("tag:{},2026:{source}/{key}", poll.authority);
    let mut id = minted.clone();
    let mut copy = 1;
    while is_taken(&id)? {
        copy += 1;
        id = format!("{minted}-{copy}");
    }
    Ok(id)
}

/// Whether the host that an id names is that of the entry's link or of its source: ids of strangers could be taken
/// before these use them. An id that names no host, as those of most `urn:` schemes, is nobody's.
fn is_own(id: &str, link: Option<&str>, source: &str) -> bool {
    let Some(named) = host_of(id) else { return true };
    let is_of = |address: &str| host_of(address).is_some_and(|host| is_one_site(&named, &host));
    link.is_some_and(is_of) || is_of(source)
}

/// The host that an address or an id names, in lower case, without `www.`.
fn host_of(id: &str) -> Option<String> {
    let host = match id.strip_prefix("tag:").and_then(|rest| rest.split_once(',')) {
        // RFC 4151, section 2.1: the authority is a domain, or a mail address there.
        Some((authority, _)) => authority.rsplit('@').next().map(str::to_owned),
        None => url::Url::parse(id).ok().and_then(|url| url.host_str().map(str::to_owned)),
    };
    let host = host.map(|host| host.trim_end_matches('.').to_ascii_lowercase())?;
    Some(host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)).filter(|host| !host.is_empty())
}

/// Whether two hosts are one, or one is within the other.
fn is_one_site(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        outer.contains('.') && inner.strip_suffix(outer).is_some_and(|rest| rest.ends_with('.'))
    };
    a == b || within(a, b) || within(b, a)
}

/// Whether an id can stand as `atom:id`: absolute, without characters that URIs must escape.
fn is_iri(id: &str) -> bool {
    let fits = |c: char| {
        !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`')
    };
    let name = |text: &str, others: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    let is_of_its_scheme = match id.split_once(':') {
        Some(("http" | "https", _)) => true,
        // RFC 8141, section 2; RFC 4151, section 2.1.
        Some(("urn", rest)) => rest.split_once(':').is_some_and(|(space, rest)| name(space, "-") && !rest.is_empty()),
        Some(("tag", rest)) => rest.split_once(',').is_some_and(|(authority, _)| name(authority, ".-_@")),
        _ => false,
    };
    id.len() <= 2048 && id.chars().all(fits) && is_of_its_scheme && url::Url::parse(id).is_ok()
}

pub(super) fn write_tags(connection: &Connection, entry: &Entry, row: i64) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO entry_tags (tag, entry) VALUES (?1, ?2)")?;
    entry.tags.iter().try_for_each(|tag| insert.execute(params![tag, row]).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_from_those_whose_host_it_names() {
        let feed = "https://feeds.example.org/rss";
        for (id, link, own) in [
            ("https://example.org/1", None, true),
            ("https://www.example.org/1", None, true),
            ("https://feeds.example.org:8080/1", None, true),
            ("http://other.example/1", None, false),
            ("http://other.example/1", Some("https://www.other.example/x"), true),
            ("http://other.example/1", Some("https://notother.example/x"), false),
            ("tag:example.org,2026:1", None, true),
            ("tag:me@example.org,2026:1", None, true),
            ("tag:example.org.evil.example,2026:1", None, false),
            ("tag:victim.example,2026:1", Some("https://evil.example/1"), false),
            ("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", None, true),
            ("http://org/1", None, false),
        ] {
            assert_eq!(is_own(id, link, feed), own, "{id} {link:?}");
        }
        assert!(!is_own("http://e.org/1", Some("/relative"), "file:/tmp/x.xml"));
    }
}
