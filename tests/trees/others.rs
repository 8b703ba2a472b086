//! In trees of up to 2,000 records every proof verifies, and no other does.

use proptest::prelude::*;
use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::Hash;
use sumcheck::tlog::proof::ProofError::{self, WrongLength, WrongRoot};
use sumcheck::tlog::proof::{ConsistencyProof, InclusionProof};

use super::support::tree::Tree;
use super::{config, consistent, head, included, leaf, tree};

const MOST: u64 = 2000;

/// Where the right edge changes its shape, and the largest.
const SIZES: [u64; 10] = [1, 2, 255, 256, 257, 1023, 1024, 1025, 1999, 2000];

#[test]
fn no_other_inclusion_proof_verifies_where_the_shape_changes() {
    let tree = tree(MOST);
    for size in SIZES {
        expect_no_other_inclusion_proofs(&tree, size, size);
    }
}

#[test]
fn no_other_consistency_proof_verifies_where_the_shape_changes() {
    let tree = tree(MOST);
    for size in SIZES {
        expect_no_other_consistency_proofs(&tree, size, size);
    }
}

proptest! {
    #![proptest_config(config(4))]

    #[test]
    fn no_other_proof_verifies_in_any_tree(size in 1..=MOST, seed in any::<u64>()) {
        let tree = tree(size);
        expect_no_other_inclusion_proofs(&tree, size, seed);
        expect_no_other_consistency_proofs(&tree, size, seed);
    }
}

fn expect_no_other_inclusion_proofs(tree: &Tree, size: u64, seed: u64) {
    let root = head(tree, size);
    for index in 0..size {
        let mut choice = Choice::new(seed, index);
        let proof = included(tree, index, size);
        assert_eq!(
            proof.verify(leaf(index), index, &root),
            Ok(()),
            "{index} in {size}"
        );
        for (other, error) in choice.damaged(proof.hashes()) {
            let said = InclusionProof::from_hashes(other).verify(leaf(index), index, &root);
            assert_eq!(said, Err(error), "{index} in {size}");
        }
        let said = proof.verify(leaf(index), index, &choice.other_root(root));
        assert_eq!(said, Err(WrongRoot), "{index} in {size}");
        if let Some(other) = choice.other(0..size, index) {
            expect_wrong(proof.verify(leaf(index), other, &root));
            expect_wrong(proof.verify(leaf(other), other, &root));
            assert_eq!(proof.verify(leaf(other), index, &root), Err(WrongRoot));
        }
        if let Some(other) = choice.other(index + 1..tree.size() + 1, size) {
            expect_wrong(proof.verify(leaf(index), index, &head(tree, other)));
            // Of the size a proof shows only the shape: it is the head that binds size and root.
            let said = proof.verify(leaf(index), index, &TreeHead::new(other, root.root()));
            let same_shape = way_to_record(index, size) == way_to_record(index, other);
            assert_eq!(said.is_ok(), same_shape, "{index} in {size}, not {other}");
        }
    }
}

fn expect_no_other_consistency_proofs(tree: &Tree, size: u64, seed: u64) {
    let new = head(tree, size);
    for old_size in 1..=size {
        let mut choice = Choice::new(seed, old_size);
        let (old, proof) = (head(tree, old_size), consistent(tree, old_size, size));
        assert_eq!(proof.verify(&old, &new), Ok(()), "{old_size} to {size}");
        for (other, error) in choice.damaged(proof.hashes()) {
            let said = ConsistencyProof::from_hashes(other).verify(&old, &new);
            assert_eq!(said, Err(error), "{old_size} to {size}");
        }
        for (old, new) in [(choice.other_root(old), new), (old, choice.other_root(new))] {
            let said = proof.verify(&old, &new);
            assert_eq!(said, Err(WrongRoot), "{old_size} to {size}");
        }
        let way = way_to_old_tree(old_size, size);
        if let Some(other) = choice.other(1..size + 1, old_size) {
            expect_wrong(proof.verify(&head(tree, other), &new));
            let said = proof.verify(&TreeHead::new(other, old.root()), &new);
            let same_shape = way_to_old_tree(other, size) == way;
            assert_eq!(
                said.is_ok(),
                same_shape,
                "{old_size}, not {other}, to {size}"
            );
        }
        if let Some(other) = choice.other(old_size..tree.size() + 1, size) {
            expect_wrong(proof.verify(&old, &head(tree, other)));
            let said = proof.verify(&old, &TreeHead::new(other, new.root()));
            let same_shape = way_to_old_tree(old_size, other) == way;
            assert_eq!(
                said.is_ok(),
                same_shape,
                "{old_size} to {size}, not {other}"
            );
        }
    }
}

