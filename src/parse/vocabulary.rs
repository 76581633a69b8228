//! The vocabularies of feeds: which one an element is of, whatever its prefix, and what its name means there, whatever
//! its case. The one table of both paths: `survey` objects to every name that the strict crates do not carry as it is
//! spelt, and `repair` writes the names that they do carry.

/// A vocabulary that feeds use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// RSS of any version, and elements of no namespace.
    Core,
    /// RDF, the frame of RSS 1.0.
    Rdf,
    /// Atom 1.0 and 0.3.
    Atom,
    /// One whose elements stand under this prefix in repaired documents.
    Known(&'static str),
    /// XHTML, SVG, MathML: markup.
    Markup,
    /// None that we know.
    Other,
}

/// An element as the strict crates, or the readers of what they hand over, know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) vocabulary: Vocabulary,
    pub(super) local: &'static str,
}

/// The namespace of Atom.
pub(super) const ATOM: &str = "http://www.w3.org/2005/Atom";

/// The namespace of the elements that only our own readers look for.
pub(super) const OWN: &str = "urn:newsriver:repair";

/// The prefixes and namespaces that repaired documents declare.
pub(super) const DECLARED: [(&str, &str); 14] = [
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("content", "http://purl.org/rss/1.0/modules/content/"),
    ("media", "http://search.yahoo.com/mrss/"),
    ("itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
    ("atom", ATOM),
    ("georss", "http://www.georss.org/georss"),
    ("sy", "http://purl.org/rss/1.0/modules/syndication/"),
    ("slash", "http://purl.org/rss/1.0/modules/slash/"),
    ("wfw", "http://wellformedweb.org/CommentAPI/"),
    ("thr", "http://purl.org/syndication/thread/1.0"),
    ("geo", "http://www.w3.org/2003/01/geo/wgs84_pos#"),
    ("podcast", "https://podcastindex.org/namespace/1.0"),
    ("nr", OWN),
];

/// Parts of namespaces, in lower case, as they are written in the wild: with another scheme or host, without the last
/// mark, in other versions. The first that a namespace contains decides.
const NAMESPACES: [(&str, Vocabulary); 39] = [
    ("purl.org/atom/app", Vocabulary::Other),
    ("w3.org/2007/app", Vocabulary::Other),
    ("purl.org/atom/", Vocabulary::Atom),
    ("purl.org/echo", Vocabulary::Atom),
    ("purl.org/pie", Vocabulary::Atom),
    ("example.com/newformat", Vocabulary::Atom),
    ("example.com/necho", Vocabulary::Atom),
    ("w3.org/2005/atom", Vocabulary::Atom),
    ("purl.org/dc/terms", Vocabulary::Known("dcterms")),
    ("purl.org/dc", Vocabulary::Known("dc")),
    ("purl.org/metadata/dublin_core", Vocabulary::Known("dc")),
    ("dublincore.org/documents/dcmi-terms", Vocabulary::Known("dcterms")),
    ("dublincore.org/", Vocabulary::Known("dc")),
    ("modules/content", Vocabulary::Known("content")),
    ("modules/syndication", Vocabulary::Known("sy")),
    ("modules/slash", Vocabulary::Known("slash")),
    ("modules/dcterms", Vocabulary::Known("dcterms")),
    ("wellformedweb.org/commentapi", Vocabulary::Known("wfw")),
    ("syndication/thread/", Vocabulary::Known("thr")),
    ("geo/wgs84_pos", Vocabulary::Known("geo")),
    ("yahoo.com/mrss", Vocabulary::Known("media")),
    ("rssboard.org/media-rss", Vocabulary::Known("media")),
    ("dtds/podcast", Vocabulary::Known("itunes")),
    ("georss.org/georss", Vocabulary::Known("georss")),
    ("podcastindex.org/namespace", Vocabulary::Known("podcast")),
    ("podcastindex-org/podcast-namespace", Vocabulary::Known("podcast")),
    ("prismstandard.org/namespaces", Vocabulary::Known("prism")),
    ("news.yandex.ru", Vocabulary::Known("yandex")),
    ("1999/xhtml", Vocabulary::Markup),
    ("2000/svg", Vocabulary::Markup),
    ("math/mathml", Vocabulary::Markup),
    ("22-rdf-syntax-ns", Vocabulary::Rdf),
    ("/rss/1.0/modules/", Vocabulary::Other),
    ("purl.org/rss/", Vocabulary::Core),
    ("purl.org/net/rss1.1", Vocabulary::Core),
    ("userland.com/rss", Vocabulary::Core),
    ("harvard.edu/tech/rss", Vocabulary::Core),
    ("netscape.com/", Vocabulary::Core),
    ("rssboard.org/rss-", Vocabulary::Core),
];

/// The vocabulary of a namespace.
fn of_namespace(namespace: &str) -> Vocabulary {
    // Most are written as they are defined.
    if let Some((prefix, _)) = DECLARED.iter().find(|(_, defined)| *defined == namespace) {
        return if *prefix == "atom" { Vocabulary::Atom } else { Vocabulary::Known(prefix) };
    }
    let folded = namespace.trim().to_ascii_lowercase();
    NAMESPACES.iter().find(|(part, _)| folded.contains(part)).map_or(Vocabulary::Other, |(_, vocabulary)| *vocabulary)
}

/// The vocabulary that a document declares for a prefix. A namespace that nobody knows means what the prefix means by
/// custom.
pub(super) fn of_declaration(prefix: &str, namespace: &str) -> Vocabulary {
    match of_namespace(namespace) {
        Vocabulary::Other if !namespace.to_ascii_lowercase().contains("/rss/1.0/modules/") => by_custom(prefix),
        found => found,
    }
}

/// The vocabulary of a prefix that the document does not declare.
pub(super) fn by_custom(prefix: &str) -> Vocabulary {
    match prefix {
        "" | "rss" => Vocabulary::Core,
        "rdf" => Vocabulary::Rdf,
        "atom" | "a10" | "atom10" => Vocabulary::Atom,
        "xhtml" | "svg" => Vocabulary::Markup,
        "prism" => Vocabulary::Known("prism"),
        "yandex" => Vocabulary::Known("yandex"),
        other => DECLARED
            .iter()
            .find(|(known, _)| *known == other && *known != "nr")
            .map_or(Vocabulary::Other, |(known, _)| Vocabulary::Known(known)),
    }
}

/// What a name means; `None` where nothing of ours comes from it. `folded` is the local name in lower case.
pub(super) fn meaning(vocabulary: Vocabulary, folded: &str) -> Option<Name> {
    let (vocabulary, local) = match vocabulary {
        Vocabulary::Core | Vocabulary::Atom => (vocabulary, core(folded)?),
        Vocabulary::Rdf => (vocabulary, if folded == "rdf" { "rss" } else { return None }),
        Vocabulary::Markup => (vocabulary, if matches!(folded, "body" | "div") { "body" } else { return None }),
        Vocabulary::Known(prefix) => {
            let (prefix, local) = known(prefix, folded)?;
            (Vocabulary::Known(prefix), local)
        }
        Vocabulary::Other => return None,
    };
    Some(Name { vocabulary, local })
}

/// Names of RSS and Atom. Both are read in both: what a format has no such element for is a field all the same.
fn core(folded: &str) -> Option<&'static str> {
    Some(match folded {
        "rss" => "rss",
        "channel" => "channel",
        "feed" => "feed",
        "item" | "entry" => "item",
        "title" => "title",
        "link" | "url" => "link",
        "description" | "abstract" => "description",
        "summary" => "summary",
        "subtitle" | "tagline" => "subtitle",
        "content" | "body" | "fullitem" | "fulltext" | "full-text" => "content",
        "author" => "author",
        "managingeditor" => "managingEditor",
        "category" => "category",
        "keywords" => "keywords",
        "comments" => "comments",
        "guid" => "guid",
        "id" => "id",
        "pubdate" | "date" | "lastmod" => "pubDate",
        "published" | "issued" => "published",
        "created" => "created",
        "updated" | "modified" => "updated",
        "language" => "language",
        "ttl" => "ttl",
        "source" => "source",
        "enclosure" => "enclosure",
        "image" => "image",
        "textinput" => "textinput",
        "cloud" => "cloud",
        "skiphours" => "skipHours",
        "skipdays" => "skipDays",
        _ => return None,
    })
}

