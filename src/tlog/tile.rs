//! Tiles: runs of hashes at one level of the tree, with coordinates and a path to fetch them by.
//!
//! Specification: C2SP tlog-tiles section "Merkle Tree"; the checksum database's older form of it
//! carries the height in the path (`tile/8/0/x001/234.p/56`).

use std::fmt;

use super::MAX_TREE_SIZE;
use super::hash::HASH_BYTES;

/// Number of tree levels that one tile spans; a full tile has 2^height hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileHeight(u8);

/// The largest height: 2^30 hashes are 32 GiB, and no path may ask for more.
const MAX_HEIGHT: u8 = 30;

/// C2SP tlog-tiles: levels are 0 to 63.
const MAX_LEVEL: u8 = 63;

impl TileHeight {
    /// The height of the Go checksum database's tiles: 256 hashes, 8 KiB.
    pub const EIGHT: Self = Self(8);

    /// A height from 1 to 30.
    #[must_use]
    pub const fn new(height: u8) -> Option<Self> {
        if height >= 1 && height <= MAX_HEIGHT {
            Some(Self(height))
        } else {
            None
        }
    }

    /// The height as a number of tree levels.
    #[must_use]
    pub const fn levels(self) -> u8 {
        self.0
    }

    /// Number of hashes in a full tile.
    #[must_use]
    pub const fn full_width(self) -> u32 {
        1_u32.wrapping_shl(self.bits())
    }

    /// The tree level of the hashes in a tile of this level, if any tree is that high.
    fn tree_level(self, tile_level: u8) -> Option<u32> {
        let level = self.bits().checked_mul(u32::from(tile_level))?;
        (level < u64::BITS).then_some(level)
    }

    const fn bits(self) -> u32 {
        // `u32::from` is not const; a u8 always fits.
        #[allow(clippy::as_conversions)]
        let bits = self.0 as u32;
        bits
    }
}

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileLevel {
    /// The records themselves.
    Data,
    /// Hashes: level 0 are record hashes, level n the roots of full tiles of level n - 1.
    Hashes(u8),
}

/// The coordinates of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    height: TileHeight,
    level: TileLevel,
    index: u64,
    width: u32,
}

/// Why numbers or a path are no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Height outside 1 to 30.
    #[error("a tile's height is 1 to {MAX_HEIGHT}")]
    Height,
    /// Level above 63.
    #[error("a tile's level is 0 to {MAX_LEVEL}")]
    Level,
    /// Width 0, or more than a full tile.
    #[error("a tile's width is 1 to 2^height")]
    Width,
    /// Index beyond what 2^63 - 1 records can fill.
    #[error("a tile's index is at most {MAX_TREE_SIZE}")]
    Index,
    /// Not a path, or not the one path of its tile.
    #[error("not the path of a tile, such as tile/8/0/x001/234 or tile/8/1/005.p/67")]
    Path,
}

impl Tile {
    /// A tile of the first `width` entries.
    ///
    /// # Errors
    /// [`TileError`] for the coordinate that is out of bounds.
    pub fn new(
        height: TileHeight,
        level: TileLevel,
        index: u64,
        width: u32,
    ) -> Result<Self, TileError> {
        if matches!(level, TileLevel::Hashes(level) if level > MAX_LEVEL) {
            return Err(TileError::Level);
        }
        if index > MAX_TREE_SIZE {
            return Err(TileError::Index);
        }
        if width == 0 || width > height.full_width() {
            return Err(TileError::Width);
        }
        Ok(Self {
            height,
            level,
            index,
            width,
        })
    }

    /// The hash tile at these coordinates as wide as a tree of `tree_size` records makes it;
    /// `None` where that tree has no such tile.
    #[must_use]
    pub fn in_tree(height: TileHeight, level: u8, index: u64, tree_size: u64) -> Option<Self> {
        let hashes = hashes_at_level(height, level, tree_size);
        let first = index.checked_mul(u64::from(height.full_width()))?;
        let width = hashes
            .checked_sub(first)?
            .min(u64::from(height.full_width()));
        let width = u32::try_from(width).ok()?;
        Self::new(height, TileLevel::Hashes(level), index, width).ok()
    }

