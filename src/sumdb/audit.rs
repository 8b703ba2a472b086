//! The replay of a whole log: what can be said of each data tile by itself, and what only the tree
//! can tell.
//!
//! A tile is read and hashed alone ([`ReadTile`]), in any order and on any processor. In the order of
//! the log its hashes then go into a [`Replay`], which compares the root at every known head.

use std::collections::BTreeMap;
use std::fmt;

use super::data_tile::{DataTile, DataTileError};
use crate::golang::dirhash::H1;
use crate::golang::module::{ModuleVersion, is_plain};
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::hash::{Hash, record_hashes};
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::range::{CompactRange, RangeError};
use crate::tlog::tile::{Tile, TileHeight, TileLevel};

/// The checksum database's tiles have this height.
const HEIGHT: TileHeight = TileHeight::EIGHT;
const TILE_RECORDS: u64 = 256;
const TILE_LEVELS: u32 = 8;

/// A data tile with the hashes of its records. Whose they are is open until they are compared.
#[derive(Debug, Clone)]
pub struct ReadTile<'a> {
    texts: DataTile<'a>,
    hashed: HashedTile,
}

impl<'a> ReadTile<'a> {
    /// Splits and hashes a tile of `width` records. The full tile in the place of a partial one is
    /// cut (C2SP tlog-tiles section "Partial Tiles").
    ///
    /// # Errors
    /// [`DataTileError`]
    pub fn read(bytes: &'a [u8], width: u32) -> Result<Self, DataTileError> {
        let texts = match DataTile::parse(bytes, width) {
            Err(error) if (1..HEIGHT.full_width()).contains(&width) => {
                let full = DataTile::parse(bytes, HEIGHT.full_width());
                full.map_err(|_| error)?.cut(width)
            }
            parsed => parsed?,
        };
        let hashed = HashedTile::of(record_hashes(texts.texts()));
        Ok(Self { texts, hashed })
    }

    /// The texts in the order of the log.
    #[must_use]
    pub fn texts(&self) -> &[&'a str] {
        self.texts.texts()
    }

    /// The hashes of the records, and what they hash to.
    #[must_use]
    pub const fn hashed(&self) -> &HashedTile {
        &self.hashed
    }

    /// The same, without the texts.
    #[must_use]
    pub fn into_hashed(self) -> HashedTile {
        self.hashed
    }
}

/// What a record says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look<'a> {
    /// Path and version in its first line.
    pub first: Option<(&'a str, &'a str)>,
    /// Those in other lines that are of another module version.
    pub others: Vec<(&'a str, &'a str)>,
    /// What is strange about it.
    pub anomaly: Option<Anomaly>,
}

/// Looks at a record by itself.
#[must_use]
pub fn look(text: &str) -> Look<'_> {
    let first = named(text);
    if let Some((path, version)) = first
        && is_usual(text, path, version)
    {
        return Look {
            first,
            others: Vec::new(),
            anomaly: of_module(path, version),
        };
    }
    let lines = text.split_inclusive('\n').skip(1);
    let mut others: Vec<_> = lines.filter_map(named).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|other| Some(*other) != first);
    Look {
        first,
        others,
        anomaly: first.map_or(Some(Anomaly::Malformed), |(path, version)| {
            unusual(text, path, version)
        }),
    }
}

/// The first two words of a line: which module version it is about.
fn named(text: &str) -> Option<(&str, &str)> {
    let word = |text: &'_ str| first_end(text.as_bytes());
    let (path, rest) = text.split_at_checked(word(text)?)?;
    let rest = rest.strip_prefix(' ')?;
    let version = rest.get(..word(rest)?)?;
    let version = version.strip_suffix("/go.mod").unwrap_or(version);
    Some((path, version))
}

/// Where the first space or newline is.
fn first_end(bytes: &[u8]) -> Option<usize> {
    let is_end = |byte: &u8| (*byte == b' ') | (*byte == b'\n');
    let (chunks, _) = bytes.as_chunks::<16>();
    // Without a way out of the middle, a chunk is looked at in a few instructions.
    let has_end = |chunk: &&[u8; 16]| chunk.iter().fold(false, |found, byte| found | is_end(byte));
    let before = chunks.iter().take_while(|chunk| !has_end(chunk)).count();
    let before = before.checked_mul(16)?;
    let place = bytes.get(before..)?.iter().position(is_end)?;
    before.checked_add(place)
}

