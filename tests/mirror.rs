//! `sumcheck mirror`, and what works with a mirror and no network.

mod support;

#[path = "mirror/serve.rs"]
mod serve;
#[path = "mirror/upkeep.rs"]
mod upkeep;

use support::log::TestLog;
use support::server::Server;
use support::sumcheck::{Home, Outcome, Run};

fn start(log: &TestLog) -> Server {
    log.serve().start()
}

fn run_in(home: &Home, log: &TestLog, server: &Server, args: &[&str]) -> Run {
    home.sumcheck(args)
        .sumdb(&log.verifier_key())
        .goproxy(&server.url())
}

/// A home with a mirror of all records.
fn mirror_of(log: &TestLog) -> Home {
    let home = Home::new();
    run_in(&home, log, &start(log), &["mirror"])
        .run()
        .expect_code(0);
    home
}

fn offline(home: &Home, log: &TestLog, args: &[&str]) -> Run {
    let args = [args, &["--offline"]].concat();
    home.sumcheck(&args)
        .sumdb(&log.verifier_key())
        .goproxy("off")
}

#[test]
fn verify_and_lookup_ask_nobody_where_there_is_a_mirror() {
    let log = TestLog::with_records(1000);
    let home = mirror_of(&log);
    let verify = |run: Run| run.file("go.sum", log.go_sum(0..1000)).run();
    let verified = verify(offline(&home, &log, &["verify", "go.sum"])).expect_code(0);
    assert!(
        verified
            .stdout
            .contains("2,000 lines of 1,000 module versions"),
        "{verified:?}"
    );
    // Nor is anybody asked who could be.
    let server = start(&log);
    verify(run_in(&home, &log, &server, &["verify", "go.sum"])).expect_code(0);
    let lookup = ["lookup", "--proof", "example.com/m999@v1.0.999"];
    let found = run_in(&home, &log, &server, &lookup).run().expect_code(0);
    assert!(found.stdout.contains("record 999"), "{found:?}");
    assert_eq!(server.paths(), [""; 0]);
}

#[test]
fn a_wrong_hash_is_found_without_network() {
    let log = TestLog::with_records(300);
    let home = mirror_of(&log);
    let go_sum = log.fork_at(7).go_sum(7..8);
    let run = offline(&home, &log, &["verify", "go.sum"]).file("go.sum", go_sum);
    let mismatch = run.run().expect_code(1);
    assert!(mismatch.stdout.contains("2 mismatch"), "{mismatch:?}");
}

#[test]
fn what_is_not_in_the_first_records_is_said_to_be_absent() {
    let log = TestLog::with_records(300);
    let home = mirror_of(&log);
    let absent = offline(&home, &log, &["lookup", "example.com/m300@v1.0.300"]).run();
    let absent = absent.expect_code(1);
    assert!(
        absent.stdout.contains("it is not in the first 300 records"),
        "{absent:?}"
    );
    let go_sum = log.clone().grow(10).go_sum(305..306);
    let run = offline(&home, &log, &["verify", "go.sum"]).file("go.sum", &go_sum);
    let absent = run.run().expect_code(1);
    assert!(
        absent
            .stdout
            .contains("example.com/m305@v1.0.305 is not in the first 300 records of the log"),
        "{absent:?}"
    );
    // Whoever may ask, asks: the log may have it by now.
    let server = start(&log);
    run_in(&home, &log, &server, &["verify", "go.sum"])
        .file("go.sum", &go_sum)
        .run()
        .expect_code(0);
    assert_eq!(server.count("/lookup/example.com/m305"), 1);
}

#[test]
fn a_damaged_mirror_never_lies() {
    let log = TestLog::with_records(1000);
    let home = mirror_of(&log);
    let (mirror, audit) = (home.state().join("mirror"), home.state().join("audit"));
    let tile = mirror.join("sum.example.com/tile/8/data/002");
    let names = std::fs::read_dir(audit.join("names/sum.example.com")).unwrap();
    let names = names.map(|entry| entry.unwrap().path()).next().unwrap();
    let leaves = mirror.join("sum.example.com/tile/8/0/002");
    for file in [&tile, &names, &leaves] {
        let whole = std::fs::read(file).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 40) {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            std::fs::write(file, damaged).unwrap();
            let run = offline(&home, &log, &["verify", "go.sum"]);
            let outcome = run.file("go.sum", log.go_sum(600..601)).run();
            // It is proven all the same, or it cannot be: never is it absent or another.
            assert!(matches!(outcome.code, 0 | 3), "{file:?} {at}: {outcome:?}");
        }
        std::fs::write(file, whole).unwrap();
    }
    let run = offline(&home, &log, &["verify", "go.sum"]);
    run.file("go.sum", log.go_sum(600..601))
        .run()
        .expect_code(0);
}

