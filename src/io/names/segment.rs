//! One segment: a tree of blocks in a file, leaves first, each level above them in between, and at the
//! end a footer that says where the root is.
//!
//! An entry is the length that its key shares with the one before, the length of the rest, a number,
//! and the rest. In a leaf the number is the index of a record; above, it is where a block begins whose
//! first key this is.

use std::collections::HashMap;
use std::fs::File;
use std::hash::Hasher as _;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use siphasher::sip::SipHasher13;

use super::{SegmentExtent, path_of};

const MAGIC: &[u8; 16] = b"sumcheck names 1";

/// A block is closed once it has so many bytes; the last entry may go beyond.
const BLOCK_BYTES: usize = 4096;

/// The longest key is a record's path and version: a larger block is damaged.
const MAX_BLOCK_BYTES: usize = 1 << 18;

/// What is read at once: nearly always a whole block.
const READ_BYTES: usize = 4608;

/// Length of the entries, and level.
const HEADER_BYTES: usize = 5;
const CHECKSUM_BYTES: usize = 8;

/// Magic, root, names, checksum.
const FOOTER_BYTES: usize = 40;

/// So many blocks above the leaves are held in memory: enough for all of them up to a few million
/// names, and the upper levels of any log.
const HELD_BLOCKS: usize = 4096;

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    hasher.finish().to_be_bytes()
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the index of module versions is damaged: {what}: sumcheck mirror verify --repair"),
    )
}

/// Entries of one block that is being filled.
#[derive(Debug, Default)]
struct Filling {
    bytes: Vec<u8>,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Filling {
    fn push(&mut self, key: &[u8], number: u64) {
        if self.bytes.is_empty() {
            self.first.clear();
            self.first.extend_from_slice(key);
            self.last.clear();
        }
        let shared = shared_length(&self.last, key);
        put_number(&mut self.bytes, shared as u64);
        put_number(&mut self.bytes, (key.len() - shared) as u64);
        put_number(&mut self.bytes, number);
        self.bytes.extend_from_slice(&key[shared..]);
        self.last.truncate(shared);
        self.last.extend_from_slice(&key[shared..]);
    }
}

/// How many bytes two keys begin with alike.
fn shared_length(one: &[u8], other: &[u8]) -> usize {
    let (chunks, _) = one.as_chunks::<8>();
    let (other_chunks, _) = other.as_chunks::<8>();
    let alike = chunks.iter().zip(other_chunks);
    let alike = 8 * alike.take_while(|(one, other)| one == other).count();
    let rest = one[alike..].iter().zip(&other[alike..]);
    alike + rest.take_while(|(one, other)| one == other).count()
}

/// Seven bits in each byte, the lowest first; the highest bit says that more follow.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Writes a segment; keys come in order.
pub(super) struct TreeWriter {
    file: BufWriter<File>,
    offset: u64,
    names: u64,
    levels: Vec<Filling>,
}

impl TreeWriter {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 18, File::create(path)?),
            offset: 0,
            names: 0,
            levels: vec![Filling::default()],
        })
    }

    pub(super) fn push(&mut self, key: &[u8], index: u64) -> io::Result<()> {
        self.names += 1;
        self.push_at(0, key, index)
    }

    fn push_at(&mut self, level: usize, key: &[u8], number: u64) -> io::Result<()> {
        if level == self.levels.len() {
            self.levels.push(Filling::default());
        }
        self.levels[level].push(key, number);
        if self.levels[level].bytes.len() < BLOCK_BYTES {
            return Ok(());
        }
        let begin = self.close(level)?;
        let first = std::mem::take(&mut self.levels[level].first);
        self.push_at(level + 1, &first, begin)
    }

    /// Writes a block, and gives where it begins.
    fn close(&mut self, level: usize) -> io::Result<u64> {
        let entries = std::mem::take(&mut self.levels[level].bytes);
        let length = u32::try_from(entries.len()).map_err(io::Error::other)?;
        let mut block = Vec::with_capacity(HEADER_BYTES + entries.len() + CHECKSUM_BYTES);
        block.extend_from_slice(&length.to_be_bytes());
        block.push(level as u8);
        block.extend_from_slice(&entries);
        block.extend_from_slice(&checksum(&block));
        self.file.write_all(&block)?;
        let begin = self.offset;
        self.offset += block.len() as u64;
        self.levels[level].bytes = entries;
        self.levels[level].bytes.clear();
        Ok(begin)
    }

    /// Ends the file, and gives how many names are in it.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        let mut level = 0;
        let root = loop {
            let is_top = level + 1 == self.levels.len();
            if !self.levels[level].bytes.is_empty() || is_top {
                let begin = self.close(level)?;
                if is_top {
                    break begin;
                }
                let first = std::mem::take(&mut self.levels[level].first);
                self.push_at(level + 1, &first, begin)?;
            }
            level += 1;
        };
        let mut footer = MAGIC.to_vec();
        footer.extend_from_slice(&root.to_be_bytes());
        footer.extend_from_slice(&self.names.to_be_bytes());
        footer.extend_from_slice(&checksum(&footer));
        self.file.write_all(&footer)?;
        let flushed = self.file.into_inner();
        flushed.map_err(io::IntoInnerError::into_error)?;
        Ok(self.names)
    }
}

