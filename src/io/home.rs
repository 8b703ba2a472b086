//! The folder of all state.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::durable::{sweep, sync_folder, temporary_name, write_new};
use super::failpoint;

/// How many files of evidence may be of one fork and one second, before something is wrong that
/// would fill the disk.
const MAX_EVIDENCE_OF_A_SECOND: u32 = 1_000;

/// So many false tiles of a log are kept; a server that goes on giving them cannot fill the disk.
const MAX_FALSE_TILES: usize = 100;

/// The folder below which everything is kept.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
    read_only: bool,
}

/// Why the home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// It is not there and cannot be created, or it is no folder.
    #[error("cannot use {} as the home of all state: {cause}: name another folder with --home", path.display())]
    Open {
        /// The home.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// A file in it cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
}

impl Home {
    /// Opens the folder, and creates it if it is not there, for its owner alone.
    ///
    /// # Errors
    /// [`HomeError::Open`]
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        let error = |cause| HomeError::Open {
            path: path.to_owned(),
            cause,
        };
        create_private_folder(path).map_err(error)?;
        failpoint::pass("home: the folder is there");
        if !fs::metadata(path).map_err(error)?.is_dir() {
            return Err(error(io::Error::from(io::ErrorKind::NotADirectory)));
        }
        // A folder that cannot even be listed is no home.
        sweep(path).map_err(error)?;
        let read_only = match probe_write(path) {
            Ok(()) => false,
            Err(cause) if is_read_only(&cause) => true,
            // A full disk can still be read; the write that matters will tell.
            Err(cause) if cause.kind() == io::ErrorKind::StorageFull => false,
            Err(cause) => return Err(error(cause)),
        };
        Ok(Self {
            path: path.to_owned(),
            read_only,
        })
    }

    /// A home on which nothing can be written, whoever runs the test.
    #[cfg(test)]
    pub(super) fn read_only(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            read_only: true,
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing can be kept.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The SQLite database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("sumcheck.db")
    }

    /// The folder of a log's tiles; a `/` in its name is a subfolder.
    #[must_use]
    pub fn tile_folder(&self, log: &str) -> PathBuf {
        self.path.join("tiles").join(log_folder(log))
    }

    /// The folder of what audits of a log note of module versions; a `/` in its name is a subfolder.
    #[must_use]
    pub fn seen_folder(&self, log: &str) -> PathBuf {
        self.path.join("audit/seen").join(log_folder(log))
    }

    /// The same of audits that began in the middle of a log.
    #[must_use]
    pub fn seen_since_folder(&self, log: &str) -> PathBuf {
        self.path.join("audit/seen-since").join(log_folder(log))
    }

    /// Locks the watch of this home for this process, for as long as the file is open. `None` if
    /// another one watches.
    ///
    /// # Errors
    /// [`HomeError::Write`]
    pub fn lock_watch(&self) -> Result<Option<File>, HomeError> {
        self.lock(&self.path.join("watch.lock"))
    }

    /// Locks the audits of a log for this process, for as long as the file is open. `None` if another
    /// one has them.
    ///
    /// # Errors
    /// [`HomeError::Write`]
    pub fn lock_audit(&self, log: &str) -> Result<Option<File>, HomeError> {
        let name = format!("{}.lock", escaped_name(log));
        self.lock(&self.path.join("audit").join(name))
    }

    fn lock(&self, path: &Path) -> Result<Option<File>, HomeError> {
        let error = |cause| HomeError::Write {
            path: path.to_owned(),
            cause,
        };
        create_private_folder(path.parent().unwrap_or(&self.path)).map_err(error)?;
        let file = File::create(path).map_err(error)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(error(cause)),
        }
    }

    /// Keeps what a server gave for a tile of a log and that is none, for whoever asks the server's
    /// owner. `None` if there is enough of it, or it cannot be written.
    #[must_use]
    pub fn keep_false_tile(&self, log: &str, tile: &str, bytes: &[u8]) -> Option<PathBuf> {
        let folder = self.path.join("audit/false").join(log_folder(log));
        create_private_folder(&folder).ok()?;
        if fs::read_dir(&folder).ok()?.count() >= MAX_FALSE_TILES {
            return None;
        }
        for attempt in 1..=MAX_FALSE_TILES {
            let path = folder.join(format!("{}-{attempt}", tile.replace('/', "-")));
            match write_new(&path, bytes) {
                Ok(()) => return Some(path),
                Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => return None,
                Err(_) if fs::read(&path).is_ok_and(|kept| kept == bytes) => return Some(path),
                Err(_) => {}
            }
        }
        None
    }

    /// The folder of a log's mirror, in the log's own layout.
    #[must_use]
    pub fn mirror_folder(&self, log: &str) -> PathBuf {
        self.path.join("mirror").join(log_folder(log))
    }

    /// The folder of the index of a mirror.
    #[must_use]
    pub fn names_folder(&self, log: &str) -> PathBuf {
        self.path.join("audit/names").join(log_folder(log))
    }

    /// The files of evidence, oldest first; none if there never was any.
    ///
    /// # Errors
    /// [`HomeError::Open`]
    pub fn evidence_files(&self) -> Result<Vec<PathBuf>, HomeError> {
        let folder = self.path.join("evidence");
        let error = |cause| HomeError::Open {
            path: folder.clone(),
            cause,
        };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(error(cause)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(error)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Writes a new file of evidence; an older one is never overwritten.
    ///
    /// # Errors
    /// [`HomeError::Write`]
    pub fn write_evidence(&self, log: &str, stem: &str, text: &[u8]) -> Result<PathBuf, HomeError> {
        let folder = self.path.join("evidence");
        let error = |path: &Path, cause| HomeError::Write {
            path: path.to_owned(),
            cause,
        };
        create_private_folder(&folder)
            .and_then(|()| sync_folder(&self.path))
            .and_then(|()| sweep(&folder))
            .map_err(|cause| error(&folder, cause))?;
        let log = escaped_name(log);
        for attempt in 1..=MAX_EVIDENCE_OF_A_SECOND {
            let suffix = if attempt == 1 {
                String::new()
            } else {
                format!("-{attempt}")
            };
            let path = folder.join(format!("{log}-{stem}{suffix}.json"));
            match write_new(&path, text) {
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(error(&path, cause)),
                Ok(()) => return Ok(path),
            }
        }
        Err(error(
            &folder,
            io::Error::from(io::ErrorKind::AlreadyExists),
        ))
    }
}

/// A log's name as a relative folder. The name is a host and perhaps a path; whatever could lead
/// out of the folder is escaped all the same.
fn log_folder(log: &str) -> PathBuf {
    log.split('/')
        .filter(|part| !part.is_empty())
        .map(escaped_name)
        .collect()
}

/// A name that is one plain element of a path.
fn escaped_name(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            escaped.push(char::from(byte));
        } else if byte == b'.' && !escaped.is_empty() {
            escaped.push('.');
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn probe_write(folder: &Path) -> io::Result<()> {
    let path = temporary_name(&folder.join("probe"));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    failpoint::pass("home: the probe is written");
    fs::remove_file(&path)
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_log_leads_out_of_the_home() {
        for (log, folder) in [
            ("sum.golang.org", "sum.golang.org"),
            ("log.example/go/sums", "log.example/go/sums"),
            ("../../etc", "%2E./%2E./etc"),
            ("/etc/", "etc"),
            ("a\\b:c", "a%5Cb%3Ac"),
            ("a/./b//c", "a/%2E/b/c"),
            ("new\nline\0", "new%0Aline%00"),
            ("%2E%2E", "%252E%252E"),
        ] {
            assert_eq!(log_folder(log), PathBuf::from(folder));
            assert!(
                !log_folder(log)
                    .components()
                    .any(|part| part.as_os_str() == "..")
            );
        }
        assert_eq!(escaped_name("log.example/go"), "log.example%2Fgo");
    }

    #[test]
    fn evidence_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("new/home")).unwrap();
        let first = home
            .write_evidence("log.example/x", "20261122T000000Z-abcd", b"first")
            .unwrap();
        let second = home
            .write_evidence("log.example/x", "20261122T000000Z-abcd", b"second")
            .unwrap();
        assert_eq!(fs::read(&first).unwrap(), b"first");
        assert_eq!(fs::read(&second).unwrap(), b"second");
        assert!(first.ends_with("evidence/log.example%2Fx-20261122T000000Z-abcd.json"));
        assert_eq!(
            fs::read_dir(folder.path().join("new/home/evidence"))
                .unwrap()
                .count(),
            2
        );
    }

    #[test]
    fn a_home_that_is_a_file_says_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Home::open(file.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot use {} as the home", file.path().display())));
        assert!(
            error.ends_with("name another folder with --home"),
            "{error}"
        );
    }

    #[test]
    fn a_home_below_a_file_cannot_be_created() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let home = file.path().join("home");
        assert_eq!(
            Home::open(&home).unwrap_err().to_string(),
            format!(
                "cannot use {} as the home of all state: Not a directory (os error 20): name \
                 another folder with --home",
                home.display()
            )
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_new_home_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("a/b")).unwrap();
        let mode = fs::metadata(home.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(!home.is_read_only());
    }

    #[cfg(unix)]
    #[test]
    fn a_home_without_write_permission_is_read_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let read_only = fs::Permissions::from_mode(0o500);
        fs::set_permissions(folder.path(), read_only).unwrap();
        if File::create(folder.path().join("probe")).is_ok() {
            eprintln!("SKIPPED: this user ignores permissions");
            return;
        }
        let home = Home::open(folder.path()).unwrap();
        assert!(home.is_read_only());
        let error = home
            .write_evidence("log.example", "x", b"")
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("evidence: Permission denied (os error 13)"),
            "{error}"
        );
    }

    #[test]
    fn opening_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        Home::open(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
