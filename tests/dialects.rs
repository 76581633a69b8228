//! What real archives hold: for each class of document the smallest one, and what a reader must find in it.

use newsriver::config::Config;
use newsriver::model::document::Document;
use newsriver::model::entry::Entry;
use newsriver::model::source::Address;
use newsriver::poll::{clean_entries, read_document};

type Fallible = Result<(), Box<dyn std::error::Error>>;

fn read(bytes: &[u8]) -> Result<Vec<Entry>, Box<dyn std::error::Error>> {
    let source = Config::lone_source(Address::File("dialects".into()));
    let document = Document {
        url: "http://e.example/feed".into(),
        content_type: None,
        bytes: bytes.to_vec(),
        fetched_at: chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap_or_default(),
    };
    let now = document.fetched_at;
    let mut reading = read_document(&source, document)?;
    let rules = clean_entries(&source, &mut reading.feed.entries, &[], now);
    assert_eq!(rules.len(), reading.feed.entries.len());
    Ok(reading.feed.entries)
}

/// A field of an entry by name, as text.
fn field(entry: &Entry, name: &str) -> String {
    let date = |date: Option<chrono::DateTime<chrono::FixedOffset>>| date.map(|date| date.to_utc().to_rfc3339());
    match name {
        "id" => entry.publisher_id.clone(),
        "url" => entry.url.clone(),
        "title" => Some(entry.title.clone()),
        "body" => entry.content_html.as_ref().map(ToString::to_string),
        "summary" => entry.summary.clone(),
        "published" => date(entry.published),
        "updated" => date(entry.updated),
        "authors" => Some(entry.authors.iter().map(|person| person.name.as_str()).collect::<Vec<_>>().join("|")),
        "mail" => entry.authors.first().and_then(|person| person.email.clone()),
        "files" => Some(entry.attachments.iter().map(|file| file.url.as_str()).collect::<Vec<_>>().join("|")),
        "tags" => Some(entry.tags.join("|")),
        "image" => entry.image.clone(),
        other => Some(format!("no field {other}")),
    }
    .unwrap_or_default()
}

fn check(what: &str, bytes: &[u8], expected: &[(&str, &str)]) -> Fallible {
    let entries = read(bytes).map_err(|error| format!("{what}: {error}"))?;
    assert_eq!(entries.len(), 1, "{what}: {entries:?}");
    for (name, value) in expected {
        assert_eq!(field(&entries[0], name), *value, "{what}: {name}");
    }
    Ok(())
}

const NAMES: &str = "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:a10='http://www.w3.org/2005/Atom' xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:media='http://search.yahoo.com/mrss/'";
const DAY: &str = "2023-04-24T06:00:00+00:00";

fn rss(item: &str) -> String {
    format!(
        "<rss version='2.0' {NAMES}><channel><title>Channel</title><link>http://e.example/</link><item>{item}</item></channel></rss>"
    )
}

