//! `sumcheck audit`: the whole log read again, and what is told of it.

mod support;

#[path = "audit/crash.rs"]
mod crash;
#[path = "audit/duplicates.rs"]
mod duplicates;
#[path = "audit/sources.rs"]
mod sources;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::layers::{flip_bit, no_data_tiles, on, on_requests};
use support::log::TestLog;
use support::server::{Server, Serving};
use support::sumcheck::{Home, Outcome, Run};

/// A log in which a record is as this one, but for what is replaced in it.
pub(crate) fn with_copy(log: &TestLog, from: u64, to: u64, replace: &[(&str, &str)]) -> TestLog {
    let mut text = log.text(from);
    for (old, new) in replace {
        text = text.replace(old, new);
    }
    log.with_text(to, &text)
}

pub(crate) fn run_in(home: &Home, log: &TestLog, server: &Server, args: &[&str]) -> Run {
    home.sumcheck(args)
        .sumdb(&log.verifier_key())
        .goproxy(&server.url())
}

fn audit(home: &Home, log: &TestLog, server: &Server) -> Outcome {
    run_in(home, log, server, &["audit"]).run()
}

fn json(
    home: &Home,
    log: &TestLog,
    server: &Server,
    args: &[&str],
    code: i32,
) -> serde_json::Value {
    let args = [&["audit", "--format", "json"], args].concat();
    run_in(home, log, server, &args)
        .run()
        .expect_code(code)
        .json()
}

fn start(log: &TestLog) -> Server {
    log.serve().start()
}

#[test]
fn a_log_is_replayed_and_gone_on_with() {
    let (log, home) = (TestLog::with_records(700), Home::new());
    let server = start(&log);
    let first = audit(&home, &log, &server).expect_code(0);
    assert!(first.stdout.starts_with("700 records"), "{first:?}");
    let data_tiles = |server: &Server| server.count("/tile/8/data/");
    assert_eq!(data_tiles(&server), 3);
    // Nothing new costs no tile, and what is new costs what is new.
    server.forget();
    let second = audit(&home, &log, &server).expect_code(0);
    assert!(second.stdout.starts_with("nothing new"), "{second:?}");
    assert_eq!(
        server.paths().len(),
        2,
        "supported and latest: {:?}",
        server.paths()
    );
    let grown = log.clone().grow(1000);
    let server = start(&grown);
    let third = audit(&home, &log, &server).expect_code(0);
    assert!(third.stdout.starts_with("1,000 records"), "{third:?}");
    assert_eq!(data_tiles(&server), 5);
}

#[test]
fn every_head_that_is_known_is_compared() {
    let (log, home) = (TestLog::with_records(1000), Home::new());
    for size in [1, 255, 256, 300, 512, 999] {
        let server = start(&log.prefix(size));
        let heads = run_in(&home, &log, &server, &["show", "0"]);
        heads.run().expect_code(0);
        let old = run_in(&home, &log, &server, &["audit", "--hashes-only"]);
        old.run().expect_code(0);
    }
    let server = start(&log);
    let audited = json(&home, &log, &server, &[], 0);
    assert_eq!(audited["heads_compared"], 7);
    assert_eq!(audited["head"]["size"], 1000);
    assert_eq!(audited["head"]["root"], STANDARD.encode(log.root_at(1000)));
    assert_eq!(audited["records_checked"], true);
}

