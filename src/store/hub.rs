//! Who listens at our hub.

use chrono::{DateTime, Utc};
use rusqlite::params;

use super::read::time;
use super::{Store, StoreError};
use crate::model::hub::Listener;
use crate::model::source::Secret;

impl Store {
    /// Every listener whose lease has not ended at `now`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn listeners(&self, now: DateTime<Utc>) -> Result<Vec<Listener>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT callback, topic, secret, lease_until, sent FROM listeners WHERE lease_until > ?1",
            )?;
            let rows = select.query_map([now.timestamp_millis()], |row| {
                Ok(Listener {
                    callback: row.get(0)?,
                    topic: row.get(1)?,
                    secret: row.get::<_, Option<String>>(2)?.map(Secret::new),
                    lease_until: time(row.get(3)?),
                    sent: row.get(4)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Writes a listener; there is one for each callback and topic. Those whose leases ended before `now` go.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn put_listener(&self, listener: &Listener, now: DateTime<Utc>) -> Result<(), StoreError> {
        let writing = self.writing()?;
        writing
            .execute("DELETE FROM listeners WHERE lease_until <= ?1", [now.timestamp_millis()])
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })?;
        writing
            .execute(
                "INSERT OR REPLACE INTO listeners (callback, topic, secret, lease_until, sent) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    listener.callback,
                    listener.topic,
                    listener.secret.as_ref().map(Secret::reveal),
                    listener.lease_until.timestamp_millis(),
                    listener.sent,
                ],
            )
            .map(drop)
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }

    /// Forgets a listener.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn drop_listener(&self, callback: &str, topic: &str) -> Result<(), StoreError> {
        self.writing()?
            .execute("DELETE FROM listeners WHERE callback = ?1 AND topic = ?2", [callback, topic])
            .map(drop)
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }
}
