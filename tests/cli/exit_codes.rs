//! Each exit code, reached in each of its ways.

use std::fs;
use std::time::Duration;

use super::support::layers::{captive_portal, fault, head_in_lookups, on, replace, status};
use super::support::log::{TestLog, go_sum_lines};
use super::support::response::{Fault, Response};
use super::support::server::Server;
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
    let verify: &[&str] = &["verify", "go.sum"];
    let lookup: &[&str] = &["lookup", "example.com/m0@v1.0.0"];
    for (command, results, signal, code) in [
        (verify, 6, "INT", 130),
        (verify, 6, "TERM", 143),
        (lookup, 1, "INT", 130),
        (lookup, 1, "TERM", 143),
    ] {
        let sumdb = format!("{} {}", world.log.verifier_key(), hanging.url());
        hanging.forget();
        let run = world.run(command).file("go.sum", world.log.go_sum(0..3));
        let run = run.sumdb(&sumdb).arg("--format=json").spawn();
        while hanging.count("/lookup/") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut kill = std::process::Command::new("kill");
        let kill = kill.arg(format!("-{signal}")).arg(run.id().to_string());
        assert!(kill.status().unwrap().success());
        let outcome = run.wait().expect_code(code);
        let document = outcome.json();
        let rows = document["results"].as_array().unwrap();
        assert_eq!(rows.len(), results);
        for row in rows {
            assert_eq!(row["verdict"], "unavailable");
            assert_eq!(row["note"], "interrupted before it was proven");
        }
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

#[test]
fn a_database_of_a_newer_version_or_another_program_is_2_and_untouched() {
    let world = World::new();
    world.verify().run().expect_code(0);
    let database = world.home.state().join("sumcheck.db");
    let ours = fs::read(&database).unwrap();
    // https://sqlite.org/fileformat.html: the user version and the application id are 4 bytes each.
    let with = |at: usize, value: u32| {
        let mut bytes = ours.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        bytes
    };
    for (what, bytes, message) in [
        ("newer", with(60, 1000), "newer sumcheck"),
        ("foreign", with(68, 0x0bad_cafe), "another program"),
    ] {
        fs::write(&database, &bytes).unwrap();
        for command in [&["verify", "go.sum"][..], &["heads"]] {
            let outcome = world.run(command).run().expect_code(2);
            assert!(
                outcome.stderr.contains(message) && outcome.stderr.contains("sumcheck.db"),
                "{what}: {}",
                outcome.stderr
            );
        }
        assert!(fs::read(&database).unwrap() == bytes, "{what}: changed");
    }
}

#[test]
fn json_is_written_on_every_exit_but_2() {
    let world = World::new();
    let go_sum = world.log.go_sum(0..1);
    let wrong = with_wrong_hash(&go_sum);
    for (code, text) in [(0, go_sum.as_str()), (1, &wrong), (3, "x\n")] {
        let outcome = world
            .run(&["verify", "go.sum", "--format=json"])
            .file("go.sum", format!("{text}{go_sum}"))
            .run()
            .expect_code(code);
        assert_eq!(outcome.json()["schema"], "sumcheck.verify/1");
    }
    let outcome = world.run(&["verify", "none", "--format=json"]).run();
    assert_eq!(outcome.expect_code(2).stdout, "");
}

#[test]
fn each_verdict_has_its_place_and_its_fields_in_json() {
    let log = TestLog::with_records(8);
    log.append_text(
        "example.com/half",
        "v1.0.0",
        &go_sum_lines("example.com/half", "v1.0.0", 0)
            .lines()
            .next()
            .map(|line| format!("{line}\n"))
            .unwrap(),
    );
    let server = log.serve().start();
    let line = |n| log.go_sum(n..n + 1).lines().next().unwrap().to_owned();
    let half = go_sum_lines("example.com/half", "v1.0.0", 0);
    let go_sum = [
        line(0),
        with_wrong_hash(&line(1)),
        line(2).replace("m2", "none"),
        line(3).replace("h1:", "h9:"),
        line(4).replace("example.com", "secret.example"),
        "three fields not-a-hash".to_owned(),
        half.lines().nth(1).unwrap().to_owned(),
        format!("  {}", with_wrong_hash(&line(5))),
    ]
    .join("\n");
    let outcome = Run::new(["verify", "--format=json", "sub/../go.sum"])
        .file("sub/x", "")
        .file("go.sum", &go_sum)
        .sumdb(&format!("{} {}", log.verifier_key(), server.url()))
        .env("GOPRIVATE", "secret.example")
        .run()
        .expect_code(1);
    let document = outcome.json();
    let results = document["results"].as_array().unwrap();
    let row = |n: usize| {
        let row = &results[n];
        let text = |name: &str| row[name].as_str().unwrap_or("null").to_owned();
        assert_eq!(row["line"], n + 1);
        assert_eq!(row["file"], "sub/../go.sum");
        (
            text("verdict"),
            row["column"].as_u64().unwrap(),
            text("kind"),
            row["record"].as_u64(),
            row["expected"].is_string(),
            row["found"].is_string(),
            row["note"].is_string(),
        )
    };
    let expect = |verdict: &str, column, kind: &str, record, expected, found, note| {
        let (verdict, kind) = (verdict.to_owned(), kind.to_owned());
        (verdict, column, kind, record, expected, found, note)
    };
    let hash_column = |line: &str| line.find("h1:").unwrap() as u64 + 1;
    let h = hash_column(&line(1));
    assert_eq!(
        row(0),
        expect("verified", 1, "zip", Some(0), true, true, false)
    );
    assert_eq!(
        row(1),
        expect("mismatch", h, "zip", Some(1), true, true, false)
    );
    assert_eq!(row(2), expect("absent", 1, "zip", None, false, true, true));
    assert_eq!(
        row(3),
        expect("unsupported-hash", h, "zip", None, false, true, true)
    );
    assert_eq!(
        row(4),
        expect("private", 1, "zip", None, false, true, false)
    );
    assert_eq!(row(5).0, "malformed");
    assert_eq!(
        row(6),
        expect("absent", 1, "go.mod", Some(8), false, true, true)
    );
    assert_eq!(
        row(7),
        expect("mismatch", h + 2, "zip", Some(5), true, true, false)
    );
    assert_eq!(
        document["summary"],
        serde_json::json!({
            "mismatch": 2, "absent": 2, "malformed": 1, "unavailable": 0,
            "unsupported-hash": 1, "private": 1, "verified": 1, "pinned": 0, "pin-mismatch": 0,
        })
    );
    assert_eq!(document["faults"], serde_json::json!([]));
}

#[test]
fn after_a_fork_json_names_the_evidence_and_the_honest_log_is_believed_with_a_warning() {
    let world = World::new();
    world.verify().run().expect_code(0);
    let fork = world.log.fork_at(7).grow(5).serve().start();
    let sumdb = format!("{} {}", world.log.verifier_key(), fork.url());
    let name = "example.com/m1@v1.0.1";
    for command in [&["verify", "go.sum"][..], &["lookup", name]] {
        let outcome = world
            .run(command)
            .sumdb(&sumdb)
            .args_all(&["--refresh", "--format=json"])
            .run()
            .expect_code(4);
        let document = outcome.json();
        let findings = document["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 1);
        assert!(fs::metadata(findings[0].as_str().unwrap()).is_ok());
        assert!(document["head"].is_null());
        for result in document["results"].as_array().unwrap() {
            assert_eq!(result["verdict"], "unavailable");
            assert_eq!(result["note"], "the log misbehaved");
        }
        assert_ne!(document["results"], serde_json::json!([]));
    }
    let outcome = world.verify().arg("--refresh").run().expect_code(0);
    assert_eq!(
        outcome
            .stderr
            .matches("warning: this log has misbehaved before: the evidence of ")
            .count(),
        1,
        "the same two heads are one finding: {}",
        outcome.stderr
    );
    assert!(outcome.stdout.starts_with("ok: 6 lines"));
}

#[test]
fn what_resembles_a_go_sum_and_is_none_is_2() {
    let world = World::new();
    for (name, text) in [
        (
            "go.mod",
            "module example.com/m\n\ngo 1.26\n\nrequire (\n\texample.com/m0 v1.0.0\n)\n",
        ),
        ("script", "#!/bin/sh\nexec go test ./...\n"),
        ("list", "example.com/m0@v1.0.0\nexample.com/m1@v1.0.1\n"),
    ] {
        let run = world.run(&["verify", name]).file(name, text);
        let outcome = run.run().expect_code(2);
        let message = format!("error: {name} is not a go.sum: ");
        assert!(
            outcome.stderr.starts_with(&message),
            "{name}: {}",
            outcome.stderr
        );
    }
    assert_eq!(world.server.requests().len(), 0);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let world = World::new();
    let pipe = world.home.work().join("pipe");
    let mut mkfifo = std::process::Command::new("mkfifo");
    assert!(mkfifo.arg(&pipe).status().unwrap().success());
    let outcome = world.run(&["verify", "pipe"]).run().expect_code(2);
    assert_eq!(
        outcome.stderr,
        "error: pipe is neither a file nor a folder: give - and pass it as standard input\n"
    );
}

#[test]
fn nothing_to_check_is_no_success_when_the_log_could_not_be_believed() {
    let world = World::new();
    let not_ok = "not verified: nothing to check: no go.sum lines\n";
    let run = |server: &Server| {
        let sumdb = format!("{} {}", world.log.verifier_key(), server.url());
        world
            .verify()
            .file("go.sum", "")
            .sumdb(&sumdb)
            .arg("--refresh")
            .run()
    };
    let silent = world.log.serve().layer(status("/latest", 500)).start();
    let outcome = run(&silent).expect_code(3);
    assert!(outcome.stdout.ends_with(not_ok), "{}", outcome.stdout);

    world.verify().run().expect_code(0);
    let fork = world.log.fork_at(7).grow(5).serve().start();
    assert_eq!(run(&fork).expect_code(4).stdout, not_ok);
    assert!(run(&world.server).expect_code(0).stdout.starts_with("ok: "));
}
