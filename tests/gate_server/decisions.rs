//! What was decided is written down: for the command, for the company, and for whoever asks later.

use std::fs;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::layers::on;
use crate::support::response::Response;
use crate::support::sumcheck::Outcome;
use crate::{World, hello};

fn report(world: &World) -> Value {
    let text = fs::read_to_string(world.home.work().join("gate.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// `sumcheck gate --report gate.json ARGS -- ` a shell that asks for these paths below GOPROXY.
fn ask(world: &World, goproxy: &str, args: &[&str], paths: &[String]) -> Outcome {
    let get = "get() { at=${GOPROXY#http://}; host=${at%%/*}; \
               exec 3<>/dev/tcp/${host%:*}/${host#*:}; \
               printf 'GET /%s%s HTTP/1.1\\r\\nHost: gate\\r\\nConnection: close\\r\\n\\r\\n' \
               ${at#*/} $1 >&3; cat <&3 >/dev/null; }";
    let script = format!("{get}; for path in {}; do get $path; done", paths.join(" "));
    world
        .run(&["--report", "gate.json"])
        .args_all(args)
        .args_all(&["--", "/bin/bash", "-c", &script])
        .env("PATH", "/usr/bin:/bin")
        .goproxy(goproxy)
        .run()
}

fn audit(world: &World) -> Vec<Value> {
    let log = world.home.state().join("gate/audit.jsonl");
    let text = fs::read_to_string(log).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_report_says_what_was_let_through_and_by_what() {
    let world = World::new();
    let urls = [hello().url("mod"), hello().url("zip")];
    ask(&world, &world.server.url(), &[], &urls).expect_code(0);
    let report = report(&world);
    assert_eq!(report["schema"], "sumcheck.gate/1");
    assert_eq!(report["log"], world.proxy.log.name());
    assert_eq!(report["head"]["size"], world.proxy.log.size());
    assert_eq!(report["exit_code"], 0);
    assert_eq!(report["summary"]["released"], 2, "{report}");
    let file = &report["files"][1];
    assert_eq!(file["module"], "example.com/hello");
    assert_eq!(file["file"], "zip");
    assert_eq!(file["verdict"], "released");
    assert!(hello().record().contains(file["hash"].as_str().unwrap()));
    assert_eq!(file["record"], 40);
    assert_eq!(file["upstream"], world.server.url());
}

#[test]
fn a_refusal_is_not_undone_by_what_follows() {
    let world = World::new();
    let evil = hello().file("evil.go", "package hello\n").zip().write();
    let layer = on(&hello().url("zip")).first(1).answer(Response::ok(evil));
    let server = world.proxy.serve().layer(layer).start();
    let urls = [hello().url("zip"), hello().url("zip")];
    ask(&world, &server.url(), &["--no-prefetch"], &urls).expect_code(1);
    let report = report(&world);
    assert_eq!(report["summary"]["refused"], 1);
    assert_eq!(report["summary"]["released"], 1);
    assert_eq!(report["exit_code"], 1);
}

#[test]
fn if_all_is_well_quiet_says_nothing() {
    let world = World::new();
    let quiet = |goproxy: &str| {
        let urls = [hello().url("zip")];
        ask(&world, goproxy, &["-q"], &urls)
    };
    let good = quiet(&world.server.url()).expect_code(0);
    assert_eq!(good.stderr, "");
    let layer = on("/example.com/*").status(500);
    let server = world.proxy.serve().layer(layer).start();
    fs::remove_dir_all(world.home.state().join("download")).unwrap();
    let bad = quiet(&server.url());
    assert!(bad.stderr.contains("0 refused"), "{bad:?}");
}

#[test]
fn a_report_says_what_was_refused_and_why() {
    let world = World::new();
    let evil = hello().file("evil.go", "package hello\n").zip().write();
    let layer = on(&hello().url("zip")).answer(Response::ok(evil));
    let server = world.proxy.serve().layer(layer).start();
    ask(&world, &server.url(), &[], &[hello().url("zip")]).expect_code(1);
    let refused = report(&world);
    assert_eq!(refused["exit_code"], 1);
    assert_eq!(refused["summary"]["refused"], 1);
    let file = &refused["files"][0];
    assert_eq!(file["verdict"], "refused");
    assert!(!hello().record().contains(file["hash"].as_str().unwrap()));
    assert!(file["reason"].as_str().unwrap().contains("NOT THE FILE"));
}

#[test]
fn a_report_is_written_even_if_the_command_does_not_begin() {
    let world = World::new();
    let path = "go/pkg/mod/cache/download/example.com/hello/@v/v1.0.0.mod";
    let path = world.home.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "module evil\n").unwrap();
    let run = world.run(&["--report", "gate.json", "--", "/bin/true"]);
    run.file("go.mod", "module x\n")
        .file("go.sum", hello().record())
        .run()
        .expect_code(1);
    let report = report(&world);
    assert_eq!(report["exit_code"], 1);
    let poisoned = &report["modcache"]["poisoned"][0];
    assert_eq!(poisoned["path"], path.to_str().unwrap());
    // Or the gate cannot begin.
    let file = world.home.work().join("a-file");
    fs::write(&file, "").unwrap();
    let run = world.run(&["--report", "gate.json", "--", "/bin/true"]);
    run.env("SUMCHECK_HOME", &file).run().expect_code(125);
    let report = self::report(&world);
    assert_eq!(report["exit_code"], 125);
    assert!(
        report["error"]
            .as_str()
            .is_some_and(|error| error.contains("a-file"))
    );
    let none = world.run(&["--report", "no/such/folder.json", "--", "/bin/true"]);
    assert!(
        none.run()
            .expect_code(125)
            .stderr
            .contains("cannot write the report")
    );
}

#[test]
fn each_decision_is_a_line_and_a_row() {
    let world = World::new();
    let evil = hello().file("evil.go", "package hello\n").zip().write();
    let layer = on(&hello().url("zip")).answer(Response::ok(evil));
    let server = world.proxy.serve().layer(layer).start();
    let token = "0123456789abcdef";
    let run = world
        .run(&["--listen", "127.0.0.1:0", "--token-file", "tokens"])
        .file("tokens", format!("ci:{token}\n"))
        .file(
            "sumcheck.toml",
            "[[gate.deny]]\nmodules = \"example.com/denied\"\n",
        );
    let gate = Gate::listen(run.goproxy(&server.url()));
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    for extension in ["info", "mod", "mod", "zip"] {
        let path = hello().url(extension);
        request(gate.address(), "GET", &path, &headers);
    }
    let denied = "/example.com/denied/@v/list";
    let got = request(gate.address(), "GET", denied, &headers);
    assert_eq!(got.status, 403, "{got:?}");
    crate::signal(gate.running().id(), rustix::process::Signal::TERM);
    gate.wait().expect_code(143);
    let lines = audit(&world);
    let told: Vec<(&str, &str, &str)> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap();
            (text("client"), text("file"), text("verdict"))
        })
        .collect();
    // What is given to the same client again is not told again.
    let expected = [
        ("ci", "info", "hint"),
        ("ci", "mod", "released"),
        ("ci", "zip", "refused"),
        ("ci", "list", "refused"),
    ];
    assert_eq!(told, expected);
    assert_eq!(lines[2]["record"], 40);
    assert_eq!(lines[2]["upstream"], server.url());
    let database = Connection::open(world.home.state().join("sumcheck.db")).unwrap();
    let query = "SELECT client, file, verdict FROM decisions ORDER BY decision_id";
    let mut query = database.prepare(query).unwrap();
    let rows: Vec<(String, String, String)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[2], ("ci".into(), "zip".into(), "refused".into()));
}
