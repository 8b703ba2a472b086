//! HTTP for those who ask us: connections and their limits. What is answered is a [`Site`]'s.

mod activity;
mod connection;
mod limits;
mod path;
mod small;
pub mod tls;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub use self::activity::Activity;
pub use self::limits::{Limits, raise_file_limit};
pub use self::path::plain_path;
pub use self::small::SmallBody;

/// After an error of accept, which is most often a lack of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The address of whoever asks.
    pub address: IpAddr,
    /// Whether the listener is one that only this machine can reach.
    pub is_loopback: bool,
}

/// What is served at an address.
pub trait Site: Send + Sync + 'static {
    /// The content of an answer.
    type Body: Body<Data = Bytes, Error = std::io::Error> + Send + 'static;
    /// Counts a connection for as long as it lasts.
    type Counted: Send;

    /// Somebody has connected.
    fn connected(&self) -> Self::Counted;

    /// Answers a request. Whatever body it has tells the activity when the client has taken some of it.
    fn answer(
        &self,
        peer: Peer,
        activity: &Arc<Activity>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// A site that listens.
#[derive(Debug)]
pub struct Server<S> {
    listener: TcpListener,
    site: Arc<S>,
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

impl<S: Site> Server<S> {
    /// Serves a site in the clear.
    #[must_use]
    pub fn new(listener: TcpListener, site: Arc<S>) -> Self {
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
            let peer = Peer {
                address: peer.ip().to_canonical(),
                is_loopback,
            };
            let acceptor = self.tls.as_ref().map(|config| {
                let config = config.read().unwrap_or_else(PoisonError::into_inner);
                TlsAcceptor::from(Arc::clone(&config))
            });
            let (site, watcher) = (Arc::clone(&self.site), connections.watcher());
            let limits = self.limits;
            tokio::spawn(async move {
                converse(stream, acceptor, &site, peer, limits, watcher).await;
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

async fn converse<S: Site>(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    site: &Arc<S>,
    peer: Peer,
    limits: Limits,
    watcher: Watcher,
) {
    let _counted = site.connected();
    let activity = Arc::new(Activity::default());
    let answer = |request| {
        let (site, activity) = (Arc::clone(site), Arc::clone(&activity));
        async move { site.answer(peer, &activity, request).await }
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