    /// The partial tile at the right edge of a level; `None` where the level ends in a full tile
    /// or has no hashes.
    #[must_use]
    pub fn right_edge(height: TileHeight, level: u8, tree_size: u64) -> Option<Self> {
        let hashes = hashes_at_level(height, level, tree_size);
        let tile = Self::in_tree(height, level, climb(hashes, height), tree_size)?;
        (!tile.is_full()).then_some(tile)
    }

    /// Number of levels of the tree that a tile spans.
    #[must_use]
    pub const fn height(&self) -> TileHeight {
        self.height
    }

    /// What the tile holds.
    #[must_use]
    pub const fn level(&self) -> TileLevel {
        self.level
    }

    /// Which tile of its level, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of entries.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Whether the tile will never grow.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == self.height.full_width()
    }

    /// The same tile when the log will have grown past it.
    #[must_use]
    pub const fn full(&self) -> Self {
        Self {
            width: self.height.full_width(),
            ..*self
        }
    }

    /// Length of a hash tile in bytes.
    #[must_use]
    pub fn hash_bytes(&self) -> usize {
        usize::try_from(self.width)
            .unwrap_or(usize::MAX)
            .saturating_mul(HASH_BYTES)
    }

    /// The coordinates of the hash tile that holds this tile's root, and the position there.
    pub(super) fn parent(&self) -> Option<(u8, u64, u64)> {
        let TileLevel::Hashes(level) = self.level else {
            return None;
        };
        let position = self.index & u64::from(self.height.full_width()).wrapping_sub(1);
        Some((
            level.checked_add(1)?,
            climb(self.index, self.height),
            position,
        ))
    }

    /// The path below the log's URL.
    #[must_use]
    pub fn path(&self) -> String {
        self.to_string()
    }

    /// Reads a path; every tile has exactly one.
    ///
    /// # Errors
    /// [`TileError`] for every text that [`Tile::path`] would not give.
    pub fn parse_path(path: &str) -> Result<Self, TileError> {
        /// The longest path: 63-bit numbers in groups of three digits.
        const MAX_PATH_BYTES: usize = 64;
        if path.len() > MAX_PATH_BYTES {
            return Err(TileError::Path);
        }
        let rest = path.strip_prefix("tile/").ok_or(TileError::Path)?;
        let (height, rest) = rest.split_once('/').ok_or(TileError::Path)?;
        let (level, rest) = rest.split_once('/').ok_or(TileError::Path)?;
        let height = height
            .parse()
            .ok()
            .and_then(TileHeight::new)
            .ok_or(TileError::Height)?;
        let level = match level {
            "data" => TileLevel::Data,
            number => TileLevel::Hashes(number.parse().map_err(|_| TileError::Level)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| TileError::Width)?),
            None => (rest, height.full_width()),
        };
        let mut number = 0_u64;
        for group in index.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let digits: u64 = digits.parse().map_err(|_| TileError::Path)?;
            number = number
                .checked_mul(GROUP)
                .and_then(|number| number.checked_add(digits))
                .ok_or(TileError::Index)?;
        }
        let tile = Self::new(height, level, number, width)?;
        // Leading zeros, signs, missing groups and the width of a full tile all end here.
        if tile.path() == path {
            Ok(tile)
        } else {
            Err(TileError::Path)
        }
    }
}

