//! Several processes share one home.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use crate::attack::{Case, only_honest_tiles, then_honest, verdicts, verify};
use crate::support::layers::*;
use crate::support::log::TestLog;
use crate::support::sumcheck::{Home, Running};

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

/// The lock that a process holds which writes, and which never ends.
fn hold_write_lock(home: &Home) -> Connection {
    let connection = Connection::open(home.state().join("sumcheck.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn a_lock_that_another_process_never_gives_up_costs_no_verdict() {
    let older = TestLog::with_records(260);
    let log = older.clone().prefix(260).grow(340);
    let case = Case::new(&log, 0..10).after(&older);
    let server = log.serve().start();
    let lock = hold_write_lock(&case.home);

    // What is known is only read.
    let known = case.home.sumcheck(["verify", "go.sum"]);
    let known = known.file("go.sum", log.go_sum(0..1));
    let outcome = known.sumdb(&log.verifier_key()).run().expect_code(0);
    assert_eq!(outcome.stderr, "");
    assert_eq!(timeline(&case.home, &log), [260]);

    // What is new is proven and not kept.
    let outcome = verify(&case.home, &log, &server, &case.go_sum)
        .run()
        .expect_code(0);
    assert_eq!(verdicts(&outcome.json()), ["verified"; 20]);
    assert!(
        outcome
            .stderr
            .contains("nothing was kept for the next run: ")
            && outcome
                .stderr
                .contains("has been locked by another process for 10 s"),
        "{outcome:?}"
    );
    assert_eq!(timeline(&case.home, &log), [260]);

    // A fork is told all the same.
    let fork = log.fork_at(100).serve().start();
    let outcome = verify(&case.home, &log, &fork, &case.go_sum)
        .run()
        .expect_code(4);
    let evidence = crate::attack::files_below(&case.home.state().join("evidence"));
    assert!(
        outcome.stderr.contains(evidence[0].to_str().unwrap()),
        "{outcome:?}"
    );

    drop(lock);
    then_honest(&case);
    assert_eq!(timeline(&case.home, &log), [260, 600]);
}

/// A process that has begun to make the database of a home, in this journal mode, and is not done.
fn begin_schema(home: &Home, journal_mode: &str) -> Connection {
    std::fs::create_dir_all(home.state()).unwrap();
    let connection = Connection::open(home.state().join("sumcheck.db")).unwrap();
    connection
        .pragma_update(None, "journal_mode", journal_mode)
        .unwrap();
    // In the older mode this keeps readers out as well.
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    connection
        .execute_batch(include_str!("../../src/io/store/schema/1.sql"))
        .unwrap();
    connection
}

fn end_schema(connection: &Connection) {
    connection
        .execute_batch("PRAGMA application_id = 0x73756d63; PRAGMA user_version = 1; COMMIT")
        .unwrap();
}

const JOURNAL_MODES: [&str; 2] = ["WAL", "DELETE"];

#[test]
fn a_database_that_another_process_never_finishes_is_said_and_waits_for_the_next_run() {
    let log = TestLog::with_records(300);
    crate::attack::for_each(&JOURNAL_MODES, |mode| {
        let case = Case::new(&log, 0..3);
        let server = log.serve().start();
        let begun = begin_schema(&case.home, mode);
        let run = verify(&case.home, &log, &server, &case.go_sum).run();
        let words = "has been locked by another process for 10 s: wait for it to end and run again";
        let outcome = run.expect_code(2);
        assert!(outcome.stderr.contains(words), "{mode}: {outcome:?}");
        assert_eq!(server.requests().len(), 0, "{mode}");
        // It dies, and what it had begun is undone.
        drop(begun);
        then_honest(&case);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_database_that_another_process_is_just_making_is_waited_for() {
    let log = TestLog::with_records(300);
    for mode in JOURNAL_MODES {
        let case = Case::new(&log, 0..3);
        let server = log.serve().start();
        let begun = begin_schema(&case.home, mode);
        let running = verify(&case.home, &log, &server, &case.go_sum).spawn();
        wait_until_open(&running, &case.home.state().join("sumcheck.db"));
        end_schema(&begun);
        drop(begun);
        let outcome = running.wait().expect_code(0);
        assert_eq!(verdicts(&outcome.json()), ["verified"; 6], "{mode}");
        assert_eq!(outcome.stderr, "", "{mode}");
        assert_eq!(timeline(&case.home, &log), [300], "{mode}");
        then_honest(&case);
    }
}

/// Until the process has the file open: see proc_pid_fd(5).
#[cfg(target_os = "linux")]
fn wait_until_open(running: &Running, file: &Path) {
    let descriptors = format!("/proc/{}/fd", running.id());
    let is_open = || {
        let entries = std::fs::read_dir(&descriptors).into_iter().flatten();
        entries
            .flatten()
            .any(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == file))
    };
    while !is_open() {
        std::thread::sleep(Duration::from_millis(1));
    }
}
