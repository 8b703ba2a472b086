//! Why the gate did not give what was asked for, in words that the go command prints.

use std::collections::BTreeSet;

use super::facts::Facts;
use crate::golang::dirhash::H1;
use crate::golang::gosum::Kind;
use crate::golang::module::{ModulePath, ModuleVersion};

/// The go command prints so many lines of an answer's text (cmd/go/internal/web, `HTTPError`).
pub const MAX_LINES: usize = 8;

/// And so many bytes of them.
pub const MAX_BYTES: usize = 648;

/// Why a module was refused: what the gate exists for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What came is not what the log recorded.
    #[error(
        "sumcheck: {module} {kind}: NOT THE FILE THAT THE LOG RECORDED\n\
         the log has {expected} (record {record}, tree of {tree_size} records)\n\
         {source_of_it} sent {found}\n\
         do not use it: ask whoever runs that server, or fetch the module elsewhere",
        kind = kind.as_str()
    )]
    Mismatch {
        /// Which module version.
        module: ModuleVersion,
        /// Which file of it.
        kind: Kind,
        /// The log's hash.
        expected: H1,
        /// The hash of what came.
        found: H1,
        /// Record index in the log.
        record: u64,
        /// Size of the tree under which the record was proven.
        tree_size: u64,
        /// Where it came from, without credentials.
        source_of_it: String,
    },
    /// The log has no record of it.
    #[error(
        "sumcheck: {module}: not in the checksum database, so nothing can be proven of it\n\
         the log answered {status}: {words}\n\
         a private module? name it in GOPRIVATE"
    )]
    Absent {
        /// Which module version.
        module: ModuleVersion,
        /// 404 or 410.
        status: u16,
        /// What the database said.
        words: String,
    },
    /// The record has no line for this file.
    #[error(
        "sumcheck: {module} {kind}: the log's record {record} has no hash of it",
        kind = kind.as_str()
    )]
    NotRecorded {
        /// Which module version.
        module: ModuleVersion,
        /// Which file of it.
        kind: Kind,
        /// Record index in the log.
        record: u64,
    },
    /// The archive could be read in two ways.
    #[error(
        "sumcheck: {module} zip: NOT A SOUND MODULE ZIP\n\
         {reason}\n\
         {source_of_it} sent it: ask whoever runs that server"
    )]
    Unsound {
        /// Which module version.
        module: ModuleVersion,
        /// What is wrong with the archive.
        reason: String,
        /// Where it came from, without credentials.
        source_of_it: String,
    },
    /// The rules of whoever runs the gate.
    #[error("sumcheck: {what}: REFUSED BY THE POLICY OF THIS GATE\n{reason}")]
    Policy {
        /// Which module or module version.
        what: String,
        /// Why.
        reason: String,
    },
    /// No private module is let through.
    #[error(
        "sumcheck: {path} is private by GONOSUMDB or GOPRIVATE, and this gate lets none through"
    )]
    PrivateDenied {
        /// Which module.
        path: ModulePath,
    },
    /// A private module's file that is not what it was.
    #[error(
        "sumcheck: {module} {kind}: NOT THE FILE THAT IT WAS (pin-mismatch)\n\
         it was {pinned} when it was pinned, {pinned_at}\n\
         {source_of_it} sent {found}\n\
         if that is meant, on the machine of the gate: sumcheck pin remove {module}",
        kind = kind.as_str()
    )]
    PinMismatch {
        /// Which module version.
        module: ModuleVersion,
        /// Which file of it.
        kind: Kind,
        /// The hash that it had.
        pinned: String,
        /// When: UTC, RFC 3339.
        pinned_at: String,
        /// The hash of what came.
        found: H1,
        /// Where it came from, without credentials.
        source_of_it: String,
    },
    /// A private module's file that the go.sum files do not name, or name with another hash, or with
    /// more than one.
    #[error(
        "sumcheck: {module} {kind}: NOT AS IN GO.SUM\n{}\n{source_of_it} sent {found}",
        in_go_sum(expected),
        kind = kind.as_str()
    )]
    NotInGoSum {
        /// Which module version.
        module: ModuleVersion,
        /// Which file of it.
        kind: Kind,
        /// The hashes that go.sum files have of it: none if they do not name it, several if they
        /// contradict each other.
        expected: BTreeSet<H1>,
        /// The hash of what came.
        found: H1,
        /// Where it came from, without credentials.
        source_of_it: String,
    },
    /// The information is about another version.
    #[error(
        "sumcheck: {module} info: {source_of_it} sent the information of another version, {found}"
    )]
    OtherVersion {
        /// Which module version.
        module: ModuleVersion,
        /// What came, quoted.
        found: String,
        /// Where it came from, without credentials.
        source_of_it: String,
    },
}

