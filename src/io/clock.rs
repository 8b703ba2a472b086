//! The time of day, in the one form in which it is kept.

use jiff::Timestamp;

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
