//! The Go checksum database: the log's mathematics and Go's formats together.
//!
//! Bytes gain trust in steps, and each step is a type that only its check can make:
//! [`LookupReply`](lookup::LookupReply) and [`Checkpoint`](crate::tlog::checkpoint::Checkpoint)
//! are what a server claims, [`ConsistentHead`](timeline::ConsistentHead) is a signed head tied
//! into the verified timeline, [`AuthenticRecord`](record::AuthenticRecord) a record proven under
//! such a head, and only that can be compared with a line of a go.sum
//! ([`verdict::compare`]). Like the floor below, this one does no I/O.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

pub mod audit;
pub mod data_tile;
pub mod duplicate;
pub mod fork;
pub mod head;
pub mod lookup;
pub mod record;
pub mod session;
pub mod target;
pub mod timeline;
pub mod verdict;
