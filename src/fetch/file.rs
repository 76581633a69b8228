//! Sources on this machine: `file:` from feeds.toml, never from the network.

use std::path::Path;

use chrono::{DateTime, Utc};
use tokio::io::AsyncReadExt;

use super::{FetchError, Fetched, Links, Outcome};
use crate::model::document::{Document, ServerWish, Validators};
use crate::model::source::Source;

/// Reads a file as a poll would read a page; the caller's digest tells whether it changed.
pub(super) async fn read(path: &Path, source: &Source, now: DateTime<Utc>) -> Result<Fetched, FetchError> {
    let failed = |error| FetchError::File { path: path.to_owned(), source: error };
    let about = tokio::fs::metadata(path).await.map_err(failed)?;
    if !about.is_file() {
        return Err(FetchError::NoFile(path.to_owned()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len().min(source.max_bytes)).unwrap_or(0));
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    file.take(source.max_bytes + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() as u64 > source.max_bytes {
        return Err(FetchError::TooLarge { limit: source.max_bytes });
    }
    // A file has no address on the web: relative links need `base_url`.
    let document = Document { url: String::new(), content_type: None, bytes, fetched_at: now };
    Ok(Fetched {
        outcome: Outcome::Document(document),
        http_status: None,
        hops: Vec::new(),
        validators: Validators::default(),
        wish: ServerWish::default(),
        is_delta: false,
        links: Links::default(),
        room: None,
    })
}
