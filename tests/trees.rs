//! Proofs and plans of tiles in all small trees, against the words of RFC 6962 (support/tree.rs).

mod support;

#[path = "trees/others.rs"]
mod others;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, RngSeed};
use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::Hash;
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::proof::{ConsistencyProof, InclusionProof};
use sumcheck::tlog::tile::{Tile, TileHeight, TileLevel};
use sumcheck::tlog::tile_auth::{AuthenticTiles, TilePlan};

use support::tree::{Tree, leaf_hash};

/// Records in the largest tree.
const MOST: u64 = 300;

/// The same cases in every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(6962),
        ..ProptestConfig::default()
    }
}

fn text(index: u64) -> String {
    format!("record {index}")
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::default();
    for index in 0..size {
        tree.push(text(index).as_bytes());
    }
    tree
}

fn leaf(index: u64) -> Hash {
    Hash::from_bytes(leaf_hash(text(index).as_bytes()))
}

fn head(tree: &Tree, size: u64) -> TreeHead {
    TreeHead::new(size, Hash::from_bytes(tree.root_at(size)))
}

fn hashes(raw: Vec<[u8; 32]>) -> Vec<Hash> {
    raw.into_iter().map(Hash::from_bytes).collect()
}

fn included(tree: &Tree, index: u64, size: u64) -> InclusionProof {
    InclusionProof::from_hashes(hashes(tree.inclusion_proof(index, size)))
}

fn consistent(tree: &Tree, old: u64, new: u64) -> ConsistencyProof {
    ConsistencyProof::from_hashes(hashes(tree.consistency_proof(old, new)))
}

#[test]
fn every_proof_of_every_tree_verifies() {
    let tree = tree(MOST);
    for size in 1..=MOST {
        let head_of_size = head(&tree, size);
        for index in 0..size {
            let proof = included(&tree, index, size);
            assert_eq!(
                proof.verify(leaf(index), index, &head_of_size),
                Ok(()),
                "{index} in {size}"
            );
            let old = index + 1;
            let proof = consistent(&tree, old, size);
            assert_eq!(
                proof.verify(&head(&tree, old), &head_of_size),
                Ok(()),
                "{old} to {size}"
            );
        }
    }
}

fn size() -> impl Strategy<Value = u64> {
    // Small trees have all shapes.
    prop_oneof![1..=MOST, 1..=20_u64]
}

