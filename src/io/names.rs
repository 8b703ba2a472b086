//! Which records are of which module version: an index on the disk, in order of path and version.
//!
//! It is a set of segments that never change, each a tree of blocks written from the leaves up; what is
//! new becomes a new segment, and small ones are merged into larger ones. A block is checked when it is
//! read, so that what a search does not find is not there, and not merely unreadable.

mod segment;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::Hasher as _;
use std::io;
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher13;

use self::segment::{Cursor, Segment, TreeWriter};
use super::failpoint;

/// So many names are sorted in memory: some 20 MB.
const BATCH_NAMES: usize = 1 << 18;

/// Before there are more segments than this, small ones are merged: each takes a file handle and a
/// block of memory while they are read.
const MAX_SEGMENTS: usize = 64;

/// When all is in, a segment stays beside an older one only if it is smaller by this factor.
const SHRINK: u64 = 4;

/// Module versions that wait to become a segment.
#[derive(Debug, Default)]
pub struct NameBatch {
    keys: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Of two keys, the one with the smaller rank is the smaller one.
    rank: u128,
    start: u32,
    length: u32,
    index: u64,
}

impl NameBatch {
    /// Notes that the record at `index` is of this module version.
    pub fn push(&mut self, path: &str, version: &str, index: u64) {
        let start = self.keys.len();
        self.keys.extend_from_slice(path.as_bytes());
        self.keys.push(b' ');
        self.keys.extend_from_slice(version.as_bytes());
        self.entries.push(Entry {
            rank: rank(&self.keys[start..]),
            start: u32::try_from(start).unwrap_or(u32::MAX),
            length: u32::try_from(self.keys.len() - start).unwrap_or(u32::MAX),
            index,
        });
    }

    /// Takes over what another batch has of records whose index is wanted.
    pub fn append_if(&mut self, other: &Self, is_wanted: impl Fn(u64) -> bool) {
        let moved = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.extend_from_slice(&other.keys);
        let wanted = other.entries.iter().filter(|entry| is_wanted(entry.index));
        let entries = wanted.map(|entry| Entry {
            start: entry.start.saturating_add(moved),
            ..*entry
        });
        self.entries.extend(entries);
    }

    /// Whether it is time to write it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        // Hostile records are long, and offsets have 32 bits.
        self.entries.len() >= BATCH_NAMES || self.keys.len() >= (BATCH_NAMES << 7)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        &self.keys[start..start + entry.length as usize]
    }

    fn sort(&mut self) {
        let key = |entry: &Entry| {
            let start = entry.start as usize;
            &self.keys[start..start + entry.length as usize]
        };
        self.entries.sort_unstable_by(|one, other| {
            let by_rank = one.rank.cmp(&other.rank);
            by_rank
                .then_with(|| key(one).cmp(key(other)))
                .then_with(|| one.index.cmp(&other.index))
        });
    }
}

/// Most paths begin alike: what comes then tells them apart. Paths that are smaller or greater than all
/// of those keep their place before and after them.
fn rank(key: &[u8]) -> u128 {
    const COMMON: &[u8] = b"github.com/";
    let (class, rest) = match key.strip_prefix(COMMON) {
        Some(rest) => (1, rest),
        None if key < COMMON => (0, key),
        None => (2, key),
    };
    let mut bytes = [0; 16];
    let [of_class, beginning @ ..] = &mut bytes;
    *of_class = class;
    match rest.first_chunk() {
        Some(chunk) => *beginning = *chunk,
        None => beginning[..rest.len()].copy_from_slice(rest),
    }
    u128::from_be_bytes(bytes)
}

/// What counts of the files. It is kept where it can be replaced in one step; whatever it does not name
/// never was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamesExtent {
    /// Oldest first.
    segments: Vec<SegmentExtent>,
    next: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SegmentExtent {
    /// In the names of its files.
    number: u64,
    names: u64,
    /// Files, each with the names that come after those of the one before.
    parts: u64,
}

