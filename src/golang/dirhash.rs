//! The hash of a module's files, as go.sum and the checksum database record it.
//!
//! Source: golang.org/x/mod/sumdb/dirhash, `Hash1`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::quoted::Quoted;

/// What an [`H1`] begins with in its text form.
const PREFIX: &str = "h1:";

/// Length of a SHA-256 hash in bytes, and in base64.
const HASH_BYTES: usize = 32;
const HASH_BASE64_CHARS: usize = 44;

/// An `h1:` hash: SHA-256 over a list of file names and the SHA-256 of each file.
///
/// It is plain data: holding an `H1` says nothing about where it came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct H1([u8; HASH_BYTES]);

/// Why a text is not an `h1:` hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum H1Error {
    /// The text does not begin with `h1:`.
    #[error("hash {0} does not begin with \"h1:\"")]
    NotH1(Quoted),
    /// The part after `h1:` is cut off or has something added.
    #[error("hash {hash} has {found} characters after \"h1:\" where 44 belong: copy it again")]
    Length {
        /// The text that was refused.
        hash: Quoted,
        /// Its length after `h1:`, in characters.
        found: usize,
    },
    /// The part after `h1:` is not what base64 makes of any 32 bytes.
    #[error("hash {0} is not canonical base64 of 32 bytes after \"h1:\": copy it again")]
    NotBase64(Quoted),
}

/// Why a list of files has no hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirHashError {
    /// A line end in a name could make two different lists hash alike.
    #[error("file name {0} has a line end, so that the list of files has no hash")]
    LineEndInName(Quoted),
    /// Go takes the content of one of the two, and another reader could take that of the other.
    #[error("file name {0} is there twice, so that the list of files has no one hash")]
    SameNameTwice(Quoted),
}

/// Of a byte that is no character of base64: no value has this bit.
const NO_VALUE: u8 = 0x80;

/// The value of each character of base64 (RFC 4648 section 4).
#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "the compiler evaluates it: what panicked would not build"
)]
const BASE64_VALUES: [u8; 256] = {
    let alphabet = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NO_VALUE; 256];
    let mut value = 0_u8;
    while value < 64 {
        values[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    values
};

impl H1 {
    /// The hash of an empty go.mod.
    ///
    /// Early versions of the go command wrote it into go.sum for what was no module; today's
    /// ignores such lines (cmd/go/internal/modfetch, `emptyGoModHash`).
    pub const EMPTY_GO_MOD: Self = Self([
        0x1b, 0xb9, 0x80, 0x61, 0x8c, 0x60, 0x99, 0x2d, 0x25, 0x56, 0x41, 0xf2, 0xcb, 0x68, 0x44,
        0x38, 0xb4, 0x02, 0x14, 0x1d, 0x03, 0x95, 0x01, 0x53, 0x30, 0xb5, 0xa0, 0x83, 0x29, 0x2b,
        0xc9, 0xd6,
    ]);

    /// Reads `h1:` and base64.
    ///
    /// # Errors
    /// [`H1Error`] for every text that [`H1`]'s `Display` would not print.
    pub fn parse(text: &str) -> Result<Self, H1Error> {
        let base64 = text
            .strip_prefix(PREFIX)
            .ok_or_else(|| H1Error::NotH1(Quoted::new(text)))?;
        if base64.len() != HASH_BASE64_CHARS {
            return Err(H1Error::Length {
                hash: Quoted::new(text),
                found: base64.chars().count(),
            });
        }
        decode(base64).ok_or_else(|| H1Error::NotBase64(Quoted::new(text)))
    }

    /// Whether [`H1::parse`] would read it, in a fraction of the time.
    #[must_use]
    pub fn is_text(text: &str) -> bool {
        let Some([values @ .., last, b'=']) = text.strip_prefix(PREFIX).map(str::as_bytes) else {
            return false;
        };
        // 43 characters have 258 bits, and the last two of them are none of the hash.
        let is_full = values.len() == HASH_BASE64_CHARS - 2;
        let value = |byte: &u8| {
            BASE64_VALUES
                .get(usize::from(*byte))
                .copied()
                .unwrap_or(NO_VALUE)
        };
        let all = values.iter().fold(0, |all, byte| all | value(byte));
        is_full && (all | value(last)) & NO_VALUE == 0 && value(last) & 3 == 0
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// The hash of a list of files, each a name and the SHA-256 of the content, in any order.
    ///
    /// Stricter than Go, which lets a name stand twice.
    ///
    /// # Errors
    /// [`DirHashError`] if a name has a line end or stands twice.
    pub fn of_files<'a>(
        files: impl IntoIterator<Item = (&'a str, [u8; HASH_BYTES])>,
    ) -> Result<Self, DirHashError> {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_unstable();
        let mut list = Sha256::new();
        let mut previous = None;
        for (name, content_sha256) in files {
            if name.contains('\n') {
                return Err(DirHashError::LineEndInName(Quoted::new(name)));
            }
            if previous == Some(name) {
                return Err(DirHashError::SameNameTwice(Quoted::new(name)));
            }
            add_to_list(&mut list, name, content_sha256);
            previous = Some(name);
        }
        Ok(Self(list.finalize().into()))
    }

    /// The hash of a go.mod: that of a list with this one file.
    #[must_use]
    pub fn of_go_mod(content: &[u8]) -> Self {
        let mut list = Sha256::new();
        add_to_list(&mut list, "go.mod", Sha256::digest(content).into());
        Self(list.finalize().into())
    }
}

impl fmt::Display for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "H1({self})")
    }
}

