//! A mirror of a log: a folder in the log's own URL layout, which any web server can serve.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::batch::Batch;
use super::durable::sweep_all;
use super::tiles::TileReader;
use crate::tlog::tile::Tile;

/// The folder of a mirror. What is read from it is checked by the reader each time; what is written to
/// it was authenticated before.
#[derive(Debug, Clone)]
pub struct MirrorFolder {
    path: PathBuf,
    tiles: TileReader,
}

/// Files that go into a mirror together, or not at all.
#[derive(Debug)]
pub struct NewFiles(Batch);

impl MirrorFolder {
    /// The mirror in this folder, which need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            tiles: TileReader::new(&path),
            path,
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its tiles of hashes.
    #[must_use]
    pub const fn tiles(&self) -> &TileReader {
        &self.tiles
    }

    /// A tile of records: that of just this width, or the full one.
    #[must_use]
    pub fn data_tile(&self, tile: &Tile) -> Option<Vec<u8>> {
        let read = |tile: &Tile| fs::read(self.path.join(tile.path())).ok();
        read(tile).or_else(|| read(&tile.full()).filter(|_| !tile.is_full()))
    }

    /// A file of any other name.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    /// Removes what a process that was killed has left of its writing. Only who holds the lock of the
    /// log's audits may do so.
    ///
    /// # Errors
    /// What the system says.
    pub fn sweep(&self) -> io::Result<()> {
        match sweep_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Begins to write.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(&self) -> io::Result<NewFiles> {
        Batch::begin(&self.path).map(NewFiles)
    }
}

impl NewFiles {
    /// Writes a file that belongs at this path of the log's URL layout; from any thread.
    ///
    /// # Errors
    /// What the system says.
    pub fn add(&self, place: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.add(place, bytes)
    }

    /// Puts all files into their places, on the disk.
    ///
    /// # Errors
    /// What the system says.
    pub fn commit(self) -> io::Result<()> {
        self.0.commit_durably()
    }
}