impl NamesExtent {
    /// As it is kept in the database.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let segments = self.segments.iter();
        let segments = segments.flat_map(|of| [of.number, of.names, of.parts]);
        std::iter::once(self.next)
            .chain(segments)
            .flat_map(u64::to_be_bytes)
            .collect()
    }

    /// `None` if it is damaged.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let ([next], rest) = words.split_at_checked(1)? else {
            return None;
        };
        let (segments, []) = rest.as_chunks::<3>() else {
            return None;
        };
        let segment = |words: &[[u8; 8]; 3]| {
            let [number, names, parts] = words.map(u64::from_be_bytes);
            SegmentExtent {
                number,
                names,
                parts,
            }
        };
        Some(Self {
            segments: segments.iter().map(segment).collect(),
            next: u64::from_be_bytes(*next),
        })
    }

    /// How many names are in it.
    #[must_use]
    pub fn names(&self) -> u64 {
        self.segments.iter().map(|of| of.names).sum()
    }
}

/// Makes segments. What it has written counts once its extent is kept.
#[derive(Debug, Clone)]
pub struct NamesWriter {
    folder: PathBuf,
    extent: NamesExtent,
}

impl NamesWriter {
    /// Goes on behind an extent.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: &Path, mut extent: NamesExtent) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        // A file that is there, of whatever time, may be read by somebody: it is never written again.
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.split('-').next()?.parse::<u64>().ok());
            extent.next = extent.next.max(number.map_or(0, |number| number + 1));
        }
        Ok(Self {
            folder: folder.to_owned(),
            extent,
        })
    }

    /// What counts once it is kept.
    #[must_use]
    pub const fn extent(&self) -> &NamesExtent {
        &self.extent
    }

    /// What a batch will be, written by [`NewSegment::write`] on any thread.
    #[must_use]
    pub fn plan(&mut self, batch: NameBatch) -> NewSegment {
        let number = self.extent.next;
        self.extent.next += 1;
        self.extent.segments.push(SegmentExtent {
            number,
            names: batch.entries.len() as u64,
            parts: 1,
        });
        NewSegment {
            path: path_of(&self.folder, number, 0),
            batch,
        }
    }

    /// Merges what is small. All that was planned must be written.
    ///
    /// # Errors
    /// What the system says, and `InvalidData` for a damaged segment.
    pub fn merge(&mut self, is_end: bool) -> io::Result<()> {
        let segments = &self.extent.segments;
        let keep = if is_end {
            // From the oldest one on that is not much larger than all newer ones together.
            let newer = |at: usize| -> u64 { segments[at + 1..].iter().map(|of| of.names).sum() };
            let is_small = |&at: &usize| segments[at].names < newer(at) * SHRINK;
            (0..segments.len()).find(is_small).unwrap_or(segments.len())
        } else if segments.len() > MAX_SEGMENTS {
            let largest = segments.iter().map(|of| of.names).max();
            let is_large = |of: &SegmentExtent| largest.is_some_and(|most| of.names > most / 2);
            // What was merged once is left alone for now.
            let young = segments.iter().rposition(is_large).map_or(0, |at| at + 1);
            if segments.len() - young > MAX_SEGMENTS / 2 {
                young
            } else {
                0
            }
        } else {
            return Ok(());
        };
        if segments.len() - keep < 2 {
            return Ok(());
        }
        let old = self.extent.segments.split_off(keep);
        let open = |of: &SegmentExtent| Segment::open(&self.folder, *of);
        let old = old.iter().map(open).collect::<io::Result<Vec<_>>>()?;
        let merged = self.merge_all(&old)?;
        self.extent.next += 1;
        self.extent.segments.push(merged);
        Ok(())
    }

    /// Into one segment, of as many parts as there are processors.
    fn merge_all(&self, old: &[Segment]) -> io::Result<SegmentExtent> {
        let number = self.extent.next;
        let parts = std::thread::available_parallelism().map_or(1, usize::from);
        let largest = old.iter().max_by_key(|segment| segment.names());
        let splits = largest.map_or(Ok(Vec::new()), |largest| largest.split(parts))?;
        let merge = |part: usize| -> io::Result<u64> {
            let begin = part
                .checked_sub(1)
                .map_or(b"".as_slice(), |before| &splits[before]);
            let end = splits.get(part);
            let mut writer = TreeWriter::create(&path_of(&self.folder, number, part as u64))?;
            let mut merged = Merged::from(old, begin)?;
            while let Some((key, index)) = merged.next()? {
                if end.is_some_and(|end| key >= end.as_slice()) {
                    break;
                }
                writer.push(key, index)?;
            }
            writer.finish()
        };
        let names: io::Result<u64> = std::thread::scope(|scope| {
            let merge = &merge;
            let parts = 0..=splits.len();
            let work: Vec<_> = parts.map(|part| scope.spawn(move || merge(part))).collect();
            let failed = |_| Err(io::Error::other("a worker has failed"));
            work.into_iter()
                .map(|work| work.join().unwrap_or_else(failed))
                .sum()
        });
        Ok(SegmentExtent {
            number,
            names: names?,
            parts: splits.len() as u64 + 1,
        })
    }

    /// Removes the files that do not count any more, once the extent is kept.
    ///
    /// # Errors
    /// What the system says.
    pub fn sweep(&self) -> io::Result<()> {
        let segments = self.extent.segments.iter();
        let files = segments.flat_map(|of| (0..of.parts).map(|part| (of.number, part)));
        let counts: HashSet<PathBuf> = files
            .map(|(number, part)| path_of(&self.folder, number, part))
            .collect();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() && !counts.contains(&entry.path()) {
                fs::remove_file(entry.path())?;
                failpoint::pass("names: a file that does not count is removed");
            }
        }
        Ok(())
    }
}

