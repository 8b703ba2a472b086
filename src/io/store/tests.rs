//! The state between runs, and what may be found in its place.

mod opening;

use std::fs;

use super::*;

const KEY: &str = "log.example+01020304+AAAA";

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    (folder, home)
}

fn head(size: u64, root: u8) -> NewHead {
    NewHead {
        size,
        root: [root; 32],
        note: format!("note of {size}").into_bytes(),
        source: "https://log.example".to_owned(),
        tied_to_size: None,
        tie: "first",
    }
}

fn record(number: u64) -> StoredRecord {
    StoredRecord {
        module: format!("example.com/m{number}"),
        version: "v1.0.0".to_owned(),
        record_index: number,
        text: b"text\n".to_vec(),
        proof: vec![7; 64],
        proof_head_size: 10,
    }
}

fn commit(started_from: Option<u64>, heads: Vec<NewHead>, records: Vec<StoredRecord>) -> Commit {
    Commit {
        log_name: "log.example".to_owned(),
        verifier_key: KEY.to_owned(),
        started_from,
        heads,
        records,
    }
}

fn sizes(store: &Store) -> Vec<u64> {
    store
        .heads(KEY)
        .unwrap()
        .iter()
        .map(|head| head.size)
        .collect()
}

#[test]
fn what_is_committed_is_there_after_a_restart() {
    let (_folder, home) = home();
    let largest = crate::tlog::MAX_TREE_SIZE;
    let all = commit(
        None,
        vec![head(10, 1), head(largest, 2)],
        vec![record(3), record(4)],
    );
    assert_eq!(
        Store::open(&home).unwrap().commit(&all).unwrap(),
        CommitOutcome::Committed
    );

    let store = Store::open(&home).unwrap();
    assert_eq!(sizes(&store), [10, largest]);
    let wanted = [("example.com/m3", "v1.0.0"), ("example.com/m4", "v1.0.1")];
    assert_eq!(store.records(KEY, &wanted).unwrap(), [record(3)]);
    assert_eq!(store.records("other", &wanted).unwrap(), []);
    assert_eq!(store.heads("other").unwrap(), []);
}

#[test]
fn a_head_that_moved_in_between_stops_the_commit_whole() {
    let (_folder, home) = home();
    let (mut one, mut other) = (Store::open(&home).unwrap(), Store::open(&home).unwrap());
    let first = commit(None, vec![head(10, 1)], vec![]);
    assert_eq!(one.commit(&first).unwrap(), CommitOutcome::Committed);
    let late = commit(None, vec![head(20, 2)], vec![record(3)]);
    assert_eq!(other.commit(&late).unwrap(), CommitOutcome::HeadMoved);
    assert_eq!(sizes(&other), [10]);
    assert_eq!(
        other.records(KEY, &[("example.com/m3", "v1.0.0")]).unwrap(),
        []
    );
    let again = commit(Some(10), vec![head(20, 2)], vec![record(3)]);
    assert_eq!(other.commit(&again).unwrap(), CommitOutcome::Committed);
    assert_eq!(sizes(&one), [10, 20]);
}

#[test]
fn a_verified_head_is_never_overwritten() {
    let (_folder, home) = home();
    let mut store = Store::open(&home).unwrap();
    store
        .commit(&commit(None, vec![head(10, 1)], vec![]))
        .unwrap();
    let error = store
        .commit(&commit(Some(10), vec![head(10, 9)], vec![record(1)]))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("has another verified tree head of 10 records")
    );
    assert_eq!(store.heads(KEY).unwrap()[0].root, [1; 32]);
    assert_eq!(
        store.records(KEY, &[("example.com/m1", "v1.0.0")]).unwrap(),
        []
    );
    // The same head once more changes nothing.
    let seen_at = store.heads(KEY).unwrap()[0].seen_at.clone();
    store
        .commit(&commit(Some(10), vec![head(10, 1)], vec![]))
        .unwrap();
    assert_eq!(store.heads(KEY).unwrap()[0].seen_at, seen_at);
}

const FOUND_AT: &str = "2026-11-22T00:00:00Z";

