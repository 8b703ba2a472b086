//! Go's own formats, knowing nothing of logs: modules and versions, go.sum, module hashes, and
//! the grammars of GOPROXY, GOSUMDB and GOPRIVATE.
//!
//! Everything here is a pure function of its input: no I/O, no clock, no global state, and no
//! panic whatever the bytes. Each type holds only what the go command would accept; where this
//! floor is stricter than Go, the item says so.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

pub mod base_url;
pub mod dirhash;
pub mod escape;
pub mod go_mod;
pub mod goproxy;
pub mod gosum;
pub mod gosumdb;
pub mod module;
#[cfg(feature = "modzip")]
pub mod modzip;
pub mod pattern;
pub mod quoted;
pub mod version;
