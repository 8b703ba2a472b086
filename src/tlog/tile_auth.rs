//! Which tiles a proof needs, and the check that the tiles which came are those of the tree.
//!
//! Every full tile is hashed to its root, which must stand at its place in the tile above. The
//! partial tiles at the right edge have no tile above them that holds their roots; all of their
//! hashes together fold to the root of the tree. So each tile is checked by a rule of its own
//! and there is no list whose length could be counted wrong (CVE-2026-56865).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checkpoint::TreeHead;
use super::hash::{EMPTY_ROOT, Hash};
use super::hashed_tile::HashedTile;
use super::proof::{ConsistencyProof, InclusionProof};
use super::range::{CompactRange, fold_right};
use super::tile::{Tile, TileHeight, TileLevel, climb, hashes_at_level};

/// The distinct tiles that prove a set of records and of older heads under one tree size.
///
/// All are known from the size and the indices, so that all can be fetched in one round.
#[derive(Debug, Clone)]
pub struct TilePlan {
    height: TileHeight,
    size: u64,
    tiles: BTreeSet<PlannedTile>,
}

/// A tile in the order in which tiles can be checked: higher levels first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PlannedTile {
    level: std::cmp::Reverse<u8>,
    index: u64,
}

/// Why something cannot be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The record would lie beyond the tree.
    #[error("record {index} is not in a tree of {size} records")]
    IndexOutsideTree {
        /// Record index.
        index: u64,
        /// Tree size in records.
        size: u64,
    },
    /// The tile would lie beyond the tree.
    #[error("tile {index} of level {level} is not in a tree of {size} records")]
    TileOutsideTree {
        /// Tile level.
        level: u8,
        /// Number of the tile on its level.
        index: u64,
        /// Tree size in records.
        size: u64,
    },
    /// The older tree is the larger one.
    #[error("a tree of {old_size} records is no beginning of one of {size}")]
    NotOlder {
        /// Size of the tree that should be the beginning.
        old_size: u64,
        /// Size of the planned tree.
        size: u64,
    },
}

impl TilePlan {
    /// The plan that proves the root alone: the partial tiles of the right edge.
    #[must_use]
    pub fn for_tree(height: TileHeight, size: u64) -> Self {
        let mut plan = Self {
            height,
            size,
            tiles: BTreeSet::new(),
        };
        for level in plan.levels() {
            if let Some(tile) = Tile::right_edge(height, level, size) {
                plan.insert_with_parents(level, tile.index());
            }
        }
        plan
    }

    /// Adds what proves the record at `index`.
    ///
    /// # Errors
    /// [`PlanError::IndexOutsideTree`]
    pub fn add_record(&mut self, index: u64) -> Result<(), PlanError> {
        if index >= self.size {
            return Err(PlanError::IndexOutsideTree {
                index,
                size: self.size,
            });
        }
        self.insert_with_parents(0, climb(index, self.height));
        Ok(())
    }

    /// Adds what proves the tile with this number on a tile level.
    ///
    /// # Errors
    /// [`PlanError::TileOutsideTree`]
    pub fn add_tile(&mut self, level: u8, index: u64) -> Result<(), PlanError> {
        if Tile::in_tree(self.height, level, index, self.size).is_none() {
            return Err(PlanError::TileOutsideTree {
                level,
                index,
                size: self.size,
            });
        }
        self.insert_with_parents(level, index);
        Ok(())
    }

    /// Adds what proves the tree of `old_size` records to be the beginning of this one.
    ///
    /// # Errors
    /// [`PlanError::NotOlder`]
    pub fn add_prefix(&mut self, old_size: u64) -> Result<(), PlanError> {
        if old_size > self.size {
            return Err(PlanError::NotOlder {
                old_size,
                size: self.size,
            });
        }
        for level in self.levels() {
            if let Some(tile) = Tile::right_edge(self.height, level, old_size) {
                self.insert_with_parents(level, tile.index());
            }
        }
        Ok(())
    }

    /// The tiles, each as wide as it is in this tree, higher levels first.
    pub fn tiles(&self) -> impl Iterator<Item = Tile> + '_ {
        self.tiles.iter().filter_map(|planned| {
            Tile::in_tree(self.height, planned.level.0, planned.index, self.size)
        })
    }

    /// Tree size in records.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The tile levels of the tree, lowest first.
    fn levels(&self) -> impl Iterator<Item = u8> + use<> {
        let (height, size) = (self.height, self.size);
        (0_u8..).take_while(move |&level| hashes_at_level(height, level, size) > 0)
    }

    /// A full tile needs the tile above that holds its root; a partial one is the right edge.
    fn insert_with_parents(&mut self, level: u8, index: u64) {
        let mut next = Some((level, index));
        while let Some((level, index)) = next {
            let Some(tile) = Tile::in_tree(self.height, level, index, self.size) else {
                break;
            };
            if !self.tiles.insert(PlannedTile {
                level: std::cmp::Reverse(level),
                index,
            }) {
                break;
            }
            next = if tile.is_full() {
                tile.parent().map(|(level, index, _)| (level, index))
            } else {
                None
            };
        }
    }
}

