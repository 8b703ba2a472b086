//! HTTP around the gate: connections, their limits, and answers as a download tool expects them.

mod answer;
mod body;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Gate;

/// A client that takes longer to say what it wants says it to hold a connection (slowloris). Also
/// the time for which an idle connection stays open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// More connections than this wait until one is free: each costs memory and a file handle.
const MAX_CONNECTIONS: usize = 4096;

/// The head of a request has a path of at most 2 KiB and a few headers.
const MAX_HEAD_BYTES: usize = 32 << 10;

/// What a shutdown waits for transfers that are under way.
const DRAIN: Duration = Duration::from_secs(30);

/// After an error of accept, which is most often a lack of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A gate that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    gate: Arc<Gate>,
    /// What a path must begin with, `/` at both ends.
    prefix: Arc<str>,
}

impl Server {
    /// Serves the gate below `prefix`, which begins and ends with `/`.
    #[must_use]
    pub fn new(listener: TcpListener, gate: Arc<Gate>, prefix: &str) -> Self {
        Self {
            listener,
            gate,
            prefix: Arc::from(prefix),
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is over; then what is under way is finished, within limits.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let connections = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut stop = std::pin::pin!(stop);
        loop {
            let accept = async {
                let slot = Arc::clone(&slots).acquire_owned().await;
                (slot, self.listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                () = &mut stop => break,
                accepted = accept => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Small answers go out at once.
            let _ = stream.set_nodelay(true);
            let (gate, prefix) = (Arc::clone(&self.gate), Arc::clone(&self.prefix));
            let service = service_fn(move |request: Request<Incoming>| {
                let (gate, prefix) = (Arc::clone(&gate), Arc::clone(&prefix));
                async move { Ok::<_, Infallible>(answer::answer(&gate, &prefix, &request).await) }
            });
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(MAX_HEAD_BYTES)
                .http2()
                .timer(TokioTimer::new())
                .max_concurrent_streams(256)
                .max_header_list_size(MAX_HEAD_BYTES as u32)
                .keep_alive_interval(HEAD_TIMEOUT);
            let connection = builder
                .serve_connection(TokioIo::new(stream), service)
                .into_owned();
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                // A client that breaks off is its own affair.
                let _ = connection.await;
                drop(slot);
            });
        }
        drop(self.listener);
        let _ = timeout(DRAIN, connections.shutdown()).await;
    }
}
