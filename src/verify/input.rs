//! What there is to verify: go.sum files, found as the go command finds them.
//!
//! The door for all kinds of input: whatever is read ends as [`Document`]s.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::golang::gosum::{GoSum, MAX_GO_SUM_BYTES, NotGoSum};
use crate::io::goenv::goflags::{GoflagsError, modfile};
use crate::io::goenv::{Environment, GoEnv};
use crate::io::workspace::{
    Workspace, WorkspaceError, find_module_root, find_workspace, sum_file_of_module,
};

/// The path that means standard input.
const STDIN: &str = "-";

/// A go.sum with the name under which it is told of.
#[derive(Debug)]
pub struct Document {
    name: String,
    bytes: Vec<u8>,
    go_sum: GoSum,
}

/// Why there is nothing to verify.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be read.
    #[error("cannot read {name}: {cause}")]
    Read {
        /// The path as given.
        name: String,
        /// What happened.
        cause: io::Error,
    },
    /// It is no go.sum.
    #[error("{name} is not a go.sum: {cause}")]
    NotGoSum {
        /// The path as given.
        name: String,
        /// What is wrong.
        cause: NotGoSum,
    },
    /// A folder without anything to verify.
    #[error(
        "{name} has no go.sum: give the path of one, or run go mod tidy if the module has dependencies"
    )]
    NoGoSum {
        /// The folder.
        name: String,
    },
    /// The module's go.sum has another name, and is not there.
    #[error("there is no {name}, the go.sum that GOFLAGS=-modfile names: give the path of one")]
    NoSumOfModfile {
        /// The file.
        name: String,
    },
    /// Neither module nor workspace.
    #[error("no go.mod or go.work here or above {name}: give the path of a go.sum")]
    NoModule {
        /// The current folder.
        name: String,
    },
    /// The workspace cannot be read.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A module of the workspace is not there, and with it its go.sum.
    #[error(
        "{go_work} uses {name}, which is not there: take it out, or give the path of each go.sum"
    )]
    NoModuleOfWorkspace {
        /// The go.work file.
        go_work: String,
        /// The module's folder.
        name: String,
    },
    /// GOFLAGS cannot be read.
    #[error(transparent)]
    Goflags(#[from] GoflagsError),
    /// Neither a file nor a folder.
    #[error("{name} is neither a file nor a folder: give - and pass it as standard input")]
    NotAFile {
        /// The path as given.
        name: String,
    },
}

impl Document {
    /// Parses a go.sum.
    ///
    /// # Errors
    /// [`InputError::NotGoSum`]
    pub fn parse(name: String, bytes: Vec<u8>) -> Result<Self, InputError> {
        match GoSum::parse(&bytes) {
            Ok(go_sum) => Ok(Self {
                name,
                bytes,
                go_sum,
            }),
            Err(cause) => Err(InputError::NotGoSum { name, cause }),
        }
    }

    /// The path as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands in the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its lines.
    #[must_use]
    pub const fn go_sum(&self) -> &GoSum {
        &self.go_sum
    }
}

/// Reads everything that the paths name; without a path, the module or workspace around the
/// current folder.
///
/// # Errors
/// [`InputError`] for the first path that cannot be used: nothing is checked then.
pub fn read(
    paths: &[PathBuf],
    environment: &Environment,
    go: &GoEnv,
) -> Result<Vec<Document>, InputError> {
    if paths.is_empty() {
        return read_around(environment, go);
    }
    let mut documents = Vec::new();
    for path in paths {
        if path.as_os_str() == STDIN {
            documents.push(read_stdin()?);
            continue;
        }
        let name = path.display().to_string();
        let metadata = fs::metadata(path).map_err(|cause| InputError::Read {
            name: name.clone(),
            cause,
        })?;
        if metadata.is_dir() {
            documents.extend(read_folder(path, environment)?);
        } else if metadata.is_file() {
            documents.push(read_file(path, path)?);
        } else {
            return Err(InputError::NotAFile { name });
        }
    }
    Ok(documents)
}

fn read_around(environment: &Environment, go: &GoEnv) -> Result<Vec<Document>, InputError> {
    let here = environment.current_dir();
    if let Some(go_work) = find_workspace(here, go.gowork().value(), go.goroot())? {
        return read_workspace(&go_work, here);
    }
    let Some(root) = find_module_root(here) else {
        return Err(InputError::NoModule {
            name: here.display().to_string(),
        });
    };
    let Some(modfile) = modfile(go.goflags().value())? else {
        return read_module(&root, &shown_from(here, &root));
    };
    let go_sum = sum_file_of_module(&root, Some(Path::new(&modfile)));
    let path = environment.resolve(&go_sum);
    if is_missing(&path) {
        let name = go_sum.display().to_string();
        return Err(InputError::NoSumOfModfile { name });
    }
    Ok(vec![read_file(&path, &go_sum)?])
}

/// A folder that was named: its workspace, if it is the root of one, or its own go.sum.
fn read_folder(folder: &Path, environment: &Environment) -> Result<Vec<Document>, InputError> {
    let go_work = folder.join("go.work");
    if go_work.is_file() {
        return read_workspace(&environment.resolve(go_work), environment.current_dir());
    }
    read_module(folder, folder)
}

/// `name` is the folder as it is told of.
fn read_module(folder: &Path, name: &Path) -> Result<Vec<Document>, InputError> {
    let go_sum = sum_file_of_module(folder, None);
    if is_missing(&go_sum) {
        return Err(InputError::NoGoSum {
            name: name.display().to_string(),
        });
    }
    Ok(vec![read_file(&go_sum, &name.join("go.sum"))?])
}

/// go.work.sum and the go.sum of every module that the workspace uses, as far as they are there.
fn read_workspace(go_work: &Path, here: &Path) -> Result<Vec<Document>, InputError> {
    let workspace = Workspace::read(go_work)?;
    if let Some(root) = workspace
        .module_roots()
        .iter()
        .find(|root| is_missing(root))
    {
        return Err(InputError::NoModuleOfWorkspace {
            go_work: shown_from(here, go_work).display().to_string(),
            name: shown_from(here, root).display().to_string(),
        });
    }
    let documents: Vec<Document> = workspace
        .sum_files()
        .iter()
        .filter(|sum| !is_missing(sum))
        .map(|sum| read_file(sum, &shown_from(here, sum)))
        .collect::<Result<_, _>>()?;
    if documents.is_empty() {
        return Err(InputError::NoGoSum {
            name: shown_from(here, go_work).display().to_string(),
        });
    }
    Ok(documents)
}

/// A path as somebody in that folder would write it.
fn shown_from(here: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(here) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.to_owned(),
        Err(_) => path.to_owned(),
    }
}

/// What is there and cannot be read is not missing: it must not be passed over in silence.
fn is_missing(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn read_file(path: &Path, name: &Path) -> Result<Document, InputError> {
    let name = name.display().to_string();
    match File::open(path).and_then(read_bounded) {
        Ok(bytes) => Document::parse(name, bytes),
        Err(cause) => Err(InputError::Read { name, cause }),
    }
}

fn read_stdin() -> Result<Document, InputError> {
    let bytes = read_bounded(io::stdin().lock()).map_err(|cause| InputError::Read {
        name: STDIN.to_owned(),
        cause,
    })?;
    Document::parse(STDIN.to_owned(), bytes)
}

/// One byte more than the limit is read, so that the parser can tell of it.
fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_GO_SUM_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    reader.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