#[test]
fn module_versions_are_listed_and_records_shown() {
    let log = TestLog::with_records(600);
    for version in ["v1.0.0", "v1.1.0", "v2.0.0+incompatible"] {
        log.append("example.org/Some/thing", version);
    }
    log.append("example.org/Some/thing/v2", "v2.1.0");
    log.append("example.org/Some/thing-else", "v0.1.0");
    let home = mirror_of(&log);
    let list = |pattern: &str| offline(&home, &log, &["list", pattern]).run();
    assert_eq!(
        list("example.org/Some/thing").expect_code(0).stdout,
        "          600  example.org/Some/thing v1.0.0\n          \
                   601  example.org/Some/thing v1.1.0\n          \
                   602  example.org/Some/thing v2.0.0+incompatible\n"
    );
    let below = list("example.org/Some/thing/...").expect_code(0).stdout;
    assert_eq!(below.lines().count(), 4, "{below}");
    assert_eq!(list("...").expect_code(0).stdout.lines().count(), 605);
    let none = list("example.org/Some").expect_code(1);
    assert!(none.stderr.contains("in the first 605 records"), "{none:?}");
    let json = offline(&home, &log, &["list", "--format", "json", "example.com/m7"])
        .run()
        .json();
    assert_eq!(
        json["records"],
        serde_json::json!([{"module": "example.com/m7", "version": "v1.0.7", "record": 7}])
    );

    let shown = offline(&home, &log, &["show", "602"]).run().expect_code(0);
    assert!(
        shown
            .stdout
            .starts_with("example.org/Some/thing v2.0.0+incompatible h1:"),
        "{shown:?}"
    );
    offline(&home, &log, &["show", "605"]).run().expect_code(2);
    // Without a mirror the log is asked, and says as much as it gives out.
    let server = log.serve().layer(support::layers::no_data_tiles()).start();
    let hash = run_in(
        &Home::new(),
        &log,
        &server,
        &["show", "--format", "json", "5"],
    )
    .run();
    let hash = hash.expect_code(3).json();
    assert!(hash["text"].is_null() && hash["hash"].is_string(), "{hash}");
    let whole = run_in(&Home::new(), &log, &start(&log), &["show", "5"])
        .run()
        .expect_code(0);
    assert!(
        whole.stdout.starts_with("example.com/m5 v1.0.5 h1:"),
        "{whole:?}"
    );
    let nothing = run_in(&Home::new(), &log, &server, &["list", "example.com/m7"]).run();
    nothing.expect_code(2);
}

#[test]
fn a_mirror_grows_with_the_log_and_catches_up_with_audits() {
    let log = TestLog::with_records(500);
    let home = Home::new();
    run_in(&home, &log, &start(&log), &["audit"])
        .run()
        .expect_code(0);
    // The mirror begins at the first record, the audit does not do so again.
    let first = run_in(&home, &log, &start(&log), &["mirror"])
        .run()
        .expect_code(0);
    assert!(first.stdout.starts_with("500 records"), "{first:?}");
    for size in [511, 512, 513, 900] {
        let grown = log.prefix(500).grow(size - 500);
        run_in(&home, &grown, &start(&grown), &["audit", "--mirror"])
            .run()
            .expect_code(0);
        let run = offline(&home, &log, &["verify", "go.sum"]);
        let run = run.file("go.sum", grown.go_sum(0..size));
        run.run().expect_code(0);
        sound(&home, &grown);
    }
}

fn sound(home: &Home, log: &TestLog) -> Outcome {
    offline(home, log, &["mirror", "verify"])
        .run()
        .expect_code(0)
}
