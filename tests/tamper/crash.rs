//! A run that ends at any moment loses no verified head and leaves nothing that is wrong.

use std::time::Duration;

use crate::attack::{Case, Ended, files_below, for_each, only_honest_tiles, then_honest, verify};
use crate::company::timeline;
use crate::support::layers::serve_fork;
use crate::support::log::TestLog;
use crate::support::server::Server;
use crate::support::sumcheck::{Outcome, Run};

const KILLS: u64 = 100;

/// What `abort` ends with.
const ABORTED: i32 = 128 + 6;

/// The places that a run passes, in their order.
fn places(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix("failpoint ")?.split_once(": "))
        .map(|(_, place)| place.to_owned())
        .collect()
}

fn aborting_at(run: Run, number: usize) -> Run {
    run.env("SUMCHECK_FAILPOINT", number.to_string())
}

/// A run that succeeds, in a home as `prepare` leaves it, with heads of these sizes: aborted at each
/// place in turn, it leaves a home that the next run can use and that has lost no head.
fn abort_everywhere(
    log: &TestLog,
    heads: &[u64],
    prepare: impl Fn() -> Case + Sync,
    must_pass: &[&str],
) {
    let server = log.serve().start();
    let run = |case: &Case| verify(&case.home, log, &server, &case.go_sum);
    let whole = run(&prepare()).env("SUMCHECK_FAILPOINT", "list").run();
    let places = places(&whole.expect_code(0));
    for must in must_pass {
        assert!(
            places.iter().any(|place| place == must),
            "{must}: {places:?}"
        );
    }
    for_each(&(1..=places.len()).collect::<Vec<_>>(), |&number| {
        let case = prepare();
        let outcome = aborting_at(run(&case), number).run().expect_code(ABORTED);
        let place = &places[number - 1];
        let after = timeline(&case.home, log);
        assert!(
            heads.iter().all(|size| after.contains(size)),
            "{heads:?} and then {after:?} at {place}: {outcome:?}"
        );
        only_honest_tiles(&case.home, log);
        then_honest(&case);
        assert_eq!(
            timeline(&case.home, log).last(),
            Some(&log.size()),
            "{place}"
        );
    });
}

#[test]
fn a_first_run_that_is_aborted_at_any_write_leaves_a_home_that_works() {
    let log = TestLog::with_records(300);
    abort_everywhere(
        &log,
        &[],
        || Case::new(&log, 0..2),
        &[
            "home: the folder is there",
            "schema: the database is there",
            "schema: the tables are made",
            "schema: it is committed",
            "batch: a file is written",
            "batch: a file is in its place",
            "commit: a record is written",
            "commit: a head is written",
            "commit: all is written and not committed",
            "commit: all is committed",
        ],
    );
}

#[test]
fn a_later_run_that_is_aborted_at_any_write_loses_no_head() {
    let older = TestLog::with_records(260);
    let log = TestLog::with_records(560);
    abort_everywhere(
        &log,
        &[260],
        || Case::new(&log, 300..302).after(&older),
        &[
            "batch: a file is in its place",
            "commit: a head is written",
            "commit: all is committed",
        ],
    );
}

#[test]
fn an_import_of_heads_that_is_aborted_at_any_write_can_be_made_again() {
    let older = TestLog::with_records(260);
    let log = TestLog::with_records(560);
    let server = log.serve().start();
    let dated = "2026-01-02T03:04:05Z";
    let document = serde_json::json!({
        "schema": "sumcheck.heads/1",
        "heads": [{
            "note": String::from_utf8(log.head_at(400)).unwrap(),
            "seen_at": dated,
        }],
    });
    let import = |case: &Case| {
        let run = case.home.sumcheck(["heads", "import", "-"]);
        run.sumdb(&log.verifier_key())
            .goproxy(&server.url())
            .stdin(document.to_string())
    };
    let prepare = || Case::new(&log, 300..302).after(&older);
    let whole = import(&prepare()).env("SUMCHECK_FAILPOINT", "list").run();
    let places = places(&whole.expect_code(0));
    assert!(places.iter().any(|place| place.starts_with("dates: ")));
    for_each(&(1..=places.len()).collect::<Vec<_>>(), |&number| {
        let (case, place) = (prepare(), &places[number - 1]);
        aborting_at(import(&case), number)
            .run()
            .expect_code(ABORTED);
        assert!(timeline(&case.home, &log).contains(&260), "{place}");
        import(&case).run().expect_code(0);
        assert_eq!(timeline(&case.home, &log), [260, 400, 560], "{place}");
        let heads = case.home.sumcheck(["heads", "--format", "json"]);
        let heads = heads.sumdb(&log.verifier_key()).run().json();
        assert_eq!(heads["heads"][1]["seen_at"], dated, "{place}");
        then_honest(&case);
    });
}

#[test]
fn a_run_that_is_aborted_while_it_writes_evidence_still_convicts() {
    let log = TestLog::with_records(400);
    let fork = log.fork_at(300).grow(5);
    let prepare = || Case::new(&log, 0..2).after(&log);
    let attack = |case: Case, failpoint: String| -> Ended {
        let server: Server = log.serve().layer(serve_fork(&fork)).start();
        let run = verify(&case.home, &log, &server, &case.go_sum);
        let outcome = run.env("SUMCHECK_FAILPOINT", failpoint).run();
        Ended {
            case,
            outcome,
            server,
        }
    };
    let places = places(&attack(prepare(), "list".to_owned()).expect(4).outcome);
    for must in [
        "a new file: nothing is in it",
        "a new file: it is on the disk",
        "a new file: it has its name",
        "finding: it is not committed",
        "finding: it is committed",
    ] {
        assert!(
            places.iter().any(|place| place == must),
            "{must}: {places:?}"
        );
    }
    for_each(&(1..=places.len()).collect::<Vec<_>>(), |&number| {
        let place = &places[number - 1];
        let ended = attack(prepare(), number.to_string()).expect(ABORTED);
        assert_eq!(timeline(&ended.case.home, &log), [400], "{place}");
        let evidence = || {
            let files = files_below(&ended.case.home.state().join("evidence"));
            let is_evidence = |file: &std::path::PathBuf| {
                file.extension()
                    .is_some_and(|extension| extension == "json")
            };
            files.into_iter().filter(is_evidence).collect::<Vec<_>>()
        };
        // What has its name is whole, and every later run reminds of it.
        let left = evidence();
        for file in &left {
            let verify = ["evidence", "verify", file.to_str().unwrap()];
            let run = ended.case.home.sumcheck(verify);
            run.sumdb(&log.verifier_key()).run().expect_code(0);
        }
        let outcome = then_honest(&ended.case);
        let reminds = outcome.stderr.contains("this log has misbehaved before");
        assert_eq!(reminds, !left.is_empty(), "{place}: {outcome:?}");
        // And the fork is caught again: it is one finding, whose evidence is kept once.
        let again = attack(ended.case.clone(), "off".to_owned()).expect(4);
        assert_eq!(evidence().len(), 1, "{place}");
        drop(again);
    });
}

#[test]
fn a_hundred_kills_at_different_moments_lose_no_verified_head() {
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
        std::thread::sleep(Duration::from_micros(kill * 800));
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
