//! The URL of a proxy or of a checksum database, below which everything else is asked for.

use core::net::Ipv6Addr;
use std::fmt;

use super::quoted::Quoted;

/// The URL of a server (`https`, `http`) or of a folder (`file`).
///
/// Checked as far as Go checks it before it sends anything: a scheme that is known, a host and a
/// port that could be one, percent signs with two digits, no white space and no control
/// characters. The password in it is never shown by `Display` or `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl(Box<str>);

/// How a [`BaseUrl`] is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// By TLS.
    Https,
    /// In the clear.
    Http,
    /// On the disk.
    File,
}

/// Why a text is not the URL of a server or folder. The password in it is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("URL {url} {reason}")]
pub struct BaseUrlError {
    /// The text that was refused, its password hidden.
    pub url: Quoted,
    /// What is wrong with it.
    pub reason: BaseUrlReason,
}

/// What is wrong with a text that should be a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlReason {
    /// White space or a control character.
    #[error("has white space or a control character in it")]
    WhiteSpace,
    /// There is no scheme.
    #[error("has no scheme: write it as in https://example.com")]
    NoScheme,
    /// The scheme is none of the three.
    #[error("has a scheme other than https, http and file")]
    Scheme,
    /// There is no host.
    #[error("has no host: write it as in https://example.com")]
    NoHost,
    /// The host has a character that no host has.
    #[error("has a host that is neither a name nor an address")]
    Host,
    /// The port is no number up to 65535.
    #[error("has a port that is no number up to 65535")]
    Port,
    /// User name or password have a character that must be percent-encoded.
    #[error("has a character in its user name or password that must be percent-encoded")]
    UserInfo,
    /// A percent sign that no two hexadecimal digits follow.
    #[error("has a percent sign without two hexadecimal digits after it")]
    Percent,
    /// A file URL with more than a path, or without one.
    #[error("is a file URL with something else than a path: write it as in file:///folder")]
    FilePath,
}

impl BaseUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`BaseUrlError`] as soon as one of the checks named at the type fails.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        match check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(reason) => Err(BaseUrlError {
                url: Quoted::new(&hide_password(text)),
                reason,
            }),
        }
    }

    /// The URL as it was given, **with its password**.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How it is reached.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        scheme(&self.0).map_or(Scheme::Https, |(scheme, _)| scheme)
    }

    /// The URL of something below this one, its query kept: **with its password**.
    ///
    /// `path` is in the form that URLs have, and has no slash at its start.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        let at = self.0.find(['?', '#']).unwrap_or(self.0.len());
        let (base, query) = self.0.split_at_checked(at).unwrap_or((&self.0, ""));
        let base = base.strip_suffix('/').unwrap_or(base);
        [base, "/", path, query].concat()
    }

    /// The URL with `xxxxx` for its password, or for a user name that stands alone: that is how
    /// an access token is written.
    #[must_use]
    pub fn redacted(&self) -> String {
        let Some((before, user_info, after)) = split_user_info(&self.0) else {
            return self.0.to_string();
        };
        match user_info.split_once(':') {
            Some((user, _)) => [before, user, ":xxxxx@", after].concat(),
            None => [before, "xxxxx@", after].concat(),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({})", self.redacted())
    }
}

fn check(text: &str) -> Result<(), BaseUrlReason> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(BaseUrlReason::WhiteSpace);
    }
    let (scheme, rest) = scheme(text)?;
    let escapes_are_whole = rest.split('%').skip(1).all(|after| {
        let digits = after.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.count() == 2
    });
    if !escapes_are_whole {
        return Err(BaseUrlReason::Percent);
    }
    match scheme {
        Scheme::Https | Scheme::Http => {
            let rest = rest.strip_prefix("//").ok_or(BaseUrlReason::NoHost)?;
            check_authority(rest.split(['/', '?', '#']).next().unwrap_or_default())
        }
        Scheme::File => {
            let path = rest.strip_prefix("//").unwrap_or_default();
            if !path.starts_with('/') || path.contains(['?', '#']) {
                return Err(BaseUrlReason::FilePath);
            }
            Ok(())
        }
    }
}

/// The scheme, in any case, and what follows its colon.
fn scheme(text: &str) -> Result<(Scheme, &str), BaseUrlReason> {
    let (name, rest) = text.split_once(':').ok_or(BaseUrlReason::NoScheme)?;
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(BaseUrlReason::NoScheme);
    }
    match name.to_ascii_lowercase().as_str() {
        "https" => Ok((Scheme::Https, rest)),
        "http" => Ok((Scheme::Http, rest)),
        "file" => Ok((Scheme::File, rest)),
        _ => Err(BaseUrlReason::Scheme),
    }
}

