//! Elements of other vocabularies, as both strict crates hand them over: found by namespace, not
//! by prefix.

use std::collections::BTreeMap;

use crate::model::feed::{RawAttachment, RawDate, RawEntry, RawText};

/// Dublin Core, <http://purl.org/dc/elements/1.1/>.
pub(super) const DC: &str = "http://purl.org/dc/elements/1.1/";
/// DCMI terms.
pub(super) const DCTERMS: &str = "http://purl.org/dc/terms/";
/// The content module of RSS 1.0.
pub(super) const CONTENT: &str = "http://purl.org/rss/1.0/modules/content/";
/// Media RSS; seen with and without the slash.
pub(super) const MEDIA: &str = "http://search.yahoo.com/mrss";
/// iTunes podcasts.
pub(super) const ITUNES: &str = "http://www.itunes.com/dtds/podcast-1.0.dtd";
/// Atom inside RSS.
pub(super) const ATOM: &str = "http://www.w3.org/2005/Atom";

/// The slash module of RSS 1.0.
pub(super) const SLASH: &str = "http://purl.org/rss/1.0/modules/slash/";
/// The comment API.
pub(super) const WFW: &str = "http://wellformedweb.org/CommentAPI/";
/// Atom threading, RFC 4685.
pub(super) const THREAD: &str = "http://purl.org/syndication/thread/1.0";
/// GeoRSS-Simple.
pub(super) const GEORSS: &str = "http://www.georss.org/georss";
/// W3C Basic Geo.
pub(super) const GEO: &str = "http://www.w3.org/2003/01/geo/wgs84_pos#";

/// Our own, in repaired documents.
pub(super) const OWN: &str = super::repair::OWN;

/// One element of another vocabulary.
#[derive(Debug, Clone, Default)]
pub(super) struct Extension {
    pub(super) value: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    /// Children by local name.
    pub(super) children: BTreeMap<String, Vec<Extension>>,
}

/// The two crates' extension types have one shape and no common trait.
macro_rules! from_crate {
    ($name:ident, $type:path) => {
        /// Takes the crate's extension over without copying its text.
        pub(super) fn $name(found: $type) -> Extension {
            let children = found
                .children
                .into_iter()
                .map(|(key, list)| (local(&key).to_owned(), list.into_iter().map($name).collect()))
                .collect();
            Extension { value: found.value, attributes: found.attrs, children }
        }
    };
}
from_crate!(from_rss, rss::extension::Extension);
from_crate!(from_atom, atom_syndication::extension::Extension);

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// The extensions of one element, under the namespace of each.
#[derive(Debug, Default)]
pub(super) struct Extensions(BTreeMap<String, BTreeMap<String, Vec<Extension>>>);

impl Extensions {
    /// Files `found` under the namespace that `namespaces` gives its prefix, or under what the
    /// prefix is by custom where the document forgot to declare it.
    pub(super) fn add(&mut self, prefix: &str, name: &str, found: Extension, namespaces: &BTreeMap<String, String>) {
        let declared = namespaces.get(prefix).map(|ns| canonical(ns)).filter(|ns| !ns.is_empty());
        let namespace = declared.unwrap_or_else(|| by_custom(prefix));
        if !self.0.contains_key(namespace) {
            self.0.insert(namespace.to_owned(), BTreeMap::new());
        }
        if let Some(names) = self.0.get_mut(namespace) {
            names.entry(name.to_owned()).or_default().push(found);
        }
    }

