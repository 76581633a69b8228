//! Broken documents, and that what arrived whole is read.

use proptest::prelude::*;

use super::*;

fn titles(text: &str) -> Vec<String> {
    let Some(repaired) = repair(text) else { return Vec::new() };
    match repaired.format {
        Format::Atom => atom_syndication::Feed::read_from(repaired.xml.as_bytes())
            .map(|feed| feed.entries.into_iter().map(|e| e.title.value).collect())
            .unwrap_or_else(|error| panic!("{error}: {}", repaired.xml)),
        _ => ::rss::Channel::read_from(repaired.xml.as_bytes())
            .map(|feed| feed.items.into_iter().map(|i| i.title.unwrap_or_default()).collect())
            .unwrap_or_else(|error| panic!("{error}: {}", repaired.xml)),
    }
}

#[test]
fn broken_documents_keep_their_items() {
    for (what, text, expected) in [
        (
            "bare ampersand",
            "<rss><channel><item><title>R&D & 1 < 2</title></item></channel></rss>",
            &["R&D & 1 < 2"][..],
        ),
        (
            "crossed tags",
            "<rss><channel><item><title>a</title><b><i></b></i></item><item><title>b</title></item></channel></rss>",
            &["a", "b"],
        ),
        ("unclosed item", "<rss><channel><item><title>a</title><item><title>b</title></item></channel>", &["a", "b"]),
        ("unclosed title", "<rss><channel><item><title>a<description>x</description></item></channel></rss>", &["a"]),
        ("truncated", "<rss><channel><item><title>a</title></item><item><title>b</title><descr", &["a"]),
        (
            "junk around",
            "junk <?xml version='1.0'?><rss><channel><item><title>a</title></item></channel></rss> more & <junk",
            &["a"],
        ),
        ("wrong root", "<xml><rss><channel><item><title>a</title></item></channel></rss></xml>", &["a"]),
        (
            "two documents",
            "<rss><channel><item><title>a</title></item></channel></rss><rss><channel><item><title>b</title></item></channel></rss>",
            &["a", "b"],
        ),
        (
            "html entities",
            "<rss><channel><item><title>a&nbsp;&eacute;&#146;&#x18;</title></item></channel></rss>",
            &["a\u{a0}é’"],
        ),
        (
            "odd prefix",
            "<r:rss xmlns:r='http://purl.org/rss/1.0/'><r:channel><r:item><r:title>a</r:title></r:item></r:channel></r:rss>",
            &["a"],
        ),
        (
            "atom 0.3",
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry><title mode='escaped' type='text/html'>a &lt;b>b</title></entry></feed>",
            &["a <b>b"],
        ),
        (
            "bad date",
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>a</title><updated>whenever</updated></entry></feed>",
            &["a"],
        ),
        ("cdf", "<CHANNEL HREF='http://e/'><ITEM HREF='http://e/1'><TITLE>a</TITLE></ITEM></CHANNEL>", &["a"]),
    ] {
        assert_eq!(titles(text), expected, "{what}");
    }
}

#[test]
fn depth_costs_no_stack_and_little_time() {
    let deep = format!(
        "<rss><channel><item><title>a</title><description>{}</description></item></channel></rss>",
        "<b>".repeat(300_000)
    );
    assert_eq!(titles(&deep), ["a"]);
    let outside = format!("<rss><channel>{}<item><title>a</title></item></channel></rss>", "<x:y>".repeat(300_000));
    assert_eq!(titles(&outside), ["a"]);
}

#[test]
fn time_is_linear_in_what_is_never_closed() {
    // Each of these would take minutes if every piece looked for its end in all the rest.
    for piece in ["<![CDATA[</title>", "<a b='", "<a b=\"", "<!--", "</a ", "<", "&a", "<![CDATA["] {
        let text = format!("<rss><channel><item><title>a</title></item>{}", piece.repeat(200_000));
        assert_eq!(titles(&text), ["a"], "{piece}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_made_well_formed(text in "(<rss>|<feed>|<rdf:RDF>)((</?(item|entry|title|channel|media:group|content|author|name|x)( a='?b)?/?>)|[a-z&;<>\"' ]|<!\\[CDATA\\[|\\]\\]>|<!--){0,40}") {
        titles(&text);
    }
}
