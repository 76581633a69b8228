//! What sanitised HTML may hold: elements, attributes, and schemes of addresses. One list for our own walk and for the
//! sanitiser behind it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use url::Url;

use super::link;

/// Elements that go with everything in them.
const DROPPED: [&str; 4] = ["script", "style", "template", "iframe"];

/// Elements without content or end tag (HTML, section 13.1.2).
const VOID: [&str; 7] = ["area", "br", "col", "hr", "img", "source", "wbr"];

/// Schemes of addresses that a reader may follow or load.
const BODY_SCHEMES: [&str; 9] = ["http", "https", "ftp", "mailto", "tel", "magnet", "gemini", "xmpp", "irc"];

/// The lists, and the sanitiser that holds to them.
pub(super) struct Allowed {
    elements: HashSet<&'static str>,
    generic: HashSet<&'static str>,
    by_element: HashMap<&'static str, HashSet<&'static str>>,
    pub(super) sanitiser: Builder<'static>,
}

/// One for all: it holds no state.
pub(super) static ALLOWED: LazyLock<Allowed> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add_tags(["audio", "video", "source", "picture", "section", "main"])
        .add_tag_attributes("audio", ["src", "controls"])
        .add_tag_attributes("video", ["src", "controls", "poster", "width", "height"])
        .add_tag_attributes("source", ["src", "type", "srcset", "sizes", "media"])
        .add_tag_attributes("img", ["srcset", "sizes"])
        .url_schemes(HashSet::from(BODY_SCHEMES))
        .url_relative(UrlRelative::PassThrough);
    let (elements, generic, by_element) =
        (builder.clone_tags(), builder.clone_generic_attributes(), builder.clone_tag_attributes());
    // The sanitiser checks the schemes of what browsers load or follow by themselves; of these too.
    builder.attribute_filter(|_, name, value| {
        if is_address(name) { address(name, value, None).map(Into::into) } else { Some(value.into()) }
    });
    Allowed { elements, generic, by_element, sanitiser: builder }
});

impl Allowed {
    pub(super) fn has_element(&self, name: &str) -> bool {
        self.elements.contains(name)
    }

    pub(super) fn has_attribute(&self, element: &str, name: &str) -> bool {
        self.generic.contains(name) || self.by_element.get(element).is_some_and(|names| names.contains(name))
    }
}

pub(super) fn is_dropped(element: &str) -> bool {
    DROPPED.contains(&element)
}

pub(super) fn is_void(element: &str) -> bool {
    VOID.contains(&element)
}

/// Whether the values of an attribute are addresses.
pub(super) fn is_address(name: &str) -> bool {
    matches!(name, "href" | "src" | "cite" | "poster" | "srcset")
}

/// The value of an attribute that holds addresses, each absolute where a base is known; `None` where none is left.
pub(super) fn address(name: &str, value: &str, base: Option<&Url>) -> Option<String> {
    let value = value.trim();
    match name {
        "srcset" => srcset(value, base),
        // As written where that is absolute: another spelling would make it another link to whoever compares.
        "href" | "src"
            if link::is_tidy(value) && Url::parse(value).is_ok_and(|url| BODY_SCHEMES.contains(&url.scheme())) =>
        {
            Some(value.to_owned())
        }
        _ => link::resolved(value, base, &BODY_SCHEMES),
    }
}

/// The candidates of a `srcset` with absolute addresses (HTML, section 4.8.4.2.1); what is no web
/// address goes.
fn srcset(value: &str, base: Option<&Url>) -> Option<String> {
    // A comma inside an address is followed by no white space.
    let candidates: Vec<String> = value
        .split(", ")
        .flat_map(|part| part.split(",\n"))
        .filter_map(|candidate| {
            let (address, size) = candidate.trim().split_once(char::is_whitespace).unwrap_or((candidate.trim(), ""));
            let absolute = link::resolved(address.trim_matches(','), base, &["http", "https"])?;
            let is_web = Url::parse(&absolute).is_ok_and(|url| url.has_host());
            is_web.then(|| format!("{absolute} {}", size.trim()).trim_end().to_owned())
        })
        .collect();
    (!candidates.is_empty()).then(|| candidates.join(", "))
}
