//! Tiles: of arbitrary bytes in an arbitrary tree none is authentic.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::Hash;
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::tile::TileHeight;
use sumcheck::tlog::tile_auth::{AuthenticTiles, TilePlan};

fuzz_target!(|input: (u8, u64, u64, u64, &[u8])| {
    let (height, size, index, old_size, bytes) = input;
    let Some(height) = TileHeight::new(height % 10 + 1) else { return };
    let mut plan = TilePlan::for_tree(height, size);
    let _ = plan.add_record(index);
    let _ = plan.add_prefix(old_size);
    let planned = plan.tiles().count();
    assert!(planned <= 4 * 64 + 64, "{planned} tiles for one record");
    // A root that nobody finds a tree for.
    let head = TreeHead::new(size, Hash::from_bytes([0x5a; 32]));
    let (tiles, _) = AuthenticTiles::authenticate(&plan, head, |tile| {
        let mut content = bytes.to_vec();
        content.resize(tile.hash_bytes(), 0x5a);
        HashedTile::parse(tile, &content).ok().map(Arc::new)
    });
    // A tree of one record has its record for its root.
    assert!(size == 1 || size.is_power_of_two() || tiles.iter().next().is_none());
    let _ = (tiles.inclusion_proof(index), tiles.consistency_proof(old_size));
    let _ = tiles.root_at(old_size);
});