/// Indices are written in groups of three digits, all but the last with an `x` before them.
const GROUP: u64 = 1000;

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.height.0)?;
        match self.level {
            TileLevel::Data => f.write_str("data/")?,
            TileLevel::Hashes(level) => write!(f, "{level}/")?,
        }
        let mut divisor = 1_u64;
        while self
            .index
            .checked_div(divisor)
            .is_some_and(|rest| rest >= GROUP)
        {
            divisor = divisor.saturating_mul(GROUP);
        }
        while divisor > 0 {
            let group = self
                .index
                .checked_div(divisor)
                .unwrap_or(0)
                .wrapping_rem(GROUP);
            divisor = divisor.wrapping_div(GROUP);
            if divisor > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if !self.is_full() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// Number of hashes that a tree has at a tile level: of full subtrees of that height.
#[must_use]
pub fn hashes_at_level(height: TileHeight, level: u8, tree_size: u64) -> u64 {
    height
        .tree_level(level)
        .and_then(|level| tree_size.checked_shr(level))
        .unwrap_or(0)
}

/// The number of the tile that a hash lies in, or of the hash that a tile becomes one level up.
pub(super) fn climb(number: u64, height: TileHeight) -> u64 {
    number.checked_shr(height.bits()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn height(levels: u8) -> TileHeight {
        TileHeight::new(levels).unwrap()
    }

    #[test]
    fn paths_and_coordinates_are_one_to_one() {
        for (path, level, index, width) in [
            ("tile/8/0/000", TileLevel::Hashes(0), 0, 256),
            ("tile/8/1/005.p/67", TileLevel::Hashes(1), 5, 67),
            ("tile/8/0/x001/234", TileLevel::Hashes(0), 1234, 256),
            (
                "tile/8/0/x001/x234/067.p/1",
                TileLevel::Hashes(0),
                1_234_067,
                1,
            ),
            ("tile/8/data/x001/000", TileLevel::Data, 1000, 256),
            ("tile/8/63/000", TileLevel::Hashes(63), 0, 256),
        ] {
            let tile = Tile::new(height(8), level, index, width).unwrap();
            assert_eq!(tile.path(), path);
            assert_eq!(Tile::parse_path(path), Ok(tile));
        }
    }

    #[test]
    fn a_path_that_is_not_the_tiles_own_is_refused() {
        for (path, error) in [
            ("tile/8/64/000", TileError::Level),
            ("tile/8/-1/000", TileError::Level),
            ("tile/8/00/000", TileError::Path),
            ("tile/08/0/000", TileError::Path),
            ("tile/0/0/000", TileError::Height),
            ("tile/31/0/000", TileError::Height),
            ("tile/8/0/1", TileError::Path),
            ("tile/8/0/0000", TileError::Path),
            ("tile/8/0/x000/000", TileError::Path),
            ("tile/8/0/001/000", TileError::Path),
            ("tile/8/0/X001/000", TileError::Path),
            ("tile/8/0/x001", TileError::Path),
            ("tile/8/0/+01", TileError::Path),
            ("tile/8/0/000.p/256", TileError::Path),
            ("tile/8/0/000.p/257", TileError::Width),
            ("tile/8/0/000.p/0", TileError::Width),
            ("tile/8/0/000.p/01", TileError::Path),
            ("tile/8/0/000.p/1/", TileError::Width),
            ("tile/8/0/000/", TileError::Path),
            ("/tile/8/0/000", TileError::Path),
            (
                "tile/8/0/x018/x446/x744/x073/x709/x551/615",
                TileError::Index,
            ),
            (
                "tile/8/0/x999/x999/x999/x999/x999/x999/x999/999",
                TileError::Index,
            ),
            ("", TileError::Path),
        ] {
            assert_eq!(Tile::parse_path(path), Err(error), "{path}");
        }
    }

    #[test]
    fn tiles_are_as_wide_as_the_tree_makes_them() {
        let width = |level, index, size| {
            Tile::in_tree(height(8), level, index, size).map(|tile| tile.width())
        };
        assert_eq!(width(0, 0, 0), None);
        assert_eq!(width(0, 0, 1), Some(1));
        assert_eq!(width(0, 0, 256), Some(256));
        assert_eq!(width(0, 1, 256), None);
        assert_eq!(width(1, 0, 256), Some(1));
        assert_eq!(width(0, 1, 257), Some(1));
        assert_eq!(width(1, 0, 65_535), Some(255));
        assert_eq!(width(7, 0, MAX_TREE_SIZE), Some(127));
        assert_eq!(width(8, 0, MAX_TREE_SIZE), None);
        assert_eq!(width(0, u64::MAX, MAX_TREE_SIZE), None);
    }

    #[test]
    fn a_level_that_ends_in_a_full_tile_has_no_right_edge() {
        assert_eq!(Tile::right_edge(height(8), 0, 512), None);
        assert_eq!(Tile::right_edge(height(8), 1, 512).unwrap().width(), 2);
        assert_eq!(
            Tile::right_edge(height(8), 0, 513).unwrap().path(),
            "tile/8/0/002.p/1"
        );
        assert_eq!(
            Tile::right_edge(height(1), 3, 8).unwrap().path(),
            "tile/1/3/000.p/1"
        );
    }

    #[test]
    fn a_partial_tile_will_be_full_some_day() {
        let partial = Tile::parse_path("tile/8/1/002.p/7").unwrap();
        assert_eq!(partial.full(), Tile::parse_path("tile/8/1/002").unwrap());
        assert_eq!(partial.full().full(), partial.full());
    }
}
