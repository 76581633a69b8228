//! Pages of the river: what each is named by.

use super::entry::StoredEntry;

/// A place between two entries of the river: what comes after it is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// Order of the entry before the place, milliseconds since 1970.
    pub order: i64,
    /// Its row.
    pub row: i64,
}

impl Cursor {
    /// The place after everything.
    pub const OLDEST: Self = Self { order: i64::MIN, row: 0 };

    /// The place after this entry.
    #[must_use]
    pub fn after(entry: &StoredEntry) -> Self {
        Self { order: entry.order.timestamp_millis(), row: entry.row }
    }

    /// Reads `ORDER-ROW` or `oldest`, as [`std::fmt::Display`] writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "oldest" {
            return Some(Self::OLDEST);
        }
        let (order, row) = text.rsplit_once('-')?;
        Some(Self { order: order.parse().ok()?, row: row.parse().ok().filter(|row| *row >= 0)? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::OLDEST { f.write_str("oldest") } else { write!(f, "{}-{}", self.order, self.row) }
    }
}

/// Where a page begins that follows another: below a place, without what the pages before have shown
/// already although it stands below.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The place.
    pub cursor: Cursor,
    /// Rows that were shown.
    pub shown: Vec<i64>,
}

impl Place {
    /// Reads `ORDER-ROW` with `_ROW_ROW` behind it, as [`std::fmt::Display`] writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let cursor = Cursor::parse(parts.next()?)?;
        let shown = parts.map(|row| row.parse().ok()).collect::<Option<_>>()?;
        Some(Self { cursor, shown })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.cursor)?;
        self.shown.iter().try_for_each(|row| write!(f, "_{row}"))
    }
}

/// Which page of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Spot {
    /// The first: what readers subscribe to.
    #[default]
    First,
    /// The one below a place (RFC 5005, section 3).
    Below(Place),
    /// The one right above a place.
    Above(Cursor),
    /// What changed after a change up to another (RFC 3229).
    Between(i64, i64),
    /// The first stories of an archive document (RFC 5005, section 4): its number from 1, and how many.
    Archive(i64, i64),
}
