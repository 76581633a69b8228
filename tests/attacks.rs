//! Readers, hubs and subscribers that mean harm: whoever means well is served all the same.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, Mutex};

use common::{Asked, Daemon, Fallible, Origin, PATIENCE, Reply, River, request, rss, source};

/// The connection preface of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn one_entry() -> std::io::Result<Origin> {
    Origin::new(|_| Reply::feed(rss(&[("1", "青浦工业园区开展调研")])))
}

/// A daemon that may open so many files and sockets.
fn start_with_descriptors(river: &River, count: usize) -> Result<Daemon, Box<dyn std::error::Error>> {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {count} && exec \"$@\""), "sh", env!("CARGO_BIN_EXE_newsriver"), "-c"]);
    command.arg(river.config()).arg("run");
    Daemon::run(command)
}

fn connect(daemon: &Daemon) -> std::io::Result<TcpStream> {
    let address = daemon.base.trim_start_matches("http://").trim_end_matches('/');
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Whether the daemon has closed a connection, whatever it said before.
fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// The status of an answer to a request that is sent as it stands.
fn raw(daemon: &Daemon, text: &str) -> Result<u16, Box<dyn std::error::Error>> {
    let mut stream = connect(daemon)?;
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).ok_or_else(|| format!("no answer: {read:?}"))?;
    Ok(status.parse()?)
}

#[test]
fn silent_connections_hold_no_place_and_health_is_always_answered() -> Fallible {
    let origin = one_entry()?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let daemon = start_with_descriptors(&river, 256)?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 1)?;
    let mut held = Vec::new();
    for n in 0..300 {
        let mut stream = connect(&daemon)?;
        let said: &[u8] = match n % 4 {
            0 => b"",
            1 => &PREFACE[..12],
            2 => b"GET / HT",
            _ => &[0x16, 0x03, 0x01],
        };
        stream.write_all(said)?;
        held.push(stream);
    }
    for path in ["healthz", "readyz", "metrics", "feed.atom"] {
        assert_eq!(daemon.get(path, &[])?.status, 200, "{path}");
    }
    // One that says nothing, and one that begins to, are closed in time.
    let mut half = connect(&daemon)?;
    half.write_all(&PREFACE[..12])?;
    let silent = connect(&daemon)?;
    assert!(is_closed(half) && is_closed(silent));
    drop(held);
    let (code, _) = daemon.stop()?;
    assert_eq!(code, Some(0));
    Ok(())
}

#[test]
fn health_is_answered_where_every_place_is_busy() -> Fallible {
    let origin = one_entry()?;
    let river = River::new(&format!("[websub]\nhub = \"self\"\n{}", source("a", &origin.url("/"))))?;
    let daemon = start_with_descriptors(&river, 64)?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 1)?;
    // Streams of events that are read: nobody of these can be turned out.
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut stream = connect(&daemon)?;
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")?;
        held.push(stream);
    }
    for _ in 0..3 {
        for path in ["healthz", "readyz", "metrics"] {
            assert_eq!(daemon.get(path, &[])?.status, 200, "{path}");
        }
    }
    Ok(())
}

#[test]
fn few_descriptors_are_shared_so_that_polls_go_on() -> Fallible {
    let origin = one_entry()?;
    // Each is polled once, with the time that a machine under load takes.
    let one =
        |n: usize| format!("[[source]]\nid = \"s{n}\"\nurl = \"{}\"\nevery = \"1h\"\n", origin.url(&format!("/{n}")));
    let river = River::new(&(0..80).map(one).collect::<String>())?;
    let daemon = start_with_descriptors(&river, 64)?;
    let mut readers = Vec::new();
    for _ in 0..120 {
        let mut stream = connect(&daemon)?;
        stream.write_all(b"GET /feed.atom HTTP/1.1\r\nHost: x\r\n\r\n")?;
        readers.push(stream);
    }
    let states = |d: &Daemon| {
        let status = d.json("status.json")?;
        let sources = status["sources"].as_array().cloned().unwrap_or_default();
        Ok(sources.iter().map(|s| (s["state"].clone(), s["error"].clone())).collect::<Vec<_>>())
    };
    let states = daemon.until(states, |states| states.len() == 80 && states.iter().all(|state| state.0 != "new"))?;
    let failed: Vec<_> = states.iter().filter(|state| state.0 != "ok").collect();
    assert!(failed.is_empty(), "{failed:?}");
    Ok(())
}

