//! Subscriptions at hubs.

use rusqlite::params;

use super::read::time;
use super::{Store, StoreError};
use crate::model::source::{Secret, SourceId};
use crate::model::websub::{Announced, Stage, Subscription};

impl Store {
    /// Every subscription.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        self.reading(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT source, hub, topic, token, secret, stage, asked_at, failures, lease_until, is_trusted FROM subscriptions",
            )?;
            let rows = select.query_map([], |row| {
                let (source, stage): (String, String) = (row.get(0)?, row.get(5)?);
                let Ok(source) = SourceId::new(&source) else { return Ok(None) };
                Ok(Some(Subscription {
                    source,
                    announced: Announced { hub: row.get(1)?, topic: row.get(2)? },
                    token: row.get(3)?,
                    secret: Secret::new(row.get(4)?),
                    stage: Stage::from_name(&stage).unwrap_or(Stage::Asked),
                    asked_at: time(row.get(6)?),
                    failures: row.get(7)?,
                    lease_until: row.get::<_, Option<i64>>(8)?.map(time),
                    is_trusted: row.get(9)?,
                }))
            })?;
            rows.filter_map(Result::transpose).collect()
        })
    }

    /// Writes a subscription; there is one for each source.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn put_subscription(&self, subscription: &Subscription) -> Result<(), StoreError> {
        let s = subscription;
        self.writing()?
            .execute(
                "INSERT OR REPLACE INTO subscriptions (source, hub, topic, token, secret, stage, asked_at, failures, lease_until, is_trusted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    s.source.as_str(),
                    s.announced.hub,
                    s.announced.topic,
                    s.token,
                    s.secret.reveal(),
                    s.stage.name(),
                    s.asked_at.timestamp_millis(),
                    s.failures,
                    s.lease_until.map(|at| at.timestamp_millis()),
                    s.is_trusted,
                ],
            )
            .map(drop)
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }

    /// Forgets the subscription of a source.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub fn drop_subscription(&self, source: &SourceId) -> Result<(), StoreError> {
        self.writing()?
            .execute("DELETE FROM subscriptions WHERE source = ?1", [source.as_str()])
            .map(drop)
            .map_err(|source| StoreError::Sqlite { path: self.path.to_path_buf(), source })
    }
}
