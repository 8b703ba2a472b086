//! The bodies of the fuzz targets: for any bytes each returns, or panics where a promise is broken.
//!
//! They are built twice: for libFuzzer by `fuzz_targets/`, and for stable by
//! `tests/fuzz_corpus.rs`, which replays what is kept of the fuzzer's findings.

mod database;
mod input;
mod mod_zip;
mod modules;
mod notes;
mod settings;
mod tree;
mod trees;
mod watch;

pub use database::{data_tile, evidence, lookup_reply, record};
pub use mod_zip::mod_zip;
pub use modules::{go_sum, h1, module_escape, pattern};
pub use notes::{checkpoint, note};
pub use settings::{go_flags, go_mod, go_work, netrc, settings};
pub use trees::{proof, tile_auth, tile_path, tile_plan};
pub use watch::{growth, schedule, status_request};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 23] = [
    ("checkpoint", checkpoint),
    ("data_tile", data_tile),
    ("evidence", evidence),
    ("go_flags", go_flags),
    ("go_mod", go_mod),
    ("go_sum", go_sum),
    ("go_work", go_work),
    ("growth", growth),
    ("h1", h1),
    ("lookup_reply", lookup_reply),
    ("mod_zip", mod_zip),
    ("module_escape", module_escape),
    ("netrc", netrc),
    ("note", note),
    ("pattern", pattern),
    ("proof", proof),
    ("record", record),
    ("schedule", schedule),
    ("settings", settings),
    ("status_request", status_request),
    ("tile_auth", tile_auth),
    ("tile_path", tile_path),
    ("tile_plan", tile_plan),
];
