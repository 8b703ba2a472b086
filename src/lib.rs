//! sumcheck: the independent verifier of the Go checksum database.
//!
//! The Go checksum database is a transparency log: a Merkle tree with one record for each module
//! version, which says what hashes its zip and its go.mod have. sumcheck proves lines of a go.sum
//! in that log, trusting nothing but the log's public key.
//!
//! # The story of a record
//! A server's reply is parsed into a claim ([`sumdb::lookup::LookupReply`]); the signed tree head
//! in it is opened with the log's key ([`sumdb::head::open_head`]) and tied into the timeline of
//! all heads seen before ([`sumdb::timeline`]); the tiles that prove the claim are planned,
//! fetched and authenticated ([`tlog::tile_auth`]); the claim's text is hashed and proven at its
//! index ([`sumdb::record::AuthenticRecord::prove`]); and only then is it compared with a line of
//! a go.sum ([`sumdb::verdict::compare`]).
//!
//! # Floors
//! Lower floors know nothing of higher ones. [`tlog`], [`golang`] and [`sumdb`] do no I/O and
//! build without default features.

pub mod golang;
pub mod tlog;

pub mod sumdb;

#[cfg(feature = "io")]
pub mod io;

#[cfg(feature = "io")]
pub mod prover;

#[cfg(feature = "io")]
pub mod verify;

#[cfg(feature = "audit")]
pub mod audit;

#[cfg(feature = "status")]
pub mod status;

#[cfg(feature = "mirror")]
pub mod mirror;

#[cfg(feature = "watch")]
pub mod watch;

#[cfg(feature = "gate")]
pub mod gate;

#[cfg(feature = "cli")]
pub mod cli;
