//! When to try again.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// A server that failed four times in a row will not be well in the next seconds; and a path may
/// be asked for at most 30 times in a run, which four attempts of six hops stay below.
pub(super) const MAX_ATTEMPTS: u32 = 4;

/// A connection that was reset works again at once.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// Longer pauses would eat up the budget.
const MAX_DELAY: Duration = Duration::from_secs(2);

/// A server that wants us to wait for an hour gets these seconds: whoever runs the command waits.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The pauses between the attempts; jittered, so that 64 requests that failed together do not
/// come back together.
pub(super) fn delays() -> ExponentialBackoff {
    let retries = usize::try_from(MAX_ATTEMPTS.saturating_sub(1)).unwrap_or(0);
    ExponentialBuilder::new()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(MAX_DELAY)
        .with_max_times(retries)
        .with_jitter()
        .build()
}

/// How long the server asks us to wait (RFC 9110 section 10.2.3), at most [`MAX_RETRY_AFTER`].
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number of more than 64 bits is a long time too.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let then = rfc2822::parse(text).ok()?.timestamp();
        Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        // 1994-11-06T08:49:30Z
        retry_after(&headers, Timestamp::from_second(784_111_770).unwrap())
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(wait("0"), Some(Duration::ZERO));
        assert_eq!(wait("3"), Some(Duration::from_secs(3)));
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:49:32 GMT"),
            Some(Duration::from_secs(2))
        );
    }

    #[test]
    fn a_date_in_the_past_means_now() {
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:29 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn nobody_waits_for_an_hour() {
        for text in [
            "6",
            "3600",
            "99999999999999999999999",
            "Sat, 06 Nov 2094 08:49:37 GMT",
        ] {
            assert_eq!(wait(text), Some(MAX_RETRY_AFTER), "{text}");
        }
    }

    #[test]
    fn nonsense_is_as_if_it_were_not_there() {
        for text in ["", "-1", "+1", "soon", "1.5", "Sun, 99 Nov 1994"] {
            assert_eq!(wait(text), None, "{text:?}");
        }
    }

    #[test]
    fn three_pauses_that_grow_and_are_jittered() {
        let runs: Vec<Vec<Duration>> = (0..100).map(|_| delays().collect()).collect();
        for pauses in &runs {
            assert_eq!(pauses.len(), 3);
            for (pause, least_ms) in pauses.iter().zip([100, 200, 400]) {
                let least = Duration::from_millis(least_ms);
                assert!((least..=least * 2).contains(pause), "{pause:?}");
            }
        }
        assert!(runs.iter().any(|pauses| *pauses != runs[0]), "all alike");
    }
}
