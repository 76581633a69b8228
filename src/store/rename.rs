//! Another id for a source: everything that was stored under the old one goes on under the new.

use rusqlite::{Connection, TransactionBehavior, params};

use super::{Store, StoreError};
use crate::model::source::SourceId;

impl Store {
    /// Gives the source `old` the id `new`, with its history, entries and what is known of it; the ids of its entries
    /// in the river stay. How many entries went along; `None`, and nothing is changed, where `new` is taken.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written; then nothing is changed.
    pub fn rename_source(&self, old: &SourceId, new: &SourceId) -> Result<Option<u64>, StoreError> {
        let mut connection = self.writing()?;
        rename(&mut connection, old.as_str(), new.as_str())
            .map_err(|source| StoreError::Sqlite { path: self.path().to_path_buf(), source })
    }
}

fn rename(connection: &mut Connection, old: &str, new: &str) -> rusqlite::Result<Option<u64>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Every table that names sources does so in a column of this name; one that a later version adds is found too.
    let tables: Vec<String> = transaction
        .prepare(
            "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'source'",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let taken: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM sources WHERE id = ?1) OR EXISTS (SELECT 1 FROM entries WHERE source = ?1)",
        [new],
        |row| row.get(0),
    )?;
    if taken {
        return Ok(None);
    }
    transaction.execute("UPDATE sources SET id = ?2 WHERE id = ?1", params![old, new])?;
    for table in tables {
        transaction.execute(&format!("UPDATE \"{table}\" SET source = ?2 WHERE source = ?1"), params![old, new])?;
    }
    let entries: i64 =
        transaction.query_row("SELECT count(*) FROM entries WHERE source = ?1", [new], |row| row.get(0))?;
    transaction.commit()?;
    Ok(Some(u64::try_from(entries).unwrap_or(0)))
}