#[test]
fn rss_with_names_of_other_vocabularies() -> Fallible {
    const GUID: &str = "<guid isPermaLink=\"false\">1</guid>";
    for (item, expected) in [
        (
            "<a10:summary>short</a10:summary><a10:content type='html'>&lt;p&gt;long&lt;/p&gt;</a10:content>",
            &[("body", "<p>long</p>"), ("summary", "short")][..],
        ),
        (
            "<a10:author><a10:name>Li Lei</a10:name><a10:email>li@e.example</a10:email></a10:author>",
            &[("authors", "Li Lei"), ("mail", "li@e.example")],
        ),
        (
            "<a10:updated>2023-04-24T06:00:00Z</a10:updated><a10:published>2023-04-24T06:00:00Z</a10:published>",
            &[("updated", DAY), ("published", DAY)],
        ),
        ("<title></title><a10:title>In Atom</a10:title>", &[("title", "In Atom")]),
        ("<description>own</description><a10:summary>other</a10:summary>", &[("body", "own")]),
        ("<pubdate>Mon, 24 Apr 2023 06:00:00 GMT</pubdate>", &[("published", DAY)]),
        (
            "<PUBDATE>Mon, 24 Apr 2023 06:00:00 GMT</PUBDATE><LINK>http://e.example/1</LINK>",
            &[("published", DAY), ("url", "http://e.example/1")],
        ),
        ("<author><name>Li Lei</name><uri>http://li.example/</uri></author>", &[("authors", "Li Lei")]),
        ("<author>Li Lei</author><author>Han Meimei</author>", &[("authors", "Li Lei|Han Meimei")]),
        ("<content type='html'>&lt;b&gt;x&lt;/b&gt;</content>", &[("body", "<b>x</b>")]),
        ("<body>all of it</body>", &[("body", "all of it")]),
        (
            "<xhtml:body xmlns:xhtml='http://www.w3.org/1999/xhtml'><xhtml:p>x</xhtml:p></xhtml:body>",
            &[("body", "<p>x</p>")],
        ),
        (
            "<c:encoded xmlns:c='http://purl.org/rss/1.0/modules/content/'>x &lt;b&gt;y&lt;/b&gt;</c:encoded><description>z</description>",
            &[("body", "x <b>y</b>")],
        ),
        (
            "<d:creator xmlns:d='http://purl.org/dc/elements/1.0/'>Li</d:creator><d:date xmlns:d='https://purl.org/dc/elements/1.1'>2023-04-24T06:00:00Z</d:date>",
            &[("authors", "Li"), ("published", DAY)],
        ),
        (
            "<d:date xmlns:d='http://dublincore.org/documents/dcmi-namespace/'>2023-04-24T06:00:00Z</d:date>",
            &[("published", DAY)],
        ),
        ("<DC:Creator xmlns:DC='http://purl.org/dc/elements/1.1/'>Li</DC:Creator>", &[("authors", "Li")]),
        ("<t:title xmlns:t='http://purl.org/dc/terms/'>By its terms</t:title>", &[("title", "By its terms")]),
        (
            "<p:publicationDate xmlns:p='http://prismstandard.org/namespaces/basic/2.0/'>2023-04-24T06:00:00Z</p:publicationDate>",
            &[("published", DAY)],
        ),
        (
            "<m:content xmlns:m='http://www.rssboard.org/media-rss' url='http://e.example/a.jpg'><m:title type='plain'>Photo</m:title></m:content><title>Own</title><description>The article</description>",
            &[("title", "Own"), ("body", "The article"), ("files", "http://e.example/a.jpg")],
        ),
        ("<link href='http://e.example/1'/>", &[("url", "http://e.example/1")]),
        (
            "<link rel='enclosure' href='http://e.example/a.mp3'/><a10:link rel='enclosure' href='http://e.example/b.mp3'/>",
            &[("files", "http://e.example/a.mp3|http://e.example/b.mp3")],
        ),
        (
            "<image><url>http://e.example/i.png</url><title>no</title></image><title>Own</title>",
            &[("image", "http://e.example/i.png"), ("title", "Own")],
        ),
        ("<enclosure URL='http://e.example/a.mp3' TYPE='audio/mpeg'/>", &[("files", "http://e.example/a.mp3")]),
        (
            "<x:where xmlns:x='http://www.georss.org/georss'><g:Point xmlns:g='http://www.opengis.net/gml'><g:pos>31.1 121.1</g:pos></g:Point></x:where>",
            &[("tags", "geo:31.1,121.1")],
        ),
        ("<category term='a' label='b'/><keywords>c, d</keywords>", &[("tags", "a|c|d")]),
        ("<description>a <b and then the rest of it</description>", &[("body", "a &lt;b and then the rest of it")]),
        (
            "<description>see <!DOCTYPE svg [ of old</description><author>Li</author>",
            &[("body", "see &lt;!DOCTYPE svg [ of old"), ("authors", "Li")],
        ),
        ("<description>x &lt;!-- y</description>", &[("body", "x &lt;!-- y")]),
    ] {
        check(item, rss(&format!("{GUID}{item}")).as_bytes(), expected)?;
    }
    let undeclared =
        rss("<guid>1</guid><dc:creator>Li</dc:creator><dc:date>2023-04-24T06:00:00Z</dc:date>").replace(NAMES, "");
    check("undeclared", undeclared.as_bytes(), &[("authors", "Li"), ("published", DAY)])?;
    let unknown =
        rss("<guid>1</guid><dc:creator>Li</dc:creator>").replace("purl.org/dc/elements/1.1/", "unknown.example/");
    check("an unknown namespace under a known prefix", unknown.as_bytes(), &[("authors", "Li")])?;
    for (from, to) in [
        ("item>", "Item>"),
        ("<channel>", "<Channel>"),
        ("title>", "Title>"),
        ("version='2.0'", "xmlns='http://search.yahoo.com/mrss/'"),
    ] {
        let text = rss("<title>One</title><guid>1</guid>").replace(from, to);
        check(to, text.as_bytes(), &[("title", "One"), ("id", "1")])?;
    }
    Ok(())
}

