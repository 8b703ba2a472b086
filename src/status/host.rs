//! By which names the pages may be asked for.
//!
//! There is no login where only this machine can connect, but a browser on it can be led here: a page elsewhere
//! has its own name resolved to this address (DNS rebinding), and then reads as from its own site. It cannot
//! choose what stands in `Host`, though: its own name does.

use std::net::IpAddr;

use hyper::Uri;
use hyper::header::{HOST, HeaderMap};
use hyper::http::uri::Authority;

/// The names that are answered to; addresses and `localhost` are always.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// `None`: whatever name somebody uses.
    names: Option<Vec<String>>,
}

impl Hosts {
    /// For who listens at this address: where others than this machine can connect, and no name is given, any.
    #[must_use]
    pub fn at(address: IpAddr, names: &[String]) -> Self {
        let is_open = !address.is_loopback() && names.is_empty();
        Self {
            names: (!is_open).then(|| names.to_vec()),
        }
    }

    /// Whether somebody who asks in this way is answered. Whoever names no host is no browser.
    #[must_use]
    pub fn know(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let Some(names) = &self.names else {
            return true;
        };
        let hosts = headers.get_all(HOST).into_iter().map(|host| {
            let authority = Authority::try_from(host.as_bytes()).ok();
            authority.map(|authority| authority.host().to_owned())
        });
        let asked = uri.host().map(|host| Some(host.to_owned()));
        hosts.chain(asked).all(|host| {
            host.is_some_and(|host| {
                is_local(&host) || names.iter().any(|name| name.eq_ignore_ascii_case(&host))
            })
        })
    }
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use hyper::header::HeaderValue;

    use super::*;

    fn know(hosts: &Hosts, host: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static(host));
        hosts.know(&headers, &Uri::from_static("/"))
    }

    #[test]
    fn a_name_that_somebody_else_gave_to_this_address_is_none() {
        let local = Hosts::at(Ipv4Addr::LOCALHOST.into(), &[]);
        for host in [
            "localhost:9480",
            "LOCALHOST",
            "127.0.0.1:9480",
            "[::1]:9480",
            "10.0.0.1",
        ] {
            assert!(know(&local, host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9480",
            "localhost.evil.example",
            "",
            "a b",
            "x@localhost.y",
        ] {
            assert!(!know(&local, host), "{host}");
        }
        let elsewhere = Uri::from_static("http://evil.example/");
        assert!(!local.know(&HeaderMap::new(), &elsewhere), "HTTP/2");
        assert!(local.know(&HeaderMap::new(), &Uri::from_static("/")));
    }

    #[test]
    fn of_two_names_both_must_be_known() {
        let local = Hosts::at(Ipv6Addr::LOCALHOST.into(), &[]);
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("localhost"));
        headers.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(!local.know(&headers, &Uri::from_static("/")));
    }

    #[test]
    fn names_can_be_given_and_whoever_listens_for_others_has_any() {
        let names = ["watch.example".to_owned()];
        let open = Hosts::at(Ipv4Addr::UNSPECIFIED.into(), &[]);
        assert!(know(&open, "watch.example"));
        for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
            let hosts = Hosts::at(address.into(), &names);
            assert!(know(&hosts, "Watch.Example:443"));
            assert!(!know(&hosts, "evil.example"));
        }
    }
}
