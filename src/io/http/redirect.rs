//! Where a redirect leads, and whether we follow.

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{StatusCode, Url};

use super::error::{RedirectRefusal, ShownUrl, escaped, without_credentials};
use super::limits::MAX_REDIRECTS;

/// Whether this status says "look there instead" (RFC 9110 section 15.4). 300 and 304 have no
/// meaning for a client without a cache and a choice.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The way of one attempt from URL to URL.
#[derive(Debug)]
pub(super) struct Trail {
    /// Nearly every answer is no redirect, and then this allocates nothing.
    left_behind: Vec<Url>,
}

impl Trail {
    pub(super) fn new() -> Self {
        Self {
            left_behind: Vec::new(),
        }
    }

    /// Where the answer to `from` sends us. User name and password in it are dropped: a server
    /// does not choose what we log in with.
    pub(super) fn next(
        &mut self,
        from: &Url,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Url, RedirectRefusal> {
        let location = headers
            .get(LOCATION)
            .ok_or(RedirectRefusal::NoLocation {
                status: status.as_u16(),
            })?
            .as_bytes();
        let target = std::str::from_utf8(location)
            .ok()
            .and_then(|location| from.join(location).ok())
            .map(|target| without_credentials(&target))
            .ok_or_else(|| RedirectRefusal::InvalidLocation {
                location: escaped(&String::from_utf8_lossy(location)),
            })?;
        if target.scheme() != from.scheme() {
            return Err(RedirectRefusal::OtherScheme {
                target: ShownUrl::new(&target),
            });
        }
        self.left_behind.push(from.clone());
        if self.left_behind.contains(&target) {
            return Err(RedirectRefusal::Loop {
                target: ShownUrl::new(&target),
            });
        }
        if self.left_behind.len() > MAX_REDIRECTS {
            return Err(RedirectRefusal::TooMany);
        }
        Ok(target)
    }
}

/// Whether credentials for the one may be sent to the other.
pub(super) fn same_server(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}
