//! From a raw feed to entries: links, dates, bodies, and properties that hold for any text.

use proptest::prelude::*;

use super::*;
use crate::model::feed::{Format, RawPerson};

fn context() -> Context<'static> {
    let now = DateTime::parse_from_rfc3339("2026-11-23T00:00:00Z").unwrap_or_default().to_utc();
    Context { document_url: Url::parse("http://feeds.e.org/rss").ok(), timezone: None, tags: &[], now }
}

fn feed(entries: Vec<RawEntry>) -> RawFeed {
    RawFeed { link: Some("http://e.org/news/".into()), entries, ..RawFeed::new(Format::Rss) }
}

fn dated(text: &str) -> RawEntry {
    RawEntry {
        title: Some(RawText::plain("佛山新城")),
        published: Some(RawDate::Text(text.into())),
        ..RawEntry::default()
    }
}

#[test]
fn relative_links_count_from_the_base_then_the_page_then_the_document() {
    let entry = |base: Option<&str>| RawEntry {
        link: Some("1.html".into()),
        base: base.map(str::to_owned),
        ..RawEntry::default()
    };
    let made = normalise(&feed(vec![entry(None), entry(Some("http://x.org/y/"))]), &context());
    assert_eq!(made.entries[0].url.as_deref(), Some("http://e.org/news/1.html"));
    assert_eq!(made.entries[1].url.as_deref(), Some("http://x.org/y/1.html"));
    let bare = RawFeed { link: None, ..feed(vec![entry(None)]) };
    assert_eq!(normalise(&bare, &context()).entries[0].url.as_deref(), Some("http://feeds.e.org/1.html"));
}

#[test]
fn a_permalink_guid_is_the_link_where_there_is_none() {
    let entry = |is_link| RawEntry { id: Some("http://e.org/g".into()), id_is_link: is_link, ..RawEntry::default() };
    let made = normalise(&feed(vec![entry(true), entry(false)]), &context());
    assert_eq!(made.entries[0].url.as_deref(), Some("http://e.org/g"));
    assert_eq!(made.entries[1].url, None);
}

#[test]
fn a_permalink_has_the_spelling_of_a_link_and_the_id_its_own() {
    let shouted = RawEntry { id: Some("HTTP://E.org/g".into()), id_is_link: true, ..RawEntry::default() };
    let made = normalise(&feed(vec![shouted]), &context());
    assert_eq!(made.entries[0].url.as_deref(), Some("http://e.org/g"));
    assert_eq!(made.entries[0].publisher_id.as_deref(), Some("HTTP://E.org/g"));
}

#[test]
fn chinese_dates_without_zone_are_chinas_and_take_the_year_of_the_feed() {
    let made = normalise(&feed(vec![dated("2023-04-24 09:12:31"), dated("4月24日 08:20"), dated("soon")]), &context());
    let shown: Vec<_> = made.entries.iter().map(|e| e.published.map(|d| d.to_rfc3339())).collect();
    assert_eq!(shown[0].as_deref(), Some("2023-04-24T09:12:31+08:00"));
    assert_eq!(shown[1].as_deref(), Some("2023-04-24T08:20:00+08:00"));
    assert_eq!(shown[2], None);
}

#[test]
fn an_excerpt_beside_a_body_is_the_summary() {
    let entry = RawEntry {
        summary: Some(RawText::unknown("<p>short</p>")),
        content: Some(RawText::html("<p>long</p>")),
        ..RawEntry::default()
    };
    let alone = RawEntry { content: None, ..entry.clone() };
    let made = normalise(&feed(vec![entry, alone]), &context());
    assert_eq!(
        (made.entries[0].summary.as_deref(), made.entries[0].content_html.as_deref()),
        (Some("short"), Some("<p>long</p>"))
    );
    assert_eq!(
        (made.entries[1].summary.as_deref(), made.entries[1].content_html.as_deref()),
        (None, Some("<p>short</p>"))
    );
}

#[test]
fn tags_authors_and_attachments() {
    let entry = RawEntry {
        tags: vec![" a ".into(), "a".into(), String::new()],
        authors: vec![RawPerson { name: Some("x@e.org (X)".into()), ..RawPerson::default() }],
        attachments: vec![RawAttachment {
            url: "/a.mp3".into(),
            size: Some("big".into()),
            duration: Some("1:01:01".into()),
            ..RawAttachment::default()
        }],
        ..RawEntry::default()
    };
    let tags = ["t".to_owned()];
    let made = normalise(&feed(vec![entry]), &Context { tags: &tags, ..context() });
    let made = &made.entries[0];
    assert_eq!(made.tags, ["a", "t"]);
    assert_eq!(made.authors[0].name, "X");
    let file = &made.attachments[0];
    assert_eq!(
        (file.url.as_str(), file.mime_type.as_str(), file.size_in_bytes, file.duration_in_seconds),
        ("http://e.org/a.mp3", "audio/mpeg", None, Some(3661))
    );
}

#[test]
fn language_tags_have_one_spelling() {
    assert_eq!(language("zh_cn").as_deref(), Some("zh-CN"));
    assert_eq!(language("ZH-hans-cn").as_deref(), Some("zh-Hans-CN"));
    assert_eq!(language("<script>"), None);
}

proptest! {
    #[test]
    fn titles_are_stable_and_clean(raw in "\\PC{0,40}|[a-z<>&;# \\u{0}-\\u{20}\\u{4e00}-\\u{4eff}]{0,40}") {
        let once = text::of(&RawText::plain(raw.as_str()));
        prop_assert!(!once.contains(char::is_control));
        prop_assert_eq!(text::of(&RawText::plain(once.as_str())), once.clone());
    }

    #[test]
    fn bodies_are_stable_and_run_nothing(raw in "[a-z<>/='\" &;!-]{0,80}") {
        let base = Url::parse("http://e.org/").ok();
        let once = body::html(&RawText::html(raw.as_str()), base.as_ref()).unwrap_or_default();
        let twice = body::html(&RawText::html(&*once), base.as_ref()).unwrap_or_default();
        prop_assert_eq!(&once, &twice);
        prop_assert!(!once.contains("<script"));
    }

    #[test]
    fn no_date_makes_it_fall_over(raw in "\\PC{0,60}|[0-9:/年月日时分T+ -]{0,30}") {
        let made = normalise(&feed(vec![dated(&raw)]), &context());
        prop_assert_eq!(made.entries.len(), 1);
    }
}
