//! The rules of whoever runs the gate: in force, observed, and read again.

use std::fs;

use rusqlite::Connection;
use rustix::process::Signal;

use crate::support::gate::Gate;
use crate::support::proxy::TestModule;
use crate::support::server::Server;
use crate::{World, hello, signal};

fn configure(world: &World, table: &str) {
    fs::write(world.home.work().join("sumcheck.toml"), table).unwrap();
}

fn gate(world: &World, table: &str, args: &[&str]) -> Gate {
    configure(world, table);
    world.gate(args)
}

fn status(gate: &Gate, module: &TestModule, extension: &str) -> u16 {
    gate.get(&module.url(extension)).status
}

#[track_caller]
fn refused(gate: &Gate, module: &TestModule, words: &str) {
    for extension in ["info", "mod", "zip"] {
        let got = gate.get(&module.url(extension));
        assert_eq!(got.status, 403, "{got:?}");
        let text = got.text();
        assert!(
            text.contains("REFUSED BY THE POLICY OF THIS GATE"),
            "{text}"
        );
        assert!(text.contains(words), "{text}");
    }
}

fn world() -> (World, TestModule) {
    let world = World::new();
    let other = TestModule::new("example.com/other", "v1.0.0");
    world.proxy.add(&other);
    (world, other)
}

#[test]
fn what_is_denied_or_not_allowed_is_refused_with_the_reason() {
    let (world, other) = world();
    let deny = "[[gate.deny]]\nmodules = \"example.com/hello\"\nreason = \"see ticket 12\"\n";
    let gate_of_deny = gate(&world, deny, &[]);
    refused(&gate_of_deny, &hello(), "see ticket 12");
    assert_eq!(status(&gate_of_deny, &other, "zip"), 200);
    let list = gate_of_deny.get("/example.com/hello/@v/list");
    assert_eq!(list.status, 403, "{list:?}");
    assert!(
        !world
            .server
            .paths()
            .iter()
            .any(|path| path.contains("hello"))
    );
    drop(gate_of_deny);
    let allow = "[[gate.allow]]\nmodules = \"example.com/hello,example.org\"\n";
    let gate_of_allow = gate(&world, allow, &[]);
    // It is in the cache.
    refused(
        &gate_of_allow,
        &other,
        "not among the modules that are let in",
    );
    assert_eq!(status(&gate_of_allow, &hello(), "zip"), 200);
}

#[test]
fn nothing_but_what_a_go_sum_names() {
    let (world, other) = world();
    fs::write(world.home.work().join("only.sum"), hello().record()).unwrap();
    for (table, args) in [
        ("", &["--only", "only.sum"][..]),
        ("[gate]\nonly = [\"only.sum\"]\n", &[]),
    ] {
        let gate = gate(&world, table, args);
        assert_eq!(status(&gate, &hello(), "zip"), 200);
        refused(&gate, &other, "no go.sum that this gate was given names");
    }
}

#[test]
fn of_a_module_whose_go_mod_alone_is_named_no_zip_is_let_in() {
    let (world, _) = world();
    let go_mod_line = hello().record().lines().nth(1).unwrap().to_owned() + "\n";
    assert!(go_mod_line.contains("/go.mod h1:"));
    fs::write(world.home.work().join("only.sum"), go_mod_line).unwrap();
    let gate = world.gate(&["--only", "only.sum"]);
    assert_eq!(status(&gate, &hello(), "info"), 200);
    assert_eq!(status(&gate, &hello(), "mod"), 200);
    let got = gate.get(&hello().url("zip"));
    assert_eq!(got.status, 403);
    assert!(got.text().contains("names its zip file"), "{got:?}");
}

