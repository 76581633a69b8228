//! The tables, and how older stores become the newest: migrations are only ever added.

use std::cmp::Ordering;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// How long a connection waits for another's lock.
pub(super) const BUSY: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 5_000 });

/// Statements that a writing connection keeps.
const STATEMENTS: usize = 128;

/// Each migration once, in order; `user_version` counts those that ran.
const MIGRATIONS: [&str; 15] = [
    // What the sources said and what we made of it. Times are milliseconds since 1970, UTC.
    "CREATE TABLE sources (
        id              TEXT PRIMARY KEY,
        name            TEXT NOT NULL,
        address         TEXT NOT NULL,
        home_page_url   TEXT,
        feed_title      TEXT,
        etag            TEXT,
        last_modified   TEXT,
        body_digest     TEXT,
        recipe          TEXT,
        last_poll       INTEGER,
        last_success    INTEGER,
        next_poll       INTEGER,
        http_status     INTEGER,
        failures        INTEGER NOT NULL DEFAULT 0,
        new_last_poll   INTEGER NOT NULL DEFAULT 0,
        error_kind      TEXT,
        error_message   TEXT,
        entries         INTEGER NOT NULL DEFAULT 0
     ) STRICT;

     CREATE TABLE entries (
        row             INTEGER PRIMARY KEY AUTOINCREMENT,
        river_id        TEXT NOT NULL UNIQUE,
        source          TEXT NOT NULL,
        id_key          BLOB,              -- digest of the publisher's id
        first_seen      INTEGER NOT NULL,
        changed_at      INTEGER NOT NULL,
        sort            INTEGER NOT NULL,  -- the earlier of publication and first sight
        data            TEXT NOT NULL,     -- the normalised entry, JSON
        original        BLOB NOT NULL      -- the publisher's words, JSON in zstd
     ) STRICT;
     CREATE INDEX entries_in_order ON entries (sort DESC, row DESC);

     CREATE TABLE entry_keys (
        source          TEXT NOT NULL,
        kind            INTEGER NOT NULL,  -- 1 publisher's id, 2 link, 3 text, 4 body, 5 moment
        key             BLOB NOT NULL,
        entry           INTEGER NOT NULL REFERENCES entries (row) ON DELETE CASCADE,
        PRIMARY KEY (source, kind, key)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX entry_keys_by_entry ON entry_keys (entry);

     CREATE TABLE polls (
        row             INTEGER PRIMARY KEY,
        source          TEXT NOT NULL,
        started_at      INTEGER NOT NULL,
        elapsed_ms      INTEGER NOT NULL,
        status          TEXT NOT NULL,
        http_status     INTEGER,
        bytes           INTEGER NOT NULL,
        new             INTEGER NOT NULL,
        changed         INTEGER NOT NULL,
        unchanged       INTEGER NOT NULL,
        error_kind      TEXT,
        message         TEXT               -- the error, else the warnings
     ) STRICT;
     CREATE INDEX polls_of_source ON polls (source, started_at);
     CREATE INDEX polls_in_order ON polls (started_at);

     CREATE TABLE meta (
        key             TEXT PRIMARY KEY,
        value           TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;",
    // Articles behind short entries, so that each is fetched once.
    "CREATE TABLE articles (
        key             BLOB PRIMARY KEY,  -- digest of the link
        fetched_at      INTEGER NOT NULL,
        attempts        INTEGER NOT NULL,
        article         BLOB               -- JSON in zstd; nothing where it could not be had
     ) STRICT, WITHOUT ROWID;",
    // What cleaning did to each entry, and the entries of a source at hand.
    "ALTER TABLE entries ADD COLUMN fired TEXT;
     CREATE INDEX entries_of_source ON entries (source, row);",
    // Stories: each entry names the first entry of its story, which is the one that the river shows.
    "ALTER TABLE entries ADD COLUMN story INTEGER;
     ALTER TABLE entries ADD COLUMN dated INTEGER;                   -- when it was published, where known
     ALTER TABLE entries ADD COLUMN signature BLOB;                  -- keys in the index of stories
     ALTER TABLE entries ADD COLUMN split INTEGER NOT NULL DEFAULT 0; -- taken out of its story by hand
     UPDATE entries SET story = row;
     DROP INDEX entries_in_order;
     CREATE INDEX stories_in_order ON entries (sort DESC, row DESC) WHERE story = row;
     CREATE INDEX entries_of_story ON entries (story);
     CREATE TABLE joins (
        entry           INTEGER NOT NULL REFERENCES entries (row) ON DELETE CASCADE,
        other           INTEGER NOT NULL REFERENCES entries (row) ON DELETE CASCADE,
        judgement       TEXT NOT NULL,     -- JSON: the evidence
        PRIMARY KEY (entry, other)
     ) STRICT, WITHOUT ROWID;",
    // Entries by tag, for the feeds of tags.
    "CREATE TABLE entry_tags (
        tag             TEXT NOT NULL,
        entry           INTEGER NOT NULL REFERENCES entries (row) ON DELETE CASCADE,
        PRIMARY KEY (tag, entry)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX entry_tags_by_entry ON entry_tags (entry);
     INSERT OR IGNORE INTO entry_tags SELECT value, row FROM entries, json_each(data, '$.tags');",
    // What decides when a source is polled, and what people are told of it.
    "ALTER TABLE sources ADD COLUMN validators_of TEXT;               -- the address that gave the validators
     ALTER TABLE sources ADD COLUMN moved_to TEXT;                    -- where it moved for good
     ALTER TABLE sources ADD COLUMN warnings TEXT;                    -- of the document last read, JSON
     ALTER TABLE sources ADD COLUMN activity TEXT;                    -- when it publishes, JSON
     ALTER TABLE sources ADD COLUMN hints TEXT;                       -- what its document asks for, JSON
     UPDATE sources SET validators_of = address,
        activity = (SELECT json_object('recent', json_group_array(time)) FROM (SELECT time FROM
            (SELECT sort / 1000 AS time FROM entries WHERE source = sources.id ORDER BY row DESC LIMIT 64) ORDER BY time));",
    // Entries whose words retention took; what they are known by stays.
    "ALTER TABLE entries ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;
     DROP INDEX stories_in_order;
     CREATE INDEX stories_in_order ON entries (sort DESC, row DESC) WHERE story = row AND pruned = 0;",
    // Hubs that push (WebSub).
    "CREATE TABLE subscriptions (
        source          TEXT PRIMARY KEY,
        hub             TEXT NOT NULL,
        topic           TEXT NOT NULL,
        token           TEXT NOT NULL UNIQUE,
        secret          TEXT NOT NULL,
        stage           TEXT NOT NULL,
        asked_at        INTEGER NOT NULL,
        failures        INTEGER NOT NULL,
        lease_until     INTEGER,
        is_trusted      INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;",
    // Words and pairs of ideographs of the entries; the texts themselves stay where they are.
    "CREATE VIRTUAL TABLE search USING fts5(
        title, body, content = '', contentless_delete = 1, detail = column, tokenize = 'unicode61 remove_diacritics 0');",
    // Which entries a word is in is enough: what is found is read again, and where in it the word is costs
    // more than all the rest of the index.
    "DROP TABLE search;
     CREATE VIRTUAL TABLE search USING fts5(
        words, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 0');",
    // What is new since a visit, and the archives: a story goes into them once, as it is told when it
    // leaves the first page.
    "ALTER TABLE entries ADD COLUMN backlog INTEGER NOT NULL DEFAULT 0; -- of a first document, not told as news
     CREATE TABLE changes (
        seq             INTEGER PRIMARY KEY AUTOINCREMENT,
        story           INTEGER NOT NULL UNIQUE,
        at              INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE unarchived (row INTEGER PRIMARY KEY) STRICT;
     CREATE TABLE archive (
        seq             INTEGER PRIMARY KEY AUTOINCREMENT,
        story           INTEGER NOT NULL,
        data            BLOB NOT NULL
     ) STRICT;
     CREATE INDEX archive_by_story ON archive (story);
     INSERT INTO unarchived SELECT row FROM entries
        WHERE story = row AND pruned = 0 AND first_seen > (SELECT max(first_seen) FROM entries) - 86400000;",
    // Who listens at our hub.
    "CREATE TABLE listeners (
        callback        TEXT NOT NULL,
        topic           TEXT NOT NULL,
        secret          TEXT,
        lease_until     INTEGER NOT NULL,
        sent            INTEGER NOT NULL,
        PRIMARY KEY (callback, topic)
     ) STRICT, WITHOUT ROWID;",
    // Moves that lead to strangers are not believed at once.
    "ALTER TABLE sources ADD COLUMN doubted_since INTEGER;",
    // By what is stored beside them, entries and archived stories are known as the work of this sanitiser; what was
    // stored before, or was changed since, is sanitised when it is read.
    "ALTER TABLE entries ADD COLUMN stamp BLOB;
     ALTER TABLE archive ADD COLUMN stamp BLOB;
     CREATE INDEX entries_without_stamp ON entries (row) WHERE stamp IS NULL;
     CREATE INDEX archive_without_stamp ON archive (seq) WHERE stamp IS NULL;",
    // The place of a story may be another entry's than that of the entry it is named by; entries beyond the limits of
    // a story are kept without being members of it; the order of the river is read without the words.
    "ALTER TABLE entries ADD COLUMN own_sort INTEGER;                  -- the entry's own place, where `sort` is its story's
     ALTER TABLE entries ADD COLUMN surplus INTEGER NOT NULL DEFAULT 0; -- beyond the limits of its story: kept, not shown
     ALTER TABLE entries ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;   -- how often its words changed
     UPDATE entries SET surplus = 1, signature = NULL WHERE row IN (
        SELECT row FROM (
            SELECT row, row_number() OVER (PARTITION BY story, source ORDER BY row) AS of_source,
                row_number() OVER (PARTITION BY story ORDER BY row) AS of_story
            FROM entries WHERE story IN (SELECT story FROM entries GROUP BY story HAVING count(*) > 8))
        WHERE of_source > 8 OR of_story > 100);
     CREATE INDEX members_of_story ON entries (story, row) WHERE surplus = 0;
     DROP INDEX stories_in_order;
     CREATE INDEX stories_in_order ON entries (sort DESC, row DESC, source, backlog, story, pruned)
        WHERE story = row AND pruned = 0;
     CREATE INDEX stories_by_arrival ON entries (first_seen, source, sort, backlog, story, pruned)
        WHERE story = row AND pruned = 0;",
];

