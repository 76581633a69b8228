//! Content codings (RFC 9110, section 8.4) -> the bytes that were coded, held to a limit.
//!
//! Servers lie about them: a body that is not in the coding it claims is taken as it is where it plainly is not coded
//! at all, and gzip is known by its first bytes, claimed or not.

use std::io::{self, Read};

use super::FetchError;

/// RFC 1952, section 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// RFC 8878, section 3.1.1.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Codings on top of each other at most; more are no mistake but a trap.
const MOST_LAYERS: usize = 3;

/// What we ask for.
pub(super) const ACCEPTED: &str = "gzip, br, zstd";

/// Whether there is anything to decode in a body of which `Content-Encoding` says `stated`.
pub(super) fn is_coded(bytes: &[u8], stated: &str) -> bool {
    !stated.is_empty() || bytes.starts_with(&GZIP)
}

/// Takes off every coding, in reverse order of `stated` (the value of `Content-Encoding`).
///
/// # Errors
/// [`FetchError::TooLarge`] beyond `limit` bytes, [`FetchError::Decompression`] where a coding breaks off or is broken.
pub(super) fn decode(mut bytes: Vec<u8>, stated: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
    let codings =
        stated.split(',').map(|coding| coding.trim().to_ascii_lowercase()).filter(|coding| !coding.is_empty());
    for coding in codings.collect::<Vec<_>>().into_iter().rev().take(MOST_LAYERS) {
        bytes = match coding.as_str() {
            "gzip" | "x-gzip" if bytes.starts_with(&GZIP) => gzip(&bytes, limit)?,
            "deflate" if is_zlib(&bytes) => held(flate2::read::ZlibDecoder::new(&bytes[..]), limit)?,
            // Some servers send it without the frame of zlib.
            "deflate" => match held(flate2::read::DeflateDecoder::new(&bytes[..]), limit) {
                Err(FetchError::Decompression { .. }) if is_text(&bytes) => bytes,
                decoded => decoded?,
            },
            // No first bytes tell it from text.
            "br" => match held(brotli::Decompressor::new(&bytes[..], 4096), limit) {
                Err(FetchError::Decompression { .. }) if is_text(&bytes) => bytes,
                decoded => decoded?,
            },
            "zstd" if bytes.starts_with(&ZSTD) => {
                held(zstd::stream::read::Decoder::new(&bytes[..]).map_err(broken)?, limit)?
            }
            "gzip" | "x-gzip" | "zstd" if !bytes.is_empty() && !is_text(&bytes) => {
                return Err(FetchError::Decompression { detail: format!("it is no {coding}") });
            }
            _ => bytes,
        };
    }
    for _ in 0..MOST_LAYERS {
        if !bytes.starts_with(&GZIP) {
            break;
        }
        bytes = gzip(&bytes, limit)?;
    }
    Ok(bytes)
}

/// Every member of a gzip file (RFC 1952, section 2.2); what stands behind the last is nothing.
fn gzip(mut rest: &[u8], limit: u64) -> Result<Vec<u8>, FetchError> {
    let mut out = Vec::new();
    while rest.starts_with(&GZIP) {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let left = limit.saturating_sub(out.len() as u64);
        (&mut member).take(left + 1).read_to_end(&mut out).map_err(broken)?;
        if out.len() as u64 > limit {
            return Err(FetchError::TooLarge { limit });
        }
        rest = member.into_inner();
    }
    Ok(out)
}

fn held(decoder: impl Read, limit: u64) -> Result<Vec<u8>, FetchError> {
    let mut out = Vec::new();
    decoder.take(limit + 1).read_to_end(&mut out).map_err(broken)?;
    if out.len() as u64 > limit { Err(FetchError::TooLarge { limit }) } else { Ok(out) }
}

fn broken(error: io::Error) -> FetchError {
    FetchError::Decompression { detail: error.to_string() }
}

/// RFC 1950, section 2.2.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31))
}

/// Whether a body begins as feeds and pages do that are not coded.
fn is_text(bytes: &[u8]) -> bool {
    let begin = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    matches!(begin.first(), Some(b'<' | b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const FEED: &str = "<rss version=\"2.0\"><channel><title>青浦</title></channel></rss>";

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text).and_then(|()| writer.finish()).unwrap_or_default()
    }

    fn deflated(text: &str) -> Vec<u8> {
        let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text.as_bytes()).and_then(|()| writer.finish()).unwrap_or_default()
    }

    fn zlib(text: &str) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text.as_bytes()).and_then(|()| writer.finish()).unwrap_or_default()
    }

    fn brotlied(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::BrotliCompress(&mut text.as_bytes(), &mut out, &Default::default()).map(|_| out).unwrap_or_default()
    }

    #[test]
    fn each_coding_gives_the_feed_said_rightly_wrongly_or_not_at_all() -> Result<(), Box<dyn std::error::Error>> {
        let plain = FEED.as_bytes().to_vec();
        let (start, end) = plain.split_at(20);
        let zstd = zstd::bulk::compress(FEED.as_bytes(), 1)?;
        for (body, stated) in [
            (gz(&plain), "gzip"),
            (gz(&plain), "X-GZip"),
            (gz(&plain), ""),
            (gz(&gz(&plain)), "gzip"),
            (gz(&gz(&plain)), "gzip, gzip"),
            ([gz(start), gz(end)].concat(), "gzip"),
            ([gz(&plain), vec![0; 64]].concat(), "gzip"),
            (zlib(FEED), "deflate"),
            (deflated(FEED), "deflate"),
            (brotlied(FEED), "br"),
            (zstd.clone(), "zstd"),
            (gz(&zstd), "zstd, gzip"),
            (plain.clone(), "gzip"),
            (plain.clone(), "br"),
            (plain.clone(), "zstd"),
            (plain.clone(), "deflate"),
            (plain.clone(), "identity"),
            (plain.clone(), "x-mystery"),
        ] {
            assert_eq!(String::from_utf8(decode(body, stated, 1000)?)?, FEED, "{stated}");
        }
        assert!(decode(Vec::new(), "gzip", 1000)?.is_empty());
        Ok(())
    }

    #[test]
    fn bombs_and_broken_codings_are_told() {
        let bomb = gz(&vec![b' '; 1 << 20]);
        for (body, stated) in [
            (bomb.clone(), "gzip"),
            (gz(&bomb), ""),
            (brotlied(&" ".repeat(1 << 20)), "br"),
            (zlib(&" ".repeat(1 << 20)), "deflate"),
        ] {
            let error = decode(body, stated, 100_000).map(|bytes| bytes.len());
            assert!(matches!(error, Err(FetchError::TooLarge { limit: 100_000 })), "{stated}: {error:?}");
        }
        let cut = gz(FEED.repeat(50).as_bytes());
        for (body, stated) in [
            (cut[..cut.len() / 2].to_vec(), "gzip"),
            (vec![9, 9, 9], "gzip"),
            (brotlied(&FEED.repeat(9))[..30].to_vec(), "br"),
            (vec![255; 9], "deflate"),
        ] {
            let error = decode(body, stated, 100_000);
            assert!(matches!(error, Err(FetchError::Decompression { .. })), "{stated}: {error:?}");
        }
    }
}