#[test]
fn what_the_user_denies_no_project_lets_in() {
    let (world, other) = world();
    let of_user = world.home.path().join("config/sumcheck");
    fs::create_dir_all(&of_user).unwrap();
    fs::write(
        of_user.join("config.toml"),
        "[gate]\ncooldown-days = 0\n[[gate.deny]]\nmodules = \"example.com/other\"\n",
    )
    .unwrap();
    configure(&world, "[[gate.deny]]\nmodules = \"example.com/hello\"\n");
    let run = world.run(&["--listen", "127.0.0.1:0"]);
    let gate = Gate::listen(run.env("XDG_CONFIG_HOME", world.home.path().join("config")));
    refused(&gate, &hello(), "is not let in");
    refused(&gate, &other, "is not let in");
}

#[test]
fn rules_that_are_observed_refuse_nothing_and_are_written_down() {
    let (world, other) = world();
    let unknown = TestModule::new("example.com/unknown", "v1.0.0");
    world.proxy.add_unrecorded(&unknown);
    let deny = "[[gate.deny]]\nmodules = \"example.com/other\"\n";
    let observing = gate(&world, &format!("[gate]\nobserve = true\n{deny}"), &[]);
    for module in [&hello(), &other, &unknown] {
        assert_eq!(status(&observing, module, "zip"), 200, "{module:?}");
    }
    // What nothing proves never stands among what is proven, where others might fetch it.
    let proven = |module: &TestModule| {
        let path = format!("download{}", module.url("zip"));
        world.home.state().join(path).exists()
    };
    assert!(proven(&hello()) && proven(&other) && !proven(&unknown));
    assert_eq!(status(&observing, &unknown, "zip"), 200);
    let fetched = |server: &Server| server.count(&unknown.url("zip"));
    assert_eq!(fetched(&world.server), 1);
    // In force from now on, for what is in the cache as well.
    configure(&world, &format!("[gate]\n{deny}"));
    signal(observing.running().id(), Signal::HUP);
    observing.running().wait_for("was read again");
    assert_eq!(status(&observing, &hello(), "zip"), 200);
    refused(&observing, &other, "is not let in");
    let got = observing.get(&unknown.url("zip"));
    assert_eq!(got.status, 403, "{got:?}");
    assert!(
        got.text().contains("not in the checksum database"),
        "{got:?}"
    );
    // A table that is wrong changes nothing.
    configure(&world, "[gate]\nobserve = \"perhaps\"\n");
    signal(observing.running().id(), Signal::HUP);
    observing
        .running()
        .wait_for("the rules of before stay in force");
    refused(&observing, &other, "is not let in");
    signal(observing.running().id(), Signal::TERM);
    observing.wait().expect_code(143);
    let log = fs::read_to_string(world.home.state().join("gate/audit.jsonl")).unwrap();
    assert_eq!(log.matches("\"verdict\":\"observed\"").count(), 2, "{log}");
}

#[test]
fn another_hash_is_refused_though_rules_are_observed() {
    let world = World::new();
    let evil = hello().file("evil.go", "package hello\n").zip().write();
    let layer = crate::support::layers::on(&hello().url("zip"))
        .answer(crate::support::response::Response::ok(evil));
    let server = world.proxy.serve().layer(layer).start();
    let run = world.run(&["--listen", "127.0.0.1:0", "--observe"]);
    let gate = Gate::listen(run.goproxy(&server.url()));
    assert_eq!(status(&gate, &hello(), "zip"), 403);
}

#[test]
fn a_version_is_let_in_when_its_record_is_old_enough() {
    let world = World::new();
    // It is in the cache, and that is no reason to let it in.
    assert_eq!(status(&world.gate(&[]), &hello(), "zip"), 200);
    let table = "[gate]\ncooldown-days = 3\n";
    let young = gate(&world, table, &[]);
    for extension in ["info", "mod", "zip"] {
        let got = young.get(&hello().url(extension));
        assert_eq!(got.status, 403, "{got:?}");
        let text = got.text();
        assert!(text.contains("3 days after they entered the log"), "{text}");
        assert!(
            text.contains("knows of it for 0 of these days (record 40)"),
            "{text}"
        );
    }
    drop(young);
    let database = Connection::open(world.home.state().join("sumcheck.db")).unwrap();
    let since = |days: i64| {
        let seen = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
        let set = "UPDATE heads SET seen_at = ?";
        database.execute(set, [seen.to_string()]).unwrap();
        status(&gate(&world, table, &[]), &hello(), "zip")
    };
    assert_eq!(since(2), 403);
    assert_eq!(since(4), 200);
    // A clock that was wrong.
    assert_eq!(since(-4), 403);
    let set_aside = world.home.state().join("set-aside");
    assert!(!set_aside.exists(), "nothing was damaged");
}

