//! Who logs in where, as the go command does it: with the user name in the URL, else with the
//! netrc entry of that host, and only over https.
//!
//! Source: the go command's behaviour (cmd/go/internal/web and cmd/go/internal/auth).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::error::{FetchError, ShownUrl};
use crate::io::netrc::Credentials;

/// The Authorization header for a URL, if it has one.
///
/// # Errors
/// [`FetchError::InsecureCredentials`] if a user name stands in an http URL.
pub(super) fn authorization(
    url: &Url,
    credentials: &Credentials,
) -> Result<Option<HeaderValue>, FetchError> {
    let secure = url.scheme() == "https";
    let in_url = !url.username().is_empty() || url.password().is_some();
    if in_url && !secure {
        return Err(FetchError::InsecureCredentials {
            url: ShownUrl::new(url),
        });
    }
    if in_url {
        let login: Vec<u8> = percent_decode_str(url.username()).collect();
        let password: Vec<u8> = percent_decode_str(url.password().unwrap_or_default()).collect();
        return Ok(basic(&login, &password));
    }
    if !secure {
        return Ok(None);
    }
    let host = url.host_str().unwrap_or_default();
    // A default port is not written, neither here nor in netrc.
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let entry = credentials.find(&[host, &port, url.path()].concat());
    Ok(entry.and_then(|entry| basic(entry.login().as_bytes(), entry.password().as_bytes())))
}

/// RFC 7617.
fn basic(login: &[u8], password: &[u8]) -> Option<HeaderValue> {
    let encoded = STANDARD.encode([login, b":", password].concat());
    // Base64 is always valid in a header.
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    // Keeps it out of debug output and out of HTTP/2's shared compression table.
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn netrc() -> Credentials {
        Credentials::of_netrc(
            "machine log.example login first password secret\n\
             machine log.example login second password secret\n\
             machine log.example:8443 login port password secret\n\
             machine log.example/inner login path password secret\n",
        )
    }

    fn logs_in_as(url: &str) -> Option<String> {
        let url = Url::parse(url).unwrap();
        let header = authorization(&url, &netrc()).unwrap()?;
        let encoded = header
            .to_str()
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap()
            .to_owned();
        Some(String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap())
    }

    #[test]
    fn the_first_entry_of_exactly_that_host_logs_in() {
        assert_eq!(
            logs_in_as("https://log.example/x").as_deref(),
            Some("first:secret")
        );
        assert_eq!(
            logs_in_as("https://log.example:443/x").as_deref(),
            Some("first:secret")
        );
        assert_eq!(
            logs_in_as("https://LOG.example:8443/x").as_deref(),
            Some("port:secret")
        );
    }

    #[test]
    fn an_entry_for_a_path_goes_before_that_for_its_host() {
        assert_eq!(
            logs_in_as("https://log.example/inner/x").as_deref(),
            Some("path:secret")
        );
        assert_eq!(
            logs_in_as("https://log.example/innermost").as_deref(),
            Some("first:secret")
        );
    }

    #[test]
    fn no_other_host_or_port_is_logged_in_to() {
        for url in [
            "https://example/",
            "https://sub.log.example/",
            "https://log.example.evil/",
            "https://log.example:8444/",
            "https://evil/log.example",
        ] {
            assert_eq!(logs_in_as(url), None, "{url}");
        }
    }

    #[test]
    fn netrc_is_not_for_plain_http() {
        assert_eq!(logs_in_as("http://log.example/"), None);
        assert_eq!(logs_in_as("http://log.example:8443/"), None);
    }

    #[test]
    fn the_url_s_own_user_goes_before_netrc() {
        assert_eq!(
            logs_in_as("https://u:p@log.example/").as_deref(),
            Some("u:p")
        );
        assert_eq!(
            logs_in_as("https://token@log.example/").as_deref(),
            Some("token:")
        );
        assert_eq!(logs_in_as("https://:p@log.example/").as_deref(), Some(":p"));
        assert_eq!(
            logs_in_as("https://a%40b:p%3Aq%2f@log.example/").as_deref(),
            Some("a@b:p:q/")
        );
        assert_eq!(
            logs_in_as("https://a%4:%+1%@log.example/").as_deref(),
            Some("a%4:%+1%")
        );
    }

    #[test]
    fn a_user_in_an_http_url_is_refused() {
        for url in [
            "http://u:p@127.0.0.1/x",
            "http://u@log.example/x",
            "http://:p@log.example/x",
        ] {
            let url = Url::parse(url).unwrap();
            let error = authorization(&url, &Credentials::default())
                .unwrap_err()
                .to_string();
            let host = url.host_str().unwrap();
            assert_eq!(
                error,
                format!(
                    "refusing to pass credentials to insecure URL http://{host}/x: use https, or remove them"
                )
            );
        }
    }

    #[test]
    fn a_password_is_not_in_debug_output() {
        assert!(!format!("{:?}", netrc()).contains("secret"));
        let url = Url::parse("https://u:secret@log.example/").unwrap();
        assert_eq!(
            format!(
                "{:?}",
                authorization(&url, &Credentials::default()).unwrap()
            ),
            "Some(Sensitive)"
        );
    }
}
