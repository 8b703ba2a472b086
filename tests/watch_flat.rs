//! One hundred rounds in one process, alone in it: what a round takes, it gives back.

#![cfg(target_os = "linux")]

mod support;

#[path = "watch/world.rs"]
mod world;

use sumcheck::golang::pattern::PatternList;
use sumcheck::watch::vantage::PlaceKind;
use world::{HOUR, Stage, World};

/// Open files, and resident memory in KiB.
fn taken() -> (usize, u64) {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.unwrap().split_whitespace().next().unwrap();
    (files, resident.parse().unwrap())
}

/// Rounds after which everything that is made once is made.
const WARM: usize = 30;

/// The log of the tests grows in the same process, and the allocator keeps what it likes.
const GROWTH_KIB: u64 = 12 << 10;

#[test]
fn one_hundred_rounds_leave_memory_and_files_as_they_were() {
    let mut world = World::new(500);
    let place = Stage::of(&world.log);
    let watch = world.watch_by(|plan| {
        plan.modules = PatternList::parse("example.com/m*0");
        plan.places = vec![place.place("other", PlaceKind::Log, "")];
    });
    let mut before = (0, 0);
    for round in 0..WARM + 100 {
        if round == WARM {
            before = taken();
        }
        world.grow(20);
        place.show(&world.log);
        world.round(&watch);
        watch.prune().unwrap();
        world.stage.server.forget();
        place.server.forget();
        world.wait(HOUR);
    }
    let after = taken();
    // Connections that are being closed are still there for a moment.
    assert!(after.0 <= before.0 + 8, "files: {before:?} {after:?}");
    assert!(
        after.1 <= before.1 + GROWTH_KIB,
        "KiB: {before:?} {after:?}"
    );
}
