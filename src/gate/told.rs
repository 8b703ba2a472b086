//! Who was told what already: whoever fetches the same file in each build is written down once in a
//! while.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After so long what is told again is written down again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// With more than this all are forgotten: clients fill no memory.
const MAX_TOLD: usize = 1 << 18;

/// Fingerprints of what was told. Nobody outside can make two that are equal, since the hash is
/// keyed at random.
#[derive(Debug, Default)]
pub(super) struct Told {
    fingerprints: Mutex<(Option<Instant>, HashSet<u64>)>,
    key: RandomState,
}

impl Told {
    /// Whether this was not told within the last hour.
    pub(super) fn is_first(&self, what: impl Hash) -> bool {
        let fingerprint = self.key.hash_one(what);
        let mut known = self
            .fingerprints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (since, fingerprints) = &mut *known;
        let is_old = since.is_none_or(|since| since.elapsed() >= FORGOTTEN_AFTER);
        if is_old || fingerprints.len() >= MAX_TOLD {
            fingerprints.clear();
            *since = Some(Instant::now());
        }
        fingerprints.insert(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_is_first_once_an_hour() {
        let told = Told::default();
        assert!(told.is_first(("ci", 1)));
        assert!(!told.is_first(("ci", 1)));
        assert!(told.is_first(("ci", 2)));
        tokio::time::advance(FORGOTTEN_AFTER).await;
        assert!(told.is_first(("ci", 1)));
        assert!(!told.is_first(("ci", 1)));
    }

    #[test]
    fn many_fill_no_memory() {
        let told = Told::default();
        for number in 0..3 * MAX_TOLD {
            told.is_first(number);
        }
        assert!(told.fingerprints.lock().unwrap().1.len() <= MAX_TOLD);
    }
}
