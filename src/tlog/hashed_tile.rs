//! A tile as a little tree: its hashes and all that they hash to inside the tile.

use super::hash::{HASH_BYTES, Hash, node_hashes};
use super::tile::Tile;

/// The hashes of a tile and the roots of all perfect subtrees that lie inside it.
///
/// Whose hashes they are is open until
/// [`AuthenticTiles::authenticate`](super::tile_auth::AuthenticTiles::authenticate) has placed the
/// tile in a tree; hashing needs no tree, so it can be done as tiles arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedTile {
    /// The tile's own hashes, then for each level above them the nodes that are complete.
    levels: Vec<Vec<Hash>>,
}

/// The bytes are not as many as the tile has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{tile} has {found} bytes instead of {expected}", expected = tile.hash_bytes())]
pub struct WrongTileLength {
    /// Which tile.
    pub tile: Tile,
    /// Length that came, in bytes.
    pub found: usize,
}

impl HashedTile {
    /// Takes the bytes of a hash tile and hashes them up.
    ///
    /// # Errors
    /// [`WrongTileLength`]
    pub fn parse(tile: &Tile, bytes: &[u8]) -> Result<Self, WrongTileLength> {
        let (hashes, []) = bytes.as_chunks::<HASH_BYTES>() else {
            return Err(WrongTileLength {
                tile: *tile,
                found: bytes.len(),
            });
        };
        if bytes.len() != tile.hash_bytes() {
            return Err(WrongTileLength {
                tile: *tile,
                found: bytes.len(),
            });
        }
        let hashes = hashes.iter().map(|bytes| Hash::from_bytes(*bytes));
        Ok(Self::of(hashes.collect()))
    }

    /// Hashes these up.
    #[must_use]
    pub fn of(hashes: Vec<Hash>) -> Self {
        let mut levels = Vec::new();
        let mut level = hashes;
        while level.len() > 1 {
            let (pairs, _) = level.as_chunks::<2>();
            let above = node_hashes(pairs);
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// The tile's own hashes.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        self.levels.first().map(Vec::as_slice).unwrap_or_default()
    }

    /// The root over all hashes, if they are a power of two.
    #[must_use]
    pub fn perfect_root(&self) -> Option<Hash> {
        let width = self.hashes().len();
        let [root] = self.levels.last()?.as_slice() else {
            return None;
        };
        width.is_power_of_two().then_some(*root)
    }

    /// The bytes that were parsed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let hashes = self.hashes();
        let mut bytes = Vec::with_capacity(hashes.len().saturating_mul(HASH_BYTES));
        for hash in hashes {
            bytes.extend_from_slice(hash.as_bytes());
        }
        bytes
    }

    /// The root of the perfect subtree of 2^level of the tile's hashes with this number.
    pub(super) fn node(&self, level: u32, node: u64) -> Option<Hash> {
        let level = self.levels.get(usize::try_from(level).ok()?)?;
        level.get(usize::try_from(node).ok()?).copied()
    }

    /// The root over all hashes of a full tile.
    pub(super) fn full_root(&self, tile: &Tile) -> Option<Hash> {
        self.node(u32::from(tile.height().levels()), 0)
    }

    /// The roots of the perfect subtrees into which the tile falls, largest first: one for each
    /// set bit of its width.
    pub(super) fn subtree_roots(&self) -> impl Iterator<Item = Hash> + '_ {
        // A level of odd length ends in a subtree that finds no neighbour.
        self.levels
            .iter()
            .rev()
            .filter(|level| level.len() & 1 == 1)
            .filter_map(|l| l.last().copied())
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::super::hash::record_hash;
    use super::super::range::CompactRange;
    use super::*;

    fn tile_of(hashes: &[Hash]) -> (Tile, Vec<u8>) {
        let path = format!("tile/4/0/000.p/{}", hashes.len());
        let path = if hashes.len() == 16 {
            "tile/4/0/000"
        } else {
            &path
        };
        let bytes = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        (Tile::parse_path(path).unwrap(), bytes)
    }

    #[test]
    fn its_subtrees_are_those_of_a_tree_of_its_width() {
        let mut range = CompactRange::empty();
        let mut hashes = Vec::new();
        for number in 0..16_u8 {
            let hash = record_hash(&[number]);
            hashes.push(hash);
            range.append(hash).unwrap();
            let (tile, bytes) = tile_of(&hashes);
            let hashed = HashedTile::parse(&tile, &bytes).unwrap();
            let roots: Vec<Hash> = hashed.subtree_roots().collect();
            assert_eq!(roots, range.subtree_roots(), "width {}", hashes.len());
            assert_eq!(hashed.to_bytes(), bytes);
            let full = (hashes.len() == 16).then(|| range.root());
            assert_eq!(hashed.full_root(&tile), full);
        }
    }

    #[test]
    fn a_byte_too_few_or_too_many_is_told() {
        let (tile, bytes) = tile_of(&[record_hash(b"a"), record_hash(b"b")]);
        for length in [0, 1, 32, 63, 65, 96] {
            let mut bytes = bytes.clone();
            bytes.resize(length, 0);
            let error = HashedTile::parse(&tile, &bytes).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("tile/4/0/000.p/2 has {length} bytes instead of 64")
            );
        }
    }
}
