//! Places at which a test can end the process, as `kill -9` would: before and after each write of
//! the state. Release builds have none.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// `list` names on standard error each place that is passed; a number ends the process at the place
/// with that number, counted from 1.
const VARIABLE: &str = "SUMCHECK_FAILPOINT";

static PASSED: AtomicU64 = AtomicU64::new(0);

/// Passes a place, or ends the process there.
pub(super) fn pass(place: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let Some(wish) = std::env::var_os(VARIABLE) else {
        return;
    };
    let number = PASSED.fetch_add(1, Relaxed) + 1;
    if wish == "list" {
        eprintln!("failpoint {number}: {place}");
    } else if wish.to_str().and_then(|wish| wish.parse().ok()) == Some(number) {
        eprintln!("failpoint {number}: {place}: abort");
        std::process::abort();
    }
}
