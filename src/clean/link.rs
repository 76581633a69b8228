//! Links: tracking parameters out, redirectors resolved; and the spelling in which links compare.

use url::{Url, form_urlencoded};

const TRACKING: &str = include_str!("tracking.txt");
const REDIRECTORS: &str = include_str!("redirectors.txt");

/// Redirectors inside each other at most.
const MOST_HOPS: usize = 4;

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// A link without what follows its reader; `None` where there is nothing to take out.
pub(super) fn clean(link: &str) -> Option<String> {
    // Most links have no query, and then nothing can be wrong with them.
    if !link.contains('?') {
        return None;
    }
    let mut url = Url::parse(link).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let mut changed = false;
    for _ in 0..MOST_HOPS {
        let Some(target) = target(&url) else { break };
        url = target;
        changed = true;
    }
    changed |= drop_tracking(&mut url);
    changed.then(|| url.to_string())
}

/// Where a redirector leads, if its URL says so.
fn target(url: &Url) -> Option<Url> {
    let host = url.host_str()?;
    lines(REDIRECTORS).find_map(|line| {
        let mut words = line.split_whitespace();
        let (at, path, key) = (words.next()?, words.next()?, words.next()?);
        let found =
            (host == at && url.path().starts_with(path)).then(|| url.query_pairs().find(|(k, _)| k == key))??;
        Url::parse(&found.1).ok().filter(|target| matches!(target.scheme(), "http" | "https") && target.has_host())
    })
}

fn drop_tracking(url: &mut Url) -> bool {
    let Some(query) = url.query() else { return false };
    // Pieces are kept as they are written: encoding them anew could name another page.
    let kept: Vec<&str> = query.split('&').filter(|piece| !is_tracking(piece)).collect();
    if kept.len() == query.split('&').count() {
        return false;
    }
    let kept = kept.join("&");
    url.set_query(Some(kept.as_str()).filter(|query| !query.is_empty()));
    true
}

fn is_tracking(piece: &str) -> bool {
    let Some((name, _)) = form_urlencoded::parse(piece.as_bytes()).next() else { return false };
    let name = name.to_ascii_lowercase();
    lines(TRACKING).any(|known| match known.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == known,
    })
}

/// The spelling that two links to one page share: without scheme, `www.`, default port, trailing
/// slash, tracking, and the marks of AMP and mobile variants. For comparing only: it need not lead
/// anywhere.
#[must_use]
pub fn canonical(link: &str) -> String {
    let cleaned = clean(link);
    let Ok(mut url) = Url::parse(cleaned.as_deref().unwrap_or(link)) else { return link.to_owned() };
    let Some(host) = url.host_str().map(str::to_owned) else { return link.to_owned() };
    if let Some(query) = url.query().filter(|query| query.split('&').any(is_variant)) {
        let kept = query.split('&').filter(|piece| !is_variant(piece)).collect::<Vec<_>>().join("&");
        url.set_query(Some(kept.as_str()).filter(|query| !query.is_empty()));
    }
    let host = ["www.", "m.", "wap.", "mobile.", "amp."]
        .iter()
        .find_map(|prefix| host.strip_prefix(prefix).filter(|rest| rest.contains('.')))
        .unwrap_or(&host);
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/amp").or_else(|| path.strip_suffix(".amp")).unwrap_or(path);
    let path = path.strip_prefix("/amp/").map_or_else(|| path.to_owned(), |rest| format!("/{rest}"));
    let path = path.strip_suffix("index.html").unwrap_or(&path).trim_end_matches('/');
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    let fragment = url.fragment().map(|f| format!("#{f}")).unwrap_or_default();
    format!("{host}{port}{path}{query}{fragment}")
}

fn is_variant(piece: &str) -> bool {
    matches!(piece, "amp" | "amp=1" | "amp=true" | "outputType=amp" | "m=1" | "mobile=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_readers_goes_and_the_page_stays() {
        for (link, expected) in [
            ("http://e.org/n/0?utm_source=feed&spm=a0", "http://e.org/n/0"),
            ("http://e.org/?id=1&utm_medium=x&b=%E5%8C%BA&c=a+b#top", "http://e.org/?id=1&b=%E5%8C%BA&c=a+b#top"),
            ("https://link.zhihu.com/?target=https%3A//e.org/a%3Futm_id%3D1%26b%3D2", "https://e.org/a?b=2"),
            ("https://www.google.com/url?q=https://l.facebook.com/l.php?u=https%3A%2F%2Fe.org%2Fx", "https://e.org/x"),
        ] {
            assert_eq!(clean(link).as_deref(), Some(expected), "{link}");
            assert_eq!(clean(expected), None, "{expected}");
        }
        for kept in [
            "http://e.org/a",
            "http://e.org/?p=12&source=rss",
            "mailto:a@e.org?subject=x",
            "https://link.zhihu.com/?target=javascript:x()",
        ] {
            assert_eq!(clean(kept), None, "{kept}");
        }
    }

    #[test]
    fn one_page_has_one_canonical_link() {
        let page = canonical("https://e.org/a");
        for same in [
            "http://www.E.org:80/a/",
            "https://m.e.org/a?utm_source=x",
            "https://e.org/a/amp",
            "https://e.org/a/amp/",
            "https://amp.e.org/a",
            "https://e.org/a?amp=1",
            "https://e.org/amp/a",
        ] {
            assert_eq!(canonical(same), page, "{same}");
        }
        for other in ["http://e.org/a?id=1", "http://e.org/a#1", "http://e.org/b", "http://f.org/a", "http://e.org/amp"]
        {
            assert_ne!(canonical(other), page, "{other}");
        }
        assert_eq!(canonical("http://m.cn/a"), "m.cn/a");
    }
}
