//! What is shown: to people, to scripts, to terminals and pipes.

use super::support::layers::on;
use super::support::response::Response;
use super::{World, with_wrong_hash};

#[test]
fn quiet_is_silent_when_all_is_well_and_only_then() {
    let world = World::new();
    let outcome = world.verify().arg("-q").run().expect_code(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    let wrong = with_wrong_hash(&world.log.go_sum(0..3));
    let outcome = world
        .verify()
        .file("go.sum", wrong)
        .arg("-q")
        .run()
        .expect_code(1);
    assert!(
        outcome
            .stdout
            .contains("the hash is not the one in the log")
    );
}

#[test]
fn verbose_shows_each_request_with_its_time() {
    let world = World::new();
    let outcome = world.verify().arg("-v").run().expect_code(0);
    let requests: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(requests.len(), world.server.requests().len());
    for request in requests {
        assert!(
            request.starts_with("GET http://127.0.0.1:") && request.ends_with(" ms"),
            "{request}"
        );
    }
    let warm = world.verify().arg("-v").run().expect_code(0);
    assert_eq!(warm.stderr, "");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let world = World::new();
    let colours = |run: super::Run| run.run().expect_code(0).stdout.contains('\x1b');
    assert!(!colours(world.verify()));
    assert!(colours(world.verify().arg("--color=always")));
    assert!(!colours(world.verify().arg("--color=never")));
    assert!(!colours(world.verify().env("NO_COLOR", "1")));
}

#[test]
fn the_json_document_has_the_fields_of_its_schema() {
    let world = World::new();
    let go_sum = world.log.go_sum(0..1);
    let run = world
        .run(&["--format", "json", "verify", "./go.sum"])
        .file("go.sum", &go_sum);
    let document = run.run().expect_code(0).json();
    assert_eq!(document["schema"], "sumcheck.verify/1");
    assert_eq!(document["log"]["name"], world.log.name());
    assert_eq!(document["log"]["key_id"].as_str().unwrap().len(), 8);
    assert_eq!(document["head"]["size"], 40);
    assert_eq!(document["head"]["root"].as_str().unwrap().len(), 44);
    assert_eq!(document["summary"]["verified"], 2);
    assert_eq!(document["summary"]["mismatch"], 0);
    assert_eq!(document["findings"], serde_json::json!([]));
    let line: Vec<&str> = go_sum.lines().next().unwrap().split(' ').collect();
    assert_eq!(
        document["results"][0],
        serde_json::json!({
            "module": line[0], "version": line[1], "kind": "zip", "verdict": "verified",
            "file": "./go.sum", "line": 1, "column": 1, "expected": line[2], "found": line[2],
            "record": 0, "note": null,
        })
    );
    assert_eq!(document["results"][1]["kind"], "go.mod");
}

#[test]
fn no_byte_of_a_file_reaches_the_terminal_as_it_is() {
    let world = World::new();
    let hostile =
        "example.com/\x1b[31m\u{202e}m v1.0.0 h1:x\n::error::boo v1 h1:y\n\x07 v1 h1:\u{85}\n";
    let name = "go\x1b[2J\u{2066}.sum";
    for format in ["human", "json"] {
        let outcome = world
            .run(&["verify", name, "--format", format])
            .file(name, format!("{}{hostile}", world.log.go_sum(0..1)))
            .run()
            .expect_code(3);
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(
                !text.contains(['\x1b', '\x07', '\u{202e}', '\u{2066}', '\u{85}']),
                "{text:?}"
            );
            assert!(!text.lines().any(|line| line.starts_with("::")), "{text}");
        }
    }
}

#[test]
fn many_lines_that_fail_are_summed_up() {
    let world = World::new();
    let wrong: String = (0..30)
        .map(|n| with_wrong_hash(&world.log.go_sum(n..n + 1)))
        .collect();
    let outcome = world.verify().file("go.sum", &wrong).run().expect_code(1);
    assert_eq!(outcome.stdout.matches("-->").count(), 10);
    assert!(
        outcome
            .stdout
            .contains("and 20 more: the hash is not the one in the log (-v shows")
    );
    let outcome = world
        .verify()
        .file("go.sum", &wrong)
        .arg("-v")
        .run()
        .expect_code(1);
    assert_eq!(outcome.stdout.matches("-->").count(), 30);
}

