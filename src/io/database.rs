//! How a checksum database is reached: through the first proxy that supports it, else directly.
//!
//! Source: the go command's documentation (`go help goproxy`, "Proxying a checksum database" in
//! the design of the checksum database) and its behaviour.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Url;

use super::http::{Answer, FetchError, HttpClient};
use crate::golang::base_url::{BaseUrl, Scheme};
use crate::golang::goproxy::{FallBack, ProxyEntry, ProxyKind, ProxyList};
use crate::golang::module::ModuleVersion;
use crate::tlog::note::MAX_NOTE_BYTES;
use crate::tlog::tile::Tile;

/// A lookup reply is a record of at most 64 KiB and a note; nobody sends both at their limit.
const MAX_LOOKUP_BYTES: usize = (1 << 16) + MAX_NOTE_BYTES;

/// A `/supported` answer has no content that matters.
const MAX_SUPPORTED_BYTES: usize = 1 << 16;

/// Where a database is said to be.
#[derive(Debug, Clone)]
pub struct DatabaseAddress {
    /// The database's name: a host, or a host and a path.
    pub name: String,
    /// An explicit URL, which is asked and no proxy.
    pub url: Option<BaseUrl>,
    /// The module proxies to try otherwise.
    pub proxies: ProxyList,
    /// Only folders (`file:` URLs) are asked: no packet leaves this machine.
    pub only_on_disk: bool,
}

impl DatabaseAddress {
    /// Whether any of these places is a folder on this disk.
    #[must_use]
    pub fn has_folder(&self) -> bool {
        match &self.url {
            Some(url) => url.scheme() == Scheme::File,
            None => self.proxies.entries().iter().any(ProxyEntry::is_folder),
        }
    }
}

/// A checksum database that can be asked.
#[derive(Debug)]
pub struct Database<'a> {
    http: &'a HttpClient,
    base: Url,
    is_remembered: bool,
}

/// So long the way to a database is taken as it was found.
const ROUTE_LASTS: Duration = Duration::from_secs(60);

/// The way to a database that was found last, for those who ask again and again.
#[derive(Debug, Default)]
pub struct Route(RefCell<Option<(Url, Instant)>>);

impl Route {
    /// As [`Database::connect`], without asking for what was found just now.
    ///
    /// # Errors
    /// [`ConnectError`]
    pub async fn connect<'a>(
        &self,
        address: &DatabaseAddress,
        http: &'a HttpClient,
    ) -> Result<Database<'a>, ConnectError> {
        let known = self.0.borrow().clone();
        if let Some((base, found_at)) = known
            && found_at.elapsed() < ROUTE_LASTS
        {
            return Ok(Database {
                http,
                base,
                is_remembered: true,
            });
        }
        let database = Database::connect(address, http).await?;
        self.0
            .replace(Some((database.base.clone(), Instant::now())));
        Ok(database)
    }

    /// It leads nowhere: another one may.
    pub fn forget(&self) {
        self.0.replace(None);
    }
}

