//! Small files that the user or an administrator wrote for the go command.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// A megabyte is a thousand times what anybody writes by hand; more is a mistake (GOENV=/dev/zero)
/// that must not fill the memory.
const MAX_SETTINGS_FILE_BYTES: u64 = 1 << 20;

/// Why a file that exists cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFileError {
    /// The operating system says no.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Larger than any real one.
    #[error("it is larger than {MAX_SETTINGS_FILE_BYTES} bytes")]
    TooLarge,
}

/// The content of a file. `None` if it does not exist, or if that cannot be told because its
/// folder may not be looked into: a container often runs with the HOME of another user, Go works
/// there, and so must this.
///
/// It need not be a regular file: `GOENV=/dev/null` and `NETRC=<(…)` work with Go.
pub(in crate::io) fn read(path: &Path) -> Result<Option<Vec<u8>>, SettingsFileError> {
    if path.metadata().is_err() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_SETTINGS_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size <= MAX_SETTINGS_FILE_BYTES) {
        Ok(Some(bytes))
    } else {
        Err(SettingsFileError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(size: u64) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(size).unwrap();
        file
    }

    #[test]
    fn a_file_of_the_largest_size_is_read_and_one_byte_more_is_refused() {
        let largest = read(write(MAX_SETTINGS_FILE_BYTES).path())
            .unwrap()
            .unwrap();
        assert_eq!(largest.len(), 1 << 20);
        let error = read(write(MAX_SETTINGS_FILE_BYTES + 1).path()).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 1048576 bytes");
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_device_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 1048576 bytes");
        assert_eq!(read(Path::new("/dev/null")).unwrap(), Some(Vec::new()));
    }

    #[test]
    fn what_does_not_exist_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join("none")).unwrap().is_none());
        let file = write(3);
        assert!(read(&file.path().join("below/a/file")).unwrap().is_none());
    }

    #[test]
    fn what_exists_and_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(matches!(error, SettingsFileError::Read(_)), "{error}");
    }
}
