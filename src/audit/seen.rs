//! Which module versions stand in the log, and where: enough to notice one that comes a second time,
//! in twelve bytes for each record and without holding them in memory.
//!
//! A fingerprint of 64 bits stands for a module version. Its first byte chooses one of 256 files; the
//! rest of it and the record's index are an entry. New entries are appended as they come. When an audit
//! ends, each file is sorted by fingerprint, and two entries of one fingerprint are neighbours. What
//! they are in truth the records themselves have to say.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::Hasher as _;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher13;

const BUCKETS: usize = 256;

/// Seven bytes of fingerprint and five of index.
const ENTRY_BYTES: usize = 12;
const INDEX_BITS: u32 = 40;

/// What waits in memory for one file.
const BUFFER_BYTES: usize = 48 << 10;

/// Who has the key knows which module versions collide; it is chosen at random for each home.
pub type SeenKey = [u8; 16];

/// A fingerprint of a module version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of the words of a record.
    #[must_use]
    pub fn new(key: &SeenKey, path: &str, version: &str) -> Self {
        let mut hasher = SipHasher13::new_with_key(key);
        hasher.write(path.as_bytes());
        hasher.write_u8(b' ');
        hasher.write(version.as_bytes());
        Self(hasher.finish())
    }
}

/// What counts of the files. It is kept where it can be replaced in one step; whatever it does not name
/// never was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    buckets: Vec<Bucket>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    entries: u64,
    /// So many of them, the first ones, are in order.
    sorted: u64,
    /// Sorting makes another file.
    generation: u64,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            buckets: vec![Bucket::default(); BUCKETS],
        }
    }
}

impl Extent {
    /// As it is kept in the database.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.buckets.iter().flat_map(|bucket| {
            [bucket.entries, bucket.sorted, bucket.generation].map(u64::to_be_bytes)
        });
        words.flatten().collect()
    }

    /// `None` if it is damaged.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let (buckets, []) = words.as_chunks::<3>() else {
            return None;
        };
        let bucket = |words: &[[u8; 8]; 3]| {
            let [entries, sorted, generation] = words.map(u64::from_be_bytes);
            Bucket {
                entries,
                sorted,
                generation,
            }
        };
        let buckets: Vec<Bucket> = buckets.iter().map(bucket).collect();
        let is_sound = |bucket: &Bucket| bucket.sorted <= bucket.entries;
        (buckets.len() == BUCKETS && buckets.iter().all(is_sound)).then_some(Self { buckets })
    }
}

/// The files.
#[derive(Debug)]
pub struct Seen {
    folder: PathBuf,
    extent: Extent,
    waiting: Vec<Vec<u8>>,
}

/// Two records with one fingerprint: the earlier and the later index.
pub type Pair = (u64, u64);

