//! The path of a request.

/// A path without anything that has two spellings, one that is checked and one that is used: percent
/// signs are decoded once; what is still strange then is refused.
#[must_use]
pub fn plain_path(path: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .ok()?;
    let encoded_slashes = path.to_ascii_lowercase().contains("%2f");
    let is_plain = decoded
        .bytes()
        .all(|byte| byte > 0x20 && byte != 0x7f && byte != b'\\');
    let climbs = decoded
        .split('/')
        .any(|element| matches!(element, "" | "." | ".."));
    (is_plain && !climbs && !encoded_slashes).then(|| decoded.into_owned())
}
