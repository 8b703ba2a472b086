//! What the go command has in its module cache already. It does not look at it again, so whoever
//! can write there, or restore it in a pipeline, decides what is built.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;

use super::cache::read_small;
use super::hashing::{HashingError, folder_h1, zip_h1};
use super::notary::{Notary, Unproven};
use super::private::Sums;
use super::target::ModuleFile;
use crate::golang::dirhash::H1;
use crate::golang::gosum::Kind;
use crate::golang::module::ModuleVersion;
use crate::golang::modzip::MAX_GO_MOD_BYTES;
use crate::golang::pattern::PatternList;
use crate::sumdb::record::AuthenticRecord;
use crate::sumdb::verdict::{Comparison, compare};

/// `h1:`, the hash, and perhaps a line end.
const MAX_ZIPHASH_BYTES: u64 = 100;

/// The go command's module cache.
#[derive(Debug, Clone)]
pub struct ModuleCache {
    folder: PathBuf,
    deep: bool,
}

/// What was found in a module cache.
#[derive(Debug, Default)]
pub struct Inspection {
    /// How many files and folders have the hash that the log recorded.
    pub proven: usize,
    /// How many files of private modules have the hash of a go.sum.
    pub as_in_go_sum: usize,
    /// Private modules whose hash stands in no go.sum.
    pub unchecked: BTreeSet<ModuleVersion>,
    /// What must not be used.
    pub poisoned: Vec<Poisoned>,
    /// What cannot be proven now, and why.
    pub unproven: Vec<(ModuleVersion, String)>,
}

/// A file or folder that must not be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {module}: {reason}", path.display())]
pub struct Poisoned {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says it is.
    pub module: ModuleVersion,
    /// What is wrong with it.
    pub reason: String,
}

/// A file or folder of a module version.
#[derive(Debug, Clone)]
struct Item {
    module: ModuleVersion,
    path: PathBuf,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    GoMod,
    Zip,
    /// The hash that the go command believes the zip to have.
    ZipHash,
    Folder,
}

impl Form {
    const fn kind(self) -> Kind {
        match self {
            Self::GoMod => Kind::GoMod,
            Self::Zip | Self::ZipHash | Self::Folder => Kind::Zip,
        }
    }
}

/// What an item must have as its hash.
enum Expected {
    Record(std::sync::Arc<AuthenticRecord>),
    Sums(BTreeSet<H1>),
}

impl ModuleCache {
    /// The module cache in this folder (GOMODCACHE). `deep`: extracted folders are looked at too.
    #[must_use]
    pub const fn new(folder: PathBuf, deep: bool) -> Self {
        Self { folder, deep }
    }

    /// Whether the go command has this file already, and asks for it no more.
    #[must_use]
    pub fn has(&self, module: &ModuleVersion, file: ModuleFile) -> bool {
        let extracted = || file == ModuleFile::Zip && self.extracted(module).is_dir();
        self.download(module, file.extension()).is_file() || extracted()
    }

    fn download(&self, module: &ModuleVersion, extension: &str) -> PathBuf {
        let (path, version) = (module.path().escaped(), module.version().escaped());
        self.folder
            .join(format!("cache/download/{path}/@v/{version}.{extension}"))
    }

    fn extracted(&self, module: &ModuleVersion) -> PathBuf {
        self.folder.join(module.escaped())
    }

    /// Compares what is there of these modules with the log, and what is private with the go.sum.
    pub async fn inspect(&self, notary: &Notary, private: &PatternList, sums: &Sums) -> Inspection {
        let modules: BTreeSet<&ModuleVersion> = sums.keys().map(|(module, _)| module).collect();
        let mut inspection = Inspection::default();
        let mut items = Vec::new();
        for module in modules {
            match self.items(module) {
                Ok(found) => items.extend(found),
                Err(error) => {
                    let reason = format!("its files cannot be looked at: {error}");
                    inspection.unproven.push((module.clone(), reason));
                }
            }
        }
        let public: BTreeSet<&ModuleVersion> = items
            .iter()
            .map(|item| &item.module)
            .filter(|module| !private.matches(module.path().as_str()))
            .collect();
        let records = public.into_iter().map(|module| async move {
            let record = notary.record(module).await;
            (module.clone(), record)
        });
        let records: BTreeMap<ModuleVersion, _> = futures_util::future::join_all(records)
            .await
            .into_iter()
            .collect();
        let mut unproven: BTreeMap<ModuleVersion, String> = BTreeMap::new();
        let mut to_hash = Vec::new();
        for item in items {
            let expected = match records.get(&item.module) {
                None => {
                    let sums = sums.get(&(item.module.clone(), item.form.kind()));
                    let Some(sums) = sums else {
                        inspection.unchecked.insert(item.module);
                        continue;
                    };
                    Expected::Sums(sums.clone())
                }
                Some(Ok(record)) => Expected::Record(record.clone()),
                Some(Err(Unproven::Absent { .. })) => {
                    inspection.poisoned.push(Poisoned {
                        path: item.path,
                        module: item.module,
                        reason: "the log has no record of it: if it is a private module, name it \
                                 in GOPRIVATE"
                            .to_owned(),
                    });
                    continue;
                }
                Some(Err(Unproven::Unavailable(why))) => {
                    unproven.insert(item.module, why.clone());
                    continue;
                }
                Some(Err(Unproven::Misbehaviour(_))) => {
                    unproven.insert(item.module, "the log misbehaved".to_owned());
                    continue;
                }
            };
            to_hash.push((item, expected));
        }
        inspection.unproven.extend(unproven);
        self.hash(to_hash, &mut inspection).await;
        inspection.poisoned.sort_by(|a, b| a.path.cmp(&b.path));
        inspection
    }

