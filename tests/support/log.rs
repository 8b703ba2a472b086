//! A complete checksum database in memory, with a key of its own.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::key::Key;
use super::response::{Request, Response};
use super::server::Serving;
use super::tile_path::TilePath;
use super::tree::{Hash, Tree, leaf_hash};

/// The name of a log that is not given another.
pub const NAME: &str = "sum.example.com";
/// From which the key is derived, unless the log is given another. `tests/interop server` derives
/// its key in the same way, and its synthetic records are the same.
pub const SEED: &str = "sumcheck tests";

/// The first line of a checkpoint of the Go checksum database, whatever the log's name is.
pub const ORIGIN: &str = "go.sum database tree";

/// A handle on a log: clones are of the same log, and a server sees what is appended.
#[derive(Clone)]
pub struct TestLog {
    key: Arc<Key>,
    contents: Arc<RwLock<Contents>>,
    /// Signing is slow, and most answers carry the newest head.
    signed: Arc<Mutex<HashMap<u64, Vec<u8>>>>,
}

#[derive(Clone, Default)]
struct Contents {
    tree: Tree,
    records: Vec<Record>,
    /// Of the records with a text of their own, by `escaped path@escaped version`.
    named: HashMap<String, u64>,
    /// Salt of the synthetic records to come.
    branch: u32,
}

#[derive(Clone)]
enum Record {
    /// `example.com/mN v1.0.N` for index N; another branch has other hashes.
    Synthetic {
        branch: u32,
    },
    Text(Box<str>),
}

impl TestLog {
    /// An empty log.
    pub fn with_key(key: Key) -> Self {
        Self {
            key: Arc::new(key),
            contents: Arc::default(),
            signed: Arc::default(),
        }
    }

    /// An empty log of this name, which may hold slashes.
    pub fn named(name: &str) -> Self {
        Self::with_key(Key::new(name, SEED))
    }

    /// A log with records of `example.com/mN v1.0.N` for all N below `count`.
    pub fn with_records(count: u64) -> Self {
        Self::named(NAME).grow(count)
    }

    /// The same log with so many more synthetic records.
    pub fn grow(self, count: u64) -> Self {
        self.contents.write().unwrap().push_synthetic(count);
        self
    }

    /// The same log when it had so many records: another log that does not grow with this one.
    pub fn prefix(&self, size: u64) -> Self {
        let mut contents = self.contents().clone();
        contents.truncate(size);
        self.sibling(contents)
    }

    /// Appends the record of a module version with well-formed hashes, and returns its index.
    pub fn append(&self, module: &str, version: &str) -> u64 {
        self.append_text(module, version, &go_sum_lines(module, version, 0))
    }

    /// Appends a record with any text, found by a lookup of this module version.
    pub fn append_text(&self, module: &str, version: &str, text: &str) -> u64 {
        let mut contents = self.contents.write().unwrap();
        let index = contents.tree.size();
        contents.tree.push(text.as_bytes());
        contents.records.push(Record::Text(text.into()));
        contents
            .named
            .insert(format!("{}@{}", escape(module), escape(version)), index);
        index
    }

    /// Another log with the same key, which shares the first `size` records and has others from
    /// there on, up to the same size and further.
    pub fn fork_at(&self, size: u64) -> Self {
        let mut contents = self.contents().clone();
        let full_size = contents.tree.size();
        contents.truncate(size);
        contents.branch += 1;
        contents.push_synthetic(full_size.saturating_sub(size));
        self.sibling(contents)
    }

    /// Another log with the same key that differs in the text of one record.
    pub fn with_text(&self, index: u64, text: &str) -> Self {
        let mut contents = self.contents().clone();
        contents.tree.replace(index, text.as_bytes());
        contents
            .named
            .entry(contents.lookup_name(index))
            .or_insert(index);
        contents.records[to_usize(index)] = Record::Text(text.into());
        self.sibling(contents)
    }

