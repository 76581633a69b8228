//! The smallest document for each thing that a format can say.

use super::*;
use crate::model::feed::{RawDate, TextKind};

fn read(text: &str) -> Result<RawFeed, ParseError> {
    parse(&Text::new(text.into(), 0, "UTF-8", false), None)
}

#[test]
fn an_rss_item_with_everything() -> Result<(), ParseError> {
    let feed = read(
        "<rss version='2.0' xmlns:m='http://search.yahoo.com/mrss/' xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:atom='http://www.w3.org/2005/Atom'>\
         <channel><title>T</title><link>http://e.org/</link><description>D</description><ttl>60</ttl><atom:link rel='self' href='http://e.org/rss'/>\
         <item><title>A &amp;amp; B</title><link>/1</link><guid isPermaLink='false'>g1</guid><description>&lt;p&gt;x&lt;/p&gt;</description>\
         <content:encoded><![CDATA[<p>long</p>]]></content:encoded><pubDate>Mon, 24 Apr 2023 10:05:00 CST</pubDate><dc:creator>Li</dc:creator>\
         <category>c1</category><enclosure url='/a.mp3' type='audio/mpeg' length='12'/><m:thumbnail url='/t.png'/><source url='http://o.org/f'>O</source></item>\
         </channel></rss>",
    )?;
    let [entry] = &feed.entries[..] else { panic!("{feed:?}") };
    assert_eq!((entry.id.as_deref(), entry.link.as_deref(), entry.id_is_link), (Some("g1"), Some("/1"), false));
    assert_eq!(entry.title.as_ref().map(|t| t.value.as_str()), Some("A &amp; B"));
    assert_eq!(entry.content.as_ref().map(|t| (t.value.as_str(), t.kind)), Some(("<p>long</p>", TextKind::Html)));
    assert_eq!(entry.published, Some(RawDate::Text("Mon, 24 Apr 2023 10:05:00 CST".into())));
    assert_eq!(entry.authors[0].name.as_deref(), Some("Li"));
    assert_eq!(entry.tags, ["c1"]);
    assert_eq!(entry.attachments[0].url, "/a.mp3");
    assert_eq!(entry.image.as_deref(), Some("/t.png"));
    assert_eq!(entry.origin.as_ref().and_then(|o| o.url.as_deref()), Some("http://o.org/f"));
    assert_eq!((feed.hints.ttl_minutes, feed.self_link.as_deref()), (Some(60), Some("http://e.org/rss")));
    Ok(())
}

#[test]
fn an_atom_entry_takes_its_first_page_as_link() -> Result<(), ParseError> {
    let feed = read(
        "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='zh-CN'><title>T</title><id>f</id><updated>2023-04-24T06:00:00Z</updated>\
         <entry><title type='html'>a &lt;b&gt;b&lt;/b&gt;</title><id>e</id><updated>2023-04-24T06:00:00Z</updated>\
         <link rel='alternate' type='application/pdf' href='/p'/><link href='/1'/><link href='/2'/><link rel='enclosure' href='/e' length='3'/>\
         <content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>x</div></content></entry></feed>",
    )?;
    let entry = &feed.entries[0];
    assert_eq!((entry.link.as_deref(), entry.id.as_deref()), (Some("/1"), Some("e")));
    assert_eq!(entry.content.as_ref().map(|c| c.kind), Some(TextKind::Html));
    assert_eq!(entry.attachments[0].url, "/e");
    assert_eq!(feed.language.as_deref(), Some("zh-CN"));
    Ok(())
}

#[test]
fn a_json_feed_with_number_ids_and_old_authors() -> Result<(), ParseError> {
    let feed = read(
        r#"{"version":"https://jsonfeed.org/version/1","title":"T","author":{"name":"A"},"items":[{"id":7,"content_text":"x"},{"title":"by its text"},{"id":null,"authors":{"name":"B"},"tags":"t","summary":"y"},{}]}"#,
    )?;
    let [first, second, third] = &feed.entries[..] else { panic!("{feed:?}") };
    assert_eq!((first.id.as_deref(), second.id.as_deref()), (Some("7"), None));
    let author = |people: &[crate::model::feed::RawPerson]| people.first().and_then(|person| person.name.clone());
    assert_eq!(author(&feed.authors).as_deref(), Some("A"));
    assert_eq!(author(&second.authors).as_deref(), Some("A"), "those of the feed");
    assert_eq!((author(&third.authors).as_deref(), &third.tags[..]), (Some("B"), &["t".to_owned()][..]));
    assert_eq!(feed.warnings.len(), 1, "{:?}", feed.warnings);
    Ok(())
}

