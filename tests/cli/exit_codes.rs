//! Each exit code, reached in each of its ways.

use std::fs;
use std::time::Duration;

use super::support::layers::{captive_portal, fault, head_in_lookups, on, replace, status};
use super::support::response::{Fault, Response};
use super::support::sumcheck::Run;
use super::{World, with_wrong_hash};

#[test]
fn all_verified_is_0() {
    let world = World::new();
    let outcome = world.verify().run().expect_code(0);
    assert!(
        outcome
            .stdout
            .starts_with("ok: 6 lines of 3 module versions proven in ")
    );
    assert!(
        outcome
            .stdout
            .contains(" under its tree head of 40 records ("),
        "{}",
        outcome.stdout
    );
    assert_eq!(outcome.stderr, "");
}

#[test]
fn nothing_to_check_is_0_and_is_said() {
    for content in ["", "\n\n", "  \r\n"] {
        let world = World::new();
        let outcome = world
            .run(&["verify", "go.sum"])
            .file("go.sum", content)
            .run()
            .expect_code(0);
        assert_eq!(outcome.stdout, "ok: nothing to check: no go.sum lines\n");
        assert_eq!(world.server.requests().len(), 0);
    }
}

#[test]
fn a_wrong_hash_is_1_with_the_caret_on_it() {
    let world = World::new();
    let go_sum = with_wrong_hash(&world.log.go_sum(0..3));
    let column = go_sum.find("h1:").unwrap() + 1;
    let outcome = world.verify().file("go.sum", &go_sum).run().expect_code(1);
    assert!(
        outcome
            .stdout
            .contains("the hash is not the one in the log")
    );
    assert!(
        outcome.stdout.contains(&format!("--> go.sum:1:{column}\n")),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains("record 0 of "),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome
            .stdout
            .contains("not verified: of 6 lines: 1 mismatch, 5 verified")
    );

    let json = world
        .verify()
        .file("go.sum", &go_sum)
        .arg("--format=json")
        .run()
        .expect_code(1);
    let result = &json.json()["results"][0];
    assert_eq!(result["verdict"], "mismatch");
    assert_eq!(
        (&result["line"], &result["column"]),
        (&1.into(), &column.into())
    );
    let right = world.log.go_sum(0..1);
    assert_eq!(
        result["expected"],
        right.lines().next().unwrap().split(' ').nth(2).unwrap()
    );
    assert_eq!(
        result["found"],
        go_sum.lines().next().unwrap().split(' ').nth(2).unwrap()
    );
}

#[test]
fn a_version_that_is_not_in_the_log_is_1_with_the_servers_words() {
    for code in [404, 410] {
        let world = World::new();
        let words = Response::new(code, "unknown \x1b[31mrevision\n::error::v9\u{202e}");
        let server = world
            .log
            .serve()
            .layer(on("/lookup/*").answer(words))
            .start();
        let sumdb = format!("{} {}", world.log.verifier_key(), server.url());
        let outcome = world.verify().sumdb(&sumdb).run().expect_code(1);
        assert!(
            outcome
                .stdout
                .contains(&format!("{code}: unknown \\u{{1b}}[31mrevision\\n::error"))
        );
        assert!(outcome.stdout.contains("set GOPRIVATE or GONOSUMDB"));
        assert!(!outcome.stdout.contains('\x1b') && !outcome.stdout.contains('\u{202e}'));
    }
}

#[test]
fn one_line_with_two_hashes_is_1_by_itself() {
    let world = World::new();
    let go_sum = world.log.go_sum(0..1);
    let both = format!(
        "{go_sum}{}",
        with_wrong_hash(&go_sum).lines().next().unwrap()
    );
    let private = world
        .verify()
        .file("go.sum", &both)
        .env("GONOSUMDB", "example.com")
        .run();
    let outcome = private.expect_code(1);
    assert!(
        outcome
            .stdout
            .contains("go.sum:1 has another hash for the same"),
        "{}",
        outcome.stdout
    );
    world
        .verify()
        .file("go.sum", &both)
        .arg("--offline")
        .run()
        .expect_code(1);
    let proven = world.verify().file("go.sum", &both).run().expect_code(1);
    assert!(
        proven.stdout.contains("1 mismatch, 2 verified"),
        "{}",
        proven.stdout
    );
}

