//! Private modules: no name of them reaches the log, and what they once were they must stay.

use std::path::Path;
use std::process::Command;

use crate::go_command::{goroot, with_go};
use crate::support::gate::Gate;
use crate::support::layers::on;
use crate::support::proxy::TestModule;
use crate::support::response::Response;
use crate::support::skipped;
use crate::support::sumcheck::{Outcome, Run};
use crate::{World, hello};

/// A private module that a company's proxy has, and no log.
fn ours() -> TestModule {
    TestModule::new("example.com/private/x", "v1.0.0").file("x.go", "package x\n")
}

fn other() -> TestModule {
    ours().file("evil.go", "package x\n")
}

fn world() -> World {
    let world = World::new();
    world.proxy.add_unrecorded(&ours());
    world
}

/// Not GOPRIVATE: that would mean version control.
fn gate(world: &World, goproxy: &str, args: &[&str]) -> Gate {
    let run = world.run(&["--listen", "127.0.0.1:0"]).args_all(args);
    Gate::listen(run.goproxy(goproxy).env("GONOSUMDB", "example.com/private"))
}

fn honest(world: &World, args: &[&str]) -> Gate {
    gate(world, &world.server.url(), args)
}

/// A gate before a proxy that has other files under the same version.
fn with_other_files(world: &World, extension: &str, check: impl Fn(&Gate)) {
    let evil = match extension {
        "mod" => b"module evil\n".to_vec(),
        _ => other().zip().write(),
    };
    let layer = on(&ours().url(extension)).answer(Response::ok(evil));
    let server = world.proxy.serve().layer(layer).start();
    check(&gate(world, &server.url(), &[]));
    assert_eq!(server.count("/lookup/"), 0);
}

fn forget_cache(world: &World) {
    std::fs::remove_dir_all(world.home.state().join("download")).unwrap();
}

#[test]
fn what_was_seen_once_must_stay_so() {
    for extension in ["mod", "zip"] {
        let world = world();
        let first = honest(&world, &[]).get(&ours().url(extension));
        assert_eq!(first.status, 200, "{first:?}");
        forget_cache(&world);
        with_other_files(&world, extension, |gate| {
            let refused = gate.get(&ours().url(extension));
            assert_eq!(refused.status, 403, "{refused:?}");
            let text = refused.text();
            assert!(
                text.contains("NOT THE FILE THAT IT WAS (pin-mismatch)"),
                "{text}"
            );
            assert!(text.contains("sumcheck pin remove example.com/private/x@v1.0.0"));
        });
        assert_eq!(honest(&world, &[]).get(&ours().url(extension)).status, 200);
        assert_eq!(world.server.count("/lookup/"), 0);
    }
}

#[test]
fn a_damaged_file_of_a_private_module_is_fetched_again() {
    let world = world();
    let url = ours().url("zip");
    assert_eq!(honest(&world, &[]).get(&url).status, 200);
    let path = world.home.state().join(format!("download{url}"));
    std::fs::write(&path, other().zip().write()).unwrap();
    assert_eq!(honest(&world, &[]).get(&url).body, ours().zip().write());
}

#[test]
fn go_sum_goes_before_what_was_seen() {
    let world = world();
    let go_sum = world.home.work().join("ours.sum");
    std::fs::write(&go_sum, other().record()).unwrap();
    for how in ["pin", "go-sum"] {
        let how = format!("--private={how}");
        let refusing = honest(&world, &[&how, "--go-sum", "ours.sum"]);
        let got = refusing.get(&ours().url("zip"));
        assert_eq!(got.status, 403, "{got:?}");
        assert!(
            got.text().contains("NOT AS IN GO.SUM\ngo.sum has h1:"),
            "{got:?}"
        );
    }
    std::fs::write(&go_sum, ours().record()).unwrap();
    let gate = honest(&world, &["--private=go-sum", "--go-sum", "ours.sum"]);
    assert_eq!(gate.get(&ours().url("zip")).status, 200);
    std::fs::write(&go_sum, hello().record()).unwrap();
    let gate = honest(&world, &["--private=go-sum", "--go-sum", "ours.sum"]);
    let got = gate.get(&ours().url("zip"));
    assert!(
        got.text()
            .contains("no go.sum that this gate knows names it"),
        "{got:?}"
    );
}

