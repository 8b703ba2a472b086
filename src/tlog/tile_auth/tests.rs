//! Trees of many sizes and heights, cut into tiles, authenticated, and attacked tile by tile.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions)]

use std::collections::BTreeMap;

use super::super::hash::{HASH_BYTES, node_hash, record_hash};
use super::super::range::CompactRange;
use super::*;

struct Tree {
    height: TileHeight,
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    fn of(size: u64, levels_per_tile: u8) -> Self {
        let height = TileHeight::new(levels_per_tile).unwrap();
        let mut levels = vec![
            (0..size)
                .map(|number| record_hash(&number.to_be_bytes()))
                .collect::<Vec<_>>(),
        ];
        while levels.last().unwrap().len() > 1 {
            let below = levels.last().unwrap();
            levels.push(
                below
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|[l, r]| node_hash(l, r))
                    .collect(),
            );
        }
        Self {
            height,
            size,
            levels,
        }
    }

    fn head_at(&self, size: u64) -> TreeHead {
        let mut range = CompactRange::empty();
        for leaf in &self.levels[0][..size as usize] {
            range.append(*leaf).unwrap();
        }
        TreeHead::new(size, range.root())
    }

    fn head(&self) -> TreeHead {
        self.head_at(self.size)
    }

    fn tile(&self, tile: &Tile) -> Vec<u8> {
        let TileLevel::Hashes(level) = tile.level() else {
            panic!("a hash tile")
        };
        let hashes = &self.levels[usize::from(level) * usize::from(self.height.levels())];
        let first = (tile.index() * u64::from(self.height.full_width())) as usize;
        hashes[first..first + tile.width() as usize]
            .iter()
            .flat_map(|hash| *hash.as_bytes())
            .collect()
    }

    fn full_plan(&self) -> TilePlan {
        let mut plan = TilePlan::for_tree(self.height, self.size);
        for index in 0..self.size {
            plan.add_record(index).unwrap();
        }
        plan
    }

    fn served(&self, plan: &TilePlan) -> BTreeMap<Tile, Vec<u8>> {
        plan.tiles().map(|tile| (tile, self.tile(&tile))).collect()
    }
}

fn authenticate(
    plan: &TilePlan,
    head: TreeHead,
    served: &BTreeMap<Tile, Vec<u8>>,
) -> (AuthenticTiles, Vec<TileFault>) {
    AuthenticTiles::authenticate(plan, head, |tile| {
        Some(Arc::new(
            HashedTile::parse(tile, served.get(tile)?).unwrap(),
        ))
    })
}

/// Sizes around which the right edge changes its shape, for tiles of height 8.
const EDGE_SIZES: [u64; 12] = [1, 2, 3, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025];

#[test]
fn every_record_and_every_prefix_is_proven_out_of_tiles() {
    for (size, levels_per_tile) in [
        (1, 1),
        (2, 1),
        (7, 1),
        (64, 2),
        (100, 2),
        (129, 3),
        (300, 8),
    ] {
        let tree = Tree::of(size, levels_per_tile);
        let plan = tree.full_plan();
        let (tiles, faults) = authenticate(&plan, tree.head(), &tree.served(&plan));
        assert_eq!(faults, []);
        for index in 0..size {
            let proof = tiles.inclusion_proof(index).unwrap();
            let leaf = tree.levels[0][index as usize];
            assert_eq!(
                proof.verify(leaf, index, &tree.head()),
                Ok(()),
                "{index} of {size}"
            );
        }
        for old_size in 1..=size {
            let old = tree.head_at(old_size);
            assert_eq!(
                tiles.root_at(old_size),
                Some(old.root()),
                "{old_size} of {size}"
            );
            let proof = tiles.consistency_proof(old_size).unwrap();
            assert_eq!(
                proof.verify(&old, &tree.head()),
                Ok(()),
                "{old_size} of {size}"
            );
        }
        assert_eq!(tiles.root_at(0), Some(EMPTY_ROOT));
        assert_eq!(tiles.inclusion_proof(size), None);
        assert_eq!(tiles.consistency_proof(0), None);
        assert_eq!(tiles.consistency_proof(size + 1), None);
    }
}

#[test]
fn a_plan_for_one_thing_proves_that_thing() {
    for size in EDGE_SIZES {
        let tree = Tree::of(size, 8);
        for index in [0, size / 2, size - 1] {
            let mut plan = TilePlan::for_tree(tree.height, size);
            plan.add_record(index).unwrap();
            let (tiles, faults) = authenticate(&plan, tree.head(), &tree.served(&plan));
            assert_eq!(faults, []);
            assert!(tiles.inclusion_proof(index).is_some(), "{index} of {size}");
        }
        for old_size in EDGE_SIZES.into_iter().filter(|old_size| *old_size <= size) {
            let mut plan = TilePlan::for_tree(tree.height, size);
            plan.add_prefix(old_size).unwrap();
            let (tiles, faults) = authenticate(&plan, tree.head(), &tree.served(&plan));
            assert_eq!(faults, []);
            assert_eq!(tiles.root_at(old_size), Some(tree.head_at(old_size).root()));
            let proof = tiles
                .consistency_proof(old_size)
                .expect("the same tiles give the proof");
            assert_eq!(proof.verify(&tree.head_at(old_size), &tree.head()), Ok(()));
        }
    }
}