/// A segment to be written.
#[derive(Debug)]
pub struct NewSegment {
    path: PathBuf,
    batch: NameBatch,
}

impl NewSegment {
    /// Sorts and writes it, and gives the batch back, empty, to be filled again.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(mut self) -> io::Result<NameBatch> {
        let mut writer = TreeWriter::create(&self.path)?;
        self.batch.sort();
        for entry in &self.batch.entries {
            writer.push(self.batch.key(entry), entry.index)?;
        }
        writer.finish()?;
        failpoint::pass("names: a segment is written");
        self.batch.keys.clear();
        self.batch.entries.clear();
        Ok(self.batch)
    }
}

/// The index, to be read.
#[derive(Debug)]
pub struct Names {
    segments: Vec<Segment>,
}

impl Names {
    /// Opens the segments that count.
    ///
    /// # Errors
    /// What the system says, and `InvalidData` for a damaged segment.
    pub fn open(folder: &Path, extent: &NamesExtent) -> io::Result<Self> {
        let segments = extent.segments.iter();
        let open = |of: &SegmentExtent| Segment::open(folder, *of);
        Ok(Self {
            segments: segments.map(open).collect::<io::Result<_>>()?,
        })
    }

    /// Indices of the records of a module version, in order.
    ///
    /// # Errors
    /// What the system says, and `InvalidData` for a damaged block.
    pub fn find(&self, path: &str, version: &str) -> io::Result<Vec<u64>> {
        let key = [path.as_bytes(), b" ", version.as_bytes()].concat();
        let mut indices = Vec::new();
        for segment in &self.segments {
            let mut cursor = Cursor::seek(segment, &key)?;
            while let Some((found, index)) = cursor.get()
                && found == key
            {
                indices.push(index);
                cursor.advance()?;
            }
        }
        indices.sort_unstable();
        Ok(indices)
    }

    /// All that begin with this prefix, in order of path and version.
    ///
    /// # Errors
    /// What the system says, and `InvalidData` for a damaged block.
    pub fn below(&self, prefix: &str) -> io::Result<Merged<'_>> {
        Merged::below(&self.segments, prefix.as_bytes())
    }

    /// Reads every block and sums up what is in it.
    ///
    /// # Errors
    /// What the system says, and `InvalidData` for a damaged block.
    pub fn sum(&self) -> io::Result<NamesSum> {
        let mut all = self.below("")?;
        let mut sum = NamesSum::default();
        while let Some((key, index)) = all.next()? {
            sum.add_key(key, index);
        }
        Ok(sum)
    }
}

