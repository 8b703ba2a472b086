//! Proof that the log misbehaved: two signed heads that cannot both be of one append-only log.

use crate::tlog::checkpoint::{Checkpoint, TreeHead};
use crate::tlog::hash::Hash;
use crate::tlog::proof::{ConsistencyProof, ProofError};

/// Two heads that the log's key signed and that contradict each other.
///
/// Whoever has the log's public key can check it: the signatures are in the notes, and the
/// contradiction is either plain to see or shown by a consistency proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    smaller: Checkpoint,
    larger: Checkpoint,
    contradiction: Contradiction,
}

/// What shows that two heads are not of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// One size, two roots.
    TwoRoots,
    /// The larger tree begins with a tree of the smaller size and another root.
    OtherBeginning {
        /// Root of the larger tree's first records, as many as the smaller tree has.
        root: Hash,
        /// Proof that this root is the beginning of the larger tree.
        proof: ConsistencyProof,
    },
}

/// Why two heads are no fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAFork {
    /// Same size and same root: nothing contradicts.
    #[error("the two heads agree")]
    HeadsAgree,
    /// Different sizes need a proof, equal sizes must not have one, and the smaller comes first.
    #[error("the contradiction is not of the kind that these sizes can have")]
    WrongKind,
    /// The proof does not tie the other beginning to the larger tree.
    #[error("the other beginning is not proven: {0}")]
    Unproven(#[from] ProofError),
}

impl Fork {
    /// Checks the contradiction: the only way to make a `Fork`.
    ///
    /// # Errors
    /// [`NotAFork`] if the heads can be of one log for all that this shows.
    pub fn prove(
        smaller: Checkpoint,
        larger: Checkpoint,
        contradiction: Contradiction,
    ) -> Result<Self, NotAFork> {
        let (old, new) = (smaller.head(), larger.head());
        match &contradiction {
            Contradiction::TwoRoots if old.size() != new.size() => Err(NotAFork::WrongKind),
            Contradiction::TwoRoots if old.root() == new.root() => Err(NotAFork::HeadsAgree),
            Contradiction::OtherBeginning { .. } if old.size() >= new.size() => {
                Err(NotAFork::WrongKind)
            }
            Contradiction::OtherBeginning { root, .. } if *root == old.root() => {
                Err(NotAFork::HeadsAgree)
            }
            Contradiction::OtherBeginning { root, proof } => {
                Ok(proof.verify(&TreeHead::new(old.size(), *root), &new)?)
            }
            Contradiction::TwoRoots => Ok(()),
        }?;
        Ok(Self {
            smaller,
            larger,
            contradiction,
        })
    }

    /// The head of the smaller tree.
    #[must_use]
    pub const fn smaller(&self) -> &Checkpoint {
        &self.smaller
    }

    /// The head of the larger tree, or the second one of the same size.
    #[must_use]
    pub const fn larger(&self) -> &Checkpoint {
        &self.larger
    }

    /// What shows that both cannot be true.
    #[must_use]
    pub const fn contradiction(&self) -> &Contradiction {
        &self.contradiction
    }
}
