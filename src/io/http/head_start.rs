//! One connection over HTTP/2, not as many as there are requests.
//!
//! Whether a server speaks HTTP/2 is known when TLS is set up. Requests that start together each
//! open a connection before that, so the first request to a server goes ahead of the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::Semaphore;

/// By then the connection is there even on a slow line; a first answer that takes longer holds up
/// nobody else.
const HEAD_START: Duration = Duration::from_secs(1);

/// The first requests, by server. A gate is a semaphore without permits that opens when it is
/// closed.
#[derive(Debug, Default)]
pub(super) struct HeadStarts {
    gates: Mutex<HashMap<(String, u16), Arc<Semaphore>>>,
}

/// Whoever holds this goes first; when it is dropped, the others follow.
#[derive(Debug)]
pub(super) struct GoesFirst(Arc<Semaphore>);

impl Drop for GoesFirst {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl HeadStarts {
    /// Waits for the first request to this server, or is it.
    pub(super) async fn enter(&self, url: &Url) -> Option<GoesFirst> {
        // Plain http is HTTP/1.1, which needs the connections.
        if url.scheme() != "https" {
            return None;
        }
        let gate = {
            let server = (url.host_str()?.to_owned(), url.port_or_known_default()?);
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            match gates.get(&server) {
                Some(gate) => Arc::clone(gate),
                None => {
                    let gate = Arc::new(Semaphore::new(0));
                    gates.insert(server, Arc::clone(&gate));
                    return Some(GoesFirst(gate));
                }
            }
        };
        if !gate.is_closed() {
            // Both ends of the wait mean the same.
            let _ = tokio::time::timeout(HEAD_START, gate.acquire()).await;
        }
        None
    }
}
