//! Module zips before three judges: golang.org/x/mod/zip, which the go command unpacks with,
//! rc-zip, a reader that shares nothing with either, and the zips that are in use.
//!
//! What sumcheck accepts, Go accepts with the same hash, and all list the same files with the same
//! content. What Go accepts and sumcheck does not, stands in docs/differences.md.

mod support;

#[path = "oracle/ask.rs"]
mod ask;
#[path = "oracle/dice.rs"]
#[allow(dead_code)]
mod dice;

#[path = "../src/golang/modzip/tests/archive.rs"]
mod archive;

#[path = "modzip/characters.rs"]
mod characters;
#[path = "modzip/differences.rs"]
mod differences;
#[path = "modzip/judges.rs"]
mod judges;
#[path = "modzip/mutations.rs"]
mod mutations;
#[path = "modzip/others.rs"]
mod others;