/// One line of the list that is hashed, as the sha256sum tool prints it.
fn add_to_list(list: &mut Sha256, name: &str, content_sha256: [u8; HASH_BYTES]) {
    list.update(hex::encode(content_sha256));
    list.update("  ");
    list.update(name);
    list.update("\n");
}

fn decode(base64: &str) -> Option<H1> {
    // The engine demands a larger buffer than 32 bytes for 44 characters.
    let mut buffer = [0_u8; HASH_BASE64_CHARS];
    let length = STANDARD.decode_slice(base64, &mut buffer).ok()?;
    let hash = H1(buffer.get(..length)?.try_into().ok()?);

    let mut canonical = [0_u8; HASH_BASE64_CHARS];
    let length = STANDARD.encode_slice(hash.0, &mut canonical).ok()?;
    (canonical.get(..length)? == base64.as_bytes()).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=";

    #[test]
    fn is_text_says_what_parse_says() {
        let sound = EMPTY.as_bytes();
        let mut texts: Vec<Vec<u8>> = (0..=sound.len()).map(|end| sound[..end].to_vec()).collect();
        for place in 0..sound.len() {
            for byte in 0..128 {
                let mut text = sound.to_vec();
                text[place] = byte;
                texts.push(text);
            }
        }
        texts.push([sound, b"="].concat());
        for text in texts {
            let text = String::from_utf8(text).unwrap();
            assert_eq!(H1::is_text(&text), H1::parse(&text).is_ok(), "{text}");
        }
    }

    fn message(text: &str) -> String {
        H1::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_hash_is_printed_as_it_was_read() {
        for text in [
            EMPTY,
            "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "h1://////////////////////////////////////////8=",
        ] {
            assert_eq!(H1::parse(text).unwrap().to_string(), text);
        }
    }

    /// Expectations from golang.org/x/mod/sumdb/dirhash 0.42.
    #[test]
    fn hashes_of_files_are_those_of_go() {
        assert_eq!(H1::of_go_mod(b"").to_string(), EMPTY);
        assert_eq!(H1::of_go_mod(b""), H1::EMPTY_GO_MOD);
        assert_eq!(
            H1::of_go_mod(b"module example.com/m\n").to_string(),
            "h1:flS2VctbRrTv+sBE+VKgxx6hlkMGPVz9MGOmzMYFg3k="
        );
        let of = |text: &str| <[u8; 32]>::from(Sha256::digest(text));
        let files = [("b", of("two")), ("a/é", of("one")), ("a", of(""))];
        assert_eq!(
            H1::of_files(files).unwrap().to_string(),
            "h1:JgO344C/FfBI4tZBrjy2ZEdnX5QfXd9J7wVT3axBLf0="
        );
        assert_eq!(
            H1::of_files([("go.mod", of(""))]).unwrap(),
            H1::EMPTY_GO_MOD
        );
        assert_eq!(
            H1::of_files([]).unwrap().to_string(),
            "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }

    #[test]
    fn two_readings_of_one_list_are_refused() {
        let message = |files: &[(&str, u8)]| {
            let files = files.iter().map(|(name, byte)| (*name, [*byte; 32]));
            H1::of_files(files).unwrap_err().to_string()
        };
        assert_eq!(
            message(&[("a\nb", 1)]),
            "file name \"a\\nb\" has a line end, so that the list of files has no hash"
        );
        assert_eq!(
            message(&[("a", 1), ("b", 2), ("a", 3)]),
            "file name \"a\" is there twice, so that the list of files has no one hash"
        );
    }

    #[test]
    fn a_hash_of_another_length_is_refused() {
        assert_eq!(
            message("h1:AAAA"),
            "hash \"h1:AAAA\" has 4 characters after \"h1:\" where 44 belong: copy it again"
        );
        for text in ["h1:", &EMPTY.replace('=', ""), &format!("{EMPTY}=")] {
            assert!(message(text).contains("where 44 belong"), "{text}");
        }
        assert_eq!(message(""), "hash \"\" does not begin with \"h1:\"");
        for text in ["H1:AAAA", "h2:AAAA", " h1:AAAA", "h1 AAAA"] {
            assert!(message(text).contains("does not begin with"), "{text}");
        }
    }

    #[test]
    fn base64_that_is_not_canonical_is_refused() {
        assert_eq!(
            message("h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydZ="),
            "hash \"h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydZ=\" is not canonical base64 \
             of 32 bytes after \"h1:\": copy it again"
        );
        for text in [
            EMPTY.replace('7', "-"),
            EMPTY.replace('7', "_"),
            EMPTY.replace('=', "A"),
            EMPTY.replace("dY=", "Y=="),
            EMPTY.replace("7m", "é"),
            EMPTY.replace('7', "\n"),
        ] {
            assert!(message(&text).contains("not canonical base64"), "{text}");
        }
    }
}
