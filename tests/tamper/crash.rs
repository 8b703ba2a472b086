//! A run that is killed at any moment loses no verified head and leaves nothing that is wrong.

use std::time::Duration;

use crate::attack::{Case, then_honest, verify};
use crate::company::timeline;
use crate::support::log::TestLog;

const KILLS: u64 = 60;

#[test]
fn sixty_kills_at_different_moments_lose_no_verified_head() {
    let log = TestLog::with_records(300);
    let case = Case::new(&log, 0..30);
    let mut verified: Vec<u64> = Vec::new();
    let mut interrupted = 0;
    for kill in 0..KILLS {
        log.clone().grow(7);
        let server = log.serve().delay(Duration::from_millis(1)).start();
        let from = kill * 3;
        let running = verify(&case.home, &log, &server, &log.go_sum(from..from + 30)).spawn();
        // The moment is what the test varies: nothing waits for anything here.
        std::thread::sleep(Duration::from_micros(kill * 1300));
        let outcome = running.kill();
        assert!([0, 128 + 9].contains(&outcome.code), "{outcome:?}");
        interrupted += u64::from(outcome.code != 0);
        let now = timeline(&case.home, &log);
        assert!(
            verified.iter().all(|size| now.contains(size)),
            "{verified:?} and then {now:?}"
        );
        verified = now;
        if kill % 10 == 9 {
            then_honest(&case);
            verified = timeline(&case.home, &log);
        }
    }
    assert!(interrupted > 0, "no run was killed before its end");
    then_honest(&case);
}
