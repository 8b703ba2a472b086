//! One module version, two hashes.

use crate::support::log::TestLog;
use crate::support::sumcheck::Home;
use crate::{audit, json, run_in, start, with_copy};

/// The hash of record 400's zip in the place of record 20's.
fn contradicting(log: &TestLog) -> TestLog {
    let other = log.text(20).split_whitespace().nth(2).unwrap().to_owned();
    let own = log.text(400).split_whitespace().nth(2).unwrap().to_owned();
    with_copy(log, 20, 400, &[(&other, &own)])
}

#[test]
fn two_hashes_of_one_version_are_misbehaviour_that_others_can_check() {
    let log = contradicting(&TestLog::with_records(600));
    let (home, server) = (Home::new(), start(&log));
    let found = json(&home, &log, &server, &[], 4);
    let contradiction = &found["contradictions"][0];
    assert_eq!(contradiction["module"], "example.com/m20");
    assert_eq!(contradiction["version"], "v1.0.20");
    assert_eq!(contradiction["records"], serde_json::json!([20, 400]));
    let evidence = found["findings"][0].as_str().unwrap();

    // Elsewhere, with the log's key and nothing else.
    let elsewhere = Home::new();
    let verify = ["evidence", "verify", evidence];
    let proven = elsewhere
        .sumcheck(verify)
        .sumdb(&log.verifier_key())
        .run()
        .expect_code(0);
    assert!(proven.stdout.starts_with("proven: "), "{proven:?}");
    assert!(proven.stdout.contains("record 20\n"), "{proven:?}");
    let text = std::fs::read_to_string(evidence).unwrap();
    for (old, new) in [
        ("\"index\": 400", "\"index\": 401"),
        ("\"index\": 20,", "\"index\": 400,"),
        (
            "\"version\": \"v1.0.20\"",
            "\"version\": \"v1.0.20/go.mod\"",
        ),
        (
            "example.com/m20 v1.0.20 h1:",
            "example.com/m20 v1.0.20 h1:A",
        ),
        ("\"size\": 600", "\"size\": 599"),
    ] {
        assert!(text.contains(old), "{old}");
        let forged = elsewhere.work().join("forged.json");
        std::fs::write(&forged, text.replacen(old, new, 1)).unwrap();
        let verify = ["evidence", "verify", forged.to_str().unwrap()];
        let refused = elsewhere.sumcheck(verify).sumdb(&log.verifier_key()).run();
        assert_eq!(refused.code, 1, "{old}: {refused:?}");
    }

    // It stays known until somebody has seen to it.
    let again = audit(&home, &log, &server).expect_code(0);
    assert!(
        again.stderr.contains("this log has misbehaved before"),
        "{again:?}"
    );
    let listed = run_in(&home, &log, &server, &["evidence", "list"])
        .run()
        .expect_code(0);
    assert!(
        listed
            .stdout
            .contains("records 20 and 400 contradict each other"),
        "{listed:?}"
    );
    run_in(&home, &log, &server, &["findings", "ack", "1"])
        .run()
        .expect_code(0);
    let acknowledged = audit(&home, &log, &server).expect_code(0);
    assert!(
        !acknowledged.stderr.contains("misbehaved"),
        "{acknowledged:?}"
    );
}

#[test]
fn what_contradicts_a_record_of_an_earlier_audit_is_found() {
    let log = TestLog::with_records(390);
    let home = Home::new();
    audit(&home, &log, &start(&log)).expect_code(0);
    let grown = contradicting(&log.grow(210));
    let found = json(&home, &grown, &start(&grown), &[], 4);
    assert_eq!(found["from"], 390);
    assert_eq!(
        found["contradictions"][0]["records"],
        serde_json::json!([20, 400])
    );
}

#[test]
fn a_second_module_in_a_record_is_looked_at_too() {
    let log = TestLog::with_records(600);
    // Record 500 says something else of m20 in a third line.
    let hidden = log
        .text(400)
        .lines()
        .next()
        .unwrap()
        .replace("m400 v1.0.400", "m20 v1.0.20");
    let log = log.with_text(500, &format!("{}{hidden}\n", log.text(500)));
    let found = json(&Home::new(), &log, &start(&log), &[], 4);
    assert_eq!(
        found["contradictions"][0]["records"],
        serde_json::json!([20, 500])
    );
    assert_eq!(found["anomalies"][0]["kind"], "several-modules");
}

#[test]
fn a_third_record_is_compared_with_all_before() {
    let log = contradicting(&TestLog::with_records(600));
    let log = with_copy(&log, 20, 500, &[]);
    let found = json(&Home::new(), &log, &start(&log), &[], 4);
    let pairs: Vec<_> = found["contradictions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["records"].clone())
        .collect();
    assert_eq!(
        pairs,
        [serde_json::json!([20, 400]), serde_json::json!([400, 500])]
    );
}
