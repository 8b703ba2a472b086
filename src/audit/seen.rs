//! Which module versions stand in the log, and where: enough to notice one that comes a second time,
//! in twelve bytes for each record and without holding them in memory.
//!
//! A fingerprint of 64 bits stands for a module version. Its first byte chooses one of 256 files; the
//! rest of it and the record's index are an entry. New entries are appended as they come. When an audit
//! ends, they are compared with all others: a file with much that is new is sorted by fingerprint, so
//! that entries of one fingerprint are neighbours; for little that is new the sorted part is searched,
//! and the rest waits behind it. What entries of one fingerprint are in truth the records themselves
//! have to say.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::Hasher as _;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use siphasher::sip::SipHasher13;

const BUCKETS: usize = 256;

/// Seven bytes of fingerprint and five of index.
const ENTRY_BYTES: usize = 12;
const INDEX_BITS: u32 = 40;

/// A file of which less than one in so many entries is new is searched and not sorted.
const SEARCHED_SHARE: u64 = 128;

/// What waits unsorted behind the sorted entries is one in so many at most: so the cost of sorting
/// stays in proportion to what comes in.
const UNSORTED_SHARE: u64 = 8;

/// Fingerprints are as good as random, so the place of one among the sorted is known to within some
/// square roots of their number: that many are read at once.
const SPREAD: f64 = 4.0;

/// A log that repeats itself without end does not fill the memory: so many module versions of a file,
/// and so many records of each, are told one by one.
const MAX_RUNS: usize = 1000;
const MAX_RUN: usize = 64;

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
    /// So many of them were compared with each other.
    settled: u64,
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
            let Bucket {
                entries,
                sorted,
                settled,
                generation,
            } = *bucket;
            [entries, sorted, settled, generation].map(u64::to_be_bytes)
        });
        words.flatten().collect()
    }

    /// `None` if it is damaged.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let (buckets, []) = words.as_chunks::<4>() else {
            return None;
        };
        let bucket = |words: &[[u8; 8]; 4]| {
            let [entries, sorted, settled, generation] = words.map(u64::from_be_bytes);
            Bucket {
                entries,
                sorted,
                settled,
                generation,
            }
        };
        let buckets: Vec<Bucket> = buckets.iter().map(bucket).collect();
        let is_sound =
            |bucket: &Bucket| bucket.sorted <= bucket.settled && bucket.settled <= bucket.entries;
        (buckets.len() == BUCKETS && buckets.iter().all(is_sound)).then_some(Self { buckets })
    }
}

/// The files.
#[derive(Debug)]
pub struct Seen {
    folder: PathBuf,
    extent: Extent,
    waiting: Vec<Vec<u8>>,
    size: u64,
}

/// Records with one fingerprint, by index, and whether each came in since the last time.
pub type Alike = Vec<(u64, bool)>;

/// What is alike.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct AllAlike {
    /// Each module version that stands there more than once.
    pub runs: Vec<Alike>,
    /// New records that are like others, and more than can be told.
    pub untold: u64,
}

