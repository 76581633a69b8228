//! The sanitiser as a whole: what must come out, and properties that hold for anything that goes in.

use proptest::prelude::*;
use url::Url;

use super::*;

#[path = "../../tests/judge/mod.rs"]
mod judge;

fn made(html: &str, base: Option<&str>) -> String {
    let base = base.and_then(|base| Url::parse(base).ok());
    SanitisedHtml::of_html(html, base.as_ref()).map(|html| html.to_string()).unwrap_or_default()
}

#[test]
fn what_is_harmless_stays_as_it_was() {
    for html in [
        "<p>一段 <b>粗</b> &amp; <i>x</i></p><br><img src=\"https://e.org/a.png\" alt=\"a &gt; b\">",
        "<a href=\"http://e.org/路?a=1&amp;b=2\" rel=\"noopener noreferrer\">x</a>",
        "<table><tbody><tr><td>1</td></tr></tbody></table>",
        "<picture><source srcset=\"https://e.org/a.webp 2x\"><img src=\"https://e.org/a.png\"></picture>",
        "a &lt;b&gt; c&nbsp;d 👩\u{200d}💻",
    ] {
        assert_eq!(made(html, None), html);
    }
}

#[test]
fn characters_make_no_markup_after_the_sanitiser() {
    for (html, expected) in [
        (
            "<img src=\"x.png\">&#x338; onerror=alert(11) x<b>y</b>",
            "<img src=\"x.png\">&#x338; onerror=alert(11) x<b>y</b>",
        ),
        ("<b>x</b>\u{301}\u{338}", "<b>x</b>&#x338;\u{301}"),
        ("<p title=\"＂ onload=x \">＜script＞</p>", "<p title=\"&#xff02; onload=x \">&#xff1c;script&#xff1e;</p>"),
        ("<a href=\"java&#8203;script:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("<a href=\"&#1;javascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("<a href=\"ｊavascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("a > b", "a &gt; b"),
    ] {
        assert_eq!(made(html, None), expected);
    }
}

#[test]
fn long_texts_come_through_whole() {
    for piece in ["&amp;", "°", "x", "&nbsp;", "&lt;b&gt;", "&#x338;", "a; b & c"] {
        let text = piece.repeat(8_000);
        for html in [text.clone(), format!("<p>{text}</p><pre>\n\n{text}</pre>"), format!("<i title=\"{text}\">x</i>")]
        {
            let once = made(&html, None);
            assert_eq!(made(&once, None), once, "{piece}");
            assert_eq!(super::plain_text(&once), super::plain_text(&html), "{piece}");
            assert!(!once.contains("<!--"), "{piece}");
        }
    }
}

#[test]
fn images_are_found_pixels_go_and_players_become_links() {
    let base = Some("https://e.org/");
    for (html, expected) in [
        ("<img src='/blank.gif' data-src='/real.jpg' alt=x>", "<img src=\"https://e.org/real.jpg\" alt=\"x\">"),
        ("a<IMG WIDTH=1 height='1px' src=http://t/p.gif>b", "ab"),
        ("<img width=100 height=1 src=x>", "<img width=\"100\" height=\"1\" src=\"https://e.org/x\">"),
        ("<img data-src='' src=x>", "<img src=\"https://e.org/x\">"),
        (
            "<iframe src='//www.youtube.com/embed/x?a=1&amp;b=2'>no frames</iframe>",
            "<p><a href=\"https://www.youtube.com/embed/x?a=1&amp;b=2\" rel=\"noopener noreferrer\">https://www.youtube.com/embed/x?a=1&amp;b=2</a></p>",
        ),
        ("<iframe src='https://evil-youtube.com/'></iframe>", ""),
        ("<iframe src='javascript:alert(1)'></iframe>", ""),
    ] {
        assert_eq!(made(html, base), expected, "{html}");
    }
}

#[test]
fn json_makes_no_html_that_was_not_sanitised() {
    let json = serde_json::to_string("<img src=x onerror=alert(1)>").unwrap_or_default();
    let plain: Option<SanitisedHtml> = serde_json::from_str(&json).ok();
    assert_eq!(plain.as_deref(), Some("<img src=\"x\">"));
    for stamp in [None, Some(vec![0; 16]), Some(super::stamp(b"\"other\""))] {
        let read =
            restored::<SanitisedHtml>(json.as_bytes(), stamp.as_deref()).map(|read| (read.value, read.is_current));
        assert_eq!(read.ok(), Some((SanitisedHtml::from("<img src=\"x\">"), false)));
    }
    let own = serde_json::to_vec(&SanitisedHtml::from("<b>x</b>")).unwrap_or_default();
    let read = restored::<SanitisedHtml>(&own, Some(&super::stamp(&own)));
    assert!(read.is_ok_and(|read| read.is_current && &*read.value == "<b>x</b>"));
    // What one value was trusted with, the next is not.
    assert_eq!(serde_json::from_str::<SanitisedHtml>(&json).ok().as_deref(), Some("<img src=\"x\">"));
}

#[test]
fn names_behind_a_body_are_text() {
    let own = SanitisedHtml::from("<p>x</p>");
    let names = [("<b>&".to_owned(), Some("http://e.org/?a=1&b=\"")), ("c".to_owned(), None)];
    let html = SanitisedHtml::with_names(Some(&own), "By ", &names, ", ");
    assert_eq!(
        &*html,
        "<p>x</p><p>By <a href=\"http://e.org/?a=1&amp;b=%22\" rel=\"noopener noreferrer\">&lt;b&gt;&amp;</a>, c</p>"
    );
}

fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(&judge::NASTY[..]).prop_map(str::to_owned),
        1 => "\\PC{0,4}",
        1 => "[a-z0-9 <>/=\"'&;:#]{0,8}",
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_live_and_again_is_the_same(html in nasty(), has_base: bool) {
        let base = has_base.then_some("http://e.org/a/");
        let once = made(&html, base);
        prop_assert_eq!(judge::live_in_any_form(&once), Vec::<String>::new(), "{:?} -> {:?}", html, once);
        prop_assert_eq!(&made(&once, None), &once, "{:?}", html);
        prop_assert_eq!(&made(&once, base), &once, "{:?}", html);
        // As any parser reads and writes it.
        let parsed = scraper::Html::parse_fragment(&once).root_element().inner_html();
        prop_assert_eq!(super::characters::with_references(&parsed), once.as_str());
    }

    #[test]
    fn nodes_and_names_keep_it_so(html in nasty(), name in nasty(), url in nasty()) {
        let own = SanitisedHtml::from(html.as_str());
        let nodes: Vec<Node<'_>> = own.nodes().collect();
        let again = SanitisedHtml::of_nodes(&nodes).unwrap_or_default();
        prop_assert_eq!(&again, &own);
        let url = format!("http://e.org/{url}");
        let named = SanitisedHtml::with_names(Some(&own), "也有:", &[(name, Some(url.as_str()))], "、");
        prop_assert_eq!(judge::live_in_any_form(&named), Vec::<String>::new());
        prop_assert_eq!(&SanitisedHtml::from(&*named), &named);
    }

    #[test]
    fn text_stays_text(text in nasty()) {
        for html in [SanitisedHtml::of_text(&text), SanitisedHtml::of_lines(&text)].into_iter().flatten() {
            prop_assert_eq!(judge::live_in_any_form(&html), Vec::<String>::new());
            prop_assert_eq!(&SanitisedHtml::from(&*html), &html);
        }
        let title = super::characters::one_line(&text);
        let as_html = if super::characters::could_be_markup(&title) { super::characters::as_html(&title) } else { title };
        prop_assert_eq!(judge::live_in_any_form(&as_html), Vec::<String>::new());
    }
}

#[test]
fn a_value_that_is_too_long_goes_with_its_attribute() {
    let html = |value: &str| {
        format!("<p title=\"{value}\">x <a href=\"http://e.org/{value}\" rel=\"noopener noreferrer\">y</a></p>")
    };
    for sign in ["a", "&amp;"] {
        let fits = html(&sign.repeat((16 * 1024 - 13) / sign.len()));
        assert_eq!(
            &*SanitisedHtml::from(html(&sign.repeat(16 * 1024 / sign.len() + 1))),
            "<p>x <a rel=\"noopener noreferrer\">y</a></p>"
        );
        assert!(SanitisedHtml::from(fits).contains("title="), "{sign}");
    }
}