/// Names of the other vocabularies, under the prefix and in the spelling by which they are read.
fn known(prefix: &'static str, folded: &str) -> Option<(&'static str, &'static str)> {
    let local = match (prefix, folded) {
        ("dc", "author") | ("dcterms", "creator") => return Some(("dc", "creator")),
        ("dcterms", "title") => return Some(("dc", "title")),
        ("dcterms", "subject") => return Some(("dc", "subject")),
        ("dcterms", "description" | "abstract") => return Some(("dc", "description")),
        ("dcterms", "date" | "available") | ("prism", "publicationdate" | "coverdate") => {
            return Some(("dcterms", "issued"));
        }
        ("prism", "modificationdate") => return Some(("dcterms", "modified")),
        ("prism", "keyword") => return Some(("dc", "subject")),
        ("yandex", "full-text") => return Some(("content", "encoded")),
        ("georss", "where") => return Some(("georss", "point")),
        ("dc", "title") | ("media", "title") | ("itunes", "title") => "title",
        ("dc", "description") | ("media", "description") => "description",
        ("dc", "creator") => "creator",
        ("dc", "date") => "date",
        ("dc", "subject") => "subject",
        ("dc", "language") => "language",
        ("dcterms", "issued") => "issued",
        ("dcterms", "created") => "created",
        ("dcterms", "modified") => "modified",
        ("content", "encoded") => "encoded",
        ("media", "group") => "group",
        ("media", "content") => "content",
        ("media", "thumbnail") => "thumbnail",
        ("media", "category") | ("itunes", "category") => "category",
        ("media", "keywords") | ("itunes", "keywords") => "keywords",
        ("itunes", "author") => "author",
        ("itunes", "summary") => "summary",
        ("itunes", "subtitle") => "subtitle",
        ("itunes", "image") => "image",
        ("itunes", "duration") => "duration",
        ("podcast", "person") => "person",
        ("georss", "point") => "point",
        ("georss", "featurename") => "featureName",
        ("geo", "lat") => "lat",
        ("geo", "long") => "long",
        ("geo", "point") => "Point",
        ("sy", "updateperiod") => "updatePeriod",
        ("sy", "updatefrequency") => "updateFrequency",
        ("slash" | "wfw", "comments") => "comments",
        ("wfw", "commentrss") => "commentRss",
        ("thr", "total") => "total",
        ("nr", other) => own(other)?,
        _ => return None,
    };
    Some((prefix, local))
}

