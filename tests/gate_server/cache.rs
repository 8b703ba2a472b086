//! `sumcheck gate cache`: what is kept, what goes, and what is no longer what was proven.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::support::layers::on_requests;
use crate::support::proxy::TestModule;
use crate::support::sumcheck::Outcome;
use crate::{World, hello};

fn other() -> TestModule {
    TestModule::new("example.com/Other", "v0.1.0").file("other.go", "package other\n")
}

/// A home with both modules in its cache; of [`other`] no .info was asked for.
fn warm() -> World {
    let world = World::new();
    world.proxy.add(&other());
    let gate = world.gate(&[]);
    for path in [
        hello().url("info"),
        hello().url("mod"),
        hello().url("zip"),
        other().url("mod"),
        other().url("zip"),
    ] {
        assert_eq!(gate.get(&path).status, 200, "{path}");
    }
    world
}

fn cached(world: &World, path: &str) -> PathBuf {
    world.home.state().join("download").join(&path[1..])
}

/// As if a module version had last been used so many days ago.
fn use_days_ago(world: &World, module: &TestModule, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    let mark = module.url("");
    let mark = world
        .home
        .state()
        .join("used")
        .join(mark[1..].trim_end_matches('.'));
    let files = ["info", "mod", "zip"].map(|extension| cached(world, &module.url(extension)));
    for path in files.iter().chain([&mark]).filter(|path| path.exists()) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(then).unwrap();
    }
    assert!(mark.exists(), "{}", mark.display());
}

fn cache(world: &World, args: &[&str]) -> Outcome {
    world.run(&["cache"]).args_all(args).run()
}

