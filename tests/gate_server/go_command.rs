//! The real go command behind the gate.

use std::path::PathBuf;
use std::process::Command;

use crate::support::gate::Gate;
use crate::support::layers::on;
use crate::support::proxy::TestModule;
use crate::support::skipped;
use crate::support::sumcheck::Run;
use crate::support::zip::Entry;
use crate::{World, hello};

/// The folder of the real go command. None, and said aloud, where there is none.
pub(crate) fn goroot() -> Option<PathBuf> {
    let output = Command::new("go").args(["env", "GOROOT"]).output();
    match output {
        Ok(output) if output.status.success() => {
            let goroot = String::from_utf8(output.stdout).unwrap();
            Some(PathBuf::from(goroot.trim()))
        }
        _ => {
            skipped("there is no go command");
            None
        }
    }
}

pub(crate) fn with_go(run: Run, goroot: &std::path::Path) -> Run {
    run.env("PATH", format!("{}/bin:/usr/bin:/bin", goroot.display()))
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-modcacherw -mod=mod")
}

/// A world in which a program needs [`hello`], which needs another module.
fn world() -> World {
    let world = World::new();
    let greeting = "package greet\n\nimport \"example.com/deep\"\n\nconst Word = deep.Word\n";
    world.proxy.add(
        &TestModule::new("example.com/Greet", "v1.2.3")
            .file("greet.go", greeting)
            .require("example.com/deep", "v0.1.0"),
    );
    world.proxy.add(
        &TestModule::new("example.com/deep", "v0.1.0")
            .file("deep.go", "package deep\n\nconst Word = \"moin\"\n"),
    );
    world
}

/// `sumcheck gate -- go ARGS` in a program that imports the modules.
fn go(world: &World, goroot: &std::path::Path, args: &[&str]) -> Run {
    let main = "package main\n\nimport (\n\tgreet \"example.com/Greet\"\n\
                \t_ \"example.com/hello\"\n)\n\nfunc main() { println(greet.Word) }\n";
    with_go(world.run(&["--", "go"]), goroot)
        .args_all(args)
        .file("go.mod", "module example.com/main\n\ngo 1.21\n")
        .file("main.go", main)
}

#[test]
fn a_program_is_built_of_what_was_proven() {
    let Some(goroot) = goroot() else { return };
    let world = world();
    let tidied = go(&world, &goroot, &["mod", "tidy"]).run().expect_code(0);
    assert!(tidied.stderr.contains(" 0 refused"), "{tidied:?}");
    let go_mod = std::fs::read_to_string(world.home.work().join("go.mod")).unwrap();
    assert!(go_mod.contains("example.com/deep v0.1.0"), "{go_mod}");
    let again = |args: &[&str]| with_go(world.run(&["--", "go"]), &goroot).args_all(args);
    let ran = again(&["run", "."]).run().expect_code(0);
    assert!(ran.stderr.contains("moin"), "{ran:?}");
    let list = again(&["list", "-m", "-versions", "example.com/hello"]);
    assert_eq!(
        list.run().expect_code(0).stdout,
        "example.com/hello v1.0.0\n"
    );
    // The log was asked through the gate, and the go command has proven it all for itself.
    let sum = std::fs::read_to_string(world.home.work().join("go.sum")).unwrap();
    assert_eq!(sum.lines().count(), 6, "{sum}");
}

#[test]
fn the_go_command_prints_why_the_gate_refused() {
    let Some(goroot) = goroot() else { return };
    for (extension, kind) in [("mod", "go.mod"), ("zip", "zip")] {
        let world = world();
        let evil = match extension {
            "mod" => b"module example.com/hello\n\ngo 1.20\n".to_vec(),
            _ => {
                let entry = Entry::new("example.com/hello@v1.0.0/evil.go", b"package hello\n");
                hello().zip().with(entry).write()
            }
        };
        let layer =
            on(&hello().url(extension)).answer(crate::support::response::Response::ok(evil));
        let server = world.proxy.serve().layer(layer).start();
        // A client that verifies nothing: it is the gate that saves it.
        let script = "GONOSUMCHECK=1 GOSUMDB=off GONOSUMDB='*' exec go mod tidy";
        let run = world.run(&["--", "/bin/sh", "-c", script]);
        let outcome = with_go(run, &goroot)
            .goproxy(&server.url())
            .file("go.mod", "module example.com/main\n\ngo 1.21\n")
            .file(
                "main.go",
                "package main\n\nimport _ \"example.com/hello\"\n\nfunc main() {}\n",
            )
            .run();
        assert_eq!(outcome.code, 1, "{outcome:?}");
        let said = format!(
            "sumcheck: example.com/hello@v1.0.0 {kind}: NOT THE FILE THAT THE LOG RECORDED"
        );
        assert!(
            outcome
                .stderr
                .contains(&format!("403 Forbidden\n\tserver response:\n\t{said}")),
            "{outcome:?}"
        );
        assert!(outcome.stderr.contains(" 1 refused"), "{outcome:?}");
    }
}

#[test]
fn a_gate_can_stand_behind_another() {
    let Some(goroot) = goroot() else { return };
    let world = world();
    let central = world.gate(&[]);
    let site_home = crate::support::sumcheck::Home::new();
    let site = Gate::start(&site_home, &world.proxy, &central.url());
    let run = go(&world, &goroot, &["mod", "tidy"]).goproxy(&site.url());
    run.run().expect_code(0);
    // What both have proven is given out while nobody behind them answers.
    drop(central);
    let run = with_go(world.run(&["--", "go", "run", "."]), &goroot)
        .goproxy(&site.url())
        .env("GOMODCACHE", world.home.path().join("new"));
    assert!(run.run().expect_code(0).stderr.contains("moin"));
}

#[test]
fn a_cache_is_a_proxy_for_file_urls() {
    let Some(goroot) = goroot() else { return };
    let world = world();
    go(&world, &goroot, &["mod", "tidy"]).run().expect_code(0);
    let cache = world.home.state().join("download");
    let run = Command::new(goroot.join("bin/go"))
        .args(["run", "."])
        .env_clear()
        .env("HOME", world.home.path())
        .env("GOMODCACHE", world.home.path().join("new"))
        .env("GOFLAGS", "-modcacherw")
        .env("GOTOOLCHAIN", "local")
        .env("GOSUMDB", "off")
        .env("GOPROXY", format!("file://{}", cache.display()))
        .current_dir(world.home.work())
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
}
