//! newsriver polls sources, normalises their entries and republishes one merged feed, the river.
//!
//! ```text
//! feeds.toml -> config -> schedule -> fetch -> decode -> parse -> normalise -> identity -> store -> publish -> web
//!               Config    due ids     bytes    Text     RawFeed   Feed         Verdict     SQLite   bytes      HTTP
//!                                    |<------------------- poll ----------------------->|
//! ```
//!
//! The modules below stand in the order of that way; `poll` joins the stages, `daemon` runs them.

pub mod clean;
pub mod config;
pub mod schedule;

pub mod fetch;

pub mod decode;

pub mod discover;
pub mod opml;
pub mod parse;

pub mod html;
pub mod normalise;

pub mod identity;

pub mod ingest;

pub mod explain;
pub mod search;
pub mod store;
pub mod stories;

pub mod ranking;

pub mod metrics;
pub mod model;

pub mod publish;

pub mod poll;

pub mod status;

pub mod observe;

pub mod hub;
pub mod live;

pub mod language;
pub mod pictures;

pub mod web;
pub mod websub;

pub mod output;

pub mod daemon;

pub mod cli;