#[test]
fn streams_of_events_are_few_for_each_client() -> Fallible {
    let origin = one_entry()?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 1)?;
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..200 {
        let mut stream = connect(&daemon)?;
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        refused += usize::from(&head[9..] == b"503");
        held.push(stream);
    }
    assert!((100..200).contains(&refused), "{refused}");
    assert_eq!(daemon.get("feed.atom", &[])?.status, 200);
    Ok(())
}

#[test]
fn names_that_strangers_own_lead_nowhere() -> Fallible {
    let origin = one_entry()?;
    let river = River::new(&format!(
        "[river]\nbase_url = \"https://news.example.org/river/\"\n{}",
        source("a", &origin.url("/"))
    ))?;
    let text = std::fs::read_to_string(river.config())?;
    std::fs::write(river.config(), text.replace("[server]\n", "[server]\nhosts = [\"nas.example.net\"]\n"))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 1)?;
    for (host, path, expected) in [
        ("news.example.org", "feed.atom", 200),
        ("NEWS.example.org.:443", "feed.atom", 200),
        ("nas.example.net:8700", "status", 200),
        ("127.0.0.1:1", "feed.atom", 200),
        ("[::1]:8700", "feed.atom", 200),
        ("192.0.2.7", "feed.atom", 200),
        ("localhost:8700", "feed.atom", 200),
        ("nas", "feed.atom", 200),
        ("evil.example", "feed.atom", 421),
        ("evil.example:8700", "status.json", 421),
        ("news.example.org.evil.example", "opml", 421),
        ("127.0.0.1.evil.example", "", 421),
        ("evil.example", "hub", 421),
        ("evil.example", "top", 421),
        ("evil.example", "stories/1", 421),
        ("evil.example", "pictures/x/y", 421),
        ("evil.example", "healthz", 200),
        ("evil.example", "readyz", 200),
    ] {
        let text = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(raw(&daemon, &text)?, expected, "{host} {path}");
    }
    daemon.stop()?;
    Ok(())
}

