//! Where connections come from: Unix sockets, sockets that are passed on, HTTP/2 without TLS.

mod common;

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::{Daemon, Fallible, Origin, Reply, River, message, rss, source};

fn origin() -> std::io::Result<Origin> {
    // Large enough to go out by another way than small bodies.
    let title = "抓转型求突破".repeat(20);
    let items: Vec<(String, String)> = (0..90).map(|n| (n.to_string(), format!("{n} {title}"))).collect();
    let items: Vec<(&str, &str)> = items.iter().map(|(id, title)| (id.as_str(), title.as_str())).collect();
    let feed = rss(&items);
    Origin::new(move |_| Reply::feed(feed.clone()))
}

#[test]
fn a_unix_socket_is_listened_at_and_one_left_over_is_replaced() -> Fallible {
    let origin = origin()?;
    let river = River::new("")?;
    let socket = river.folder.path().join("http.sock");
    let text = format!(
        "[server]\nlisten = \"unix:http.sock\"\nsocket_mode = \"600\"\n[log]\nformat = \"json\"\n{}",
        source("a", &origin.url("/"))
    );
    std::fs::write(river.config(), &text)?;
    let daemon = river.start()?;
    assert_eq!(daemon.base, format!("http://unix:{}/", socket.display()));
    daemon.until(|d| d.titles(), |titles| titles.len() == 90)?;
    let answer = daemon.get("feed.atom", &[])?;
    assert!(answer.body.len() > 64 * 1024, "{}", answer.body.len());
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    assert!(answer.text().contains("href=\"http://localhost/feed.atom\" rel=\"self\""));
    assert_eq!(socket.metadata()?.permissions().mode() & 0o777, 0o600);

    // Another daemon with a store of its own, at the same socket.
    let second = river.folder.path().join("second.toml");
    std::fs::write(&second, format!("[store]\npath = \"second.db\"\n{text}"))?;
    let (code, _, told) = common::newsriver(&["-c", &second.to_string_lossy(), "run"], river.folder.path())?;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("cannot listen on unix:"), "{told}");
    assert_eq!(daemon.get("healthz", &[])?.status, 200, "the first one goes on");

    daemon.kill()?;
    assert!(socket.exists());
    let daemon = river.start()?;
    assert_eq!(daemon.get("feed.atom", &[])?.status, 200);
    daemon.stop()?;
    assert!(!socket.exists());
    Ok(())
}

#[test]
fn a_socket_of_the_service_manager_is_taken_over() -> Fallible {
    let origin = origin()?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut command = Command::new("sh");
    command.args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\" 3<&0 0</dev/null", "sh"]);
    command.args([env!("CARGO_BIN_EXE_newsriver"), "-c"]).arg(river.config()).arg("run");
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    let daemon = Daemon::run(command)?;
    assert_eq!(daemon.base, format!("http://{address}/"));
    daemon.until(|d| d.titles(), |titles| titles.len() == 90)?;
    daemon.stop()?;
    Ok(())
}

#[test]
fn http_2_is_spoken_to_who_knows_before() -> Fallible {
    let origin = origin()?;
    let river = River::new(&source("a", &origin.url("/")))?;
    let daemon = river.start()?;
    daemon.until(|d| d.titles(), |titles| titles.len() == 90)?;
    let plain = daemon.get("feed.atom", &[])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build()?;
        let ask = || async {
            let answer = client.get(format!("{}feed.atom", daemon.base)).header("accept-encoding", "identity");
            let answer = answer.send().await?;
            assert_eq!(answer.version(), reqwest::Version::HTTP_2);
            assert_eq!(answer.headers()["etag"], plain.header("etag").unwrap_or_default());
            answer.bytes().await
        };
        let together = futures_util::future::try_join_all((0..20).map(|_| ask())).await?;
        assert!(together.iter().all(|body| *body == plain.body));
        Ok::<_, reqwest::Error>(())
    })?;
    let (code, log) = daemon.stop()?;
    assert_eq!(code, Some(0), "{:?}", log.last().map(message));
    Ok(())
}
