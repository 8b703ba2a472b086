//! The adversary: no answer, no crash and no damaged file makes sumcheck say "verified" of what is
//! not, or "the log cheats" of what it did not do; and nothing that was refused stays behind.
//!
//! Each attack runs the built binary in a home of its own against a loopback server, and then the
//! same home against the honest log: see [`attack`].

#[path = "tamper/attack.rs"]
mod attack;
#[path = "tamper/bits.rs"]
mod bits;
#[path = "tamper/company.rs"]
mod company;
#[path = "tamper/crash.rs"]
mod crash;
#[path = "tamper/damage.rs"]
mod damage;
#[path = "tamper/flaws.rs"]
mod flaws;
#[path = "tamper/forks.rs"]
mod forks;
#[path = "tamper/go_cache.rs"]
mod go_cache;
#[path = "tamper/keys.rs"]
mod keys;
#[path = "tamper/notes.rs"]
mod notes;
#[path = "tamper/rows.rs"]
mod rows;
#[path = "tamper/small_disk.rs"]
mod small_disk;
mod support;
#[path = "tamper/transport.rs"]
mod transport;