impl Seen {
    /// Takes up the files in a folder; what they have beyond the extent does not count.
    ///
    /// # Errors
    /// What the system says, and `InvalidData` if entries are missing.
    pub fn open(folder: &Path, extent: Extent) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for (number, bucket) in extent.buckets.iter().enumerate() {
            let path = path_of(folder, number, bucket.generation);
            let file = options().open(&path)?;
            let length = bucket.entries.saturating_mul(ENTRY_BYTES as u64);
            if file.metadata()?.len() < length {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{} is too short", path.display()),
                ));
            }
            file.set_len(length)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            extent,
            waiting: vec![Vec::new(); BUCKETS],
        })
    }

    /// Notes a record.
    ///
    /// # Errors
    /// What the system says.
    pub fn push(&mut self, fingerprint: Fingerprint, index: u64) -> io::Result<()> {
        let number = (fingerprint.0 >> 56) as usize;
        let bucket = &mut self.waiting[number];
        let entry = u128::from(fingerprint.0 << 8 >> 8) << INDEX_BITS | u128::from(index);
        bucket.extend_from_slice(&entry.to_be_bytes()[16 - ENTRY_BYTES..]);
        if bucket.len() >= BUFFER_BYTES {
            self.append(number)?;
        }
        Ok(())
    }

    /// Brings everything onto the disk. From then on this extent counts, once it is kept.
    ///
    /// # Errors
    /// What the system says.
    pub fn flush(&mut self) -> io::Result<Extent> {
        for number in 0..BUCKETS {
            self.append(number)?;
        }
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(File::open(&self.folder)?)?;
        #[cfg(not(target_os = "linux"))]
        for (number, bucket) in self.extent.buckets.iter().enumerate() {
            let path = path_of(&self.folder, number, bucket.generation);
            options().open(path)?.sync_data()?;
        }
        Ok(self.extent.clone())
    }

    /// Sorts what is new, and finds the pairs in which it takes part. What was sorted before and has
    /// no new neighbour is not looked at again.
    ///
    /// # Errors
    /// What the system says.
    pub fn settle(&mut self) -> io::Result<Vec<Pair>> {
        self.flush()?;
        let work: Vec<(usize, Bucket)> = self
            .extent
            .buckets
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, bucket)| bucket.entries > bucket.sorted)
            .collect();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let next = std::sync::atomic::AtomicUsize::new(0);
        let (folder, work) = (&self.folder, &work);
        let found: Vec<io::Result<Vec<Pair>>> = std::thread::scope(|scope| {
            let worker = || {
                let mut pairs = Vec::new();
                loop {
                    let turn = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((number, bucket)) = work.get(turn) else {
                        return Ok(pairs);
                    };
                    pairs.extend(settle_bucket(folder, *number, *bucket)?);
                }
            };
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("a worker has failed")))
            };
            workers.into_iter().map(join).collect()
        });
        let mut pairs = Vec::new();
        for of_worker in found {
            pairs.extend(of_worker?);
        }
        for (number, _) in work {
            if let Some(bucket) = self.extent.buckets.get_mut(*number) {
                bucket.sorted = bucket.entries;
                bucket.generation += 1;
            }
        }
        pairs.sort_unstable();
        Ok(pairs)
    }

    /// Removes the files that do not count any more, once the extent is kept.
    ///
    /// # Errors
    /// What the system says.
    pub fn sweep(&self) -> io::Result<()> {
        let counts: HashSet<PathBuf> = self
            .extent
            .buckets
            .iter()
            .enumerate()
            .map(|(number, bucket)| path_of(&self.folder, number, bucket.generation))
            .collect();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if !counts.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// What counts, once it is kept: after [`Seen::flush`] or [`Seen::settle`].
    #[must_use]
    pub const fn extent(&self) -> &Extent {
        &self.extent
    }

    fn append(&mut self, number: usize) -> io::Result<()> {
        let (Some(waiting), Some(bucket)) = (
            self.waiting.get_mut(number),
            self.extent.buckets.get_mut(number),
        ) else {
            return Ok(());
        };
        if waiting.is_empty() {
            return Ok(());
        }
        let path = path_of(&self.folder, number, bucket.generation);
        let mut file = options().append(true).open(path)?;
        file.write_all(waiting)?;
        bucket.entries += (waiting.len() / ENTRY_BYTES) as u64;
        waiting.clear();
        Ok(())
    }
}

fn options() -> fs::OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options
}

fn path_of(folder: &Path, number: usize, generation: u64) -> PathBuf {
    folder.join(format!("{number:02x}.{generation}"))
}

type Entry = [u8; ENTRY_BYTES];

