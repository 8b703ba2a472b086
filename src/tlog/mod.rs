//! Transparent logs, knowing nothing of Go: hashes, tiles, proofs, signed notes, checkpoints.
//!
//! Everything here is a pure function of its input: no I/O, no clock, no global state, and no
//! panic whatever the bytes. Specifications: [RFC 6962] section 2.1 for the tree and its proofs,
//! C2SP [tlog-tiles], [signed-note] and [tlog-checkpoint] for the formats.
//!
//! [RFC 6962]: https://www.rfc-editor.org/rfc/rfc6962#section-2.1
//! [tlog-tiles]: https://c2sp.org/tlog-tiles
//! [signed-note]: https://c2sp.org/signed-note
//! [tlog-checkpoint]: https://c2sp.org/tlog-checkpoint
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

pub mod checkpoint;
pub mod hash;
pub mod hashed_tile;
pub mod note;
pub mod proof;
pub mod range;
pub mod tile;
pub mod tile_auth;

/// The largest tree size that the formats can carry: sizes are signed 64-bit numbers on the wire.
///
/// Source: golang.org/x/mod/sumdb/tlog keeps sizes in an `int64`; SQLite does as well.
pub const MAX_TREE_SIZE: u64 = i64::MAX.unsigned_abs();
