//! What lies in the module cache before the command: a pipeline may have restored it from anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::proxy::TestModule;
use crate::support::sumcheck::{Outcome, Run};
use crate::support::zip::h1_of_go_mod;
use crate::{World, hello};

fn folder(world: &World) -> PathBuf {
    world.home.path().join("go/pkg/mod")
}

fn downloaded(world: &World, module: &TestModule, extension: &str) -> PathBuf {
    let url = module.url(extension);
    folder(world).join(format!("cache/download{url}"))
}

fn extracted(world: &World, module: &TestModule) -> PathBuf {
    folder(world).join(format!("{}@{}", module.path, module.version))
}

fn put(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// As the go command leaves it.
fn cache(world: &World, module: &TestModule) {
    put(&downloaded(world, module, "mod"), &module.go_mod);
    put(&downloaded(world, module, "zip"), module.zip().write());
    put(&downloaded(world, module, "ziphash"), zip_h1(module));
    for (name, content) in &module.zip_files() {
        put(&folder(world).join(name), content);
    }
}

fn zip_h1(module: &TestModule) -> String {
    let record = module.record();
    let line = record.lines().next().unwrap();
    line.rsplit_once(' ').unwrap().1.to_owned()
}

/// `sumcheck gate ARGS -- echo ran`, in a module that needs these.
fn run(world: &World, args: &[&str], modules: &[&TestModule]) -> Run {
    let go_sum: String = modules.iter().map(|module| module.record()).collect();
    world
        .run(args)
        .args_all(&["--", "/bin/sh", "-c", "echo ran in ${GOMODCACHE-it}"])
        .file("go.mod", "module example.com/main\n")
        .file("go.sum", go_sum)
}

#[track_caller]
fn ran(outcome: &Outcome) {
    assert!(outcome.stdout.starts_with("ran in"), "{outcome:?}");
}

#[track_caller]
fn did_not_run(outcome: &Outcome, words: &str) {
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    assert!(outcome.stderr.contains("nothing was run"), "{outcome:?}");
    assert!(outcome.stderr.contains(words), "{outcome:?}");
}

fn world() -> World {
    let world = World::new();
    cache(&world, &hello());
    world
}

#[test]
fn what_is_as_the_log_has_it_is_used() {
    let world = world();
    for args in [&[][..], &["--modcache=check"], &["--modcache=deep"]] {
        let outcome = run(&world, args, &[&hello()]).run().expect_code(0);
        ran(&outcome);
        assert_eq!(outcome.stdout, "ran in it\n");
    }
}

#[test]
fn whatever_differs_from_the_log_stops_the_command() {
    type Poison = (&'static str, fn(&World), &'static str);
    let poisons: [Poison; 8] = [
        (
            "another go.mod",
            |world| put(&downloaded(world, &hello(), "mod"), "module evil\n"),
            "v1.0.0.mod: example.com/hello@v1.0.0: the log has h1:",
        ),
        (
            "the zip of other files",
            |world| {
                let evil = hello().file("evil.go", "package hello\n");
                put(&downloaded(world, &hello(), "zip"), evil.zip().write());
            },
            "v1.0.0.zip: example.com/hello@v1.0.0: the log has h1:",
        ),
        (
            "the zip of another version",
            |world| {
                let other = TestModule::new("example.com/hello", "v1.0.1");
                put(&downloaded(world, &hello(), "zip"), other.zip().write());
            },
            "is not below",
        ),
        (
            "no zip",
            |world| put(&downloaded(world, &hello(), "zip"), "PK"),
            "v1.0.0.zip: example.com/hello@v1.0.0: ",
        ),
        (
            "another hash",
            |world| {
                let hash = h1_of_go_mod(b"module evil\n");
                put(&downloaded(world, &hello(), "ziphash"), hash);
            },
            "v1.0.0.ziphash: example.com/hello@v1.0.0: the log has h1:",
        ),
        (
            "no hash",
            |world| put(&downloaded(world, &hello(), "ziphash"), ""),
            "does not begin with \"h1:\"",
        ),
        (
            "a folder in the place of a file",
            |world| {
                let path = downloaded(world, &hello(), "zip");
                fs::remove_file(&path).unwrap();
                fs::create_dir(&path).unwrap();
            },
            "neither a file nor a folder",
        ),
        (
            "a pipe",
            |world| {
                let path = downloaded(world, &hello(), "mod");
                fs::remove_file(&path).unwrap();
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                let kind = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
            },
            "neither a file nor a folder",
        ),
    ];
    for (what, poison, words) in poisons {
        let world = world();
        poison(&world);
        let outcome = run(&world, &[], &[&hello()]).run();
        assert_eq!(outcome.code, 1, "{what}: {outcome:?}");
        did_not_run(&outcome, words);
        // Somebody who knows better, and a cache that is not used.
        let trusting = run(&world, &["--modcache=trust"], &[&hello()]).run();
        ran(&trusting.expect_code(0));
        let ignoring = run(&world, &["--modcache=ignore"], &[&hello()]).run();
        let ignoring = ignoring.expect_code(0);
        let own = ignoring.stdout.trim().strip_prefix("ran in ").unwrap();
        assert!(
            own.contains("modcache") && !Path::new(own).exists(),
            "{own}"
        );
    }
}

#[test]
fn a_module_cache_of_somebody_who_was_killed_is_removed() {
    let world = World::new();
    let script = "echo $GOMODCACHE; mkdir -p $GOMODCACHE/x/y; chmod 500 $GOMODCACHE/x; sleep 30";
    let gate = world
        .run(&["--modcache=ignore", "--", "/bin/sh", "-c", script])
        .env("PATH", "/usr/bin:/bin")
        .spawn();
    let caches = world.home.state().join("modcache");
    let left = || {
        let entries = fs::read_dir(&caches).into_iter().flatten();
        entries.count()
    };
    while !fs::read_dir(&caches)
        .is_ok_and(|mut entries| entries.any(|entry| entry.unwrap().path().join("x/y").exists()))
    {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // Another one leaves it alone, since it is in use.
    let other = || world.run(&["--modcache=ignore", "--", "/bin/true"]).run();
    other().expect_code(0);
    assert_eq!(left(), 2);
    gate.kill();
    other().expect_code(0);
    assert_eq!(left(), 0);
}

#[test]
fn extracted_files_are_looked_at_on_request() {
    type Poison = (&'static str, fn(&Path));
    let poisons: [Poison; 5] = [
        ("altered", |folder| {
            put(&folder.join("hello.go"), "package x\n");
        }),
        ("one more", |folder| {
            put(&folder.join("a/evil.go"), "package a\n");
        }),
        ("one less", |folder| {
            fs::remove_file(folder.join("hello.go")).unwrap();
        }),
        ("renamed", |folder| {
            fs::rename(folder.join("hello.go"), folder.join("other.go")).unwrap();
        }),
        ("a link", |folder| {
            std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        }),
    ];
    for (what, poison) in poisons {
        let world = world();
        poison(&extracted(&world, &hello()));
        ran(&run(&world, &[], &[&hello()]).run().expect_code(0));
        let outcome = run(&world, &["--modcache=deep"], &[&hello()]).run();
        assert_eq!(outcome.code, 1, "{what}: {outcome:?}");
        did_not_run(&outcome, "example.com/hello@v1.0.0");
    }
}

#[test]
fn what_the_log_does_not_know_is_refused() {
    let world = World::new();
    let unknown = TestModule::new("example.com/unknown", "v1.0.0");
    cache(&world, &unknown);
    let outcome = run(&world, &[], &[&unknown]).run().expect_code(1);
    did_not_run(&outcome, "the log has no record of it");
}

#[test]
fn what_cannot_be_proven_now_stops_the_command_unless_it_was_proven_before() {
    let world = world();
    let offline = |world: &World| run(world, &["--offline"], &[&hello()]).run();
    did_not_run(&offline(&world).expect_code(125), "cannot be proven now");
    ran(&run(&world, &[], &[&hello()]).run().expect_code(0));
    ran(&offline(&world).expect_code(0));
}

#[test]
fn private_modules_are_compared_with_the_go_sum_and_with_nobody_else() {
    let world = World::new();
    let ours = TestModule::new("example.com/private/x", "v1.0.0").file("x.go", "package x\n");
    cache(&world, &ours);
    let private = |run: Run| run.env("GOPRIVATE", "example.com/private");
    ran(&private(run(&world, &[], &[&ours])).run().expect_code(0));
    assert_eq!(world.server.count("/lookup/"), 0);
    put(&downloaded(&world, &ours, "mod"), "module evil\n");
    let outcome = private(run(&world, &[], &[&ours])).run().expect_code(1);
    did_not_run(&outcome, "no go.sum here has its hash");
    assert_eq!(world.server.count("/lookup/"), 0);
}

#[test]
fn without_a_module_around_there_is_nothing_to_look_for() {
    let world = world();
    let outcome = world.run(&["--", "/bin/echo", "ran in it"]).run();
    ran(&outcome.expect_code(0));
}
