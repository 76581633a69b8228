//! Which writing of a store its database file holds, as the first page of the file says: pure but for reading it.
//!
//! SQLite notices neither that its file is cut nor that another is copied over it: with a write-ahead log it trusts its
//! index and its cache. So each commit counts up a number in the first page, which begins anywhere, and the number in the
//! file, which checkpoints bring there, never goes back and never runs far ahead of the last commit. A copy of another
//! store, or an older one of the same, has another number. The number stands where SQLite keeps `application_id` (SQLite
//! file format, section 1.3.13), which nothing else of the header stays free for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::Connection;

/// Where a generation is to be counted from that has none yet; the rest of the range is for counting.
const LATEST_START: i64 = 1 << 30;

/// Commits of other programs between two looks at most, and those of ours that are not told yet.
const AHEAD: i64 = 1 << 16;

/// How every database of SQLite begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What the first page of a database says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    /// Bytes that the file has at least once it is written.
    bytes: u64,
    generation: i64,
}

impl Header {
    /// Reads the header of a file; nothing where it has none.
    fn of(file: &File) -> io::Result<Option<Self>> {
        let mut page = [0; 100];
        match file.read_exact_at(&mut page, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        Ok(Self::parse(&page))
    }

    fn parse(page: &[u8; 100]) -> Option<Self> {
        let number = |at: usize| page[at..at + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let page_size = match u64::from(number(16) >> 16) {
            1 => 65_536,
            size => size,
        };
        // The number of pages is true where it was written together with the counter of changes (section 1.3.7).
        let pages = if number(24) == number(92) { u64::from(number(28)) } else { 0 };
        page.starts_with(MAGIC).then(|| Self { bytes: pages * page_size, generation: i64::from(number(68)) })
    }
}

/// What the file of an open store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// What this store wrote.
    Own,
    /// The beginning of that, or nothing.
    Cut,
    /// Something else.
    Foreign,
}

/// What is known of the content of the file.
#[derive(Debug)]
pub(super) struct Generations {
    /// The generation in the file, as it was seen last; zero before there is one.
    seen: i64,
    /// The generation when the store was opened.
    first: i64,
    /// The generation of the last commit that is known.
    latest: i64,
    /// The size of the file, as it was seen last.
    bytes: u64,
}

impl Generations {
    /// Of a store that was just opened, and is at `generation`.
    pub(super) fn new(generation: i64, file: Option<&File>) -> Self {
        let seen = file.and_then(|file| Some((Header::of(file).ok()??.generation, file.metadata().ok()?.len())));
        // The file may be behind by what stands in the log.
        let (seen, bytes) = seen.filter(|(seen, _)| *seen <= generation).unwrap_or_default();
        Self { seen, first: generation, latest: generation, bytes }
    }

    /// Notes a commit.
    pub(super) fn committed(&mut self, generation: i64) {
        self.latest = generation;
    }

    /// Looks at the file.
    pub(super) fn content(&mut self, file: &File) -> io::Result<Content> {
        let (header, bytes) = (Header::of(file)?, file.metadata()?.len());
        let content = self.judge(header, bytes);
        if let (Content::Own, Some(header)) = (content, header) {
            (self.seen, self.bytes) = (header.generation, bytes);
        }
        Ok(content)
    }

    fn judge(&self, header: Option<Header>, bytes: u64) -> Content {
        let Some(header) = header else {
            return if bytes < 100 { Content::Cut } else { Content::Foreign };
        };
        let from = if self.seen == 0 { self.first } else { self.seen };
        let is_own = header.generation == self.seen || (from..=self.latest + AHEAD).contains(&header.generation);
        if !is_own {
            Content::Foreign
        } else if bytes < self.bytes && bytes < header.bytes {
            // A checkpoint makes the file longer after its first page is written, and shorter only where that says so.
            Content::Cut
        } else {
            Content::Own
        }
    }
}

/// The generation of a store; where it counts none yet, it begins to.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<i64> {
    let found = current(connection)?;
    if found > 0 {
        return Ok(found);
    }
    let start: i64 = connection.query_row("SELECT abs(random() % ?1) + 1", [LATEST_START], |row| row.get(0))?;
    connection.pragma_update(None, "application_id", start)?;
    // The number is to be in the file before anything is compared with it; where another program is in the way, it
    // comes there with a later checkpoint.
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(start)
}

/// Counts up, inside the transaction of a commit; the new generation.
pub(super) fn advance(connection: &Connection) -> rusqlite::Result<i64> {
    let next = current(connection)? + 1;
    connection.pragma_update(None, "application_id", next)?;
    Ok(next)
}

fn current(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// Makes a copy of a store count anew: it holds the same in other pages, and must never pass for the file itself.
pub(super) fn restart(copy: &Path) -> rusqlite::Result<()> {
    Connection::open(copy)?.pragma_update(None, "application_id", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_older_nor_far_ahead_is_own() {
        let known = Generations { seen: 1_000, first: 900, latest: 1_200, bytes: 40_960 };
        let judge = |generation: i64, bytes: u64| known.judge(Some(Header { bytes: 40_960, generation }), bytes);
        for own in [1_000, 1_100, 1_200, 1_201] {
            assert_eq!(judge(own, 40_960), Content::Own, "{own}");
        }
        for foreign in [0, 999, 1_200 + AHEAD + 1, 900_000_000] {
            assert_eq!(judge(foreign, 40_960), Content::Foreign, "{foreign}");
        }
        assert_eq!(judge(1_200, 36_864), Content::Cut);
        assert_eq!(known.judge(None, 0), Content::Cut);
        assert_eq!(known.judge(None, 40_960), Content::Foreign, "no database");
        // A checkpoint of another program is under way, or made the file shorter.
        let longer = Header { bytes: 81_920, generation: 1_200 };
        assert_eq!(known.judge(Some(longer), 45_056), Content::Own);
        assert_eq!(known.judge(Some(Header { bytes: 8_192, generation: 1_200 }), 8_192), Content::Own);
        // The number of a store that has just begun to count is not in the file yet.
        let begun = Generations { seen: 0, first: 7_000, latest: 7_500, bytes: 0 };
        assert_eq!(begun.judge(Some(Header { bytes: 4_096, generation: 0 }), 4_096), Content::Own);
        assert_eq!(begun.judge(Some(Header { bytes: 4_096, generation: 7_001 }), 4_096), Content::Own);
        assert_eq!(begun.judge(Some(Header { bytes: 4_096, generation: 6_999 }), 4_096), Content::Foreign);
    }

    #[test]
    fn the_number_counts_commits_and_begins_anew_in_a_copy() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("x.db");
        let connection = Connection::open(&path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let start = begin(&connection)?;
        assert!(start > 0 && start <= LATEST_START);
        assert_eq!(begin(&connection)?, start);
        let header =
            || -> Result<Header, Box<dyn std::error::Error>> { Header::of(&File::open(&path)?)?.ok_or("none".into()) };
        assert_eq!(header()?.generation, start);
        let other = Connection::open(&path)?;
        for (n, connection) in [&connection, &other, &other, &connection].into_iter().enumerate() {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            assert_eq!(advance(connection)?, start + n as i64 + 1);
            connection.execute_batch(&format!("CREATE TABLE t{n} (x); COMMIT"))?;
        }
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        drop((connection, other));
        assert_eq!(header()?, Header { bytes: std::fs::metadata(&path)?.len(), generation: start + 4 });
        restart(&path)?;
        assert_eq!(header()?.generation, 0);
        Ok(())
    }
}
