//! What there is to say about each request, for `-v`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Version;

use super::error::{FetchError, ShownUrl};

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
    /// The bytes of the answer, decompressed.
    pub body_bytes: usize,
    /// From the request's start to the answer's end.
    pub elapsed: Duration,
    /// What went wrong.
    pub error: Option<FetchError>,
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
