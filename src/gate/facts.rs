//! What is known of a file when it is decided on.

use crate::golang::dirhash::H1;

/// What a decision was made by.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The hash of what came.
    pub hash: Option<H1>,
    /// Index of the log's record.
    pub record: Option<u64>,
    /// Size of the tree under which the record was proven.
    pub tree_size: Option<u64>,
    /// Where it came from, without credentials.
    pub source: Option<String>,
}