#[test]
fn frames_of_rss() -> Fallible {
    let two = rss("<guid>1</guid>").replace("</channel>", "</channel><channel><item><guid>2</guid></item></channel>");
    assert_eq!(read(two.as_bytes())?.len(), 2, "two channels");
    let wrapped = rss("<guid>1</guid>").replace("<item>", "<items><item>").replace("</item>", "</item></items>");
    assert_eq!(read(wrapped.as_bytes())?.len(), 1, "items in a frame");
    for empty in ["<item/>", "<item></item>", "<item>\n<title/> <link></link></item>"] {
        let text = rss("<title>x</title>").replace("</channel>", &format!("{empty}</channel>"));
        assert_eq!(read(text.as_bytes())?.len(), 1, "{empty}");
    }
    check(
        "rdf:about",
        b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel><title>t</title></channel><item rdf:about='http://e.example/1'><title>x</title></item></rdf:RDF>",
        &[("id", "http://e.example/1"), ("url", "http://e.example/1"), ("title", "x")],
    )
}

#[test]
fn atom_in_every_dress() -> Fallible {
    let atom = |entry: &str| {
        format!(
            "<feed xmlns='http://www.w3.org/2005/Atom' {NAMES}><title>Feed</title><id>f</id><entry><title>One</title>{entry}</entry></feed>"
        )
    };
    for (entry, expected) in [
        ("<id>https://e.example/1</id>", &[("url", "https://e.example/1")][..]),
        ("<id>urn:1</id>", &[("url", ""), ("id", "urn:1")]),
        (
            "<id>1</id><dc:date>2023-04-24T06:00:00Z</dc:date><dc:creator>Li</dc:creator>",
            &[("published", DAY), ("authors", "Li")],
        ),
        ("<id>1</id><pubDate>Mon, 24 Apr 2023 06:00:00 GMT</pubDate>", &[("published", DAY)]),
        ("<guid>1</guid><description>&lt;p&gt;x&lt;/p&gt;</description>", &[("id", "1"), ("body", "<p>x</p>")]),
        ("<id>1</id><content:encoded>&lt;p&gt;x&lt;/p&gt;</content:encoded>", &[("body", "<p>x</p>")]),
        (
            "<id>1</id><Summary>short</Summary><Updated>2023-04-24T06:00:00Z</Updated>",
            &[("summary", "short"), ("updated", DAY)],
        ),
        ("<id>1</id><a10:summary>short</a10:summary>", &[("summary", "short")]),
        ("<id>1</id><link>http://e.example/1</link>", &[("url", "http://e.example/1")]),
        ("<id>1</id><enclosure url='http://e.example/a.mp3'/>", &[("files", "http://e.example/a.mp3")]),
    ] {
        check(entry, atom(entry).as_bytes(), expected)?;
    }
    let prefixed = atom("<id>1</id>").replace("<entry>", "<a10:entry>").replace("</entry>", "</a10:entry>");
    check("entries under another prefix", prefixed.as_bytes(), &[("title", "One"), ("id", "1")])?;
    let foreign = atom("<id>1</id>").replace("xmlns='http://www.w3.org/2005/Atom'", "xmlns='http://unknown.example/'");
    check("a namespace of nobody", foreign.as_bytes(), &[("title", "One"), ("id", "1")])
}

