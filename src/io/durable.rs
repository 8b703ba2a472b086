//! Files that survive a power cut, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failpoint;

/// When a temporary file is surely nobody's: what makes one uses it within seconds.
const STALE_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A name in the same folder that nobody else uses. Random: in containers that share a home, and
/// in one that is started again and again, all processes have the same number.
pub(super) fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{:016x}.tmp", fastrand::u64(..)))
}

/// Removes what processes that died left under temporary names.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    sweep_older(folder, STALE_AFTER)
}

/// The same where nobody else can be at work: whoever calls holds a lock.
pub(super) fn sweep_all(folder: &Path) -> io::Result<()> {
    sweep_older(folder, Duration::ZERO)
}

fn sweep_older(folder: &Path, stale_after: Duration) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if !name.starts_with(b".") || !name.ends_with(b".tmp") {
            continue;
        }
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        let age = metadata
            .modified()
            .ok()
            .and_then(|time| time.elapsed().ok());
        if age.is_none_or(|age| age < stale_after) {
            continue;
        }
        // Another process may be sweeping as well, and a read-only folder stays as it is.
        let _ = if metadata.is_dir() {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
    }
    Ok(())
}

/// Writes a file that must not exist yet: temporary file, sync, link under the final name, sync of
/// the folder.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_name(path);
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        failpoint::pass("a new file: nothing is in it");
        file.write_all(bytes)?;
        failpoint::pass("a new file: it is written");
        file.sync_all()?;
        failpoint::pass("a new file: it is on the disk");
        // A link fails where the name is taken; a rename would overwrite.
        fs::hard_link(&temporary, path)?;
        failpoint::pass("a new file: it has its name");
        sync_folder(path.parent().unwrap_or(Path::new(".")))?;
        failpoint::pass("a new file: its name is on the disk");
        Ok(())
    })();
    let _ = fs::remove_file(&temporary);
    written
}

/// Makes names in a folder durable, where the system can.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_temporary_files_have_one_name() {
        let names = [(); 2].map(|()| temporary_name(Path::new("/home/probe")));
        assert_ne!(names[0], names[1]);
        assert!(names[0].starts_with("/home/") && names[0].to_str().unwrap().ends_with(".tmp"));
    }

    #[test]
    fn only_temporary_files_that_are_stale_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let stale = std::time::SystemTime::UNIX_EPOCH;
        for name in [".old.tmp", ".hidden", "old.tmp", "sumcheck.db"] {
            let file = File::create(path(name)).unwrap();
            file.set_modified(stale).unwrap();
        }
        File::create(path(".new.tmp")).unwrap();
        fs::create_dir(path(".batch.tmp")).unwrap();
        fs::write(path(".batch.tmp/0"), b"tile").unwrap();
        let batch = File::open(path(".batch.tmp")).unwrap();
        batch.set_modified(stale).unwrap();

        sweep(folder.path()).unwrap();

        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [".hidden", ".new.tmp", "old.tmp", "sumcheck.db"]);
        sweep_all(folder.path()).unwrap();
        assert!(!path(".new.tmp").exists() && path("old.tmp").exists());
    }
}