#[test]
fn a_pin_that_is_removed_makes_room_for_what_is_there_now() {
    let world = world();
    assert_eq!(honest(&world, &[]).get(&ours().url("zip")).status, 200);
    let evil = other().zip().write();
    let layer = on(&ours().url("zip")).answer(Response::ok(evil.clone()));
    let server = world.proxy.serve().layer(layer).start();
    let gate = gate(&world, &server.url(), &[]);
    assert_eq!(gate.get(&ours().url("zip")).body, ours().zip().write());
    let remove = world
        .home
        .sumcheck(["pin", "remove", "example.com/private/x"]);
    remove
        .sumdb(&world.proxy.log.verifier_key())
        .run()
        .expect_code(0);
    assert_eq!(gate.get(&ours().url("zip")).body, evil);
}

#[test]
fn no_cache_on_the_way_keeps_what_is_private() {
    let world = world();
    let gate = honest(&world, &[]);
    let caching = |path: &str| gate.get(path).header("cache-control").unwrap().to_owned();
    assert_eq!(caching(&ours().url("zip")), "private, no-cache");
    assert!(caching(&hello().url("zip")).contains("immutable"));
    assert!(!caching(&hello().url("info")).contains("immutable"));
}

#[test]
fn go_sums_that_contradict_each_other_let_nothing_through() {
    let world = world();
    for (name, module) in [("one.sum", ours()), ("another.sum", other())] {
        std::fs::write(world.home.work().join(name), module.record()).unwrap();
    }
    let gate = honest(&world, &["--go-sum", "one.sum", "--go-sum", "another.sum"]);
    let got = gate.get(&ours().url("zip"));
    assert_eq!(got.status, 403, "{got:?}");
    assert!(got.text().contains("contradict each other"), "{got:?}");
    // The go.mod is the same in both.
    assert_eq!(gate.get(&ours().url("mod")).status, 200);
}

#[test]
fn a_file_that_a_go_sum_does_not_name_is_not_damaged() {
    let world = world();
    assert_eq!(honest(&world, &[]).get(&ours().url("zip")).status, 200);
    std::fs::write(world.home.work().join("ours.sum"), hello().record()).unwrap();
    let gate = honest(&world, &["--private=go-sum", "--go-sum", "ours.sum"]);
    assert_eq!(gate.get(&ours().url("zip")).status, 403);
    assert!(!world.home.state().join("set-aside").exists());
}

#[test]
fn a_pin_that_is_corrected_counts_from_then_on() {
    let world = world();
    let gate = honest(&world, &[]);
    assert_eq!(gate.get(&ours().url("zip")).status, 200);
    std::fs::write(world.home.work().join("right.sum"), other().record()).unwrap();
    let pin = |args: &[&str]| {
        let run = world.home.sumcheck(["pin"]).args_all(args);
        run.sumdb(&world.proxy.log.verifier_key())
            .env("GONOSUMDB", "example.com/private")
            .run()
    };
    pin(&["add", "--replace", "right.sum"]).expect_code(0);
    let got = gate.get(&ours().url("zip"));
    assert_eq!(got.status, 403, "{got:?}");
    assert!(got.text().contains("pin-mismatch"), "{got:?}");
}

#[test]
fn none_or_all_can_be_let_through() {
    let world = world();
    let denying = honest(&world, &["--private=deny"]);
    for extension in ["info", "mod", "zip"] {
        let got = denying.get(&ours().url(extension));
        assert_eq!(got.status, 403, "{got:?}");
        assert!(got.text().contains("lets none through"), "{got:?}");
    }
    assert!(
        !world
            .server
            .paths()
            .iter()
            .any(|path| path.contains("private"))
    );
    drop(denying);
    let trusting = honest(&world, &["--private=trust"]);
    assert_eq!(trusting.get(&ours().url("zip")).status, 200);
}

/// A repository with a module `example.com/private/y.git` of one version, and a home whose git finds
/// it there. None, and said aloud, without git.
fn repository(world: &World) -> Option<()> {
    let folder = world.home.path().join("y");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("go.mod"),
        "module example.com/private/y.git\n\ngo 1.21\n",
    )
    .unwrap();
    std::fs::write(folder.join("y.go"), "package y\n\nconst Word = \"tach\"\n").unwrap();
    std::fs::write(
        world.home.path().join(".gitconfig"),
        format!(
            "[user]\n\tname = t\n\temail = t@example.com\n[url \"file://{}\"]\n\
             \tinsteadOf = https://example.com/private/y\n",
            folder.display()
        ),
    )
    .unwrap();
    for args in [
        &["init", "-q"][..],
        &["add", "."],
        &["commit", "-q", "-m", "y"],
        &["tag", "v1.0.0"],
    ] {
        if !git(world, &folder, args) {
            skipped("there is no git");
            return None;
        }
    }
    Some(())
}

