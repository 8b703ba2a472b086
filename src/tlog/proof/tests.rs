//! Proofs against the definitions of RFC 6962, for every small tree.
#![allow(clippy::arithmetic_side_effects)]

use super::super::hash::record_hash;
use super::super::range::CompactRange;
use super::*;

const MAX_SIZE: usize = 40;

fn leaves() -> Vec<Hash> {
    (0..MAX_SIZE)
        .map(|number| record_hash(&number.to_be_bytes()))
        .collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut range = CompactRange::empty();
    for leaf in leaves {
        range.append(*leaf).unwrap();
    }
    range.root()
}

fn head(leaves: &[Hash]) -> TreeHead {
    TreeHead::new(u64::try_from(leaves.len()).unwrap(), root(leaves))
}

fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

/// PATH of RFC 6962 section 2.1.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, sibling) = if index < left.len() {
        (path(index, left), root(right))
    } else {
        (path(index - left.len(), right), root(left))
    };
    below.push(sibling);
    below
}

/// SUBPROOF of RFC 6962 section 2.1.2.
fn subproof(old_size: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old_size == leaves.len() {
        return if whole {
            Vec::new()
        } else {
            vec![root(leaves)]
        };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, sibling) = if old_size <= left.len() {
        (subproof(old_size, left, whole), root(right))
    } else {
        (subproof(old_size - left.len(), right, false), root(left))
    };
    below.push(sibling);
    below
}

fn mutations(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let stranger = record_hash(b"stranger");
    let mut all = vec![
        [hashes, &[stranger]].concat(),
        [&[stranger], hashes].concat(),
    ];
    for position in 0..hashes.len() {
        let mut dropped = hashes.to_vec();
        dropped.remove(position);
        all.push(dropped);
        let mut changed = hashes.to_vec();
        changed[position] = stranger;
        all.push(changed);
        let mut doubled = hashes.to_vec();
        doubled.insert(position, hashes[position]);
        all.push(doubled);
    }
    for position in 1..hashes.len() {
        let mut swapped = hashes.to_vec();
        swapped.swap(position - 1, position);
        all.push(swapped);
    }
    all
}

#[test]
fn every_inclusion_proof_verifies_and_no_altered_one_does() {
    let all = leaves();
    for size in 1..=MAX_SIZE {
        let head = head(&all[..size]);
        for index in 0..size {
            let hashes = path(index, &all[..size]);
            let at = u64::try_from(index).unwrap();
            let proof = InclusionProof::from_hashes(hashes.clone());
            assert_eq!(
                proof.verify(all[index], at, &head),
                Ok(()),
                "{index} of {size}"
            );
            assert!(proof.verify(record_hash(b"stranger"), at, &head).is_err());
            for other in (0..=head.size()).filter(|other| *other != at) {
                assert!(
                    proof.verify(all[index], other, &head).is_err(),
                    "{index} as {other}"
                );
            }
            for altered in mutations(&hashes) {
                let altered = InclusionProof::from_hashes(altered);
                assert!(
                    altered.verify(all[index], at, &head).is_err(),
                    "{index} of {size}"
                );
            }
        }
    }
}

#[test]
fn every_consistency_proof_verifies_and_no_altered_one_does() {
    let all = leaves();
    for new_size in 1..=MAX_SIZE {
        let new = head(&all[..new_size]);
        for old_size in 1..=new_size {
            let old = head(&all[..old_size]);
            let hashes = subproof(old_size, &all[..new_size], true);
            let proof = ConsistencyProof::from_hashes(hashes.clone());
            assert_eq!(proof.verify(&old, &new), Ok(()), "{old_size} to {new_size}");
            let forked = TreeHead::new(old.size(), record_hash(b"fork"));
            assert!(
                proof.verify(&forked, &new).is_err(),
                "{old_size} to {new_size}"
            );
            for altered in mutations(&hashes) {
                let altered = ConsistencyProof::from_hashes(altered);
                assert!(
                    altered.verify(&old, &new).is_err(),
                    "{old_size} to {new_size}"
                );
            }
        }
    }
}

#[test]
fn what_is_out_of_order_is_told_by_its_sizes() {
    let all = leaves();
    let proof = InclusionProof::from_hashes(Vec::new());
    assert_eq!(
        proof
            .verify(all[0], 1, &head(&all[..1]))
            .unwrap_err()
            .to_string(),
        "record 1 is not in a tree of 1 records"
    );
    let proof = ConsistencyProof::from_hashes(Vec::new());
    let (empty, one, two) = (head(&all[..0]), head(&all[..1]), head(&all[..2]));
    for (old, new) in [(&empty, &one), (&two, &one), (&empty, &empty)] {
        assert_eq!(
            proof.verify(old, new),
            Err(ProofError::SizesOutOfOrder {
                old_size: old.size(),
                new_size: new.size()
            })
        );
    }
}

#[test]
fn the_largest_sizes_end_like_all_others() {
    let root = record_hash(b"root");
    let largest = TreeHead::new(MAX_TREE_SIZE, root);
    let long = InclusionProof::from_hashes(vec![root; MAX_PROOF_HASHES]);
    for index in [0, 1, MAX_TREE_SIZE / 2, MAX_TREE_SIZE - 1] {
        assert_eq!(
            long.verify(root, index, &largest),
            Err(ProofError::WrongLength)
        );
    }
    let beyond = TreeHead::new(u64::MAX, root);
    assert_eq!(
        long.verify(root, 0, &beyond),
        Err(ProofError::IndexOutsideTree {
            index: 0,
            size: u64::MAX
        })
    );
    let long = ConsistencyProof::from_hashes(vec![root; MAX_PROOF_HASHES]);
    let old = TreeHead::new(MAX_TREE_SIZE - 1, root);
    assert_eq!(long.verify(&old, &largest), Err(ProofError::WrongLength));
}

#[test]
fn a_proof_gives_back_its_hashes() {
    let hashes = [record_hash(b"one"), record_hash(b"two")];
    let inclusion = InclusionProof::from_hashes(hashes.to_vec());
    assert_eq!(inclusion.hashes(), hashes);
    let consistency = ConsistencyProof::from_hashes(hashes.to_vec());
    assert_eq!(consistency.hashes(), hashes);
}
