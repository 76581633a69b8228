//! The rules of a WebSub subscriber, pure: when to ask a hub, what to ask, whom to believe.
//!
//! In: what documents announce, what hubs say. Out: requests to make and judgements of what came.
//! <https://www.w3.org/TR/websub/>, sections 5 to 7.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use thiserror::Error;

use crate::model::source::{Secret, SourceId};
use crate::model::websub::{Announced, Stage, Subscription};

/// The lease that we ask for; hubs may give another.
const LEASE: TimeDelta = TimeDelta::days(10);

/// The shortest lease that is kept to: a hub cannot have us ask it each second.
const SHORTEST_LEASE: TimeDelta = TimeDelta::minutes(5);

/// How long a hub may take to verify.
const VERIFIES_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// The longest pause between two requests to a hub that does not answer.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(1);

/// Why a push is not taken.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PushError {
    /// It carries no signature.
    #[error("it is not signed")]
    Unsigned,
    /// It is signed by a method that is no longer safe, or that nobody knows.
    #[error("it is signed with {0}; sha256, sha384 and sha512 are believed")]
    Method(String),
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Forged,
}

/// What a push is signed with, as its header says: `X-Hub-Signature: sha256=hex` (section 8).
#[derive(Debug, PartialEq, Eq)]
pub struct Signature {
    method: SignatureMethod,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignatureMethod {
    Sha256,
    Sha384,
    Sha512,
}

/// Reads the header of a push; what cannot be believed, whatever its body, is known from it.
///
/// # Errors
/// [`PushError`] where it cannot be believed.
pub fn signature(header: Option<&str>) -> Result<Signature, PushError> {
    let (method, hex) = header.and_then(|header| header.trim().split_once('=')).ok_or(PushError::Unsigned)?;
    let (method, length) = match method.to_ascii_lowercase().as_str() {
        "sha256" => (SignatureMethod::Sha256, 32),
        "sha384" => (SignatureMethod::Sha384, 48),
        "sha512" => (SignatureMethod::Sha512, 64),
        other => return Err(PushError::Method(other.chars().filter(char::is_ascii_alphanumeric).take(20).collect())),
    };
    let bytes = unhex(hex).filter(|bytes| bytes.len() == length).ok_or(PushError::Forged)?;
    Ok(Signature { method, bytes })
}

/// Whether a push is the hub's.
///
/// # Errors
/// [`PushError`] where it cannot be believed.
pub fn check_signature(secret: &Secret, signature: &Signature, body: &[u8]) -> Result<(), PushError> {
    let key = secret.reveal().as_bytes();
    macro_rules! holds {
        ($hash:ty) => {
            Hmac::<$hash>::new_from_slice(key)
                .is_ok_and(|mac| mac.chain_update(body).verify_slice(&signature.bytes).is_ok())
        };
    }
    let holds = match signature.method {
        SignatureMethod::Sha256 => holds!(Sha256),
        SignatureMethod::Sha384 => holds!(Sha384),
        SignatureMethod::Sha512 => holds!(Sha512),
    };
    if holds { Ok(()) } else { Err(PushError::Forged) }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// A subscription that is to be asked for.
#[must_use]
pub fn subscribe(
    source: &SourceId,
    announced: Announced,
    token: String,
    secret: Secret,
    now: DateTime<Utc>,
) -> Subscription {
    Subscription {
        source: source.clone(),
        announced,
        token,
        secret,
        stage: Stage::Asked,
        asked_at: now,
        failures: 0,
        lease_until: None,
        is_trusted: false,
    }
}

/// When the hub is to be asked again.
#[must_use]
pub fn next_request(subscription: &Subscription) -> DateTime<Utc> {
    let pause = match subscription.stage {
        Stage::Asked => (VERIFIES_WITHIN * (1 << subscription.failures.min(10))).min(LONGEST_PAUSE),
        Stage::Denied => LONGEST_PAUSE,
        Stage::Active => {
            // At four fifths of the lease, so that a hub which is down for a while costs nothing.
            let lease = subscription.lease_until.map_or(LEASE, |until| until - subscription.asked_at);
            lease.max(SHORTEST_LEASE) * 4 / 5
        }
    };
    subscription.asked_at + pause
}

/// The request to the hub (section 5.1), as a form.
#[must_use]
pub fn request(subscription: &Subscription, callback: &str) -> Vec<(&'static str, String)> {
    vec![
        ("hub.mode", "subscribe".to_owned()),
        ("hub.topic", subscription.announced.topic.clone()),
        ("hub.callback", callback.to_owned()),
        ("hub.secret", subscription.secret.reveal().to_owned()),
        ("hub.lease_seconds", LEASE.num_seconds().to_string()),
    ]
}

/// What a hub asks of the callback (section 5.3), and what it gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// We mean it: the challenge goes back.
    Confirm {
        /// What the hub wants to read.
        challenge: String,
        /// Until when it will push.
        lease_until: DateTime<Utc>,
    },
    /// The hub has refused.
    Denied,
    /// We asked for no such thing.
    Unknown,
}

/// Judges a request of a hub to the callback of `subscription`; `query` are its parameters.
#[must_use]
pub fn answer(subscription: &Subscription, query: &[(String, String)], now: DateTime<Utc>) -> Answer {
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if value("hub.topic") != Some(subscription.announced.topic.as_str()) {
        return Answer::Unknown;
    }
    match (value("hub.mode"), value("hub.challenge")) {
        (Some("denied"), _) => Answer::Denied,
        (Some("subscribe"), Some(challenge)) if !challenge.is_empty() && challenge.len() <= 4096 => {
            let seconds = value("hub.lease_seconds").and_then(|text| text.parse::<i64>().ok());
            let lease = seconds.and_then(TimeDelta::try_seconds).unwrap_or(LEASE);
            let lease = lease.clamp(SHORTEST_LEASE, TimeDelta::days(365));
            Answer::Confirm { challenge: challenge.to_owned(), lease_until: now + lease }
        }
        _ => Answer::Unknown,
    }
}

/// Whether pushes can be counted on at the moment.
#[must_use]
pub fn is_live(subscription: &Subscription, now: DateTime<Utc>) -> bool {
    subscription.stage == Stage::Active
        && subscription.is_trusted
        && subscription.lease_until.is_some_and(|until| until > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + 60 * minute, 0).unwrap_or_default()
    }

