//! What the go command has left on the disk is as untrusted as the network: whatever stands there,
//! no verdict is wrong, nobody is accused without two signatures, and the log is asked instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::attack::{Case, for_each, then_honest, verdicts};
use crate::support::key::Key;
use crate::support::layers::*;
use crate::support::log::{NAME, TestLog, go_sum_lines, synthetic_module, synthetic_version};
use crate::support::server::Server;
use crate::support::sumcheck::{Home, Outcome};

/// Two levels of tiles, each with a partial one.
const SIZE: u64 = 600;
const RECORD: u64 = 300;
/// All tiles of a log of that size.
const TILES: [&str; 4] = [
    "tile/8/0/000",
    "tile/8/0/001",
    "tile/8/0/002.p/88",
    "tile/8/1/000.p/2",
];
/// Those that prove the record.
const TILES_OF_RECORD: [&str; 3] = [TILES[1], TILES[2], TILES[3]];

const LONGEST_RUN: Duration = Duration::from_secs(20);
const MOST_MEMORY_KIB: u64 = 100_000;

fn name() -> String {
    format!("{}@{}", synthetic_module(RECORD), synthetic_version(RECORD))
}

/// What an attacker would like to be believed of the record.
fn forged_go_sum() -> String {
    go_sum_lines(&synthetic_module(RECORD), &synthetic_version(RECORD), 666)
}

/// Where the go command keeps replies and tiles, with its default settings.
fn cache(home: &Home) -> PathBuf {
    home.path()
        .join("go/pkg/mod/cache/download/sumdb")
        .join(NAME)
}

/// Where the go command keeps the newest head.
fn latest(home: &Home) -> PathBuf {
    home.path().join("go/pkg/sumdb").join(NAME).join("latest")
}

fn lookup_file(home: &Home) -> PathBuf {
    cache(home).join("lookup").join(name())
}

fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A home in which the go command has verified the record under this log.
fn gos_own_files_of(log: &TestLog) -> Case {
    let case = Case::new(log, RECORD..RECORD + 1);
    let home = &case.home;
    put(&latest(home), log.head());
    put(&lookup_file(home), log.lookup_reply(&name(), SIZE).unwrap());
    for tile in TILES {
        put(&cache(home).join(tile), tile_of(log, tile));
    }
    case
}

fn tile_of(log: &TestLog, path: &str) -> Vec<u8> {
    let path = crate::support::tile_path::TilePath::parse(&format!("/{path}"));
    log.tile_at(path.unwrap()).unwrap()
}

/// Not `--refresh`: where the go command's files are good, nobody else is asked.
fn verify(case: &Case, server: &Server, go_sum: &str, args: &[&str]) -> Outcome {
    let run = case.home.sumcheck(["verify", "--format=json", "go.sum"]);
    run.args_all(args)
        .file("go.sum", go_sum)
        .sumdb(&case.log.verifier_key())
        .goproxy(&server.url())
        .run()
}

fn forget(home: &Home) {
    let _ = fs::remove_dir_all(home.state());
}

/// Alone, the files prove nothing wrong; with the log in reach, all is as if they were not there.
#[track_caller]
fn is_harmless(case: &Case, what: &str) {
    let server = case.log.serve().start();
    let run = |go_sum: &str, args: &[&str], code: &[i32], verdict: &[&str]| {
        forget(&case.home);
        let outcome = verify(case, &server, go_sum, args);
        assert!(code.contains(&outcome.code), "{what} {args:?}: {outcome:?}");
        for found in verdicts(&outcome.json()) {
            assert!(verdict.contains(&&*found), "{what} {args:?}: {outcome:?}");
        }
        assert!(outcome.took < LONGEST_RUN, "{what}: {outcome:?}");
        assert!(outcome.peak_kib < MOST_MEMORY_KIB, "{what}: {outcome:?}");
    };
    let (honest, forged) = (&case.go_sum, forged_go_sum());
    run(
        honest,
        &["--offline"],
        &[0, 3],
        &["verified", "unavailable"],
    );
    run(
        &forged,
        &["--offline"],
        &[1, 3],
        &["mismatch", "unavailable"],
    );
    run(&forged, &[], &[1], &["mismatch"]);
    run(honest, &[], &[0], &["verified"]);
    then_honest(case);
}

#[test]
fn what_the_go_command_has_verified_needs_no_request() {
    let log = TestLog::with_records(SIZE);
    let case = gos_own_files_of(&log);
    let server = log.serve().start();
    let outcome = verify(&case, &server, &case.go_sum, &[]).expect_code(0);
    assert_eq!(verdicts(&outcome.json()), ["verified"; 2]);
    assert_eq!(server.requests().len(), 0);
    is_harmless(&case, "its own");
}

