//! Bytes to `RawFeed`, decoding included, against the bare strict crates and feed-rs, over ten documents of the
//! kinds that feeds are. Ends with the ratios and the limits they are held to.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use newsriver::decode::decode;
use newsriver::parse::parse;

/// A document, and the crate that reads it without loss.
struct Sample {
    name: &'static str,
    atom: bool,
    text: String,
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .without_plots()
        .configure_from_args();
    for sample in samples() {
        let mut group = criterion.benchmark_group(sample.name);
        let bytes = sample.text.as_bytes();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("newsriver", |b| b.iter(|| ours(bytes)));
        group.bench_function("strict", |b| b.iter(|| strict(sample.atom, bytes)));
        group.bench_function("feed-rs", |b| b.iter(|| black_box(feed_rs::parser::parse(bytes).is_ok())));
        // A stray end tag at the end: what a strict reader refuses after reading all of it.
        let broken = [bytes, b"</oops>"].concat();
        let broken = [&b"<!DOCTYPE rss [<!ENTITY x 'y'>]>"[..], &broken].concat();
        group.bench_function("repaired", |b| b.iter(|| ours(&broken)));
        group.finish();
    }
    criterion.final_summary();
    summary();
}

fn ours(bytes: &[u8]) -> usize {
    let text = decode(bytes, None, None);
    parse(&text, None).map_or(0, |feed| black_box(feed).entries.len())
}

fn strict(atom: bool, bytes: &[u8]) -> bool {
    if atom {
        black_box(atom_syndication::Feed::read_from(bytes)).is_ok()
    } else {
        black_box(rss::Channel::read_from(bytes)).is_ok()
    }
}

/// Geometric means over the samples, from what criterion wrote.
fn summary() {
    let time = |name: &str, id: &str| {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/criterion/{name}/{id}/new/estimates.json"));
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        json["median"]["point_estimate"].as_f64()
    };
    let mean = |id: &str, against: &str| {
        let ratios: Vec<f64> =
            samples().iter().filter_map(|s| Some((time(s.name, against)? / time(s.name, id)?).ln())).collect();
        (ratios.iter().sum::<f64>() / ratios.len() as f64).exp()
    };
    for (what, id, against, limit) in [
        ("newsriver / strict", "newsriver", "strict", 0.85),
        ("newsriver / feed-rs", "newsriver", "feed-rs", 2.0),
        ("repaired / strict", "repaired", "strict", 0.40),
    ] {
        let ratio = mean(id, against);
        println!("{what}: {ratio:.2} (limit {limit}) {}", if ratio >= limit { "ok" } else { "TOO SLOW" });
    }
}

fn samples() -> Vec<Sample> {
    let latin = "The committee met on Tuesday and agreed on the plan for the new station, which opens next spring. ";
    let chinese = "徐建强调，青浦工业园区作为国有企业运作平台，承载着托举全区经济大盘的重要使命，要切实转变观念。";
    let html = |text: &str, n: usize| {
        format!(
            "<p>{}</p><p><a href=\"http://e.example/a?b=1\">more</a> <img src=\"/i.png\" alt=\"\"></p>",
            text.repeat(n)
        )
    };
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let rss = |name, items: usize, body: String, extra: &str| {
        Sample {
        name,
        atom: false,
        text: format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\" xmlns:media=\"http://search.yahoo.com/mrss/\">\n<channel>\n<title>Sample</title>\n<link>http://e.example/</link>\n<description>A feed</description>\n{}</channel></rss>",
            (0..items)
                .map(|n| format!("<item>\n  <title>Entry {n} {}</title>\n  <link>http://e.example/{n}</link>\n  <guid isPermaLink=\"false\">id-{n}</guid>\n  <pubDate>Mon, 24 Apr 2023 10:05:00 +0000</pubDate>\n  <category>news</category>\n  {body}{extra}\n</item>\n", &latin[..20]))
                .collect::<String>()
        ),
    }
    };
    let atom = |name, entries: usize, content: String| {
        Sample {
        name,
        atom: true,
        text: format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<title>Sample</title><id>http://e.example/</id><updated>2023-04-24T06:00:00Z</updated>\n{}</feed>",
            (0..entries)
                .map(|n| format!("<entry>\n  <title>Entry {n}</title>\n  <id>urn:e:{n}</id>\n  <link href=\"http://e.example/{n}\"/>\n  <updated>2023-04-24T06:00:00Z</updated>\n  <author><name>Li</name></author>\n  {content}\n</entry>\n"))
                .collect::<String>()
        ),
    }
    };
    let cdata = |text: String| format!("<description><![CDATA[{text}]]></description>");
    vec![
        rss("headlines", 40, String::new(), ""),
        rss("cdata", 30, cdata(html(latin, 20)), ""),
        rss("escaped", 30, format!("<description>{}</description>", escaped(&html(latin, 20))), ""),
        rss(
            "full-content",
            20,
            format!(
                "<description>{}</description><content:encoded><![CDATA[{}]]></content:encoded>",
                &latin[..60],
                html(latin, 60)
            ),
            "<dc:creator>Li</dc:creator>",
        ),
        rss("chinese", 30, cdata(html(chinese, 10)), ""),
        rss(
            "podcast",
            50,
            cdata(html(latin, 3)),
            "<enclosure url=\"http://e.example/a.mp3\" length=\"1000\" type=\"audio/mpeg\"/><itunes:duration>10:00</itunes:duration><itunes:author>Li</itunes:author>",
        ),
        rss(
            "media",
            40,
            cdata(html(latin, 3)),
            "<media:content url=\"http://e.example/a.jpg\" type=\"image/jpeg\"/><media:thumbnail url=\"http://e.example/t.jpg\"/>",
        ),
        atom("atom-html", 30, format!("<content type=\"html\">{}</content>", escaped(&html(latin, 20)))),
        atom(
            "atom-xhtml",
            30,
            format!(
                "<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{}</p></div></content>",
                latin.repeat(20)
            ),
        ),
        atom("atom-chinese", 30, format!("<summary>{}</summary>", chinese.repeat(8))),
    ]
}
