//! What an audit puts into a mirror: each tile after its check, and the index of module versions.

use std::io;
use std::sync::Arc;

use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use super::read::{Read, leaves_of};
use crate::io::home::Home;
use crate::io::mirror::{MirrorFolder, NewFiles};
use crate::io::names::{self, NameBatch, NamesExtent, NamesWriter};
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::tile::Tile;
use crate::tlog::tile_auth::AuthenticTiles;

/// Pieces of writing that are under way; whoever adds one more waits.
const WRITES_AT_ONCE: usize = 6;

/// A mirror that grows.
pub(super) struct Keeper {
    folder: MirrorFolder,
    names: Option<NamesWriter>,
    names_folder: std::path::PathBuf,
    batch: NameBatch,
    files: Option<Arc<NewFiles>>,
    writes: JoinSet<io::Result<()>>,
    /// One that is being sorted and written; then it comes back to be filled again.
    segment: Option<JoinHandle<io::Result<NameBatch>>>,
    merging: Option<JoinHandle<io::Result<NamesWriter>>>,
    /// Records below this index are in it.
    pub(super) size: u64,
}

impl Keeper {
    pub(super) fn open(
        home: &Home,
        log: &str,
        size: u64,
        extent: Option<NamesExtent>,
    ) -> io::Result<Self> {
        let names_folder = home.names_folder(log);
        let names = extent.map(|extent| NamesWriter::open(&names_folder, extent));
        let folder = MirrorFolder::new(home.mirror_folder(log));
        folder.sweep()?;
        Ok(Self {
            folder,
            names: names.transpose()?,
            names_folder,
            batch: NameBatch::default(),
            files: None,
            writes: JoinSet::new(),
            segment: None,
            merging: None,
            size,
        })
    }

    /// Takes tiles that are authentic.
    pub(super) async fn take(&mut self, stretch: Vec<Read>) -> io::Result<()> {
        let files = self.files()?;
        if let Some(names) = &mut self.names {
            for read in &stretch {
                let is_new = |index: u64| index >= self.size;
                self.batch.append_if(&read.names, is_new);
            }
            if self.batch.is_full() {
                let next = written(&mut self.segment).await?;
                let segment = names.plan(std::mem::replace(&mut self.batch, next));
                self.segment = Some(spawn_blocking(move || segment.write()));
            }
        }
        self.writes.spawn_blocking(move || {
            for read in stretch {
                if let Some(content) = &read.content {
                    files.add(&read.tile.path(), content)?;
                }
                if let Some(leaves) = leaves_of(&read.tile) {
                    files.add(&leaves.path(), &read.hashed.to_bytes())?;
                }
            }
            Ok(())
        });
        wait(&mut self.writes, WRITES_AT_ONCE).await
    }

    /// Takes all tiles of hashes above the lowest level that are full.
    pub(super) fn take_above(&mut self, authentic: &AuthenticTiles) -> io::Result<()> {
        let files = self.files()?;
        for (tile, hashed) in authentic.iter() {
            if tile.is_full() && leaves_of(&tile) != Some(tile) {
                files.add(&tile.path(), &hashed.to_bytes())?;
            }
        }
        Ok(())
    }

    /// Takes the tiles at the right edge of a signed head, and the head.
    pub(super) fn take_edge(
        &mut self,
        edge: &[(Tile, Arc<HashedTile>)],
        note: &str,
    ) -> io::Result<()> {
        let files = self.files()?;
        for (tile, hashed) in edge {
            files.add(&tile.path(), &hashed.to_bytes())?;
        }
        files.add("supported", b"")?;
        files.add("latest", note.as_bytes())
    }

    /// Begins to merge the index, with all that was taken in it: the end of an audit has other things to
    /// do meanwhile.
    pub(super) async fn begin_to_merge(&mut self, is_end: bool) -> io::Result<()> {
        let next = written(&mut self.segment).await?;
        let Some(mut names) = self.names.take() else {
            return Ok(());
        };
        let batch = std::mem::replace(&mut self.batch, next);
        self.merging = Some(spawn_blocking(move || {
            if !batch.is_empty() {
                names.plan(batch).write()?;
            }
            names.merge(is_end)?;
            Ok(names)
        }));
        Ok(())
    }

    /// Brings everything onto the disk. From then on what this gives counts, once it is kept.
    pub(super) async fn flush(&mut self, is_end: bool) -> io::Result<Vec<u8>> {
        self.begin_to_merge(is_end).await?;
        wait(&mut self.writes, 1).await?;
        if let Some(merging) = self.merging.take() {
            self.names = Some(merging.await.map_err(io::Error::other)??);
        }
        let files = self.files.take().and_then(Arc::into_inner);
        let folder = self.names.is_some().then(|| self.names_folder.clone());
        let flushed = spawn_blocking(move || {
            if let Some(folder) = folder {
                names::sync(&folder)?;
            }
            files.map_or(Ok(()), NewFiles::commit)
        });
        flushed.await.map_err(io::Error::other)??;
        let extent = self.names.as_ref().map(|names| names.extent().to_bytes());
        Ok(extent.unwrap_or_default())
    }

    /// Removes what does not count any more, once the extent is kept.
    pub(super) fn sweep(&self) -> io::Result<()> {
        self.names.as_ref().map_or(Ok(()), NamesWriter::sweep)
    }

    /// The files of the mirror.
    pub(super) const fn folder(&self) -> &MirrorFolder {
        &self.folder
    }

    fn files(&mut self) -> io::Result<Arc<NewFiles>> {
        if let Some(files) = &self.files {
            return Ok(Arc::clone(files));
        }
        let files = Arc::new(self.folder.begin()?);
        self.files = Some(Arc::clone(&files));
        Ok(files)
    }
}

/// The batch of a segment that was under way, or a new one.
async fn written(segment: &mut Option<JoinHandle<io::Result<NameBatch>>>) -> io::Result<NameBatch> {
    match segment.take() {
        Some(written) => written.await.map_err(io::Error::other)?,
        None => Ok(NameBatch::default()),
    }
}

/// Until fewer pieces than this are under way.
async fn wait(writes: &mut JoinSet<io::Result<()>>, pieces: usize) -> io::Result<()> {
    while writes.len() >= pieces {
        match writes.join_next().await {
            Some(written) => written.map_err(io::Error::other)??,
            None => break,
        }
    }
    Ok(())
}