/// A block above the leaves: first keys and where their blocks begin.
type Branch = Vec<(Box<[u8]>, u64)>;

/// A segment to be read.
#[derive(Debug)]
pub(super) struct Segment {
    parts: Vec<Part>,
}

/// A file of a segment.
#[derive(Debug)]
struct Part {
    file: File,
    root: u64,
    end: u64,
    names: u64,
    branches: Mutex<HashMap<u64, Arc<Branch>>>,
}

#[derive(Debug)]
enum Block {
    Leaf(Vec<u8>),
    Branch(Arc<Branch>),
}

impl Segment {
    pub(super) fn open(folder: &Path, extent: SegmentExtent) -> io::Result<Self> {
        let mut parts = Vec::new();
        for part in 0..extent.parts {
            parts.push(Part::open(&path_of(folder, extent.number, part))?);
        }
        let segment = Self { parts };
        if segment.names() == extent.names {
            Ok(segment)
        } else {
            Err(damaged("a segment is not what was written"))
        }
    }

    /// How many names are in it.
    pub(super) fn names(&self) -> u64 {
        self.parts.iter().map(|part| part.names).sum()
    }

    /// Keys that divide it into so many parts of about the same length, or fewer if it is small.
    pub(super) fn split(&self, parts: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for part in &self.parts {
            if let Block::Branch(branch) = part.block(part.root)? {
                keys.extend(branch.iter().map(|(key, _)| key.to_vec()));
            }
        }
        let at = |number: usize| keys.get(number * keys.len() / parts).cloned();
        let mut splits: Vec<_> = (1..parts).filter_map(at).collect();
        splits.dedup();
        Ok(splits)
    }
}

impl Part {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let end = file.metadata()?.len().checked_sub(FOOTER_BYTES as u64);
        let end = end.ok_or_else(|| damaged("a segment is too short"))?;
        let mut footer = [0; FOOTER_BYTES];
        read_exact_at(&file, &mut footer, end)?;
        let (content, sum) = footer.split_at(FOOTER_BYTES - CHECKSUM_BYTES);
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&content[at..at + 8]);
            u64::from_be_bytes(word)
        };
        if sum != checksum(content) || !content.starts_with(MAGIC) {
            return Err(damaged("the end of a segment is not what was written"));
        }
        Ok(Self {
            file,
            root: word(16),
            names: word(24),
            end,
            branches: Mutex::default(),
        })
    }

    fn block(&self, begin: u64) -> io::Result<Block> {
        let held = self.branches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(branch) = held.get(&begin) {
            return Ok(Block::Branch(Arc::clone(branch)));
        }
        drop(held);
        let (level, entries) = self.read_block(begin)?;
        if level == 0 {
            return Ok(Block::Leaf(entries));
        }
        let mut branch = Vec::new();
        let mut reader = Entries::new(entries);
        while reader.advance()? {
            branch.push((reader.key.clone().into_boxed_slice(), reader.number));
        }
        // Blocks lie behind those above which they stand, so no way down goes in circles.
        if branch.is_empty() || branch.iter().any(|(_, child)| *child >= begin) {
            return Err(damaged("a block leads nowhere"));
        }
        let branch = Arc::new(branch);
        let mut held = self.branches.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() < HELD_BLOCKS {
            held.insert(begin, Arc::clone(&branch));
        }
        Ok(Block::Branch(branch))
    }

    /// Level and entries.
    fn read_block(&self, begin: u64) -> io::Result<(u8, Vec<u8>)> {
        let rest = self.end.saturating_sub(begin);
        let at_once = rest.min(READ_BYTES as u64) as usize;
        let mut bytes = vec![0; at_once];
        read_exact_at(&self.file, &mut bytes, begin)?;
        let &[a, b, c, d, level, ..] = bytes.as_slice() else {
            return Err(damaged("a block is too short"));
        };
        let entries = u32::from_be_bytes([a, b, c, d]) as usize;
        let whole = HEADER_BYTES + entries + CHECKSUM_BYTES;
        if entries > MAX_BLOCK_BYTES || whole as u64 > rest {
            return Err(damaged("a block is too long"));
        }
        let have = bytes.len();
        bytes.resize(whole, 0);
        if let Some(missing) = bytes.get_mut(have..).filter(|missing| !missing.is_empty()) {
            read_exact_at(&self.file, missing, begin + have as u64)?;
        }
        let (content, sum) = bytes.split_at(whole - CHECKSUM_BYTES);
        if sum != checksum(content) {
            return Err(damaged("a block is not what was written"));
        }
        bytes.truncate(whole - CHECKSUM_BYTES);
        bytes.drain(..HEADER_BYTES);
        Ok((level, bytes))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        offset += read as u64;
    }
    Ok(())
}