#[track_caller]
fn expect_wrong(said: Result<(), ProofError>) {
    assert!(matches!(said, Err(WrongRoot | WrongLength)), "{said:?}");
}

/// Which way RFC 6962 section 2.1.1 goes from the root to a record: true is left.
fn way_to_record(index: u64, size: u64) -> Vec<bool> {
    let (mut index, mut size, mut way) = (index, size, Vec::new());
    while size > 1 {
        let split = left_size(size);
        way.push(index < split);
        (index, size) = if index < split {
            (index, split)
        } else {
            (index - split, size - split)
        };
    }
    way
}

/// The same for section 2.1.2, down to the subtree that ends the old tree; none if both are one.
fn way_to_old_tree(old_size: u64, size: u64) -> Option<Vec<bool>> {
    let (mut old, mut rest, mut way) = (old_size, size, Vec::new());
    while old < rest {
        let split = left_size(rest);
        way.push(old <= split);
        (old, rest) = if old <= split {
            (old, split)
        } else {
            (old - split, rest - split)
        };
    }
    (old_size < size).then_some(way)
}

/// The largest power of two smaller than the size.
fn left_size(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// What is changed, the same in every run.
struct Choice(u64);

impl Choice {
    fn new(seed: u64, proof: u64) -> Self {
        Self(seed ^ proof.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, end: usize) -> usize {
        // Knuth's MMIX generator; its upper bits are the random ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// A number of the range that is not `not`.
    fn other(&mut self, range: std::ops::Range<u64>, not: u64) -> Option<u64> {
        let others: Vec<u64> = range.filter(|number| *number != not).collect();
        (!others.is_empty()).then(|| others[self.below(others.len())])
    }

    fn flip(&mut self, hash: Hash) -> Hash {
        let mut bytes = *hash.as_bytes();
        bytes[self.below(32)] ^= 1 << self.below(8);
        Hash::from_bytes(bytes)
    }

    fn other_root(&mut self, head: TreeHead) -> TreeHead {
        TreeHead::new(head.size(), self.flip(head.root()))
    }

    /// The proof with one hash flipped, dropped, doubled, two swapped, and what that must be.
    fn damaged(&mut self, hashes: &[Hash]) -> Vec<(Vec<Hash>, ProofError)> {
        let with = |change: &mut dyn FnMut(&mut Vec<Hash>)| {
            let mut hashes = hashes.to_vec();
            change(&mut hashes);
            hashes
        };
        let extra = with(&mut |hashes| hashes.push(leaf(MOST)));
        let mut damaged = vec![(extra, WrongLength)];
        if !hashes.is_empty() {
            let at = self.below(hashes.len());
            let flipped = self.flip(hashes[at]);
            damaged.push((with(&mut |hashes| hashes[at] = flipped), WrongRoot));
            damaged.push((with(&mut |hashes| _ = hashes.remove(at)), WrongLength));
            damaged.push((
                with(&mut |hashes| hashes.insert(at, hashes[at])),
                WrongLength,
            ));
        }
        if hashes.len() > 1 {
            let first = self.below(hashes.len() - 1);
            let second = first + 1 + self.below(hashes.len() - 1 - first);
            damaged.push((with(&mut |hashes| hashes.swap(first, second)), WrongRoot));
        }
        damaged
    }
}
