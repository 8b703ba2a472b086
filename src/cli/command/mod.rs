//! One file for each command: from its arguments to its exit code.

pub(super) mod audit;
pub(super) mod completions;
pub(super) mod env;
pub(super) mod evidence;
pub(super) mod findings;
pub(super) mod gate;
pub(super) mod heads;
pub(super) mod list;
pub(super) mod lookup;
pub(super) mod mirror;
mod misbehaviour;
pub(super) mod pin;
mod replay;
pub(super) mod show;
pub(super) mod status;
pub(super) mod verify;
pub(super) mod watch;
