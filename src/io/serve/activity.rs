//! Whether a connection still gets somewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What happens on one connection.
///
/// Clients that connect and say nothing, that send a head or a byte of one at a time, that stay
/// when they have what they wanted, that do not read what they asked for: all of them hold a
/// connection on which no answer makes progress, though the server is not at work.
#[derive(Debug)]
pub struct Activity {
    since: Instant,
    /// Requests for which the server, not the client, is to be waited for.
    answering: AtomicUsize,
    /// When something was last asked, answered or read, in milliseconds from the start.
    progress_ms: AtomicU64,
}

/// A request for which the server, not the client, is to be waited for.
#[derive(Debug)]
pub(super) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.progress();
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            answering: AtomicUsize::new(0),
            progress_ms: AtomicU64::new(0),
        }
    }
}

impl Activity {
    /// The server answers for as long as this is held: also a request that is given up ends it.
    #[must_use]
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        self.answering.fetch_add(1, Ordering::Relaxed);
        self.progress();
        Answering(Arc::clone(self))
    }

    /// The client asked something or made room for more of an answer.
    pub fn progress(&self) {
        let ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.progress_ms.store(ms, Ordering::Relaxed);
    }

    /// Until there was no progress for so long.
    pub(super) async fn overdue(&self, patience: Duration) {
        loop {
            let now = Instant::now();
            let last = if self.answering.load(Ordering::Relaxed) > 0 {
                now
            } else {
                self.since + Duration::from_millis(self.progress_ms.load(Ordering::Relaxed))
            };
            let due = last + patience;
            if due <= now {
                return;
            }
            sleep_until(due).await;
        }
    }
}
