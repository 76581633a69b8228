//! Links of what others wrote: an absolute address of an allowed scheme, or truly relative; nothing else.

use url::{ParseError, Url};

/// Schemes that the links of an entry may have: its page, its files, its authors.
pub const SCHEMES: [&str; 6] = ["http", "https", "ftp", "magnet", "gemini", "mailto"];

/// `link` resolved against `base`. Without a base a relative reference stays one, in ASCII, so that neither a reader
/// who normalises it nor one who drops invisible characters makes an address with a scheme of it. `None` for what has
/// another scheme than `schemes`, and for what is no address.
#[must_use]
pub fn resolved(link: &str, base: Option<&Url>, schemes: &[&str]) -> Option<String> {
    let is_allowed = |url: &Url| schemes.contains(&url.scheme());
    let link: String = link.trim().chars().filter(|c| !c.is_control()).collect();
    if link.is_empty() {
        return None;
    }
    match Url::parse(&link) {
        Ok(url) => is_allowed(&url).then(|| url.to_string()),
        Err(ParseError::RelativeUrlWithoutBase) => match base {
            Some(base) => base.join(&link).ok().filter(is_allowed).map(|url| url.to_string()),
            None => relative(&link),
        },
        Err(_) => None,
    }
}

/// Whether an absolute address can stay as its publisher wrote it: no white space or quote in it that a reader could
/// stumble over.
pub(super) fn is_tidy(link: &str) -> bool {
    !link.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\\' | '`'))
}

/// A relative reference in ASCII; `None` where its first segment could be taken for a scheme (RFC 3986, section 4.2),
/// now or after another decoding.
fn relative(link: &str) -> Option<String> {
    let mut out = String::with_capacity(link.len());
    for c in link.chars() {
        if c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '`' | '\\' | '^' | '{' | '}' | '|') {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            out.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
    let segment = &out[..out.find(['/', '?', '#']).unwrap_or(out.len())];
    let is_relative = matches!(Url::parse(&out), Err(ParseError::RelativeUrlWithoutBase));
    (is_relative && !segment.contains([':', '&'])).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: [&str; 2] = ["http", "https"];

    #[test]
    fn without_a_base_only_relative_links_stay_relative() {
        for (link, expected) in [
            ("/c", Some("/c")),
            ("../a?b=1&c=2#d", Some("../a?b=1&c=2#d")),
            ("//x.org/", Some("//x.org/")),
            ("?a:b", Some("?a:b")),
            ("图/1.jpg", Some("%E5%9B%BE/1.jpg")),
            ("http://e.org/图", Some("http://e.org/%E5%9B%BE")),
            ("javascript:alert(1)", None),
            ("java\u{200d}script:alert(1)", None),
            ("java\u{0}script:alert(1)", None),
            ("\u{1}javascript:alert(1)", None),
            ("java\tscript:alert(1)", None),
            ("ｊavascript:alert(1)", None),
            ("javascript：alert(1)", Some("javascript%EF%BC%9Aalert(1)")),
            ("javascript&colon;alert(1)", None),
            ("data:text/html,x", None),
            ("vbscript:x", None),
            ("a:b", None),
        ] {
            assert_eq!(resolved(link, None, &WEB).as_deref(), expected, "{link:?}");
        }
    }

    #[test]
    fn a_base_gives_no_scheme_that_is_not_allowed() {
        let base = Url::parse("http://e.org/a/").ok();
        assert_eq!(resolved("b", base.as_ref(), &WEB).as_deref(), Some("http://e.org/a/b"));
        assert_eq!(resolved("javascript:x", base.as_ref(), &WEB), None);
        assert_eq!(resolved("b", Url::parse("file:///etc/").ok().as_ref(), &WEB), None);
    }
}