    fn sibling(&self, contents: Contents) -> Self {
        let contents = Arc::new(RwLock::new(contents));
        Self {
            key: Arc::clone(&self.key),
            contents,
            signed: Arc::default(),
        }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// The key as GOSUMDB takes it.
    pub fn verifier_key(&self) -> String {
        self.key.verifier_key()
    }

    /// Number of records.
    pub fn size(&self) -> u64 {
        self.contents().tree.size()
    }

    pub fn root_at(&self, size: u64) -> Hash {
        self.contents().tree.root_at(size)
    }

    /// The hash of a complete subtree: see [`Tree::subtree`].
    pub fn subtree(&self, level: u32, index: u64) -> Option<Hash> {
        self.contents().tree.subtree(level, index)
    }

    /// A copy of the tree as it is now.
    pub fn tree(&self) -> Tree {
        self.contents().tree.clone()
    }

    /// The signed note of the newest head: what /latest answers.
    pub fn head(&self) -> Vec<u8> {
        self.head_at(self.size())
    }

    /// The signed note of the head when the log had `size` records.
    pub fn head_at(&self, size: u64) -> Vec<u8> {
        let sign = || self.key.sign(&checkpoint_text(size, &self.root_at(size)));
        self.signed
            .lock()
            .unwrap()
            .entry(size)
            .or_insert_with(sign)
            .clone()
    }

    /// The text of a record: its go.sum lines.
    pub fn text(&self, index: u64) -> String {
        self.contents().text(index)
    }

    /// A go.sum of these records.
    pub fn go_sum(&self, records: Range<u64>) -> String {
        let contents = self.contents();
        records.map(|index| contents.text(index)).collect()
    }

    /// The index of the record that a lookup of `escaped path@escaped version` finds.
    pub fn index_of(&self, name: &str) -> Option<u64> {
        self.contents().index_of(name)
    }

    /// The answer to a lookup, with the head of `size` records. None: there is no such record.
    pub fn lookup_reply(&self, name: &str, size: u64) -> Option<Vec<u8>> {
        let index = self.index_of(name)?;
        let reply = format!("{index}\n{}\n", self.text(index));
        Some([reply.into_bytes(), self.head_at(size)].concat())
    }

    /// The hashes of a tile. None: the tree does not have them (yet).
    pub fn tile(&self, height: u32, level: u32, index: u64, width: u64) -> Option<Vec<u8>> {
        let contents = self.contents();
        let (level, first) = (height.checked_mul(level)?, index.checked_mul(1 << height)?);
        let mut bytes = Vec::new();
        for n in first..first.checked_add(width)? {
            bytes.extend(contents.tree.subtree(level, n)?);
        }
        Some(bytes)
    }

    /// The texts of a data tile, each with a blank line after it.
    pub fn data_tile(&self, height: u32, index: u64, width: u64) -> Option<Vec<u8>> {
        let contents = self.contents();
        let first = index.checked_mul(1 << height)?;
        let end = first
            .checked_add(width)
            .filter(|end| *end <= contents.tree.size())?;
        Some(
            (first..end)
                .map(|n| contents.text(n) + "\n")
                .collect::<String>()
                .into_bytes(),
        )
    }

    /// The bytes at a tile's path.
    pub fn tile_at(&self, tile: TilePath) -> Option<Vec<u8>> {
        match tile.level {
            Some(level) => self.tile(tile.height, level, tile.index, tile.width),
            None => self.data_tile(tile.height, tile.index, tile.width),
        }
    }

    /// The honest answer to any request, directly and as below a module proxy's `/sumdb/NAME`.
    pub fn answer(&self, request: &Request) -> Response {
        let path = request.path.as_str();
        let found = if path == "/supported" {
            request.proxied.then(Vec::new)
        } else if path == "/latest" {
            Some(self.head())
        } else if let Some(name) = path.strip_prefix("/lookup/") {
            self.lookup_reply(name, self.size())
        } else {
            TilePath::parse(path).and_then(|tile| self.tile_at(tile))
        };
        found.map_or_else(
            || Response::not_found(&format!("not found: {path}")),
            Response::ok,
        )
    }

    /// A server of this log, to which layers can be added before it is started.
    pub fn serve(&self) -> Serving {
        let log = self.clone();
        Serving::new(move |request| log.answer(request)).below(&format!("/sumdb/{}", self.name()))
    }

    fn contents(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap()
    }
}

impl Contents {
    fn push_synthetic(&mut self, count: u64) {
        let (first, branch) = (self.tree.size(), self.branch);
        for hash in synthetic_leaves(first..first + count, branch) {
            self.tree.push_leaf(hash);
        }
        let new = Record::Synthetic { branch };
        self.records.resize(to_usize(first + count), new);
    }

