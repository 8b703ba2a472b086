//! HTTP around the gate: connections, their limits, and answers as a download tool expects them.

mod activity;
mod answer;
mod body;
mod connection;
mod exchange;
mod limits;
mod site;
pub mod tls;
pub mod tokens;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use self::activity::Activity;
pub use self::limits::{Limits, raise_file_limit};
pub use self::site::Site;
use super::client::Client;

/// After an error of accept, which is most often a lack of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A site that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    site: Arc<Site>,
    tls: Option<Arc<RwLock<Arc<ServerConfig>>>>,
    limits: Limits,
}

/// The certificate of a server that runs, to be replaced.
#[derive(Debug, Clone)]
pub struct Certificate(Arc<RwLock<Arc<ServerConfig>>>);

impl Certificate {
    /// Connections from now on get this one.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }
}

impl Server {
    /// Serves a site in the clear.
    #[must_use]
    pub fn new(listener: TcpListener, site: Arc<Site>) -> Self {
        Self {
            listener,
            site,
            tls: None,
            limits: Limits::default(),
        }
    }

    /// Serves it over TLS alone.
    pub fn set_tls(&mut self, config: Arc<ServerConfig>) -> Certificate {
        let config = Arc::new(RwLock::new(config));
        self.tls = Some(Arc::clone(&config));
        Certificate(config)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is over; then what is under way is finished, within limits, unless
    /// `hurry` is over as well.
    pub async fn run(self, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) {
        let connections = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        // A listener that others can reach is not made private by who asks it.
        let is_loopback = self
            .address()
            .is_ok_and(|address| address.ip().is_loopback());
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
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Small answers go out at once.
            let _ = stream.set_nodelay(true);
            let client = Client {
                name: peer.ip().to_canonical().to_string(),
                authenticated: false,
                loopback: is_loopback,
            };
            let acceptor = self.tls.as_ref().map(|config| {
                let config = config.read().unwrap_or_else(PoisonError::into_inner);
                TlsAcceptor::from(Arc::clone(&config))
            });
            let (site, watcher) = (Arc::clone(&self.site), connections.watcher());
            let limits = self.limits;
            tokio::spawn(async move {
                converse(stream, acceptor, &site, client, limits, watcher).await;
                drop(slot);
            });
        }
        drop(self.listener);
        tokio::select! {
            _ = timeout(self.limits.drain, connections.shutdown()) => {}
            () = hurry => {}
        }
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    site: &Arc<Site>,
    client: Client,
    limits: Limits,
    watcher: Watcher,
) {
    let _counted = site.count_connection();
    let activity = Arc::new(Activity::default());
    let client = Arc::new(client);
    let answer = |request| {
        let (site, client) = (Arc::clone(site), Arc::clone(&client));
        let activity = Arc::clone(&activity);
        async move { site.answer(&client, &activity, &request).await }
    };
    match acceptor {
        None => connection::serve(stream, &activity, limits, watcher, answer).await,
        Some(acceptor) => {
            // Whoever speaks no TLS is not told what is here.
            if let Ok(Ok(stream)) = timeout(limits.stillness, acceptor.accept(stream)).await {
                connection::serve(stream, &activity, limits, watcher, answer).await;
            }
        }
    }
}
