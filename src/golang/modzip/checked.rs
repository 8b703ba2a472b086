//! What is known of a module zip after its last byte.

use std::fmt;

use super::files::FileList;
use crate::golang::dirhash::H1;

/// A well-formed module zip, of which nothing is kept but this. Only a
/// [`ModZipHasher`](super::ModZipHasher) makes it.
pub struct CheckedZip {
    pub(super) files: FileList,
    pub(super) h1: H1,
    pub(super) archive_bytes: u64,
}

impl CheckedZip {
    /// The hash of the module's files, as the checksum database records it.
    #[must_use]
    pub fn h1(&self) -> H1 {
        self.h1
    }

    /// The files in the order of the archive: path below the module's root, and size in bytes.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.files
            .iter()
            .map(|file| (self.files.path(file), file.size))
    }

    /// The content of the go.mod at the root. `None`: there is none.
    #[must_use]
    pub fn go_mod(&self) -> Option<&[u8]> {
        self.files.go_mod()
    }

    /// Size of the archive in bytes.
    #[must_use]
    pub fn archive_bytes(&self) -> u64 {
        self.archive_bytes
    }
}

impl fmt::Debug for CheckedZip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedZip")
            .field("h1", &self.h1)
            .field("files", &self.files.len())
            .field("archive_bytes", &self.archive_bytes)
            .finish_non_exhaustive()
    }
}
