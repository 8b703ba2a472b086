//! The connections: one pool, built when the first request needs it.

use std::sync::OnceLock;

use reqwest::{Certificate, Client, ClientBuilder, Url, redirect, retry};

use super::error::{FetchError, root_cause};
use super::limits::CONNECT_TIMEOUT;

/// How a body may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Compressed, if the server likes.
    Any,
    /// As it is: a zip gets no smaller, and half of one could not be gone on with.
    AsIs,
}

/// How a server is reached.
#[derive(Debug, Clone, Copy)]
enum Route {
    /// Through the proxies of the environment.
    Proxied,
    /// This machine itself, which no proxy reaches: the go command does it so.
    Direct,
}

/// The reqwest clients, each built at its first use: reading the trusted roots takes longer than
/// a whole run that finds everything on disk.
#[derive(Debug)]
pub(super) struct Connections {
    user_agent: String,
    concurrency: usize,
    clients: [OnceLock<Client>; 4],
    #[cfg(test)]
    pub(super) test_roots: Vec<Certificate>,
}

/// Says what TLS is made of, for this process.
pub fn install_crypto() {
    // Fails if there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Connections {
    pub(super) fn new(user_agent: String, concurrency: usize) -> Self {
        Self {
            user_agent,
            concurrency,
            clients: Default::default(),
            #[cfg(test)]
            test_roots: Vec::new(),
        }
    }

    /// The client for this URL.
    pub(super) fn client(&self, url: &Url, encoding: Encoding) -> Result<&Client, FetchError> {
        let route = if is_this_machine(url) {
            Route::Direct
        } else {
            Route::Proxied
        };
        let [any_proxied, any_direct, as_is_proxied, as_is_direct] = &self.clients;
        let cell = match (encoding, route) {
            (Encoding::Any, Route::Proxied) => any_proxied,
            (Encoding::Any, Route::Direct) => any_direct,
            (Encoding::AsIs, Route::Proxied) => as_is_proxied,
            (Encoding::AsIs, Route::Direct) => as_is_direct,
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = self
            .build(route, encoding)
            .map_err(|error| FetchError::Setup {
                cause: root_cause(&error),
            })?;
        Ok(cell.get_or_init(|| client))
    }

    #[cfg(test)]
    pub(super) fn are_built(&self) -> bool {
        self.clients.iter().any(|client| client.get().is_some())
    }

    fn build(&self, route: Route, encoding: Encoding) -> reqwest::Result<Client> {
        install_crypto();
        let builder = Client::builder()
            .user_agent(self.user_agent.as_str())
            .connect_timeout(CONNECT_TIMEOUT)
            // Redirects and retries have rules of our own, and each is counted.
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .gzip(encoding == Encoding::Any)
            .pool_max_idle_per_host(self.concurrency);
        let builder = self.trust_roots(builder)?;
        match route {
            Route::Direct => builder.no_proxy().build(),
            Route::Proxied => builder.build(),
        }
    }

    /// The platform's roots (which honour SSL_CERT_FILE), and Mozilla's for a machine that has
    /// none: without any, the client could not even be built.
    fn trust_roots(&self, builder: ClientBuilder) -> reqwest::Result<ClientBuilder> {
        let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .map(|root| Certificate::from_der(root))
            .collect::<reqwest::Result<Vec<_>>>()?;
        let builder = builder.tls_certs_merge(mozilla);
        #[cfg(test)]
        let builder = builder.tls_certs_merge(self.test_roots.clone());
        Ok(builder)
    }
}

fn is_this_machine(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached_without_a_proxy() {
        for (url, expected) in [
            ("http://localhost:3000/", true),
            ("https://LOCALHOST/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:80/", true),
            ("http://localhost.example/", false),
            ("http://128.0.0.1/", false),
            ("http://127.0.0.1.example/", false),
            ("https://sum.golang.org/", false),
        ] {
            assert_eq!(
                is_this_machine(&Url::parse(url).unwrap()),
                expected,
                "{url}"
            );
        }
    }
}