    /// All elements of this name.
    pub(super) fn all(&self, namespace: &str, name: &str) -> &[Extension] {
        self.0.get(namespace).and_then(|names| names.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The text of the first element of this name that has any.
    pub(super) fn text(&self, namespace: &str, name: &str) -> Option<String> {
        self.all(namespace, name).iter().find_map(|e| e.value.clone())
    }
}

/// One spelling for namespaces that are written in several.
fn canonical(namespace: &str) -> &str {
    match namespace.trim().trim_end_matches(['/', '#']) {
        "http://search.yahoo.com/mrss" | "https://search.yahoo.com/mrss" => MEDIA,
        "http://purl.org/dc/elements/1.1" | "http://purl.org/dc/elements/1.0" => DC,
        "http://purl.org/dc/terms" => DCTERMS,
        "http://purl.org/rss/1.0/modules/content" => CONTENT,
        "http://www.w3.org/2005/Atom" => ATOM,
        "http://purl.org/rss/1.0/modules/slash" => SLASH,
        "http://wellformedweb.org/CommentAPI" => WFW,
        "http://purl.org/syndication/thread/1.0" => THREAD,
        "http://www.georss.org/georss" => GEORSS,
        "http://www.w3.org/2003/01/geo/wgs84_pos" => GEO,
        other if other.eq_ignore_ascii_case("http://www.itunes.com/dtds/podcast-1.0.dtd") => ITUNES,
        _ => namespace,
    }
}

fn by_custom(prefix: &str) -> &str {
    match prefix {
        "dc" => DC,
        "dcterms" => DCTERMS,
        "content" => CONTENT,
        "media" => MEDIA,
        "itunes" => ITUNES,
        "atom" | "a10" => ATOM,
        "slash" => SLASH,
        "wfw" => WFW,
        "thr" => THREAD,
        "georss" => GEORSS,
        "geo" => GEO,
        other => other,
    }
}

/// What a repair noted because the strict crates would lose it.
pub(super) fn read_own(extensions: &Extensions, entry: &mut RawEntry) {
    if !extensions.0.contains_key(OWN) {
        return;
    }
    let text = |name| extensions.text(OWN, name);
    // Of several dates the last is the newest.
    let last = |name| extensions.all(OWN, name).iter().rev().find_map(|e| e.value.clone());
    let date = |name| last(name).map(RawDate::Text);
    entry.base = text("base");
    entry.language = entry.language.take().or_else(|| text("lang"));
    entry.published = entry.published.take().or_else(|| date("published")).or_else(|| date("created"));
    entry.updated = entry.updated.take().or_else(|| date("updated"));
    for more in extensions.all(OWN, "enclosure") {
        let of = |key: &str| more.attributes.get(key).cloned();
        if let Some(url) = of("url").filter(|url| !url.trim().is_empty()) {
            entry.attachments.push(RawAttachment { url, mime_type: of("type"), size: of("length"), duration: None });
        }
    }
    if let (Some(base), Some(body)) = (text("body_base"), entry.content.as_mut().or(entry.summary.as_mut())) {
        body.base = Some(base);
    }
}

/// Comments and places: where an entry is discussed, how often, and as tags where it happened.
pub(super) fn read_comments_and_places(extensions: &Extensions, entry: &mut RawEntry) {
    if extensions.0.is_empty() {
        return;
    }
    let comments = &mut entry.comments;
    comments.feed = comments.feed.take().or_else(|| extensions.text(WFW, "commentRss"));
    comments.count = extensions.text(SLASH, "comments").or_else(|| extensions.text(THREAD, "total"));
    entry.tags.extend(extensions.text(GEORSS, "featurename").or_else(|| extensions.text(GEORSS, "featureName")));
    let pair = || Some(format!("{} {}", extensions.text(GEO, "lat")?, extensions.text(GEO, "long")?));
    let point = extensions.text(GEORSS, "point").or_else(pair);
    // A tag in the form of a geo URI (RFC 5870).
    entry.tags.extend(point.as_deref().and_then(geo_uri));
}

fn geo_uri(point: &str) -> Option<String> {
    let mut numbers = point.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty());
    let (latitude, longitude) = (numbers.next()?, numbers.next()?);
    let within = |text: &str, most: f64| text.parse::<f64>().is_ok_and(|n| n.abs() <= most);
    (within(latitude, 90.0) && within(longitude, 180.0)).then(|| format!("geo:{latitude},{longitude}"))
}

/// Media RSS: contents become attachments, the thumbnail the image, a description the summary
/// where there is none. A `media:group` holds alternatives of one thing; `media:title` is the
/// entry's title only where it has none.
pub(super) fn read_media(extensions: &Extensions, entry: &mut RawEntry) {
    if !extensions.0.contains_key(MEDIA) {
        return;
    }
    let groups = extensions.all(MEDIA, "group");
    let everywhere = |name: &'static str| {
        let in_groups = groups.iter().filter_map(move |group| group.children.get(name)).flatten();
        extensions.all(MEDIA, name).iter().chain(in_groups)
    };
    let values = |name| everywhere(name).filter_map(|found| found.value.as_deref());
    for content in everywhere("content") {
        let of = |key: &str| content.attributes.get(key).cloned();
        if let Some(url) = of("url").filter(|url| !url.trim().is_empty())
            && !entry.attachments.iter().any(|known| known.url == url)
        {
            entry.attachments.push(RawAttachment {
                url,
                mime_type: of("type").or_else(|| of("medium").map(|medium| format!("{medium}/*"))),
                size: of("fileSize"),
                duration: of("duration"),
            });
        }
        entry.image =
            entry.image.take().or_else(|| content.children.get("thumbnail")?.first()?.attributes.get("url").cloned());
    }
    entry.image = entry.image.take().or_else(|| everywhere("thumbnail").next()?.attributes.get("url").cloned());
    entry.tags.extend(values("category").map(str::to_owned));
    entry.tags.extend(values("keywords").flat_map(|list| list.split(',')).map(str::to_owned));
    if entry.title.as_ref().is_none_or(|title| title.value.trim().is_empty()) {
        entry.title = values("title").next().map(RawText::unknown);
    }
    if entry.summary.is_none() && entry.content.is_none() {
        entry.summary = values("description").next().map(RawText::unknown);
    }
}