#[test]
fn what_is_there_is_listed_with_its_size() {
    let world = warm();
    let list = cache(&world, &["list", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(list["schema"], "sumcheck.gate-cache/1");
    let entries = list["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["module"], "example.com/Other");
    assert_eq!(entries[0]["files"], serde_json::json!(["mod", "zip"]));
    assert_eq!(entries[1]["version"], "v1.0.0");
    let length = |path: &str| fs::metadata(cached(&world, path)).unwrap().len();
    let bytes = length(&other().url("mod")) + length(&other().url("zip"));
    assert_eq!(entries[0]["bytes"], bytes);

    let list = cache(&world, &["list"]).expect_code(0).stdout;
    assert!(list.contains("example.com/Other@v0.1.0  mod zip"), "{list}");
    assert!(list.ends_with("bytes in 2 module versions\n"), "{list}");
    let size = cache(&world, &["size", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(size["modules"], 2);
    assert!(size.get("entries").is_none());
}

#[test]
fn an_empty_cache_is_said_to_be_empty() {
    let world = World::new();
    let size = cache(&world, &["size"]).expect_code(0).stdout;
    assert_eq!(size, "0 bytes in 0 module versions\n");
}

#[test]
fn what_was_not_used_for_longest_is_pruned_and_fetched_again() {
    let world = warm();
    use_days_ago(&world, &hello(), 3);
    use_days_ago(&world, &other(), 40);
    let none = cache(&world, &["prune", "--cache-size", "1GB"]).expect_code(0);
    assert!(none.stdout.starts_with("removed 0 bytes"), "{none:?}");
    let old = cache(&world, &["prune", "--unused-for", "30", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(old["removed"][0]["module"], "example.com/Other");
    assert_eq!(old["modules"], 1);
    assert!(!cached(&world, &other().url("zip")).exists());
    assert!(cached(&world, &hello().url("zip")).exists());

    cache(&world, &["prune", "--cache-size", "0"]).expect_code(0);
    let size = cache(&world, &["size", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(size["bytes"], 0);
    let gate = world.gate(&[]);
    assert_eq!(gate.get(&other().url("zip")).status, 200);
}

#[test]
fn prune_must_be_told_what_to_keep() {
    let world = World::new();
    cache(&world, &["prune"]).expect_code(2);
    let outcome = cache(&world, &["prune", "--cache-size", "lots"]).expect_code(2);
    assert!(outcome.stderr.contains("20GB"), "{outcome:?}");
}

#[test]
fn verify_sets_aside_what_is_no_longer_what_was_proven() {
    let world = warm();
    let sound = cache(&world, &["verify"]).expect_code(0).stdout;
    assert_eq!(
        sound,
        "5 files sound, 0 damaged and set aside, 0 unchecked\n"
    );
    for path in [hello().url("info"), other().url("mod"), other().url("zip")] {
        let path = cached(&world, &path);
        let mut bytes = fs::read(&path).unwrap();
        bytes[8] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let verified = cache(&world, &["verify", "--format", "json"])
        .expect_code(1)
        .json();
    assert_eq!(verified["sound"], 2);
    let damaged = verified["damaged"].as_array().unwrap();
    let files: Vec<_> = damaged
        .iter()
        .map(|file| file["file"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["mod", "zip", "info"]);
    for file in damaged {
        let path = file["set_aside"].as_str().unwrap();
        assert!(fs::exists(path).unwrap(), "{path}");
    }
    assert!(!cached(&world, &other().url("zip")).exists());
    let again = cache(&world, &["verify"]).expect_code(0).stdout;
    assert_eq!(
        again,
        "2 files sound, 0 damaged and set aside, 0 unchecked\n"
    );
}

#[test]
fn what_the_log_cannot_prove_now_is_neither_sound_nor_set_aside() {
    let world = warm();
    // The database of what is known is gone, and the log is down.
    for entry in fs::read_dir(world.home.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("sumcheck.db") {
            fs::remove_file(path).unwrap();
        }
    }
    let layer = on_requests(|request| request.proxied).status(500);
    let server = world.proxy.serve().layer(layer).start();
    let run = world.run(&["cache", "verify"]).goproxy(&server.url());
    let outcome = run.run().expect_code(3);
    assert!(
        outcome.stdout.starts_with("1 file sound, 0 damaged"),
        "{outcome:?}"
    );
    assert!(cached(&world, &hello().url("zip")).exists());
}

#[test]
fn what_the_log_does_not_know_was_not_proven() {
    let world = warm();
    let planted = TestModule::new("example.com/planted", "v1.0.0");
    let path = cached(&world, &planted.url("zip"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, planted.zip().write()).unwrap();
    cache(&world, &["verify"]).expect_code(1);
    assert!(!path.exists());
}

#[test]
fn private_files_are_compared_with_their_pins_and_none_is_made() {
    let world = World::new();
    let run = |args: &[&str]| world.run(args).env("GOPRIVATE", "example.com");
    let gate = crate::support::gate::Gate::listen(
        run(&["--listen", "127.0.0.1:0"]).env("GONOPROXY", "none"),
    );
    assert_eq!(gate.get(&hello().url("zip")).status, 200);
    drop(gate);
    let sound = run(&["cache", "verify"]).run().expect_code(0).stdout;
    assert!(sound.starts_with("1 file sound"), "{sound}");
    world
        .home
        .sumcheck(["pin", "remove", "example.com/hello"])
        .sumdb(&world.proxy.log.verifier_key())
        .run()
        .expect_code(0);
    for _ in 0..2 {
        let unpinned = run(&["cache", "verify"]).run().expect_code(3);
        assert!(
            unpinned.stderr.contains("nothing is pinned of it"),
            "{unpinned:?}"
        );
    }
}

/// A megabyte that does not shrink.
fn large(number: u8) -> TestModule {
    let path = format!("example.com/large{number}");
    TestModule::new(&path, "v1.0.0").file("noise", vec![number; 1 << 20])
}

#[test]
fn a_gate_keeps_its_cache_within_its_size() {
    let world = World::new();
    let held = || {
        let size = cache(&world, &["size", "--format", "json"]).json();
        size["bytes"].as_u64().unwrap()
    };
    let modules: Vec<TestModule> = (0..4).map(large).collect();
    let gate = world.gate(&[]);
    for module in &modules {
        world.proxy.add(module);
        assert_eq!(gate.get(&module.url("zip")).status, 200);
    }
    drop(gate);
    let whole = held();
    for (module, days) in modules.iter().zip([4, 3, 2, 1]) {
        use_days_ago(&world, module, days);
    }
    let gate = world.gate(&["--cache-size", &(whole - 1).to_string()]);
    for _ in 0..200 {
        if held() < whole {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let is_there = |module: &TestModule| cached(&world, &module.url("zip")).exists();
    assert!(!is_there(&modules[0]) && is_there(&modules[3]));
    // And what went comes again.
    assert_eq!(gate.get(&modules[0].url("zip")).status, 200);
    drop(gate);
    world
        .run(&["--cache-size", "1KB", "--", "/bin/true"])
        .run()
        .expect_code(0);
    assert_eq!(held(), 0);
}
