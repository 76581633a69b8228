//! A scripted origin, a daemon in its own process, and a scratch folder for both.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

pub type Fallible = Result<(), Box<dyn std::error::Error>>;

/// How long anything may take that a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A request as the origin saw it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// What the origin does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status line and headers after `HTTP/1.1 `, and a body.
    Answer(String, Vec<u8>),
    /// Accepts and says nothing until the client goes away.
    Hang,
}

impl Reply {
    pub fn feed(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer("200 OK\r\nContent-Type: application/rss+xml".into(), body.into())
    }

    pub fn status(status: &str) -> Self {
        Self::Answer(status.into(), b"no".to_vec())
    }
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// An origin on loopback that answers as a closure says and remembers what it was asked.
pub struct Origin {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Origin {
    pub fn new(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (handler, seen): (Arc<Handler>, _) = (Arc::new(handler), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, seen) = (handler.clone(), seen.clone());
                std::thread::spawn(move || answer(stream, &*handler, &seen));
            }
        });
        Ok(Self { address, asked })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn asked(&self, path: &str) -> Vec<Asked> {
        self.asked.lock().map(|all| all.iter().filter(|a| a.path == path).cloned().collect()).unwrap_or_default()
    }
}

fn answer(mut stream: TcpStream, handler: &Handler, seen: &Mutex<Vec<Asked>>) {
    let Ok(copy) = stream.try_clone() else { return };
    let mut reader = BufReader::new(copy);
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let headers = lines.take_while(|line| !line.is_empty());
    let headers = headers.filter_map(|l| l.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    let mut asked = Asked { path, headers, body: String::new() };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_ok() {
        asked.body = String::from_utf8_lossy(&body).into_owned();
    }
    if let Ok(mut all) = seen.lock() {
        all.push(asked.clone());
    }
    match handler(&asked) {
        Reply::Answer(head, body) => {
            let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // A client that hangs up early (too large) is part of some tests.
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
        }
        Reply::Hang => drop(stream.read(&mut [0; 1])),
    }
}

/// An RSS feed with these items, `(guid, title)`.
pub fn rss(items: &[(&str, &str)]) -> String {
    let items: String = items
        .iter()
        .map(|(id, title)| {
            format!(
                "<item><title>{title}</title><guid isPermaLink=\"false\">{id}</guid><link>http://e.example/{id}</link></item>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel><title>T</title><link>http://e.example/</link><description>d</description>{items}</channel></rss>"
    )
}

/// A scratch folder with a feeds.toml in it.
pub struct River {
    pub folder: tempfile::TempDir,
}

impl River {
    /// `sources` stands behind a head that gives the daemon a port of its own.
    pub fn new(sources: &str) -> std::io::Result<Self> {
        let river = Self { folder: tempfile::tempdir()? };
        river.edit(sources)?;
        Ok(river)
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("feeds.toml")
    }

    pub fn text(sources: &str) -> String {
        format!("[server]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n{sources}")
    }

    pub fn edit(&self, sources: &str) -> std::io::Result<()> {
        std::fs::write(self.config(), Self::text(sources))
    }

    /// Runs a command to its end: exit status, stdout, stderr.
    pub fn command(&self, arguments: &[&str]) -> std::io::Result<(Option<i32>, String, String)> {
        newsriver(&[&["-c", &self.config().to_string_lossy()], arguments].concat(), self.folder.path())
    }

    pub fn start(&self) -> Result<Daemon, Box<dyn std::error::Error>> {
        Daemon::start(&self.config())
    }
}

impl River {
    /// Starts a daemon and keeps the folder for as long as it runs.
    pub fn start_kept(self) -> Result<(Self, Daemon), Box<dyn std::error::Error>> {
        let daemon = self.start()?;
        Ok((self, daemon))
    }
}

/// Runs the program to its end in `folder`.
pub fn newsriver(arguments: &[&str], folder: &Path) -> std::io::Result<(Option<i32>, String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_newsriver"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

/// One source of a feeds.toml, polled each second.
pub fn source(id: &str, url: &str) -> String {
    format!("[[source]]\nid = \"{id}\"\nurl = \"{url}\"\nevery = \"1s\"\nmin_every = \"1s\"\ntimeout = \"2s\"\n")
}

/// A running daemon; killed when the test ends.
pub struct Daemon {
    child: Child,
    pub base: String,
    lines: Receiver<Value>,
    pub log: Vec<Value>,
}

impl Daemon {
    pub fn start(config: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_newsriver"));
        command.args(["-c".as_ref(), config.as_os_str(), "run".as_ref()]).stdin(Stdio::null());
        Self::run(command)
    }

    /// Runs a command that becomes a daemon.
    pub fn run(mut command: Command) -> Result<Self, Box<dyn std::error::Error>> {
        let mut child = command.env_remove("RUST_LOG").stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().ok_or("no stderr")?;
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut daemon = Self { child, base: String::new(), lines, log: Vec::new() };
        let line = daemon.logged(|line| message(line).starts_with("listening on "))?;
        daemon.base = format!("http://{}/", message(&line).trim_start_matches("listening on "));
        Ok(daemon)
    }

    /// Waits for a log line; those before it are kept in `log`.
    pub fn logged(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let tail = &self.log[self.log.len().saturating_sub(10)..];
                return Err(format!("the log line did not come; the last were {tail:#?}"));
            };
            self.log.push(line.clone());
            if wanted(&line) {
                return Ok(line);
            }
        }
    }

    /// Waits for the next poll event of a source.
    pub fn polled(&mut self, id: &str) -> Result<Value, String> {
        self.logged(|line| line["source.id"] == id && !line["poll.status"].is_null())
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Response, Box<dyn std::error::Error>> {
        request("GET", &self.base, path, headers)
    }

    pub fn json(&self, path: &str) -> Result<Value, Box<dyn std::error::Error>> {
        Ok(serde_json::from_slice(&self.get(path, &[])?.body)?)
    }

    /// The titles of the river's first page, as JSON Feed has them.
    pub fn titles(&self) -> Result<Vec<String>, Box<dyn std::error::Error>> {
        let feed = self.json("feed.json")?;
        let items = feed["items"].as_array().cloned().unwrap_or_default();
        Ok(items.iter().map(|i| i["title"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Asks until the answer is as wanted.
    pub fn until<T: std::fmt::Debug>(
        &self,
        ask: impl Fn(&Self) -> Result<T, Box<dyn std::error::Error>>,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<T, Box<dyn std::error::Error>> {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = ask(self);
            match answer {
                Ok(answer) if wanted(&answer) => return Ok(answer),
                answer if Instant::now() > end => {
                    return Err(format!("it did not come; the last was {answer:?}").into());
                }
                // A breath between two looks, so that the looking does not starve what is looked at.
                _ => std::thread::park_timeout(Duration::from_millis(10)),
            }
        }
    }

    /// One source of `/status.json`.
    pub fn source(&self, id: &str) -> Result<Value, Box<dyn std::error::Error>> {
        let status = self.json("status.json")?;
        let found = status["sources"].as_array().into_iter().flatten().find(|s| s["id"] == id).cloned();
        Ok(found.unwrap_or(Value::Null))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) -> std::io::Result<ExitStatus> {
        Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status()
    }

    /// SIGTERM, then the exit status.
    pub fn stop(mut self) -> Result<(Option<i32>, Vec<Value>), Box<dyn std::error::Error>> {
        self.signal("TERM")?;
        let status = self.child.wait()?;
        let mut log = std::mem::take(&mut self.log);
        log.extend(self.lines.iter());
        Ok((status.code(), log))
    }

    /// SIGKILL.
    pub fn kill(mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already where the test stopped it.
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}

pub fn message(line: &Value) -> String {
    line["message"].as_str().unwrap_or_default().to_owned()
}

/// An answer of the daemon, as it came.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}\n{}", self.status, self.headers, self.text())
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One request over a plain socket: what stands on the wire is what is tested.
pub fn request(
    method: &str,
    base: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Response, Box<dyn std::error::Error>> {
    let address = base.trim_start_matches("http://").trim_end_matches('/');
    let (mut reading, mut stream): (Box<dyn Read>, Box<dyn Write>) = match address.strip_prefix("unix:") {
        Some(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            (Box::new(stream.try_clone()?), Box::new(stream))
        }
        None => {
            let stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            (Box::new(stream.try_clone()?), Box::new(stream))
        }
    };
    let extra: String = headers.iter().map(|(k, v)| format!("{k}: {v}\r\n")).collect();
    write!(stream, "{method} /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{extra}\r\n")?;
    let mut all = Vec::new();
    reading.read_to_end(&mut all)?;
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").ok_or("no head")?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).ok_or("no status")?.parse()?;
    let headers = lines.filter_map(|l| l.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    Ok(Response { status, headers, body: all[end + 4..].to_vec() })
}

/// A form sent to an address; the status of the answer.
pub fn post(base: &str, path: &str, form: &str) -> Result<u16, Box<dyn std::error::Error>> {
    let address = base.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split(' ').nth(1).ok_or("no status")?.parse()?)
}
