//! How far a run is, for whoever shows it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts of a run's requests. Counting is all that happens here; showing is the caller's.
#[derive(Debug, Default)]
pub struct Progress {
    expected: AtomicUsize,
    done: AtomicUsize,
    in_tiles: AtomicUsize,
}

impl Progress {
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
