//! Elements of other vocabularies, as both strict crates hand them over: found by namespace, not
//! by prefix.

use std::collections::BTreeMap;

use super::vocabulary::{Vocabulary, by_custom, of_declaration};
use crate::model::feed::{RawAttachment, RawDate, RawEntry, RawPerson, RawText, TextKind};

/// Our own vocabulary, in repaired documents.
const OWN: &str = "nr";

/// The vocabularies of the prefixes that a document declares.
pub(super) type Vocabularies = BTreeMap<String, Vocabulary>;

/// Looks up what a document declares, once for all its entries.
pub(super) fn vocabularies(namespaces: &BTreeMap<String, String>) -> Vocabularies {
    namespaces.iter().map(|(prefix, namespace)| (prefix.clone(), of_declaration(prefix, namespace))).collect()
}

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

/// The extensions of one element, under the prefix by which `vocabulary` knows theirs.
#[derive(Debug, Default)]
pub(super) struct Extensions(BTreeMap<&'static str, BTreeMap<String, Vec<Extension>>>);

impl Extensions {
    /// Files `found` under the vocabulary that the document declares for its prefix, or under what the
    /// prefix is by custom where the document forgot to declare it.
    pub(super) fn add(&mut self, prefix: &str, name: &str, found: Extension, declared: &Vocabularies) {
        let vocabulary = declared.get(prefix).copied().unwrap_or_else(|| by_custom(prefix));
        if let Vocabulary::Known(known) = vocabulary {
            self.0.entry(known).or_default().entry(name.to_owned()).or_default().push(found);
        }
    }

    /// All elements of this name.
    pub(super) fn all(&self, vocabulary: &str, name: &str) -> &[Extension] {
        self.0.get(vocabulary).and_then(|names| names.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The texts of all elements of this name that have any.
    pub(super) fn texts<'e>(&'e self, vocabulary: &str, name: &str) -> impl Iterator<Item = &'e str> {
        self.all(vocabulary, name).iter().filter_map(|found| found.value.as_deref())
    }

    /// The text of the first element of this name that has any.
    pub(super) fn text(&self, vocabulary: &str, name: &str) -> Option<String> {
        self.texts(vocabulary, name).next().map(str::to_owned)
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
    entry.image = entry.image.take().or_else(|| text("image"));
    if entry.id.is_none() {
        entry.id = text("id");
        entry.id_is_link = entry.id.is_some();
    }
    for (place, name) in [(&mut entry.title, "title"), (&mut entry.summary, "summary"), (&mut entry.content, "content")]
    {
        if is_blank(place) {
            *place = extensions.all(OWN, name).iter().find_map(construct).or_else(|| place.take());
        }
    }
    for person in extensions.all(OWN, "author") {
        let of = |key: &str| person.attributes.get(key).cloned();
        entry.authors.push(RawPerson { name: of("name"), email: of("email"), url: of("uri") });
    }
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

/// Whether a field says nothing.
pub(super) fn is_blank(text: &Option<RawText>) -> bool {
    text.as_ref().is_none_or(|text| text.value.trim().is_empty())
}

/// A text whose `type` says what it is, if anything does.
fn construct(found: &Extension) -> Option<RawText> {
    let value = found.value.clone()?;
    let kind = match found.attributes.get("type").map(String::as_str) {
        Some("text") => TextKind::Plain,
        Some("unknown") => TextKind::Unknown,
        _ => TextKind::Html,
    };
    Some(RawText { value, kind, base: None })
}

/// Fields of Dublin Core, its terms, iTunes and the content module, where the format's own are missing.
pub(super) fn read_general(extensions: &Extensions, entry: &mut RawEntry) {
    if extensions.0.is_empty() {
        return;
    }
    let dated = |vocabulary, name| extensions.text(vocabulary, name).map(RawDate::Text);
    let first = |pairs: &[(&str, &str)]| {
        pairs.iter().find_map(|(vocabulary, name)| extensions.text(vocabulary, name)).map(RawText::unknown)
    };
    entry.published = entry
        .published
        .take()
        .or_else(|| dated("dcterms", "issued"))
        .or_else(|| dated("dcterms", "created"))
        .or_else(|| dated("dc", "date"));
    entry.updated = entry.updated.take().or_else(|| dated("dcterms", "modified"));
    if is_blank(&entry.title) {
        entry.title = first(&[("dc", "title"), ("itunes", "title")]).or_else(|| entry.title.take());
    }
    if is_blank(&entry.content) {
        entry.content = extensions.text("content", "encoded").map(RawText::html).or_else(|| entry.content.take());
    }
    if is_blank(&entry.summary) && is_blank(&entry.content) {
        entry.summary = first(&[("dc", "description"), ("itunes", "summary"), ("itunes", "subtitle")]);
    }
    let person = |name: &str| RawPerson { name: Some(name.to_owned()), ..RawPerson::default() };
    entry.authors.extend(extensions.texts("dc", "creator").map(person));
    for (vocabulary, name) in [("itunes", "author"), ("podcast", "person")] {
        if entry.authors.is_empty() {
            entry.authors.extend(extensions.texts(vocabulary, name).map(person));
        }
    }
    entry.tags.extend(extensions.texts("dc", "subject").map(str::to_owned));
    entry.language = entry.language.take().or_else(|| extensions.text("dc", "language"));
    let pictured = || extensions.all("itunes", "image").first()?.attributes.get("href").cloned();
    entry.image = entry.image.take().or_else(pictured);
    if let Some(attachment) = entry.attachments.first_mut() {
        attachment.duration = attachment.duration.take().or_else(|| extensions.text("itunes", "duration"));
    }
}

/// Comments and places: where an entry is discussed, how often, and as tags where it happened.
pub(super) fn read_comments_and_places(extensions: &Extensions, entry: &mut RawEntry) {
    if extensions.0.is_empty() {
        return;
    }
    let comments = &mut entry.comments;
    comments.feed = comments.feed.take().or_else(|| extensions.text("wfw", "commentRss"));
    comments.count = extensions.text("slash", "comments").or_else(|| extensions.text("thr", "total"));
    entry.tags.extend(extensions.text("georss", "featureName"));
    let coordinate = |name: &str| {
        let within = || extensions.all("geo", "Point").first()?.children.get(name)?.first()?.value.clone();
        extensions.text("geo", name).or_else(within)
    };
    let pair = || Some(format!("{} {}", coordinate("lat")?, coordinate("long")?));
    let point = extensions.text("georss", "point").or_else(pair);
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
    if !extensions.0.contains_key("media") {
        return;
    }
    let groups = extensions.all("media", "group");
    let everywhere = |name: &'static str| {
        let in_groups = groups.iter().filter_map(move |group| group.children.get(name)).flatten();
        extensions.all("media", name).iter().chain(in_groups)
    };
    // The texts of a file stand beside it or inside.
    let described = |name: &'static str| {
        let in_files = everywhere("content").filter_map(move |file| file.children.get(name)).flatten();
        everywhere(name).chain(in_files)
    };
    let values = |name| described(name).filter_map(|found| found.value.as_deref());
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
    if is_blank(&entry.title) {
        entry.title = values("title").next().map(RawText::unknown);
    }
    if is_blank(&entry.summary) && is_blank(&entry.content) {
        entry.summary = values("description").next().map(RawText::unknown);
    }
}
