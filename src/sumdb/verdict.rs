//! What is said of one line of a go.sum.

use super::record::{AuthenticRecord, RecordedHash};
use crate::golang::dirhash::H1;
use crate::golang::gosum::Kind;
use crate::golang::module::ModuleVersion;

/// The verdict on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The log's record has this hash.
    Verified,
    /// Private by the user's settings, and the hash that the gate has pinned.
    Pinned,
    /// Private by the user's settings: nothing was asked, nothing is proven.
    Private,
    /// The hash is of an algorithm that sumcheck does not know.
    UnsupportedHash,
    /// The line is no go.sum line.
    Malformed,
    /// Could not be verified.
    Unavailable,
    /// The log has no such record, or no such line in its record.
    Absent,
    /// Private by the user's settings, and not the hash that the gate has pinned.
    PinMismatch,
    /// The log's record has another hash.
    Mismatch,
}

impl Verdict {
    /// All verdicts, most serious first.
    pub const BY_SEVERITY: [Self; 9] = [
        Self::Mismatch,
        Self::PinMismatch,
        Self::Absent,
        Self::Unavailable,
        Self::Malformed,
        Self::UnsupportedHash,
        Self::Private,
        Self::Pinned,
        Self::Verified,
    ];

    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Pinned => "pinned",
            Self::Private => "private",
            Self::UnsupportedHash => "unsupported-hash",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
            Self::Absent => "absent",
            Self::PinMismatch => "pin-mismatch",
            Self::Mismatch => "mismatch",
        }
    }
}

/// What comparing a hash with an authentic record gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The record has this hash.
    Equal,
    /// The record has another one.
    Different {
        /// The log's hash.
        recorded: H1,
    },
    /// The record has no hash of this kind for the module version.
    NotRecorded,
}

/// Compares a hash of a go.sum with the log's. Only an authentic record can be asked.
#[must_use]
pub fn compare(
    record: &AuthenticRecord,
    module: &ModuleVersion,
    kind: Kind,
    hash: &H1,
) -> Comparison {
    match record.recorded_hash(module, kind) {
        RecordedHash::None => Comparison::NotRecorded,
        RecordedHash::One(recorded) if recorded == *hash => Comparison::Equal,
        RecordedHash::One(recorded) => Comparison::Different { recorded },
        // A record that contradicts itself vouches for nothing.
        RecordedHash::Several(first, second) => Comparison::Different {
            recorded: if first == *hash { second } else { first },
        },
    }
}