/// What names of records sum up to, in whatever order they come: two indices of the same names have the
/// same sum.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct NamesSum {
    /// How many there are.
    pub names: u64,
    hashes: u64,
}

impl NamesSum {
    /// Adds the name of a record.
    pub fn add(&mut self, path: &str, version: &str, index: u64) {
        self.add_key(&[path.as_bytes(), b" ", version.as_bytes()].concat(), index);
    }

    fn add_key(&mut self, key: &[u8], index: u64) {
        let mut hasher = SipHasher13::new();
        hasher.write(key);
        hasher.write_u64(index);
        self.names += 1;
        self.hashes = self.hashes.wrapping_add(hasher.finish());
    }

    /// Adds what others sum up to.
    pub const fn join(&mut self, other: Self) {
        self.names += other.names;
        self.hashes = self.hashes.wrapping_add(other.hashes);
    }
}

/// The names of several segments in one order.
#[derive(Debug)]
pub struct Merged<'s> {
    /// A heap: none is smaller than the one above it. Beside each the rank of its key.
    cursors: Vec<(u128, Cursor<'s>)>,
    prefix: Vec<u8>,
    taken: bool,
}

impl<'s> Merged<'s> {
    fn below(segments: &'s [Segment], prefix: &[u8]) -> io::Result<Self> {
        Ok(Self {
            prefix: prefix.to_owned(),
            ..Self::from(segments, prefix)?
        })
    }

    /// From the first name on that is not smaller than the key.
    fn from(segments: &'s [Segment], key: &[u8]) -> io::Result<Self> {
        let mut cursors = Vec::with_capacity(segments.len());
        for segment in segments {
            let cursor = Cursor::seek(segment, key)?;
            if let Some((key, _)) = cursor.get() {
                cursors.push((rank(key), cursor));
            }
        }
        let mut merged = Self {
            cursors,
            prefix: Vec::new(),
            taken: false,
        };
        for at in (0..merged.cursors.len() / 2).rev() {
            merged.sift_down(at);
        }
        Ok(merged)
    }

    /// The next path and version, with a space between them, and the record's index.
    ///
    /// # Errors
    /// What the system says, and `InvalidData` for a damaged block.
    #[expect(clippy::should_implement_trait, reason = "what it gives is borrowed")]
    pub fn next(&mut self) -> io::Result<Option<(&[u8], u64)>> {
        if std::mem::replace(&mut self.taken, true)
            && let Some((of_first, first)) = self.cursors.first_mut()
        {
            first.advance()?;
            match first.get() {
                Some((key, _)) => *of_first = rank(key),
                None => drop(self.cursors.swap_remove(0)),
            }
            self.sift_down(0);
        }
        let first = self.cursors.first().and_then(|(_, cursor)| cursor.get());
        Ok(first.filter(|(key, _)| key.starts_with(&self.prefix)))
    }

    fn is_less(&self, one: usize, other: usize) -> bool {
        let ((rank, one), (of_other, other)) = (&self.cursors[one], &self.cursors[other]);
        match rank.cmp(of_other) {
            Ordering::Equal => one.get() < other.get(),
            unequal => unequal.is_lt(),
        }
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.cursors.len() && self.is_less(child, least) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.cursors.swap(at, least);
            at = least;
        }
    }
}

fn path_of(folder: &Path, number: u64, part: u64) -> PathBuf {
    folder.join(format!("{number:08}-{part}.names"))
}

/// Puts the files of a folder on the disk.
///
/// # Errors
/// What the system says.
pub fn sync(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(File::open(folder)?)?;
    #[cfg(not(target_os = "linux"))]
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    failpoint::pass("names: all are on the disk");
    Ok(())
}

#[cfg(test)]
mod tests;