fn subscription(callback: &str, topic: &str) -> String {
    let pairs = [("hub.mode", "subscribe"), ("hub.callback", callback), ("hub.topic", topic)];
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn post(daemon: &Daemon, headers: &str, form: &str) -> Result<u16, Box<dyn std::error::Error>> {
    let length = form.len();
    raw(
        daemon,
        &format!(
            "POST /hub HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{form}"
        ),
    )
}

#[test]
fn a_form_of_another_site_subscribes_nobody() -> Fallible {
    let origin = one_entry()?;
    let hub = "[websub]\nsubscribe = false\nallow_private = true\nhub = \"self\"\n";
    let river = River::new(&format!("{hub}{}", source("a", &origin.url("/"))))?;
    let daemon = river.start()?;
    let own = daemon.base.trim_end_matches('/');
    let form = subscription("http://127.0.0.1:9/", &format!("{own}/feed.atom"));
    for (headers, expected) in [
        ("Origin: https://evil.example\r\n".to_owned(), 403),
        ("Origin: null\r\n".to_owned(), 403),
        ("Sec-Fetch-Site: cross-site\r\n".to_owned(), 403),
        ("Sec-Fetch-Site: same-site\r\n".to_owned(), 403),
        (format!("Origin: {own}\r\nSec-Fetch-Site: same-origin\r\n"), 202),
        (String::new(), 202),
    ] {
        assert_eq!(post(&daemon, &headers, &form)?, expected, "{headers}");
    }
    // A river of a private network is pushed to nobody outside it.
    let public = subscription("http://93.184.216.34/push", &format!("{own}/feed.atom"));
    assert_eq!(post(&daemon, "", &public)?, 403);
    daemon.stop()?;
    Ok(())
}

#[test]
fn whoever_may_not_read_may_not_subscribe() -> Fallible {
    let origin = one_entry()?;
    let river = River::new(&format!(
        "[access.feeds]\nusername = \"qing\"\npassword = \"pu\"\n[websub]\nsubscribe = false\nallow_private = true\nhub = \"self\"\n{}",
        source("a", &origin.url("/"))
    ))?;
    let daemon = river.start()?;
    let form = subscription("http://127.0.0.1:9/", &format!("{}feed.atom", daemon.base));
    assert_eq!(post(&daemon, "", &form)?, 401);
    assert_eq!(post(&daemon, "Authorization: Basic cWluZzp4\r\n", &form)?, 401);
    assert_eq!(post(&daemon, "Authorization: Basic cWluZzpwdQ==\r\n", &form)?, 202);
    daemon.stop()?;
    Ok(())
}

#[test]
fn many_subscribers_at_once_wait_outside_and_the_river_goes_on() -> Fallible {
    let items = Arc::new(Mutex::new(vec![("1", "青浦工业园区开展调研")]));
    let shown = items.clone();
    let origin = Origin::new(move |_| Reply::feed(rss(&shown.lock().map(|items| items.clone()).unwrap_or_default())))?;
    let callback = Origin::new(|_| Reply::Hang)?;
    let hub = "[websub]\nsubscribe = false\nallow_private = true\nhub = \"self\"\n";
    let river = River::new(&format!("{hub}{}", source("a", &origin.url("/"))))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 1)?;
    let mut later = 0;
    for n in 0..300 {
        let form = subscription(&callback.url(&format!("/{n}")), &format!("{}feed.atom", daemon.base));
        let answer = post_whole(&daemon, &form)?;
        if !answer.starts_with("HTTP/1.1 202") {
            assert!(answer.starts_with("HTTP/1.1 429") || answer.starts_with("HTTP/1.1 503"), "{answer}");
            assert!(answer.to_ascii_lowercase().contains("\r\nretry-after: "), "{answer}");
            later += 1;
        }
    }
    assert!(later > 200, "{later}");
    if let Ok(mut items) = items.lock() {
        items.insert(0, ("2", "佛山三水率先实现零碳"));
    }
    daemon.until(|d| d.titles(), |titles| titles.len() == 2)?;
    // A form that does not come holds nobody up, nor one that is too large.
    let head = "POST /hub HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n";
    daemon.until(|d| raw(d, head), |status| *status == 413)?;
    let (code, _) = daemon.stop()?;
    assert_eq!(code, Some(0));
    Ok(())
}

fn post_whole(daemon: &Daemon, form: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut stream = connect(daemon)?;
    let length = form.len();
    write!(stream, "POST /hub HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A daemon whose source has a hub, and the path of the callback.
fn subscribed() -> Result<(River, Daemon, String, String), Box<dyn std::error::Error>> {
    let forms: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = forms.clone();
    let hub = Origin::new(move |asked: &Asked| {
        drop(seen.lock().map(|mut all| all.push(asked.body.clone())));
        Reply::status("202 Accepted")
    })?;
    let link = format!(
        "200 OK\r\nContent-Type: application/rss+xml\r\nLink: <{}>; rel=hub, </feed>; rel=self",
        hub.url("/hub")
    );
    let origin = Origin::new(move |_| Reply::Answer(link.clone(), rss(&[("1", "polled")]).into_bytes()))?;
    let river = River::new(&format!(
        "[websub]\nsubscribe = true\n[[source]]\nid = \"a\"\nurl = \"{}\"\nallow_private = true\nevery = \"1h\"\n",
        origin.url("/feed")
    ))?;
    let daemon = river.start()?;
    let form =
        daemon.until(|_| Ok(forms.lock().map(|all| all.first().cloned()).unwrap_or_default()), Option::is_some)?;
    let form = form.unwrap_or_default();
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(form.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let path = url::Url::parse(&value("hub.callback"))?.path().to_owned();
    Ok((river, daemon, path, value("hub.secret")))
}

#[test]
fn pushes_that_cannot_be_believed_are_answered_before_their_bodies() -> Fallible {
    let (_river, daemon, path, _) = subscribed()?;
    for (signature, length, expected) in [
        ("", 9_900_000, 202),
        ("X-Hub-Signature: sha1=de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9\r\n", 9_900_000, 202),
        ("X-Hub-Signature: sha256=00\r\n", 9_900_000, 202),
        ("X-Hub-Signature: sha256=zz\r\n", 9_900_000, 202),
        (&format!("X-Hub-Signature: sha256={}\r\n", "0".repeat(64)), 999_000_000, 413),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{signature}Content-Length: {length}\r\n\r\n");
        assert_eq!(raw(&daemon, &head)?, expected, "{signature}");
    }
    daemon.stop()?;
    Ok(())
}

#[test]
fn few_pushes_are_unfinished_at_once() -> Fallible {
    let (_river, daemon, path, _) = subscribed()?;
    let signature = "0".repeat(64);
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut stream = connect(&daemon)?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: x\r\nX-Hub-Signature: sha256={signature}\r\nContent-Length: 9900000\r\n\r\nabc"
        )?;
        held.push(stream);
    }
    // One of them is waited for, and not for long; the others are told to come back.
    let mut statuses = Vec::new();
    for mut stream in held {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        statuses.push(String::from_utf8_lossy(&answer[9..]).into_owned());
    }
    statuses.sort();
    assert_eq!(statuses, [&["408"][..], &["503"; 9]].concat());
    daemon.stop()?;
    Ok(())
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut out = vec![length[1], length[2], length[3], kind, flags];
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A GET as a header block of literals (RFC 7541, section 6.2.2).
fn get_block(path: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", path)] {
        out.push(0);
        for text in [name, value] {
            out.push(u8::try_from(text.len()).unwrap_or(0));
            out.extend(text.as_bytes());
        }
    }
    out
}

fn peak_memory(daemon: &Daemon) -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id()))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no peak")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

