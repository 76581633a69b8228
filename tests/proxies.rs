//! Proxies of the environment: they may be anywhere, and what goes through them is judged all the same.

mod common;

use std::process::Command;

use common::{Fallible, Origin, Reply, River, rss, source};
use serde_json::Value;

/// Polls once with these variables in the environment; the summary, by source.
fn poll(river: &River, variables: &[(&str, String)]) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsriver"));
    for name in
        ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
    {
        command.env_remove(name);
    }
    let output = command
        .arg("-c")
        .arg(river.config())
        .args(["poll", "--json", "--force"])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .env_remove("RUST_LOG")
        .output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A proxy that answers for the whole web.
fn proxy() -> std::io::Result<Origin> {
    Origin::new(|asked| match asked.path.as_str() {
        "http://to-private.example/" => Reply::Answer("302 F\r\nLocation: http://10.0.0.1/x".into(), Vec::new()),
        "http://to-loopback.example/" => Reply::Answer("302 F\r\nLocation: http://[::1]/x".into(), Vec::new()),
        "http://to-lan.example/" => Reply::Answer("302 F\r\nLocation: http://router.lan/".into(), Vec::new()),
        path if path.starts_with("http://") => Reply::feed(rss(&[("1", path)])),
        _ => Reply::status("400 Bad Request"),
    })
}

#[test]
fn a_proxy_with_a_private_name_serves_public_sources() -> Fallible {
    let proxy = proxy()?;
    let port = proxy.address.port();
    let river = River::new(&source("a", "http://news.example/feed"))?;
    for (name, value) in [
        ("http_proxy", format!("http://localhost:{port}")),
        ("http_proxy", format!("http://127.0.0.1:{port}/")),
        ("all_proxy", format!("localhost:{port}")),
        ("HTTP_PROXY", format!("http://me:pass-word@localhost:{port}")),
    ] {
        let rows = poll(&river, &[(name, value.clone())])?;
        assert_eq!(rows[0]["status"], "ok", "{value}: {rows:?}");
    }
    let asked = proxy.asked("http://news.example/feed");
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[3].header("proxy-authorization"), Some("Basic bWU6cGFzcy13b3Jk"));
    assert!(asked.iter().all(|asked| asked.header("authorization").is_none()));
    Ok(())
}

#[test]
fn what_goes_through_a_proxy_is_judged_all_the_same() -> Fallible {
    let proxy = proxy()?;
    let ids = ["private", "loopback", "lan"];
    let sources: String = ids.iter().map(|id| source(id, &format!("http://to-{id}.example/"))).collect();
    let river = River::new(&sources)?;
    let rows = poll(&river, &[("http_proxy", format!("http://localhost:{}", proxy.address.port()))])?;
    for row in rows {
        assert_eq!(row["error"]["kind"], "blocked_address", "{row}");
    }
    assert!(
        ["http://10.0.0.1/x", "http://[::1]/x", "http://router.lan/"].iter().all(|url| proxy.asked(url).is_empty())
    );
    Ok(())
}

#[test]
fn no_proxy_is_heeded_and_what_goes_straight_stays_guarded() -> Fallible {
    let (proxy, origin) = (proxy()?, Origin::new(|_| Reply::feed(rss(&[("1", "straight")])))?);
    let port = origin.address.port();
    let river = River::new(&source("written", &format!("http://localhost:{port}/feed")))?;
    let through = ("http_proxy", format!("http://localhost:{}", proxy.address.port()));
    let rows = poll(&river, &[through.clone(), ("no_proxy", "localhost".to_owned())])?;
    assert_eq!(rows[0]["status"], "ok", "{rows:?}");
    assert_eq!((origin.asked("/feed").len(), proxy.asked(&format!("http://localhost:{port}/feed")).len()), (1, 0));
    // A redirect to the proxy's own machine, which `no_proxy` sends straight there.
    let river = River::new(&source("redirected", "http://to-loopback.example/"))?;
    let rows = poll(&river, &[through, ("no_proxy", "::1,127.0.0.1,localhost".to_owned())])?;
    assert_eq!(rows[0]["error"]["kind"], "blocked_address", "{rows:?}");
    Ok(())
}