prop_compose! {
    fn hash()(bytes in any::<[u8; 32]>()) -> Hash {
        Hash::from_bytes(bytes)
    }
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn a_proof_of_one_record_proves_no_other(
        size in size(), index in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
    ) {
        let (index, other) = (index.index(size as usize) as u64, other.index(size as usize) as u64);
        prop_assume!(index != other);
        let (tree, proof) = (tree(size), included(&tree(size), index, size));
        prop_assert!(proof.verify(leaf(other), index, &head(&tree, size)).is_err());
        prop_assert!(proof.verify(leaf(other), other, &head(&tree, size)).is_err());
        prop_assert!(proof.verify(leaf(index), other, &head(&tree, size)).is_err());
    }

    #[test]
    fn hashes_out_of_thin_air_prove_nothing(
        size in size(), index in any::<prop::sample::Index>(), proof in prop::collection::vec(hash(), 0..12),
    ) {
        prop_assume!(size > 1);
        let tree = tree(size);
        let index = index.index(size as usize) as u64;
        let new = head(&tree, size);
        let inclusion = InclusionProof::from_hashes(proof.clone());
        prop_assert!(inclusion.verify(leaf(index), index, &new).is_err());
        let old = head(&tree, index + 1);
        let is_same = old == new && proof.is_empty();
        let consistency = ConsistencyProof::from_hashes(proof);
        prop_assert_eq!(consistency.verify(&old, &new).is_ok(), is_same);
    }

    #[test]
    fn a_proof_with_one_bit_inverted_proves_nothing(
        size in size(), index in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..256_usize,
    ) {
        let tree = tree(size);
        let index = index.index(size as usize) as u64;
        let (old, new) = (head(&tree, index + 1), head(&tree, size));
        let mut raw = tree.inclusion_proof(index, size);
        if !raw.is_empty() {
            let at = at.index(raw.len());
            raw[at][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(InclusionProof::from_hashes(hashes(raw)).verify(leaf(index), index, &new).is_err());
        }
        let mut raw = tree.consistency_proof(index + 1, size);
        if !raw.is_empty() {
            let at = at.index(raw.len());
            raw[at][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(ConsistencyProof::from_hashes(hashes(raw)).verify(&old, &new).is_err());
        }
    }

    #[test]
    fn no_proof_makes_a_fork_one_timeline(
        size in size(), old in any::<prop::sample::Index>(), changed in any::<prop::sample::Index>(),
    ) {
        let old_size = old.index(size as usize) as u64 + 1;
        let changed = changed.index(old_size as usize) as u64;
        let (tree, mut fork) = (tree(size), tree(size));
        fork.replace(changed, b"another record");
        for (old, new) in [(&tree, &fork), (&fork, &tree)] {
            for proof in [consistent(old, old_size, size), consistent(new, old_size, size)] {
                prop_assert!(proof.verify(&head(old, old_size), &head(new, size)).is_err());
            }
        }
    }
}

/// What a plan is to prove.
#[derive(Clone, Debug)]
struct Task {
    height: TileHeight,
    size: u64,
    records: BTreeSet<u64>,
    prefixes: BTreeSet<u64>,
}

prop_compose! {
    fn task()(
        height in 1..=9_u8,
        size in size(),
        records in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        prefixes in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) -> Task {
        Task {
            height: TileHeight::new(height).unwrap(),
            size,
            records: records.iter().map(|index| index.index(size as usize) as u64).collect(),
            prefixes: prefixes.iter().map(|size_| size_.index(size as usize) as u64 + 1).collect(),
        }
    }
}

impl Task {
    fn plan(&self) -> TilePlan {
        let mut plan = TilePlan::for_tree(self.height, self.size);
        for index in &self.records {
            plan.add_record(*index).unwrap();
        }
        for old_size in &self.prefixes {
            plan.add_prefix(*old_size).unwrap();
        }
        plan
    }

    /// How many of the wanted proofs the tiles give. The root alone is one.
    fn proven(&self, tree: &Tree, tiles: &AuthenticTiles) -> usize {
        let records = self.records.iter().filter(|index| {
            let proof = tiles.inclusion_proof(**index);
            assert!(
                proof
                    .as_ref()
                    .is_none_or(|proof| *proof == included(tree, **index, self.size))
            );
            proof.is_some()
        });
        let prefixes = self.prefixes.iter().filter(|old_size| {
            let proof = tiles.consistency_proof(**old_size);
            assert!(
                proof
                    .as_ref()
                    .is_none_or(|proof| *proof == consistent(tree, **old_size, self.size))
            );
            let root = tiles.root_at(**old_size);
            assert!(root.is_none_or(|root| root == head(tree, **old_size).root()));
            proof.is_some() && root.is_some()
        });
        records.count() + prefixes.count() + usize::from(tiles.iter().next().is_some())
    }

    fn wanted(&self) -> usize {
        self.records.len() + self.prefixes.len() + 1
    }
}

fn bytes_of(tree: &Tree, tile: &Tile) -> Vec<u8> {
    let TileLevel::Hashes(level) = tile.level() else {
        unreachable!("plans have hash tiles")
    };
    let first = tile.index() * u64::from(tile.height().full_width());
    let level = u32::from(level) * u32::from(tile.height().levels());
    (first..first + u64::from(tile.width()))
        .flat_map(|n| tree.subtree(level, n).unwrap())
        .collect()
}

fn authenticate(
    tree: &Tree,
    plan: &TilePlan,
    size: u64,
    dropped: Option<&Tile>,
) -> (AuthenticTiles, usize) {
    let (tiles, faults) = AuthenticTiles::authenticate(plan, head(tree, size), |tile| {
        let hashed = || Arc::new(HashedTile::parse(tile, &bytes_of(tree, tile)).unwrap());
        (dropped != Some(tile)).then(hashed)
    });
    (tiles, faults.len())
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn a_plan_has_all_tiles_that_it_needs(task in task()) {
        let (tree, plan) = (tree(task.size), task.plan());
        let (tiles, faults) = authenticate(&tree, &plan, task.size, None);
        prop_assert_eq!(faults, 0);
        prop_assert_eq!(task.proven(&tree, &tiles), task.wanted());
    }

    #[test]
    fn a_plan_has_no_tile_that_it_does_not_need(task in task()) {
        let (tree, plan) = (tree(task.size), task.plan());
        for dropped in plan.tiles() {
            let (tiles, faults) = authenticate(&tree, &plan, task.size, Some(&dropped));
            prop_assert!(faults > 0);
            let proven = task.proven(&tree, &tiles);
            prop_assert!(proven < task.wanted(), "all is proven without {}", dropped);
        }
    }
}