#[test]
fn a_lookup_shows_the_record_and_its_proof() {
    let world = World::new();
    let name = world
        .log
        .go_sum(5..6)
        .lines()
        .next()
        .unwrap()
        .replacen(' ', "@", 1);
    let name = name.split(' ').next().unwrap().to_owned();
    let outcome = world
        .run(&["lookup", "--proof", &name])
        .run()
        .expect_code(0);
    assert!(
        outcome.stdout.contains("record 5 of "),
        "{}",
        outcome.stdout
    );
    for line in world.log.go_sum(5..6).lines() {
        assert!(outcome.stdout.contains(line), "{}", outcome.stdout);
    }
    let json = world
        .run(&["lookup", "--proof", "--format=json", &name])
        .run()
        .expect_code(0)
        .json();
    assert_eq!(json["schema"], "sumcheck.lookup/1");
    let proof = &json["results"][0]["proof"];
    // The support's own tree, which shares no code with the program, gives the same proof.
    let expected: Vec<String> = world
        .log
        .tree()
        .inclusion_proof(5, 40)
        .iter()
        .map(|hash| base64(hash))
        .collect();
    assert_eq!(proof["hashes"], serde_json::json!(expected));
    assert_eq!(proof["root"], base64(&world.log.root_at(40)));
    let absent = world
        .run(&["lookup", "example.com/none@v1.0.0"])
        .run()
        .expect_code(1);
    assert!(
        absent.stdout.contains("not in the log"),
        "{}",
        absent.stdout
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn the_heads_of_a_home_are_a_timeline() {
    let world = World::new();
    let empty = world.run(&["heads"]).run().expect_code(0);
    assert!(
        empty.stdout.contains("no verified tree heads of "),
        "{}",
        empty.stdout
    );
    world.verify().run().expect_code(0);
    let grown = world.log.clone().grow(20).serve().start();
    let sumdb = format!("{} {}", world.log.verifier_key(), grown.url());
    world
        .verify()
        .sumdb(&sumdb)
        .arg("--refresh")
        .run()
        .expect_code(0);
    let heads = world
        .run(&["heads", "--format", "json"])
        .run()
        .expect_code(0)
        .json();
    let rows: Vec<(u64, &str)> = heads["heads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|head| {
            (
                head["size"].as_u64().unwrap(),
                head["tie"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(rows, [(40, "first"), (60, "extension")]);
    let shown = world
        .run(&["heads", "--limit", "1"])
        .run()
        .expect_code(0)
        .stdout;
    assert!(
        shown.contains("60") && shown.contains("continues 40"),
        "{shown}"
    );
}

#[test]
fn the_settings_in_force_are_shown() {
    let world = World::new();
    let outcome = world
        .run(&["env"])
        .env("GOPRIVATE", "a.example")
        .run()
        .expect_code(0);
    assert!(
        outcome
            .stdout
            .contains("GONOSUMDB  a.example  (as GOPRIVATE, from the environment)")
    );
    let json = world
        .run(&["env", "--format", "json"])
        .run()
        .expect_code(0)
        .json();
    assert_eq!(json["schema"], "sumcheck.env/1");
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let outcome = super::Run::new(["completions", shell]).run().expect_code(0);
        assert!(outcome.stdout.contains("sumcheck"), "{shell}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_changes_no_verdict() {
    let world = World::new();
    let wrong: String = (0..40)
        .map(|n| with_wrong_hash(&world.log.go_sum(n..n + 1)))
        .collect();
    let run = world
        .verify()
        .file("go.sum", &wrong)
        .args_all(&["-v", "--format", "json"]);
    let outcome = run.stdout_closed().run().expect_code(1);
    assert!(!outcome.stderr.contains("error"), "{}", outcome.stderr);
}

/// A terminal obeys the first and the last, a CI service the one between.
const HOSTILE: &str = "\x1b[31mred\n::error::x\u{202e}";

fn is_harmless(outcome: &super::Outcome) {
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(
            !text.contains(['\x1b', '\u{202e}', '\u{7f}', '\u{9b}']),
            "{text:?}"
        );
        assert!(
            !text.lines().any(|line| line.trim().starts_with("::")),
            "{text}"
        );
    }
}

#[test]
fn no_argument_and_no_setting_reaches_the_terminal_as_it_is() {
    let world = World::new();
    let flag = format!("--{HOSTILE}");
    for args in [
        &[HOSTILE][..],
        &["verify", &flag],
        &["verify", HOSTILE],
        &["verify", "--format", HOSTILE],
        &["verify", "--concurrency", HOSTILE],
        &["verify", "--sumdb", HOSTILE],
        &["verify", "--goproxy", HOSTILE],
        &["lookup", HOSTILE],
        &["lookup", &format!("example.com/{HOSTILE}@v1.0.0")],
        &["evidence", "verify", HOSTILE],
        &["completions", HOSTILE],
    ] {
        let outcome = world.run(args).run().expect_code(2);
        assert!(outcome.stderr.contains("red"), "{args:?}: {outcome:?}");
        is_harmless(&outcome);
    }
    for variable in ["GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOWORK"] {
        let outcome = world
            .run(&["env"])
            .env(variable, format!("a{HOSTILE}"))
            .run();
        is_harmless(&outcome.expect_code(0));
    }
}

#[test]
fn no_name_of_a_folder_reaches_the_terminal_as_it_is() {
    let world = World::new();
    let folder = world.home.work().join(HOSTILE);
    for (file, text, code) in [
        ("x", "", 2),
        ("go.mod", "module example.com/x\n", 2),
        ("go.sum", "malformed\n", 2),
        ("go.sum", "example.com/m v1 h1:x\n", 3),
        ("go.work", HOSTILE, 2),
        ("go.work", "go 1.26\n", 2),
        ("sumcheck.toml", "sumdb = 1\n", 2),
    ] {
        let run = world
            .run(&["verify"])
            .file(&format!("{HOSTILE}/{file}"), text);
        let outcome = run.current_dir(&folder).run();
        assert_eq!(outcome.code, code, "{file}: {outcome:?}");
        is_harmless(&outcome);
    }
}

#[test]
fn no_word_of_a_server_reaches_the_terminal_as_it_is() {
    let world = World::new();
    for path in ["/latest", "/lookup/*", "/tile/*"] {
        for code in [200, 404, 418] {
            let words = Response::new(code, HOSTILE).header("Content-Type", "text/plain");
            let server = world.log.serve().layer(on(path).answer(words)).start();
            let sumdb = format!("{} {}", world.log.verifier_key(), server.url());
            for args in [
                &["verify", "go.sum", "-v"][..],
                &["verify", "go.sum", "--format=json"],
                &["lookup", "example.com/m0@v1.0.0"],
                &["lookup", "example.com/m0@v1.0.0", "--format=json"],
            ] {
                let home = super::Home::new();
                let run = home.sumcheck(args).sumdb(&sumdb);
                let outcome = run.file("go.sum", world.log.go_sum(0..1)).run();
                let absent = path == "/lookup/*" && code == 404;
                let outcome = outcome.expect_code(if absent { 1 } else { 3 });
                is_harmless(&outcome);
            }
        }
    }
}

#[test]
fn passwords_are_redacted_wherever_settings_are_shown() {
    let world = World::new();
    let sumdb = format!(
        "{} https://user:hunter2@sums.example",
        world.log.verifier_key()
    );
    let proxies = "https://a:hunter2@one.example|http://hunter2@two.example,direct";
    let env = |args: &[&str]| world.run(args).sumdb(&sumdb).goproxy(proxies).run();
    for args in [&["env"][..], &["env", "--format=json"]] {
        let outcome = env(args).expect_code(0);
        assert!(!outcome.stdout.contains("hunter2"), "{}", outcome.stdout);
        assert!(outcome.stdout.contains("two.example"), "{}", outcome.stdout);
    }
    let json = env(&["env", "--format=json"]).json();
    let rows = json["settings"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(row("home")["origin"], "option or SUMCHECK_ variable");
    assert_eq!(row("goproxy")["origin"], "GOPROXY from the environment");
    let shown = row("sumdb")["value"].as_str().unwrap();
    assert!(
        shown.ends_with(" https://user:xxxxx@sums.example"),
        "{shown}"
    );
}

#[test]
fn at_most_the_newest_heads_are_shown_and_never_none() {
    let world = World::new();
    world.verify().run().expect_code(0);
    let outcome = world.run(&["heads", "--limit", "0"]).run().expect_code(2);
    assert!(outcome.stderr.contains("invalid value '0' for '--limit"));
}

#[test]
fn bash_completes_commands_and_options() {
    let script = super::Run::new(["completions", "bash"])
        .run()
        .expect_code(0);
    for word in ["verify", "--offline", "--allow-unchecked", "COMPREPLY"] {
        assert!(script.stdout.contains(word), "{word}");
    }
    let check = std::process::Command::new("bash")
        .args(["-n", "-c", &script.stdout])
        .status();
    if let Ok(status) = check {
        assert!(status.success());
    }
}

#[test]
fn the_dates_of_another_home_s_heads_are_taken_over() {
    let world = World::new();
    world.verify().run().expect_code(0);
    let grown = world.log.clone().grow(20).serve().start();
    let sumdb = format!("{} {}", world.log.verifier_key(), grown.url());
    let export = world
        .run(&["heads", "--format", "json"])
        .run()
        .expect_code(0);
    let mut document = export.json();
    document["heads"][0]["seen_at"] = "2026-01-02T03:04:05Z".into();

    // A home that has seen a later head only.
    let other = World::new();
    let run = |args: &[&str]| other.run(args).sumdb(&sumdb);
    let verify = other.verify().sumdb(&sumdb).arg("--refresh");
    verify.run().expect_code(0);
    let import = |document: &serde_json::Value| {
        run(&["heads", "import", "-"])
            .stdin(document.to_string())
            .run()
    };
    let outcome = import(&document).expect_code(0);
    assert!(
        outcome.stdout.contains("1 of them are older"),
        "{outcome:?}"
    );
    let heads = || run(&["heads", "--format", "json"]).run().json();
    let row = &heads()["heads"][0];
    assert_eq!(row["size"], 40);
    assert_eq!(row["tie"], "prefix");
    assert_eq!(row["seen_at"], "2026-01-02T03:04:05Z");
    // A later date changes nothing, and a wrong document neither.
    for (seen_at, code) in [
        ("2026-01-03T00:00:00Z", 0),
        ("2999-01-01T00:00:00Z", 2),
        ("yesterday", 2),
    ] {
        document["heads"][0]["seen_at"] = seen_at.into();
        import(&document).expect_code(code);
        assert_eq!(heads()["heads"][0]["seen_at"], "2026-01-02T03:04:05Z");
    }
    let honest = document["heads"][0]["note"].as_str().unwrap().to_owned();
    let unsigned = honest.replace("\n40\n", "\n41\n");
    assert_ne!(honest, unsigned);
    document["heads"][0]["seen_at"] = "2026-01-01T00:00:00Z".into();
    document["heads"][0]["note"] = unsigned.into();
    let outcome = import(&document).expect_code(2);
    assert!(outcome.stderr.contains("has not signed"), "{outcome:?}");
    assert_eq!(heads()["heads"].as_array().unwrap().len(), 2);
    // One that the server does not know yet is told, and the others are taken.
    document["heads"][0]["note"] = honest.into();
    let newer = world.log.fork_at(40).grow(30);
    let newer = String::from_utf8(newer.head()).unwrap();
    let row = serde_json::json!({ "note": newer, "seen_at": "2026-01-05T00:00:00Z" });
    document["heads"].as_array_mut().unwrap().push(row);
    let outcome = import(&document).expect_code(3);
    assert!(
        outcome.stderr.contains("90 records is newer"),
        "{outcome:?}"
    );
    assert_eq!(heads()["heads"][0]["seen_at"], "2026-01-01T00:00:00Z");
}

#[test]
fn a_head_of_another_home_can_betray_the_log() {
    let world = World::new();
    world.verify().run().expect_code(0);
    let fork = world.log.fork_at(7);
    let document = serde_json::json!({
        "schema": "sumcheck.heads/1",
        "heads": [{
            "note": String::from_utf8(fork.head_at(35)).unwrap(),
            "seen_at": "2026-01-02T03:04:05Z",
        }],
    });
    let run = world.run(&["heads", "import", "-"]);
    let outcome = run.stdin(document.to_string()).run().expect_code(4);
    assert!(outcome.stderr.contains("evidence"), "{outcome:?}");
    let heads = world.run(&["heads", "--format", "json"]).run().json();
    assert_eq!(heads["heads"].as_array().unwrap().len(), 1);
}
