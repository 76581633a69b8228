//! Which `Host` a request may carry: a page of strangers whose name is made to resolve to this machine (DNS
//! rebinding) would read the river with the browser of whoever looks at it. Pure.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

/// From where a listener can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// A socket of this machine that no browser connects to.
    Local,
    /// Programs of this machine.
    Loopback,
    /// Others.
    Network,
}

/// Endings of names that nobody can register: RFC 6761, RFC 6762, RFC 8375, and what routers use.
const PRIVATE_ENDINGS: [&str; 7] = [".localhost", ".local", ".lan", ".internal", ".home.arpa", ".intranet", ".test"];

/// Whether a request may carry `host`, as it stands in `Host` or `:authority`: an address, a name that no stranger
/// can own, or one that feeds.toml names. Where it names none and newsriver listens on addresses that others reach,
/// any name may be ours.
pub(super) fn is_ours(host: Option<&str>, base: Option<&Url>, hosts: &[String], reach: Reach) -> bool {
    // Most requests, without a copy.
    if reach == Reach::Local || host.is_none_or(|host| host.parse::<SocketAddr>().is_ok()) {
        return true;
    }
    let Some(name) = host.map(name_of).filter(|name| !name.is_empty()) else { return true };
    let names_one = base.is_some() || !hosts.is_empty();
    if reach == Reach::Network && !names_one || is_private_name(&name) {
        return true;
    }
    let in_base = base.and_then(Url::host_str).is_some_and(|known| name_of(known) == name);
    in_base || hosts.iter().any(|known| name_of(known) == name)
}

/// Whether a name is an address, or one that no stranger can own.
pub(super) fn is_private_name(name: &str) -> bool {
    let is_address = || match Host::parse(name) {
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        Ok(Host::Domain(_)) | Err(_) => name.parse::<IpAddr>().is_ok(),
    };
    !name.contains('.') && !name.contains(':') || PRIVATE_ENDINGS.iter().any(|end| name.ends_with(end)) || is_address()
}

/// The name without its port and the dot at its end, in lower case.
pub(super) fn name_of(host: &str) -> String {
    let host = host.trim();
    let bare = match host.rsplit_once(':') {
        // An IPv6 address in brackets has colons of its own.
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    };
    bare.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_are_refused_and_nothing_else() -> Result<(), Box<dyn std::error::Error>> {
        let base = Url::parse("https://News.example.org/river/")?;
        let (loopback, anywhere) = (Reach::Loopback, Reach::Network);
        let hosts = ["nas.example.net".to_owned()];
        for (host, base, reach, hosts, expected) in [
            ("news.example.org:443", Some(&base), loopback, &[][..], true),
            ("news.example.org.", Some(&base), anywhere, &[], true),
            ("evil.example", Some(&base), loopback, &[], false),
            ("evil.example", Some(&base), anywhere, &[], false),
            ("evil.example", None, loopback, &[], false),
            ("evil.example", None, anywhere, &[], true),
            ("evil.example", None, anywhere, &hosts, false),
            ("NAS.example.net:80", None, anywhere, &hosts, true),
            ("localhost:8700", None, loopback, &[], true),
            ("newsriver", Some(&base), loopback, &[], true),
            ("127.0.0.1:1", Some(&base), loopback, &[], true),
            ("[::1]:8700", Some(&base), loopback, &[], true),
            ("[::1]", Some(&base), loopback, &[], true),
            ("192.168.1.7", Some(&base), anywhere, &[], true),
            ("river.local", Some(&base), anywhere, &[], true),
            ("evil.local.example", Some(&base), anywhere, &[], false),
            ("127.0.0.1.evil.example", Some(&base), loopback, &[], false),
            ("evil.example:80:80", Some(&base), loopback, &[], false),
            ("evil.example@127.0.0.1", Some(&base), loopback, &[], false),
            ("news.example.org evil.example", Some(&base), loopback, &[], false),
            ("", Some(&base), loopback, &[], true),
        ] {
            assert_eq!(is_ours(Some(host), base, hosts, reach), expected, "{host} {base:?} {reach:?}");
        }
        assert!(is_ours(None, Some(&base), &[], loopback));
        assert!(is_ours(Some("evil.example"), Some(&base), &[], Reach::Local));
        Ok(())
    }
}