    async fn hash(&self, items: Vec<(Item, Expected)>, inspection: &mut Inspection) {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        let mut hashed = futures_util::stream::iter(items)
            .map(|(item, expected)| async move {
                let to_hash = item.clone();
                let hashed = tokio::task::spawn_blocking(move || h1(&to_hash)).await;
                let hashed = hashed.unwrap_or_else(|error| Err(io::Error::other(error).into()));
                (item, hashed, expected)
            })
            .buffer_unordered(at_once);
        while let Some((item, hash, expected)) = hashed.next().await {
            let reason = match hash {
                Ok(hash) => match difference(&item, hash, &expected) {
                    None => {
                        match expected {
                            Expected::Record(_) => inspection.proven += 1,
                            Expected::Sums(_) => inspection.as_in_go_sum += 1,
                        }
                        continue;
                    }
                    Some(reason) => reason,
                },
                Err(HashingError::Io(error)) => {
                    let reason = format!("{} cannot be read: {error}", item.path.display());
                    inspection.unproven.push((item.module, reason));
                    continue;
                }
                Err(error) => error.to_string(),
            };
            inspection.poisoned.push(Poisoned {
                path: item.path,
                module: item.module,
                reason,
            });
        }
    }

    /// What is there of a module version.
    fn items(&self, module: &ModuleVersion) -> io::Result<Vec<Item>> {
        let mut candidates = vec![
            (self.download(module, "mod"), Form::GoMod),
            (self.download(module, "zip"), Form::Zip),
            (self.download(module, "ziphash"), Form::ZipHash),
        ];
        if self.deep {
            candidates.push((self.extracted(module), Form::Folder));
        }
        let mut items = Vec::new();
        for (path, form) in candidates {
            match fs::symlink_metadata(&path) {
                Ok(_) => items.push(Item {
                    module: module.clone(),
                    path,
                    form,
                }),
                Err(error) if is_nothing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(items)
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn h1(item: &Item) -> Result<H1, HashingError> {
    if let Form::Folder = item.form {
        if !fs::symlink_metadata(&item.path)?.is_dir() {
            return Err(HashingError::Kind(item.path.clone()));
        }
        return folder_h1(&item.module, &item.path);
    }
    let mut file = open(&item.path)?;
    match item.form {
        Form::GoMod => Ok(H1::of_go_mod(&read_small(&file, MAX_GO_MOD_BYTES)?)),
        Form::ZipHash => {
            let text = read_small(&file, MAX_ZIPHASH_BYTES)?;
            Ok(H1::parse(String::from_utf8_lossy(&text).trim())?)
        }
        Form::Zip | Form::Folder => zip_h1(&item.module, &mut file),
    }
}

/// A pipe would block who opens it.
fn open(path: &Path) -> Result<File, HashingError> {
    if !fs::metadata(path)?.is_file() {
        return Err(HashingError::Kind(path.to_owned()));
    }
    Ok(File::open(path)?)
}

fn difference(item: &Item, hash: H1, expected: &Expected) -> Option<String> {
    let kind = item.form.kind();
    match expected {
        Expected::Sums(sums) if sums.iter().eq([&hash]) => None,
        Expected::Sums(sums) if sums.contains(&hash) => {
            Some("it is private, and the go.sum files contradict each other".to_owned())
        }
        Expected::Sums(_) => Some(format!(
            "it is private, and no go.sum here has its hash, {hash}"
        )),
        Expected::Record(record) => match compare(record, &item.module, kind, &hash) {
            Comparison::Equal => None,
            Comparison::Different { recorded } => Some(format!(
                "the log has {recorded} (record {}), and this is {hash}",
                record.index()
            )),
            Comparison::NotRecorded => Some(format!(
                "the log's record {} has no hash of it",
                record.index()
            )),
        },
    }
}
