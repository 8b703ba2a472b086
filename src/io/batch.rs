//! Many files that are written together: none is in its place before all of them are on the disk.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::durable::{sweep, temporary_name};
use super::failpoint;

/// Up to here, syncing each file is quicker than a sync of the file system, which also waits for
/// whatever other programs have written.
pub(super) const FEW_FILES: usize = 16;

/// Files below one folder: first in a temporary one, then each in its place. A crash leaves whole
/// files, or the temporary folder for a later run to sweep.
#[derive(Debug)]
pub(super) struct Batch {
    folder: PathBuf,
    staging: PathBuf,
    /// Where each staged file belongs; its number is its name meanwhile.
    places: Mutex<Vec<PathBuf>>,
}

impl Batch {
    /// Makes the folder if it is not there.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        failpoint::pass("batch: nothing is written");
        fs::create_dir_all(folder)?;
        sweep(folder)?;
        let staging = temporary_name(&folder.join("batch"));
        fs::create_dir(&staging)?;
        failpoint::pass("batch: the temporary folder is there");
        Ok(Self {
            folder: folder.to_owned(),
            staging,
            places: Mutex::default(),
        })
    }

    /// Writes a file that belongs at this path below the folder; from any thread.
    pub(super) fn add(&self, place: &str, bytes: &[u8]) -> io::Result<()> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let number = places.len();
        places.push(PathBuf::from(place));
        drop(places);
        let mut file = File::create_new(self.staged(number))?;
        failpoint::pass("batch: a file is there, with nothing in it");
        file.write_all(bytes)?;
        failpoint::pass("batch: a file is written");
        Ok(())
    }

    /// Brings all files onto the disk and then into their places.
    pub(super) fn commit(self) -> io::Result<()> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        self.sync(places.len())?;
        failpoint::pass("batch: all files are on the disk");
        for (number, place) in places.iter().enumerate() {
            rename_into_folder(&self.staged(number), &self.folder.join(place))?;
            failpoint::pass("batch: a file is in its place");
        }
        Ok(())
    }

    /// As [`Batch::commit`], and the names are on the disk as well when it returns.
    pub(super) fn commit_durably(self) -> io::Result<()> {
        let folder = self.folder.clone();
        self.commit()?;
        sync_names(&folder)?;
        failpoint::pass("batch: all names are on the disk");
        Ok(())
    }

    fn staged(&self, number: usize) -> PathBuf {
        self.staging.join(number.to_string())
    }

    fn sync(&self, files: usize) -> io::Result<()> {
        if files > FEW_FILES && sync_file_system(&self.staging)? {
            return Ok(());
        }
        (0..files).try_for_each(|number| File::open(self.staged(number))?.sync_all())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // What is left in it is of no use; if it cannot be removed now, it is swept some day.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

/// Renames, and creates the folder if that is what is missing.
fn rename_into_folder(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(to.parent().unwrap_or(Path::new(".")))?;
            fs::rename(from, to)
        }
        renamed => renamed,
    }
}

/// One sync for thousands of files, where the system has it: a tenth of the time.
#[cfg(target_os = "linux")]
fn sync_file_system(folder: &Path) -> io::Result<bool> {
    rustix::fs::syncfs(File::open(folder)?)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_folder: &Path) -> io::Result<bool> {
    Ok(false)
}

/// All names below a folder.
fn sync_names(folder: &Path) -> io::Result<()> {
    if sync_file_system(folder)? {
        return Ok(());
    }
    super::durable::sync_folder(folder)
}
