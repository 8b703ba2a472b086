//! Files that nobody honest has written: each line has its verdict, and none is passed over.

use super::support::log::{TestLog, go_sum_lines};
use super::support::sumcheck::Outcome;
use super::{World, with_wrong_hash};

/// The bytes of a file of 80 MB, and about 400 for each of a million lines.
const MOST_MEMORY_KIB: u64 = 700_000;

const A_HASH: &str = "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=";

/// Runs `verify` on this text and gives how it ended and the verdict for each line.
#[track_caller]
fn verdicts(world: &World, go_sum: impl AsRef<[u8]>, code: i32) -> Vec<String> {
    let run = world.verify().file("go.sum", go_sum).arg("--format=json");
    let outcome = run.run().expect_code(code);
    let document = outcome.json();
    let results = document["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| result["verdict"].as_str().unwrap().to_owned())
        .collect()
}

fn says(outcome: &Outcome, words: &str) {
    assert!(outcome.stdout.contains(words), "{words:?} in {outcome:?}");
}

#[test]
fn a_million_private_lines_are_counted_and_asked_for_nowhere() {
    let world = World::new();
    let mut go_sum = world.log.go_sum(0..1);
    for n in 0..1_000_000 {
        go_sum += &format!("secret.example/m{n} v1.0.0 {A_HASH}\n");
    }
    let run = world.verify().file("go.sum", &go_sum);
    let outcome = run.env("GOPRIVATE", "secret.example").run().expect_code(0);
    says(&outcome, "ok: 2 lines of 1 module version");
    says(&outcome, "private: 1,000,000 lines not checked");
    assert!(!outcome.stdout.contains("secret.example/m"), "{outcome:?}");
    assert!(outcome.peak_kib < MOST_MEMORY_KIB, "{}", outcome.peak_kib);
    assert_eq!(world.server.count("/lookup/"), 1);
    let asked = format!("{:?}", world.server.requests());
    assert!(!asked.contains("secret"), "{asked}");
}

#[test]
fn a_hash_that_is_no_base64_of_32_bytes_is_malformed() {
    let good = "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=";
    for (what, hash) in [
        ("no hash", "h1:".to_owned()),
        ("no padding", good.trim_end_matches('=').to_owned()),
        ("too much padding", format!("{good}=")),
        (
            "31 bytes",
            "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94A==".to_owned(),
        ),
        (
            "33 bytes",
            "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0A".to_owned(),
        ),
        ("bits after the last byte", good.replace("F0=", "F1=")),
        ("the URL alphabet", good.replace('+', "-")),
        ("a letter of no alphabet", good.replacen('N', "!", 1)),
        ("a percent escape", good.replace('=', "%3D")),
        ("two hashes", format!("{good}{good}")),
        (
            "a hash of hexadecimal digits",
            format!("h1:{}", "ab".repeat(32)),
        ),
        ("no algorithm", good.replace("h1:", "")),
        ("an empty algorithm", good.replace("h1:", ":")),
        ("an algorithm in capitals", good.replace("h1:", "H1:")),
    ] {
        let world = World::new();
        let go_sum = format!("{}example.com/m9 v1.0.9 {hash}\n", world.log.go_sum(0..1));
        let found = verdicts(&world, go_sum, 3);
        assert_eq!(found, ["verified", "verified", "malformed"], "{what}");
        assert_eq!(world.server.count("/lookup/"), 1, "{what}");
    }
}

#[test]
fn a_nul_is_part_of_no_entry() {
    let world = World::new();
    let line = |text: &str| text.replacen("m0", "m\0", 1);
    for (what, text) in [
        ("in the path", line(&world.log.go_sum(0..1))),
        (
            "in the version",
            world.log.go_sum(0..1).replacen("v1.0.0", "v1.0.0\0", 1),
        ),
        (
            "in the hash",
            world.log.go_sum(0..1).replacen("h1:", "h1:\0", 1),
        ),
        ("before it", format!("\0{}", world.log.go_sum(0..1))),
        (
            "for the newline",
            world.log.go_sum(0..1).replacen('\n', "\0", 1),
        ),
    ] {
        let found = verdicts(&world, text + &world.log.go_sum(1..2), 3);
        assert_eq!(found[0], "malformed", "{what}");
        assert_eq!(found[found.len() - 2..], ["verified"; 2], "{what}");
    }
    let only = world.verify().file("go.sum", vec![0; 1000]).run();
    assert_ne!(only.code, 0, "{only:?}");
}

#[test]
fn lines_that_repeat_are_verified_each_and_asked_for_once() {
    let world = World::new();
    let go_sum = world.log.go_sum(0..1).repeat(50);
    assert_eq!(verdicts(&world, go_sum, 0), ["verified"; 100]);
    assert_eq!(world.server.count("/lookup/"), 1);
}

#[test]
fn of_lines_that_contradict_each_other_only_the_logs_is_verified() {
    let world = World::new();
    let (right, wrong) = (
        world.log.go_sum(0..1),
        with_wrong_hash(&world.log.go_sum(0..1)),
    );
    for (text, expected) in [
        (
            format!("{wrong}{right}"),
            ["mismatch", "verified", "verified", "verified"],
        ),
        (
            format!("{right}{wrong}"),
            ["verified", "verified", "mismatch", "verified"],
        ),
    ] {
        assert_eq!(verdicts(&world, &text, 1), expected);
        let outcome = world.verify().file("go.sum", &text).run().expect_code(1);
        says(&outcome, "the hash is not the one in the log");
    }
}

/// `!f` is how URLs write F. In a go.sum it is no module path, and names no other one.
#[test]
fn a_path_that_only_looks_escaped_is_malformed_and_asked_for_nowhere() {
    let log = TestLog::with_records(3);
    log.append("example.com/Foo", "v1.0.0");
    let server = log.serve().start();
    let world = World::new();
    let sumdb = format!("{} {}", log.verifier_key(), server.url());
    let lines = |module: &str| go_sum_lines(module, "v1.0.0", 0);
    for path in [
        "example.com/!foo",
        "example.com/!Foo",
        "example.com/foo!",
        "example.com/%46oo",
        "example.com/%2e%2e/foo",
        "example.com/../foo",
        "example.com//foo",
        "/example.com/foo",
        "example.com/foo/",
        "example.com/foo@v1.0.0",
        "example.com/foo?x",
        "example.com/foo#x",
        "example.com\\foo",
        "https://example.com/foo",
        "example.com/f\u{f6}\u{f6}",
    ] {
        let run = world.verify().file("go.sum", lines(path)).sumdb(&sumdb);
        let outcome = run.arg("--format=json").run().expect_code(3);
        for result in outcome.json()["results"].as_array().unwrap() {
            assert_eq!(result["verdict"], "malformed", "{path}: {outcome:?}");
        }
    }
    assert_eq!(server.count("/lookup/"), 0);
    // The one that is meant is found, and the small letter is another module.
    let run = world.verify().file("go.sum", lines("example.com/Foo"));
    run.sumdb(&sumdb).run().expect_code(0);
    let run = world.verify().file("go.sum", lines("example.com/foo"));
    run.sumdb(&sumdb).run().expect_code(1);
    let asked = server.paths();
    let asked: Vec<_> = asked.iter().filter(|path| path.contains("oo@")).collect();
    assert_eq!(
        asked,
        [
            "/lookup/example.com/!foo@v1.0.0",
            "/lookup/example.com/foo@v1.0.0"
        ]
    );
}

/// All of a file as large as may be, of lines that are nothing.
#[test]
fn a_hundred_megabytes_of_junk_are_summed_up() {
    let world = World::new();
    let mut junk = world.log.go_sum(0..1).into_bytes();
    junk.resize(100_000_000, b'x');
    for at in (10_000..junk.len()).step_by(100) {
        junk[at] = b'\n';
    }
    let outcome = world.verify().file("go.sum", junk).run().expect_code(3);
    assert!(outcome.stdout.len() < 10_000, "{}", outcome.stdout.len());
    assert!(outcome.peak_kib < MOST_MEMORY_KIB, "{}", outcome.peak_kib);
    says(&outcome, "malformed, 2 verified");
}
