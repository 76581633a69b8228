//! What the strict crates are known to trip over: each once, as bytes of a document.

use chrono::{DateTime, Utc};
use encoding_rs::GB18030;
use newsriver::config::Config;
use newsriver::model::document::Document;
use newsriver::model::entry::{Entry, Feed};
use newsriver::model::source::Address;
use newsriver::parse::ParseError;
use newsriver::poll::read_document;

const TITLE: &str = "杨小菁一行到青浦工业园区开展调研";

fn read(bytes: Vec<u8>, content_type: Option<&str>) -> Result<Feed, ParseError> {
    let source = Config::lone_source(Address::File("/feed.xml".into()));
    let document = Document {
        url: "http://portal.example/feed.xml".into(),
        content_type: content_type.map(str::to_owned),
        bytes,
        fetched_at: DateTime::<Utc>::from_timestamp(1_682_301_600, 0).unwrap_or_default(),
    };
    Ok(read_document(&source, document)?.feed)
}

fn rss(declaration: &str) -> String {
    format!(
        "{declaration}<rss version=\"2.0\"><channel><title>青浦</title><item><title>{TITLE}</title><link>http://portal.example/1</link><pubDate>Mon, 24 Apr 2023 10:00:00 +0800</pubDate></item></channel></rss>"
    )
}

fn atom(entries: &str) -> Vec<u8> {
    format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>t</title><id>f</id><updated>2023-04-24T06:00:00Z</updated>{entries}</feed>").into_bytes()
}

fn titles(feed: &Feed) -> Vec<&str> {
    feed.entries.iter().map(|entry| entry.title.as_str()).collect()
}

#[test]
fn utf_8_that_still_says_gb2312_is_no_mojibake() -> Result<(), ParseError> {
    let bytes = rss("<?xml version=\"1.0\" encoding=\"gb2312\"?>").into_bytes();
    for content_type in
        [None, Some("text/xml"), Some("application/rss+xml; charset=gb2312"), Some("text/xml; charset=utf-8")]
    {
        assert_eq!(titles(&read(bytes.clone(), content_type)?), [TITLE], "{content_type:?}");
    }
    Ok(())
}

#[test]
fn gbk_bytes_are_read_without_and_with_a_wrong_declaration() -> Result<(), ParseError> {
    for declaration in [
        "",
        "<?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>",
        "<?xml version=\"1.0\" encoding=\"gb2312\"?>",
    ] {
        for content_type in [None, Some("text/xml; charset=utf-8"), Some("text/xml")] {
            let feed = read(GB18030.encode(&rss(declaration)).0.into_owned(), content_type)?;
            assert_eq!(titles(&feed), [TITLE], "{declaration} {content_type:?}");
        }
    }
    Ok(())
}

#[test]
fn an_atom_text_of_type_text_html_is_html() -> Result<(), ParseError> {
    let feed = read(
        atom(
            "<entry><id>1</id><updated>2023-04-24T06:00:00Z</updated><title type=\"text/html\">a &lt;b&gt;bold&lt;/b&gt; &amp;amp; b</title><summary type=\"text/html\">&lt;p&gt;x &amp;amp; y&lt;/p&gt;</summary><content type=\"text/html\">&lt;p&gt;long&lt;/p&gt;</content></entry>",
        ),
        None,
    )?;
    let [entry] = &feed.entries[..] else { panic!("{feed:?}") };
    assert_eq!((entry.title.as_str(), entry.summary.as_deref()), ("a bold & b", Some("x & y")));
    assert_eq!(entry.content_html.as_deref(), Some("<p>long</p>"));
    Ok(())
}

#[test]
fn one_bad_atom_date_costs_that_date_alone() -> Result<(), ParseError> {
    let feed = read(
        atom(
            "<entry><id>1</id><title>a</title><updated>next Tuesday</updated></entry><entry><id>2</id><title>b</title><updated>2023-04-24T06:00:00Z</updated><published>2023-04-24 14:00</published></entry><entry><id>3</id><title>c</title></entry>",
        ),
        None,
    )?;
    assert_eq!(titles(&feed), ["a", "b", "c"]);
    let dated: Vec<bool> = feed.entries.iter().map(|entry| Entry::dated(entry).is_some()).collect();
    assert_eq!(dated, [false, true, false]);
    Ok(())
}

#[test]
fn of_several_links_the_first_counts() -> Result<(), ParseError> {
    let link = |feed: &Feed| feed.entries[0].url.clone();
    let rss = read(
        b"<rss version='2.0'><channel><title>t</title><item><title>a</title><link>http://e.example/1</link><link>http://e.example/2</link></item></channel></rss>".to_vec(),
        None,
    )?;
    assert_eq!(link(&rss).as_deref(), Some("http://e.example/1"));
    let atom = read(
        atom(
            "<entry><id>1</id><title>a</title><updated>2023-04-24T06:00:00Z</updated><link rel='self' href='http://e.example/0'/><link href='http://e.example/1'/><link rel='alternate' href='http://e.example/2'/></entry>",
        ),
        None,
    )?;
    assert_eq!(link(&atom).as_deref(), Some("http://e.example/1"));
    Ok(())
}