/// Settings of a writing connection.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // Every statement that writes a poll stays prepared; there are some sixty.
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)
}

/// Whether a store with the schema `found` can be read as it is.
///
/// # Errors
/// [`StoreError::TooOld`] or [`StoreError::TooNew`] where not.
pub(super) fn check(path: &Path, found: i64) -> Result<(), StoreError> {
    let (path, known) = (path.to_owned(), i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX));
    match found.cmp(&known) {
        Ordering::Less => Err(StoreError::TooOld { path, found, known }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::TooNew { path, found, known }),
    }
}

/// Brings the store to the newest schema, all steps in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let wrap = |source| StoreError::Sqlite { path: path.to_owned(), source };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrap)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(wrap)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(wrap)?;
    }
    if found < known {
        transaction.pragma_update(None, "user_version", known).map_err(wrap)?;
    }
    transaction.commit().map_err(wrap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// A store of version 13, in which one source tells one story 30 times and 150 others tell it once.
    fn before_limits(path: &Path) -> rusqlite::Result<()> {
        let store = Connection::open(path)?;
        for step in &MIGRATIONS[..13] {
            store.execute_batch(step)?;
        }
        store.pragma_update(None, "user_version", 13)?;
        let original = crate::store::codec::pack(&crate::model::feed::RawEntry::default())?;
        for n in 1..=180 {
            let source = if n <= 30 { "flood".to_owned() } else { format!("s{n}") };
            store.execute(
                "INSERT INTO entries (river_id, source, first_seen, changed_at, sort, data, original, story, signature)
                 VALUES (?1, ?2, 1000, 1000, 1000 + ?3, '{\"title\": \"t\"}', ?4, 1, zeroblob(32))",
                rusqlite::params![format!("id-{n}"), source, n, original],
            )?;
        }
        Ok(())
    }

    #[test]
    fn stories_of_before_are_held_to_the_limits() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("r.db");
        before_limits(&path)?;
        let store = Store::open(&path)?;
        let found = store.explain("id-1")?.ok_or("no entry")?;
        let of_flood = found.others.iter().filter(|other| other.source.as_str() == "flood").count();
        assert_eq!((of_flood, found.is_surplus, store.story_count()), (7, false, 1));
        assert!(found.others.len() < 100 && found.surplus >= 80, "{} and {}", found.others.len(), found.surplus);
        let plan: String = Connection::open(&path)?.query_row(
            "EXPLAIN QUERY PLAN SELECT row, sort, source, backlog FROM entries WHERE story = row AND pruned = 0
                AND (sort, row) < (9, 9) ORDER BY sort DESC, row DESC",
            [],
            |row| row.get(3),
        )?;
        assert!(plan.contains("COVERING INDEX stories_in_order"), "{plan}");
        Ok(())
    }
}
