//! Inclusion and consistency proofs that stand alone (RFC 6962 sections 2.1.1 and 2.1.2).
//!
//! The checks follow the iterative algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2, which
//! accept exactly the proofs of RFC 6962.

use super::MAX_TREE_SIZE;
use super::checkpoint::TreeHead;
use super::hash::{Hash, node_hash};

/// The hashes that lead from a record up to a root, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof(Vec<Hash>);

/// One step on the way from a record to the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is hashed with the node that the way has come to.
    pub sibling: Hash,
    /// It stands to the left of that.
    pub sibling_is_left: bool,
    /// The hash of both.
    pub parent: Hash,
}

/// The hashes that show one tree to be the beginning of another, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof(Vec<Hash>);

/// No proof is longer: one hash for each level of the largest tree, and one more to start from.
pub const MAX_PROOF_HASHES: usize = 64;

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The record would lie beyond the tree.
    #[error("record {index} is not in a tree of {size} records")]
    IndexOutsideTree {
        /// Record index.
        index: u64,
        /// Tree size in records.
        size: u64,
    },
    /// The smaller tree is empty or not the smaller one, or a size is above 2^63 - 1.
    #[error("no proof can tie a tree of {old_size} records to one of {new_size}")]
    SizesOutOfOrder {
        /// Size of the tree that should be the beginning.
        old_size: u64,
        /// Size of the tree that should continue it.
        new_size: u64,
    },
    /// The number of hashes is not the one that these sizes ask for.
    #[error("the proof is not of the length that the tree's shape asks for")]
    WrongLength,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    WrongRoot,
}

impl InclusionProof {
    /// Takes the hashes, lowest first; they prove nothing until [`InclusionProof::verify`].
    #[must_use]
    pub const fn from_hashes(hashes: Vec<Hash>) -> Self {
        Self(hashes)
    }

    /// The hashes, lowest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// The way from a record up to a root: what is hashed with what, lowest first. Whether that root is
    /// the tree's, [`InclusionProof::verify`] says.
    ///
    /// # Errors
    /// [`ProofError`] if a proof for this index and size has another length.
    pub fn steps(&self, record_hash: Hash, index: u64, size: u64) -> Result<Vec<Step>, ProofError> {
        if index >= size || size > MAX_TREE_SIZE {
            return Err(ProofError::IndexOutsideTree { index, size });
        }
        let mut node = index;
        let mut last_node = size.saturating_sub(1);
        let mut hash = record_hash;
        let mut steps = Vec::with_capacity(self.0.len());
        for sibling in &self.0 {
            if last_node == 0 {
                return Err(ProofError::WrongLength);
            }
            let sibling_is_left = is_right_child(node) || node == last_node;
            if sibling_is_left {
                hash = node_hash(sibling, &hash);
                // Where the right edge has no sibling the tree is lower: climb past it.
                let levels_without_sibling = node.trailing_zeros();
                (node, last_node) = (
                    climb(node, levels_without_sibling),
                    climb(last_node, levels_without_sibling),
                );
            } else {
                hash = node_hash(&hash, sibling);
            }
            (node, last_node) = (climb(node, 1), climb(last_node, 1));
            steps.push(Step {
                sibling: *sibling,
                sibling_is_left,
                parent: hash,
            });
        }
        if last_node != 0 {
            return Err(ProofError::WrongLength);
        }
        Ok(steps)
    }

    /// Checks that the record with this hash stands at `index` in the tree under `head`.
    ///
    /// # Errors
    /// [`ProofError`] if the proof does not show just that.
    pub fn verify(&self, record_hash: Hash, index: u64, head: &TreeHead) -> Result<(), ProofError> {
        let steps = self.steps(record_hash, index, head.size())?;
        let root = steps.last().map_or(record_hash, |step| step.parent);
        if root == head.root() {
            Ok(())
        } else {
            Err(ProofError::WrongRoot)
        }
    }
}

impl ConsistencyProof {
    /// Takes the hashes, lowest first; they prove nothing until [`ConsistencyProof::verify`].
    #[must_use]
    pub const fn from_hashes(hashes: Vec<Hash>) -> Self {
        Self(hashes)
    }

    /// The hashes, lowest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// Checks that the tree under `old` is the beginning of the tree under `new`.
    ///
    /// # Errors
    /// [`ProofError`] if the proof does not show just that. An empty old tree is an error as it
    /// is in RFC 6962: there is nothing to prove.
    pub fn verify(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ProofError> {
        let (old_size, new_size) = (old.size(), new.size());
        if old_size == 0 || old_size > new_size || new_size > MAX_TREE_SIZE {
            return Err(ProofError::SizesOutOfOrder { old_size, new_size });
        }
        if old_size == new_size {
            return match (self.0.is_empty(), old.root() == new.root()) {
                (false, _) => Err(ProofError::WrongLength),
                (true, false) => Err(ProofError::WrongRoot),
                (true, true) => Ok(()),
            };
        }
        // A perfect old tree is itself the node to start from, and the proof leaves it out.
        let mut hashes = self.0.iter().copied();
        let start = if old_size.is_power_of_two() {
            Some(old.root())
        } else {
            hashes.next()
        };
        let Some(start) = start else {
            return Err(ProofError::WrongLength);
        };

        let last_old = old_size.saturating_sub(1);
        let complete_levels = last_old.trailing_ones();
        let mut node = climb(last_old, complete_levels);
        let mut last_node = climb(new_size.saturating_sub(1), complete_levels);
        let (mut old_hash, mut new_hash) = (start, start);
        for sibling in hashes {
            if last_node == 0 {
                return Err(ProofError::WrongLength);
            }
            if is_right_child(node) || node == last_node {
                old_hash = node_hash(&sibling, &old_hash);
                new_hash = node_hash(&sibling, &new_hash);
                let levels_without_sibling = node.trailing_zeros();
                (node, last_node) = (
                    climb(node, levels_without_sibling),
                    climb(last_node, levels_without_sibling),
                );
            } else {
                new_hash = node_hash(&new_hash, &sibling);
            }
            (node, last_node) = (climb(node, 1), climb(last_node, 1));
        }
        if last_node != 0 {
            return Err(ProofError::WrongLength);
        }
        if old_hash == old.root() && new_hash == new.root() {
            Ok(())
        } else {
            Err(ProofError::WrongRoot)
        }
    }
}

const fn is_right_child(node: u64) -> bool {
    node & 1 == 1
}

/// The ancestor of a node `levels` higher: its number without the lowest bits.
fn climb(node: u64, levels: u32) -> u64 {
    node.checked_shr(levels).unwrap_or(0)
}

#[cfg(test)]
mod tests;
