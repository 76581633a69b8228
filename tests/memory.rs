//! What reading a document costs in memory, counted at the allocator.

use newsriver::decode::decode;
use newsriver::parse::parse;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The most memory that reading may hold at once, in sizes of the document, the document included;
/// of one in a legacy charset the size is that of its text.
const LIMIT: f64 = 4.0;

fn peak_over(bytes: &[u8]) -> f64 {
    let document = bytes.to_vec();
    let before = ALLOCATOR.current_usage() - document.len();
    ALLOCATOR.reset_peak_usage();
    let text = decode(&document, None, None);
    let size = document.len().max(text.as_str().len()) as f64;
    let entries = parse(&text, None).map_or(0, |feed| feed.entries.len());
    assert_eq!(entries, 2_000, "every entry was read");
    (ALLOCATOR.peak_usage() - before) as f64 / size
}

#[test]
fn reading_holds_at_most_four_times_the_document() {
    let body = "<p>青浦工业园区的企业在一季度增加了投资。</p><p>The park's firms invested more.</p>".repeat(20);
    let escaped = body.replace('<', "&lt;").replace('>', "&gt;");
    let rss = |body: &str| {
        let items: String = (0..2_000)
            .map(|n| format!("<item><title>第{n}条</title><link>http://e.example/{n}</link><description>{body}</description></item>"))
            .collect();
        format!("<rss version=\"2.0\"><channel><title>t</title>{items}</channel></rss>")
    };
    let entries: String =
        (0..2_000).map(|n| format!("<entry><id>urn:{n}</id><title>{n}</title><updated>2023-04-24T06:00:00Z</updated><content type=\"html\">{escaped}</content></entry>")).collect();
    let atom = format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>t</title>{entries}</feed>");
    let cdata = rss(&format!("<![CDATA[{body}]]>"));
    let gbk = encoding_rs::GB18030.encode(&rss(&escaped)).0.into_owned();
    for (name, document) in [
        ("rss, escaped", rss(&escaped).into_bytes()),
        ("rss, cdata", cdata.clone().into_bytes()),
        ("atom", atom.clone().into_bytes()),
        ("rss, repaired", format!("{cdata}</oops>").into_bytes()),
        ("rss, repaired, markup", rss(&body).into_bytes()),
        ("atom, repaired", atom.replace("</feed>", "</oops>").into_bytes()),
        ("rss in GBK", gbk),
    ] {
        let ratio = peak_over(&document);
        println!("{name}: {ratio:.2} of {} bytes", document.len());
        assert!(ratio <= LIMIT, "{name}: {ratio:.2} times {} bytes", document.len());
    }
}
