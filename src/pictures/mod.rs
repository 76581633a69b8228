//! Pictures of stories for the pages, without telling publishers who reads them.
//!
//! A page names a picture by a signed address of the daemon's own; the daemon fetches it under the address rules of
//! polls and keeps it on disk for a while. Here: signing, what counts as a picture, and the cache. The fetch is the
//! daemon's.

mod kind;
mod sign;

pub use kind::media_type;
pub use sign::Signer;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use url::Url;

/// A picture that a page asks for.
#[derive(Debug)]
pub struct PictureRequest {
    /// Its address at the publisher.
    pub url: Url,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Option<Picture>>,
}

/// A picture as it is served.
#[derive(Debug, Clone)]
pub struct Picture {
    /// By its bytes, not by what its server says.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Bytes,
    /// Its place among the pictures that are held in memory; given back once nobody holds it.
    pub held: Arc<OwnedSemaphorePermit>,
}
