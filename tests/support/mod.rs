//! What the tests stand on: a checksum database of our own, honest by default and hostile on
//! request, recorded answers of the real one, and the built binary in a clean environment.
//!
//! ```ignore
//! let log = TestLog::with_records(1000);
//! let server = log.serve().layer(flip_bit("/latest", 17)).start();
//! Run::new(["verify", "go.sum"])
//!     .file("go.sum", &log.go_sum(0..10))
//!     .sumdb(&log.verifier_key())
//!     .goproxy(&server.url())
//!     .run()
//!     .expect_code(3);
//! ```
//!
//! Nothing here uses sumcheck's own library: what is wrong there cannot be wrong here in the same
//! way.

// Each test binary compiles all of this and uses a part.
#![allow(dead_code, unreachable_pub)]

pub mod capture;
pub mod client;
pub mod gate;
pub mod gzip;
pub mod interop;
pub mod key;
pub mod layers;
pub mod log;
pub mod proxy;
pub mod response;
pub mod server;
pub mod sumcheck;
pub mod tile_path;
pub mod tree;
pub mod webdriver;
pub mod wire;
pub mod zip;

use std::io::Write;

/// Set to 1 where everything is there that tests can ask for: then a test that cannot run fails.
pub const REQUIRE_ALL: &str = "SUMCHECK_TEST_REQUIRE_ALL";

/// Says, past libtest's capture, that the current test ends without having tested anything.
///
/// # Panics
/// If [`REQUIRE_ALL`] is set.
pub fn skipped(missing: &str) {
    let required = std::env::var_os(REQUIRE_ALL).is_some_and(|value| value == "1");
    assert!(!required, "{missing}, and {REQUIRE_ALL} is set");
    left_out(missing);
}

/// Says the same of what not every machine can allow, such as namespaces in a container: no
/// failure, wherever it is.
pub fn left_out(missing: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Unlike eprintln!, this is shown for tests that succeed.
    let _ = writeln!(std::io::stderr(), "\n*** IGNORED: {test}: {missing} ***");
}
