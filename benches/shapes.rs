//! Documents whose shape costs a careless reader the square of their length, through everything that a poll does before
//! the store. Ends with an error where one takes longer than its length allows, or four times the length takes much
//! more than four times as long.
//!
//! usage: cargo bench --bench shapes -- [PART OF A NAME]

use std::time::Duration;

use newsriver::config::Config;
use newsriver::html::SanitisedHtml;
use newsriver::model::document::Document;
use newsriver::model::source::{Address, Source};
use newsriver::poll::{clean_entries, read_document};
use newsriver::{clean, identity};

#[path = "worked/mod.rs"]
mod worked;

use worked::worked;

/// The length of a document, bytes.
const LENGTH: usize = 1 << 20;

/// What a document of that length may take; where the machine is slower, so many times what plain paragraphs take.
const MOST: Duration = Duration::from_secs(2);
const TIMES_PLAIN: u32 = 20;

/// Below this, growth says nothing.
const NOISE: Duration = Duration::from_millis(250);

/// How much longer four times the length may take.
const GROWTH: f64 = 8.0;

/// A name, and what the body of an entry is made of: a beginning, a piece that is repeated with its number in place of
/// `#`, and an end.
const BODIES: [(&str, &str, &str, &str); 66] = [
    ("attributes", "<a ", " a#", ">x</a>"),
    ("attributes with values", "<img ", " a#='x'", ">"),
    ("attributes parted by slashes", "<a ", "/a#", ">x"),
    ("attributes of an end tag", "<a>x</a ", " a#", ">"),
    ("attributes in a quote", "<p title='<a ", " a#", "'>x"),
    ("one attribute again and again", "<a ", " a=#", ">x"),
    ("tags of 400 attributes", "", "<p ATTRIBUTES>x</p>", ""),
    ("bold", "", "<b>", "x"),
    ("bold of its own kind", "", "<b a=#>", "x"),
    ("bold behind a stray end tag", "", "<b a=#></x>", "<p>x</p>"),
    ("bold, then paragraphs", "<b a=1><b a=2><b a=3><b a=4><b a=5><b a=6><b a=7>", "<p>x</p>", ""),
    ("bold ended by blocks", "", "<b a=#><div></b>", "x"),
    ("bold in paragraphs", "", "<p><b a=#>x", ""),
    ("fonts", "", "<font size=#><p>", "x"),
    ("fonts in closed blocks", "", "<div><font size=#>x</div>", ""),
    ("blocks", "", "<div>", "x"),
    ("blocks and stray ends", "", "<div></x></y>", "x"),
    ("quotes", "", "<blockquote>", "x"),
    ("spans", "", "<span>x", ""),
    ("links", "", "<a href=#>", "x"),
    ("links in blocks", "", "<a href=#><div>", "x"),
    ("links, closed", "", "<a href=#>x</a>", ""),
    ("adoption", "", "<a><b><i><u><s><p></a></b>", "x"),
    ("nobr and buttons", "", "<nobr><button>", "x"),
    ("tables", "", "<table>", "x"),
    ("tables in cells", "", "<table><tr><td>", "x"),
    ("tables around bold", "", "<table><b>x", ""),
    ("rows", "<table>", "<tr><td>x", ""),
    ("text in tables", "<table>", "x<tr>", ""),
    ("list items", "", "<li>x", ""),
    ("lists", "", "<ul><li>", "x"),
    ("definitions", "", "<dd><dt>", "x"),
    ("paragraphs", "", "<p>x", ""),
    ("stray ends", "", "</p>", "x"),
    ("many stray ends over depth", "<i><i a=1><i a=2><i a=3>", "</b></u></s>", "x"),
    ("headings", "", "<h1>", "x"),
    ("options", "<select>", "<option>x", ""),
    ("forms", "", "<form><input>", "x"),
    ("templates", "", "<template>", "x"),
    ("foreign", "", "<svg><g>", "x"),
    ("foreign and back", "", "<svg><desc><b a=#>", "x"),
    ("mathematics", "", "<math><mi>", "x"),
    ("ruby", "", "<ruby><rt>", "x"),
    ("framesets and bodies", "", "<body a#=1>", "x"),
    ("comments", "", "<!-- ", "x"),
    ("ends of comments", "<!--", " --!", "x"),
    ("sections", "<svg>", "<![CDATA[ x ]]", ""),
    ("references", "", "&amp;", ""),
    ("half references", "", "&notit", ""),
    ("numbers", "", "&#x338;", ""),
    ("signs of Latin-1", "<p>", "°", "</p>"),
    ("references in paragraphs", "<p>x</p><p>", "&amp;", "</p>"),
    ("references in an attribute", "<p title='", "&amp;", "'>x</p>"),
    ("signs of Latin-1 in an attribute", "<p title='", "°", "'>x</p>"),
    ("references in an address", "<a href='http://e.example/?", "&amp;a", "'>x</a>"),
    ("signs of Latin-1 in an address", "<a href='/", "°", "'>x</a>"),
    ("long attributes of references", "", "<p title='SIGNS'>x</p>", ""),
    ("candidates of references", "<img srcset='", "/&amp;# 1x, ", "'>"),
    ("marks", "<p>a", "\u{301}\u{323}\u{338}", ""),
    ("less than", "", "<", ""),
    ("greater than", "", ">", ""),
    ("images", "", "<img src=a srcset='b 1x, c 2x' data-src=d>", ""),
    ("candidates", "<img srcset='", "a, ", "'>"),
    ("lines of editors", "<p>x</p>", "<p>(编辑:甲</p>", ""),
    ("brackets", "<p>x ", "(编辑:", "</p>"),
    ("captions", "", "<br>(资料图", ""),
];

