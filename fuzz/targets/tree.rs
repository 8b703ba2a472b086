//! An honest tree, of which fuzz input may damage tiles and proofs.

use std::sync::OnceLock;

use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::{Hash, node_hash, record_hash};
use sumcheck::tlog::range::CompactRange;
use sumcheck::tlog::tile::{Tile, TileLevel};

/// Records in the largest tree: all shapes of tiles up to height 5, and quick to make.
pub(crate) const MOST: usize = 600;

/// The tree of the records 0, 1, 2... and so all trees that are its beginnings.
pub(crate) struct Tree {
    /// The roots of all perfect subtrees, by level.
    levels: Vec<Vec<Hash>>,
    /// By size.
    roots: Vec<Hash>,
}

impl Tree {
    pub(crate) fn honest() -> &'static Self {
        static TREE: OnceLock<Tree> = OnceLock::new();
        TREE.get_or_init(|| {
            let leaves: Vec<Hash> = (0..MOST).map(|index| leaf(index as u64)).collect();
            let mut range = CompactRange::empty();
            let mut roots = vec![range.root()];
            for leaf in &leaves {
                range.append(*leaf).expect("a small tree");
                roots.push(range.root());
            }
            let mut levels = vec![leaves];
            while let Some(level) = levels.last().filter(|level| level.len() > 1) {
                let (pairs, _) = level.as_chunks::<2>();
                levels.push(pairs.iter().map(|[a, b]| node_hash(a, b)).collect());
            }
            Self { levels, roots }
        })
    }

    pub(crate) fn head(&self, size: u64) -> TreeHead {
        TreeHead::new(size, self.roots[size as usize])
    }

    pub(crate) fn tile(&self, tile: &Tile) -> Vec<u8> {
        let TileLevel::Hashes(level) = tile.level() else {
            unreachable!("plans have hash tiles")
        };
        let level = usize::from(level) * usize::from(tile.height().levels());
        let first = (tile.index() * u64::from(tile.height().full_width())) as usize;
        let hashes = &self.levels[level][first..first + tile.width() as usize];
        hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }
}

pub(crate) fn leaf(index: u64) -> Hash {
    record_hash(&index.to_be_bytes())
}