/// The entries of a block, one after the other.
#[derive(Debug, Default)]
struct Entries {
    bytes: Vec<u8>,
    at: usize,
    key: Vec<u8>,
    number: u64,
}

impl Entries {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }

    /// `false` at the end.
    fn advance(&mut self) -> io::Result<bool> {
        if self.at == self.bytes.len() {
            return Ok(false);
        }
        let mut take = || take_number(&self.bytes, &mut self.at);
        let (Some(shared), Some(rest), Some(number)) = (take(), take(), take()) else {
            return Err(damaged("an entry is cut off"));
        };
        let rest = usize::try_from(rest).ok();
        let end = rest.and_then(|rest| self.at.checked_add(rest));
        let rest = end.and_then(|end| self.bytes.get(self.at..end));
        let shared = usize::try_from(shared).ok();
        let shared = shared.filter(|shared| *shared <= self.key.len());
        let (Some(shared), Some(rest)) = (shared, rest) else {
            return Err(damaged("an entry is cut off"));
        };
        self.key.truncate(shared);
        self.key.extend_from_slice(rest);
        self.at += rest.len();
        self.number = number;
        Ok(true)
    }
}

/// A place in a segment, from which on its names are read in order.
#[derive(Debug)]
pub(super) struct Cursor<'s> {
    segment: &'s Segment,
    /// Which of its files.
    part: usize,
    /// The way down: each block above the leaf, and which of its entries is next.
    above: Vec<(Arc<Branch>, usize)>,
    leaf: Entries,
    is_at_end: bool,
}

impl<'s> Cursor<'s> {
    /// At the first name that is not smaller than the key.
    pub(super) fn seek(segment: &'s Segment, key: &[u8]) -> io::Result<Self> {
        let mut cursor = Self {
            segment,
            part: 0,
            above: Vec::new(),
            leaf: Entries::default(),
            is_at_end: false,
        };
        // The last file that begins with a smaller key may have it in its middle, or the next begins with
        // it: a file that has nothing but smaller ones is left at once.
        for part in (0..segment.parts.len()).rev() {
            cursor.part = part;
            cursor.above.clear();
            cursor.descend(segment.parts[part].root, key)?;
            let is_before = part == 0 || cursor.begins_before(key)?;
            if is_before {
                break;
            }
        }
        cursor.advance()?;
        while cursor.get().is_some_and(|(found, _)| found < key) {
            cursor.advance()?;
        }
        Ok(cursor)
    }

    /// Whether the file where it stands begins with a smaller key.
    fn begins_before(&self, key: &[u8]) -> io::Result<bool> {
        if let Some((branch, _)) = self.above.first() {
            return Ok(branch.first().is_some_and(|(first, _)| &**first < key));
        }
        let mut leaf = Entries::new(self.leaf.bytes.clone());
        Ok(leaf.advance()? && leaf.key.as_slice() < key)
    }

    /// Where it stands: path and version with a space between them, and a record's index.
    pub(super) fn get(&self) -> Option<(&[u8], u64)> {
        (!self.is_at_end).then_some((&self.leaf.key, self.leaf.number))
    }

    pub(super) fn advance(&mut self) -> io::Result<()> {
        while !self.leaf.advance()? {
            let next = loop {
                let Some((branch, next)) = self.above.last_mut() else {
                    let Some(part) = self.segment.parts.get(self.part + 1) else {
                        self.is_at_end = true;
                        return Ok(());
                    };
                    self.part += 1;
                    break part.root;
                };
                if let Some((_, begin)) = branch.get(*next) {
                    *next += 1;
                    break *begin;
                }
                self.above.pop();
            };
            self.descend(next, b"")?;
        }
        Ok(())
    }

    /// Down to the leaf in which the key, or what comes after it, may begin.
    fn descend(&mut self, mut begin: u64, key: &[u8]) -> io::Result<()> {
        loop {
            match self.segment.parts[self.part].block(begin)? {
                Block::Leaf(entries) => {
                    self.leaf = Entries::new(entries);
                    return Ok(());
                }
                Block::Branch(branch) => {
                    let smaller = branch.partition_point(|(first, _)| &**first < key);
                    let child = smaller.saturating_sub(1);
                    begin = branch[child].1;
                    self.above.push((branch, child + 1));
                }
            }
        }
    }
}