/// The same for whole documents.
const DOCUMENTS: [(&str, &str, &str, &str); 20] = [
    ("XML: attributes", "<rss><channel><item ", " a#='x'", "><title>x</title></item></channel></rss>"),
    ("XML: namespaces", "<rss ", " xmlns:a#='u'", "><channel><item><title>x</title></item></channel></rss>"),
    ("XML: nested namespaces", "<rss><channel><item>", "<x xmlns:a#='u'>", ""),
    ("XML: depth", "<rss><channel><item>", "<x>", ""),
    ("XML: open items", "<rss><channel>", "<item><title>x", ""),
    ("XML: stray ends", "<rss><channel><item><title>x</title>", "</y>", "</item></channel></rss>"),
    (
        "XML: entities",
        "<!DOCTYPE rss [",
        "<!ENTITY e# 'x'>",
        "]><rss><channel><item><title>x</title></item></channel></rss>",
    ),
    ("XML: categories", "<rss><channel><item><title>x</title>", "<category>c#</category>", "</item></channel></rss>"),
    ("XML: authors", "<rss><channel><item><title>x</title>", "<author>c#</author>", "</item></channel></rss>"),
    (
        "XML: enclosures",
        "<rss><channel><item><title>x</title>",
        "<enclosure url='http://e/#'/>",
        "</item></channel></rss>",
    ),
    ("XML: items of one id", "<rss><channel>", "<item><guid>1</guid><title>t#</title></item>", "</channel></rss>"),
    (
        "XML: items of one link",
        "<rss><channel>",
        "<item><link>http://e/</link><title>t#</title></item>",
        "</channel></rss>",
    ),
    ("XML: items", "<rss><channel>", "<item><guid>#</guid><title>t#</title></item>", "</channel></rss>"),
    (
        "XML: items of one body",
        "<rss><channel>",
        "<item><guid>#</guid><title>t#</title><description>&lt;p&gt;x&lt;/p&gt;&lt;p&gt;某某网 新闻热线&lt;/p&gt;</description></item>",
        "</channel></rss>",
    ),
    ("Atom: depth", "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title type='xhtml'>", "<b>", ""),
    (
        "Atom: links",
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>x</title>",
        "<link rel='r#' href='h'/>",
        "</entry></feed>",
    ),
    ("JSON: depth", "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":\"1\",\"x\":", "[", ""),
    (
        "JSON: keys",
        "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":\"1\",\"title\":\"t\"",
        ",\"k#\":1",
        "}]}",
    ),
    (
        "JSON: tags",
        "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":\"1\",\"title\":\"t\",\"tags\":[\"a\"",
        ",\"k#\"",
        "]}]}",
    ),
    ("JSON: open", "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[", "{\"id\":\"#\",", ""),
];

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    let source = Config::lone_source(Address::File("shapes".into()));
    let attributes: String = (0..400).map(|n| format!("a{n} ")).collect();
    let plain = {
        let document = rss(&made("", "<p>a paragraph of some plain words, the #th</p>", "", LENGTH));
        let began = worked();
        std::hint::black_box(read(&source, document));
        worked().saturating_sub(began)
    };
    let most = MOST.max(plain * TIMES_PLAIN);
    let mut bad = 0;
    let mut slowest = (Duration::ZERO, "");
    let shapes = BODIES.into_iter().map(|shape| (shape, true)).chain(DOCUMENTS.into_iter().map(|shape| (shape, false)));
    for ((name, begin, piece, end), is_body) in shapes.filter(|((name, ..), _)| name.contains(wanted.as_str())) {
        let piece = piece.replace("ATTRIBUTES", &attributes).replace("SIGNS", &"°".repeat(2_600));
        let time = |length| {
            let text = made(begin, &piece, end, length);
            let document = if is_body { rss(&text) } else { text };
            let began = worked();
            std::hint::black_box(read(&source, document));
            worked().saturating_sub(began)
        };
        let (quarter, whole) = (time(LENGTH / 4), time(LENGTH));
        let growth = whole.as_secs_f64() / quarter.as_secs_f64().max(f64::EPSILON);
        let is_bad = whole > most || (whole > NOISE && growth > GROWTH);
        bad += usize::from(is_bad);
        slowest = slowest.max((whole, name));
        if is_bad || !wanted.is_empty() || std::env::var_os("SHAPES").is_some() {
            println!(
                "{name}: {whole:.0?} a MiB, {growth:.1} times that of a quarter{}",
                if is_bad { ": TOO SLOW" } else { "" }
            );
        }
    }
    println!(
        "{} shapes, {bad} too slow; the slowest, {}, takes {:.0?} a MiB, plain paragraphs {plain:.0?}",
        BODIES.len() + DOCUMENTS.len(),
        slowest.1,
        slowest.0
    );
    assert_eq!(bad, 0);
}

fn made(begin: &str, piece: &str, end: &str, length: usize) -> String {
    let mut text = begin.to_owned();
    let mut number = 0;
    while text.len() + end.len() < length {
        text.push_str(&piece.replace('#', &number.to_string()));
        number += 1;
    }
    text + end
}

fn rss(body: &str) -> String {
    let body = body.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<rss version=\"2.0\"><channel><title>t</title><item><title>x</title><description>{body}</description></item></channel></rss>"
    )
}

/// Everything that a poll does with a document before the store, and what a reader of the store does.
fn read(source: &Source, text: String) -> usize {
    let now = chrono::DateTime::UNIX_EPOCH;
    let document =
        Document { url: "http://e.example/".into(), content_type: None, bytes: text.into_bytes(), fetched_at: now };
    let Ok(mut reading) = read_document(source, document) else { return 0 };
    let keys = identity::keys(&reading.feed.entries, clean::canonical_link);
    let fired = clean_entries(source, &mut reading.feed.entries, &[], now);
    let texts = reading.feed.entries.iter().filter_map(|entry| entry.content_html.as_ref());
    keys.len() + fired.len() + texts.map(SanitisedHtml::plain).map(|text| text.len()).sum::<usize>()
}
