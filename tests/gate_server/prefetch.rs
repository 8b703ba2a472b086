//! What a go.sum names is fetched before anybody asks for it; and not too much at once.

use std::time::{Duration, Instant};

use crate::support::gate::Gate;
use crate::support::proxy::TestModule;
use crate::support::sumcheck::Run;
use crate::{World, hello};

fn direct() -> TestModule {
    TestModule::new("example.com/zz", "v1.0.0")
}

const GO_MOD: &str = "module example.com/main\n\ngo 1.26\n\nrequire (\n\
    \texample.com/hello v1.0.0 // indirect\n\texample.com/zz v1.0.0\n)\n";

fn world() -> World {
    let world = World::new();
    world.proxy.add(&direct());
    world
}

/// A command that asks for one file, and ends when another one is in the cache, or after some seconds.
fn run_until(world: &World, args: &[&str], ask: &str, path: &str) -> Run {
    let file = world.home.state().join(format!("download{path}"));
    let ask = match ask {
        "" => String::new(),
        ask => format!(
            "at=${{GOPROXY#http://}}; host=${{at%%/*}}; \
             exec 3<>/dev/tcp/${{host%:*}}/${{host#*:}}; \
             printf 'GET /%s%s HTTP/1.1\\r\\nHost: gate\\r\\nConnection: close\\r\\n\\r\\n' \
             ${{at#*/}} {ask} >&3; cat <&3 >/dev/null; "
        ),
    };
    let script = format!(
        "{ask}for n in $(seq 150); do test -f '{}' && exit 0; sleep 0.02; done; exit 9",
        file.display()
    );
    let run = world
        .run(args)
        .args_all(&["--", "/bin/bash", "-c", &script]);
    run.env("PATH", "/usr/bin:/bin")
        .file("go.mod", GO_MOD)
        .file("go.sum", hello().record() + &direct().record())
}

fn files_asked_for(world: &World) -> Vec<String> {
    let mut paths = world.server.paths();
    paths.retain(|path| path.contains("/@v/"));
    paths
}

#[test]
fn a_command_finds_what_its_go_sum_names() {
    let world = world();
    run_until(&world, &[], &direct().url("mod"), &hello().url("zip"))
        .run()
        .expect_code(0);
    let mut asked = files_asked_for(&world);
    asked.sort();
    let mut expected: Vec<String> = [hello(), direct()]
        .iter()
        .flat_map(|module| [module.url("mod"), module.url("zip")])
        .collect();
    expected.sort();
    assert_eq!(asked, expected, "each of them once");
}

#[test]
fn what_is_in_the_module_cache_is_not_fetched() {
    let world = world();
    for path in [hello().url("zip"), direct().url("mod")] {
        let path = world
            .home
            .path()
            .join(format!("go/pkg/mod/cache/download{path}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "whatever").unwrap();
    }
    let args = &["--modcache=trust"];
    run_until(&world, args, &hello().url("mod"), &direct().url("zip"))
        .run()
        .expect_code(0);
    let asked = files_asked_for(&world);
    assert!(!asked.contains(&hello().url("zip")), "{asked:?}");
    assert!(!asked.contains(&direct().url("mod")), "{asked:?}");
}

#[test]
fn nothing_is_fetched_if_that_is_not_wanted() {
    let world = world();
    let args = &["--no-prefetch"];
    let run = run_until(&world, args, &direct().url("mod"), &hello().url("zip"));
    run.run().expect_code(9);
    assert_eq!(files_asked_for(&world), [direct().url("mod")]);
}

#[test]
fn for_a_command_that_needs_nothing_nobody_is_asked() {
    let world = world();
    for ask in ["", "example.com/another/@v/v1.0.0.mod"] {
        let run = run_until(&world, &[], ask, &hello().url("zip"));
        run.run().expect_code(9);
        let asked = world.server.paths();
        let told = |name: &str| asked.iter().any(|path| path.contains(name));
        assert!(!told("hello") && !told("zz"), "{ask}: {asked:?}");
    }
}

#[test]
fn what_is_refused_beforehand_is_no_refusal_of_the_command() {
    let world = world();
    let deny = "[[gate.deny]]\nmodules = \"example.com/zz\"\n";
    let run = run_until(&world, &[], &hello().url("mod"), &hello().url("zip"));
    let run = run.file("sumcheck.toml", deny);
    let outcome = run.run().expect_code(0);
    assert!(outcome.stderr.contains("0 refused"), "{outcome:?}");
    let asked = files_asked_for(&world);
    assert!(!asked.iter().any(|path| path.contains("zz")), "{asked:?}");
}

#[test]
fn a_server_prefetches_what_it_is_told() {
    let world = world();
    let run = world.run(&["--listen", "127.0.0.1:0", "--prefetch", "some.sum"]);
    let _gate = Gate::listen(run.file("some.sum", direct().record()));
    let path = format!("download{}", direct().url("zip"));
    let begun = Instant::now();
    while !world.home.state().join(&path).exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    world
        .run(&["--listen", "127.0.0.1:0", "--prefetch", "none.sum"])
        .run()
        .expect_code(2);
}

#[test]
fn zips_are_fetched_a_few_at_a_time() {
    let modules: Vec<TestModule> = (0..6)
        .map(|number| TestModule::new(&format!("example.com/m{number}"), "v1.0.0"))
        .collect();
    for (downloads, expected) in [("2", 2), ("6", 6)] {
        let world = World::new();
        modules.iter().for_each(|module| world.proxy.add(module));
        // So that the log has nothing to say any more.
        let first = world.gate(&[]);
        for module in &modules {
            assert_eq!(first.get(&module.url("mod")).status, 200);
        }
        drop(first);
        let slow = world
            .proxy
            .serve()
            .delay(Duration::from_millis(300))
            .start();
        let run = world.run(&["--listen", "127.0.0.1:0", "--downloads", downloads]);
        let gate = Gate::listen(run.goproxy(&slow.url()));
        std::thread::scope(|scope| {
            for module in &modules {
                scope.spawn(|| assert_eq!(gate.get(&module.url("zip")).status, 200));
            }
        });
        assert_eq!(slow.most_in_flight(), expected);
    }
}
