//! What there is to say about each request, for `-v`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Version;
use reqwest::header::HeaderMap;

use super::error::{FetchError, ShownUrl};

/// The headers of which an observer is told: those that say something of a transfer, and none that
/// could carry a credential.
pub const SHOWN_HEADERS: [&str; 16] = [
    "accept-ranges",
    "age",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "if-none-match",
    "if-range",
    "last-modified",
    "location",
    "range",
    "server",
    "user-agent",
];

/// Is told of each request when it is over.
pub type Observer = Arc<dyn Fn(&RequestTrace) + Send + Sync>;

/// One request: an attempt has one, and one more for each redirect.
#[derive(Debug, Clone)]
pub struct RequestTrace {
    /// What was asked for.
    pub url: ShownUrl,
    /// Which attempt at the first URL, from 1.
    pub attempt: u32,
    /// The status and the HTTP version, if an answer began.
    pub status: Option<(u16, Version)>,
    /// When it began.
    pub started_at: Timestamp,
    /// From the request's start to the head of the answer, if one began.
    pub time_to_head: Option<Duration>,
    /// The first byte that was asked for, if not the whole.
    pub resumed_at: Option<usize>,
    /// Those of [`SHOWN_HEADERS`] that the answer had, as they came.
    pub headers: Vec<(String, String)>,
    /// The bytes of the answer, decompressed.
    pub body_bytes: usize,
    /// From the request's start to the answer's end.
    pub elapsed: Duration,
    /// What went wrong.
    pub error: Option<FetchError>,
}

/// Those of [`SHOWN_HEADERS`] that are there.
#[must_use]
pub fn shown_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = SHOWN_HEADERS.iter().filter_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), value.to_owned()))
    });
    shown.collect()
}

/// One line: `GET https://sum.golang.org/latest: 200 HTTP/2.0, 212 bytes in 34 ms`.
impl fmt::Display for RequestTrace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.error, self.status) {
            // An error names the URL itself.
            (Some(error), _) => write!(formatter, "GET failed: {error}")?,
            (None, Some((status, version))) => {
                let Self {
                    url, body_bytes, ..
                } = self;
                write!(
                    formatter,
                    "GET {url}: {status} {version:?}, {body_bytes} bytes"
                )?;
            }
            (None, None) => write!(formatter, "GET {}: no answer", self.url)?,
        }
        write!(formatter, " in {} ms", self.elapsed.as_millis())?;
        if self.attempt > 1 {
            write!(formatter, " (attempt {})", self.attempt)
        } else {
            Ok(())
        }
    }
}
