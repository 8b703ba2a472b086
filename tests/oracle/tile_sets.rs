//! The tiles that prove one record: which they are, and what one wrong byte in them does.

use std::sync::Arc;

use serde_json::json;
use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::{Hash, record_hash};
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::tile::{Tile, TileHeight, TileLevel};
use sumcheck::tlog::tile_auth::{AuthenticTiles, TilePlan};

use crate::dice::Dice;
use crate::judge::{Question, agree};
use crate::support::tree::Tree;

/// The oracle's own tree: leaf N is the text `record N`.
const TREE_SIZE: u64 = 2000;

/// A byte of a tile that is changed.
struct Damage {
    path: String,
    at: usize,
    mask: u8,
}

fn bytes_of(tree: &Tree, tile: &Tile, damage: &Damage) -> Vec<u8> {
    let TileLevel::Hashes(level) = tile.level() else {
        unreachable!("plans have hash tiles")
    };
    let first = tile.index() * u64::from(tile.height().full_width());
    let level = u32::from(level) * u32::from(tile.height().levels());
    let hashes = first..first + u64::from(tile.width());
    let mut bytes: Vec<u8> = hashes
        .flat_map(|n| tree.subtree(level, n).unwrap())
        .collect();
    if tile.path() == damage.path {
        let at = damage.at % bytes.len();
        bytes[at] ^= damage.mask;
    }
    bytes
}

#[test]
fn both_ask_for_the_same_tiles_and_trust_the_same() {
    let mut tree = Tree::default();
    for index in 0..TREE_SIZE {
        tree.push(format!("record {index}").as_bytes());
    }
    let mut dice = Dice::new(22);
    let question = |_| {
        let height = 1 + dice.below(9) as u8;
        let size = 1 + dice.below(TREE_SIZE as usize) as u64;
        let index = dice.below(size as usize) as u64;
        let mut plan = TilePlan::for_tree(TileHeight::new(height).unwrap(), size);
        plan.add_record(index).unwrap();
        let mut paths: Vec<String> = plan.tiles().map(|tile| tile.path()).collect();
        paths.sort_unstable();
        let damage = Damage {
            path: match dice.below(3) {
                0 => String::new(),
                _ => paths[dice.below(paths.len())].clone(),
            },
            at: dice.below(1 << 20),
            mask: 1 << dice.below(8),
        };

        let head = TreeHead::new(size, Hash::from_bytes(tree.root_at(size)));
        let (_, faults) = AuthenticTiles::authenticate(&plan, head, |tile| {
            let bytes = bytes_of(&tree, tile, &damage);
            HashedTile::parse(tile, &bytes).ok().map(Arc::new)
        });
        let leaf = record_hash(format!("record {index}").as_bytes());
        let ours = json!({"hash": leaf.to_string(), "tiles": paths});
        Question {
            request: json!({
                "op": "authenticate_tiles", "height": height, "size": size, "index": index,
                "damaged": damage.path, "at": damage.at, "mask": damage.mask,
            }),
            ours: faults.is_empty().then_some(ours),
            excuse: None,
        }
    };
    agree((0..5000).map(question).collect(), [1500, 3000], &[]);
}