#[test]
fn charsets_and_junk() -> Fallible {
    let titled = |title: &[u8]| {
        let text = format!("<?xml version='1.0' encoding='utf-8'?>{}", rss("<guid>1</guid><title>@</title>"));
        let (before, after) = text.split_once('@').unwrap_or_default();
        [before.as_bytes(), title, after.as_bytes()].concat()
    };
    check("cut", &titled(b"\xe2\x80\x9cok\xe2\x80"), &[("title", "“ok\u{fffd}")])?;
    check("pasted", &titled(b"It\x92s"), &[("title", "It’s")])?;
    check("twice", &titled("DÃ©jÃ\u{a0} vu".as_bytes()), &[("title", "Déjà vu")])?;
    check("meant", &titled("Martine Ã©crit en UTF-8".as_bytes()), &[("title", "Martine Ã©crit en UTF-8")])?;
    for junk in [
        "<br />\n<b>Warning</b>:  x in <b>/a.php</b> on line <b>3</b><br />\n",
        "<script>var a = '<b>';</script>",
        "<html><body><p>x</p>",
        "Notice: y\n",
    ] {
        let text = [junk.as_bytes(), &titled(b"x")].concat();
        check(junk, &text, &[("title", "x"), ("id", "1")])?;
    }
    Ok(())
}

#[test]
fn json_feeds_as_they_are_sent() -> Fallible {
    let json = |items: &str| {
        format!(
            "{{\"version\": \"https://jsonfeed.org/version/1.1\", \"authors\": {{\"name\": \"Li\"}}, \"items\": [{items}]}}"
        )
    };
    for (items, expected) in [
        (r#"{"title": "No id", "content_text": "x"}"#, &[("title", "No id"), ("authors", "Li")][..]),
        (r#"{"id": "https://e.example/1"}"#, &[("url", "https://e.example/1")]),
        (
            r#"{"id": 1, "url": null, "authors": {"name": "Han"}, "tags": ["a", 2]}, {}"#,
            &[("id", "1"), ("authors", "Han"), ("tags", "a|2")],
        ),
        (r#"{"id": "1", "author": {"name": "Han"},},"#, &[("authors", "Han")]),
    ] {
        check(items, json(items).as_bytes(), expected)?;
        check(items, format!(")]}}',\n{}", json(items)).as_bytes(), expected)?;
    }
    Ok(())
}

#[test]
fn a_body_that_is_only_a_link_keeps_it() -> Fallible {
    let item = "<title>Committee agrees on the plan</title><link>http://e.example/1</link><description>&lt;a href=\"http://o.example/2\"&gt;Committee agrees on the plan&lt;/a&gt;</description>";
    let entries = read(rss(item).as_bytes())?;
    assert!(field(&entries[0], "body").contains("http://o.example/2"), "{entries:?}");
    Ok(())
}

#[test]
fn a_bad_byte_in_the_name_of_a_tag_costs_nothing() -> Fallible {
    let atom = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><title>a</title><id>1</id><updated>2023-04-24T06:00:00Z</updated><summary>x</summary></entry></feed>";
    let places = ["feed", "entry", "title", "id>", "updated", "summary"];
    for place in places {
        for bad in [&b"\xe2\x80"[..], b"\xff", b"\x92"] {
            for inside in [0, 2] {
                let at = atom.find(&format!("<{place}")).ok_or("no tag")? + 1 + inside;
                let text = [&atom.as_bytes()[..at], bad, &atom.as_bytes()[at..]].concat();
                let expected = [("title", "a"), ("id", "1"), ("updated", DAY), ("summary", "x")];
                check(&format!("{place} {bad:?} {inside}"), &text, &expected)?;
            }
        }
    }
    Ok(())
}

#[test]
fn an_empty_entry_within_another_does_not_end_it() -> Fallible {
    let atom = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>F</title><entry><source><title>S</title><entry/></source><title>a</title><id>1</id></entry></feed>";
    check("atom", atom.as_bytes(), &[("title", "a"), ("id", "1")])?;
    check("rss", rss("<item/><title>a</title><guid>1</guid>").as_bytes(), &[("title", "a"), ("id", "1")])
}

#[test]
fn an_atom_id_that_is_a_reference_is_the_link_where_there_is_none() -> Fallible {
    let entry =
        |id: &str| format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><title>a</title>{id}</entry></feed>");
    for (id, link) in [
        ("<id>/2023/1</id>", "http://e.example/2023/1"),
        ("<id>2023/1</id>", ""),
        ("<id>tag:e.example,2023:1</id>", ""),
        ("<id>/2023/1</id><link href=\"/x\"/>", "http://e.example/x"),
    ] {
        check(id, entry(id).as_bytes(), &[("url", link)])?;
    }
    let with_base = entry("<id>1/2</id>").replace("<entry>", "<entry xml:base=\"http://o.example/b/\">");
    check(&with_base, with_base.as_bytes(), &[("url", "http://o.example/b/1/2")])
}
