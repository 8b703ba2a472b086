//! The connections: one pool, built when the first request needs it.

use std::sync::OnceLock;

use reqwest::{Certificate, Client, ClientBuilder, Url, redirect, retry};

use super::error::{FetchError, root_cause};
use super::limits::CONNECT_TIMEOUT;

/// The reqwest clients, each built at its first use: reading the trusted roots takes longer than
/// a whole run that finds everything on disk.
#[derive(Debug)]
pub(super) struct Connections {
    user_agent: String,
    concurrency: usize,
    /// Goes through the proxies of the environment.
    proxied: OnceLock<Client>,
    /// For this machine itself, which no proxy reaches: the go command does it so.
    direct: OnceLock<Client>,
    #[cfg(test)]
    pub(super) test_roots: Vec<Certificate>,
}

impl Connections {
    pub(super) fn new(user_agent: String, concurrency: usize) -> Self {
        Self {
            user_agent,
            concurrency,
            proxied: OnceLock::new(),
            direct: OnceLock::new(),
            #[cfg(test)]
            test_roots: Vec::new(),
        }
    }

    /// The client for this URL.
    pub(super) fn client(&self, url: &Url) -> Result<&Client, FetchError> {
        let (cell, direct) = if is_this_machine(url) {
            (&self.direct, true)
        } else {
            (&self.proxied, false)
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = self.build(direct).map_err(|error| FetchError::Setup {
            cause: root_cause(&error),
        })?;
        Ok(cell.get_or_init(|| client))
    }

    #[cfg(test)]
    pub(super) fn are_built(&self) -> bool {
        self.proxied.get().is_some() || self.direct.get().is_some()
    }

    fn build(&self, direct: bool) -> reqwest::Result<Client> {
        // Fails if there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(self.user_agent.as_str())
            .connect_timeout(CONNECT_TIMEOUT)
            // Redirects and retries have rules of our own, and each is counted.
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(self.concurrency);
        let builder = self.trust_roots(builder)?;
        let builder = if direct { builder.no_proxy() } else { builder };
        builder.build()
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
