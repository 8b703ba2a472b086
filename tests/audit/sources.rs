//! Where tiles are read.

use std::path::{Path, PathBuf};

use crate::support::layers::{flip_bit, full_tile_for_partial, partial_gone};
use crate::support::log::TestLog;
use crate::support::sumcheck::Home;
use crate::{json, run_in, start};

/// A mirror of the log in a folder, as sumcheck itself makes it.
fn folder_of(log: &TestLog) -> (Home, PathBuf) {
    let home = Home::new();
    run_in(&home, log, &start(log), &["mirror"])
        .run()
        .expect_code(0);
    let folder = home.state().join("mirror").join(log.name());
    (home, folder)
}

fn audit_of(home: &Home, log: &TestLog, source: &Path, code: i32) -> serde_json::Value {
    let args = [
        "audit",
        "--format",
        "json",
        "--source",
        source.to_str().unwrap(),
    ];
    let run = home
        .sumcheck(args)
        .sumdb(&log.verifier_key())
        .goproxy("off");
    run.run().expect_code(code).json()
}

#[test]
fn a_folder_is_audited_without_network() {
    let log = TestLog::with_records(700);
    let (_home, folder) = folder_of(&log);
    let home = Home::new();
    let args = ["audit", "--offline", "--source", folder.to_str().unwrap()];
    let run = home
        .sumcheck(args)
        .sumdb(&log.verifier_key())
        .goproxy("off");
    let audited = run.run().expect_code(0);
    assert!(audited.stdout.starts_with("700 records"), "{audited:?}");
    // The same by its URL, as GOSUMDB names it.
    let sumdb = format!("{} file://{}", log.verifier_key(), folder.display());
    let by_url = Home::new()
        .sumcheck(["audit"])
        .sumdb(&sumdb)
        .run()
        .expect_code(0);
    assert!(by_url.stdout.starts_with("700 records"), "{by_url:?}");
}

#[test]
fn what_is_damaged_in_a_folder_is_read_where_verify_would() {
    let log = TestLog::with_records(700);
    let (_home, folder) = folder_of(&log);
    let tile = folder.join("tile/8/data/001");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&tile, &bytes).unwrap();
    let server = start(&log);
    let home = Home::new();
    let source = folder.to_str().unwrap();
    let audited = json(&home, &log, &server, &["--source", source], 0);
    assert_eq!(audited["replayed"], 700);
    assert_eq!(server.count("/tile/8/data/"), 1);
    // With nobody else to ask it is the folder's fault.
    let alone = Home::new();
    let args = ["audit", "--offline", "--source", source];
    let run = alone
        .sumcheck(args)
        .sumdb(&log.verifier_key())
        .goproxy("off");
    let fault = run.run().expect_code(3);
    assert!(fault.stderr.contains("tile/8/data/001"), "{fault:?}");
}

#[test]
fn a_url_and_the_word_proxy_are_sources_too() {
    let log = TestLog::with_records(300);
    let direct = crate::Serving::new({
        let log = log.clone();
        move |request| log.answer(request)
    });
    let direct = direct.start();
    let url = direct.url();
    let home = Home::new();
    audit_of(&home, &log, Path::new(&url), 0);
    assert!(direct.count("/tile/8/data/") > 0);
    let server = start(&log);
    let args = ["audit", "--source", "proxy"];
    let elsewhere = format!("{} http://127.0.0.1:1", log.verifier_key());
    let run = Home::new()
        .sumcheck(args)
        .sumdb(&elsewhere)
        .goproxy(&server.url());
    run.run().expect_code(0);
}

#[test]
fn partial_tiles_may_be_full_or_gone() {
    let log = TestLog::with_records(700);
    for serving in [
        log.serve().layer(full_tile_for_partial()),
        log.serve().layer(partial_gone()),
    ] {
        let full = log.prefix(700).grow(68);
        let _ = full;
        json(&Home::new(), &log, &serving.start(), &[], 0);
    }
}

#[test]
fn a_server_that_lies_on_purpose_goes_on_lying_in_vain() {
    let log = TestLog::with_records(700);
    let server = log
        .serve()
        .layer(flip_bit("/tile/8/data/002.p/188", 77))
        .start();
    let home = Home::new();
    for _ in 0..2 {
        json(&home, &log, &server, &[], 3);
    }
    assert_eq!(json(&home, &log, &start(&log), &[], 0)["from"], 512);
}
