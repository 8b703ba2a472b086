//! Tiles and proofs.

use std::sync::Arc;

use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::{HASH_BYTES, Hash};
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::proof::{ConsistencyProof, InclusionProof};
use sumcheck::tlog::tile::{Tile, TileHeight};
use sumcheck::tlog::tile_auth::{AuthenticTiles, TilePlan};

use super::input::{Input, ok, text};
use super::tree::{MOST, Tree, leaf};

/// Tile paths: every accepted path is the path of its tile.
pub fn tile_path(bytes: &[u8]) {
    let Some(path) = text(bytes) else { return };
    if let Some(tile) = ok(Tile::parse_path(path)) {
        assert_eq!(tile.path(), path);
        assert_eq!(Tile::parse_path(&tile.full().path()), Ok(tile.full()));
        assert!(tile.width() >= 1 && tile.width() <= tile.height().full_width());
    }
}

/// Plans in trees of any size: they are small, and of arbitrary bytes no tile is authentic.
pub fn tile_plan(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let height = TileHeight::new(input.byte() % 10 + 1).expect("1 to 10");
    let (size, index, old_size) = (input.number(), input.number(), input.number());
    let mut plan = TilePlan::for_tree(height, size);
    let _ = ok(plan.add_record(index));
    let _ = ok(plan.add_prefix(old_size));
    let planned = plan.tiles().count();
    assert!(planned <= 4 * 64 + 64, "{planned} tiles for one record");
    // A root that nobody finds a tree for.
    let head = TreeHead::new(size, Hash::from_bytes([0x5a; 32]));
    let (tiles, _) = AuthenticTiles::authenticate(&plan, head, |tile| {
        let mut content = input.rest().to_vec();
        content.resize(tile.hash_bytes(), 0x5a);
        ok(HashedTile::parse(tile, &content)).map(Arc::new)
    });
    // A tree of one record has its record for its root.
    assert!(size == 1 || size.is_power_of_two() || tiles.iter().next().is_none());
    let _ = (
        tiles.inclusion_proof(index),
        tiles.consistency_proof(old_size),
    );
    let _ = tiles.root_at(old_size);
}

/// Sizes and a record of the honest tree: size, older size, index below the older size.
fn place(input: &mut Input) -> (u64, u64, u64) {
    let size = 1 + input.below(MOST);
    let old_size = 1 + input.below(size);
    let index = input.below(old_size);
    (size as u64, old_size as u64, index as u64)
}

fn plan(height: TileHeight, (size, old_size, index): (u64, u64, u64)) -> TilePlan {
    let mut plan = TilePlan::for_tree(height, size);
    plan.add_record(index).expect("a record of the tree");
    plan.add_prefix(old_size).expect("an older tree");
    plan
}

/// Honest tiles of which some are damaged: what is found authentic is the tree's, whatever came.
pub fn tile_auth(bytes: &[u8]) {
    let (tree, mut input) = (Tree::honest(), Input::new(bytes));
    let height = TileHeight::new(input.byte() % 5 + 1).expect("1 to 5");
    let place = place(&mut input);
    let (size, old_size, index) = place;
    let plan = plan(height, place);
    let honest: Vec<(Tile, Vec<u8>)> = plan.tiles().map(|tile| (tile, tree.tile(&tile))).collect();
    let mut served: Vec<Vec<u8>> = honest.iter().map(|(_, bytes)| bytes.clone()).collect();
    while !input.is_empty() {
        damage_tiles(&mut served, &mut input);
    }

    let (tiles, faults) = AuthenticTiles::authenticate(&plan, tree.head(size), |tile| {
        let at = honest.iter().position(|(planned, _)| planned == tile)?;
        ok(HashedTile::parse(tile, &served[at])).map(Arc::new)
    });
    let is_honest = |at: usize| honest[at].1 == served[at];
    for (tile, hashed) in tiles.iter() {
        assert_eq!(hashed.to_bytes(), tree.tile(&tile), "{tile} was forged");
    }
    assert_eq!(faults.is_empty(), (0..honest.len()).all(is_honest));
    assert_eq!(tiles.iter().count() + faults.len(), honest.len());
    for fault in faults {
        let _ = ok::<(), _>(Err(fault));
    }
    if let Some(proof) = tiles.inclusion_proof(index) {
        assert_eq!(proof.verify(leaf(index), index, &tree.head(size)), Ok(()));
    }
    if let Some(proof) = tiles.consistency_proof(old_size) {
        let (old, new) = (tree.head(old_size), tree.head(size));
        assert_eq!(proof.verify(&old, &new), Ok(()));
    }
    let root = tiles.root_at(old_size);
    assert!(root.is_none_or(|root| root == tree.head(old_size).root()));
}

