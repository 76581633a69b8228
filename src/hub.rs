//! The rules of newsriver's own hub, pure: what subscribers ask, how long they may listen, how pushes are
//! signed. <https://www.w3.org/TR/websub/>, sections 5 and 7.

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use url::Url;

use crate::model::hub::Listener;
use crate::model::source::Secret;
use crate::model::text::hex;

/// The shortest and the longest lease that is given, and the one of who asks for none.
const LEASES: (i64, i64, i64) = (300, 30 * 86_400, 10 * 86_400);

/// The longest secret that is taken, bytes (section 5.1: less than 200).
const LONGEST_SECRET: usize = 199;

/// Those who may listen at once: all, at one host, and to one feed.
const MOST: usize = 1000;
const MOST_OF_HOST: usize = 50;
const MOST_OF_TOPIC: usize = 500;

/// What a subscriber asks of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `hub.mode` is `subscribe`, not `unsubscribe`.
    pub subscribes: bool,
    /// `hub.callback`
    pub callback: Url,
    /// `hub.topic`
    pub topic: String,
    /// `hub.secret`
    pub secret: Option<Secret>,
    /// The lease that it gets.
    pub lease: TimeDelta,
}

/// Why a request is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RequestError {
    /// Neither subscribe nor unsubscribe.
    #[error("`hub.mode` is subscribe or unsubscribe")]
    Mode,
    /// No address.
    #[error("`hub.callback` is an http or https address")]
    Callback,
    /// Too long a secret.
    #[error("`hub.secret` has less than 200 bytes")]
    Secret,
}

/// Why one more subscription is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Full {
    /// There are as many as there may be.
    #[error("there are {MOST} subscriptions")]
    All,
    /// At the host of the callback.
    #[error("there are {MOST_OF_HOST} subscriptions of this host")]
    Host,
    /// To the same feed.
    #[error("there are {MOST_OF_TOPIC} subscriptions to this feed")]
    Topic,
}

/// Whether there is room for one more subscription beside those that are `known`; one that is renewed has it.
///
/// # Errors
/// [`Full`]
pub fn admits(known: &[Listener], callback: &Url, topic: &str) -> Result<(), Full> {
    let host = |listener: &&Listener| {
        Url::parse(&listener.callback).is_ok_and(|known| known.host_str() == callback.host_str())
    };
    if known.iter().any(|one| one.callback == callback.as_str() && one.topic == topic) {
        Ok(())
    } else if known.len() >= MOST {
        Err(Full::All)
    } else if known.iter().filter(host).count() >= MOST_OF_HOST {
        Err(Full::Host)
    } else if known.iter().filter(|one| one.topic == topic).count() >= MOST_OF_TOPIC {
        Err(Full::Topic)
    } else {
        Ok(())
    }
}

/// Reads the form of a subscriber (section 5.1).
///
/// # Errors
/// [`RequestError`]
pub fn request(form: &[u8]) -> Result<Request, RequestError> {
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(form);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    };
    let subscribes = match value("hub.mode").as_deref() {
        Some("subscribe") => true,
        Some("unsubscribe") => false,
        _ => return Err(RequestError::Mode),
    };
    let callback = value("hub.callback").and_then(|text| Url::parse(&text).ok());
    let callback = callback.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let secret = value("hub.secret");
    if secret.as_ref().is_some_and(|secret| secret.len() > LONGEST_SECRET) {
        return Err(RequestError::Secret);
    }
    let (shortest, longest, usual) = LEASES;
    let lease = value("hub.lease_seconds").and_then(|text| text.parse().ok()).unwrap_or(usual);
    Ok(Request {
        subscribes,
        callback: callback.ok_or(RequestError::Callback)?,
        topic: value("hub.topic").unwrap_or_default(),
        secret: secret.map(Secret::new),
        lease: TimeDelta::seconds(lease.clamp(shortest, longest)),
    })
}

/// The address that a hub asks whether a subscriber means it (section 5.3).
#[must_use]
pub fn verification(request: &Request, challenge: &str) -> Url {
    let mut url = request.callback.clone();
    url.query_pairs_mut()
        .append_pair("hub.mode", if request.subscribes { "subscribe" } else { "unsubscribe" })
        .append_pair("hub.topic", &request.topic)
        .append_pair("hub.challenge", challenge)
        .append_pair("hub.lease_seconds", &request.lease.num_seconds().to_string());
    url
}

/// The value of `X-Hub-Signature` (section 7.1).
#[must_use]
pub fn signature(secret: &Secret, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes());
    // A key of any length is one (RFC 2104, section 2).
    let mac = mac.map(|mac| mac.chain_update(body).finalize().into_bytes()).unwrap_or_default();
    format!("sha256={}", hex(&mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_subscribers() {
        let form = |text: &str| request(text.as_bytes());
        let good =
            "hub.mode=subscribe&hub.callback=http://r.example/c?a=b&hub.topic=t&hub.secret=s&hub.lease_seconds=1";
        let read = form(good).unwrap_or_else(|error| panic!("{error}"));
        assert!(read.subscribes && read.lease == TimeDelta::minutes(5));
        assert_eq!(
            verification(&read, "x y").as_str(),
            "http://r.example/c?a=b&hub.mode=subscribe&hub.topic=t&hub.challenge=x+y&hub.lease_seconds=300"
        );
        assert_eq!(form("hub.mode=publish"), Err(RequestError::Mode));
        assert_eq!(form("hub.mode=unsubscribe&hub.callback=file:///etc/passwd"), Err(RequestError::Callback));
        assert_eq!(
            form(&format!("{good}&hub.secret=").replace("=s&", &format!("={}&", "s".repeat(200)))),
            Err(RequestError::Secret)
        );
    }

    #[test]
    fn subscriptions_are_bounded_for_all_for_a_host_and_for_a_feed() -> Result<(), url::ParseError> {
        let listener = |host: &str, n: usize, topic: &str| Listener {
            callback: format!("http://{host}/{n}"),
            topic: topic.into(),
            secret: None,
            lease_until: chrono::DateTime::UNIX_EPOCH,
            sent: 0,
        };
        let of_host: Vec<_> = (0..MOST_OF_HOST).map(|n| listener("a.example", n, "t")).collect();
        let admitted = |known: &[Listener], callback: &str, topic: &str| {
            Url::parse(callback).map(|callback| admits(known, &callback, topic))
        };
        assert_eq!(admitted(&of_host, "http://a.example/new", "t")?, Err(Full::Host));
        assert_eq!(admitted(&of_host, "http://a.example/0", "t")?, Ok(()), "renewed");
        assert_eq!(admitted(&of_host, "http://b.example/0", "t")?, Ok(()));
        let of_topic: Vec<_> = (0..MOST_OF_TOPIC).map(|n| listener(&format!("h{n}.example"), n, "t")).collect();
        assert_eq!(admitted(&of_topic, "http://b.example/0", "t")?, Err(Full::Topic));
        assert_eq!(admitted(&of_topic, "http://b.example/0", "u")?, Ok(()));
        let all: Vec<_> = (0..MOST).map(|n| listener(&format!("h{n}.example"), n, &n.to_string())).collect();
        assert_eq!(admitted(&all, "http://b.example/0", "u")?, Err(Full::All));
        Ok(())
    }

    #[test]
    fn signatures_are_hmacs() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature(&Secret::new("Jefe".into()), b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
