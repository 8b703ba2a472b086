//! golang.org/x/mod as the judge: thousands of generated questions, the same to both, and the two
//! programs as server and client of each other. Where there is no go command the tests say so.
//!
//! What sumcheck refuses on purpose and x/mod accepts stands in docs/differences.md; nothing else
//! may differ.

mod support;

#[path = "oracle/ask.rs"]
mod ask;
#[path = "oracle/dice.rs"]
mod dice;
#[path = "oracle/judge.rs"]
mod judge;

#[path = "oracle/heads.rs"]
mod heads;
#[path = "oracle/modules.rs"]
mod modules;
#[path = "oracle/notes.rs"]
mod notes;
#[path = "oracle/peers.rs"]
mod peers;
#[path = "oracle/proofs.rs"]
mod proofs;
#[path = "oracle/tile_sets.rs"]
mod tile_sets;
#[path = "oracle/tiles.rs"]
mod tiles;