#[test]
fn no_tile_can_be_forged_at_any_size_or_level() {
    for (size, levels_per_tile) in EDGE_SIZES
        .map(|size| (size, 8))
        .into_iter()
        .chain([(77, 2)])
    {
        let tree = Tree::of(size, levels_per_tile);
        let plan = tree.full_plan();
        let honest = tree.served(&plan);
        for tile in plan.tiles() {
            for position in 0..tile.width() as usize {
                let mut served = honest.clone();
                served.get_mut(&tile).unwrap()[position * HASH_BYTES + 7] ^= 0x10;
                let (tiles, faults) = authenticate(&plan, tree.head(), &served);
                assert!(
                    faults.iter().any(|fault| fault.tile() == tile),
                    "{tile} of {size}"
                );
                assert!(
                    tiles.iter().all(|(kept, _)| kept != tile),
                    "{tile} of {size}"
                );
                assert!(
                    tiles
                        .iter()
                        .all(|(kept, hashed)| honest[&kept] == hashed.to_bytes())
                );
            }
        }
    }
}

#[test]
fn a_missing_tile_takes_only_what_hangs_below_it() {
    let tree = Tree::of(600, 8);
    let plan = tree.full_plan();
    let honest = tree.served(&plan);
    let first = Tile::parse_path("tile/8/0/000").unwrap();

    let mut served = honest.clone();
    served.remove(&first);
    let (tiles, faults) = authenticate(&plan, tree.head(), &served);
    assert_eq!(faults, [TileFault::Missing(first)]);
    assert_eq!(tiles.inclusion_proof(0), None);
    assert!(tiles.inclusion_proof(256).is_some());

    let mut served = honest;
    served.remove(&Tile::parse_path("tile/8/1/000.p/2").unwrap());
    let (tiles, faults) = authenticate(&plan, tree.head(), &served);
    assert_eq!(tiles.iter().count(), 0);
    assert_eq!(faults.len(), 4);
    assert!(matches!(faults[0], TileFault::Missing(_)));
    assert!(
        faults[1..]
            .iter()
            .all(|fault| matches!(fault, TileFault::Unvouched(_)))
    );
}

#[test]
fn tiles_of_a_tree_are_not_those_of_another_head() {
    let tree = Tree::of(600, 8);
    let plan = tree.full_plan();
    let served = tree.served(&plan);
    let other_root = TreeHead::new(600, record_hash(b"fork"));
    let (tiles, _) = authenticate(&plan, other_root, &served);
    assert_eq!(tiles.iter().count(), 0);
    let other_size = TreeHead::new(601, tree.head().root());
    let (tiles, faults) = authenticate(&plan, other_size, &served);
    assert_eq!(
        (tiles.iter().count(), faults.len()),
        (0, plan.tiles().count())
    );
}

#[test]
fn what_lies_beyond_the_tree_cannot_be_planned() {
    let mut plan = TilePlan::for_tree(TileHeight::EIGHT, 600);
    assert_eq!(
        plan.add_record(600).unwrap_err().to_string(),
        "record 600 is not in a tree of 600 records"
    );
    assert_eq!(
        plan.add_prefix(601).unwrap_err().to_string(),
        "a tree of 601 records is no beginning of one of 600"
    );
    assert_eq!(TilePlan::for_tree(TileHeight::EIGHT, 0).tiles().count(), 0);
}

#[test]
fn the_largest_trees_are_planned_without_overflow() {
    for levels_per_tile in [1, 2, 7, 8, 16, 30] {
        let height = TileHeight::new(levels_per_tile).unwrap();
        for size in [1 << 62, (1 << 62) + 1, super::super::MAX_TREE_SIZE] {
            let mut plan = TilePlan::for_tree(height, size);
            plan.add_record(size - 1).unwrap();
            plan.add_record(0).unwrap();
            plan.add_prefix(size - 1).unwrap();
            let tiles = plan.tiles().count();
            assert!(
                (3..=200).contains(&tiles),
                "{tiles} tiles for {size} at {levels_per_tile}"
            );
        }
    }
}

#[test]
fn the_root_of_the_whole_tree_is_the_head_s_own() {
    let tree = Tree::of(600, 8);
    let plan = tree.full_plan();
    assert_eq!(plan.size(), 600);
    let (nothing, _) = authenticate(&plan, tree.head(), &BTreeMap::new());
    assert_eq!(nothing.root_at(600), Some(tree.head().root()));
    assert_eq!(nothing.root_at(599), None);
    assert_eq!(nothing.root_at(0), Some(EMPTY_ROOT));
}