fn finding(id: i64, path: &str) -> Finding {
    Finding {
        id,
        log: "log.example".to_owned(),
        verifier_key: KEY.to_owned(),
        kind: "fork".to_owned(),
        found_at: FOUND_AT.to_owned(),
        evidence_path: path.to_owned(),
        acknowledged_at: None,
    }
}

#[test]
fn findings_stay_until_they_are_acknowledged() {
    let (_folder, home) = home();
    let store = Store::open(&home).unwrap();
    store
        .record_finding("log.example", KEY, "fork", FOUND_AT, "/evidence/a.json")
        .unwrap();
    assert_eq!(
        Store::open(&home).unwrap().open_findings(KEY).unwrap(),
        [finding(1, "/evidence/a.json")]
    );
    assert_eq!(store.open_findings("other").unwrap(), []);
}

#[test]
fn many_may_open_a_new_home_at_once() {
    let (_folder, home) = home();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let home = &home;
            scope.spawn(move || {
                let mut store = Store::open(home).unwrap();
                store
                    .commit(&commit(None, vec![], vec![record(number)]))
                    .unwrap();
            });
        }
    });
    let store = Store::open(&home).unwrap();
    let names: Vec<String> = (0..16)
        .map(|number| format!("example.com/m{number}"))
        .collect();
    let wanted: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v1.0.0")).collect();
    assert_eq!(store.records(KEY, &wanted).unwrap().len(), 16);
}

#[test]
fn a_database_of_a_newer_sumcheck_is_left_untouched() {
    let (_folder, home) = home();
    drop(Store::open(&home).unwrap());
    let connection = Connection::open(home.database()).unwrap();
    connection
        .pragma_update(None, "user_version", SCHEMA_VERSION + 1)
        .unwrap();
    drop(connection);
    let before = fs::read(home.database()).unwrap();
    let error = Store::open(&home).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found, .. } if found == SCHEMA_VERSION + 1),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("was written by a newer sumcheck")
    );
    assert_eq!(fs::read(home.database()).unwrap(), before);
}

#[test]
fn what_is_no_database_of_ours_is_left_untouched() {
    let (_folder, home) = home();
    fs::write(
        home.database(),
        "this is a text file, and a rather long one at that, ".repeat(40),
    )
    .unwrap();
    let before = fs::read(home.database()).unwrap();
    let error = Store::open(&home).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is damaged (file is not a database): move it away"),
        "{error}"
    );
    assert_eq!(fs::read(home.database()).unwrap(), before);

    fs::remove_file(home.database()).unwrap();
    let foreign = Connection::open(home.database()).unwrap();
    foreign.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(foreign);
    let error = Store::open(&home).unwrap_err().to_string();
    assert!(
        error.contains("is a database of another program"),
        "{error}"
    );
}

#[test]
fn a_page_that_is_damaged_is_told_as_damage() {
    let (_folder, home) = home();
    let records = (0..200).map(record).collect();
    Store::open(&home)
        .unwrap()
        .commit(&commit(None, vec![head(10, 1)], records))
        .unwrap();
    let mut bytes = fs::read(home.database()).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte = 0xff;
    }
    fs::write(home.database(), bytes).unwrap();
    let wanted = [("example.com/m3", "v1.0.0")];
    let error = Store::open(&home)
        .and_then(|store| store.records(KEY, &wanted))
        .unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[test]
fn a_record_that_is_proven_again_takes_the_new_proof() {
    let (_folder, home) = home();
    let mut store = Store::open(&home).unwrap();
    store
        .commit(&commit(None, vec![head(10, 1)], vec![record(3)]))
        .unwrap();
    let mut again = record(3);
    again.proof_head_size = 20;
    store
        .commit(&commit(Some(10), vec![head(20, 2)], vec![again.clone()]))
        .unwrap();
    let wanted = [("example.com/m3", "v1.0.0")];
    assert_eq!(store.records(KEY, &wanted).unwrap(), [again]);
}

