//! Evidence files: what a fork leaves behind, checked again, and forged in every part.

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::log::TestLog;
use support::sumcheck::{Home, Outcome, Run};

/// A home that has verified `old_size` records of a log and then met a fork of `new_size`.
struct Caught {
    home: Home,
    log: TestLog,
    outcome: Outcome,
}

fn verify(home: &Home, log: &TestLog) -> Run {
    let server = log.serve().start();
    let run = home
        .sumcheck(["verify", "--refresh", "--format", "json", "go.sum"])
        .sumdb(&format!("{} {}", log.verifier_key(), server.url()))
        .file("go.sum", log.go_sum(0..3));
    // The server has to live for as long as the run.
    std::mem::forget(server);
    run
}

fn caught(old_size: u64, common: u64, new_size: u64) -> Caught {
    let home = Home::new();
    let log = TestLog::with_records(old_size);
    verify(&home, &log).run().expect_code(0);
    let fork = log.fork_at(common).grow(new_size - old_size);
    let outcome = verify(&home, &fork).run().expect_code(4);
    Caught { home, log, outcome }
}

impl Caught {
    fn file(&self) -> PathBuf {
        let findings = &self.outcome.json()["findings"];
        PathBuf::from(findings[0].as_str().expect("a path of evidence"))
    }

    fn evidence(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }

    fn check(&self, evidence: &Value) -> Outcome {
        let text = serde_json::to_string(evidence).unwrap();
        // A home of its own: the check needs no state.
        Run::new(["evidence", "verify", "e.json"])
            .file("e.json", text)
            .sumdb(&self.log.verifier_key())
            .run()
    }
}

#[test]
fn a_longer_fork_leaves_evidence_that_proves_itself() {
    for (old_size, common, new_size) in [(5, 4, 6), (300, 10, 700), (256, 255, 512), (257, 3, 259)]
    {
        let caught = caught(old_size, common, new_size);
        let evidence = caught.evidence();
        assert_eq!(evidence["contradiction"]["kind"], "other-beginning");
        assert_eq!(evidence["smaller"]["size"], old_size);
        assert_eq!(evidence["larger"]["size"], new_size);
        let outcome = caught.check(&evidence).expect_code(0);
        assert!(
            outcome.stdout.starts_with("proven: the key of "),
            "{}",
            outcome.stdout
        );
        assert!(
            outcome
                .stdout
                .contains("It does not show which of the two others have seen")
        );
    }
}

#[test]
fn a_fork_of_the_same_size_leaves_evidence_that_proves_itself() {
    let caught = caught(20, 7, 20);
    let evidence = caught.evidence();
    assert_eq!(evidence["contradiction"], json!({"kind": "two-roots"}));
    let outcome = caught.check(&evidence).expect_code(0);
    assert!(
        outcome
            .stdout
            .contains("Both are of one size, and their roots differ.")
    );
}

#[test]
fn the_evidence_is_listed_and_told_of_until_it_is_acknowledged() {
    let caught = caught(20, 7, 40);
    let listed = caught
        .home
        .sumcheck(["evidence", "list", "--format", "json"])
        .sumdb(&caught.log.verifier_key())
        .run()
        .expect_code(0)
        .json();
    assert_eq!(
        listed["evidence"][0]["path"],
        caught.file().to_str().unwrap()
    );
    assert_eq!(listed["evidence"][0]["sizes"], json!([20, 40]));
    assert_eq!(listed["evidence"][0]["problem"], Value::Null);

    let honest = verify(&caught.home, &caught.log).run().expect_code(0);
    assert!(
        honest
            .stderr
            .contains("warning: this log has misbehaved before"),
        "{}",
        honest.stderr
    );
    assert!(honest.stderr.contains(caught.file().to_str().unwrap()));
}

