//! The outside: network, disk, clock, and the settings of Go.

mod batch;
pub mod clock;
pub mod database;
mod durable;
pub mod evidence;
mod failpoint;
pub mod go_cache;
pub mod goenv;
pub mod home;
pub mod http;
pub mod mirror;
pub mod names;
pub mod netrc;
#[cfg(feature = "serve")]
pub mod serve;
pub mod shutdown;
pub mod store;
pub mod tiles;
pub mod workspace;
