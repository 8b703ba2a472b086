//! A folder for a machine without network, on which the go command builds and proves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::go_command::{goroot, with_go};
use crate::support::layers::{on, status};
use crate::support::proxy::TestModule;
use crate::support::response::Response;
use crate::support::sumcheck::{Home, Outcome};
use crate::{World, hello};

fn deep() -> TestModule {
    TestModule::new("example.com/Deep", "v0.1.0").file("deep.go", "package deep\n")
}

fn user() -> TestModule {
    TestModule::new("example.com/user", "v1.2.3")
        .file("user.go", "package user\n\nimport _ \"example.com/Deep\"\n")
        .require("example.com/Deep", "v0.1.0")
}

fn world() -> World {
    let world = World::new();
    world.proxy.add(&deep());
    world.proxy.add(&user());
    world
}

/// `sumcheck gate export modules --for go.sum` of these modules.
fn export(world: &World, goproxy: &str, modules: &[TestModule]) -> Outcome {
    let go_sum: String = modules.iter().map(TestModule::record).collect();
    world
        .run(&["export", "modules", "--for", "go.sum"])
        .file("go.sum", go_sum)
        .goproxy(goproxy)
        .run()
}

fn folder(world: &World) -> PathBuf {
    world.home.work().join("modules")
}

#[test]
fn the_go_command_builds_and_proves_without_network() {
    let Some(goroot) = goroot() else { return };
    let world = world();
    let outcome = export(&world, &world.server.url(), &[deep(), user(), hello()]);
    let goproxy = outcome.expect_code(0).stdout;
    let goproxy = goproxy.trim().strip_prefix("GOPROXY=").unwrap();
    // Another machine: no module cache, no go.sum, and the database on.
    let other = Home::new();
    fs::write(
        other.work().join("go.mod"),
        "module example.com/main\n\ngo 1.21\n",
    )
    .unwrap();
    let main = "package main\n\nimport (\n\t_ \"example.com/hello\"\n\t_ \"example.com/user\"\n)\n\n\
                func main() {}\n";
    fs::write(other.work().join("main.go"), main).unwrap();
    let go = |args: &[&str]| {
        let run = Command::new(goroot.join("bin/go"))
            .args(args)
            .env_clear()
            .env("HOME", other.path())
            .env("GOFLAGS", "-modcacherw")
            .env("GOTOOLCHAIN", "local")
            .env("GOSUMDB", world.proxy.log.verifier_key())
            .env("GOPROXY", goproxy)
            .current_dir(other.work())
            .output()
            .unwrap();
        assert!(run.status.success(), "{run:?}");
    };
    go(&["mod", "tidy"]);
    go(&["build", "-o", "/dev/null", "."]);
    let asked = fs::metadata(other.path().join("go/pkg/sumdb")).is_ok();
    assert!(asked, "the go command has proven it");
    // And so does sumcheck.
    let verified = other
        .sumcheck(["verify", "--offline", "go.sum"])
        .sumdb(&world.proxy.log.verifier_key())
        .goproxy(goproxy)
        .env("GOMODCACHE", other.path().join("empty"))
        .run();
    assert!(verified.expect_code(0).stdout.starts_with("ok: 6 lines"));
    // A gate is content with it too, and asks nobody else.
    let gated = with_go(
        other.sumcheck([
            "gate",
            "--offline",
            "--modcache=ignore",
            "--",
            "go",
            "build",
            ".",
        ]),
        &goroot,
    )
    .sumdb(&world.proxy.log.verifier_key())
    .goproxy(goproxy);
    gated.run().expect_code(0);
}

#[test]
fn nothing_that_is_not_proven_is_in_it_and_what_lacks_is_said() {
    let world = world();
    let evil = hello().file("evil.go", "package hello\n").zip().write();
    let lying = on(&hello().url("zip")).answer(Response::ok(evil));
    let server = world.proxy.serve().layer(lying).start();
    let outcome = export(&world, &server.url(), &[deep(), hello()]).expect_code(1);
    assert!(
        outcome
            .stderr
            .contains("NOT THE FILE THAT THE LOG RECORDED"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stderr
            .contains("the folder is not complete: 1 file"),
        "{outcome:?}"
    );
    let zip = |module: &TestModule| folder(&world).join(&module.url("zip")[1..]);
    assert!(!zip(&hello()).exists());
    assert_eq!(fs::read(zip(&deep())).unwrap(), deep().zip().write());

    let down = world
        .proxy
        .serve()
        .layer(status("/example.com/*", 500))
        .start();
    let fresh = World::new();
    fresh.proxy.add(&deep());
    let outcome = fresh
        .run(&["export", "modules", "--for", "go.sum"])
        .file("go.sum", deep().record())
        .sumdb(&world.proxy.log.verifier_key())
        .goproxy(&down.url());
    outcome.run().expect_code(3);
}

#[test]
fn all_of_it_is_what_the_log_and_the_proxy_have() {
    let world = world();
    export(&world, &world.server.url(), &[deep(), user()]).expect_code(0);
    let below = folder(&world).join("sumdb").join(world.proxy.log.name());
    assert_eq!(fs::read(below.join("supported")).unwrap(), b"");
    assert_eq!(
        fs::read(below.join("latest")).unwrap(),
        world.proxy.log.head()
    );
    let list = fs::read_to_string(folder(&world).join("example.com/!deep/@v/list")).unwrap();
    assert_eq!(list, "v0.1.0\n");
    let no_parts = |folder: &Path| {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                assert!(
                    path.extension().is_none_or(|ending| ending != "part"),
                    "{path:?}"
                );
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
    };
    no_parts(&folder(&world));
    // Again into the same folder.
    export(&world, &world.server.url(), &[deep(), user()]).expect_code(0);
    no_parts(&folder(&world));
}
