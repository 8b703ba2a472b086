//! Proven files on disk, in the layout of a module proxy, so that `GOPROXY=file://…` works on them.
//!
//! Whatever stands there was proven before it got its name. It is hashed again at its first use by
//! this process, and whenever the file is not the one that was hashed: somebody may have written to
//! the disk.

pub mod holdings;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::holdings::USE_IS_FRESH;
use super::account::Judgement;
use super::target::ModuleFile;
use crate::golang::module::ModuleVersion;
use crate::io::home::Home;

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Length in bytes.
    pub length: u64,
    modified_ns: i128,
    changed_ns: i128,
    inode: u64,
}

impl Stamp {
    /// The state of an open file.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let nanoseconds =
                |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
            Ok(Self {
                length: metadata.len(),
                modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
                changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
                inode: metadata.ino(),
            })
        }
        #[cfg(not(unix))]
        {
            let modified = metadata.modified()?.duration_since(std::time::UNIX_EPOCH);
            Ok(Self {
                length: metadata.len(),
                modified_ns: modified.map_or(0, |time| time.as_nanos().cast_signed().into()),
                changed_ns: 0,
                inode: 0,
            })
        }
    }
}

impl Stamp {
    /// What tells a client that it has this state already (RFC 9110 section 8.8.3).
    #[must_use]
    pub fn entity_tag(&self) -> String {
        format!(
            "\"{:x}-{:x}-{:x}\"",
            self.inode, self.length, self.changed_ns
        )
    }
}

/// Other processes may share the home, and fetch: no download is silent for so long.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// The folder of proven files, and how this process has judged them.
#[derive(Debug)]
pub struct Cache {
    files: PathBuf,
    incoming: PathBuf,
    set_aside: PathBuf,
    used: PathBuf,
    judged: Mutex<JudgedFiles>,
    released_bytes: AtomicU64,
}

/// Under which rules a file was judged: with other rules another era begins.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Era(u64);

#[derive(Debug, Default)]
struct JudgedFiles {
    era: Era,
    files: HashMap<(ModuleVersion, ModuleFile), Judged>,
}

/// A file that this process has hashed and judged.
#[derive(Debug)]
struct Judged {
    stamp: Stamp,
    judgement: Arc<Judgement>,
    /// When its use was last written down.
    marked: Instant,
}

impl Cache {
    /// The proven files below a home.
    #[must_use]
    pub fn new(home: &Home) -> Self {
        Self::below(home, home.path())
    }

    /// The files below a home that nothing proves and that were let through nevertheless, since
    /// rules are only observed. No file of it is in the folder of proven ones.
    #[must_use]
    pub fn of_observed(home: &Home) -> Self {
        Self::below(home, &home.path().join("observed"))
    }

    fn below(home: &Home, folder: &Path) -> Self {
        Self {
            files: folder.join("download"),
            used: folder.join("used"),
            incoming: home.path().join("incoming"),
            set_aside: home.path().join("set-aside"),
            judged: Mutex::default(),
            released_bytes: AtomicU64::new(0),
        }
    }