/// Writes all entries in order into the next generation's file.
fn settle_bucket(folder: &Path, number: usize, bucket: Bucket) -> io::Result<Vec<Pair>> {
    let Bucket {
        entries: all,
        sorted,
        generation,
    } = bucket;
    let mut file = File::open(path_of(folder, number, generation))?;
    let read = |file: &mut File, from: u64, to: u64| -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; ((to - from) as usize) * ENTRY_BYTES];
        file.seek(SeekFrom::Start(from * ENTRY_BYTES as u64))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let old = read(&mut file, 0, sorted)?;
    let mut new = read(&mut file, sorted, all)?;
    let (new, _) = new.as_chunks_mut::<ENTRY_BYTES>();
    new.sort_unstable();
    let (old, _) = old.as_chunks::<ENTRY_BYTES>();

    let mut pairs = Vec::new();
    let mut merged = Vec::with_capacity((all as usize) * ENTRY_BYTES);
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut before: Option<(&Entry, bool)> = None;
    loop {
        let is_new = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => false,
            (None, Some(_)) => true,
            (Some(old), Some(new)) => new < old,
        };
        let Some(entry) = (if is_new { new.next() } else { old.next() }) else {
            break;
        };
        if let Some((before, was_new)) = before
            && (is_new || was_new)
            && before[..7] == entry[..7]
        {
            pairs.push((index_of(before), index_of(entry)));
        }
        merged.extend_from_slice(entry);
        before = Some((entry, is_new));
    }
    let mut next = File::create(path_of(folder, number, generation + 1))?;
    next.write_all(&merged)?;
    next.sync_data()?;
    Ok(pairs)
}

fn index_of(entry: &Entry) -> u64 {
    let mut bytes = [0; 8];
    bytes[3..].copy_from_slice(&entry[7..]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SeenKey = [7; 16];

    fn fingerprint(number: u64) -> Fingerprint {
        Fingerprint::new(&KEY, &format!("example.com/m{number}"), "v1.0.0")
    }

    fn push(seen: &mut Seen, records: impl IntoIterator<Item = (u64, u64)>) {
        for (number, index) in records {
            seen.push(fingerprint(number), index).unwrap();
        }
    }

    #[test]
    fn what_comes_a_second_time_is_found_whenever_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::open(folder.path(), Extent::default()).unwrap();
        push(&mut seen, (0..100_000).map(|number| (number, number)));
        push(&mut seen, [(77, 100_000)]);
        assert_eq!(seen.settle().unwrap(), [(77, 100_000)]);
        // In a later audit, of what was there and of what is new.
        let extent = Extent::from_bytes(&seen.extent().to_bytes()).unwrap();
        let mut seen = Seen::open(folder.path(), extent).unwrap();
        push(
            &mut seen,
            [(5, 100_001), (200_000, 100_002), (200_000, 100_003)],
        );
        assert_eq!(seen.settle().unwrap(), [(5, 100_001), (100_002, 100_003)]);
        assert_eq!(seen.settle().unwrap(), []);
        push(&mut seen, [(99_999, 100_004)]);
        assert_eq!(seen.settle().unwrap(), [(99_999, 100_004)]);
    }

    #[test]
    fn what_was_not_kept_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::open(folder.path(), Extent::default()).unwrap();
        push(&mut seen, (0..1000).map(|number| (number, number)));
        let kept = seen.flush().unwrap();
        push(&mut seen, (0..1000).map(|number| (number, 1000 + number)));
        seen.settle().unwrap();
        drop(seen);
        // After a crash: the entries behind the extent never were.
        let mut seen = Seen::open(folder.path(), kept).unwrap();
        push(&mut seen, [(3, 1000)]);
        assert_eq!(seen.settle().unwrap(), [(3, 1000)]);
        seen.sweep().unwrap();
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, BUCKETS);
    }

    #[test]
    fn damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::open(folder.path(), Extent::default()).unwrap();
        push(&mut seen, (0..1000).map(|number| (number, number)));
        let kept = seen.flush().unwrap();
        drop(seen);
        fs::write(folder.path().join("00.0"), "").unwrap();
        assert!(Seen::open(folder.path(), kept).is_err());
        assert_eq!(Extent::from_bytes(b"short"), None);
    }
}