/// Our own names, which repaired documents alone have.
fn own(folded: &str) -> Option<&'static str> {
    const OWN: [&str; 14] = [
        "author",
        "base",
        "body_base",
        "content",
        "created",
        "enclosure",
        "id",
        "image",
        "lang",
        "link",
        "published",
        "summary",
        "title",
        "updated",
    ];
    OWN.into_iter().find(|name| *name == folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_known_however_they_are_written() {
        for (prefix, namespace, vocabulary) in [
            ("dc", "http://purl.org/dc/elements/1.0/", Vocabulary::Known("dc")),
            ("x", "https://purl.org/dc/elements/1.1", Vocabulary::Known("dc")),
            ("x", "http://dublincore.org/documents/dcmi-namespace/", Vocabulary::Known("dc")),
            ("dc", "http://anything.example/", Vocabulary::Known("dc")),
            ("x", "http://purl.org/dc/terms/", Vocabulary::Known("dcterms")),
            ("media", "http://www.rssboard.org/media-rss", Vocabulary::Known("media")),
            ("x", "https://search.yahoo.com/mrss", Vocabulary::Known("media")),
            ("a", "http://www.w3.org/2005/Atom", Vocabulary::Atom),
            ("app", "http://www.w3.org/2007/app", Vocabulary::Other),
            ("feedburner", "http://rssnamespace.org/feedburner/ext/1.0", Vocabulary::Other),
            ("cf", "http://www.microsoft.com/schemas/rss/core/2005", Vocabulary::Other),
            ("x", "http://www.rssboard.org/rss-specification", Vocabulary::Core),
            ("", "http://unknown.example/", Vocabulary::Core),
            ("content", "http://purl.org/rss/1.0/modules/taxonomy/", Vocabulary::Other),
        ] {
            assert_eq!(of_declaration(prefix, namespace), vocabulary, "{prefix} {namespace}");
        }
    }

    #[test]
    fn every_name_of_ours_has_one_spelling() {
        for (vocabulary, name, expected) in [
            (Vocabulary::Core, "pubdate", Some("pubDate")),
            (Vocabulary::Atom, "entry", Some("item")),
            (Vocabulary::Known("wfw"), "commentrss", Some("commentRss")),
            (Vocabulary::Known("yandex"), "full-text", Some("encoded")),
            (Vocabulary::Known("media"), "credit", None),
            (Vocabulary::Rdf, "description", None),
        ] {
            assert_eq!(meaning(vocabulary, name).map(|name| name.local), expected, "{name}");
        }
    }
}
