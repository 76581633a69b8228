//! Bytes -> the media type of a picture, by their beginning. Pure.

/// The media type of a picture that browsers show and that runs nothing; `None` for everything else, SVG included:
/// whatever its headers say, a document is no picture.
#[must_use]
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => Some("image/avif"),
        [0, 0, 1, 0, count, 0, ..] if *count > 0 => Some("image/x-icon"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn pictures_by_their_beginning() {
        let table: [(&[u8], Option<&str>); 10] = [
            (b"\x89PNG\r\n\x1a\n....", Some("image/png")),
            (b"\xff\xd8\xff\xe0....", Some("image/jpeg")),
            (b"GIF89a....", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"\0\0\0\x20ftypavif....", Some("image/avif")),
            (b"\0\0\x01\0\x01\0....", Some("image/x-icon")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", None),
            (b"<html><script>1</script>", None),
            (b"GIF", None),
            (b"", None),
        ];
        for (bytes, wanted) in table {
            assert_eq!(media_type(bytes), wanted, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
