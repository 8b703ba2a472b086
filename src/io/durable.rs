//! Files that survive a power cut, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A name in the same folder that nobody else uses. Random: in containers that share a home, and
/// in one that is started again and again, all processes have the same number.
pub(super) fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{:016x}.tmp", fastrand::u64(..)))
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
        file.write_all(bytes)?;
        file.sync_all()?;
        // A link fails where the name is taken; a rename would overwrite.
        fs::hard_link(&temporary, path)?;
        sync_folder(path.parent().unwrap_or(Path::new(".")))
    })();
    let _ = fs::remove_file(&temporary);
    written
}

/// Makes names in a folder durable, where the system can.
fn sync_folder(folder: &Path) -> io::Result<()> {
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
}