/// Every way to alter a document at one place: numbers, each letter's case or value, list members.
fn forgeries(evidence: &Value) -> Vec<(String, Value)> {
    let mut forged = Vec::new();
    for pointer in [
        "/smaller/size",
        "/larger/size",
        "/smaller/root",
        "/larger/root",
        "/smaller/note",
        "/larger/note",
        "/contradiction/root",
        "/contradiction/consistency_proof/0",
        "/contradiction/consistency_proof/1",
        "/log/verifier_key",
        "/schema",
    ] {
        let mut altered = evidence.clone();
        let value = altered.pointer_mut(pointer).expect(pointer);
        *value = match &*value {
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            Value::String(text) => {
                let at = text.len() / 2;
                let other = if text.as_bytes()[at] == b'A' {
                    "B"
                } else {
                    "A"
                };
                json!(format!("{}{other}{}", &text[..at], &text[at + 1..]))
            }
            other => panic!("{other}"),
        };
        forged.push((pointer.to_owned(), altered));
    }
    let mut swapped = evidence.clone();
    let (smaller, larger) = (evidence["smaller"].clone(), evidence["larger"].clone());
    (swapped["smaller"], swapped["larger"]) = (larger.clone(), smaller.clone());
    forged.push(("swapped".to_owned(), swapped));
    for head in [smaller, larger] {
        let mut doubled = evidence.clone();
        (doubled["smaller"], doubled["larger"]) = (head.clone(), head);
        doubled["contradiction"] = json!({"kind": "two-roots"});
        forged.push(("one head twice".to_owned(), doubled));
    }
    let mut kind = evidence.clone();
    kind["contradiction"] = json!({"kind": "two-roots"});
    forged.push(("two roots of two sizes".to_owned(), kind));
    let mut honest = evidence.clone();
    honest["contradiction"]["root"] = evidence["smaller"]["root"].clone();
    forged.push(("the honest beginning".to_owned(), honest));
    let mut short = evidence.clone();
    short["contradiction"]["consistency_proof"]
        .as_array_mut()
        .unwrap()
        .pop();
    forged.push(("a proof cut short".to_owned(), short));
    forged
}

#[test]
fn forged_evidence_is_refused() {
    let caught = caught(21, 7, 40);
    let evidence = caught.evidence();
    caught.check(&evidence).expect_code(0);
    for (what, forged) in forgeries(&evidence) {
        let outcome = caught.check(&forged);
        let code = if what == "/schema" { 2 } else { 1 };
        assert_eq!(
            outcome.code, code,
            "{what}: {}{}",
            outcome.stdout, outcome.stderr
        );
        assert!(!outcome.stdout.starts_with("proven:"), "{what}");
    }
}

#[test]
fn two_heads_of_an_honest_log_are_no_evidence() {
    let log = TestLog::with_records(40);
    let note = |size| String::from_utf8(log.head_at(size)).unwrap();
    let root = |size: u64| note(size).lines().nth(2).unwrap().to_owned();
    let head = |size: u64| {
        json!({"size": size, "root": root(size), "note": note(size),
               "obtained_from": "", "obtained_at": ""})
    };
    let caught = caught(20, 7, 40);
    let mut evidence = caught.evidence();
    (evidence["smaller"], evidence["larger"]) = (head(20), head(40));
    evidence["log"]["verifier_key"] = json!(log.verifier_key());
    let outcome = caught.check(&evidence).expect_code(1);
    assert!(
        outcome
            .stdout
            .starts_with("refused: e.json proves nothing: nothing contradicts")
    );
}

#[test]
fn what_is_no_evidence_file_says_so() {
    for (content, message) in [
        (
            "",
            "is not an evidence file (sumcheck.evidence/1 or sumcheck.evidence-duplicate/1): \"EOF while parsing",
        ),
        ("{}", "missing field `schema`"),
        ("[]", "is not an evidence file"),
    ] {
        let outcome = Run::new(["evidence", "verify", "e.json"])
            .file("e.json", content)
            .run()
            .expect_code(2);
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
    }
    let outcome = Run::new(["evidence", "verify", "missing.json"])
        .run()
        .expect_code(2);
    assert!(
        outcome.stderr.contains("cannot read missing.json: "),
        "{}",
        outcome.stderr
    );
}
