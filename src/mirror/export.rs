//! The files of a mirror: counted, pruned, and copied for a web server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::io::mirror::MirrorFolder;
use crate::prover::HEIGHT;
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::tile::{Tile, TileLevel};

/// How much there is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Files.
    pub files: u64,
    /// Their length.
    pub bytes: u64,
}

impl Holding {
    fn add(&mut self, metadata: &fs::Metadata) {
        self.files += 1;
        self.bytes += metadata.len();
    }
}

/// Counts the files below a folder.
///
/// # Errors
/// What the system says.
pub fn measure(folder: &Path) -> io::Result<Holding> {
    let mut holding = Holding::default();
    for_each_file(folder, &mut |_, metadata| {
        holding.add(metadata);
        Ok(())
    })?;
    Ok(holding)
}

/// Removes the partial tiles that are not at the right edge of this head: wider ones have replaced them.
///
/// # Errors
/// What the system says.
pub fn prune(folder: &MirrorFolder, head: TreeHead) -> io::Result<Holding> {
    let mut removed = Holding::default();
    let root = folder.path().to_owned();
    for_each_file(folder.path(), &mut |path, metadata| {
        let relative = path.strip_prefix(&root).ok().and_then(Path::to_str);
        let tile = relative.and_then(|path| Tile::parse_path(path).ok());
        if tile.is_some_and(|tile| is_former_edge(&tile, head)) {
            fs::remove_file(path)?;
            removed.add(metadata);
            // Its folder goes with the last one in it.
            let _ = path.parent().map(fs::remove_dir);
        }
        Ok(())
    })?;
    Ok(removed)
}

fn is_former_edge(tile: &Tile, head: TreeHead) -> bool {
    let level = match tile.level() {
        TileLevel::Data => 0,
        TileLevel::Hashes(level) => level,
    };
    let in_tree = Tile::in_tree(HEIGHT, level, tile.index(), head.size());
    !tile.is_full() && in_tree.is_some_and(|in_tree| in_tree.width() > tile.width())
}

/// Copies all that a web server needs: what is under the head, and nothing else. Files are linked where
/// that is possible.
///
/// # Errors
/// What the system says.
pub fn copy(from: &MirrorFolder, to: &Path, head: TreeHead, note: &str) -> io::Result<Holding> {
    let mut copied = Holding::default();
    let root = from.path().to_owned();
    for_each_file(from.path(), &mut |path, metadata| {
        let Ok(relative) = path.strip_prefix(&root) else {
            return Ok(());
        };
        let tile = relative
            .to_str()
            .and_then(|path| Tile::parse_path(path).ok());
        let is_wanted = match tile {
            Some(tile) => is_under(&tile, head),
            None => relative.starts_with("lookup"),
        };
        if is_wanted {
            put(path, &to.join(relative))?;
            copied.add(metadata);
        }
        Ok(())
    })?;
    fs::write(to.join("supported"), b"")?;
    // The head last: whoever sees it finds all that is under it.
    let latest = to.join(".latest.tmp");
    fs::write(&latest, note)?;
    fs::rename(latest, to.join("latest"))?;
    Ok(copied)
}

fn is_under(tile: &Tile, head: TreeHead) -> bool {
    let level = match tile.level() {
        TileLevel::Data => 0,
        TileLevel::Hashes(level) => level,
    };
    let in_tree = Tile::in_tree(HEIGHT, level, tile.index(), head.size());
    in_tree.is_some_and(|in_tree| in_tree.width() == tile.width())
}

fn put(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Files of a mirror are never written to, only replaced.
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

fn for_each_file(
    folder: &Path,
    visit: &mut impl FnMut(&Path, &fs::Metadata) -> io::Result<()>,
) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            // Batches that are being written begin with a dot.
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if kind.is_dir() && !is_hidden {
                folders.push(entry.path());
            } else if kind.is_file() && !is_hidden {
                visit(&entry.path(), &entry.metadata()?)?;
            }
        }
    }
    Ok(())
}
