//! `[websub]`: what hubs push to us, and what hubs push of ours.

use url::Url;

use super::section::{Findings, Section};

/// `[websub]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebSub {
    /// Whether hubs are asked for pushes; where it is not said, if `river.base_url` is public.
    pub subscribe: Option<bool>,
    /// Whether newsriver is a hub for its own feeds.
    pub is_hub: bool,
    /// Hubs of others that are told of changes.
    pub hubs: Vec<Url>,
    /// Whether subscribers of our hub may be at private addresses.
    pub allow_private: bool,
}

pub(super) fn read(mut section: Section<'_>, findings: &Findings<'_>) -> WebSub {
    let place = section.span();
    let mut read = WebSub {
        subscribe: section.flag("subscribe"),
        allow_private: section.flag("allow_private").unwrap_or(false),
        ..WebSub::default()
    };
    for hub in section.one_or_more("hub") {
        match Url::parse(&hub) {
            _ if hub == "self" => read.is_hub = true,
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => read.hubs.push(url),
            _ => findings.add(
                place.clone(),
                format!("`hub` is neither \"self\" nor the address of a hub: {hub}"),
                "write hub = \"self\", or hub = [\"self\", \"https://hub.example.org/\"]",
            ),
        }
    }
    section.finish();
    read
}
