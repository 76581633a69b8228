//! `newsriver health`: whether the daemon of a configuration answers, for containers and supervisors.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{Ending, load, print};
use crate::config::Config;
use crate::model::server::Listen;

/// How long the answer may take.
const LIMIT: Duration = Duration::from_secs(5);

const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn head(config: &Config) -> std::io::Result<String> {
    match &config.listen {
        Listen::Address(address) => over_tcp(reachable(*address)),
        Listen::Unix { path, .. } => over_unix(path),
    }
}

pub(super) fn run(path: &Path) -> Result<(), Ending> {
    let config = load(path)?;
    let head = head(&config).map_err(|error| Ending::Failed(format!("{}: no answer: {error}", config.listen)))?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if status == "200" {
        return print("ready");
    }
    Err(Ending::Failed(format!("{}: the daemon answered {status} to /readyz", config.listen)))
}

/// "Any address" is no address to connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn over_tcp(address: SocketAddr) -> std::io::Result<String> {
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    ask(stream)
}

fn over_unix(path: &Path) -> std::io::Result<String> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(LIMIT))?;
    ask(stream)
}

fn ask(mut stream: impl Read + Write) -> std::io::Result<String> {
    stream.write_all(REQUEST)?;
    let mut head = [0; 64];
    let length = stream.read(&mut head)?;
    Ok(String::from_utf8_lossy(&head[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_listens_everywhere_is_reached_on_loopback() -> Result<(), std::net::AddrParseError> {
        for (listen, reached) in
            [("0.0.0.0:8700", "127.0.0.1:8700"), ("[::]:1", "[::1]:1"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(reachable(listen.parse()?), reached.parse()?);
        }
        Ok(())
    }
}
