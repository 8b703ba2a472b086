//! Tiles as files, in the log's own layout. What is read is authenticated by the reader each
//! time; what is written was authenticated before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::Batch;
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::tile::Tile;

/// How many names in a folder of partial tiles are looked at: twice the widths of a tile of height
/// 8. A folder that somebody filled up cannot keep the reader busy.
const MAX_PARTIAL_TILES: usize = 512;

/// Reads tiles below a folder: the home's own, or one that the go command keeps.
#[derive(Debug, Clone)]
pub struct TileReader {
    folder: PathBuf,
}

impl TileReader {
    /// A reader of `FOLDER/tile/…`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The bytes of a tile, if a file has them: that of the tile itself, of the full tile, or of
    /// a wider partial one, cut to the width.
    #[must_use]
    pub fn read(&self, tile: &Tile) -> Option<Vec<u8>> {
        let wanted = tile.hash_bytes();
        read_exactly(&self.folder.join(tile.path()), wanted, wanted).or_else(|| {
            if tile.is_full() {
                return None;
            }
            let full = tile.full();
            read_exactly(&self.folder.join(full.path()), full.hash_bytes(), wanted)
                .or_else(|| self.read_wider(tile))
        })
    }

    fn read_wider(&self, tile: &Tile) -> Option<Vec<u8>> {
        let path = self.folder.join(tile.path());
        let wider = fs::read_dir(path.parent()?)
            .ok()?
            .take(MAX_PARTIAL_TILES)
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .filter(|width| *width > tile.width())
            .min()?;
        let wider = Tile::new(tile.height(), tile.level(), tile.index(), wider).ok()?;
        read_exactly(
            &self.folder.join(wider.path()),
            wider.hash_bytes(),
            tile.hash_bytes(),
        )
    }
}

/// The first `wanted` bytes of a regular file that has just `length`.
fn read_exactly(path: &Path, length: usize, wanted: usize) -> Option<Vec<u8>> {
    let mut file = open_without_waiting(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() != u64::try_from(length).ok()? {
        return None;
    }
    let mut bytes = vec![0; wanted];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Opens for reading. A pipe that somebody put there would otherwise block until it is written to.
fn open_without_waiting(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    }
    options.open(path)
}

/// The home's tiles of one log.
#[derive(Debug, Clone)]
pub struct TileCache {
    reader: TileReader,
}

/// A tile could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write tiles below {}: {cause}", folder.display())]
pub struct TileWriteError {
    folder: PathBuf,
    #[source]
    cause: io::Error,
}

impl TileCache {
    /// The tiles below `FOLDER/tile/…`; the folder need not exist.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            reader: TileReader { folder },
        }
    }

    /// Reads what was written.
    #[must_use]
    pub const fn reader(&self) -> &TileReader {
        &self.reader
    }

    /// Writes tiles: first all of them into a temporary folder, then, once they are on the disk,
    /// each to its place. A crash leaves whole tiles, or the temporary folder for a later run to
    /// sweep.
    ///
    /// # Errors
    /// [`TileWriteError`]; tiles that are in their place by then stay there.
    pub fn write(&self, tiles: &[(Tile, Arc<HashedTile>)]) -> Result<(), TileWriteError> {
        if tiles.is_empty() {
            return Ok(());
        }
        self.write_batch(tiles).map_err(|cause| TileWriteError {
            folder: self.reader.folder.clone(),
            cause,
        })
    }

    fn write_batch(&self, tiles: &[(Tile, Arc<HashedTile>)]) -> io::Result<()> {
        let batch = Batch::begin(&self.reader.folder)?;
        for (tile, hashed) in tiles {
            batch.add(&tile.path(), &hashed.to_bytes())?;
        }
        batch.commit()
    }
}

#[cfg(test)]
mod tests;
