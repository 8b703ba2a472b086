//! `sumcheck watch`: what it lives through, what it tells, and what can be seen of it.

mod support;

#[path = "watch/alarms.rs"]
mod alarms;
#[path = "watch/browser.rs"]
mod browser;
#[path = "watch/crash.rs"]
mod crash;
#[path = "watch/daemon.rs"]
mod daemon;
#[path = "watch/faults.rs"]
mod faults;
#[path = "watch/page.rs"]
mod page;
#[path = "watch/rounds.rs"]
mod rounds;
#[path = "watch/vantage.rs"]
mod vantage;
#[path = "watch/world.rs"]
mod world;