#[test]
fn a_false_tile_is_the_server_s_fault_and_heals() {
    let (log, home) = (TestLog::with_records(700), Home::new());
    let tile = "/tile/8/data/001";
    for (what, server) in [
        ("flipped", log.serve().layer(flip_bit(tile, 3000)).start()),
        (
            "cut",
            log.serve()
                .layer(on(tile).edit(|answer| answer.body.truncate(900)))
                .start(),
        ),
        ("gone", log.serve().layer(on(tile).status(403)).start()),
        (
            "down",
            log.serve().layer(on_requests(|_| true).status(500)).start(),
        ),
    ] {
        let outcome = audit(&home, &log, &server);
        assert_eq!(outcome.code, 3, "{what}: {outcome:?}");
        let names_it = outcome.stderr.contains("tile/8/data/001");
        assert!(names_it || what == "down", "{what}: {outcome:?}");
        let kept = home.state().join("audit/false/sum.example.com");
        let kept = std::fs::read_dir(kept).map_or(0, Iterator::count);
        assert!(kept > 0, "{what}");
        assert!(!home.state().join("evidence").exists(), "{what}");
    }
    let honest = start(&log);
    let healed = audit(&home, &log, &honest).expect_code(0);
    assert!(
        healed.stdout.starts_with("444 records"),
        "the first tile is not read again: {healed:?}"
    );
}

#[test]
fn a_tile_that_is_false_once_is_asked_for_again() {
    let (log, home) = (TestLog::with_records(700), Home::new());
    let tile = "/tile/8/data/001";
    let flip = on(tile).first(1).edit(|answer| answer.body[300] ^= 1);
    let server = log.serve().layer(flip).start();
    audit(&home, &log, &server).expect_code(0);
    assert_eq!(server.count(tile), 2);
}

#[test]
fn where_records_are_refused_the_tree_can_be_audited() {
    let (log, home) = (TestLog::with_records(700), Home::new());
    let server = log.serve().layer(no_data_tiles()).start();
    let refused = audit(&home, &log, &server).expect_code(3);
    assert!(refused.stderr.contains("--hashes-only"), "{refused:?}");
    assert_eq!(server.count("/tile/8/data/"), 2, "{:?}", server.paths());
    let of_hashes = json(&home, &log, &server, &["--hashes-only"], 0);
    assert_eq!(of_hashes["records_checked"], false);
    assert_eq!(of_hashes["replayed"], 700);
    let told = run_in(&home, &log, &server, &["audit", "--hashes-only"]).run();
    assert!(told.stdout.contains("records were not checked"), "{told:?}");
    // Records are still to be audited.
    let server = start(&log);
    assert_eq!(json(&home, &log, &server, &[], 0)["replayed"], 700);
}

#[test]
fn served_hashes_are_compared_if_that_is_wanted() {
    let log = TestLog::with_records(70_000);
    for tile in ["/tile/8/0/001", "/tile/8/1/000", "/tile/8/0/273.p/112"] {
        // What a proof needs is there already, so that nothing but the comparison can notice.
        let home = Home::new();
        audit(&home, &log, &start(&log)).expect_code(0);
        let server = log
            .serve()
            .layer(on(tile).edit(|answer| answer.body[0] ^= 1))
            .start();
        let args = ["--check-tiles", "--from", "0"];
        let audited = json(&home, &log, &server, &args, 3);
        let false_tiles = audited["false_tiles"].as_array().unwrap();
        let paths: Vec<_> = false_tiles
            .iter()
            .map(|of| of["tile"].as_str().unwrap())
            .collect();
        assert!(paths.contains(&&tile[1..]), "{audited}");
        assert_eq!(audited["replayed"], 70_000);
        assert!(false_tiles[0]["kept"].is_string());
    }
}

#[test]
fn parts_of_a_log_can_be_audited() {
    let (log, home) = (TestLog::with_records(1000), Home::new());
    let server = start(&log);
    let part = json(&home, &log, &server, &["--from", "300", "--to", "600"], 0);
    assert_eq!((&part["from"], &part["to"]), (&300.into(), &600.into()));
    assert_eq!(part["remembered"], false, "there is a gap before it");
    let first = json(&home, &log, &server, &["--to", "300"], 0);
    assert_eq!(
        (&first["replayed"], &first["remembered"]),
        (&300.into(), &true.into())
    );
    let rest = json(&home, &log, &server, &[], 0);
    assert_eq!(
        (&rest["from"], &rest["replayed"]),
        (&300.into(), &700.into())
    );
    let beyond = run_in(&home, &log, &server, &["audit", "--to", "1001"]).run();
    assert!(beyond.expect_code(2).stderr.contains("1001 is beyond it"));
    let wrong = run_in(
        &home,
        &log,
        &server,
        &["audit", "--from", "900", "--to", "800"],
    )
    .run();
    wrong.expect_code(2);
    let again = json(&home, &log, &server, &["--restart"], 0);
    assert_eq!(again["replayed"], 1000);
}