impl Seen {
    /// Takes up the files in a folder, which have the records below a size; what they have beyond the
    /// extent does not count.
    ///
    /// # Errors
    /// What the system says, and `InvalidData` if entries are missing.
    pub fn open(folder: &Path, extent: Extent, size: u64) -> io::Result<Self> {
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
            size,
        })
    }

    /// All records below this index are noted.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// All records below this index are noted by now.
    pub fn set_size(&mut self, size: u64) {
        self.size = self.size.max(size);
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

    /// Compares what is new with all there is. Whatever is alike in it is told, with all that is like
    /// it from before.
    ///
    /// # Errors
    /// What the system says.
    pub fn settle(&mut self) -> io::Result<AllAlike> {
        self.flush()?;
        let buckets = self.extent.buckets.iter().copied().enumerate();
        let work: Vec<(usize, Bucket)> = buckets
            .filter(|(_, bucket)| bucket.entries > bucket.settled)
            .collect();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        let (folder, work) = (&self.folder, &work);
        let settled: Vec<io::Result<Vec<Settled>>> = std::thread::scope(|scope| {
            let worker = || {
                let mut settled = Vec::new();
                while let Some((number, bucket)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    settled.push(settle_bucket(folder, *number, *bucket)?);
                }
                Ok(settled)
            };
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("a worker has failed")))
            };
            workers.into_iter().map(join).collect()
        });
        let mut alike = AllAlike::default();
        for settled in settled {
            for (number, bucket, of_bucket) in settled? {
                self.extent.buckets[number] = bucket;
                alike.runs.extend(of_bucket.runs);
                alike.untold += of_bucket.untold;
            }
        }
        alike.runs.sort_unstable();
        Ok(alike)
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
            let entry = entry?;
            if entry.file_type()?.is_file() && !counts.contains(&entry.path()) {
                fs::remove_file(entry.path())?;
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

type Settled = (usize, Bucket, AllAlike);

fn settle_bucket(folder: &Path, number: usize, bucket: Bucket) -> io::Result<Settled> {
    let file = BucketFile(File::open(path_of(folder, number, bucket.generation))?);
    let new = bucket.entries - bucket.settled;
    let unsorted = bucket.entries - bucket.sorted;
    if new * SEARCHED_SHARE < bucket.sorted && unsorted * UNSORTED_SHARE < bucket.sorted {
        let alike = search(&file, bucket)?;
        let bucket = Bucket {
            settled: bucket.entries,
            ..bucket
        };
        return Ok((number, bucket, alike));
    }
    let bucket_of = Bucket {
        sorted: bucket.entries,
        settled: bucket.entries,
        generation: bucket.generation + 1,
        ..bucket
    };
    let next = path_of(folder, number, bucket_of.generation);
    Ok((number, bucket_of, sort(&file, bucket, &next)?))
}

/// The entries of one file.
struct BucketFile(File);

impl BucketFile {
    fn read(&self, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        let mut bytes = vec![0; ((to - from) as usize) * ENTRY_BYTES];
        (&self.0).seek(SeekFrom::Start(from * ENTRY_BYTES as u64))?;
        (&self.0).read_exact(&mut bytes)?;
        Ok(bytes.as_chunks().0.to_vec())
    }

    /// Those of the first `sorted` entries that have this fingerprint.
    fn like(&self, entry: &Entry, sorted: u64) -> io::Result<Vec<Entry>> {
        let mut high = [0; 8];
        high[..7].copy_from_slice(&entry[..7]);
        let share = u64::from_be_bytes(high) as f64 / 2_f64.powi(64);
        let place = (share * sorted as f64) as u64;
        let mut reach = (SPREAD * (sorted as f64).sqrt()) as u64 + 16;
        loop {
            let from = place.saturating_sub(reach);
            let to = sorted.min(place.saturating_add(reach));
            let window = self.read(from, to)?;
            let begin = window.partition_point(|other| other[..7] < entry[..7]);
            let end = window.partition_point(|other| other[..7] <= entry[..7]);
            let is_whole = (begin > 0 || from == 0) && (end < window.len() || to == sorted);
            if is_whole {
                return Ok(window[begin..end].to_vec());
            }
            reach = reach.saturating_mul(4);
        }
    }
}

/// Looks for what is new among all others.
fn search(file: &BucketFile, bucket: Bucket) -> io::Result<AllAlike> {
    let old = (bucket.settled - bucket.sorted) as usize;
    let tail = file.read(bucket.sorted, bucket.entries)?;
    let mut entries: Vec<(Entry, bool)> = Vec::with_capacity(tail.len());
    for (at, entry) in tail.iter().enumerate() {
        let is_new = at >= old;
        if is_new {
            let like = file.like(entry, bucket.sorted)?;
            entries.extend(like.into_iter().map(|entry| (entry, false)));
        }
        entries.push((*entry, is_new));
    }
    entries.sort_unstable();
    entries.dedup_by_key(|(entry, _)| *entry);
    let mut alike = AlikeRuns::default();
    for (entry, is_new) in &entries {
        alike.push(entry, *is_new);
    }
    Ok(alike.end())
}

/// Writes all entries in order into another file.
fn sort(file: &BucketFile, bucket: Bucket, next: &Path) -> io::Result<AllAlike> {
    let old = file.read(0, bucket.sorted)?;
    let rest = file.read(bucket.sorted, bucket.entries)?;
    let settled = (bucket.settled - bucket.sorted) as usize;
    let rest = rest.into_iter().enumerate();
    let mut rest: Vec<(Entry, bool)> = rest.map(|(at, entry)| (entry, at >= settled)).collect();
    rest.sort_unstable();

    let mut alike = AlikeRuns::default();
    let mut merged = Vec::with_capacity((bucket.entries as usize) * ENTRY_BYTES);
    let (mut old, mut rest) = (old.iter().peekable(), rest.iter().peekable());
    loop {
        let (entry, is_new) = match (old.peek(), rest.peek()) {
            (Some(entry), other) if other.is_none_or(|(other, _)| **entry < *other) => {
                let entry = **entry;
                old.next();
                (entry, false)
            }
            (_, Some(entry)) => {
                let entry = **entry;
                rest.next();
                entry
            }
            (_, None) => break,
        };
        alike.push(&entry, is_new);
        merged.extend_from_slice(&entry);
    }
    let mut next = File::create(next)?;
    next.write_all(&merged)?;
    next.sync_data()?;
    Ok(alike.end())
}

/// Runs of entries with one fingerprint of which at least one is new.
#[derive(Default)]
struct AlikeRuns {
    fingerprint: [u8; 7],
    run: Alike,
    untold: u64,
    found: AllAlike,
}

impl AlikeRuns {
    fn push(&mut self, entry: &Entry, is_new: bool) {
        if entry[..7] != self.fingerprint {
            self.end_run();
            self.fingerprint.copy_from_slice(&entry[..7]);
        }
        if self.run.len() < MAX_RUN {
            self.run.push((index_of(entry), is_new));
        } else {
            self.untold += u64::from(is_new);
        }
    }

    fn end_run(&mut self) {
        let new = self.run.iter().filter(|(_, is_new)| *is_new).count() as u64;
        if self.run.len() > 1 && new + self.untold > 0 {
            if self.found.runs.len() < MAX_RUNS {
                self.found.runs.push(std::mem::take(&mut self.run));
            } else {
                self.untold += new;
            }
            self.found.untold += self.untold;
        }
        self.run.clear();
        self.untold = 0;
    }

    fn end(mut self) -> AllAlike {
        self.end_run();
        self.found
    }
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

    fn settle(seen: &mut Seen) -> Vec<Vec<u64>> {
        let alike = seen.settle().unwrap().runs.into_iter();
        let indices = alike.map(|run| run.into_iter().map(|(index, _)| index).collect());
        indices.collect()
    }

    #[test]
    fn what_comes_a_second_time_is_found_whenever_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::open(folder.path(), Extent::default(), 0).unwrap();
        push(&mut seen, (0..100_000).map(|number| (number, number)));
        push(&mut seen, [(77, 100_000)]);
        assert_eq!(settle(&mut seen), [vec![77, 100_000]]);
        // In a later audit, of what was there and of what is new.
        let extent = Extent::from_bytes(&seen.extent().to_bytes()).unwrap();
        let mut seen = Seen::open(folder.path(), extent, 0).unwrap();
        push(
            &mut seen,
            [(5, 100_001), (200_000, 100_002), (200_000, 100_003)],
        );
        let again = [vec![5, 100_001], vec![100_002, 100_003]];
        assert_eq!(settle(&mut seen), again);
        assert!(settle(&mut seen).is_empty());
        push(&mut seen, [(99_999, 100_004)]);
        assert_eq!(settle(&mut seen), [vec![99_999, 100_004]]);
        // A third one is told with both others, wherever they are.
        push(&mut seen, [(77, 100_005), (5, 100_006)]);
        let thirds = [vec![5, 100_001, 100_006], vec![77, 100_000, 100_005]];
        assert_eq!(settle(&mut seen), thirds);
        seen.sweep().unwrap();
    }

    #[test]
    fn little_that_is_new_is_searched_for_and_much_is_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::open(folder.path(), Extent::default(), 0).unwrap();
        push(&mut seen, (0..300_000).map(|number| (number, number)));
        assert!(settle(&mut seen).is_empty());
        let generations = |seen: &Seen| -> u64 {
            let buckets = seen.extent().buckets.iter();
            buckets.map(|bucket| bucket.generation).sum()
        };
        let sorted_once = generations(&seen);
        let mut next = 300_000;
        for round in 0..40 {
            let old = round * 7001 % 300_000;
            push(&mut seen, [(old, next), (1_000_000 + round, next + 1)]);
            assert_eq!(settle(&mut seen), [vec![old, next]], "{round}");
            next += 2;
        }
        // What waits behind the sorted entries is compared as well.
        push(&mut seen, [(1_000_003, next)]);
        assert_eq!(settle(&mut seen), [vec![300_007, next]]);
        assert_eq!(generations(&seen), sorted_once);
        push(
            &mut seen,
            (0..60_000).map(|number| (2_000_000 + number, next + 1 + number)),
        );
        assert!(settle(&mut seen).is_empty());
        assert_eq!(generations(&seen), 2 * sorted_once);
    }

    #[test]
    fn a_log_that_repeats_itself_without_end_fills_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::open(folder.path(), Extent::default(), 0).unwrap();
        push(&mut seen, (0..5000).map(|index| (7, index)));
        let alike = seen.settle().unwrap();
        assert_eq!((alike.runs[0].len(), alike.untold), (MAX_RUN, 5000 - 64));
        push(
            &mut seen,
            (0..600_000).map(|number| (number / 2, 5000 + number)),
        );
        let alike = seen.settle().unwrap();
        assert_eq!(alike.runs.len(), BUCKETS * MAX_RUNS);
        assert!(alike.untold > 0);
    }

    #[test]
    fn what_was_not_kept_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::open(folder.path(), Extent::default(), 0).unwrap();
        push(&mut seen, (0..1000).map(|number| (number, number)));
        let kept = seen.flush().unwrap();
        push(&mut seen, (0..1000).map(|number| (number, 1000 + number)));
        settle(&mut seen);
        drop(seen);
        // After a crash: the entries behind the extent never were.
        let mut seen = Seen::open(folder.path(), kept, 0).unwrap();
        push(&mut seen, [(3, 1000)]);
        assert_eq!(settle(&mut seen), [vec![3, 1000]]);
        seen.sweep().unwrap();
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, BUCKETS);
    }

    #[test]
    fn damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::open(folder.path(), Extent::default(), 0).unwrap();
        push(&mut seen, (0..1000).map(|number| (number, number)));
        let kept = seen.flush().unwrap();
        drop(seen);
        fs::write(folder.path().join("00.0"), "").unwrap();
        assert!(Seen::open(folder.path(), kept, 0).is_err());
        assert_eq!(Extent::from_bytes(b"short"), None);
    }
}
