//! The proxies of the environment (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`), as curl reads them.
//!
//! The address rules judge targets. A proxy was named by who started newsriver, so it may be anywhere; which requests
//! go through it is decided here, before a client is chosen, so that a request that does not is never without its guard.

use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::HeaderValue;
use reqwest::{Client, ClientBuilder};
use url::Url;

use super::FetchError;

/// A proxy, and the value of `Proxy-Authorization` where it has one apart from its address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Proxy {
    pub(super) url: Url,
    pub(super) authorization: Option<HeaderValue>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl Proxy {
    /// One that feeds.toml names; user name and password may stand in its address.
    pub(super) fn written(url: &Url) -> Self {
        Self { url: url.clone(), authorization: None }
    }

    /// The client that goes through it. The only name that it resolves is the proxy's: those of targets are resolved by
    /// the proxy.
    pub(super) fn client(&self, builder: ClientBuilder) -> reqwest::Result<Client> {
        let mut way = reqwest::Proxy::all(self.url.clone())?;
        if let Some(value) = &self.authorization {
            way = way.custom_http_auth(value.clone());
        }
        builder.proxy(way).build()
    }
}

/// Which requests go through which proxy.
#[derive(Debug, Clone)]
pub(super) struct Environment(Arc<Matcher>);

impl Environment {
    /// As the environment of the process says.
    pub(super) fn new() -> Self {
        Self(Arc::new(Matcher::from_env()))
    }

    /// The proxy for a request to `url`; none where it goes straight.
    ///
    /// # Errors
    /// [`FetchError::ProxyKind`] where the proxy is one that does not speak HTTP.
    pub(super) fn proxy_for(&self, url: &Url) -> Result<Option<Proxy>, FetchError> {
        // What is no URI of HTTP is refused when it is asked for.
        let Some(found) = url.as_str().parse().ok().and_then(|uri| self.0.intercept(&uri)) else { return Ok(None) };
        let kind = found.uri().scheme_str().unwrap_or_default().to_owned();
        match Url::parse(&found.uri().to_string()) {
            Ok(url) if matches!(kind.as_str(), "http" | "https") => {
                Ok(Some(Proxy { url, authorization: found.basic_auth().cloned() }))
            }
            _ => Err(FetchError::ProxyKind { kind }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_curl_reads_the_environment() -> Result<(), Box<dyn std::error::Error>> {
        let of = |builder: hyper_util::client::proxy::matcher::Builder| Environment(Arc::new(builder.build()));
        let environment = of(Matcher::builder().http("http://me:pw@proxy.lan:3128").no("direct.example,10.0.0.0/8"));
        let found = environment.proxy_for(&Url::parse("http://e.org/")?)?.ok_or("no proxy")?;
        assert_eq!(found.url.as_str(), "http://proxy.lan:3128/");
        assert!(found.authorization.is_some() && !format!("{found:?}").contains("pw"));
        for straight in ["https://e.org/", "http://www.direct.example/", "http://10.1.2.3/"] {
            assert_eq!(environment.proxy_for(&Url::parse(straight)?)?, None, "{straight}");
        }
        let socks = of(Matcher::builder().all("socks5h://127.0.0.1:1080"));
        assert!(matches!(socks.proxy_for(&Url::parse("https://e.org/")?), Err(FetchError::ProxyKind { .. })));
        Ok(())
    }
}
