//! GOPROXY: the list of module proxies, and when to go on to the next.
//!
//! Source: cmd/go/internal/modfetch, `proxyList`.

use super::base_url::{BaseUrl, BaseUrlError, Scheme};

/// A list of module proxies, at least one, in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyList {
    entries: Vec<ProxyEntry>,
}

/// One place to ask, and when to ask the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyEntry {
    /// Whom to ask.
    pub kind: ProxyKind,
    /// Which failures lead to the next entry.
    pub fall_back: FallBack,
}

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyKind {
    /// A module proxy.
    Url(BaseUrl),
    /// `direct`: the version control system, or the checksum database itself.
    Direct,
    /// `off`: nobody, as far as modules go.
    Off,
}

/// Which failures lead to the next entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallBack {
    /// Status 404 and 410 only: a comma follows, or nothing.
    NotFound,
    /// Any failure: a `|` follows.
    AnyError,
}

/// Why a text is not a list of proxies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoproxyError {
    /// Nothing but separators and white space.
    #[error("GOPROXY names no proxy: write a URL, direct or off, or leave it unset")]
    NoEntries,
    /// An entry is neither a word that Go knows nor the URL of a proxy.
    #[error("GOPROXY names what is neither direct, off nor the URL of a proxy: {0}")]
    Url(BaseUrlError),
}

impl ProxyList {
    /// Reads a list. Whatever follows `direct` or `off` is not looked at, as in Go.
    ///
    /// # Errors
    /// [`GoproxyError`] where Go refuses, and for URLs without a host and with white space, which
    /// Go refuses only when it uses them.
    pub fn parse(text: &str) -> Result<Self, GoproxyError> {
        let mut entries = Vec::new();
        for entry in text.split_inclusive([',', '|']) {
            let fall_back = match entry.strip_suffix('|') {
                Some(_) => FallBack::AnyError,
                None => FallBack::NotFound,
            };
            let kind = match entry.trim_end_matches([',', '|']).trim() {
                "" => continue,
                "off" => ProxyKind::Off,
                "direct" => ProxyKind::Direct,
                url => {
                    let kind = ProxyKind::Url(
                        BaseUrl::parse(&with_scheme(url)).map_err(GoproxyError::Url)?,
                    );
                    entries.push(ProxyEntry { kind, fall_back });
                    continue;
                }
            };
            entries.push(ProxyEntry {
                kind,
                fall_back: FallBack::NotFound,
            });
            break;
        }
        if entries.is_empty() {
            return Err(GoproxyError::NoEntries);
        }
        Ok(Self { entries })
    }

    /// The entries, at least one; `direct` and `off` can only be the last.
    #[must_use]
    pub fn entries(&self) -> &[ProxyEntry] {
        &self.entries
    }
}

impl ProxyEntry {
    /// Whether it is a folder on this disk (a `file:` URL).
    #[must_use]
    pub fn is_folder(&self) -> bool {
        matches!(&self.kind, ProxyKind::Url(url) if url.scheme() == Scheme::File)
    }

    /// The entry as it may be shown: a URL with `xxxxx` for its password.
    #[must_use]
    pub fn redacted(&self) -> String {
        match &self.kind {
            ProxyKind::Url(url) => url.redacted(),
            ProxyKind::Direct => "direct".to_owned(),
            ProxyKind::Off => "off".to_owned(),
        }
    }
}

/// Go puts `https://` before what looks like a host. Plain words are kept for meanings to come,
/// and absolute paths are taken for mistakes.
fn with_scheme(entry: &str) -> String {
    let is_host = entry.contains(['.', ':', '/']) && !entry.contains(":/");
    if is_host && !entry.starts_with('/') {
        ["https://", entry].concat()
    } else {
        entry.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(String, FallBack)> {
        let list = ProxyList::parse(text).unwrap();
        let entries = list.entries().iter();
        entries.map(|e| (e.redacted(), e.fall_back)).collect()
    }

    fn message(text: &str) -> String {
        ProxyList::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_separator_says_when_to_go_on() {
        use FallBack::{AnyError, NotFound};
        let expect = |text, expected: &[(&str, FallBack)]| {
            let expected: Vec<_> = expected
                .iter()
                .map(|(s, f)| ((*s).to_owned(), *f))
                .collect();
            assert_eq!(shown(text), expected, "{text}");
        };
        expect(
            "https://proxy.example.org,direct",
            &[
                ("https://proxy.example.org", NotFound),
                ("direct", NotFound),
            ],
        );
        expect(
            " a.example | http://b.example/x ,, off | c",
            &[
                ("https://a.example", AnyError),
                ("http://b.example/x", NotFound),
                ("off", NotFound),
            ],
        );
        expect("direct|https://never", &[("direct", NotFound)]);
        expect("off,://", &[("off", NotFound)]);
        expect("localhost:3000|", &[("https://localhost:3000", AnyError)]);
        expect("file:///srv", &[("file:///srv", NotFound)]);
        expect("a.b/c", &[("https://a.b/c", NotFound)]);
    }

    #[test]
    fn a_list_without_entries_is_an_error() {
        for text in ["", " ", ",", "|, ,"] {
            assert_eq!(
                message(text),
                "GOPROXY names no proxy: write a URL, direct or off, or leave it unset"
            );
        }
    }

    #[test]
    fn an_entry_that_is_no_proxy_is_an_error() {
        assert_eq!(
            message("https://a.b,proxy"),
            "GOPROXY names what is neither direct, off nor the URL of a proxy: URL \"proxy\" has \
             no scheme: write it as in https://example.com"
        );
        for text in [
            "Direct",
            "/srv/proxy",
            "ftp://a.b",
            "noproxy",
            "c:/x",
            "https://",
            "a b.c",
        ] {
            assert!(message(text).contains("nor the URL of a proxy"), "{text}");
        }
    }

    #[test]
    fn a_password_is_neither_in_the_list_nor_in_the_error() {
        assert_eq!(
            shown("me:secret@a.b/c").first().unwrap().0,
            "https://me:xxxxx@a.b/c"
        );
        assert!(!message("me:secret@a.b:x").contains("secret"));
        let list = ProxyList::parse("https://me:secret@a.b").unwrap();
        assert!(!format!("{list:?}").contains("secret"));
    }
}
