//! The wrapper is not in the way: signals, standard input, and the environment of the command.

use rustix::process::Signal;

use crate::{World, signal};

fn shell(script: &str) -> [&str; 4] {
    ["--", "/bin/sh", "-c", script]
}

#[test]
fn a_command_that_a_signal_ends_is_128_and_its_number() {
    let run = |script| World::new().run(&shell(script)).run();
    run("kill -9 $$").expect_code(137);
    run("kill -TERM $$").expect_code(143);
}

#[test]
fn signals_are_for_the_command_to_decide() {
    for (name, forwarded) in [
        ("TERM", Signal::TERM),
        ("INT", Signal::INT),
        ("HUP", Signal::HUP),
        ("QUIT", Signal::QUIT),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
    ] {
        let script = format!(
            "trap 'kill $!; exit 7' {name}; /bin/sleep 100 >/dev/null 2>&1 & echo ready >&2; wait"
        );
        let running = World::new().run(&shell(&script)).spawn();
        running.wait_for("ready");
        signal(running.id(), forwarded);
        let outcome = running.wait().expect_code(7);
        assert!(outcome.stderr.contains("0 refused"), "{outcome:?}");
    }
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let world = World::new();
    let sumcheck = env!("CARGO_BIN_EXE_sumcheck");
    let inner = "kill -HUP $PPID; kill -HUP $$; echo alive";
    let script = format!("trap '' HUP; exec '{sumcheck}' gate -- /bin/sh -c '{inner}'");
    // The outer gate is but a clean environment.
    let outcome = world.run(&shell(&script)).run().expect_code(0);
    assert_eq!(outcome.stdout, "alive\n");
}

#[test]
fn standard_input_is_the_commands() {
    let run = World::new().run(&shell("read line; echo \"got $line\""));
    let outcome = run.stdin("a word\n").run().expect_code(0);
    assert_eq!(outcome.stdout, "got a word\n");
}

#[test]
fn the_command_asks_the_gate_alone_and_the_same_database() {
    let world = World::new();
    let key = world.proxy.log.verifier_key();
    let show = "echo \"$GOSUMDB|$GONOPROXY|$GONOSUMDB|$GOPRIVATE|$GOFLAGS|$GOPROXY\"";
    let run = world.run(&["--sumdb", &key]).args_all(&shell(show));
    let run = run.sumdb("off").env("GOPRIVATE", "a.example/*");
    let outcome = run.env("GOFLAGS", "-mod=mod").run().expect_code(0);
    let shown: Vec<&str> = outcome.stdout.trim().split('|').collect();
    let [environment @ .., goproxy] = &shown[..] else {
        panic!("{outcome:?}");
    };
    assert_eq!(environment, [&key, "none", "", "a.example/*", "-mod=mod"]);
    let (_, path) = goproxy.rsplit_once(':').unwrap();
    let (_, secret) = path.split_once('/').unwrap();
    assert_eq!(secret.len(), 32, "{goproxy}");
}

#[test]
fn a_process_that_outlives_the_command_does_not_hold_the_gate() {
    let world = World::new();
    let script = "/bin/sleep 100 </dev/null >/dev/null 2>&1 & echo $!";
    let outcome = world.run(&shell(script)).run().expect_code(0);
    signal(outcome.stdout.trim().parse().unwrap(), Signal::KILL);
    assert!(!world.home.state().join("sumcheck.db-wal").exists());
}

#[test]
fn what_fails_before_the_command_is_125_and_never_one_of_its_own_codes() {
    let world = World::new();
    let wrong = world
        .run(&shell("exit 0"))
        .file("sumcheck.toml", "[gate]\nx = 1\n");
    let outcome = wrong.run().expect_code(125);
    assert!(outcome.stderr.contains("sumcheck.toml:2:1"), "{outcome:?}");
}