/// A tile that could not be authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileFault {
    /// It was not given.
    #[error("{0} is missing")]
    Missing(Tile),
    /// It does not hash to what the authentic tile above it holds.
    #[error("{0} does not hash to its place in the tile above it")]
    WrongHash(Tile),
    /// The partial tiles at the right edge do not fold to the root; this is one of them.
    #[error("{0} is one of the tiles at the right edge that do not hash to the tree's root")]
    WrongRoot(Tile),
    /// The tile that would vouch for it was not authentic itself.
    #[error("{0} cannot be checked without the tile above it")]
    Unvouched(Tile),
}

impl TileFault {
    /// Which tile it is about.
    #[must_use]
    pub const fn tile(&self) -> Tile {
        match *self {
            Self::Missing(tile)
            | Self::WrongHash(tile)
            | Self::WrongRoot(tile)
            | Self::Unvouched(tile) => tile,
        }
    }
}

/// Tiles of which each hash is known to be the tree's under one head.
#[derive(Debug, Clone)]
pub struct AuthenticTiles {
    height: TileHeight,
    head: TreeHead,
    tiles: BTreeMap<(u8, u64), Arc<HashedTile>>,
}

impl AuthenticTiles {
    /// Checks the planned tiles, as far as `tile_of` has them, against the root under `head`, and
    /// keeps those that are authentic; the others are told in the second value.
    ///
    /// Nothing is authentic if the plan was made for another size than the head's.
    pub fn authenticate(
        plan: &TilePlan,
        head: TreeHead,
        mut tile_of: impl FnMut(&Tile) -> Option<Arc<HashedTile>>,
    ) -> (Self, Vec<TileFault>) {
        let mut authentic = Self {
            height: plan.height,
            head,
            tiles: BTreeMap::new(),
        };
        if plan.size != head.size() {
            return (authentic, plan.tiles().map(TileFault::Unvouched).collect());
        }
        let mut faults = Vec::new();
        let mut right_edge = Vec::new();
        let mut right_edge_is_whole = true;
        let mut full_tiles = Vec::new();
        for tile in plan.tiles() {
            match tile_of(&tile) {
                None => {
                    right_edge_is_whole &= tile.is_full();
                    faults.push(TileFault::Missing(tile));
                }
                Some(hashed) if tile.is_full() => full_tiles.push((tile, hashed)),
                Some(hashed) => right_edge.push((tile, hashed)),
            }
        }

        // Higher levels come first, and their subtrees are the larger ones: the order of the fold.
        let roots: Vec<Hash> = right_edge
            .iter()
            .flat_map(|(_, hashed)| hashed.subtree_roots())
            .collect();
        if fold_right(&roots) != Some(head.root()) {
            let fault = if right_edge_is_whole {
                TileFault::WrongRoot
            } else {
                TileFault::Unvouched
            };
            faults.extend(right_edge.iter().map(|(tile, _)| fault(*tile)));
            faults.extend(
                full_tiles
                    .iter()
                    .map(|(tile, _)| TileFault::Unvouched(*tile)),
            );
            return (authentic, faults);
        }
        for (tile, hashed) in right_edge {
            authentic.insert(tile, hashed);
        }
        for (tile, hashed) in full_tiles {
            match authentic.vouched_root(&tile) {
                None => faults.push(TileFault::Unvouched(tile)),
                vouched if vouched == hashed.full_root(&tile) => authentic.insert(tile, hashed),
                Some(_) => faults.push(TileFault::WrongHash(tile)),
            }
        }
        (authentic, faults)
    }

    fn insert(&mut self, tile: Tile, hashed: Arc<HashedTile>) {
        if let TileLevel::Hashes(level) = tile.level() {
            self.tiles.insert((level, tile.index()), hashed);
        }
    }

    /// The root that a full tile must have: the hash at its place in the tile above.
    fn vouched_root(&self, tile: &Tile) -> Option<Hash> {
        let (level, index, position) = tile.parent()?;
        self.tiles.get(&(level, index))?.node(0, position)
    }

    /// The head under which the tiles are authentic.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// An authentic tile, as wide as it is in this tree.
    #[must_use]
    pub fn tile(&self, level: u8, index: u64) -> Option<&Arc<HashedTile>> {
        self.tiles.get(&(level, index))
    }