/// Changes one byte, cuts a tile off, or puts one tile in another's place.
fn damage_tiles(tiles: &mut [Vec<u8>], input: &mut Input) {
    let (kind, at, other) = (input.byte(), input.below(tiles.len()), input.byte());
    match kind % 4 {
        0 => tiles[at].truncate(usize::from(other)),
        1 => tiles.swap(at, usize::from(other) % tiles.len()),
        _ if tiles[at].is_empty() => {}
        _ => {
            let byte = input.below(tiles[at].len());
            tiles[at][byte] ^= other;
        }
    }
}

/// Proofs: of arbitrary hashes none proves anything in a tree of any size, and of the honest
/// tree's proofs none but the whole one.
pub fn proof(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    if input.coin() {
        arbitrary_hashes_prove_nothing(input);
    } else {
        no_damaged_proof_proves(input);
    }
}

fn arbitrary_hashes_prove_nothing(mut input: Input) {
    let (one, other) = (input.number(), input.number());
    let mut hashes = Vec::new();
    while !input.is_empty() {
        hashes.push(input.hash());
    }
    let (leaf, root) = (Hash::from_bytes([0xa5; 32]), Hash::from_bytes([0x5a; 32]));
    let (old, new) = (TreeHead::new(one, leaf), TreeHead::new(other, root));
    let inclusion = InclusionProof::from_hashes(hashes.clone());
    assert!(ok(inclusion.verify(leaf, one, &new)).is_none());
    let consistency = ConsistencyProof::from_hashes(hashes);
    assert!(ok(consistency.verify(&old, &new)).is_none());
}

fn no_damaged_proof_proves(mut input: Input) {
    let tree = Tree::honest();
    let place = place(&mut input);
    let (size, old_size, index) = place;
    let (old, new) = (tree.head(old_size), tree.head(size));
    let plan = plan(TileHeight::EIGHT, place);
    let (tiles, faults) = AuthenticTiles::authenticate(&plan, new, |tile| {
        ok(HashedTile::parse(tile, &tree.tile(tile))).map(Arc::new)
    });
    assert!(faults.is_empty());
    let inclusion = tiles.inclusion_proof(index).expect("planned");
    let consistency = tiles.consistency_proof(old_size).expect("planned");
    // No record and no tree of this one hashes to that.
    let other = Hash::from_bytes([0x5a; 32]);
    assert!(ok(inclusion.verify(other, index, &new)).is_none());
    for (old, new) in [
        (TreeHead::new(old_size, other), new),
        (old, TreeHead::new(size, other)),
    ] {
        assert!(ok(consistency.verify(&old, &new)).is_none());
    }
    let (mut path, mut subtrees) = (inclusion.hashes().to_vec(), consistency.hashes().to_vec());
    while !input.is_empty() {
        let proof = if input.coin() {
            &mut path
        } else {
            &mut subtrees
        };
        damage_proof(proof, &mut input);
    }
    let damaged = InclusionProof::from_hashes(path);
    let proven = ok(damaged.verify(leaf(index), index, &new)).is_some();
    assert_eq!(proven, damaged == inclusion);
    let damaged = ConsistencyProof::from_hashes(subtrees);
    let proven = ok(damaged.verify(&old, &new)).is_some();
    assert_eq!(proven, damaged == consistency);
}

/// Drops, doubles, swaps, adds or changes a hash.
fn damage_proof(hashes: &mut Vec<Hash>, input: &mut Input) {
    let kind = input.byte();
    if hashes.is_empty() {
        return hashes.push(input.hash());
    }
    let (at, other) = (input.below(hashes.len()), input.below(hashes.len()));
    match kind % 5 {
        0 => _ = hashes.remove(at),
        1 => hashes.insert(at, hashes[other]),
        2 => hashes.swap(at, other),
        3 => hashes.insert(at, input.hash()),
        _ => {
            let mut bytes = *hashes[at].as_bytes();
            bytes[input.below(HASH_BYTES)] ^= input.byte();
            hashes[at] = Hash::from_bytes(bytes);
        }
    }
}
