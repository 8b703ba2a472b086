//! How much the cache holds, when each module version in it was last used, and what has to go.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Cache, if_there};
use crate::gate::target::ModuleFile;
use crate::golang::module::{ModulePath, ModuleVersion};
use crate::golang::version::Version;

/// Until a use is written down again: which of two versions was used last matters by the day, and a
/// write for each answer would cost more than the answer.
pub(super) const USE_IS_FRESH: Duration = Duration::from_secs(60 * 60);

const FILES: [ModuleFile; 3] = [ModuleFile::Info, ModuleFile::GoMod, ModuleFile::Zip];

/// A module version in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which one.
    pub module: ModuleVersion,
    /// Which of its files are there.
    pub files: Vec<ModuleFile>,
    /// Their length in bytes.
    pub bytes: u64,
    /// When one of them was last given out, to the hour.
    pub last_used: SystemTime,
}

/// All that is in the cache.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Holdings {
    /// By module version.
    pub entries: Vec<Entry>,
    /// Files of no module version, which the gate did not put there and never gives out, and folders
    /// that cannot be read.
    pub strangers: Vec<PathBuf>,
}

impl Holdings {
    /// The length of all files of modules.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }
}

/// What may be kept.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// At most so much, of what was used last.
    pub limit_bytes: Option<u64>,
    /// Nothing that was last used before.
    pub used_since: Option<SystemTime>,
    /// Whatever the limit: what was used after.
    pub spare_after: Option<SystemTime>,
}

impl Cache {
    /// Looks at everything in the cache.
    ///
    /// # Errors
    /// What the system says, but for what goes away meanwhile.
    pub fn holdings(&self) -> io::Result<Holdings> {
        let mut found = std::collections::BTreeMap::<ModuleVersion, Entry>::new();
        let mut holdings = Holdings::default();
        let mut folders = vec![self.files().to_owned()];
        while let Some(folder) = folders.pop() {
            let listing = match fs::read_dir(&folder) {
                Ok(listing) => listing,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => {
                    holdings.strangers.push(folder);
                    continue;
                }
            };
            for listed in listing {
                let listed = listed?;
                let path = listed.path();
                let kind = listed.file_type()?;
                if kind.is_dir() {
                    folders.push(path);
                    continue;
                }
                let Some((module, file)) = self.module_file(&path).filter(|_| kind.is_file())
                else {
                    holdings.strangers.push(path);
                    continue;
                };
                let Some(metadata) = if_there(listed.metadata())? else {
                    continue;
                };
                let modified = metadata.modified()?;
                let entry = found.entry(module.clone()).or_insert_with(|| Entry {
                    last_used: self.last_used(&module).unwrap_or(modified),
                    module,
                    files: Vec::new(),
                    bytes: 0,
                });
                entry.files.push(file);
                entry.bytes = entry.bytes.saturating_add(metadata.len());
                entry.last_used = entry.last_used.max(modified);
            }
        }
        holdings.entries = found.into_values().collect();
        for entry in &mut holdings.entries {
            entry.files.sort_unstable();
        }
        holdings.strangers.sort_unstable();
        Ok(holdings)
    }

