//! Which vocabulary an element is of, whatever prefix or spelling of a namespace it comes with.

/// A vocabulary that feeds use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// RSS of any version, and elements of no namespace.
    Core,
    /// Atom 1.0 and 0.3.
    Atom,
    /// One whose elements are passed on under this prefix.
    Known(&'static str),
    /// XHTML, SVG, MathML: markup.
    Markup,
    /// None that we know.
    Other,
}

/// The prefixes and namespaces that repaired documents declare.
pub(super) const DECLARED: [(&str, &str); 13] = [
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("content", "http://purl.org/rss/1.0/modules/content/"),
    ("media", "http://search.yahoo.com/mrss/"),
    ("itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
    ("atom", "http://www.w3.org/2005/Atom"),
    ("georss", "http://www.georss.org/georss"),
    ("sy", "http://purl.org/rss/1.0/modules/syndication/"),
    ("slash", "http://purl.org/rss/1.0/modules/slash/"),
    ("wfw", "http://wellformedweb.org/CommentAPI/"),
    ("thr", "http://purl.org/syndication/thread/1.0"),
    ("geo", "http://www.w3.org/2003/01/geo/wgs84_pos#"),
    ("nr", super::OWN),
];

/// The vocabulary of a namespace.
pub(super) fn of_namespace(namespace: &str) -> Vocabulary {
    let folded = namespace.trim().trim_end_matches(['/', '#']).to_ascii_lowercase();
    let known = |prefix: &str| {
        DECLARED.iter().find(|(p, _)| *p == prefix).map_or(Vocabulary::Other, |(p, _)| Vocabulary::Known(p))
    };
    match folded.as_str() {
        "" => Vocabulary::Core,
        "http://www.w3.org/2005/atom" | "https://www.w3.org/2005/atom" | "http://www.w3.org/2005/atom/" => {
            Vocabulary::Atom
        }
        n if n.contains("purl.org/atom/") || n.contains("example.com/newformat") || n.contains("necho") => {
            Vocabulary::Atom
        }
        n if n.contains("purl.org/dc/terms") => known("dcterms"),
        n if n.contains("purl.org/dc/elements") => known("dc"),
        n if n.contains("modules/content") => known("content"),
        n if n.contains("modules/syndication") => known("sy"),
        n if n.contains("modules/slash") => known("slash"),
        n if n.contains("wellformedweb.org/commentapi") => known("wfw"),
        n if n.contains("syndication/thread/") => known("thr"),
        n if n.contains("geo/wgs84_pos") => known("geo"),
        n if n.contains("search.yahoo.com/mrss") => known("media"),
        n if n.contains("itunes.com/dtds/podcast") => known("itunes"),
        n if n.contains("georss.org/georss") => known("georss"),
        n if n.contains("1999/xhtml") || n.contains("2000/svg") || n.contains("math/mathml") => Vocabulary::Markup,
        n if n.contains("/rss/1.0/modules/") => Vocabulary::Other,
        n if n.contains("22-rdf-syntax-ns") || n.contains("netscape.com/") || n.contains("/rss1.1") => Vocabulary::Core,
        n if n.contains("rss") && !n.contains("module") => Vocabulary::Core,
        _ => Vocabulary::Other,
    }
}

/// The vocabulary of a prefix that the document does not declare.
pub(super) fn by_custom(prefix: &str) -> Vocabulary {
    match prefix {
        "" | "rss" | "rdf" => Vocabulary::Core,
        "atom" | "a10" => Vocabulary::Atom,
        "xhtml" | "svg" => Vocabulary::Markup,
        other => DECLARED
            .iter()
            .find(|(p, _)| *p == other && *p != "nr")
            .map_or(Vocabulary::Other, |(p, _)| Vocabulary::Known(p)),
    }
}

/// Prefixes in scope, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    declared: Vec<(usize, String, Vocabulary)>,
}

impl Scopes {
    /// Notes what an element at `depth` declares.
    pub(super) fn enter(&mut self, depth: usize, attributes: &[(&str, std::borrow::Cow<'_, str>)]) {
        self.leave(depth);
        for (key, value) in attributes {
            let prefix = if *key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix {
                self.declared.push((depth, prefix.to_owned(), of_namespace(value)));
            }
        }
    }

    /// Forgets what elements at `depth` and below declared.
    pub(super) fn leave(&mut self, depth: usize) {
        self.declared.retain(|(at, ..)| *at < depth);
    }

    /// Vocabulary and local name of a name.
    pub(super) fn resolve<'n>(&self, name: &'n str) -> (Vocabulary, &'n str) {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let found =
            self.declared.iter().rev().find(|(_, known, _)| known == prefix).map(|(.., vocabulary)| *vocabulary);
        (found.unwrap_or_else(|| by_custom(prefix)), local)
    }
}
