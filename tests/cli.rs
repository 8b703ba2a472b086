//! The command line as its user meets it: exit codes, inputs, settings, output.

mod support;

#[path = "cli/exit_codes.rs"]
mod exit_codes;
#[path = "cli/hostile_inputs.rs"]
mod hostile_inputs;
#[path = "cli/inputs.rs"]
mod inputs;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/pins.rs"]
mod pins;
#[path = "cli/settings.rs"]
mod settings;

use support::log::TestLog;
use support::server::Server;
use support::sumcheck::{Home, Outcome, Run};

/// A log of 40 records that is being served.
struct World {
    log: TestLog,
    server: Server,
    home: Home,
}

impl World {
    fn new() -> Self {
        let log = TestLog::with_records(40);
        let server = log.serve().start();
        Self {
            log,
            server,
            home: Home::new(),
        }
    }

    /// A run in this world's home against its log, reached directly.
    fn run(&self, args: &[&str]) -> Run {
        self.home.sumcheck(args).sumdb(&self.sumdb())
    }

    fn sumdb(&self) -> String {
        format!("{} {}", self.log.verifier_key(), self.server.url())
    }

    /// `sumcheck verify go.sum` of the first three records.
    fn verify(&self) -> Run {
        self.run(&["verify", "go.sum"])
            .file("go.sum", self.log.go_sum(0..3))
    }
}

/// Another hash in the first line: the first character after `h1:` is another one.
fn with_wrong_hash(go_sum: &str) -> String {
    let at = go_sum.find("h1:").unwrap() + "h1:".len();
    let other = if go_sum[at..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    format!("{}{other}{}", &go_sum[..at], &go_sum[at + 1..])
}
