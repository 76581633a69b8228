//! The river pushed by newsriver's own hub, and told to another's.

mod common;

use std::sync::{Arc, Mutex};

use common::{Asked, Fallible, Origin, Reply, River, request, rss, source};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[test]
fn whoever_listens_is_asked_and_then_pushed_what_is_new() -> Fallible {
    let items = Arc::new(Mutex::new(vec![("1", "青浦工业园区开展调研")]));
    let shown = items.clone();
    let origin = Origin::new(move |_| Reply::feed(rss(&shown.lock().map(|items| items.clone()).unwrap_or_default())))?;
    // The subscriber: confirms by giving the challenge back, takes pushes.
    let reader = Origin::new(|asked: &Asked| {
        let query = asked.path.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        let challenge = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "hub.challenge");
        let challenge = challenge.map(|(_, value)| value.into_owned()).unwrap_or_default();
        Reply::Answer("200 OK".into(), challenge.into_bytes())
    })?;
    let other_hub = Origin::new(|_| Reply::status("202 Accepted"))?;
    let river = River::new(&format!(
        "{}[websub]\nsubscribe = false\nallow_private = true\nhub = [\"self\", \"{}\"]\n",
        source("a", &origin.url("/")),
        other_hub.url("/tell")
    ))?;
    let mut daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 1)?;
    let feed = daemon.get("feed.atom", &[])?.text();
    let topic = format!("{}feed.atom", daemon.base);
    assert!(feed.contains(&format!("href=\"{}hub\" rel=\"hub\"", daemon.base)), "{feed}");
    assert!(daemon.json("feed.json")?["hubs"][1]["url"].as_str().is_some_and(|url| url.ends_with("/tell")));

    let ask = |topic: &str, mode: &str| {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("hub.mode", mode),
                ("hub.topic", topic),
                ("hub.callback", &reader.url("/push")),
                ("hub.secret", "quiet"),
            ])
            .finish();
        common::post(&daemon.base, "hub", &form)
    };
    assert_eq!(ask("http://elsewhere.example/feed", "subscribe")?, 404);
    assert_eq!(ask(&topic, "shout")?, 400);
    assert_eq!(request("GET", &daemon.base, "hub", &[])?.status, 405);
    assert_eq!(ask(&topic, "subscribe")?, 202);
    daemon.logged(|line| common::message(line).contains("is confirmed"))?;

    if let Ok(mut items) = items.lock() {
        items.insert(0, ("2", "佛山三水率先实现零碳"));
    }
    let pushed = daemon.until(|_| Ok(reader.asked("/push")), |asked| !asked.is_empty())?;
    let push = &pushed[0];
    assert!(push.body.contains("佛山三水率先实现零碳") && !push.body.contains("青浦工业园区"), "{}", push.body);
    assert!(push.header("content-type").is_some_and(|value| value.starts_with("application/atom+xml")));
    assert!(push.header("link").is_some_and(|value| value.contains(&topic)));
    let mac = Hmac::<Sha256>::new_from_slice(b"quiet")?.chain_update(&push.body).finalize().into_bytes();
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(push.header("x-hub-signature"), Some(format!("sha256={hex}").as_str()));
    let told = daemon.until(|_| Ok(other_hub.asked("/tell")), |asked| !asked.is_empty())?;
    assert!(told[0].body.starts_with("hub.mode=publish&hub.url="), "{}", told[0].body);

    let ask = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("hub.mode", "unsubscribe"), ("hub.topic", &topic), ("hub.callback", &reader.url("/push"))])
        .finish();
    assert_eq!(common::post(&daemon.base, "hub", &ask)?, 202);
    daemon.logged(|line| common::message(line).contains("is confirmed") && line["subscribes"] == false)?;
    daemon.stop()?;
    Ok(())
}