#[test]
fn a_size_beyond_the_largest_is_an_error_and_nothing_is_written() {
    let (_folder, home) = home();
    let mut store = Store::open(&home).unwrap();
    let heads = vec![head(10, 1), head(crate::tlog::MAX_TREE_SIZE + 1, 2)];
    let error = store.commit(&commit(None, heads, vec![])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("out of range integral type conversion attempted"),
        "{error}"
    );
    assert!(sizes(&store).is_empty());
}

#[test]
fn a_run_that_started_from_a_head_that_is_not_there_keeps_nothing() {
    let (_folder, home) = home();
    let mut store = Store::open(&home).unwrap();
    let orphan = commit(Some(10), vec![head(20, 2)], vec![]);
    assert_eq!(store.commit(&orphan).unwrap(), CommitOutcome::HeadMoved);
    assert!(sizes(&store).is_empty());
}

#[test]
fn an_older_head_does_not_move_the_newest_back() {
    let (_folder, home) = home();
    let mut store = Store::open(&home).unwrap();
    store
        .commit(&commit(None, vec![head(20, 2)], vec![]))
        .unwrap();
    store
        .commit(&commit(Some(20), vec![head(10, 1)], vec![]))
        .unwrap();
    assert_eq!(sizes(&store), [10, 20]);
    let from_older = commit(Some(10), vec![head(30, 3)], vec![]);
    assert_eq!(store.commit(&from_older).unwrap(), CommitOutcome::HeadMoved);
}

#[test]
fn of_two_commits_at_once_one_is_kept_and_the_other_is_told() {
    let (_folder, home) = home();
    drop(Store::open(&home).unwrap());
    let start = std::sync::Barrier::new(2);
    let run = |size| {
        let mut store = Store::open(&home).unwrap();
        start.wait();
        let first = commit(None, vec![head(size, 1)], vec![]);
        store.commit(&first).unwrap()
    };
    let outcomes = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(30));
        [run(20), other.join().unwrap()]
    });
    assert!(outcomes.contains(&CommitOutcome::Committed));
    assert!(outcomes.contains(&CommitOutcome::HeadMoved));
    assert_eq!(sizes(&Store::open(&home).unwrap()).len(), 1);
}

#[test]
fn a_reader_sees_no_commit_by_halves() {
    let (_folder, home) = home();
    let mut writer = Store::open(&home).unwrap();
    writer
        .commit(&commit(None, vec![head(10, 1)], vec![record(3)]))
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for size in 11..40 {
                let mut again = record(3);
                again.proof_head_size = size;
                let next = commit(Some(size - 1), vec![head(size, 1)], vec![again]);
                writer.commit(&next).unwrap();
            }
        });
        let reader = Store::open(&home).unwrap();
        for _ in 0..100 {
            let record = &reader
                .records(KEY, &[("example.com/m3", "v1.0.0")])
                .unwrap()[0];
            assert!(sizes(&reader).contains(&record.proof_head_size));
        }
    });
}

#[test]
fn a_finding_that_was_acknowledged_is_told_no_more() {
    let (_folder, home) = home();
    let store = Store::open(&home).unwrap();
    for path in ["one.json", "two.json"] {
        store
            .record_finding("log.example", KEY, "fork", FOUND_AT, path)
            .unwrap();
    }
    assert!(store.acknowledge(1).unwrap());
    assert!(!store.acknowledge(3).unwrap());
    assert_eq!(store.open_findings(KEY).unwrap(), [finding(2, "two.json")]);
    // It is still there, with the time at which it was first acknowledged.
    let before = store.findings().unwrap();
    assert_eq!(before.len(), 2);
    assert!(before[0].acknowledged_at.is_some());
    assert!(store.acknowledge(1).unwrap());
    assert_eq!(store.findings().unwrap(), before);
}

