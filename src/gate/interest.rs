//! Who waits for a download. When nobody does any more, one that has not begun is given up: whoever
//! asks for much and goes away leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The interest in one download.
#[derive(Debug, Default)]
pub(super) struct Interest {
    waiting: AtomicUsize,
    is_under_way: AtomicBool,
    changed: Notify,
}

/// Somebody who waits, for as long as this lives.
#[derive(Debug)]
pub(super) struct Waiter(Arc<Interest>);

impl Interest {
    /// One more waits.
    pub(super) fn waiter(self: &Arc<Self>) -> Waiter {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiter(Arc::clone(self))
    }

    /// From now on it is brought to its end: those who come next will be glad of it.
    pub(super) fn set_under_way(&self) {
        self.is_under_way.store(true, Ordering::SeqCst);
    }

    /// Waits until nobody waits for what has not begun.
    pub(super) async fn lost(&self) {
        loop {
            self.changed.notified().await;
            let is_lost = self.waiting.load(Ordering::SeqCst) == 0;
            if is_lost && !self.is_under_way.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_lost(interest: &Interest) -> bool {
        let lost = timeout(Duration::from_millis(10), interest.lost());
        lost.await.is_ok()
    }

    #[tokio::test]
    async fn it_is_lost_with_the_last_who_waits() {
        let interest = Arc::<Interest>::default();
        let (first, second) = (interest.waiter(), interest.waiter());
        assert!(!is_lost(&interest).await);
        drop(first);
        assert!(!is_lost(&interest).await);
        drop(second);
        assert!(is_lost(&interest).await);
    }

    #[tokio::test]
    async fn what_is_under_way_is_not_lost() {
        let interest = Arc::<Interest>::default();
        let waiter = interest.waiter();
        interest.set_under_way();
        drop(waiter);
        assert!(!is_lost(&interest).await);
    }
}
