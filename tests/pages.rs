//! Pages for people: one time zone, what a story page says, pictures, languages.

mod common;

use common::{Daemon, Fallible, Origin, Reply, River, source};

/// An RSS item: its guid, title, date, and what else stands in it.
fn item(id: &str, title: &str, date: &str, rest: &str) -> String {
    format!(
        "<item><title>{title}</title><guid isPermaLink=\"false\">{id}</guid><link>http://e.example/{id}</link><pubDate>{date}</pubDate>{rest}</item>"
    )
}

fn feed(items: &[String]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel><title>T</title><link>http://e.example/</link><description>d</description>{}</channel></rss>",
        items.concat()
    )
}

/// Feeds of three publishers that write their dates in three zones, an hour apart in turn.
fn three_zones() -> std::io::Result<Origin> {
    Origin::new(|asked| {
        let (zone, offset, name) = match asked.path.as_str() {
            "/a" => ("+0800", 8, "青浦"),
            "/b" => ("GMT", 0, "London"),
            _ => ("-0500", -5, "Boston"),
        };
        let items: Vec<String> = (0..20)
            .map(|n| {
                let start = chrono::DateTime::from_timestamp(1_764_000_000 - n * 7200 + i64::from(offset) * 60, 0);
                let local = start.unwrap_or_default() + chrono::TimeDelta::hours(offset.into());
                let date = format!("{} {zone}", local.format("%a, %d %b %Y %H:%M:%S"));
                item(&format!("{name}{n}"), &format!("{name} story {n} {}", "x".repeat(n as usize)), &date, "")
            })
            .collect();
        Reply::feed(feed(&items))
    })
}

fn start_in(zone: &str, origin: &Origin) -> Result<(River, Daemon), Box<dyn std::error::Error>> {
    let sources: String = ["a", "b", "c"].iter().map(|id| source(id, &origin.url(&format!("/{id}")))).collect();
    let (river, daemon) =
        River::new(&format!("[river]\nentries = 60\ntimezone = \"{zone}\"\n{sources}"))?.start_kept()?;
    daemon.until(Daemon::titles, |titles| titles.len() == 60)?;
    Ok((river, daemon))
}

#[test]
fn tables_show_one_zone_and_name_it() -> Fallible {
    let origin = three_zones()?;
    let (river, daemon) = start_in("Asia/Shanghai", &origin)?;
    let (_, table, _) = river.command(&["status"])?;
    assert!(table.contains("times in Asia/Shanghai"), "{table}");
    let last = daemon.source("a")?["last_success"].as_str().unwrap_or_default().to_owned();
    let minute = chrono::DateTime::parse_from_rfc3339(&last)? + chrono::TimeDelta::hours(8);
    let (_, table, _) = river.command(&["log", "a"])?;
    assert!(table.contains(&minute.format("%Y-%m-%d %H:").to_string()), "{table}");
    assert!(table.contains("times in Asia/Shanghai"), "{table}");
    Ok(())
}