#[test]
fn of_two_hashes_the_first_is_the_pin() {
    let (_folder, home) = home();
    let mut store = Store::open(&home).unwrap();
    let mut pin = |version: &str, hash: &str| {
        store
            .pin(
                "private.example/m",
                version,
                PinKind::Zip,
                hash,
                "somewhere",
            )
            .unwrap()
    };
    assert_eq!(pin("v1.0.0", "h1:a"), Pinned::First);
    assert_eq!(pin("v1.0.0", "h1:a"), Pinned::Same);
    assert_eq!(pin("v1.0.1", "h1:b"), Pinned::First);
    assert!(matches!(pin("v1.0.0", "h1:b"), Pinned::Other(pin) if pin.hash == "h1:a"));
    assert_eq!(store.pins().unwrap().len(), 2);
    assert_eq!(store.unpin("private.example/m", Some("v1.0.0")).unwrap(), 1);
    assert_eq!(store.unpin("private.example/m", None).unwrap(), 1);
    assert_eq!(store.pins().unwrap(), []);
}

/// A database as the first version of the schema had it, with what it held.
fn first_version(home: &Home) {
    let connection = Connection::open(home.database()).unwrap();
    connection.execute_batch(MIGRATIONS[0]).unwrap();
    connection
        .execute_batch(
            "PRAGMA application_id = 0x73756d63; PRAGMA user_version = 1;
             INSERT INTO logs VALUES (1, 'log.example', 'log.example+01020304+AAAA');
             INSERT INTO heads VALUES (1, 10, zeroblob(32), x'00', 'then', 'there', NULL, 'first');
             INSERT INTO findings VALUES (1, 1, 'fork', 'then', 'one.json', NULL);",
        )
        .unwrap();
}

#[test]
fn an_older_database_is_migrated_and_keeps_what_it_has() {
    let (_folder, home) = home();
    first_version(&home);
    for _ in 0..2 {
        let mut store = Store::open(&home).unwrap();
        assert_eq!(store.heads(KEY).unwrap()[0].size, 10);
        assert_eq!(store.open_findings(KEY).unwrap().len(), 1);
        assert_eq!(store.pins().unwrap(), []);
        store.keep_decisions(&[], 10).unwrap();
    }
}

#[test]
fn an_older_database_that_cannot_be_written_is_read() {
    let (_folder, home) = home();
    first_version(&home);
    let before = fs::read(home.database()).unwrap();
    let store = Store::open(&Home::read_only(home.path())).unwrap();
    assert_eq!(store.heads(KEY).unwrap()[0].size, 10);
    assert_eq!(store.pins().unwrap(), []);
    assert_eq!(fs::read(home.database()).unwrap(), before);
}

#[test]
fn who_reads_while_another_migrates_waits_and_reads() {
    let (_folder, home) = home();
    first_version(&home);
    let mut other = Connection::open(home.database()).unwrap();
    other.pragma_update(None, "journal_mode", "WAL").unwrap();
    let migration = other
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    migration.execute_batch(MIGRATIONS[1]).unwrap();
    migration.pragma_update(None, "user_version", 2).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| Store::open(&home).unwrap().heads(KEY).unwrap());
        // It cannot end before this does, whichever of the two is first.
        migration.commit().unwrap();
        assert_eq!(reader.join().unwrap()[0].size, 10);
    });
}

#[test]
fn a_row_that_does_not_read_as_it_was_written_is_damage() {
    let damages = [
        "UPDATE heads SET size = -1",
        "PRAGMA ignore_check_constraints = ON; UPDATE heads SET root = x'00'",
        "UPDATE heads SET source = CAST(x'ff' AS TEXT)",
    ];
    for damage in damages {
        let (_folder, home) = home();
        let mut store = Store::open(&home).unwrap();
        store
            .commit(&commit(None, vec![head(10, 1)], vec![]))
            .unwrap();
        let other = Connection::open(home.database()).unwrap();
        other.execute_batch(damage).unwrap();
        let error = store.heads(KEY).unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupt { .. }),
            "{damage}: {error}"
        );
    }
}

#[test]
fn a_database_that_stays_locked_is_busy() {
    let (_folder, home) = home();
    let mut store = Store::open(&home).unwrap();
    store.connection.busy_timeout(Duration::ZERO).unwrap();
    let other = Connection::open(home.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(
        store
            .commit(&commit(None, vec![head(10, 1)], vec![]))
            .unwrap_err()
            .to_string(),
        format!(
            "{} has been locked by another process for 10 s: wait for it to end and run again",
            home.database().display()
        )
    );
}
