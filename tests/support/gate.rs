//! `sumcheck gate --listen` as a process of its own.

use std::net::SocketAddr;

use super::client::{self, Got};
use super::proxy::TestProxy;
use super::sumcheck::{Home, Outcome, Run, Running};

/// A gate that listens, until it is dropped.
pub struct Gate {
    running: Option<Running>,
    address: SocketAddr,
}

impl Gate {
    /// A gate in this home, in front of a proxy at this URL, which carries the log too.
    pub fn start(home: &Home, proxy: &TestProxy, goproxy: &str) -> Self {
        Self::listen(
            home.sumcheck(["gate", "--listen", "127.0.0.1:0"])
                .sumdb(&proxy.log.verifier_key())
                .goproxy(goproxy),
        )
    }

    /// A gate as this run starts it.
    pub fn listen(run: Run) -> Self {
        let running = run.spawn();
        let line = running.wait_for("GOPROXY=http://");
        let (_, address) = line.split_once("GOPROXY=http://").expect("as above");
        Self {
            address: address.parse().expect("an address"),
            running: Some(running),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What GOPROXY is for its clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// GET over a connection of its own.
    pub fn get(&self, path: &str) -> Got {
        client::get(self.address, path)
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("it has not been ended")
    }

    /// Waits for its end, which something else brings.
    pub fn wait(mut self) -> Outcome {
        self.running.take().expect("it has not been ended").wait()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) -> Outcome {
        self.running.take().expect("it has not been ended").kill()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let outcome = running.kill();
            assert!(
                std::thread::panicking() || !outcome.stderr.contains("panicked"),
                "{outcome:?}"
            );
        }
    }
}
