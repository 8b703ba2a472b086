//! The cache is kept within its size.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use super::Gate;
use super::cache::Cache;
use super::cache::holdings::Keep;

/// How often to look whether there is too much.
const LOOK: Duration = Duration::from_secs(10);

/// What was used just now is not worth fetching again.
const SPARED: Duration = Duration::from_secs(60);

/// When there is too much, so much of what may be kept is kept: room for some time.
const KEPT_PERCENT: u64 = 90;

/// How often to look even if this process has brought nothing: others share the home.
const LOOKS_BETWEEN_SCANS: u32 = 30;

impl Gate {
    /// Keeps the cache within so many bytes, until it is dropped. What cannot be removed is told to
    /// `complain`.
    pub async fn tend(self: Arc<Self>, limit_bytes: u64, complain: impl Fn(&str) + Send) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = None;
        for number in 0_u32.. {
            looks.tick().await;
            let is_scan = number.is_multiple_of(LOOKS_BETWEEN_SCANS);
            let released = self.cache.released_bytes() + self.observed.released_bytes();
            let grown_to = |(held, at): (u64, u64)| held.saturating_add(released - at);
            if !is_scan && known.is_some_and(|known| grown_to(known) <= limit_bytes) {
                continue;
            }
            let spare_after = SystemTime::now().checked_sub(SPARED);
            match self.trim(limit_bytes, spare_after).await {
                Ok(held) => known = Some((held, released)),
                Err(error) => complain(&format!("cannot keep the cache within its size: {error}")),
            }
        }
    }

    /// Removes what was not used for longest, if there are more bytes than this; how many are left.
    ///
    /// # Errors
    /// What the system says.
    pub async fn trim(
        self: &Arc<Self>,
        limit_bytes: u64,
        spare_after: Option<SystemTime>,
    ) -> io::Result<u64> {
        self.upstream.trim(limit_bytes).await;
        let gate = Arc::clone(self);
        let work = move || {
            let (proven, observed) = (
                gate.cache.holdings()?.bytes(),
                gate.observed.holdings()?.bytes(),
            );
            if proven.saturating_add(observed) <= limit_bytes {
                return Ok(proven.saturating_add(observed));
            }
            // What is not proven goes first.
            let kept = limit_bytes / 100 * KEPT_PERCENT;
            let room = kept.saturating_sub(proven);
            let observed = prune(&gate.observed, observed, room, spare_after)?;
            let room = kept.saturating_sub(observed);
            let proven = prune(&gate.cache, proven, room, spare_after)?;
            Ok(proven.saturating_add(observed))
        };
        tokio::task::spawn_blocking(work).await?
    }
}

/// How many bytes are left.
fn prune(
    cache: &Cache,
    held: u64,
    limit_bytes: u64,
    spare_after: Option<SystemTime>,
) -> io::Result<u64> {
    let removed = cache.prune(Keep {
        limit_bytes: Some(limit_bytes),
        used_since: None,
        spare_after,
    })?;
    let removed: u64 = removed.iter().map(|entry| entry.bytes).sum();
    Ok(held.saturating_sub(removed))
}