    fn truncate(&mut self, size: u64) {
        self.tree.truncate(size);
        self.records.truncate(to_usize(size));
        self.named.retain(|_, index| *index < size);
    }

    fn text(&self, index: u64) -> String {
        match &self.records[to_usize(index)] {
            Record::Text(text) => text.to_string(),
            Record::Synthetic { branch } => synthetic_text(index, *branch),
        }
    }

    fn index_of(&self, name: &str) -> Option<u64> {
        if let Some(index) = self.named.get(name) {
            return Some(*index);
        }
        let (_, index) = name.rsplit_once('.')?;
        let index = index.parse().ok()?;
        let record = self.records.get(usize::try_from(index).ok()?)?;
        (matches!(record, Record::Synthetic { .. }) && name == synthetic_name(index))
            .then_some(index)
    }

    /// The name under which a lookup finds a record.
    fn lookup_name(&self, index: u64) -> String {
        match self.records[to_usize(index)] {
            Record::Synthetic { .. } => synthetic_name(index),
            Record::Text(_) => {
                let mut named = self.named.iter();
                let own = named.find(|(_, own)| **own == index);
                own.expect("a text is appended with a name").0.clone()
            }
        }
    }
}

/// The module of the `index`-th synthetic record.
pub fn synthetic_module(index: u64) -> String {
    format!("example.com/m{index}")
}

/// The version of the `index`-th synthetic record.
pub fn synthetic_version(index: u64) -> String {
    format!("v1.0.{index}")
}

fn synthetic_text(index: u64, branch: u32) -> String {
    go_sum_lines(&synthetic_module(index), &synthetic_version(index), branch)
}

/// The record hashes of a log of a million take seconds on one core.
fn synthetic_leaves(indices: Range<u64>, branch: u32) -> Vec<Hash> {
    /// Below it a thread costs more than it saves.
    const LEAVES_WORTH_A_THREAD: u64 = 2_000;
    let count = indices.end - indices.start;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let share = count.div_ceil(cores).max(LEAVES_WORTH_A_THREAD);
    let hashes = |some: Range<u64>| -> Vec<Hash> {
        some.map(|index| leaf_hash(synthetic_text(index, branch).as_bytes()))
            .collect()
    };
    if count <= share {
        return hashes(indices);
    }
    let starts = indices.clone().step_by(to_usize(share));
    std::thread::scope(|scope| {
        let threads: Vec<_> = starts
            .map(|start| start..(start + share).min(indices.end))
            .map(|some| scope.spawn(|| hashes(some)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn synthetic_name(index: u64) -> String {
    format!("{}@{}", synthetic_module(index), synthetic_version(index))
}

/// The go.sum lines of a module version, for its zip and for its go.mod.
pub fn go_sum_lines(module: &str, version: &str, branch: u32) -> String {
    go_sum_line(module, version, branch)
        + &go_sum_line(module, &format!("{version}/go.mod"), branch)
}

/// The hash is well-formed and the hash of no module.
fn go_sum_line(module: &str, version: &str, branch: u32) -> String {
    let mut hashed = format!("{module} {version}");
    if branch > 0 {
        write!(hashed, " {branch}").unwrap();
    }
    format!(
        "{module} {version} h1:{}\n",
        STANDARD.encode(Sha256::digest(hashed))
    )
}

/// The text of a checkpoint (C2SP tlog-checkpoint): what the log's key signs.
pub fn checkpoint_text(size: u64, root: &Hash) -> String {
    format!("{ORIGIN}\n{size}\n{}\n", STANDARD.encode(root))
}

/// The form that module paths and versions have in URLs: `!` and the small letter for a capital.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(c.to_ascii_lowercase());
    }
    escaped
}

fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap()
}