#[test]
fn a_page_says_which_feed_it_announces() {
    let page = "<!doctype html><html><head><link rel=alternate type=application/rss+xml href=/feed.xml></head><body>x</body></html>";
    let error = read(page).err();
    assert_eq!(error, Some(ParseError::NotAFeed { looks_like: "a web page", announced: vec!["/feed.xml".into()] }));
    assert!(error.is_some_and(|e| e.to_string().contains("/feed.xml")));
}

#[test]
fn broken_feeds_and_other_documents_are_told_apart() {
    assert!(matches!(
        read("<rss version='2.0'><channel><title>x</b><item"),
        Err(ParseError::Broken { format: Format::Rss, .. })
    ));
    assert!(matches!(
        read("{\"version\": \"https://jsonfeed.org/version/1.1\", "),
        Err(ParseError::Broken { format: Format::JsonFeed, .. })
    ));
    for other in ["", "words", "<opml/>", "{\"items\": []}"] {
        assert!(matches!(read(other), Err(ParseError::NotAFeed { .. })), "{other}");
    }
}

#[test]
fn a_list_on_a_page() -> Result<(), ParseError> {
    let page = "<html lang=zh><title>P</title><ul><li><a href='/1'>一</a><p>x</p><i>2023-04-24 09:12 来源:网</i></li><li>no link</li></ul></html>";
    let select = Select { item: "li".into(), content: Some("p".into()), date: Some("i".into()), ..Select::default() };
    let feed = parse(&Text::new(page.into(), 0, "UTF-8", false), Some(&select))?;
    assert_eq!(feed.entries.len(), 2);
    assert_eq!(feed.entries[0].link.as_deref(), Some("/1"));
    assert_eq!(feed.entries[0].published, Some(RawDate::Text("2023-04-24 09:12".into())));
    assert_eq!(feed.entries[1].title.as_ref().map(|t| t.value.as_str()), Some("no link"));
    let none =
        parse(&Text::new(page.into(), 0, "UTF-8", false), Some(&Select { item: ".x".into(), ..Select::default() }));
    assert!(matches!(none, Err(ParseError::NoItems { .. })));
    Ok(())
}

#[test]
fn comments_and_places_are_read_in_every_dialect() -> Result<(), ParseError> {
    let item = "<slash:comments>7</slash:comments><wfw:commentRss>http://e/c.xml</wfw:commentRss><georss:point>31.15 121.12</georss:point>";
    let names = "xmlns:slash='http://purl.org/rss/1.0/modules/slash/' xmlns:wfw='http://wellformedweb.org/CommentAPI/' xmlns:georss='http://www.georss.org/georss'";
    let rss = format!(
        "<rss version='2.0' {names}><channel><title>t</title><item><title>a</title><comments>http://e/c</comments>{item}</item></channel></rss>"
    );
    for document in [rss.clone(), format!("{rss}</oops>"), rss.replace(names, "")] {
        let feed = read(&document)?;
        let entry = &feed.entries[0];
        assert_eq!(entry.comments.page.as_deref(), Some("http://e/c"), "{document}");
        assert_eq!(entry.comments.feed.as_deref(), Some("http://e/c.xml"), "{document}");
        assert_eq!(entry.comments.count.as_deref(), Some("7"), "{document}");
        assert_eq!(entry.tags, ["geo:31.15,121.12"], "{document}");
    }
    let atom = "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:thr='http://purl.org/syndication/thread/1.0'><title>t</title><id>i</id><updated>2023-04-24T06:00:00Z</updated><entry><id>1</id><title>a</title><updated>2023-04-24T06:00:00Z</updated><link rel='replies' type='text/html' href='http://e/c'/><thr:total>3</thr:total></entry></feed>";
    let entry = read(atom)?.entries.remove(0);
    assert_eq!((entry.comments.page.as_deref(), entry.comments.count.as_deref()), (Some("http://e/c"), Some("3")));
    Ok(())
}

#[test]
fn a_million_entries_are_read_up_to_the_limit() -> Result<(), ParseError> {
    let many = |piece: &str| piece.repeat(300_000);
    for document in [
        format!("<rss version='2.0'><channel>{}</channel></rss>", many("<item><guid>1</guid></item>")),
        format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title>{}</feed>",
            many("<entry><id>1</id></entry>")
        ),
        format!(
            "{{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{}{{\"id\":\"2\"}}]}}",
            many("{\"id\":\"1\"},")
        ),
    ] {
        let feed = read(&document)?;
        assert_eq!(feed.entries.len(), MOST_ENTRIES);
        assert!(feed.warnings.iter().any(|w| w == TOO_MANY), "{:?}", feed.warnings);
    }
    Ok(())
}
