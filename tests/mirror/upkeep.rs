//! A mirror over the years: damage, old tiles, copies, and the kinds that have no records.

use std::path::{Path, PathBuf};

use crate::support::layers::no_data_tiles;
use crate::support::log::TestLog;
use crate::support::sumcheck::Home;
use crate::{mirror_of, offline, run_in, sound, start};

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn folder(home: &Home) -> PathBuf {
    home.state().join("mirror/sum.example.com")
}

#[test]
fn every_damaged_file_is_found_and_repaired() {
    let log = TestLog::with_records(66_000);
    let home = mirror_of(&log);
    sound(&home, &log);
    let names = files_below(&home.state().join("audit/names")).remove(0);
    for file in [
        "tile/8/data/003",
        "tile/8/0/003",
        "tile/8/1/000",
        "tile/8/data/",
        "names",
    ] {
        let path = match file {
            "names" => files_below(&home.state().join("audit/names")).remove(0),
            _ if file.ends_with('/') => files_below(&folder(&home).join("tile/8/data"))
                .pop()
                .unwrap(),
            _ => folder(&home).join(file),
        };
        let whole = std::fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        let server = start(&log);
        let found = run_in(&home, &log, &server, &["mirror", "verify"])
            .run()
            .expect_code(3);
        assert!(found.stdout.contains("--repair"), "{file}: {found:?}");
        run_in(&home, &log, &server, &["mirror", "verify", "--repair"])
            .run()
            .expect_code(0);
        sound(&home, &log);
        if file != "names" {
            assert_eq!(std::fs::read(&path).unwrap(), whole, "{file}");
        }
    }
    // What is gone is damaged as well, and without the log it is only told.
    std::fs::remove_file(folder(&home).join("tile/8/data/004")).unwrap();
    offline(&home, &log, &["mirror", "verify"])
        .run()
        .expect_code(3);
    let repair = ["mirror", "verify", "--repair"];
    run_in(&home, &log, &start(&log), &repair)
        .run()
        .expect_code(0);
    drop(names);
    sound(&home, &log);
}

#[test]
fn former_right_edges_are_pruned_and_the_rest_is_exported() {
    let log = TestLog::with_records(300);
    let home = mirror_of(&log);
    let before = files_below(&folder(&home)).len();
    let grown = log.grow(700);
    run_in(&home, &grown, &start(&grown), &["mirror"])
        .run()
        .expect_code(0);
    let status = offline(&home, &grown, &["mirror", "status", "--format", "json"])
        .run()
        .json();
    assert_eq!(status["mirrors"][0]["kind"], "records");
    assert_eq!(status["mirrors"][0]["head"], 1000);
    assert_eq!(status["mirrors"][0]["names"], 1000);
    assert!(before > 0);
    let pruned = offline(&home, &grown, &["mirror", "prune"])
        .run()
        .expect_code(0);
    assert!(pruned.stdout.starts_with("removed 3 files"), "{pruned:?}");
    sound(&home, &grown);

    // A copy is a log that another sumcheck can audit.
    let copy = home.work().join("copy");
    offline(&home, &grown, &["mirror", "export", copy.to_str().unwrap()])
        .run()
        .expect_code(0);
    assert_eq!(files_below(&copy).len(), files_below(&folder(&home)).len());
    let args = [
        "audit",
        "--source",
        copy.to_str().unwrap(),
        "--offline",
        "--check-tiles",
    ];
    let audited = Home::new()
        .sumcheck(args)
        .sumdb(&grown.verifier_key())
        .goproxy("off")
        .run();
    assert!(audited.expect_code(0).stdout.starts_with("1,000 records"));
}

#[test]
fn a_mirror_of_hashes_proves_what_the_go_command_s_cache_has() {
    let log = TestLog::with_records(600);
    let home = Home::new();
    let server = log.serve().layer(no_data_tiles()).start();
    let refused = run_in(&home, &log, &server, &["mirror"])
        .run()
        .expect_code(3);
    assert!(refused.stderr.contains("--hashes-only"), "{refused:?}");
    run_in(&home, &log, &server, &["mirror", "--hashes-only"])
        .run()
        .expect_code(0);
    let data = folder(&home).join("tile/8/data");
    assert!(!data.exists());
    let verified = sound(&home, &log);
    assert!(verified.stdout.contains("600 records"), "{verified:?}");
    // No tile is asked for any more: lookups alone.
    server.forget();
    let run = run_in(&home, &log, &server, &["verify", "go.sum"]);
    run.file("go.sum", log.go_sum(0..50)).run().expect_code(0);
    assert_eq!(server.count("/tile/"), 0, "{:?}", server.paths());
}

#[test]
fn a_sparse_mirror_has_what_was_asked_for() {
    let log = TestLog::with_records(600);
    let home = Home::new();
    let server = start(&log);
    let run = run_in(&home, &log, &server, &["verify", "go.sum"]);
    run.file("go.sum", log.go_sum(10..20)).run().expect_code(0);
    let grown = log.grow(200);
    let server = start(&grown);
    let kept = run_in(&home, &grown, &server, &["mirror", "--sparse"])
        .run()
        .expect_code(0);
    assert!(
        kept.stdout
            .starts_with("10 records under the tree head of 800 records"),
        "{kept:?}"
    );
    let lookups = files_below(&folder(&home).join("lookup"));
    assert_eq!(lookups.len(), 10);
    // Any server of files is a checksum database with it.
    let sumdb = format!(
        "{} file://{}",
        grown.verifier_key(),
        folder(&home).display()
    );
    let elsewhere = Home::new();
    let run = elsewhere.sumcheck(["verify", "go.sum"]).sumdb(&sumdb);
    run.file("go.sum", grown.go_sum(10..20))
        .run()
        .expect_code(0);
    let status = offline(&home, &grown, &["mirror", "status"])
        .run()
        .expect_code(0);
    assert!(
        status
            .stdout
            .contains("sparse   complete under the tree head of 800"),
        "{status:?}"
    );
}
