//! The nouns of the field as plain data: no I/O, no clock, no parsing of documents.
//!
//! Every stage speaks in these types; none of them knows a stage.

pub mod activity;
pub mod archive;
pub mod cleaning;
pub mod document;
pub mod entry;
pub mod feed;
pub mod hub;
pub mod moved;
pub mod page;
pub mod part;
pub mod privacy;
pub mod reason;
pub mod recent;
pub mod redact;
pub mod report;
pub mod server;
pub mod source;
pub mod text;
pub mod visible;
pub mod websub;
pub mod zone;
