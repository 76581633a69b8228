//! The published documents: snapshots, and rereading by a parser that did not write them.

use chrono::TimeDelta;

use super::*;
use crate::model::entry::{Attachment, Entry, Person};

type Fallible = Result<(), Box<dyn std::error::Error>>;

fn at(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap_or_default()
}

fn river(entries: Vec<Entry>) -> Result<River, Box<dyn std::error::Error>> {
    let seen = at("2023-04-24T02:00:00Z").to_utc();
    let source = SourceId::new("qingpu")?;
    let entries = entries
        .into_iter()
        .enumerate()
        .map(|(n, entry)| StoredEntry {
            row: i64::try_from(n).unwrap_or(0),
            river_id: format!("tag:e.org,2026:qingpu/{n}"),
            source: source.clone(),
            told_by: source.clone(),
            tellings: Vec::new(),
            first_seen: seen,
            changed_at: seen,
            order: entry.published.map_or(seen, |d| d.to_utc().min(seen)),
            entry,
        })
        .collect();
    let origin = Origin {
        id: source.clone(),
        name: "青浦 & 园区".into(),
        url: Some("http://portal.example/rss".into()),
        home_page_url: Some("http://portal.example/".into()),
    };
    Ok(River {
        title: "My <river>".into(),
        ask: Ask::default(),
        addresses: std::sync::Arc::new(Url::parse("http://127.0.0.1:8700/")?.into()),
        entries,
        origins: BTreeMap::from([(source, origin)]),
        spot: Spot::First,
        next: Some(Place { cursor: Cursor { order: 1_682_301_600_000, row: 1 }, shown: vec![7] }),
        previous: None,
        archive: Some((3, 42)),
        change: 9,
        hubs: vec!["https://hub.example/".into()],
        is_files: false,
    })
}

fn entries() -> Vec<Entry> {
    vec![
        Entry {
            url: Some("http://portal.example/1?a=1&b=2".into()),
            title: "抓转型、求突破 <1> & \"2\"".into(),
            content_html: Some("<p>正文 ]]&gt; &amp; more</p>".into()),
            summary: Some("摘要 < 1".into()),
            published: Some(at("2023-04-24T09:12:31+08:00")),
            authors: vec![Person { name: "邹婷婷".into(), ..Person::default() }],
            tags: vec!["本地".into()],
            attachments: vec![Attachment {
                url: "http://portal.example/a.mp3".into(),
                mime_type: "audio/mpeg".into(),
                size_in_bytes: Some(5),
                duration_in_seconds: None,
            }],
            language: Some("zh-CN".into()),
            ..Entry::default()
        },
        Entry {
            title: String::new(),
            content_html: Some("an entry with neither title nor link nor date".into()),
            ..Entry::default()
        },
        Entry {
            title: "from the future".into(),
            url: Some("http://portal.example/3".into()),
            published: Some(at("2099-01-01T00:00:00Z")),
            ..Entry::default()
        },
    ]
}

#[test]
fn snapshots_of_each_format() -> Fallible {
    let river = river(entries())?;
    for format in Format::ALL {
        let text = String::from_utf8(river.render(format))?;
        insta::assert_snapshot!(format.ending(), text.replace("><", ">\n<"));
    }
    Ok(())
}

#[test]
fn another_parser_reads_the_same_entries() -> Fallible {
    let river = river(entries())?;
    for format in Format::ALL {
        let feed = feed_rs::parser::parse(&river.render(format)[..])?;
        assert_eq!(feed.entries.len(), 3, "{format:?}");
        for (read, written) in feed.entries.iter().zip(&river.entries) {
            assert_eq!(read.id, written.river_id, "{format:?}");
            if !written.entry.title.is_empty() {
                assert_eq!(
                    read.title.as_ref().map(|t| t.content.as_str()),
                    Some(written.entry.title.as_str()),
                    "{format:?}"
                );
            }
        }
        let first = &feed.entries[0];
        assert_eq!(first.published, Some(at("2023-04-24T09:12:31+08:00").to_utc()), "{format:?}");
        assert_eq!(first.links.first().map(|l| l.href.as_str()), Some("http://portal.example/1?a=1&b=2"), "{format:?}");
        let body = first
            .content
            .as_ref()
            .and_then(|c| c.body.as_deref())
            .or(first.summary.as_ref().map(|s| s.content.as_str()));
        assert_eq!(body, Some("<p>正文 ]]&gt; &amp; more</p>"), "{format:?}");
    }
    Ok(())
}

