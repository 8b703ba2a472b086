//! One file for each command: from its arguments to its exit code.

//AUD pub(super) mod audit;
pub(super) mod completions;
pub(super) mod env;
pub(super) mod evidence;
pub(super) mod findings;
pub(super) mod gate;
pub(super) mod heads;
pub(super) mod lookup;
mod misbehaviour;
pub(super) mod pin;
pub(super) mod verify;
