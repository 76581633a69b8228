//! Addresses of proxied pictures: signed, so that the daemon fetches what its own pages name and nothing else. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;

/// Bytes of a signature: 128 bits cannot be guessed.
const SIGNATURE: usize = 16;

/// The longest address that is proxied, bytes.
const LONGEST: usize = 4096;

/// Signs addresses of pictures, and knows its signatures again.
#[derive(Clone)]
pub struct Signer {
    key: [u8; 32],
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(***)")
    }
}

impl Signer {
    /// A signer with this key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The path, without a slash before it, under which the daemon serves the picture at `url`; `None` where that is no
    /// web address.
    #[must_use]
    pub fn path(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok().filter(is_web)?;
        let signature = self.mac(url.as_str())?.finalize().into_bytes();
        Some(format!("pictures/{}/{}", BASE64.encode(&signature[..SIGNATURE]), BASE64.encode(url.as_str())))
    }

    /// The address of the picture that a path of [`Self::path`] names; `None` where the signature is not ours.
    #[must_use]
    pub fn open(&self, path: &str) -> Option<Url> {
        let (signature, url) = path.strip_prefix("pictures/")?.split_once('/')?;
        let url = String::from_utf8(BASE64.decode(url).ok()?).ok()?;
        let signature = BASE64.decode(signature).ok().filter(|signature| signature.len() == SIGNATURE)?;
        // Compares in constant time.
        self.mac(&url)?.verify_truncated_left(&signature).ok()?;
        Url::parse(&url).ok().filter(is_web)
    }

    fn mac(&self, url: &str) -> Option<Hmac<Sha256>> {
        Some(Hmac::<Sha256>::new_from_slice(&self.key).ok()?.chain_update(url))
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host() && url.as_str().len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_is_opened() {
        let (signer, other) = (Signer::new([1; 32]), Signer::new([2; 32]));
        let url = "http://p.example/a b.jpg?x=1&y=图";
        let path = signer.path(url).unwrap_or_default();
        let wanted = Url::parse(url).ok();
        assert_eq!(signer.open(&path), wanted);
        assert_eq!(other.open(&path), None, "another key");
        let (head, target) = path.rsplit_once('/').unwrap_or_default();
        let another = BASE64.encode("http://127.0.0.1/admin");
        assert_eq!(signer.open(&format!("{head}/{another}")), None, "another address");
        assert_eq!(signer.open(&format!("pictures//{target}")), None, "no signature");
        assert_eq!(signer.open(&format!("pictures/AAAA/{target}")), None, "a short signature");
        for not_web in ["javascript:alert(1)", "data:image/png;base64,AA", "file:///etc/passwd", "no address", ""] {
            assert_eq!(signer.path(not_web), None, "{not_web}");
        }
    }
}
