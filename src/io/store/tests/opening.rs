//! What may be found where the database should be, and homes that cannot be written.

use std::fs;
use std::path::PathBuf;
use std::sync::Barrier;

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::{Commit, CommitOutcome, Home, NewHead, SCHEMA_VERSION, Store};

const KEY: &str = "log.example+01020304+AAAA";

fn home() -> (TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path()).unwrap();
    (folder, home)
}

fn raw(home: &Home) -> Connection {
    Connection::open(home.database()).unwrap()
}

/// What opening says, with the file's path left out.
fn refusal(home: &Home) -> String {
    let error = Store::open(home).unwrap_err().to_string();
    error.replace(home.database().to_str().unwrap(), "DB")
}

/// A commit of nothing but a head.
fn commit_of(started_from: Option<u64>, size: u64) -> Commit {
    Commit {
        log_name: "log.example".to_owned(),
        verifier_key: KEY.to_owned(),
        started_from,
        heads: vec![NewHead {
            size,
            root: [1; 32],
            note: b"note".to_vec(),
            source: "https://log.example".to_owned(),
            tied_to_size: None,
            tie: "first",
        }],
        records: vec![],
    }
}

fn sizes(store: &Store) -> Vec<u64> {
    let heads = store.heads(KEY).unwrap();
    heads.iter().map(|head| head.size).collect()
}

fn wal(home: &Home) -> PathBuf {
    home.database().with_extension("db-wal")
}

#[test]
fn a_commit_is_on_the_disk_when_it_returns() {
    let (_folder, home) = home();
    let store = Store::open(&home).unwrap();
    let pragma = |name: &str| {
        store
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
    };
    // 2 is FULL: with less, WAL mode may lose the last commits in a power cut.
    assert_eq!(pragma("synchronous"), Ok(2));
    assert_eq!(pragma("foreign_keys"), Ok(1));
    let mode = store
        .connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0));
    assert_eq!(mode, Ok("wal".to_owned()));
}

#[test]
fn processes_that_start_on_a_new_home_at_once_do_not_disturb_each_other() {
    // A start that reads owner and version in two states of the file takes a database that is
    // being made for another program's: a few in a hundred.
    for _ in 0..30 {
        let (_folder, home) = home();
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    Store::open(&home).unwrap();
                });
            }
        });
    }
}

#[test]
fn the_write_ahead_log_of_a_newer_sumcheck_stays_where_it_is() {
    let (_folder, running) = home();
    drop(Store::open(&running).unwrap());
    let newer = raw(&running);
    newer
        .pragma_update(None, "user_version", SCHEMA_VERSION + 1)
        .unwrap();
    // A copy of files in use is what a crash leaves.
    let (_folder, crashed) = home();
    fs::copy(running.database(), crashed.database()).unwrap();
    fs::copy(wal(&running), wal(&crashed)).unwrap();
    let state = || {
        (
            fs::read(crashed.database()).unwrap(),
            fs::read(wal(&crashed)).unwrap(),
        )
    };
    let before = state();
    assert!(!before.1.is_empty());
    assert_eq!(
        refusal(&crashed),
        format!(
            "DB was written by a newer sumcheck (its schema is {}, this one knows \
             {SCHEMA_VERSION}): update sumcheck, or name another folder with --home",
            SCHEMA_VERSION + 1
        )
    );
    assert_eq!(state(), before);
}

#[test]
fn a_database_of_another_program_is_untouched() {
    let set_ups = [
        "CREATE TABLE notes (text TEXT)",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 1",
    ];
    for set_up in set_ups {
        let (_folder, home) = home();
        raw(&home).execute_batch(set_up).unwrap();
        let before = fs::read(home.database()).unwrap();
        assert_eq!(
            refusal(&home),
            "DB is a database of another program: name another folder with --home"
        );
        assert_eq!(fs::read(home.database()).unwrap(), before);
    }
}

#[test]
fn a_folder_in_the_place_of_the_database_is_an_error() {
    let (_folder, home) = home();
    fs::create_dir(home.database()).unwrap();
    let refused = refusal(&home);
    assert!(refused.starts_with("cannot use DB: "), "{refused}");
    let advice = "see that it is a file and that its disk has room, or name another folder with \
                  --home";
    assert!(refused.ends_with(advice), "{refused}");
}

#[test]
fn a_read_only_home_without_a_database_is_empty_and_refuses_writes() {
    let (folder, _home) = home();
    let home = Home::read_only(folder.path());
    let mut store = Store::open(&home).unwrap();
    assert!(sizes(&store).is_empty());
    let read_only = format!(
        "{} is read-only: make it writable, or name another folder with --home",
        home.database().display()
    );
    let committed = store.commit(&commit_of(None, 20));
    assert_eq!(committed.unwrap_err().to_string(), read_only);
    let recorded = store.record_finding("log.example", KEY, "fork", "", "");
    assert_eq!(recorded.unwrap_err().to_string(), read_only);
    assert!(!home.database().exists());
}

#[test]
fn a_read_only_home_is_read_and_no_file_is_added() {
    let (folder, home) = home();
    Store::open(&home)
        .unwrap()
        .commit(&commit_of(None, 20))
        .unwrap();
    let store = Store::open(&Home::read_only(folder.path())).unwrap();
    assert_eq!(sizes(&store), [20]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_read_only_home_that_another_process_writes_shows_the_latest_commit() {
    let (folder, home) = home();
    let mut writer = Store::open(&home).unwrap();
    writer.commit(&commit_of(None, 20)).unwrap();
    let store = Store::open(&Home::read_only(folder.path())).unwrap();
    assert_eq!(sizes(&store), [20]);
    let outcome = writer.commit(&commit_of(Some(20), 30)).unwrap();
    assert_eq!(outcome, CommitOutcome::Committed);
    assert_eq!(sizes(&store), [20, 30]);
}

#[test]
fn a_database_that_was_never_set_up_is_empty_where_nothing_can_be_written() {
    let (folder, home) = home();
    fs::write(home.database(), b"").unwrap();
    let store = Store::open(&Home::read_only(folder.path())).unwrap();
    assert!(sizes(&store).is_empty());
}

#[test]
fn a_newer_database_is_refused_where_nothing_can_be_written() {
    let (folder, home) = home();
    drop(Store::open(&home).unwrap());
    raw(&home)
        .pragma_update(None, "user_version", SCHEMA_VERSION + 1)
        .unwrap();
    let refused = refusal(&Home::read_only(folder.path()));
    assert!(refused.starts_with("DB was written by a newer sumcheck"));
}

#[test]
fn a_home_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file:x", "a b", "100%25", "what?immutable=1", "#", "ü"] {
        let path = folder.path().join(name);
        Store::open(&Home::open(&path).unwrap())
            .unwrap()
            .commit(&commit_of(None, 20))
            .unwrap();
        assert!(path.join("sumcheck.db").exists(), "{name}");
        let store = Store::open(&Home::read_only(&path)).unwrap();
        assert_eq!(sizes(&store), [20], "{name}");
    }
}
