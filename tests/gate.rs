//! The adversary of the gate: whatever stands behind it, on its disk or before it, no byte reaches
//! a client before its hash is proven, and no refusal or failure outlives its request.
//!
//! Most attacks run one gate with a client that verifies nothing, and then the same gate once the
//! cause is gone: see [`attack`].

mod support;

#[path = "gate/attack.rs"]
mod attack;
#[path = "gate/damage.rs"]
mod damage;
#[path = "gate/hostile.rs"]
mod hostile;
#[path = "gate/log_down.rs"]
mod log_down;
#[path = "gate/zips.rs"]
mod zips;