#[test]
fn records_that_are_strange_are_listed_and_do_no_harm() {
    let log = TestLog::with_records(600);
    let log = log.with_text(7, "garbage\n");
    let log = with_copy(&log, 8, 8, &[("v1.0.8 ", "v1.0 "), ("v1.0.8/", "v1.0/")]);
    let log = with_copy(&log, 9, 9, &[("h1:", "h1:AA")]);
    let zip_alone = log.text(10).lines().next().unwrap().to_owned() + "\n";
    let log = log.with_text(10, &zip_alone);
    let log = with_copy(&log, 11, 599, &[]);
    let home = Home::new();
    let server = start(&log);
    let told = audit(&home, &log, &server).expect_code(0);
    for words in [
        "record 7: a line is not a module, a version and a hash: garbage",
        "record 8: the version is not in its canonical form",
        "record 9: a hash is not h1: and 32 bytes",
        "record 10: there is no line for the go.mod",
        "record 599: the same record stands in the log before, as record 11",
    ] {
        assert!(told.stderr.contains(words), "{words}: {told:?}");
    }
    // They stay known, and are an error for whoever is strict.
    let known = json(&home, &log, &server, &["--strict"], 1);
    let kinds: Vec<_> = known["anomalies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["malformed", "version", "hash", "no-go-mod", "repeated"]
    );
    assert_eq!(known["anomalies"][4]["earlier"], 11);
}

#[test]
fn only_one_audit_of_a_log_is_under_way_in_a_home() {
    let (log, home) = (TestLog::with_records(300), Home::new());
    std::fs::create_dir_all(home.state().join("audit")).unwrap();
    let lock = std::fs::File::create(home.state().join("audit/sum.example.com.lock")).unwrap();
    lock.lock().unwrap();
    let busy = audit(&home, &log, &start(&log)).expect_code(2);
    assert!(
        busy.stderr
            .contains("another audit of this log is under way"),
        "{busy:?}"
    );
    drop(lock);
    audit(&home, &log, &start(&log)).expect_code(0);
}

#[test]
fn a_fork_is_told_before_anything_is_replayed() {
    let (log, home) = (TestLog::with_records(400), Home::new());
    audit(&home, &log, &start(&log)).expect_code(0);
    let fork = log.fork_at(390).grow(300);
    let server = start(&fork);
    let forked = json(&home, &log, &server, &[], 4);
    assert_eq!(forked["findings"].as_array().unwrap().len(), 1);
    assert_eq!(server.count("/tile/8/data/"), 0);
}

#[test]
fn a_rewritten_record_under_a_new_head_is_a_fork_and_under_the_old_one_a_server_s_fault() {
    let (log, home) = (TestLog::with_records(400), Home::new());
    let other = TestLog::with_records(1);
    let rewritten = log.with_text(17, &other.text(0));
    let lying = rewritten.clone();
    // Its records are served under the honest tree.
    let serve = Serving::new({
        let (log, lying) = (log.clone(), lying.clone());
        move |request| {
            let of = if request.path.contains("/data/") {
                &lying
            } else {
                &log
            };
            of.answer(request)
        }
    });
    let server = serve.below(&format!("/sumdb/{}", log.name())).start();
    assert_eq!(
        json(&home, &log, &server, &[], 3)["findings"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    // A tree of its own, once the honest one is known.
    audit(&home, &log, &start(&log)).expect_code(0);
    let grown = rewritten.grow(100);
    json(&home, &log, &start(&grown), &[], 4);
}
