//! What is known of the log without asking: its newest verified head, and whether it misbehaved.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use crate::sumdb::timeline::ConsistentHead;

/// Two heads.
pub const FORKED: &str = "it has signed two tree heads that contradict each other";

/// Two records.
pub const DUPLICATED: &str = "it has two records of one module version with different hashes";

/// How the log stands, as the notary last saw it.
#[derive(Debug, Default)]
pub struct Standing(RwLock<Seen>);

#[derive(Debug, Default)]
struct Seen {
    head: Option<ConsistentHead>,
    closed: Option<Closed>,
}

/// Why nothing is given out: the log misbehaved, and nobody has acknowledged it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// What it did.
    pub what: &'static str,
    /// Where the evidence is, or why it could not be written.
    pub evidence: String,
    /// The number of the finding; `None` if it could not be recorded.
    pub finding: Option<i64>,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the evidence: {}", self.evidence)?;
        match self.finding {
            Some(id) => write!(
                f,
                "\nwhoever runs this gate opens it again with: sumcheck findings ack {id}"
            ),
            None => write!(
                f,
                "\nthe finding could not be recorded, so the gate stays closed until it is \
                 started again"
            ),
        }
    }
}

impl Standing {
    /// The newest verified head.
    #[must_use]
    pub fn head(&self) -> Option<ConsistentHead> {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        seen.head.clone()
    }

    /// Why nothing may be given out, if that is so.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        seen.closed.clone()
    }

    /// Keeps the larger head: several are under way at once.
    pub(super) fn set_head(&self, head: &ConsistentHead) {
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let size = head.tree_head().size();
        let is_newer = |known: &ConsistentHead| known.tree_head().size() < size;
        if seen.head.as_ref().is_none_or(is_newer) {
            seen.head = Some(head.clone());
        }
    }

    pub(super) fn set_closed(&self, closed: Option<Closed>) {
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        seen.closed = closed;
    }
}
