//! The gate as a server and as a wrapper: who may ask, what they may cost, how it ends.

mod support;

#[path = "gate_server/access.rs"]
mod access;
#[path = "gate_server/cache.rs"]
mod cache;
#[path = "gate_server/crash.rs"]
mod crash;
#[path = "gate_server/decisions.rs"]
mod decisions;
#[path = "gate_server/export.rs"]
mod export;
#[path = "gate_server/fork.rs"]
mod fork;
#[path = "gate_server/go_command.rs"]
mod go_command;
#[path = "gate_server/listener.rs"]
mod listener;
#[path = "gate_server/modcache.rs"]
mod modcache;
#[path = "gate_server/policy.rs"]
mod policy;
#[path = "gate_server/prefetch.rs"]
mod prefetch;
#[path = "gate_server/private.rs"]
mod private;
#[path = "gate_server/signals.rs"]
mod signals;
#[path = "gate_server/trace.rs"]
mod trace;

use support::gate::Gate;
use support::proxy::{TestModule, TestProxy};
use support::server::Server;
use support::sumcheck::{Home, Run};

/// A module version that the log and the proxy have.
fn hello() -> TestModule {
    TestModule::new("example.com/hello", "v1.0.0").file("hello.go", "package hello\n")
}

/// A log, a proxy in front of it, and a home.
struct World {
    proxy: TestProxy,
    server: Server,
    home: Home,
}

impl World {
    fn new() -> Self {
        let proxy = TestProxy::new();
        proxy.add(&hello());
        let server = proxy.serve().start();
        Self {
            proxy,
            server,
            home: Home::new(),
        }
    }

    /// `sumcheck gate` with more arguments.
    fn run(&self, args: &[&str]) -> Run {
        let run = self.home.sumcheck(["gate"]).args_all(args);
        run.sumdb(&self.proxy.log.verifier_key())
            .goproxy(&self.server.url())
    }

    /// A gate on loopback.
    fn gate(&self, args: &[&str]) -> Gate {
        Gate::listen(self.run(&["--listen", "127.0.0.1:0"]).args_all(args))
    }
}

/// Sends a signal to a process.
fn signal(process: u32, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_raw(process.cast_signed()).expect("a process");
    rustix::process::kill_process(process, signal).expect("it runs");
}