fn git(world: &World, folder: &Path, args: &[&str]) -> bool {
    let status = Command::new("git")
        .args(args)
        .current_dir(folder)
        .env("HOME", world.home.path())
        .status();
    status.is_ok_and(|status| status.success())
}

fn tidy(world: &World, goroot: &Path) -> Run {
    let main = "package main\n\nimport y \"example.com/private/y.git\"\n\n\
                func main() { println(y.Word) }\n";
    with_go(world.run(&["--", "go", "mod", "tidy"]), goroot)
        .file("go.mod", "module example.com/main\n\ngo 1.21\n")
        .file("main.go", main)
        .env("GOPRIVATE", "example.com/private")
}

fn run_again(world: &World, goroot: &Path) -> Outcome {
    with_go(
        world.run(&["--modcache=ignore", "--", "go", "run", "."]),
        goroot,
    )
    .env("GOPRIVATE", "example.com/private")
    .run()
}

#[test]
fn what_is_in_version_control_alone_comes_from_there() {
    let Some(goroot) = goroot() else { return };
    let world = World::new();
    if repository(&world).is_none() {
        return;
    }
    let tidied = tidy(&world, &goroot).run().expect_code(0);
    assert!(
        tidied.stderr.contains("2 private seen for the first time"),
        "{tidied:?}"
    );
    let ran = run_again(&world, &goroot).expect_code(0);
    assert!(ran.stderr.contains("tach"), "{ran:?}");
    // Neither the log nor a proxy has heard of it.
    assert!(
        !world
            .server
            .paths()
            .iter()
            .any(|path| path.contains("private"))
    );

    // Somebody moves the tag.
    let folder = world.home.path().join("y");
    std::fs::write(folder.join("y.go"), "package y\n\nconst Word = \"evil\"\n").unwrap();
    git(&world, &folder, &["commit", "-qam", "evil"]);
    git(&world, &folder, &["tag", "-f", "v1.0.0"]);
    let state = world.home.state();
    Command::new("chmod")
        .args(["-R", "u+w"])
        .arg(&state)
        .status()
        .unwrap();
    std::fs::remove_dir_all(state.join("download")).unwrap();
    std::fs::remove_dir_all(state.join("direct")).unwrap();
    std::fs::remove_file(world.home.work().join("go.sum")).unwrap();
    let refused = run_again(&world, &goroot);
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.stderr.contains("pin-mismatch"), "{refused:?}");
}

#[test]
fn what_is_nowhere_is_404_and_without_a_go_command_502() {
    let world = World::new();
    let gate = Gate::listen(
        world
            .run(&["--listen", "127.0.0.1:0"])
            .env("GOPRIVATE", "example.com/private"),
    );
    let got = gate.get(&ours().url("zip"));
    assert_eq!(got.status, 502, "{got:?}");
    assert!(
        got.text().contains("there is no go command on the PATH"),
        "{got:?}"
    );
    let Some(goroot) = goroot() else { return };
    if repository(&world).is_none() {
        return;
    }
    drop(gate);
    let args = ["--listen", "127.0.0.1:0", "--trace", "t.har"];
    let run = with_go(world.run(&args), &goroot);
    let gate = Gate::listen(run.env("GOPRIVATE", "example.com/private"));
    let of = |path: &str| gate.get(&format!("/example.com/private/y.git/{path}"));
    assert_eq!(of("@v/list").text(), "v1.0.0\n");
    assert!(of("@latest").text().contains("\"Version\":\"v1.0.0\""));
    assert!(of("@v/master.info").status == 200 || of("@v/main.info").status == 200);
    let unknown = of("@v/v1.9.9.info");
    assert_eq!(unknown.status, 404, "{unknown:?}");
    assert!(unknown.text().contains("unknown revision"), "{unknown:?}");
    // Questions to version control are traced as well.
    crate::signal(gate.running().id(), rustix::process::Signal::TERM);
    gate.wait().expect_code(143);
    let har = std::fs::read_to_string(world.home.work().join("t.har")).unwrap();
    let har: serde_json::Value = serde_json::from_str(&har).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap().iter();
    let asked: Vec<(&str, &str)> = entries
        .filter(|entry| entry["_side"] == "upstream")
        .filter_map(|entry| {
            Some((
                entry["request"]["url"].as_str()?,
                entry["_verdict"].as_str()?,
            ))
        })
        .collect();
    let direct = "https://direct.invalid/example.com/private/y.git/@v";
    let (list, unknown) = (format!("{direct}/list"), format!("{direct}/v1.9.9.info"));
    assert!(asked.contains(&(list.as_str(), "ok")), "{asked:?}");
    assert!(asked.contains(&(unknown.as_str(), "absent")), "{asked:?}");
}