    /// Removes what processes that were killed have left half-fetched.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.incoming) else {
            return;
        };
        for entry in entries.flatten() {
            let arrived = entry.metadata().and_then(|metadata| metadata.modified());
            let silent = arrived.is_ok_and(|arrived| {
                let since = arrived.elapsed();
                since.is_ok_and(|since| since > ABANDONED)
            });
            if silent {
                // Another process may sweep as well.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Where a file stands once it is proven.
    #[must_use]
    pub fn path(&self, module: &ModuleVersion, file: ModuleFile) -> PathBuf {
        let name = format!("{}.{}", module.version().escaped(), file.extension());
        self.files
            .join(module.path().escaped())
            .join("@v")
            .join(name)
    }

    /// Opens a file, if it is there.
    ///
    /// # Errors
    /// What the system says, but for a file that is not there.
    pub fn open(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> io::Result<Option<(File, Stamp)>> {
        let opened = match File::open(self.path(module, file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if !opened.metadata()?.is_file() {
            return Ok(None);
        }
        let stamp = Stamp::of(&opened)?;
        Ok(Some((opened, stamp)))
    }

    /// How just this file was judged by this process, if it let it through.
    #[must_use]
    pub fn judgement(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
        stamp: Stamp,
    ) -> Option<Arc<Judgement>> {
        let (judgement, is_marked) = {
            let mut judged = self.judged();
            let known = judged.files.get_mut(&(module.clone(), file))?;
            if known.stamp != stamp {
                return None;
            }
            let is_marked = known.marked.elapsed() < USE_IS_FRESH;
            if !is_marked {
                known.marked = Instant::now();
            }
            (Arc::clone(&known.judgement), is_marked)
        };
        if !is_marked {
            self.mark_used(module);
        }
        Some(judgement)
    }

    /// Remembers that just this file was let through, unless other rules are in force since.
    pub fn set_judged(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
        stamp: Stamp,
        era: Era,
        judgement: Judgement,
    ) {
        {
            let mut judged = self.judged();
            if judged.era != era {
                return;
            }
            let known = Judged {
                stamp,
                judgement: Arc::new(judgement),
                marked: Instant::now(),
            };
            judged.files.insert((module.clone(), file), known);
        }
        self.mark_used(module);
    }

    /// The file is hashed and judged again before it is given out.
    pub(super) fn forget(&self, module: &ModuleVersion, file: ModuleFile) {
        self.judged().files.remove(&(module.clone(), file));
    }

    /// The era that lasts.
    #[must_use]
    pub fn era(&self) -> Era {
        self.judged().era
    }

    /// Every file is hashed and judged again before it is given out, those as well that are being
    /// judged now.
    pub fn begin_era(&self) {
        let mut judged = self.judged();
        judged.era = Era(judged.era.0.wrapping_add(1));
        judged.files.clear();
    }

    fn judged(&self) -> MutexGuard<'_, JudgedFiles> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new temporary file, outside of what is served.
    ///
    /// # Errors
    /// What the system says.
    pub fn incoming(&self) -> io::Result<Incoming> {
        fs::create_dir_all(&self.incoming)?;
        let path = self
            .incoming
            .join(format!("{:016x}.part", fastrand::u64(..)));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(Incoming { path, file })
    }

    /// The folder of what is served.
    pub(super) fn files(&self) -> &Path {
        &self.files
    }

    /// The folder of marks: the time of each is that of the last use of a module version.
    pub(super) fn used(&self) -> &Path {
        &self.used
    }

    /// Gives a file that was proven its place. It is not forced onto the disk: after a power cut
    /// the next process hashes it again before it gives it out, and fetches it if it is damaged.
    ///
    /// # Errors
    /// What the system says.
    pub fn release(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
        incoming: &Incoming,
        era: Era,
        judgement: Judgement,
    ) -> io::Result<()> {
        let path = self.path(module, file);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        fs::rename(&incoming.path, &path)?;
        let stamp = Stamp::of(&incoming.file)?;
        self.released_bytes
            .fetch_add(stamp.length, Ordering::Relaxed);
        self.set_judged(module, file, stamp, era, judgement);
        Ok(())
    }

    /// How many bytes this process has brought.
    pub(super) fn released_bytes(&self) -> u64 {
        self.released_bytes.load(Ordering::Relaxed)
    }

    /// Removes a file that is to be fetched again.
    ///
    /// # Errors
    /// What the system says, but for a file that is gone already.
    pub fn discard(&self, module: &ModuleVersion, file: ModuleFile) -> io::Result<()> {
        self.forget(module, file);
        if_there(fs::remove_file(self.path(module, file)))?;
        Ok(())
    }

    /// Takes a file that is not what the log recorded out of what is served, and keeps it. `None`: it
    /// was gone already.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_aside(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> io::Result<Option<PathBuf>> {
        fs::create_dir_all(&self.set_aside)?;
        let name = module.escaped().replace('/', "%2F");
        let path = self.set_aside.join(format!(
            "{name}.{}.{:08x}.damaged",
            file.extension(),
            fastrand::u32(..)
        ));
        let renamed = fs::rename(self.path(module, file), &path);
        Ok(if_there(renamed)?.map(|()| path))
    }
}

/// A file that is arriving; removed when it is dropped before it is released.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    /// Open for reading and writing.
    pub file: File,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After a release there is nothing under this name.
        let _ = fs::remove_file(&self.path);
    }
}

/// What is gone meanwhile is nothing.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a small file whole.
///
/// # Errors
/// What the system says, and a file above the limit.
pub fn read_small(mut file: &File, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.by_ref()
        .take(limit_bytes + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit_bytes) {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok(bytes)
}
