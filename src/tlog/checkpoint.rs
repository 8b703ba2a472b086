//! Tree heads and the signed texts that carry them (C2SP tlog-checkpoint).

use super::MAX_TREE_SIZE;
use super::hash::{EMPTY_ROOT, Hash};
use super::note::OpenedNote;

/// A size and a root: the claim that a log of so many records has this root.
///
/// It is plain data. A [`Checkpoint`] is one that a key has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHead {
    size: u64,
    root: Hash,
}

impl TreeHead {
    /// A claim about a tree.
    #[must_use]
    pub const fn new(size: u64, root: Hash) -> Self {
        Self { size, root }
    }

    /// Tree size in records.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }
}

/// A tree head that stands in a note signed by the log's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    note: OpenedNote,
    head: TreeHead,
}

/// Why the text of a signed note is no checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Fewer than three lines.
    #[error("the signed note is no checkpoint: it needs three lines (origin, size, root)")]
    TooFewLines,
    /// Another origin line: the key signs for something else as well.
    #[error("the checkpoint's first line is not {expected:?}")]
    WrongOrigin {
        /// The line that a checkpoint of this log begins with.
        expected: String,
    },
    /// Not a canonical decimal number up to 2^63 - 1.
    #[error("the checkpoint's tree size is not a plain decimal number up to {MAX_TREE_SIZE}")]
    Size,
    /// Not the base64 of 32 bytes.
    #[error("the checkpoint's root is not the base64 of a hash")]
    Root,
    /// Size 0 with a root that the empty tree does not have.
    #[error("the checkpoint's root is not that of an empty tree, though its size is 0")]
    EmptyTreeRoot,
}

impl Checkpoint {
    /// Reads the checkpoint in a note whose signature was verified. Lines after the root are
    /// extensions and have no meaning here.
    ///
    /// # Errors
    /// [`CheckpointError`], one variant for each line that can be wrong.
    pub fn from_note(note: OpenedNote, origin: &str) -> Result<Self, CheckpointError> {
        let head = parse_tree_head(note.text(), origin)?;
        Ok(Self { note, head })
    }

    /// The signed claim.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// The note, signatures and all, as it was received.
    #[must_use]
    pub const fn note(&self) -> &OpenedNote {
        &self.note
    }
}

/// Reads origin, size and root from the text of a checkpoint (C2SP tlog-checkpoint section "Note
/// text"), without any signature.
///
/// # Errors
/// [`CheckpointError`]
pub fn parse_tree_head(text: &str, origin: &str) -> Result<TreeHead, CheckpointError> {
    // The fourth part is what follows the root's newline; without that newline it is missing.
    let mut lines = text.splitn(4, '\n');
    let (Some(first), Some(size), Some(root), Some(_extensions)) =
        (lines.next(), lines.next(), lines.next(), lines.next())
    else {
        return Err(CheckpointError::TooFewLines);
    };
    if first != origin {
        return Err(CheckpointError::WrongOrigin {
            expected: origin.to_owned(),
        });
    }
    let size = parse_size(size).ok_or(CheckpointError::Size)?;
    let root = Hash::from_base64(root).map_err(|_| CheckpointError::Root)?;
    if size == 0 && root != EMPTY_ROOT {
        return Err(CheckpointError::EmptyTreeRoot);
    }
    Ok(TreeHead::new(size, root))
}

/// A tree size or record index in its only form: decimal, no sign, no leading zero.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size <= MAX_TREE_SIZE && size.to_string() == text).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "go.sum database tree";
    const ROOT: &str = "iHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFA=";

    fn parse(text: &str) -> Result<u64, CheckpointError> {
        parse_tree_head(text, ORIGIN).map(|head| head.size())
    }

    #[test]
    fn a_checkpoint_may_have_extension_lines() {
        assert_eq!(
            parse(&format!("{ORIGIN}\n71909756\n{ROOT}\n")),
            Ok(71_909_756)
        );
        assert_eq!(parse(&format!("{ORIGIN}\n1\n{ROOT}\nextension\n\n")), Ok(1));
    }

    #[test]
    fn a_size_has_one_form() {
        for size in [
            "",
            "-1",
            "+1",
            "01",
            "00",
            "1 ",
            " 1",
            "1_0",
            "0x1",
            "9223372036854775808",
        ] {
            let text = format!("{ORIGIN}\n{size}\n{ROOT}\n");
            assert_eq!(parse(&text), Err(CheckpointError::Size), "{size:?}");
        }
        let largest = format!("{ORIGIN}\n9223372036854775807\n{ROOT}\n");
        assert_eq!(parse(&largest), Ok(MAX_TREE_SIZE));
    }

    #[test]
    fn a_text_that_is_cut_or_of_another_origin_is_no_checkpoint() {
        assert_eq!(parse(""), Err(CheckpointError::TooFewLines));
        assert_eq!(
            parse(&format!("{ORIGIN}\n1\n{ROOT}")),
            Err(CheckpointError::TooFewLines)
        );
        let other = format!("{ORIGIN}s\n1\n{ROOT}\n");
        assert_eq!(
            parse(&other).unwrap_err().to_string(),
            "the checkpoint's first line is not \"go.sum database tree\""
        );
        assert_eq!(
            parse(&format!("{ORIGIN}\n1\n{ROOT}=\n")),
            Err(CheckpointError::Root)
        );
    }

    #[test]
    fn an_empty_tree_has_the_empty_root() {
        assert_eq!(parse(&format!("{ORIGIN}\n0\n{EMPTY_ROOT}\n")), Ok(0));
        assert_eq!(
            parse(&format!("{ORIGIN}\n0\n{ROOT}\n")),
            Err(CheckpointError::EmptyTreeRoot)
        );
    }
}
