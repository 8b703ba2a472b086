//! Tiles as files, in the log's own layout. What is read is authenticated by the reader each
//! time; what is written was authenticated before.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::durable::temporary_name;
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::tile::Tile;

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
    // Looking before opening keeps a pipe in a hostile folder from blocking the reader.
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() != u64::try_from(length).ok()? {
        return None;
    }
    let mut bytes = vec![0; wanted];
    File::open(path).ok()?.read_exact(&mut bytes).ok()?;
    Some(bytes)
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

    /// Writes tiles, all or as many as fit; a crash leaves whole files and temporary ones.
    ///
    /// # Errors
    /// [`TileWriteError`]
    pub fn write(&self, tiles: &[(Tile, Arc<HashedTile>)]) -> Result<(), TileWriteError> {
        let mut temporary = Vec::with_capacity(tiles.len());
        let written = self.write_all(tiles, &mut temporary);
        if written.is_err() {
            for (path, _) in &temporary {
                let _ = fs::remove_file(path);
            }
        }
        written.map_err(|cause| TileWriteError {
            folder: self.reader.folder.clone(),
            cause,
        })
    }

    fn write_all(
        &self,
        tiles: &[(Tile, Arc<HashedTile>)],
        temporary: &mut Vec<(PathBuf, PathBuf)>,
    ) -> io::Result<()> {
        for (tile, hashed) in tiles {
            let path = self.reader.folder.join(tile.path());
            let new = temporary_name(&path);
            temporary.push((new.clone(), path));
            create_in_folder(&new)?.write_all(&hashed.to_bytes())?;
        }
        let Some((first, _)) = temporary.first() else {
            return Ok(());
        };
        sync_all(first, temporary)?;
        for (new, path) in temporary.iter() {
            fs::rename(new, path)?;
        }
        Ok(())
    }
}

fn create_in_folder(path: &Path) -> io::Result<File> {
    match File::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            File::create_new(path)
        }
        created => created,
    }
}

/// One sync of the file system instead of one for each of thousands of files.
#[cfg(target_os = "linux")]
fn sync_all(first: &Path, _temporary: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    rustix::fs::syncfs(File::open(first)?)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn sync_all(_first: &Path, temporary: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    temporary
        .iter()
        .try_for_each(|(path, _)| File::open(path)?.sync_all())
}

#[cfg(test)]
mod tests;