/// Checks what stands between `//` and the path: `user:password@host:port`.
fn check_authority(authority: &str) -> Result<(), BaseUrlReason> {
    let (user_info, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let is_user_info = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user_info.chars().all(is_user_info) {
        return Err(BaseUrlReason::UserInfo);
    }
    let port = match host_and_port.strip_prefix('[') {
        Some(address) => {
            let (address, after) = address.split_once(']').ok_or(BaseUrlReason::Host)?;
            if address.parse::<Ipv6Addr>().is_err() {
                return Err(BaseUrlReason::Host);
            }
            match after.strip_prefix(':') {
                None if !after.is_empty() => return Err(BaseUrlReason::Host),
                port => port.unwrap_or_default(),
            }
        }
        None => {
            let (host, port) = host_and_port.split_once(':').unwrap_or((host_and_port, ""));
            check_host(host)?;
            port
        }
    };
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if port.is_empty() || is_port {
        Ok(())
    } else {
        Err(BaseUrlReason::Port)
    }
}

fn check_host(host: &str) -> Result<(), BaseUrlReason> {
    if host.is_empty() {
        return Err(BaseUrlReason::NoHost);
    }
    // Beyond ASCII, the client's IDNA rules decide.
    let is_host = |c: char| c.is_alphanumeric() || "-._~".contains(c);
    if host.chars().all(is_host) {
        Ok(())
    } else {
        Err(BaseUrlReason::Host)
    }
}

/// A valid URL's text before its user name and password, these, and the text after the `@`.
fn split_user_info(url: &str) -> Option<(&str, &str, &str)> {
    let start = url.find("//")?.checked_add(2)?;
    let (before, rest) = url.split_at_checked(start)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let at = rest.get(..end)?.rfind('@')?;
    let after = rest.get(at.checked_add(1)?..)?;
    Some((before, rest.get(..at)?, after))
}

/// Hides whatever could be a password in a text that is perhaps no URL: all from the first colon
/// after the scheme, or from the scheme if there is none, to the last `@`.
fn hide_password(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            ([scheme, "://"].concat(), rest)
        }
        _ => (String::new(), text),
    };
    match rest.rsplit_once('@') {
        Some((user_info, after)) => match user_info.split_once(':') {
            Some((user, _)) => [&scheme, user, ":xxxxx@", after].concat(),
            None => [&scheme, "xxxxx@", after].concat(),
        },
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> BaseUrlReason {
        BaseUrl::parse(text).unwrap_err().reason
    }

    #[test]
    fn urls_of_servers_and_folders_are_valid() {
        for text in [
            "https://proxy.example.org",
            "HTTP://localhost:8080/a%20b?c=d",
            "https://user:p%40ss@example.com:443/x",
            "https://token@example.com",
            "http://[::1]:8080/x",
            "http://bücher.example",
            "file:///srv/proxy",
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(BaseUrl::parse("FILE:///a").unwrap().scheme(), Scheme::File);
        assert_eq!(BaseUrl::parse("http://a").unwrap().scheme(), Scheme::Http);
    }

    #[test]
    fn each_fault_has_its_reason() {
        assert_eq!(
            BaseUrl::parse("ftp://example.com").unwrap_err().to_string(),
            "URL \"ftp://example.com\" has a scheme other than https, http and file"
        );
        for (text, expected) in [
            ("", BaseUrlReason::NoScheme),
            ("proxy", BaseUrlReason::NoScheme),
            ("/srv/proxy", BaseUrlReason::NoScheme),
            ("://a.b", BaseUrlReason::NoScheme),
            ("c:/proxy", BaseUrlReason::Scheme),
            ("https:a.b", BaseUrlReason::NoHost),
            ("https://", BaseUrlReason::NoHost),
            ("https:///a", BaseUrlReason::NoHost),
            ("https://user@/a", BaseUrlReason::NoHost),
            ("https://:80", BaseUrlReason::NoHost),
            ("https://a.b:80:90", BaseUrlReason::Port),
            ("https://a.b:x", BaseUrlReason::Port),
            ("https://a.b:65536", BaseUrlReason::Port),
            ("https://a.b:+1", BaseUrlReason::Port),
            ("https://a<b", BaseUrlReason::Host),
            ("https://[::1", BaseUrlReason::Host),
            ("https://[::1]x", BaseUrlReason::Host),
            ("https://[]", BaseUrlReason::Host),
            ("https://[127.0.0.1]", BaseUrlReason::Host),
            ("https://u\"v@a.b", BaseUrlReason::UserInfo),
            ("https://a.b/%zz", BaseUrlReason::Percent),
            ("https://a.b/%4", BaseUrlReason::Percent),
            ("https://a.b/%4é", BaseUrlReason::Percent),
            ("https://a.b/c d", BaseUrlReason::WhiteSpace),
            ("https://a.b/\r\nHost: x", BaseUrlReason::WhiteSpace),
            ("https://a.b/\u{7f}", BaseUrlReason::WhiteSpace),
            ("file://host/a", BaseUrlReason::FilePath),
            ("file:a", BaseUrlReason::FilePath),
            ("file:/a", BaseUrlReason::FilePath),
            ("file:///a?b", BaseUrlReason::FilePath),
        ] {
            assert_eq!(reason(text), expected, "{text}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = BaseUrl::parse("https://me:secret@a.b/c@d:e").unwrap();
        assert_eq!(url.redacted(), "https://me:xxxxx@a.b/c@d:e");
        assert_eq!(url.to_string(), url.redacted());
        assert_eq!(format!("{url:?}"), "BaseUrl(https://me:xxxxx@a.b/c@d:e)");
        assert_eq!(
            BaseUrl::parse("https://token@a.b").unwrap().redacted(),
            "https://xxxxx@a.b"
        );
        for text in [
            "https://secret@a b",
            "https://me:sec/ret@a.b",
            "https://me:sec ret@a.b",
            "https://me:secret@",
            "me:/sec://ret@a.b",
            "ftp://me:se:cr@et@a.b",
        ] {
            let message = BaseUrl::parse(text).unwrap_err().to_string();
            assert!(
                !message.contains("sec") && !message.contains("et@"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_below_keeps_the_query() {
        let join = |text| BaseUrl::parse(text).unwrap().join("sumdb/x/latest");
        assert_eq!(join("https://a.b"), "https://a.b/sumdb/x/latest");
        assert_eq!(join("https://a.b/c/"), "https://a.b/c/sumdb/x/latest");
        assert_eq!(join("file:///"), "file:///sumdb/x/latest");
        assert_eq!(
            join("https://a.b/c/?k=v"),
            "https://a.b/c/sumdb/x/latest?k=v"
        );
    }
}
