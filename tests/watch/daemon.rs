//! The daemon as a process: signals, its lock, its configuration, what it says to systemd.

#![cfg(unix)]

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::crash::{configured, told};
use crate::support::client;
use crate::support::log::TestLog;
use crate::support::server::Server;
use crate::support::sumcheck::{Home, Run, Running};

const TABLE: &str = "[watch]\nstandard-error = false\n[[watch.log]]\nbegin = \"start\"\n";

fn run(home: &Home, log: &TestLog, server: &Server, config: &str, args: &[&str]) -> Run {
    let all = [&["watch", "--config", config][..], args].concat();
    home.sumcheck(all)
        .sumdb(&log.verifier_key())
        .goproxy(&server.url())
}

fn start(home: &Home, log: &TestLog, server: &Server, config: &str) -> Running {
    run(home, log, server, config, &["--listen", "127.0.0.1:0"]).spawn()
}

fn address(running: &Running) -> SocketAddr {
    let line = running.wait_for("sumcheck watch: http://");
    let (_, address) = line.split_once("http://").unwrap();
    address.trim_end_matches('/').parse().unwrap()
}

fn signal(running: &Running, signal: Signal) {
    let process = Pid::from_raw(running.id().cast_signed()).unwrap();
    kill_process(process, signal).unwrap();
}

#[test]
fn it_serves_what_it_knows_and_ends_when_it_is_told_to() {
    let (home, log) = (Home::new(), TestLog::with_records(700));
    let server = log.serve().start();
    let config = configured(&home, TABLE);
    let running = start(&home, &log, &server, &config);
    let address = address(&running);
    running.wait_for("all is well; 700 records; 700 new records audited");
    assert_eq!(client::get(address, "/readyz").status, 200);
    assert!(client::get(address, "/").text().contains("All is well"));
    let other = run(&home, &log, &server, &config, &["--once"]).run();
    assert!(
        other.stderr.contains("another sumcheck watch is at work"),
        "{other:?}"
    );
    assert_eq!(other.code, 2);
    let status = home.sumcheck(["status", "--config", &config]);
    let status = status.sumdb(&log.verifier_key()).run().expect_code(0);
    assert!(status.stdout.starts_with("all is well\n"), "{status:?}");
    signal(&running, Signal::TERM);
    assert_eq!(running.wait().code, 143);
    // The lock went with the process.
    run(&home, &log, &server, &config, &["--once"])
        .run()
        .expect_code(0);
}

#[test]
fn terminated_in_an_audit_it_ends_soon_and_loses_nothing() {
    let (home, log) = (Home::new(), TestLog::with_records(60_000));
    let server = log.serve().delay(Duration::from_millis(80)).start();
    let config = configured(&home, TABLE);
    let running = start(&home, &log, &server, &config);
    let begun = Instant::now();
    while server.count("/tile/8/data/") < 80 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    signal(&running, Signal::INT);
    let ended = running.wait();
    assert_eq!(ended.code, 130, "{ended:?}");
    let asked = server.count("/tile/8/data/");
    assert!(asked < 230, "{asked} of 235 tiles: it was not ended");
    server.forget();
    let once = run(
        &home,
        &log,
        &server,
        &config,
        &["--once", "--format", "json"],
    );
    let document = once.run().expect_code(0).json();
    assert_eq!(document["rounds"][0]["audited"]["to"], 60_000);
    assert!(document["rounds"][0]["audited"]["from"].as_u64().unwrap() > 0);
    assert!(
        server.count("/tile/8/data/") < 235,
        "all of it was read again"
    );
}

#[test]
fn a_hang_up_reads_the_configuration_again_and_a_bad_one_changes_nothing() {
    let (home, log) = (Home::new(), TestLog::with_records(300));
    let server = log.serve().start();
    let config = configured(&home, TABLE);
    let running = start(&home, &log, &server, &config);
    running.wait_for("the next round is at 2");
    running.wait_for("all is well");
    std::fs::write(&config, "[watch]\nevery = \"sometimes\"\n").unwrap();
    signal(&running, Signal::HUP);
    let said = running.wait_for("the configuration of before stays in force");
    assert!(said.contains("watch.toml:2:"), "{said}");
    configured(&home, &format!("{TABLE}audit = \"heads\"\n"));
    signal(&running, Signal::HUP);
    running.wait_for("the configuration was read again");
    signal(&running, Signal::TERM);
    assert_eq!(running.wait().code, 143);
}