    /// The authentic tiles.
    pub fn iter(&self) -> impl Iterator<Item = (Tile, &Arc<HashedTile>)> {
        self.tiles.iter().filter_map(|(&(level, index), hashed)| {
            let tile = Tile::in_tree(self.height, level, index, self.head.size())?;
            Some((tile, hashed))
        })
    }

    /// The root of the tree's first `size` records; `None` if the tiles do not reach.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        match size {
            0 => Some(EMPTY_ROOT),
            _ if size == self.head.size() => Some(self.head.root()),
            _ => self.range_root(0, size),
        }
    }

    /// The compact range of the tree's first `size` records; `None` if the tiles do not reach.
    #[must_use]
    pub fn range_at(&self, size: u64) -> Option<CompactRange> {
        if size > self.head.size() {
            return None;
        }
        CompactRange::from_subtree_roots(size, self.subtree_roots(0, size)?).ok()
    }

    /// The proof that record `index` is under the head; `None` if the tiles do not reach.
    #[must_use]
    pub fn inclusion_proof(&self, index: u64) -> Option<InclusionProof> {
        if index >= self.head.size() {
            return None;
        }
        self.siblings_up_to_root(0, index)
            .map(InclusionProof::from_hashes)
    }

    /// The proof that the first `old_size` records are the beginning of the tree under the head;
    /// `None` if the tiles do not reach or there is nothing to prove (RFC 6962 section 2.1.2).
    #[must_use]
    pub fn consistency_proof(&self, old_size: u64) -> Option<ConsistencyProof> {
        if old_size == 0 || old_size > self.head.size() {
            return None;
        }
        if old_size == self.head.size() {
            return Some(ConsistencyProof::from_hashes(Vec::new()));
        }
        // The smallest of the old tree's perfect subtrees, and from there the way to the root.
        let level = old_size.trailing_zeros();
        let node = old_size.checked_shr(level)?.checked_sub(1)?;
        let mut hashes = Vec::new();
        if node > 0 {
            hashes.push(self.node(level, node)?);
        }
        hashes.extend(self.siblings_up_to_root(level, node)?);
        Some(ConsistencyProof::from_hashes(hashes))
    }

    /// What stands beside the way from a node to the root, lowest first.
    fn siblings_up_to_root(&self, level: u32, node: u64) -> Option<Vec<Hash>> {
        let (mut level, mut node) = (level, node);
        let mut last_node = self.head.size().checked_sub(1)?.checked_shr(level)?;
        let mut siblings = Vec::new();
        while last_node > 0 {
            if node & 1 == 1 {
                siblings.push(self.node(level, node.checked_sub(1)?)?);
            } else if node < last_node {
                siblings.push(self.node_or_right_edge(level, node.checked_add(1)?)?);
            }
            level = level.checked_add(1)?;
            (node, last_node) = (node.checked_shr(1)?, last_node.checked_shr(1)?);
        }
        Some(siblings)
    }

    /// A perfect subtree's root, or that of the incomplete one at the right edge.
    fn node_or_right_edge(&self, level: u32, node: u64) -> Option<Hash> {
        let first_record = node.checked_shl(level)?;
        let width = 1_u64.checked_shl(level)?;
        let beyond = first_record.saturating_add(width);
        if beyond <= self.head.size() {
            self.node(level, node)
        } else {
            self.range_root(first_record, self.head.size())
        }
    }

    /// The root of the records from `begin`, which a subtree as large as the range must be able
    /// to start at, up to and without `end`.
    fn range_root(&self, begin: u64, end: u64) -> Option<Hash> {
        fold_right(&self.subtree_roots(begin, end)?)
    }

    /// The perfect subtrees into which these records fall, from the left.
    fn subtree_roots(&self, begin: u64, end: u64) -> Option<Vec<Hash>> {
        let mut rest = end.checked_sub(begin)?;
        let mut position = begin;
        let mut roots = Vec::new();
        while rest > 0 {
            let level = rest.ilog2();
            roots.push(self.node(level, position.checked_shr(level)?)?);
            let width = 1_u64.checked_shl(level)?;
            position = position.checked_add(width)?;
            rest = rest.checked_sub(width)?;
        }
        Some(roots)
    }

    /// The root of the perfect subtree of 2^level records with this number, out of its tile.
    fn node(&self, level: u32, node: u64) -> Option<Hash> {
        let height = u32::from(self.height.levels());
        let tile_level = u8::try_from(level.checked_div(height)?).ok()?;
        let level_in_tile = level.checked_rem(height)?;
        // So many nodes of this level lie in one tile.
        let nodes = u64::from(self.height.full_width()).checked_shr(level_in_tile)?;
        let tile = self.tiles.get(&(tile_level, node.checked_div(nodes)?))?;
        tile.node(level_in_tile, node.checked_rem(nodes)?)
    }
}

#[cfg(test)]
mod tests;
