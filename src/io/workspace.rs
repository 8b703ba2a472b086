//! The module or workspace around a folder, found as the go command finds it, and the go.sum
//! files that belong to it.
//!
//! Source: <https://go.dev/ref/mod#workspaces>, and the behaviour of cmd/go/internal/modload of
//! Go 1.26.

pub mod go_work;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use self::go_work::{GoWorkError, go_work_uses};
use super::goenv::clean_path::clean;
use super::goenv::{SettingsFileError, settings_file, shown};
use crate::golang::quoted::Quoted;

/// A go.work file and the modules that it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    file: PathBuf,
    module_roots: Vec<PathBuf>,
}

/// Why there is no telling what belongs to a workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Go refuses a relative one, because it would mean something else in every folder.
    #[error("GOWORK={0} is not an absolute path: write one, or off, or auto")]
    NotAbsolute(Quoted),
    /// GOWORK names it, and it is not there.
    #[error("there is no {}: create it, or set GOWORK to another file or to off", shown(.0))]
    Missing(PathBuf),
    /// It exists and cannot be read.
    #[error("cannot read {}: make it readable, or set GOWORK=off", shown(path))]
    Unreadable {
        /// The go.work file.
        path: PathBuf,
        /// What happened.
        #[source]
        cause: SettingsFileError,
    },
    /// It is not a go.work file.
    #[error("{} is not valid: correct it, or set GOWORK=off", shown(path))]
    Invalid {
        /// The go.work file.
        path: PathBuf,
        /// What is wrong, with the line.
        #[source]
        cause: GoWorkError,
    },
    /// Go refuses a folder that is used twice.
    #[error("{} uses {} twice: take one out", shown(path), shown(used))]
    UsedTwice {
        /// The go.work file.
        path: PathBuf,
        /// The module's folder.
        used: PathBuf,
    },
}

impl Workspace {
    /// Reads a go.work file, given by an absolute path.
    ///
    /// # Errors
    /// [`WorkspaceError`]
    pub fn read(file: &Path) -> Result<Self, WorkspaceError> {
        let path = file.to_owned();
        let bytes = match settings_file::read(file) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(WorkspaceError::Missing(path)),
            Err(cause) => return Err(WorkspaceError::Unreadable { path, cause }),
        };
        let uses = match go_work_uses(&bytes) {
            Ok(uses) => uses,
            Err(cause) => return Err(WorkspaceError::Invalid { path, cause }),
        };
        let folder = file.parent().unwrap_or(file);
        let mut module_roots = Vec::with_capacity(uses.len());
        let mut seen = HashSet::new();
        for used in uses.iter().map(Path::new) {
            let is_absolute = used.is_absolute();
            let root = if is_absolute {
                used.to_owned()
            } else {
                clean(&folder.join(used))
            };
            // As text: Path finds more spellings equal than Go does.
            if !seen.insert(root.as_os_str().to_owned()) {
                return Err(WorkspaceError::UsedTwice { path, used: root });
            }
            module_roots.push(root);
        }
        Ok(Self {
            file: path,
            module_roots,
        })
    }

    /// The go.work file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The folders of the modules that it uses, in the file's order. They need not exist.
    #[must_use]
    pub fn module_roots(&self) -> &[PathBuf] {
        &self.module_roots
    }

    /// Every file that may hold a hash for this workspace: go.work.sum beside go.work, and the
    /// go.sum of each module. A module without dependencies has none, so none need exist.
    #[must_use]
    pub fn sum_files(&self) -> Vec<PathBuf> {
        let mut work_sum: OsString = self.file.clone().into();
        work_sum.push(".sum");
        let of_modules = self.module_roots.iter().map(|root| root.join("go.sum"));
        std::iter::once(work_sum.into()).chain(of_modules).collect()
    }
}

/// The go.sum of a module: beside its go.mod, or beside the file that GOFLAGS=-modfile puts in
/// the place of go.mod, with `.sum` for its `.mod`.
#[must_use]
pub fn sum_file_of_module(root: &Path, modfile: Option<&Path>) -> PathBuf {
    modfile.map_or_else(|| root.join("go.sum"), |file| file.with_extension("sum"))
}

/// The nearest folder with a go.mod, from `dir` (an absolute path) upwards. That a go.mod in the
/// system's temporary folder itself is ignored by Go is not followed: whoever stands there and
/// asks for it to be verified means it.
#[must_use]
pub fn find_module_root(dir: &Path) -> Option<PathBuf> {
    let dir = clean(dir);
    dir.ancestors()
        .find(|dir| is_file(&dir.join("go.mod")))
        .map(Path::to_owned)
}

/// The go.work file that counts in `dir` (an absolute path): none with GOWORK=off; the file that
/// GOWORK names, which need not exist; or the nearest one upwards. The search does not go up into
/// `goroot`, because Go's own modules belong to no workspace.
///
/// # Errors
/// [`WorkspaceError::NotAbsolute`]
pub fn find_workspace(
    dir: &Path,
    gowork: &str,
    goroot: Option<&Path>,
) -> Result<Option<PathBuf>, WorkspaceError> {
    match gowork {
        "off" => return Ok(None),
        "" | "auto" => {}
        file if Path::new(file).is_absolute() => return Ok(Some(file.into())),
        file => return Err(WorkspaceError::NotAbsolute(Quoted::new(file))),
    }
    let dir = clean(dir);
    let mut ancestors = dir.ancestors();
    let own = ancestors.next();
    let above = ancestors.take_while(|dir| Some(*dir) != goroot);
    let files = own.into_iter().chain(above).map(|dir| dir.join("go.work"));
    Ok(files.into_iter().find(|file| is_file(file)))
}

/// What Go takes for a go.mod or go.work: all but a folder.
fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_dir())
}

#[cfg(test)]
mod tests;