#[test]
fn the_same_entries_give_the_same_bytes_and_no_date_is_ahead() -> Fallible {
    let river = river(entries())?;
    for format in Format::ALL {
        assert_eq!(river.render(format), river.render(format));
        assert!(!String::from_utf8(river.render(format))?.contains("2099"), "{format:?}");
    }
    assert_eq!(river.changed_at(), at("2023-04-24T02:00:00Z").to_utc());
    Ok(())
}

#[test]
fn no_text_of_rss_is_markup_to_who_takes_it_for_html() -> Fallible {
    let nasty = "<img src=x onerror=alert(1)>";
    let mut entry = entries().remove(0);
    entry.title = nasty.into();
    entry.authors[0].name = nasty.into();
    entry.tags = vec![nasty.into(), "a < b & c".into()];
    let text = String::from_utf8(river(vec![entry])?.render(Format::Rss))?;
    let document = roxmltree::Document::parse(&text)?;
    let texts: Vec<_> = document.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()).collect();
    assert_eq!(texts.iter().filter(|text| text.contains("<img")).count(), 0, "{texts:?}");
    assert_eq!(texts.iter().filter(|text| **text == "&lt;img src=x onerror=alert(1)&gt;").count(), 3, "{texts:?}");
    assert!(texts.contains(&"a < b & c"), "{texts:?}");
    Ok(())
}

/// Readers drop characters that show nothing, some before they look for markup.
#[test]
fn ignorable_characters_make_no_markup_of_a_title_of_rss() -> Fallible {
    for ignorable in
        ["\u{200b}", "\u{ad}", "\u{feff}", "\u{34f}", "\u{2060}\u{200d}", "\u{fe0f}", "\u{e0001}", "\u{3164}"]
    {
        for sign in ["<", "\u{ff1c}", "\u{fe64}"] {
            let mut entry = entries().remove(0);
            entry.title = format!("{sign}{ignorable}img src=x onerror=alert(1)>");
            let text = String::from_utf8(river(vec![entry])?.render(Format::Rss))?;
            let document = roxmltree::Document::parse(&text)?;
            let item = document.descendants().find(|node| node.has_tag_name("item")).ok_or("no item")?;
            let title = item.children().find(|node| node.has_tag_name("title")).and_then(|node| node.text());
            let title = title.unwrap_or_default();
            assert!(!title.contains(sign) && title.starts_with('&'), "{ignorable:?}: {title:?}");
        }
    }
    Ok(())
}

#[test]
fn an_edit_moves_updated_and_nothing_else() -> Fallible {
    let mut river = river(entries())?;
    let before = river.entries[0].updated();
    river.entries[0].changed_at += TimeDelta::hours(1);
    assert_eq!(before, at("2023-04-24T09:12:31+08:00"));
    assert_eq!(river.entries[0].published(), Some(at("2023-04-24T09:12:31+08:00")));
    assert!(river.entries[0].updated() > before, "{}", river.entries[0].updated());
    Ok(())
}

#[test]
fn an_empty_river_is_a_valid_feed() -> Fallible {
    let river = River { next: None, ..river(Vec::new())? };
    for format in Format::ALL {
        assert_eq!(feed_rs::parser::parse(&river.render(format)[..])?.entries.len(), 0, "{format:?}");
    }
    Ok(())
}