/// What is strange about a record, and no misbehaviour of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A line is not a module, a version and a hash.
    Malformed,
    /// Its lines are of several module versions.
    SeveralModules,
    /// golang.org/x/mod/module rejects the path or the version.
    Module,
    /// The version is not in its canonical form.
    Version,
    /// A hash is none, or has not 32 bytes.
    Hash,
    /// There is no line for the go.mod.
    NoGoMod,
    /// There is no line for the zip.
    NoZip,
    /// There is more than one line for a file.
    SeveralLines,
    /// The same record stands in the log before.
    Repeated,
}

impl Anomaly {
    /// The word for it in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::SeveralModules => "several-modules",
            Self::Module => "module",
            Self::Version => "version",
            Self::Hash => "hash",
            Self::NoGoMod => "no-go-mod",
            Self::NoZip => "no-zip",
            Self::SeveralLines => "several-lines",
            Self::Repeated => "repeated",
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "a line is not a module, a version and a hash",
            Self::SeveralModules => "its lines are of several module versions",
            Self::Module => "no module can have this path or version",
            Self::Version => "the version is not in its canonical form",
            Self::Hash => "a hash is not h1: and 32 bytes",
            Self::NoGoMod => "there is no line for the go.mod",
            Self::NoZip => "there is no line for the zip",
            Self::SeveralLines => "there is more than one line for a file",
            Self::Repeated => "the same record stands in the log before",
        })
    }
}

fn unusual(text: &str, path: &str, version: &str) -> Option<Anomaly> {
    let (mut zips, mut go_mods) = (0_u32, 0_u32);
    for line in text.lines() {
        let mut words = line.split(' ');
        let (Some(its_path), Some(its_version), Some(hash), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Some(Anomaly::Malformed);
        };
        let count = match its_version.strip_suffix("/go.mod") {
            Some(its_version) if its_path == path && its_version == version => &mut go_mods,
            None if its_path == path && its_version == version => &mut zips,
            _ => return Some(Anomaly::SeveralModules),
        };
        *count = count.saturating_add(1);
        if H1::parse(hash).is_err() {
            return Some(Anomaly::Hash);
        }
    }
    if let Some(anomaly) = of_module(path, version) {
        return Some(anomaly);
    }
    match (zips, go_mods) {
        (1, 1) => None,
        (0, _) => Some(Anomaly::NoZip),
        (_, 0) => Some(Anomaly::NoGoMod),
        _ => Some(Anomaly::SeveralLines),
    }
}

/// Whether it is one line for the zip and one for the go.mod, as nearly all records are.
fn is_usual(text: &str, path: &str, version: &str) -> bool {
    const HASH_CHARS: usize = 47;
    let usual = || {
        let names = path.len().checked_add(1)?.checked_add(version.len())?;
        let (names, rest) = text.split_at_checked(names)?;
        let (zip_hash, rest) = rest.strip_prefix(' ')?.split_at_checked(HASH_CHARS)?;
        let rest = rest.strip_prefix('\n')?.strip_prefix(names)?;
        let rest = rest.strip_prefix("/go.mod ")?;
        let (go_mod_hash, end) = rest.split_at_checked(HASH_CHARS)?;
        Some(end == "\n" && H1::is_text(zip_hash) && H1::is_text(go_mod_hash))
    };
    usual() == Some(true)
}

fn of_module(path: &str, version: &str) -> Option<Anomaly> {
    if is_plain(path, version) {
        return None;
    }
    match ModuleVersion::new(path, version) {
        Err(_) => Some(Anomaly::Module),
        Ok(module) if module.version().canonical() != *module.version() => Some(Anomaly::Version),
        Ok(_) => None,
    }
}