#[test]
fn a_version_that_is_too_young_is_refused_although_the_proxies_do_not_have_it() {
    let world = World::new();
    let layer = crate::support::layers::on("/example.com/hello/*").status(404);
    let server = world.proxy.serve().layer(layer).start();
    configure(&world, "[gate]\ncooldown-days = 3\n");
    let run = world.run(&["--listen", "127.0.0.1:0"]);
    let gate = Gate::listen(run.goproxy(&server.url()));
    // A 404 would lead the go command past the gate.
    for extension in ["info", "mod", "zip"] {
        assert_eq!(status(&gate, &hello(), extension), 403);
    }
}

#[test]
fn an_empty_list_lets_nothing_in() {
    let world = World::new();
    let gate = gate(&world, "[gate]\nonly = []\n", &[]);
    refused(&gate, &hello(), "no go.sum that this gate was given names");
}

#[test]
fn a_table_that_comes_later_is_read_and_one_that_goes_stays_in_force() {
    let world = World::new();
    let gate = world.gate(&[]);
    assert_eq!(status(&gate, &hello(), "mod"), 200);
    configure(&world, "[[gate.deny]]\nmodules = \"example.com\"\n");
    gate.running().wait_for("was read again");
    refused(&gate, &hello(), "is not let in");
    fs::remove_file(world.home.work().join("sumcheck.toml")).unwrap();
    gate.running().wait_for("the rules of before stay in force");
    refused(&gate, &hello(), "is not let in");
    // Whoever means it says so.
    signal(gate.running().id(), Signal::HUP);
    for _ in 0..100 {
        if status(&gate, &hello(), "mod") == 200 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the rules stay in force");
}

#[test]
fn the_rules_can_be_checked() {
    let world = World::new();
    let check = || world.run(&["--check-config"]).run();
    let none = check().expect_code(0).stdout;
    assert!(
        none.contains("no [gate] table in any settings file"),
        "{none}"
    );
    configure(
        &world,
        "[gate]\ncooldown-days = 7\ntoolchains = [\"go1.26.*\"]\n\
         private = \"go-sum\"\ncache-size = \"20GB\"\ndownloads = 4\n\
         [[gate.deny]]\nmodules = \"example.com/x\"\nreason = \"old\"\n",
    );
    let told = world.run(&["--", "/bin/true"]).run().expect_code(0).stderr;
    assert!(told.contains("what the gate lets in is set by"), "{told}");
    let shown = check().expect_code(0).stdout;
    for line in [
        "example.com/x (old)",
        "7 days",
        "go1.26.*",
        "these rules are in force",
        "go-sum",
        "20,000,000,000 bytes",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    for wrong in [
        "[gate]\nobserv = true\n",
        "[gate]\ncooldown-days = -1\n",
        "[gate]\ndownloads = 0\n",
        "[gate]\nprivate = \"maybe\"\n",
        "[gate]\ncache-size = \"lots\"\n",
        "[[gate.deny]]\nreason = \"x\"\n",
        "[gate]\nonly = [\"none.sum\"]\n",
        "[[gate.deny]]\nmodules = \"example.com/[evil\"\n",
        "[[gate.deny]]\nmodules = \"\"\n",
        "[[gate.allow]]\nmodules = \"example.com,[\"\n",
    ] {
        configure(&world, wrong);
        check().expect_code(2);
    }
}