#[test]
fn a_forged_reply_is_as_good_as_none() {
    let log = TestLog::with_records(SIZE);
    let honest = log.lookup_reply(&name(), SIZE).unwrap();
    let text = String::from_utf8(honest.clone()).unwrap();
    let forged_text = text.replace(&log.text(RECORD), &forged_go_sum());
    let other = |n| format!("{}@{}", synthetic_module(n), synthetic_version(n));
    let mut replies = vec![
        ("another text", forged_text.clone().into_bytes()),
        ("another record", log.lookup_reply(&other(7), SIZE).unwrap()),
        ("another index", text.replacen("300", "301", 1).into_bytes()),
        (
            "an index beyond the tree",
            text.replacen("300", "600", 1).into_bytes(),
        ),
        (
            "unsigned lines before the head",
            text.replace("\n\ngo.sum", &format!("\n\n{}\ngo.sum", forged_go_sum()))
                .into_bytes(),
        ),
        ("no head", text.split("\n\n").next().unwrap().into()),
    ];
    let mut other_key = forged_text.into_bytes();
    let fork = log.with_text(RECORD, &forged_go_sum());
    let head = String::from_utf8(fork.head()).unwrap();
    let text_of_head = format!("{}\n", head.split("\n\n").next().unwrap());
    set_head(
        &mut other_key,
        &Key::new(NAME, "another").sign(&text_of_head),
    );
    replies.push(("another key of the log's name", other_key));
    for_each(&replies, |(what, reply)| {
        let case = gos_own_files_of(&log);
        put(&lookup_file(&case.home), reply);
        is_harmless(&case, what);
    });
}

#[test]
fn no_flipped_bit_of_a_reply_or_a_head_proves_anything() {
    let log = TestLog::with_records(SIZE);
    let reply = log.lookup_reply(&name(), SIZE).unwrap();
    let bits: Vec<usize> = (0..reply.len() * 8).step_by(41).collect();
    for_each(&bits, |&bit| {
        let case = gos_own_files_of(&log);
        for (file, bytes) in [
            (lookup_file(&case.home), reply.clone()),
            (latest(&case.home), log.head()),
        ] {
            let mut bytes = bytes;
            let length = bytes.len();
            bytes[bit / 8 % length] ^= 0x80 >> (bit % 8);
            put(&file, bytes);
        }
        is_harmless(&case, &format!("bit {bit}"));
    });
}

#[test]
fn a_forged_tile_is_fetched_again() {
    let log = TestLog::with_records(SIZE);
    let fork = log.with_text(RECORD, &forged_go_sum());
    let forged_reply = {
        let mut reply = fork.lookup_reply(&name(), SIZE).unwrap();
        set_head(&mut reply, &log.head());
        reply
    };
    // Each alone, and all of them.
    let mut sets: Vec<&[&str]> = TILES_OF_RECORD.chunks(1).collect();
    sets.push(&TILES_OF_RECORD);
    for_each(&sets, |tiles| {
        let case = gos_own_files_of(&log);
        for tile in *tiles {
            let mut bytes = tile_of(&fork, tile);
            // What the other record does not change.
            if bytes == tile_of(&log, tile) {
                bytes[0] ^= 1;
            }
            put(&cache(&case.home).join(tile), bytes);
        }
        is_harmless(&case, &format!("{tiles:?}"));
        put(&lookup_file(&case.home), &forged_reply);
        is_harmless(&case, &format!("{tiles:?} and the reply"));
    });
}

#[test]
fn a_head_that_another_key_signed_accuses_nobody() {
    let log = TestLog::with_records(SIZE);
    let other = TestLog::with_key(Key::new(NAME, "another"))
        .grow(SIZE)
        .fork_at(10);
    let case = gos_own_files_of(&log);
    put(&latest(&case.home), other.head());
    is_harmless(&case, "latest alone");
    let case = gos_own_files_of(&other);
    let case = Case {
        log: log.clone(),
        go_sum: log.go_sum(RECORD..RECORD + 1),
        ..case
    };
    let case = Case {
        honest_go_sum: case.go_sum.clone(),
        ..case
    };
    is_harmless(&case, "all of another log");
}

/// What may stand in the place of a file.
type Thing = (&'static str, fn(&Path));

fn things() -> Vec<Thing> {
    let mut things: Vec<Thing> = vec![
        ("nothing", |_| {}),
        ("an empty file", |path| put(path, b"")),
        ("junk", |path| put(path, [0xa5; 4096])),
        ("a page", |path| {
            put(path, "<!DOCTYPE html>\n<p>Please log in\n");
        }),
        ("a folder", |path| {
            fs::create_dir_all(path.join("x")).unwrap();
        }),
        ("a huge file", |path| {
            put(path, b"300\n");
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(1 << 40).unwrap();
        }),
    ];
    #[cfg(unix)]
    things.extend([
        ("a pipe", pipe as fn(&Path)),
        ("a socket", |path| {
            drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        }),
        ("a loop of links", |path| link(path, path)),
        ("a link to nowhere", |path| link(path.join("none"), path)),
        ("a link to its folder", |path| link(".", path)),
        ("a link to endless zeros", |path| link("/dev/zero", path)),
        ("a link to a terminal", |path| link("/dev/tty", path)),
    ]);
    things
}

#[cfg(unix)]
fn link(target: impl AsRef<Path>, path: &Path) {
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(unix)]
fn pipe(path: &Path) {
    let mut mkfifo = std::process::Command::new("mkfifo");
    assert!(mkfifo.arg(path).status().unwrap().success());
}

fn replace_by(path: &Path, make: fn(&Path)) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
    make(path);
}

