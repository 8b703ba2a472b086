//! The hashes of what lies on a disk.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::golang::dirhash::{DirHashError, H1, H1Error};
use crate::golang::module::ModuleVersion;
use crate::golang::modzip::{Limits, ModZipError, ModZipHasher};

/// What is read of a file at once.
const CHUNK_BYTES: usize = 1 << 17;

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub(super) enum HashingError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The archive could be read in two ways.
    #[error(transparent)]
    Zip(#[from] ModZipError),
    /// The list of files has no hash.
    #[error(transparent)]
    Files(#[from] DirHashError),
    /// The text that should be a hash is none.
    #[error(transparent)]
    Text(#[from] H1Error),
    /// The go command writes nothing but files and folders.
    #[error("{} is neither a file nor a folder", .0.display())]
    Kind(PathBuf),
    /// The names of a module's files are UTF-8.
    #[error("{} is not UTF-8", .0.display())]
    Name(PathBuf),
}

/// The hash of a module zip, which is read once.
///
/// # Errors
/// [`HashingError`]
pub(super) fn zip_h1(module: &ModuleVersion, zip: &mut File) -> Result<H1, HashingError> {
    let mut hasher = ModZipHasher::new(module, Limits::default())?;
    read(zip, |bytes| Ok(hasher.push(bytes)?))?;
    Ok(hasher.finish()?.h1())
}

fn read(
    file: &mut File,
    mut take: impl FnMut(&[u8]) -> Result<(), HashingError>,
) -> Result<(), HashingError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut chunk)?;
        match chunk.get(..length) {
            None | Some([]) => return Ok(()),
            Some(bytes) => take(bytes)?,
        }
    }
}

/// The hash of a module's extracted files, as golang.org/x/mod/sumdb/dirhash, `HashDir`; stricter in
/// that links are refused, which the go command never writes there.
///
/// # Errors
/// [`HashingError`]
pub(super) fn folder_h1(module: &ModuleVersion, folder: &Path) -> Result<H1, HashingError> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), module.to_string())];
    while let Some((folder, name)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let Some(below) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(HashingError::Name(path));
            };
            let name = format!("{name}/{below}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push((path, name));
            } else if kind.is_file() {
                let mut content = Sha256::new();
                read(&mut File::open(&path)?, |bytes| {
                    content.update(bytes);
                    Ok(())
                })?;
                files.push((name, content.finalize().into()));
            } else {
                return Err(HashingError::Kind(path));
            }
        }
    }
    let files = files.iter().map(|(name, hash)| (name.as_str(), *hash));
    Ok(H1::of_files(files)?)
}
