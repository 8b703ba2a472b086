//! A log that forks closes the gate, until somebody has seen to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::hello;
use crate::support::gate::Gate;
use crate::support::proxy::TestProxy;
use crate::support::server::{Server, Serving};
use crate::support::sumcheck::Home;

/// A proxy over a log that has another face.
struct TwoFaced {
    proxy: TestProxy,
    server: Server,
    lies: Arc<AtomicBool>,
    home: Home,
}

impl TwoFaced {
    fn new() -> Self {
        let proxy = TestProxy::new();
        proxy.add(&hello());
        let fork = proxy.log.fork_at(7).grow(50);
        let lies = Arc::new(AtomicBool::new(false));
        let (honest, is_lying) = (proxy.clone(), Arc::clone(&lies));
        let serving = Serving::new(move |request| {
            if request.proxied && is_lying.load(Ordering::SeqCst) {
                fork.answer(request)
            } else {
                honest.answer(request)
            }
        });
        let prefix = format!("/sumdb/{}", proxy.log.name());
        Self {
            server: serving.below(&prefix).start(),
            proxy,
            lies,
            home: Home::new(),
        }
    }

    fn gate(&self) -> Gate {
        Gate::start(&self.home, &self.proxy, &self.server.url())
    }

    /// The log shows its other face to a gate that knows the first.
    fn fork(&self, gate: &Gate) {
        assert_eq!(gate.get(&hello().url("zip")).status, 200);
        self.lies.store(true, Ordering::SeqCst);
        let name = self.proxy.log.name();
        let lookup = format!("/sumdb/{name}/lookup/example.com/m45@v1.0.45");
        assert_eq!(gate.get(&lookup).status, 503);
        self.lies.store(false, Ordering::SeqCst);
    }

    fn run(&self, args: &[&str], code: i32) -> String {
        let run = self.home.sumcheck(args).goproxy(&self.server.url());
        let run = run.sumdb(&self.proxy.log.verifier_key());
        run.run().expect_code(code).stderr
    }
}

/// Asks until the gate has looked at what others found out.
#[track_caller]
fn wait_for(gate: &Gate, path: &str, status: u16) {
    let started = Instant::now();
    loop {
        let got = gate.get(path);
        if got.status == status {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{got:?}");
    }
}

#[test]
fn a_fork_closes_the_gate_until_it_is_acknowledged() {
    let world = TwoFaced::new();
    let gate = world.gate();
    world.fork(&gate);
    // What was proven before the fork is refused as well, and so is everything else.
    for path in [
        hello().url("zip"),
        hello().url("mod"),
        "/example.com/hello/@v/list".to_owned(),
        format!("/sumdb/{}/latest", world.proxy.log.name()),
        "/readyz".to_owned(),
    ] {
        let closed = gate.get(&path);
        assert_eq!(closed.status, 503, "{path}: {closed:?}");
        let evidence = world.home.state().join("evidence");
        for words in [
            "sumcheck: THE LOG MISBEHAVED: it has signed two tree heads that contradict each other",
            &format!("this gate is closed: the evidence: {}", evidence.display()),
            "sumcheck findings ack 1",
        ] {
            assert!(closed.text().contains(words), "{path}: {closed:?}");
        }
    }
    assert_eq!(gate.get("/healthz").status, 200);
    world.run(&["findings", "ack", "1"], 0);
    wait_for(&gate, &hello().url("zip"), 200);
    wait_for(&gate, "/readyz", 200);
}

#[test]
fn a_gate_begins_closed_if_nobody_has_acknowledged_what_it_found() {
    let world = TwoFaced::new();
    let gate = world.gate();
    world.fork(&gate);
    gate.kill();
    let gate = world.gate();
    assert_eq!(gate.get(&hello().url("mod")).status, 503);
    world.run(&["findings", "ack", "1"], 0);
    wait_for(&gate, &hello().url("mod"), 200);
}

#[test]
fn what_another_process_of_this_home_finds_closes_the_gate() {
    let world = TwoFaced::new();
    let gate = world.gate();
    assert_eq!(gate.get(&hello().url("mod")).status, 200);
    world.lies.store(true, Ordering::SeqCst);
    world.run(&["lookup", "example.com/m45@v1.0.45"], 4);
    wait_for(&gate, &hello().url("mod"), 503);
}

#[test]
fn a_command_that_succeeds_behind_a_closed_gate_is_4() {
    let world = TwoFaced::new();
    let gate = world.gate();
    world.fork(&gate);
    gate.kill();
    let stderr = world.run(&["gate", "--", "/bin/sh", "-c", "true"], 4);
    assert!(stderr.contains("THE LOG MISBEHAVED"), "{stderr}");
}

#[test]
fn many_who_ask_for_the_newest_head_cost_one_request() {
    let world = TwoFaced::new();
    let gate = world.gate();
    let path = format!("/sumdb/{}/latest", world.proxy.log.name());
    for _ in 0..20 {
        assert_eq!(gate.get(&path).body, world.proxy.log.head());
    }
    assert_eq!(world.server.count("/latest"), 1);
}