#[test]
fn what_cannot_be_used_is_2_and_nothing_is_asked() {
    let world = World::new();
    let cases: [(&[&str], &str); 9] = [
        (
            &["verify", "missing.sum"],
            "cannot read missing.sum: No such file or directory",
        ),
        (&["verify", "empty"], "empty has no go.sum"),
        (&["verify"], "no go.mod or go.work here or above"),
        (
            &["verify", "page.html"],
            "page.html is not a go.sum: no line of the file resembles one",
        ),
        (&["verify", "binary"], "binary is not a go.sum"),
        (
            &["verify", "--sumdb", "off", "go.sum"],
            "the checksum database is switched off",
        ),
        (
            &["verify", "--sumdb", "a+b+c", "go.sum"],
            "not a verifier key of the form name+hash+key",
        ),
        (
            &["verify", "--goproxy", ",", "go.sum"],
            "GOPROXY names no proxy",
        ),
        (&["lookup", "example.com/m"], "is not MODULE@VERSION"),
    ];
    for (args, message) in cases {
        let outcome = world
            .run(args)
            .file("go.sum", world.log.go_sum(0..1))
            .file("page.html", "<html>\n<body>hello</body>\n</html>\n")
            .file("binary", b"\x7fELF\x02\x01\x01\x00\x00\x00")
            .file("empty/x", "")
            .run()
            .expect_code(2);
        assert!(
            outcome.stderr.starts_with("error: "),
            "{args:?}: {}",
            outcome.stderr
        );
        assert!(
            outcome.stderr.contains(message),
            "{args:?}: {}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout, "", "{args:?}");
    }
    world
        .run(&["verify", "--no-such-flag"])
        .run()
        .expect_code(2);
    world.run(&["frobnicate"]).run().expect_code(2);
    assert_eq!(world.server.requests().len(), 0);
}

#[test]
fn gosumdb_off_is_2_with_an_explanation() {
    let world = World::new();
    let outcome = world.verify().sumdb("off").run().expect_code(2);
    assert!(
        outcome
            .stderr
            .contains("GOSUMDB=off, from GOSUMDB from the environment")
    );
    assert!(
        outcome.stderr.contains("--sumdb sum.golang.org"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_home_that_cannot_be_used_is_2_and_left_as_it_is() {
    let world = World::new();
    for content in ["this is no database, ".repeat(100), String::new()] {
        let home = world.home.path().join("other");
        let _ = fs::remove_dir_all(&home);
        fs::create_dir(&home).unwrap();
        let database = home.join("sumcheck.db");
        fs::write(&database, &content).unwrap();
        let outcome = world.verify().arg("--home").arg(&home).run();
        if content.is_empty() {
            outcome.expect_code(0);
            continue;
        }
        let outcome = outcome.expect_code(2);
        assert!(
            outcome
                .stderr
                .contains("is damaged (file is not a database): move it away")
        );
        assert_eq!(fs::read_to_string(&database).unwrap(), content);
    }
    let outcome = world
        .verify()
        .arg("--home")
        .arg("go.sum")
        .run()
        .expect_code(2);
    assert!(
        outcome
            .stderr
            .contains("cannot use go.sum as the home of all state")
    );
}

#[test]
fn no_network_is_3() {
    let world = World::new();
    let sumdb = format!("{} http://127.0.0.1:1", world.log.verifier_key());
    let outcome = world.verify().sumdb(&sumdb).run().expect_code(3);
    assert!(
        outcome.stdout.contains("Connection refused"),
        "{}",
        outcome.stdout
    );
    assert_eq!(
        outcome.stdout.matches("-->").count(),
        3,
        "each reason once: {}",
        outcome.stdout
    );
    let outcome = world.verify().arg("--offline").run().expect_code(3);
    assert!(
        outcome
            .stdout
            .contains("not on this disk, and --offline forbids to ask the log")
    );
}

#[test]
fn a_server_that_answers_something_else_is_3() {
    let world = World::new();
    let other = b"go.sum database tree\n40\nAAAA\n".to_vec();
    for (what, server) in [
        (
            "5xx lookups",
            world.log.serve().layer(status("/lookup/*", 503)).start(),
        ),
        (
            "one bad lookup",
            world
                .log
                .serve()
                .layer(replace("/lookup/*", "hello"))
                .start(),
        ),
        (
            "a 5xx latest",
            world.log.serve().layer(status("/latest", 500)).start(),
        ),
        (
            "an invalid latest",
            world
                .log
                .serve()
                .layer(replace("/latest", other.clone()))
                .start(),
        ),
        (
            "invalid heads in lookups",
            world.log.serve().layer(head_in_lookups(other)).start(),
        ),
        (
            "no tiles",
            world.log.serve().layer(status("/tile/*", 404)).start(),
        ),
        (
            "a captive portal",
            world.log.serve().layer(captive_portal()).start(),
        ),
    ] {
        let sumdb = format!("{} {}", world.log.verifier_key(), server.url());
        let outcome = world.verify().sumdb(&sumdb).arg("--format=json").run();
        assert_eq!(outcome.code, 3, "{what}: {outcome:?}");
        outcome.json();
        // Nothing of it is kept: the honest log is believed at once.
        world.verify().run().expect_code(0);
        fs::remove_dir_all(world.home.state()).unwrap();
    }
}

#[test]
fn lines_that_nobody_could_check_are_3() {
    let world = World::new();
    let private = world.verify().env("GONOSUMDB", "*").run().expect_code(3);
    assert!(
        private
            .stdout
            .contains("private: 6 lines not checked, by GONOSUMDB or GOPRIVATE")
    );
    assert!(
        private
            .stderr
            .contains("--allow-unchecked says that this is meant")
    );
    world
        .verify()
        .env("GOPRIVATE", "*")
        .arg("--allow-unchecked")
        .run()
        .expect_code(0);

    let go_sum = world.log.go_sum(0..2);
    let malformed = format!("{go_sum}example.com/m v1.0.0\n");
    let outcome = world
        .verify()
        .file("go.sum", malformed)
        .run()
        .expect_code(3);
    assert!(
        outcome.stdout.contains("--> go.sum:5:21"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains("1 malformed, 4 verified"),
        "{}",
        outcome.stdout
    );

    let unknown = go_sum.replacen("h1:", "h2:", 1);
    let outcome = world.verify().file("go.sum", unknown).run().expect_code(3);
    assert!(
        outcome
            .stdout
            .contains("the hash algorithm h2 is not known; h1 is")
    );
    assert!(
        outcome.stdout.contains("1 unsupported-hash, 3 verified"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_fork_is_4_with_evidence() {
    let world = World::new();
    world.verify().run().expect_code(0);
    let fork = world.log.fork_at(7).grow(5).serve().start();
    let sumdb = format!("{} {}", world.log.verifier_key(), fork.url());
    let outcome = world
        .verify()
        .sumdb(&sumdb)
        .arg("--refresh")
        .run()
        .expect_code(4);
    assert!(
        outcome.stderr.contains("THE LOG MISBEHAVED"),
        "{}",
        outcome.stderr
    );
    let evidence = world.home.state().join("evidence");
    let file = fs::read_dir(&evidence)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(
        outcome.stderr.contains(file.to_str().unwrap()),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome
            .stdout
            .contains("not verified: of 6 lines: 6 unavailable")
    );
}

#[test]
fn the_most_serious_code_wins() {
    let world = World::new();
    let wrong = with_wrong_hash(&world.log.go_sum(0..3)) + "malformed\n";
    world.verify().file("go.sum", wrong).run().expect_code(1);
}

#[cfg(unix)]
#[test]
fn a_signal_is_told_by_the_code_and_json_is_written_all_the_same() {
    let world = World::new();
    let hanging = world
        .log
        .serve()
        .layer(fault("/lookup/*", Fault::HangBeforeHeaders))
        .start();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let sumdb = format!("{} {}", world.log.verifier_key(), hanging.url());
        hanging.forget();
        let run = world.verify().sumdb(&sumdb).arg("--format=json").spawn();
        while hanging.count("/lookup/") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut kill = std::process::Command::new("kill");
        let kill = kill.arg(format!("-{signal}")).arg(run.id().to_string());
        assert!(kill.status().unwrap().success());
        let outcome = run.wait().expect_code(code);
        assert_eq!(outcome.json()["summary"]["unavailable"], 6);
    }
}

#[test]
fn help_and_version_are_0() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["verify", "--help"],
        &["lookup", "--help"],
    ] {
        let outcome = Run::new(args).run().expect_code(0);
        assert!(!outcome.stdout.is_empty());
    }
    for command in [
        "verify",
        "lookup",
        "heads",
        "evidence",
        "env",
        "completions",
    ] {
        let help = Run::new([command, "--help"]).run().expect_code(0).stdout;
        let examples = help
            .split("Examples:")
            .nth(1)
            .unwrap_or_else(|| panic!("{command}: {help}"));
        assert!(
            examples.matches("sumcheck ").count() >= 3,
            "{command}: {examples}"
        );
    }
}