/// The root of the records is not the one that the log signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the first {} records hash to {computed}, and the log signed {}", head.size(), head.root())]
pub struct OtherRoot {
    /// The head that was signed.
    pub head: TreeHead,
    /// The root that the records have.
    pub computed: Hash,
}

/// Why a tile could not be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The records are not those that the log signed.
    #[error(transparent)]
    OtherRoot(#[from] OtherRoot),
    /// It does not follow what was replayed so far.
    #[error("tile {index} does not follow a range of {size} records")]
    NotNext {
        /// Number of the tile.
        index: u64,
        /// Size of the range in records.
        size: u64,
    },
    /// The log is larger than a log can be.
    #[error(transparent)]
    Range(#[from] RangeError),
}

/// The log as it is replayed: all records so far in a compact range.
#[derive(Debug, Clone)]
pub struct Replay {
    range: CompactRange,
    heads: BTreeMap<u64, TreeHead>,
}

impl Replay {
    /// Goes on behind a range. Of the heads those count that are not smaller.
    #[must_use]
    pub fn new(range: CompactRange, heads: impl IntoIterator<Item = TreeHead>) -> Self {
        let heads = heads.into_iter().map(|head| (head.size(), head));
        let mut heads: BTreeMap<u64, TreeHead> = heads.collect();
        heads.retain(|size, _| *size > range.size());
        Self { range, heads }
    }

    /// Everything so far.
    #[must_use]
    pub const fn range(&self) -> &CompactRange {
        &self.range
    }

    /// The data tiles that are still to come up to a size, in order. The first one may have records
    /// that are replayed already.
    pub fn tiles(&self, size: u64) -> impl Iterator<Item = Tile> + use<> {
        let first = self.range.size().checked_div(TILE_RECORDS).unwrap_or(0);
        let end = if self.range.size() < size {
            size.div_ceil(TILE_RECORDS)
        } else {
            first
        };
        (first..end).filter_map(move |index| {
            let begin = index.checked_mul(TILE_RECORDS)?;
            let width = size.checked_sub(begin)?.min(TILE_RECORDS);
            let width = u32::try_from(width).ok()?;
            Tile::new(HEIGHT, TileLevel::Data, index, width).ok()
        })
    }

    /// Appends the hashes of the tile with this index, and compares the root at each known head in it.
    /// Returns how many heads that were.
    ///
    /// # Errors
    /// [`ReplayError`]; the range is then unchanged.
    pub fn append(&mut self, index: u64, tile: &HashedTile) -> Result<usize, ReplayError> {
        let begin = index.saturating_mul(TILE_RECORDS);
        if begin > self.range.size() {
            let size = self.range.size();
            return Err(ReplayError::NotNext { index, size });
        }
        let mut range = self.range.clone();
        let mut compared = 0_usize;
        let known = range.size().saturating_sub(begin);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let end = begin.saturating_add(u64::try_from(tile.hashes().len()).unwrap_or(u64::MAX));
        let heads_inside = self.heads.range(..end).next().is_some();
        match tile.perfect_root() {
            Some(root) if known == 0 && !heads_inside && tile.hashes().len() == 256 => {
                range.append_subtree(TILE_LEVELS, root)?;
                compared = compared.saturating_add(self.compare(&range)?);
            }
            _ => {
                for hash in tile.hashes().iter().skip(known) {
                    range.append(*hash)?;
                    compared = compared.saturating_add(self.compare(&range)?);
                }
            }
        }
        self.heads.retain(|size, _| *size > range.size());
        self.range = range;
        Ok(compared)
    }

    fn compare(&self, range: &CompactRange) -> Result<usize, OtherRoot> {
        let Some(head) = self.heads.get(&range.size()) else {
            return Ok(0);
        };
        let computed = range.root();
        if computed == head.root() {
            Ok(1)
        } else {
            Err(OtherRoot {
                head: *head,
                computed,
            })
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tlog::hash::record_hash;

    const HASH: &str = "h1:/ZObjBqWevD1ug7akA7rx7xBJuQoYUOcWtaP87reXLk=";

    fn text(number: u64) -> String {
        let path = format!("example.com/m{number}");
        format!("{path} v1.0.0 {HASH}\n{path} v1.0.0/go.mod {HASH}\n")
    }

    fn tile(records: std::ops::Range<u64>) -> String {
        records.map(|number| text(number) + "\n").collect()
    }

    fn head(size: u64) -> TreeHead {
        let mut range = CompactRange::empty();
        for number in 0..size {
            range.append(record_hash(text(number).as_bytes())).unwrap();
        }
        TreeHead::new(size, range.root())
    }

    fn append(replay: &mut Replay, tile_of: Tile) -> Result<usize, ReplayError> {
        let begin = tile_of.index() * 256;
        let bytes = tile(begin..begin + u64::from(tile_of.width()));
        let read = ReadTile::read(bytes.as_bytes(), tile_of.width()).unwrap();
        replay.append(tile_of.index(), read.hashed())
    }

    #[test]
    fn a_log_is_replayed_to_all_its_heads() {
        for size in [1, 255, 256, 257, 700, 1024] {
            let heads = [1, 100, 256, 300, 512, 700, 1024].map(head);
            let inside = heads.iter().filter(|head| head.size() <= size).count();
            let mut replay = Replay::new(CompactRange::empty(), heads);
            let mut compared = 0;
            for tile in replay.tiles(size) {
                compared += append(&mut replay, tile).unwrap();
            }
            assert_eq!(compared, inside, "{size}");
            assert_eq!(replay.range().root(), head(size).root());
        }
    }

    #[test]
    fn a_replay_goes_on_where_it_ended() {
        for stop in [1, 255, 256, 257, 600] {
            let mut first = Replay::new(CompactRange::empty(), []);
            for tile in first.tiles(stop) {
                append(&mut first, tile).unwrap();
            }
            let mut second = Replay::new(first.range().clone(), [head(700)]);
            let mut compared = 0;
            for tile in second.tiles(700) {
                compared += append(&mut second, tile).unwrap();
            }
            assert_eq!(compared, 1, "{stop}");
            assert_eq!(second.tiles(700).count(), 0);
        }
    }

    #[test]
    fn another_root_is_told_and_changes_nothing() {
        let wrong = TreeHead::new(300, head(299).root());
        let mut replay = Replay::new(CompactRange::empty(), [wrong]);
        let tiles: Vec<Tile> = replay.tiles(512).collect();
        append(&mut replay, tiles[0]).unwrap();
        let error = append(&mut replay, tiles[1]).unwrap_err();
        assert!(matches!(error, ReplayError::OtherRoot(other) if other.head == wrong));
        assert_eq!(replay.range().size(), 256);
        let out_of_turn = append(&mut Replay::new(CompactRange::empty(), []), tiles[1]);
        assert_eq!(out_of_turn, Err(ReplayError::NotNext { index: 1, size: 0 }));
    }

    #[test]
    fn what_is_strange_about_a_record_is_named() {
        let module = "example.com/m v1.0.0";
        let both = format!("{module} {HASH}\n{module}/go.mod {HASH}\n");
        let short = "h1:AAAA";
        for (text, expected) in [
            (both.clone(), None),
            (format!("{module} {HASH}\n"), Some(Anomaly::NoGoMod)),
            (format!("{module}/go.mod {HASH}\n"), Some(Anomaly::NoZip)),
            (
                format!("{both}{module} {HASH}\n"),
                Some(Anomaly::SeveralLines),
            ),
            (
                format!("{both}x.example/y v1.0.0 {HASH}\n"),
                Some(Anomaly::SeveralModules),
            ),
            (format!("{module}\n"), Some(Anomaly::Malformed)),
            ("garbage\n".to_owned(), Some(Anomaly::Malformed)),
            (both.replace(HASH, short), Some(Anomaly::Hash)),
            (both.replace("v1.0.0", "v1.0"), Some(Anomaly::Version)),
            (
                both.replace("example.com/m", "example.com/../m"),
                Some(Anomaly::Module),
            ),
        ] {
            assert_eq!(look(&text).anomaly, expected, "{text}");
        }
    }
}