#[test]
fn readers_that_take_nothing_pin_little() -> Fallible {
    let text = "转型".repeat(1_500);
    let titles: Vec<_> = (0..200).map(|n| (n.to_string(), format!("青浦工业园区第{n}次调研 {text}"))).collect();
    let entries: Vec<_> = titles.iter().map(|(id, title)| (id.as_str(), title.as_str())).collect();
    let feed = rss(&entries);
    let origin = Origin::new(move |_| Reply::feed(feed.clone()))?;
    let river = River::new(&format!("[[source]]\nid = \"a\"\nurl = \"{}\"\nevery = \"1h\"\n", origin.url("/")))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 100)?;
    let before = peak_memory(&daemon)?;
    let size = daemon.get("feed.atom?n=1000&since=2000-01-01", &[])?.body.len() as u64;
    let mut held = Vec::new();
    for n in 0..10_u32 {
        let mut stream = connect(&daemon)?;
        // SETTINGS_INITIAL_WINDOW_SIZE is 0: no byte of a body may be sent.
        let mut sent = [PREFACE, &frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
        for m in 0..30_u32 {
            let path = format!("/feed.atom?n=1000&since=2001-01-01T00:{m:02}:{n:02}Z");
            sent.extend(frame(1, 5, m * 2 + 1, &get_block(&path)));
        }
        stream.write_all(&sent)?;
        held.push(stream);
    }
    // Each is answered with a head: of its body, or that there are too many.
    for stream in &mut held {
        let mut heads = 0;
        while heads < 30 {
            let mut head = [0; 9];
            stream.read_exact(&mut head)?;
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            stream.read_exact(&mut vec![0; length])?;
            heads += usize::from(head[3] == 1 || head[3] == 3);
        }
    }
    let grown = (peak_memory(&daemon)? - before) * 1024;
    assert!(grown < 160 << 20, "{grown} bytes more, for {} of bodies", size * 300);
    assert!(size * 300 > 250 << 20, "the test is too small: {size}");
    assert_eq!(daemon.get("feed.atom", &[])?.status, 200);
    drop(held);
    // Who means well is served again once they are gone.
    daemon.until(|d| d.get("feed.atom?n=20&since=2000-01-01", &[]), |answer| answer.status == 200)?;
    let (code, _) = daemon.stop()?;
    assert_eq!(code, Some(0));
    Ok(())
}

#[test]
fn a_page_of_a_source_is_served_by_its_id() -> Fallible {
    let origin = one_entry()?;
    let river = River::new(&format!("{}{}", source("a", &origin.url("/")), source("b", &origin.url("/b"))))?;
    let daemon = river.start()?;
    assert_eq!(daemon.get("status/b", &[])?.status, 200);
    assert_eq!(daemon.get("status/c", &[])?.status, 404);
    assert_eq!(request("POST", &daemon.base, "status/b", &[])?.status, 405);
    daemon.stop()?;
    Ok(())
}