    fn asked() -> Subscription {
        let source = SourceId::new("a").unwrap_or_else(|_| panic!("an id"));
        let announced = Announced { hub: "http://hub.example/".into(), topic: "http://a.example/feed".into() };
        subscribe(&source, announced, "t".into(), Secret::new("key".into()), at(0))
    }

    fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_what_is_well_signed_is_believed() {
        // RFC 4231 has the method; the values are of `openssl dgst -hmac key`.
        let good = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        let body = b"The quick brown fox jumps over the lazy dog";
        let secret = Secret::new("key".into());
        let check = |secret: &Secret, header: Option<&str>, body: &[u8]| {
            signature(header).and_then(|signature| check_signature(secret, &signature, body))
        };
        assert_eq!(check(&secret, Some(good), body), Ok(()));
        assert_eq!(check(&secret, Some(&good.to_uppercase().replace("SHA", "sha")), body), Ok(()));
        assert_eq!(check(&secret, Some(good), b"another"), Err(PushError::Forged));
        assert_eq!(check(&Secret::new("no".into()), Some(good), body), Err(PushError::Forged));
        // What is wrong is known before the body, where it can be.
        assert_eq!(signature(Some("sha256=zz")), Err(PushError::Forged));
        assert_eq!(signature(Some("sha256=00")), Err(PushError::Forged));
        assert_eq!(signature(None), Err(PushError::Unsigned));
        let old = signature(Some("sha1=de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"));
        assert_eq!(old, Err(PushError::Method("sha1".into())));
    }

    #[test]
    fn hubs_get_their_challenge_back_for_what_was_asked() {
        let subscription = asked();
        let topic = ("hub.topic", "http://a.example/feed");
        let confirm = |pairs: &[(&str, &str)]| answer(&subscription, &query(pairs), at(1));
        assert_eq!(
            confirm(&[("hub.mode", "subscribe"), topic, ("hub.challenge", "x"), ("hub.lease_seconds", "3600")]),
            Answer::Confirm { challenge: "x".into(), lease_until: at(61) }
        );
        assert_eq!(confirm(&[("hub.mode", "denied"), topic]), Answer::Denied);
        for unknown in [
            &[("hub.mode", "subscribe"), ("hub.topic", "http://other.example/"), ("hub.challenge", "x")][..],
            &[("hub.mode", "unsubscribe"), topic, ("hub.challenge", "x")],
            &[("hub.mode", "subscribe"), topic],
            &[],
        ] {
            assert_eq!(confirm(unknown), Answer::Unknown, "{unknown:?}");
        }
    }

    #[test]
    fn leases_are_renewed_and_silent_hubs_asked_ever_less() {
        let mut subscription = asked();
        assert_eq!(next_request(&subscription), at(10));
        subscription.failures = 3;
        assert_eq!(next_request(&subscription), at(80));
        subscription.failures = 30;
        assert_eq!(next_request(&subscription), at(24 * 60));
        subscription.stage = Stage::Active;
        subscription.lease_until = Some(at(100));
        assert_eq!(next_request(&subscription), at(80));
        subscription.lease_until = Some(at(0));
        assert_eq!(next_request(&subscription), at(4), "a hub cannot have us ask it all the time");
        assert!(!is_live(&subscription, at(1)));
        subscription.lease_until = Some(at(100));
        subscription.is_trusted = true;
        assert!(is_live(&subscription, at(1)) && !is_live(&subscription, at(100)));
        assert!(request(&subscription, "http://me.example/websub/t").contains(&("hub.secret", "key".into())));
    }
}
