//! The time of day, in the one form in which it is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Whoever dates what is done later, and so wants to choose the time in a test.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The time of day.
    #[default]
    System,
    /// Seconds since 1970 that somebody sets.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Set(seconds) => {
                let seconds = seconds.load(Ordering::Relaxed);
                Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }
}

/// Now, in UTC by RFC 3339 to the second: `2026-11-22T22:51:06Z`.
#[must_use]
pub fn now() -> String {
    at(Timestamp::now())
}

/// A time in that form.
#[must_use]
pub fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The same without punctuation, for file names: `20261122T225106Z`.
#[must_use]
pub fn compact(time: &str) -> String {
    time.chars().filter(char::is_ascii_alphanumeric).collect()
}
