//! Records of the log: their text, and the proof that they stand in it.

use super::timeline::ConsistentHead;
use crate::golang::dirhash::H1;
use crate::golang::gosum::Kind;
use crate::golang::module::ModuleVersion;
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::hash::{Hash, record_hash};
use crate::tlog::proof::{InclusionProof, ProofError};

/// A longer text is no record: real ones have under 600 bytes, the longest paths and versions
/// that a lookup URL can carry some thousands.
pub const MAX_RECORD_BYTES: usize = 1 << 16;

/// The text of a record as a server claims it: lines in the form of a go.sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordText(String);

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordTextError {
    /// Longer than [`MAX_RECORD_BYTES`].
    #[error("the record is longer than {MAX_RECORD_BYTES} bytes")]
    TooLong,
    /// Not UTF-8, or control characters.
    #[error("the record is not plain UTF-8 text")]
    NotText,
    /// Empty, or with an empty line, which ends a record where records are listed.
    #[error("the record has a blank line")]
    BlankLine,
    /// Cut off.
    #[error("the record does not end in a newline")]
    NoFinalNewline,
}

impl RecordText {
    /// Takes the text of a record, final newline included.
    ///
    /// # Errors
    /// [`RecordTextError`]; the rules are those of golang.org/x/mod/sumdb/tlog, `FormatRecord`.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordTextError> {
        record_text(bytes).map(|text| Self(text.to_owned()))
    }

    /// The text with its final newline.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The bytes as the text of a record, by the rules of [`RecordText::parse`].
pub(super) fn record_text(bytes: &[u8]) -> Result<&str, RecordTextError> {
    if bytes.len() > MAX_RECORD_BYTES {
        return Err(RecordTextError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| RecordTextError::NotText)?;
    if text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(RecordTextError::NotText);
    }
    let lines = text
        .strip_suffix('\n')
        .ok_or(RecordTextError::NoFinalNewline)?;
    if lines.split('\n').any(str::is_empty) {
        return Err(RecordTextError::BlankLine);
    }
    Ok(text)
}

/// A record of which it is proven that it stands at its index under a verified head.
#[derive(Debug, Clone)]
pub struct AuthenticRecord {
    index: u64,
    text: RecordText,
    proof: InclusionProof,
    head: TreeHead,
}

/// What an authentic record says about one hash of a module version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedHash {
    /// Just one hash.
    One(H1),
    /// No line with a hash of that kind.
    None,
    /// Lines that contradict each other; the first two of them.
    Several(H1, H1),
}

impl AuthenticRecord {
    /// Checks that the record stands at `index` under `head`: the only way to make one.
    ///
    /// # Errors
    /// [`ProofError`] if the proof shows something else.
    pub fn prove(
        head: &ConsistentHead,
        index: u64,
        text: RecordText,
        proof: InclusionProof,
    ) -> Result<Self, ProofError> {
        let head = head.tree_head();
        proof.verify(record_hash(text.as_str().as_bytes()), index, &head)?;
        Ok(Self {
            index,
            text,
            proof,
            head,
        })
    }

    /// Record index.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Text of the record.
    #[must_use]
    pub const fn text(&self) -> &RecordText {
        &self.text
    }

    /// Leaf hash of the record.
    #[must_use]
    pub fn hash(&self) -> Hash {
        record_hash(self.text.as_str().as_bytes())
    }

    /// The proof that was checked.
    #[must_use]
    pub const fn proof(&self) -> &InclusionProof {
        &self.proof
    }

    /// The head under which it was checked.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// Whether any line is about this module version. A server may answer with an authentic
    /// record of another one, and that is no answer (CVE-2026-42501).
    #[must_use]
    pub fn is_about(&self, module: &ModuleVersion) -> bool {
        [Kind::Zip, Kind::GoMod]
            .into_iter()
            .any(|kind| self.recorded_hash(module, kind) != RecordedHash::None)
    }

    /// The `h1:` hash that the record has for a module version.
    #[must_use]
    pub fn recorded_hash(&self, module: &ModuleVersion, kind: Kind) -> RecordedHash {
        let mut recorded = RecordedHash::None;
        for hash in self
            .text
            .0
            .lines()
            .filter_map(|line| hash_for(line, module, kind))
        {
            recorded = match recorded {
                RecordedHash::None => RecordedHash::One(hash),
                RecordedHash::One(first) if first != hash => {
                    return RecordedHash::Several(first, hash);
                }
                same => same,
            };
        }
        recorded
    }
}

/// The hash in a line `module version[/go.mod] h1:…`, if that is what the line is about.
fn hash_for(line: &str, module: &ModuleVersion, kind: Kind) -> Option<H1> {
    let (path, rest) = line.split_once(' ')?;
    let (version, hash) = rest.split_once(' ')?;
    let version = match kind {
        Kind::Zip => version,
        Kind::GoMod => version.strip_suffix("/go.mod")?,
    };
    if path != module.path().as_str() || version != module.version().as_str() {
        return None;
    }
    H1::parse(hash).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_lines_of_plain_text() {
        for (text, error) in [
            ("", RecordTextError::NoFinalNewline),
            ("\n", RecordTextError::BlankLine),
            ("a", RecordTextError::NoFinalNewline),
            ("a\n\nb\n", RecordTextError::BlankLine),
            ("\na\n", RecordTextError::BlankLine),
            ("a\n\n", RecordTextError::BlankLine),
            ("a\r\n", RecordTextError::NotText),
            ("a\tb\n", RecordTextError::NotText),
        ] {
            assert_eq!(RecordText::parse(text.as_bytes()), Err(error), "{text:?}");
        }
        assert_eq!(RecordText::parse(b"\xff\n"), Err(RecordTextError::NotText));
        let long = [vec![b'a'; MAX_RECORD_BYTES], vec![b'\n']].concat();
        assert_eq!(RecordText::parse(&long), Err(RecordTextError::TooLong));
        assert_eq!(
            RecordText::parse(b"a b c\nd\n").unwrap().as_str(),
            "a b c\nd\n"
        );
    }

    #[test]
    fn the_longest_record_is_one() {
        let longest = [vec![b'a'; MAX_RECORD_BYTES - 1], vec![b'\n']].concat();
        assert!(RecordText::parse(&longest).is_ok());
    }
}
