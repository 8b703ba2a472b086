//! How far a run is, for whoever shows it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts of a run's requests. Counting is all that happens here; showing is the caller's.
#[derive(Debug, Default)]
pub struct Progress {
    expected: AtomicUsize,
    done: AtomicUsize,
    in_tiles: AtomicUsize,
    records: AtomicU64,
    replayed: AtomicU64,
}

impl Progress {
    /// So many records are to be replayed.
    pub fn expect_records(&self, count: u64) {
        self.records.fetch_add(count, Ordering::Relaxed);
    }

    /// So many more of them are.
    pub fn replayed(&self, count: u64) {
        self.replayed.fetch_add(count, Ordering::Relaxed);
    }

    /// Records that are replayed, and all that are to be; `None` if this is no replay.
    #[must_use]
    pub fn records(&self) -> Option<(u64, u64)> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (replayed, records) = (of(&self.replayed), of(&self.records));
        (records > 0).then_some((replayed, records))
    }

    pub(super) fn expect_lookups(&self, count: usize) {
        self.expected.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn lookup_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn expect_tiles(&self, count: usize) {
        self.in_tiles.store(1, Ordering::Relaxed);
        self.expected.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn tile_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that are known to be needed so far.
    #[must_use]
    pub fn expected(&self) -> usize {
        self.expected.load(Ordering::Relaxed)
    }

    /// Requests that are answered.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// What is being fetched: lookups first, then tiles.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        if self.in_tiles.load(Ordering::Relaxed) == 0 {
            "asking the log"
        } else {
            "fetching tiles"
        }
    }
}
