//! The time that an attempt has.

use std::time::Duration;

use reqwest::Url;
use tokio::time::{Instant, timeout_at};

use super::error::{FetchError, ShownUrl, Timeout};
use super::limits::Patience;

/// When an attempt has to end, and what that means.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttemptClock {
    silence: Duration,
    end: Instant,
    at_end: AtEnd,
}

#[derive(Debug, Clone, Copy)]
enum AtEnd {
    Timeout(Timeout),
    RunTimeLimit,
}

impl AttemptClock {
    /// An attempt that begins now and ends with the first of its own limit, what is left of the
    /// budget of all attempts, and the run's deadline.
    pub(super) fn start(patience: &Patience, budget: Duration, deadline: Option<Instant>) -> Self {
        let now = Instant::now();
        let silence = patience.silence;
        let mut clock = if budget < patience.attempt {
            Self {
                silence,
                end: now + budget,
                at_end: AtEnd::Timeout(Timeout::AllAttempts(patience.all_attempts)),
            }
        } else {
            Self {
                silence,
                end: now + patience.attempt,
                at_end: AtEnd::Timeout(Timeout::Attempt(patience.attempt)),
            }
        };
        if let Some(deadline) = deadline.filter(|deadline| *deadline < clock.end) {
            clock = Self {
                silence,
                end: deadline,
                at_end: AtEnd::RunTimeLimit,
            };
        }
        clock
    }

    /// Waits for the next thing that the server says, no longer than it may be silent.
    pub(super) async fn wait<F: Future>(
        &self,
        url: &Url,
        next: F,
    ) -> Result<F::Output, FetchError> {
        let silence = Instant::now() + self.silence;
        let (end, at_end) = if silence < self.end {
            (silence, AtEnd::Timeout(Timeout::Silence(self.silence)))
        } else {
            (self.end, self.at_end)
        };
        timeout_at(end, next).await.map_err(|_| {
            let url = ShownUrl::new(url);
            match at_end {
                AtEnd::Timeout(timeout) => FetchError::Timeout { url, timeout },
                AtEnd::RunTimeLimit => FetchError::RunTimeLimit { url },
            }
        })
    }

    /// The attempt's end, or the time so long from now if that comes first.
    pub(super) fn within(&self, duration: Duration) -> Instant {
        self.end.min(Instant::now() + duration)
    }
}
