//! Paths that are one where case does not count, or file and folder at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::error::FileFault;
use crate::golang::quoted::Quoted;

/// All files and folders so far.
///
/// A tree, and not a set of whole paths: the many folders of one long path would have quadratic
/// size.
#[derive(Default)]
pub(super) struct Paths {
    /// By the number of the folder that it is in and its case-folded name.
    nodes: BTreeMap<(usize, Box<str>), Node>,
    /// The folder of the last file: files of one folder follow each other.
    last: Option<(Box<str>, usize)>,
}

struct Node {
    /// The name, where it is not the folded one.
    name: Option<Box<str>>,
    /// A number for a folder, none for a file.
    folder: Option<usize>,
}

/// The number of the module's root; those of other folders are greater.
const ROOT: usize = 0;

impl Paths {
    /// How many files and folders there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a file and the folders that it is in.
    pub(super) fn add_file(&mut self, path: &str) -> Result<(), FileFault> {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.folder(folders)?;
        match self.nodes.entry((parent, fold(file).into())) {
            Entry::Vacant(place) => {
                place.insert(Node::new(file, None));
                Ok(())
            }
            Entry::Occupied(node) => {
                let (key, node) = (&node.key().1, node.get());
                node.refuse_other_case(key, file)?;
                Err(match node.folder {
                    Some(_) => FileFault::FileAndFolder,
                    None => FileFault::Twice,
                })
            }
        }
    }

    /// The number of a folder, which is made if it is new.
    fn folder(&mut self, path: &str) -> Result<usize, FileFault> {
        if path.is_empty() {
            return Ok(ROOT);
        }
        if let Some((last, number)) = &self.last
            && **last == *path
        {
            return Ok(*number);
        }
        let mut parent = ROOT;
        for name in path.split('/') {
            parent = self.subfolder(parent, name)?;
        }
        self.last = Some((path.into(), parent));
        Ok(parent)
    }

    fn subfolder(&mut self, parent: usize, name: &str) -> Result<usize, FileFault> {
        let next = self.nodes.len().saturating_add(1);
        match self.nodes.entry((parent, fold(name).into())) {
            Entry::Vacant(place) => {
                place.insert(Node::new(name, Some(next)));
                Ok(next)
            }
            Entry::Occupied(node) => {
                let (key, node) = (&node.key().1, node.get());
                node.refuse_other_case(key, name)?;
                node.folder.ok_or(FileFault::FileAndFolder)
            }
        }
    }
}

impl Node {
    fn new(name: &str, folder: Option<usize>) -> Self {
        Self {
            name: matches!(fold(name), Cow::Owned(_)).then(|| name.into()),
            folder,
        }
    }

    fn refuse_other_case(&self, key: &str, name: &str) -> Result<(), FileFault> {
        match self.name.as_deref().unwrap_or(key) {
            own if own == name => Ok(()),
            own => Err(FileFault::CaseCollision(Quoted::new(own))),
        }
    }
}

/// One text for all that differ in case alone: whatever Go's `unicode.SimpleFold` takes for one,
/// and a little more, such as `ß` and `ss`, which some file systems take for one.
pub(super) fn fold(name: &str) -> Cow<'_, str> {
    if !name
        .bytes()
        .any(|b| b.is_ascii_uppercase() || !b.is_ascii())
    {
        return Cow::Borrowed(name);
    }
    let folded = name
        .chars()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase);
    Cow::Owned(folded.collect())
}
