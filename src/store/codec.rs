//! How values are kept in columns: as JSON, or as JSON in zstd.

use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// JSON.
pub(super) fn to_json(value: &(impl Serialize + ?Sized)) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// JSON in zstd.
pub(super) fn pack(value: &impl Serialize) -> rusqlite::Result<Vec<u8>> {
    let fail = |error: Box<dyn std::error::Error + Send + Sync>| rusqlite::Error::ToSqlConversionFailure(error);
    let json = serde_json::to_vec(value).map_err(|error| fail(error.into()))?;
    zstd::bulk::compress(&json, 3).map_err(|error| fail(error.into()))
}

/// The value that [`pack`] packed.
pub(super) fn unpack<T: DeserializeOwned>(column: usize, packed: &[u8]) -> rusqlite::Result<T> {
    let fail = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error)
    };
    let json = zstd::stream::decode_all(packed).map_err(|error| fail(error.into()))?;
    serde_json::from_slice(&json).map_err(|error| fail(error.into()))
}

/// A value kept as JSON; its default where nothing was kept yet.
pub(super) fn json_of<T: DeserializeOwned + Default>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: Option<String> = row.get(column)?;
    let value = text.map(|text| serde_json::from_str(&text)).transpose();
    let value = value.map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))?;
    Ok(value.unwrap_or_default())
}
