//! The address rules (contract, Safety): what the network says may not lead to private addresses.
//!
//! What a person wrote in feeds.toml as a private literal is meant. Anything else is resolved here
//! and refused where it is not public, at the moment of the connection, so that a name cannot be
//! public when checked and private when used.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::{Host, Url};

use super::FetchError;
use super::resolver::Lookups;

/// A name led to an address that is not public.
#[derive(Debug, Error)]
#[error("{host} is the private address {address}")]
pub(super) struct Blocked {
    pub(super) host: String,
    pub(super) address: IpAddr,
}

/// Whether `url` is where a person's own words lead: the origin written in feeds.toml, if that is
/// a private literal, or the same host on the other web scheme.
pub(super) fn is_as_written(written: &Url, url: &Url) -> bool {
    let same_host = written.host() == url.host();
    let upgraded =
        written.scheme() == "http" && url.scheme() == "https" && written.port().is_none() && url.port().is_none();
    is_private_literal(written)
        && same_host
        && (upgraded || written.port_or_known_default() == url.port_or_known_default())
}

/// Whether two addresses share scheme, host and port, or differ by an upgrade to https.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    let upgraded = a.scheme() == "http" && b.scheme() == "https" && a.port().is_none() && b.port().is_none();
    a.host() == b.host() && (a.origin() == b.origin() || upgraded)
}

/// Whether the host is a private address or a name of a private network.
pub(super) fn is_private_literal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => !is_public(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || [".localhost", ".local", ".lan", ".internal"].iter().any(|end| name.ends_with(end))
        }
        None => false,
    }
}

/// Refuses an address literal that is not public, and a name that is one of private networks only; other names are
/// checked when they are resolved.
pub(super) fn check_literal(url: &Url) -> Result<(), FetchError> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(name)) if is_private_literal(url) => {
            return Err(FetchError::PrivateName { host: name.to_owned() });
        }
        _ => return Ok(()),
    };
    if is_public(address) {
        Ok(())
    } else {
        Err(FetchError::Blocked { host: url.host_str().unwrap_or_default().to_owned(), address })
    }
}

/// Whether an address is one that the whole internet reaches. IPv6 forms that carry an IPv4
/// address are judged by that.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => embedded_v4(address).map_or_else(|| is_public_v6(address), is_public_v4),
    }
}

/// The registry of special addresses (RFC 6890 and its updates).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., ..)
    );
    !special
}

/// Only 2000::/3 is in use on the internet; documentation and benchmarks inside it are not.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let global = segments[0] & 0xe000 == 0x2000;
    let special =
        matches!(segments, [0x2001, 0x0db8, ..] | [0x2001, 0x0000..=0x01ff, ..] | [0x3fff, 0x0000..=0x0fff, ..]);
    global && !special
}

/// The IPv4 address inside mapped, compatible, translated (NAT64) and 6to4 forms.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., high, low] = address.segments();
    let tail = Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(tail),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => Some(tail),
        [0x2002, a, b, ..] => Some(Ipv4Addr::from(u32::from(a) << 16 | u32::from(b))),
        _ => None,
    }
}

/// The system's resolver, less what is not public.
#[derive(Debug, Clone)]
pub(super) struct PublicOnly(pub(super) Lookups);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let lookups = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = lookups.look_up(&host).await?;
            // One private address spoils the name: which one is dialled is not ours to choose.
            if let Some(private) = found.iter().find(|address| !is_public(address.ip())) {
                return Err(Blocked { host, address: private.ip() }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_and_private_addresses() {
        for private in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "2001:db8::1",
            "2001::1",
            "::ffff:0:10.0.0.1",
            "3fff::1",
        ] {
            assert!(private.parse().is_ok_and(|address| !is_public(address)), "{private}");
        }
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "64:ff9b::1.1.1.1",
            "::ffff:8.8.8.8",
            "2002:808:808::",
        ] {
            assert!(public.parse().is_ok_and(is_public), "{public}");
        }
    }

    #[test]
    fn literals_in_every_spelling_are_refused() -> Result<(), url::ParseError> {
        for url in [
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://0/",
            "http://0x7f.1/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://１２７.0.0.1/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a00:1]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/latest",
            "http://100.100.100.200/latest",
            "http://169.254.169.254/latest",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://router.lan/",
            "http://nas.local./",
            "http://metadata.google.internal/",
        ] {
            assert!(check_literal(&Url::parse(url)?).is_err(), "{url}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_name_is_judged_by_every_address_that_it_has() -> Result<(), Box<dyn std::error::Error>> {
        // The one resolution is the one that is dialled: there is no second that could differ.
        for name in ["localhost", "127.0.0.1"] {
            let Err(error) = PublicOnly(Lookups::default()).resolve(name.parse()?).await else {
                panic!("{name} was let through")
            };
            assert!(error.downcast_ref::<Blocked>().is_some_and(|blocked| blocked.address.is_loopback()), "{error}");
        }
        Ok(())
    }

    #[test]
    fn what_a_person_wrote_is_meant_and_nothing_beside_it() -> Result<(), url::ParseError> {
        let case = |written: &str, url: &str| {
            Ok::<_, url::ParseError>(is_as_written(&Url::parse(written)?, &Url::parse(url)?))
        };
        assert!(case("http://127.0.0.1:80/a", "http://127.0.0.1/b")?);
        assert!(case("http://nas.local/a", "https://nas.local/a")?);
        assert!(case("http://localhost.:8080/a", "http://localhost.:8080/b")?);
        assert!(!case("http://127.0.0.1:8080/a", "http://127.0.0.1:22/")?);
        assert!(!case("http://127.0.0.1/a", "http://10.0.0.1/")?);
        assert!(!case("http://e.org/a", "http://e.org/b")?, "public names are resolved under guard");
        Ok(())
    }
}
