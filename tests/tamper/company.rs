//! Several processes share one home.

use serde_json::Value;

use crate::attack::{Case, only_honest_tiles, then_honest, verdicts, verify};
use crate::support::layers::*;
use crate::support::log::TestLog;
use crate::support::sumcheck::Home;

/// Tree sizes of the verified heads, each of which must be intact.
pub(crate) fn timeline(home: &Home, log: &TestLog) -> Vec<u64> {
    let heads = home
        .sumcheck(["heads", "--format", "json"])
        .sumdb(&log.verifier_key());
    let document = heads.run().expect_code(0).json();
    let heads = document["heads"].as_array().expect("heads");
    assert!(
        heads.iter().all(|head| head["intact"] == true),
        "{document}"
    );
    let size = |head: &Value| head["size"].as_u64().expect("a size");
    heads.iter().map(size).collect()
}

#[test]
fn twenty_processes_on_one_new_home_all_succeed() {
    let log = TestLog::with_records(700);
    let case = Case::new(&log, 0..10);
    let server = log.serve().start();
    let running: Vec<_> = (0..20)
        .map(|n| {
            verify(&case.home, &log, &server, &log.go_sum(0..10))
                .arg("--concurrency")
                .arg(format!("{}", n + 1))
        })
        .map(crate::support::sumcheck::Run::spawn)
        .collect();
    for running in running {
        let outcome = running.wait().expect_code(0);
        assert!(
            verdicts(&outcome.json())
                .iter()
                .all(|verdict| verdict == "verified")
        );
        assert!(!outcome.stderr.contains("nothing was kept"), "{outcome:?}");
    }
    assert_eq!(timeline(&case.home, &log), [700]);
    only_honest_tiles(&case.home, &log);
    then_honest(&case);
}

#[test]
fn twenty_processes_with_twenty_heads_end_with_the_largest() {
    let log = TestLog::with_records(1000);
    let case = Case::new(&log, 0..10);
    let sizes: Vec<u64> = (0..20).map(|n| 520 + 24 * n).collect();
    let servers: Vec<_> = sizes
        .iter()
        .map(|&size| {
            let head = head_in_lookups(log.head_at(size));
            log.serve()
                .layer(freeze_latest_at(&log, size))
                .layer(head)
                .start()
        })
        .collect();
    let go_sum = log.go_sum(0..10);
    let running: Vec<_> = servers
        .iter()
        .map(|server| verify(&case.home, &log, server, &go_sum).spawn())
        .collect();
    for running in running {
        running.wait().expect_code(0);
    }
    assert_eq!(timeline(&case.home, &log), sizes);
    only_honest_tiles(&case.home, &log);
    then_honest(&case);
}
