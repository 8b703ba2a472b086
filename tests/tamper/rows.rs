//! A row of the database that says what was never proven is merely unknown: the log is asked.

use rusqlite::Connection;

use crate::attack::{Case, for_each, verdicts};
use crate::support::log::{TestLog, synthetic_module, synthetic_version};
use crate::support::sumcheck::{Home, Outcome};

const SIZE: u64 = 600;

/// What is done to the rows, and how many of the ten are still worth something.
const DAMAGES: &[(&str, &str, usize)] = &[
    ("nothing", "", 10),
    (
        // Authentic records all, each at the place of another.
        "records about other modules",
        "UPDATE records SET (record_index, text, proof, proof_head_size) = (
             SELECT record_index, text, proof, proof_head_size FROM taken
             WHERE taken.record_index = (records.record_index + 1) % 10)",
        0,
    ),
    (
        "texts of other records",
        "UPDATE records SET text = (SELECT text FROM taken
             WHERE taken.record_index = (records.record_index + 1) % 10)",
        0,
    ),
    (
        "proofs of other records",
        "UPDATE records SET proof = (SELECT proof FROM taken
             WHERE taken.record_index = (records.record_index + 1) % 10)",
        0,
    ),
    (
        "other indexes",
        "UPDATE records SET record_index = (record_index + 1) % 10",
        0,
    ),
    (
        // One of them is.
        "proofs said to be under another verified head",
        "UPDATE records SET proof_head_size = 260",
        1,
    ),
    (
        "proofs under a head that was never seen",
        "UPDATE records SET proof_head_size = 599",
        0,
    ),
    (
        "proofs without their last hash",
        "UPDATE records SET proof = CAST(substr(proof, 1, length(proof) - 32) AS BLOB)",
        0,
    ),
    (
        "proofs that are no row of hashes",
        "UPDATE records SET proof = CAST(substr(proof, 1, length(proof) - 1) AS BLOB)",
        0,
    ),
    ("no proofs", "UPDATE records SET proof = x''", 0),
    (
        "a hash too much",
        "UPDATE records SET proof = CAST(proof || zeroblob(32) AS BLOB)",
        0,
    ),
    ("no texts", "UPDATE records SET text = x''", 0),
    (
        "texts of which a byte is another",
        "UPDATE records SET text = CAST(replace(CAST(text AS TEXT), 'h1:', 'h2:') AS BLOB)",
        0,
    ),
    (
        "half of them",
        "DELETE FROM records WHERE record_index < 5",
        5,
    ),
];

fn damaged_home(log: &TestLog, damage: &str) -> Home {
    let case = Case::new(log, 0..10).after(&TestLog::with_records(260));
    let home = case.attack(|honest| honest).expect(0).case.home;
    let database = Connection::open(home.state().join("sumcheck.db")).unwrap();
    database
        .execute_batch(&format!(
            "CREATE TEMP TABLE taken AS SELECT * FROM records; PRAGMA ignore_check_constraints = 1;
             {damage}"
        ))
        .unwrap();
    home
}

fn verify(home: &Home, log: &TestLog, go_sum: &str, proxy: &str) -> Outcome {
    home.sumcheck(["verify", "--format", "json", "go.sum"])
        .file("go.sum", go_sum)
        .sumdb(&log.verifier_key())
        .goproxy(proxy)
        .run()
}

#[test]
fn a_row_that_proves_nothing_is_asked_for_again_and_mended() {
    let log = TestLog::with_records(SIZE);
    let go_sum = log.go_sum(0..10);
    for_each(DAMAGES, |(what, damage, intact)| {
        let home = damaged_home(&log, damage);
        let server = log.serve().start();
        let outcome = verify(&home, &log, &go_sum, &server.url());
        assert_eq!(outcome.code, 0, "{what}: {outcome:?}");
        assert!(
            verdicts(&outcome.json())
                .iter()
                .all(|verdict| verdict == "verified"),
            "{what}"
        );
        assert_eq!(server.count("/lookup/"), 10 - intact, "{what}");
        let asked_before = server.paths().len();
        let again = verify(&home, &log, &go_sum, &server.url());
        assert_eq!(again.code, 0, "{what}: {again:?}");
        assert_eq!(server.paths().len(), asked_before, "{what}: it was mended");
    });
}

#[test]
fn a_row_about_another_module_does_not_lend_it_its_hash() {
    let log = TestLog::with_records(SIZE);
    // Module 0 with what the log says of module 1.
    let of_another = log
        .go_sum(1..2)
        .replace(&synthetic_module(1), &synthetic_module(0))
        .replace(&synthetic_version(1), &synthetic_version(0));
    for_each(DAMAGES, |(what, damage, _)| {
        let home = damaged_home(&log, damage);
        let server = log.serve().start();
        let outcome = verify(&home, &log, &of_another, &server.url());
        assert_eq!(outcome.code, 1, "{what}: {outcome:?}");
    });
}

#[test]
fn a_number_that_none_can_be_is_told_as_damage() {
    let log = TestLog::with_records(SIZE);
    let home = damaged_home(&log, "UPDATE records SET record_index = -1 - record_index");
    let server = log.serve().start();
    let outcome = verify(&home, &log, &log.go_sum(0..10), &server.url()).expect_code(2);
    assert!(outcome.stderr.contains("sumcheck.db"), "{outcome:?}");
}