fn in_go_sum(expected: &BTreeSet<H1>) -> String {
    let mut hashes = expected.iter();
    match (hashes.next(), hashes.next()) {
        (None, _) => "no go.sum that this gate knows names it".to_owned(),
        (Some(expected), None) => format!("go.sum has {expected}"),
        (Some(one), Some(another)) => {
            format!("the go.sum files contradict each other: {one} and {another}")
        }
    }
}

impl Refusal {
    /// Whether it is about what came, and not about the name it came under: if it came from a disk,
    /// the disk is damaged.
    #[must_use]
    pub(super) fn is_of_the_bytes(&self) -> bool {
        match self {
            Self::Mismatch { .. }
            | Self::PinMismatch { .. }
            | Self::Unsound { .. }
            | Self::OtherVersion { .. } => true,
            Self::NotInGoSum { expected, .. } => expected.len() == 1,
            Self::Absent { .. }
            | Self::NotRecorded { .. }
            | Self::Policy { .. }
            | Self::PrivateDenied { .. } => false,
        }
    }

    /// What it was decided by.
    #[must_use]
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::Mismatch {
                found,
                record,
                tree_size,
                source_of_it,
                ..
            } => Facts {
                hash: Some(*found),
                record: Some(*record),
                tree_size: Some(*tree_size),
                source: Some(source_of_it.clone()),
            },
            Self::PinMismatch {
                found,
                source_of_it,
                ..
            }
            | Self::NotInGoSum {
                found,
                source_of_it,
                ..
            } => Facts {
                hash: Some(*found),
                source: Some(source_of_it.clone()),
                ..Facts::default()
            },
            Self::Unsound { source_of_it, .. } | Self::OtherVersion { source_of_it, .. } => Facts {
                source: Some(source_of_it.clone()),
                ..Facts::default()
            },
            Self::NotRecorded { record, .. } => Facts {
                record: Some(*record),
                ..Facts::default()
            },
            Self::Absent { .. } | Self::Policy { .. } | Self::PrivateDenied { .. } => {
                Facts::default()
            }
        }
    }
}

/// Text as the go command prints it: at most eight lines and 648 bytes, none of them blank, and no
/// character that is not graphic.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut printable = String::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in lines.take(MAX_LINES) {
        if !printable.is_empty() {
            printable.push('\n');
        }
        for c in line.chars() {
            let graphic = c == ' ' || c.is_ascii_graphic();
            let c = if graphic { c } else { '?' };
            if printable.len() >= MAX_BYTES {
                return printable;
            }
            printable.push(c);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_says_what_was_expected_and_what_came() {
        let refusal = Refusal::Mismatch {
            module: ModuleVersion::parse("example.com/m@v1.0.0").unwrap(),
            kind: Kind::Zip,
            expected: H1::EMPTY_GO_MOD,
            found: H1::of_go_mod(b"module x\n"),
            record: 7,
            tree_size: 100,
            source_of_it: "https://proxy.example".to_owned(),
        };
        assert_eq!(
            printable(&refusal.to_string()),
            format!(
                "sumcheck: example.com/m@v1.0.0 zip: NOT THE FILE THAT THE LOG RECORDED\n\
                 the log has {} (record 7, tree of 100 records)\n\
                 https://proxy.example sent {}\n\
                 do not use it: ask whoever runs that server, or fetch the module elsewhere",
                H1::EMPTY_GO_MOD,
                H1::of_go_mod(b"module x\n")
            )
        );
    }

    #[test]
    fn what_the_go_command_would_not_print_is_not_sent() {
        assert_eq!(
            printable("a\n\n \u{1b}[31mb\r\n\tc\u{202e}"),
            "a\n?[31mb\nc?"
        );
        assert_eq!(printable(&"x\n".repeat(20)).lines().count(), MAX_LINES);
        assert!(printable(&"x".repeat(10_000)).len() <= MAX_BYTES);
    }
}
