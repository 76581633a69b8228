//! A hub in its own process (here: its own thread and sockets) that pushes what a source publishes.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use common::{Asked, Fallible, Origin, Reply, River, rss};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the hub was asked for: the form of the subscriber, decoded.
type Form = Vec<(String, String)>;

fn value(form: &Form, key: &str) -> String {
    form.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone()).unwrap_or_default()
}

fn send(address: &str, request: &str, body: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn push(callback: &url::Url, body: &str, signature: &str) -> std::io::Result<String> {
    let address = format!("{}:{}", callback.host_str().unwrap_or_default(), callback.port().unwrap_or(80));
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/rss+xml\r\nX-Hub-Signature: {signature}\r\nContent-Length: {}\r\n\r\n",
        callback.path(),
        body.len()
    );
    send(&address, &head, body.as_bytes())
}

fn signed(secret: &str, body: &str) -> String {
    let mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mac| mac.chain_update(body).finalize().into_bytes());
    let hex: String = mac.map(|bytes| bytes.iter().map(|b| format!("{b:02x}")).collect()).unwrap_or_default();
    format!("sha256={hex}")
}

#[test]
fn a_hub_is_asked_answered_and_believed_only_where_it_signs() -> Fallible {
    let forms: Arc<Mutex<Vec<Form>>> = Arc::default();
    let seen = forms.clone();
    let hub = Origin::new(move |asked: &Asked| {
        let pairs = url::form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
        drop(seen.lock().map(|mut all| all.push(pairs)));
        Reply::status("202 Accepted")
    })?;
    let hub_url = hub.url("/hub");
    let origin = Origin::new(move |asked: &Asked| {
        let topic = format!("http://{}/feed", asked.header("host").unwrap_or_default());
        let feed = rss(&[("1", "polled")]).replace(
            "<channel>",
            &format!("<channel xmlns:atom=\"http://www.w3.org/2005/Atom\"><atom:link rel=\"hub\" href=\"{hub_url}\"/><atom:link rel=\"self\" href=\"{topic}\"/>"),
        );
        Reply::feed(feed)
    })?;
    let river = River::new(&format!(
        "[websub]\nsubscribe = true\n[[source]]\nid = \"a\"\nurl = \"{}\"\nallow_private = true\nevery = \"1h\"\n",
        origin.url("/feed")
    ))?;
    let daemon = river.start()?;
    let form =
        daemon.until(|_| Ok(forms.lock().map(|all| all.first().cloned()).unwrap_or_default()), Option::is_some)?;
    let form = form.unwrap_or_default();
    assert_eq!(value(&form, "hub.mode"), "subscribe");
    assert_eq!(value(&form, "hub.topic"), origin.url("/feed"));
    let callback = url::Url::parse(&value(&form, "hub.callback"))?;
    let secret = value(&form, "hub.secret");
    assert!(secret.len() == 32 && callback.path().starts_with("/websub/"), "{form:?}");
    let topic = url::form_urlencoded::byte_serialize(origin.url("/feed").as_bytes()).collect::<String>();
    let path = callback.path().trim_start_matches('/').to_owned();
    // Before it is verified, and for another topic, the hub gets nothing.
    let wrong = daemon.get(&format!("{path}?hub.mode=subscribe&hub.topic=http%3A%2F%2Fx%2F&hub.challenge=c"), &[])?;
    assert_eq!(wrong.status, 404);
    let verified = daemon.get(
        &format!("{path}?hub.mode=subscribe&hub.topic={topic}&hub.challenge=ch%2B1&hub.lease_seconds=86400"),
        &[],
    )?;
    assert_eq!((verified.status, verified.text().as_str()), (200, "ch+1"));
    // A push that is not signed, or not well, changes nothing; a good one is there at once.
    let forged = rss(&[("2", "forged")]);
    for signature in ["", "sha256=00", "sha1=de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"] {
        assert!(push(&callback, &forged, signature)?.starts_with("HTTP/1.1 202"), "{signature}");
    }
    let good = rss(&[("3", "pushed")]);
    assert!(push(&callback, &good, &signed(&secret, &good))?.starts_with("HTTP/1.1 202"));
    let mut titles = daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    titles.sort();
    assert_eq!(titles, ["polled", "pushed"]);
    assert_eq!(daemon.get("websub/0000", &[])?.status, 410);
    daemon.stop()?;
    // The subscription outlives a restart, and the hub is not asked again.
    let daemon = river.start()?;
    let better = rss(&[("4", "pushed again")]);
    let callback = url::Url::parse(&daemon.base)?.join(&path)?;
    assert!(push(&callback, &better, &signed(&secret, &better))?.starts_with("HTTP/1.1 202"));
    daemon.until(|d| d.titles(), |titles| titles.len() == 3)?;
    assert_eq!(hub.asked("/hub").len(), 1);
    daemon.stop()?;
    Ok(())
}

#[test]
fn no_hub_is_asked_that_could_not_reach_us_or_that_is_private() -> Fallible {
    let hub = Origin::new(|_| Reply::status("202 Accepted"))?;
    let hub_url = hub.url("/hub");
    let origin = Origin::new(move |_| {
        Reply::Answer(
            format!("200 OK\r\nContent-Type: application/rss+xml\r\nLink: <{hub_url}>; rel=hub, </feed>; rel=self"),
            rss(&[("1", "one")]).into_bytes(),
        )
    })?;
    let source = format!("[[source]]\nid = \"a\"\nurl = \"{}\"\nevery = \"1s\"\n", origin.url("/feed"));
    // Our own address is private: nobody could push to it.
    let river = River::new(&source)?;
    let daemon = river.start()?;
    daemon.until(|_| Ok(origin.asked("/feed").len()), |asked| *asked >= 3)?;
    daemon.stop()?;
    assert_eq!(hub.asked("/hub").len(), 0);
    // The hub is on another private address than the one that a person wrote.
    let river = River::new(&format!("[websub]\nsubscribe = true\n{source}"))?;
    let mut daemon = river.start()?;
    daemon.logged(|line| line.to_string().contains("was not asked for pushes"))?;
    daemon.stop()?;
    assert_eq!(hub.asked("/hub").len(), 0);
    Ok(())
}