#[test]
fn systemd_is_told_when_it_is_ready_alive_and_about_to_end() {
    let (home, log) = (Home::new(), TestLog::with_records(300));
    let server = log.serve().start();
    let config = configured(&home, TABLE);
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let running = run(&home, &log, &server, &config, &["--listen", "off"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "400000")
        .spawn();
    let mut said = String::new();
    let mut hear = |words: &str| {
        while !said.contains(words) {
            let mut buffer = [0; 1024];
            let length = socket.recv(&mut buffer).unwrap();
            said.push_str(&String::from_utf8_lossy(&buffer[..length]));
            said.push('\n');
        }
    };
    hear("READY=1");
    hear("WATCHDOG=1");
    hear("STATUS=next round at 2");
    signal(&running, Signal::HUP);
    hear("RELOADING=1");
    hear("MONOTONIC_USEC=");
    signal(&running, Signal::TERM);
    hear("STOPPING=1");
    assert_eq!(running.wait().code, 143);
}

#[test]
fn once_gives_exit_codes_that_scripts_can_trust() {
    let (home, log) = (Home::new(), TestLog::with_records(700));
    let server = log.serve().start();
    let config = configured(&home, TABLE);
    run(&home, &log, &server, &config, &["--once"])
        .run()
        .expect_code(0);
    let down = log
        .serve()
        .layer(crate::support::layers::status("/latest", 403))
        .start();
    run(&home, &log, &down, &config, &["--once"])
        .run()
        .expect_code(3);
    let fork = log.fork_at(300);
    let forked = fork.serve().start();
    let caught = run(&home, &fork, &forked, &config, &["--once"])
        .run()
        .expect_code(4);
    assert!(
        caught.stderr.contains("the evidence is kept in"),
        "{caught:?}"
    );
    // Healed, and not acknowledged.
    run(&home, &log, &server, &config, &["--once"])
        .run()
        .expect_code(4);
    let status = home.sumcheck(["status", "--json", "--config", &config]);
    let status = status
        .sumdb(&log.verifier_key())
        .run()
        .expect_code(4)
        .json();
    assert_eq!(status["state"], "misbehaved");
    home.sumcheck(["findings", "ack", "1"])
        .sumdb(&log.verifier_key())
        .run()
        .expect_code(0);
    run(&home, &log, &server, &config, &["--once"])
        .run()
        .expect_code(0);
    let kinds: Vec<_> = told(&home)
        .iter()
        .map(|event| event["kind"].clone())
        .collect();
    assert_eq!(kinds, ["misbehaviour"]);
}

#[test]
fn a_test_alarm_is_told_to_all_and_says_who_could_not_be_told() {
    let (home, log) = (Home::new(), TestLog::with_records(3));
    let server = log.serve().start();
    let config = configured(&home, "[watch]\n");
    let test = run(&home, &log, &server, &config, &["test-alarm"])
        .run()
        .expect_code(0);
    assert_eq!(test.stdout, "told: standard-error, hook\n");
    assert!(test.stderr.contains("\"kind\":\"test\""), "{test:?}");
    assert_eq!(told(&home)[0]["kind"], "test");
    let config = configured(
        &home,
        "[[watch.program]]\nname = \"x\"\ncommand = [\"/nothing\"]\n",
    );
    let test = run(&home, &log, &server, &config, &["test-alarm"])
        .run()
        .expect_code(3);
    assert!(
        test.stderr
            .contains("x could not be told: cannot run /nothing"),
        "{test:?}"
    );
    assert!(
        server.requests().is_empty(),
        "the log has nothing to do with it"
    );
}

#[test]
fn mistakes_in_the_configuration_are_exit_2_with_their_place() {
    let (home, log) = (Home::new(), TestLog::with_records(3));
    let server = log.serve().start();
    for (table, words) in [
        ("[watch]\nevry = \"1h\"\n", "watch.toml:2:1: unknown field"),
        ("[watch]\nevery = \"1\"\n", "is no time: write it as 90s"),
        ("[watch]\nevery = \"1s\"\n", "are too many"),
        (
            "[watch]\nschedule = \"* * *\"\n",
            "no schedule of five fields",
        ),
        (
            "[watch]\nevery = \"1h\"\nschedule = \"1 * * * *\"\n",
            "leave one of them",
        ),
        (
            "[watch]\n[[watch.log]]\nmodules = [\"a[\"]\n",
            "is no pattern",
        ),
        ("[watch]\n[[watch.log]]\n[[watch.log]]\n", "of the same log"),
        (
            "[watch]\n[[watch.log]]\n[[watch.log.vantage-point]]\nurl = \"x\"\nkind = \"log\"\n",
            "vantage-point",
        ),
        (
            "[watch]\n[[watch.webhook]]\nurl = \"file:///x\"\n",
            "is neither https nor http",
        ),
        (
            "[watch]\n[[watch.webhook]]\nurl = \"https://x.example/\"\nsecret-file = \"none\"\n",
            "cannot read",
        ),
    ] {
        let config = configured(&home, table);
        let outcome = run(&home, &log, &server, &config, &["--once"])
            .run()
            .expect_code(2);
        assert!(outcome.stderr.contains(words), "{table}: {outcome:?}");
    }
    let missing = run(&home, &log, &server, "/nothing.toml", &["--once"])
        .run()
        .expect_code(2);
    assert!(
        missing.stderr.contains("/nothing.toml is not there"),
        "{missing:?}"
    );
    assert!(server.requests().is_empty());
}

#[test]
fn a_project_does_not_say_what_is_run_on_this_machine() {
    let (home, log) = (Home::new(), TestLog::with_records(3));
    let server = log.serve().start();
    let outcome = home
        .sumcheck(["watch", "--once"])
        .file(
            "sumcheck.toml",
            "[[watch.program]]\ncommand = [\"/bin/touch\", \"ran\"]\n",
        )
        .sumdb(&log.verifier_key())
        .goproxy(&server.url())
        .run()
        .expect_code(0);
    assert!(outcome.stderr.contains("[watch] of") && outcome.stderr.contains("is not used"));
    assert!(!home.work().join("ran").exists());
}
