//! An audit that ends at any moment is gone on with, and finds the same.

use std::time::Duration;

use crate::support::layers::on_requests;
use crate::support::log::TestLog;
use crate::support::response::Fault;
use crate::support::sumcheck::{Home, Outcome};
use crate::{json, run_in, start, with_copy};

const ABORTED: i32 = 128 + 6;

/// A log with a contradiction, and a record that comes twice.
fn log() -> TestLog {
    let log = TestLog::with_records(600);
    let (other, own) = (log.text(20), log.text(400));
    let hash = |text: &str| text.split_whitespace().nth(2).unwrap().to_owned();
    let log = with_copy(&log, 20, 400, &[(&hash(&other), &hash(&own))]);
    with_copy(&log, 30, 500, &[])
}

fn places(outcome: &Outcome) -> usize {
    let lines = outcome.stderr.lines();
    lines.filter(|line| line.starts_with("failpoint ")).count()
}

#[test]
fn aborted_at_any_write_it_goes_on_and_finds_the_same() {
    let log = log();
    let server = start(&log);
    let mirror = ["audit", "--mirror"];
    let run = run_in(&Home::new(), &log, &server, &mirror);
    let places = places(&run.env("SUMCHECK_FAILPOINT", "list").run().expect_code(4));
    assert!(places > 20, "{places}");
    for number in 1..=places {
        let home = Home::new();
        let run = |args: &[&str]| run_in(&home, &log, &server, args);
        let aborted = run(&mirror).env("SUMCHECK_FAILPOINT", number.to_string());
        aborted.run().expect_code(ABORTED);
        let after = run(&mirror).run();
        assert!(matches!(after.code, 0 | 4), "{number}: {after:?}");
        let known = json(&home, &log, &server, &[], 0);
        assert_eq!(known["to"], 600, "{number}");
        assert_eq!(known["anomalies"].as_array().unwrap().len(), 1, "{number}");
        // Found once, and not lost.
        let evidence = run(&["evidence", "list"]).run();
        assert_eq!(
            evidence.stdout.matches("contradict").count(),
            1,
            "{number}: {evidence:?}"
        );
        let findings = run(&["findings", "list"]).run();
        assert_eq!(findings.stdout.lines().count(), 1, "{number}: {findings:?}");
        run(&["mirror", "verify"]).run().expect_code(0);
    }
}

#[test]
fn killed_fifty_times_on_the_way_it_is_still_right() {
    let log = log().grow(20_000);
    let server = log.serve().delay(Duration::from_millis(2)).start();
    let home = Home::new();
    let mut was_killed = 0;
    for round in 0..50 {
        let running = run_in(&home, &log, &server, &["mirror"]).spawn();
        std::thread::sleep(Duration::from_millis(20 + 7 * round % 150));
        was_killed += usize::from(running.kill().code == 128 + 9);
    }
    assert!(was_killed > 10, "{was_killed}");
    let end = run_in(&home, &log, &server, &["mirror"]).run();
    assert!(matches!(end.code, 0 | 4), "{end:?}");
    run_in(&home, &log, &server, &["mirror", "verify"])
        .run()
        .expect_code(0);
    // Nothing is left of what was cut off.
    let mirror = std::fs::read_dir(home.state().join("mirror/sum.example.com")).unwrap();
    let names = mirror.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.starts_with('.')));
    let evidence = run_in(&home, &log, &server, &["evidence", "list"]).run();
    assert_eq!(
        evidence.stdout.matches("contradict").count(),
        1,
        "{evidence:?}"
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_audit_keeps_what_it_has_done() {
    use rustix::process::{Pid, Signal, kill_process};

    let log = TestLog::with_records(260_000);
    // Everything comes at once, but for the last tiles.
    let late = on_requests(|request| request.path.contains("/data/x001"));
    let server = log
        .serve()
        .layer(late.fault(Fault::HangBeforeHeaders))
        .start();
    let home = Home::new();
    let running = run_in(&home, &log, &server, &["audit"]).spawn();
    while server.count("/tile/8/data/x001") == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = Pid::from_raw(running.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let interrupted = running.wait();
    assert_eq!(interrupted.code, 130, "{interrupted:?}");
    let rest = json(&home, &log, &start(&log), &[], 0);
    assert!(rest["from"].as_u64().unwrap() > 0, "{rest}");
    assert_eq!(rest["to"], 260_000);
}