#[test]
fn whatever_stands_in_the_place_of_a_file_is_as_good_as_none() {
    let log = TestLog::with_records(SIZE);
    for_each(&things(), |(what, make)| {
        let files = |home: &Home| {
            let tiles = TILES_OF_RECORD.map(|tile| cache(home).join(tile));
            [vec![latest(home), lookup_file(home)], tiles.to_vec()].concat()
        };
        for n in 0..files(&Home::new()).len() {
            let case = gos_own_files_of(&log);
            let file = &files(&case.home)[n];
            replace_by(file, *make);
            is_harmless(&case, &format!("{what} at {}", file.display()));
        }
    });
}

#[test]
fn whatever_stands_in_the_place_of_a_folder_is_as_good_as_none() {
    let log = TestLog::with_records(SIZE);
    for_each(&things(), |(what, make)| {
        for folder in [
            "go",
            "go/pkg/sumdb/sum.example.com",
            "go/pkg/mod/cache/download/sumdb/sum.example.com",
            "go/pkg/mod/cache/download/sumdb/sum.example.com/lookup/example.com",
            "go/pkg/mod/cache/download/sumdb/sum.example.com/tile/8/0/002.p",
        ] {
            let case = gos_own_files_of(&log);
            replace_by(&case.home.path().join(folder), *make);
            is_harmless(&case, &format!("{what} at {folder}"));
        }
    });
}

#[test]
fn a_folder_of_very_many_partial_tiles_keeps_nobody_busy() {
    let log = TestLog::with_records(SIZE);
    let case = gos_own_files_of(&log);
    let folder = cache(&case.home).join("tile/8/0/002.p");
    fs::remove_file(folder.join("88")).unwrap();
    for width in 0..20_000 {
        fs::File::create(folder.join(format!("{width}"))).unwrap();
    }
    is_harmless(&case, "20,000 names");
}

mod a_fork_that_the_log_signed {
    use super::*;

    /// Exit 4 with both notes, and the honest log is good for 0 then.
    #[track_caller]
    fn is_told(case: &Case, server: &Server, args: &[&str], notes: [Vec<u8>; 2]) {
        let outcome = verify(case, server, &case.go_sum, args).expect_code(4);
        assert_eq!(verdicts(&outcome.json()), ["unavailable"; 2]);
        let finding = outcome.json()["findings"][0].as_str().unwrap().to_owned();
        let evidence: serde_json::Value =
            serde_json::from_slice(&fs::read(finding).unwrap()).unwrap();
        let mut found = [&evidence["smaller"]["note"], &evidence["larger"]["note"]]
            .map(|note| note.as_str().unwrap().as_bytes().to_vec());
        let mut notes = notes;
        found.sort();
        notes.sort();
        assert_eq!(found, notes);
    }

    #[test]
    fn at_the_size_of_a_verified_head_is_proof() {
        let log = TestLog::with_records(SIZE);
        let fork = log.fork_at(SIZE - 1);
        for args in [&["--offline"][..], &[]] {
            let case = gos_own_files_of(&log).after(&log);
            put(&latest(&case.home), fork.head());
            // The record is new to the home, and known to the go command.
            let server = log.serve().start();
            is_told(&case, &server, args, [log.head(), fork.head()]);
            assert_eq!(server.requests().len(), 0);
            fs::remove_dir_all(case.home.path().join("go")).unwrap();
            then_honest(&case);
        }
    }

    #[test]
    fn in_a_reply_is_proof_by_the_tiles_of_the_honest_log() {
        let log = TestLog::with_records(SIZE);
        let fork = log.fork_at(500);
        for (size, args) in [(SIZE, &[][..]), (550, &["--refresh"])] {
            let case = gos_own_files_of(&log);
            let reply = fork.lookup_reply(&name(), size).unwrap();
            put(&lookup_file(&case.home), reply);
            let server = log.serve().start();
            is_told(&case, &server, args, [log.head(), fork.head_at(size)]);
            fs::remove_dir_all(case.home.path().join("go")).unwrap();
            then_honest(&case);
        }
    }

    /// The log that is asked is smaller than the fork: there is no tile that shows it.
    #[test]
    fn beyond_what_the_log_that_is_asked_has_is_no_proof() {
        let log = TestLog::with_records(SIZE);
        let fork = log.fork_at(500).grow(100);
        let case = gos_own_files_of(&log);
        put(&latest(&case.home), fork.head());
        is_harmless(&case, "latest");
        let reply = fork.lookup_reply(&name(), SIZE + 100).unwrap();
        put(&lookup_file(&case.home), reply);
        is_harmless(&case, "latest and the reply");
    }
}