/// Why no way to the database was found.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A proxy failed in a way after which the next one may not be asked.
    #[error("the proxy {proxy} could not be asked for the checksum database: {cause}")]
    Proxy {
        /// The proxy, without its password.
        proxy: String,
        /// What happened.
        #[source]
        cause: FetchError,
    },
    /// Nothing on this disk has it.
    #[error("no folder in GOPROXY has it, and --offline forbids to ask anybody else")]
    Offline,
    /// Not a URL.
    #[error("{url:?} is not a URL: {cause}")]
    Url {
        /// What was given, without its password.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl<'a> Database<'a> {
    /// Finds the way to the database. Of the proxies, the first that answers
    /// `/sumdb/NAME/supported` with 200 is used; after `,` only a 404 or 410 goes on to the next
    /// one, after `|` any failure does; `direct`, `off` and the end of the list mean
    /// `https://NAME`.
    ///
    /// # Errors
    /// [`ConnectError`]
    pub async fn connect(
        address: &DatabaseAddress,
        http: &'a HttpClient,
    ) -> Result<Self, ConnectError> {
        if address.only_on_disk && !address.has_folder() {
            return Err(ConnectError::Offline);
        }
        if let Some(url) = &address.url {
            return Ok(Self {
                http,
                base: parse_url(url.as_str())?,
                is_remembered: false,
            });
        }
        for entry in address.proxies.entries() {
            if address.only_on_disk && !entry.is_folder() {
                continue;
            }
            let ProxyKind::Url(proxy) = &entry.kind else {
                break;
            };
            let base = parse_url(&proxy.join(&format!("sumdb/{}", address.name)))?;
            match http
                .get(&below(&base, "supported"), MAX_SUPPORTED_BYTES)
                .await
            {
                Ok(Answer::Found(_)) => {
                    return Ok(Self {
                        http,
                        base,
                        is_remembered: false,
                    });
                }
                Ok(Answer::Absent { .. }) => {}
                Err(_) if entry.fall_back == FallBack::AnyError => {}
                Err(cause) => {
                    return Err(ConnectError::Proxy {
                        proxy: entry.redacted(),
                        cause,
                    });
                }
            }
        }
        if address.only_on_disk {
            return Err(ConnectError::Offline);
        }
        Ok(Self {
            http,
            base: parse_url(&format!("https://{}", address.name))?,
            is_remembered: false,
        })
    }

    /// Whether the way was found earlier, and may have ended since.
    #[must_use]
    pub const fn is_remembered(&self) -> bool {
        self.is_remembered
    }

    /// Where the database is asked, without a password.
    #[must_use]
    pub fn source(&self) -> String {
        let mut shown = self.base.clone();
        // A URL without a host has no credentials to remove.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.to_string()
    }

    /// The newest signed tree head that this server knows.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn latest(&self) -> Result<Answer, FetchError> {
        self.http
            .get(&below(&self.base, "latest"), MAX_NOTE_BYTES)
            .await
    }

    /// The reply for a module version.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn lookup(&self, module: &ModuleVersion) -> Result<Answer, FetchError> {
        let url = below(&self.base, &format!("lookup/{}", module.escaped()));
        self.http.get(&url, MAX_LOOKUP_BYTES).await
    }

    /// A tile of records, of at most `limit_bytes`, as the server has it. A partial one may be gone
    /// when the full one exists, and then that is the answer.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn data_tile(&self, tile: &Tile, limit_bytes: usize) -> Result<Answer, FetchError> {
        let of = |tile: &Tile| below(&self.base, &tile.path());
        let answer = self.http.get(&of(tile), limit_bytes).await;
        match answer {
            Ok(Answer::Absent { .. }) if !tile.is_full() => {
                match self.http.get(&of(&tile.full()), limit_bytes).await {
                    found @ Ok(Answer::Found(_)) => found,
                    _ => answer,
                }
            }
            _ => answer,
        }
    }

    /// The bytes of a tile, cut to its width. A partial tile may be gone when the full one
    /// exists, and then the full one is asked for; a server may also give the full one at the
    /// partial one's path (C2SP tlog-tiles section "Partial Tiles").
    ///
    /// # Errors
    /// [`FetchError`]; what came instead of a tile is `Answer::Absent` or a body of another
    /// length, which the caller's authentication refuses.
    pub async fn tile(&self, tile: &Tile) -> Result<Answer, FetchError> {
        let full = tile.full();
        let answer = self
            .http
            .get(&below(&self.base, &tile.path()), full.hash_bytes())
            .await;
        let has_tile = |answer: &Result<Answer, FetchError>| match answer {
            Ok(Answer::Found(body)) => {
                body.len() == tile.hash_bytes() || body.len() == full.hash_bytes()
            }
            Ok(Answer::Absent { .. }) => false,
            // Asking for more when the server is in trouble would not help.
            Err(_) => true,
        };
        let answer = if tile.is_full() || has_tile(&answer) {
            answer
        } else {
            match self
                .http
                .get(&below(&self.base, &full.path()), full.hash_bytes())
                .await
            {
                found @ Ok(Answer::Found(_)) => found,
                _ => answer,
            }
        };
        Ok(match answer? {
            Answer::Found(body) if body.len() == full.hash_bytes() => {
                Answer::Found(cut(&body, tile.hash_bytes()))
            }
            other => other,
        })
    }
}

fn cut(body: &Bytes, length: usize) -> Bytes {
    body.slice(..length.min(body.len()))
}

fn parse_url(text: &str) -> Result<Url, ConnectError> {
    Url::parse(text).map_err(|cause| ConnectError::Url {
        url: redacted(text),
        cause: cause.to_string(),
    })
}

/// What can be shown of a text that is not even a URL: nothing before an `@`.
fn redacted(text: &str) -> String {
    text.rsplit_once('@')
        .map_or_else(|| text.to_owned(), |(_, rest)| format!("…@{rest}"))
}

/// The URL of a path below the base, whose segments are taken as they are: module paths are
/// escaped already and contain nothing that a URL would have to encode.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let joined = format!("{}/{path}", base.path().trim_end_matches('/'));
    url.set_path(&joined);
    url.set_query(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_below_the_base() {
        for (base, expected) in [
            ("https://log.example", "https://log.example/latest"),
            ("https://log.example/", "https://log.example/latest"),
            (
                "https://proxy.example/a/sumdb/log.example/x",
                "https://proxy.example/a/sumdb/log.example/x/latest",
            ),
            (
                "https://u:p@log.example/?q#f",
                "https://u:p@log.example/latest",
            ),
            ("file:///mirror", "file:///mirror/latest"),
        ] {
            assert_eq!(
                below(&parse_url(base).unwrap(), "latest").as_str(),
                expected
            );
        }
    }

    #[test]
    fn escaped_modules_reach_the_server_as_they_are() {
        let url = below(
            &parse_url("https://log.example").unwrap(),
            "lookup/github.com/!azure/x~y@v1.0.0+incompatible",
        );
        assert_eq!(
            url.path(),
            "/lookup/github.com/!azure/x~y@v1.0.0+incompatible"
        );
    }

    #[test]
    fn what_is_no_url_is_told_without_its_password() {
        let error = parse_url("https//user:secret@host")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "\"…@host\" is not a URL: relative URL without a base"
        );
    }
}