    /// Removes what may not be kept, longest unused first, and says what that was.
    ///
    /// # Errors
    /// What the system says of the first that cannot be removed, but for what is gone already; all
    /// others are removed.
    pub fn prune(&self, keep: Keep) -> io::Result<Vec<Entry>> {
        let mut holdings = self.holdings()?;
        let mut bytes = holdings.bytes();
        let by_use = |entry: &Entry| (entry.last_used, entry.module.clone());
        holdings.entries.sort_by_cached_key(by_use);
        let mut removed = Vec::new();
        let mut failure = None;
        for entry in holdings.entries {
            let is_old = keep.used_since.is_some_and(|since| entry.last_used < since);
            let is_too_much = keep.limit_bytes.is_some_and(|limit| bytes > limit);
            let is_spared = keep
                .spare_after
                .is_some_and(|after| entry.last_used > after);
            if is_spared || !(is_old || is_too_much) {
                continue;
            }
            match self.remove(&entry) {
                Ok(()) => {
                    bytes = bytes.saturating_sub(entry.bytes);
                    removed.push(entry);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(removed), Err)
    }

    /// Whoever is being sent one of the files has it open, and gets it whole.
    fn remove(&self, entry: &Entry) -> io::Result<()> {
        for file in FILES {
            if_there(fs::remove_file(self.path(&entry.module, file)))?;
            self.forget(&entry.module, file);
        }
        if_there(fs::remove_file(self.mark(&entry.module)))?;
        // Folders stay: another file may be on its way into one.
        Ok(())
    }

    /// Writes down that a module version is used now. The times of its files must stay: they say
    /// that it is the file that was hashed.
    pub(super) fn mark_used(&self, module: &ModuleVersion) {
        let mark = self.mark(module);
        let marked = (|| {
            fs::create_dir_all(mark.parent().unwrap_or(Path::new(".")))?;
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&mark)?;
            file.set_modified(SystemTime::now())
        })();
        // Without it the version goes earlier than it might.
        let _ = marked;
    }

    fn last_used(&self, module: &ModuleVersion) -> Option<SystemTime> {
        self.mark(module).metadata().ok()?.modified().ok()
    }

    fn mark(&self, module: &ModuleVersion) -> PathBuf {
        self.used()
            .join(module.path().escaped())
            .join("@v")
            .join(module.version().escaped())
    }

    /// Which file of which module version a path in the cache is.
    fn module_file(&self, path: &Path) -> Option<(ModuleVersion, ModuleFile)> {
        let folder = path.parent()?;
        if folder.file_name()? != "@v" {
            return None;
        }
        let (version, extension) = path.file_name()?.to_str()?.rsplit_once('.')?;
        let file = FILES
            .into_iter()
            .find(|file| file.extension() == extension)?;
        let below = folder.parent()?.strip_prefix(self.files()).ok()?;
        let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
        let module = ModulePath::unescape(&parts?.join("/")).ok()?;
        let version = Version::unescape(version).ok()?;
        let module = ModuleVersion::pair(module, version).ok()?;
        Some((module, file))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::gate::account::{Judgement, Verdict};
    use crate::gate::facts::Facts;
    use crate::io::home::Home;

    struct Case {
        _folder: tempfile::TempDir,
        cache: Cache,
        now: SystemTime,
    }

    impl Case {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let home = Home::open(folder.path()).unwrap();
            Self {
                cache: Cache::new(&home),
                _folder: folder,
                now: SystemTime::now(),
            }
        }

        /// Ten bytes that were last used so many days ago.
        fn put(&self, module: &str, file: ModuleFile, days: u64) {
            let module = ModuleVersion::parse(module).unwrap();
            let mut incoming = self.cache.incoming().unwrap();
            incoming.file.write_all(&[0; 10]).unwrap();
            let long_ago = self.now - Duration::from_secs(1000 * 86_400);
            incoming.file.set_modified(long_ago).unwrap();
            let judgement = Judgement {
                verdict: Verdict::Released,
                facts: Facts::default(),
            };
            let era = self.cache.era();
            self.cache
                .release(&module, file, &incoming, era, judgement)
                .unwrap();
            let used = self.now - Duration::from_secs(days * 86_400);
            let mark = File::options().write(true).open(self.cache.mark(&module));
            mark.unwrap().set_modified(used).unwrap();
        }

        fn prune(&self, keep: Keep) -> Vec<String> {
            let removed = self.cache.prune(keep).unwrap();
            removed
                .iter()
                .map(|entry| entry.module.to_string())
                .collect()
        }

        fn kept(&self) -> Vec<String> {
            let holdings = self.cache.holdings().unwrap();
            let kept = holdings.entries.iter();
            kept.map(|entry| entry.module.to_string()).collect()
        }
    }

    const ALL: Keep = Keep {
        limit_bytes: None,
        used_since: None,
        spare_after: None,
    };

    fn three() -> Case {
        let case = Case::new();
        case.put("a.example/Old@v1.0.0", ModuleFile::Zip, 30);
        case.put("a.example/Old@v1.0.0", ModuleFile::GoMod, 30);
        case.put("a.example/m@v1.0.0", ModuleFile::Zip, 10);
        case.put("a.example/m@v1.1.0", ModuleFile::Zip, 1);
        case
    }

    #[test]
    fn a_version_is_one_entry_with_the_time_of_its_last_use() {
        let case = three();
        let holdings = case.cache.holdings().unwrap();
        assert_eq!(holdings.bytes(), 40);
        let old = &holdings.entries[0];
        assert_eq!(old.module.to_string(), "a.example/Old@v1.0.0");
        assert_eq!(old.files, [ModuleFile::GoMod, ModuleFile::Zip]);
        assert_eq!(old.bytes, 20);
        let ago = case.now.duration_since(old.last_used).unwrap();
        assert_eq!(ago.as_secs() / 86_400, 30);
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let case = three();
        let keep = |limit| Keep {
            limit_bytes: Some(limit),
            ..ALL
        };
        assert!(case.prune(keep(40)).is_empty());
        assert_eq!(case.prune(keep(39)), ["a.example/Old@v1.0.0"]);
        assert_eq!(case.prune(keep(10)), ["a.example/m@v1.0.0"]);
        assert_eq!(case.kept(), ["a.example/m@v1.1.0"]);
        assert_eq!(case.prune(keep(0)), ["a.example/m@v1.1.0"]);
        assert_eq!(case.cache.holdings().unwrap(), Holdings::default());
    }

    #[test]
    fn what_was_just_used_is_spared() {
        let case = three();
        let keep = Keep {
            limit_bytes: Some(0),
            spare_after: Some(case.now - Duration::from_secs(20 * 86_400)),
            ..ALL
        };
        assert_eq!(case.prune(keep), ["a.example/Old@v1.0.0"]);
    }

    #[test]
    fn what_is_unused_for_long_goes_though_there_is_room() {
        let case = three();
        let keep = Keep {
            used_since: Some(case.now - Duration::from_secs(5 * 86_400)),
            ..ALL
        };
        assert_eq!(case.prune(keep).len(), 2);
        assert_eq!(case.kept(), ["a.example/m@v1.1.0"]);
    }

    #[test]
    fn what_went_is_hashed_again_when_it_comes_back() {
        let case = three();
        let module = ModuleVersion::parse("a.example/m@v1.0.0").unwrap();
        let opened = case.cache.open(&module, ModuleFile::Zip).unwrap();
        let (_, stamp) = opened.unwrap();
        let judgement = || case.cache.judgement(&module, ModuleFile::Zip, stamp);
        assert!(judgement().is_some());
        case.prune(Keep {
            limit_bytes: Some(0),
            ..ALL
        });
        assert!(judgement().is_none());
        let gone = case.cache.open(&module, ModuleFile::Zip).unwrap();
        assert!(gone.is_none());
    }

    #[test]
    fn what_was_judged_under_other_rules_does_not_count() {
        let case = three();
        let module = ModuleVersion::parse("a.example/m@v1.0.0").unwrap();
        let (_, stamp) = case.cache.open(&module, ModuleFile::Zip).unwrap().unwrap();
        let judgement = || case.cache.judgement(&module, ModuleFile::Zip, stamp);
        let (before, found) = (case.cache.era(), judgement().unwrap());
        case.cache.begin_era();
        assert!(judgement().is_none());
        let again = |era| {
            let found = Judgement::clone(&found);
            case.cache
                .set_judged(&module, ModuleFile::Zip, stamp, era, found);
        };
        again(before);
        assert!(judgement().is_none());
        again(case.cache.era());
        assert!(judgement().is_some());
    }

    #[test]
    fn what_is_no_module_s_is_told_and_left() {
        let case = three();
        for name in [
            "README",
            "a.example/m/@v/v1.0.0.exe",
            "a.example/m/@v/x.zip",
            "a.example/M/@v/v1.0.0.zip",
        ] {
            let path = case.cache.files().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(case.cache.holdings().unwrap().strangers.len(), 4);
        case.prune(Keep {
            limit_bytes: Some(0),
            ..ALL
        });
        assert_eq!(case.cache.holdings().unwrap().strangers.len(), 4);
    }
}
