//! The module proxies behind the gate, asked as the go command asks them; nothing that they say is
//! believed here.

use bytes::Bytes;
use reqwest::Url;

use crate::golang::goproxy::{FallBack, ProxyEntry, ProxyKind, ProxyList};
use crate::io::http::{Answer, Download, FetchError, HttpClient, Sink};

/// The user's list of module proxies.
#[derive(Debug)]
pub struct Upstream {
    http: HttpClient,
    proxies: ProxyList,
}

/// What the proxies said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched<T> {
    /// It is there.
    Found {
        /// What came.
        content: T,
        /// Which proxy sent it, without credentials.
        source: String,
    },
    /// All that were asked say that there is no such thing.
    Absent {
        /// The words of the last one, not escaped.
        words: String,
    },
}

/// Why the proxies gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// A proxy failed, and the list does not allow to go on after that.
    #[error("{cause}")]
    Failed {
        /// What happened.
        cause: FetchError,
    },
    /// The list ends in `off`.
    #[error("GOPROXY ends in off, so that nobody may be asked for it")]
    Off,
    /// The list leads to version control.
    #[error(
        "no module proxy has it, and version control (direct) is not asked by this gate yet: name \
         a proxy in GOPROXY"
    )]
    Direct,
    /// A proxy's URL cannot be used.
    #[error("{url} is not a URL: {cause}")]
    Url {
        /// The URL without its password.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl Upstream {
    /// Asks these proxies.
    #[must_use]
    pub const fn new(http: HttpClient, proxies: ProxyList) -> Self {
        Self { http, proxies }
    }

    /// A small answer, whole: a path below each proxy, with at most `limit_bytes`.
    ///
    /// # Errors
    /// [`UpstreamError`]
    pub async fn get(
        &self,
        path: &str,
        limit_bytes: usize,
    ) -> Result<Fetched<Bytes>, UpstreamError> {
        let mut so_far = SoFar::default();
        for entry in self.proxies.entries() {
            let (url, source) = so_far.next(entry, path)?;
            match self.http.get(&url, limit_bytes).await {
                Ok(Answer::Found(content)) => return Ok(Fetched::Found { content, source }),
                Ok(Answer::Absent { message, .. }) => so_far.absent(message),
                Err(cause) => so_far.failed(entry, cause)?,
            }
        }
        so_far.end()
    }

    /// A file of at most `limit_bytes`, given to the sink while it comes.
    ///
    /// # Errors
    /// [`UpstreamError`]
    pub async fn download(
        &self,
        path: &str,
        limit_bytes: usize,
        sink: &mut dyn Sink,
    ) -> Result<Fetched<()>, UpstreamError> {
        let mut so_far = SoFar::default();
        for entry in self.proxies.entries() {
            let (url, source) = so_far.next(entry, path)?;
            match self.http.download(&url, limit_bytes, sink).await {
                Ok(Download::Whole) => {
                    return Ok(Fetched::Found {
                        content: (),
                        source,
                    });
                }
                Ok(Download::Absent { message, .. }) => so_far.absent(message),
                // What the sink refuses is not looked for elsewhere: it was an answer.
                Err(cause @ FetchError::Stopped { .. }) => {
                    return Err(UpstreamError::Failed { cause });
                }
                Err(cause) => so_far.failed(entry, cause)?,
            }
        }
        so_far.end()
    }

    /// The proxies, as they may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        let entries = self.proxies.entries().iter().map(ProxyEntry::redacted);
        entries.collect::<Vec<_>>().join(", ")
    }
}

/// What the proxies that were asked said.
#[derive(Default)]
struct SoFar {
    words: Option<String>,
    failure: Option<FetchError>,
}

impl SoFar {
    /// Where to ask next, and how that is shown.
    fn next(&self, entry: &ProxyEntry, path: &str) -> Result<(Url, String), UpstreamError> {
        match &entry.kind {
            ProxyKind::Off => Err(self.last_failure().unwrap_or(UpstreamError::Off)),
            ProxyKind::Direct => Err(self.last_failure().unwrap_or(UpstreamError::Direct)),
            ProxyKind::Url(base) => {
                let url = Url::parse(&base.join(path)).map_err(|cause| UpstreamError::Url {
                    url: base.redacted(),
                    cause: cause.to_string(),
                })?;
                Ok((url, entry.redacted()))
            }
        }
    }

    fn last_failure(&self) -> Option<UpstreamError> {
        let cause = self.failure.clone()?;
        Some(UpstreamError::Failed { cause })
    }

    fn absent(&mut self, words: String) {
        self.words = Some(words);
    }

    fn failed(&mut self, entry: &ProxyEntry, cause: FetchError) -> Result<(), UpstreamError> {
        match entry.fall_back {
            FallBack::NotFound => Err(UpstreamError::Failed { cause }),
            FallBack::AnyError => {
                self.failure = Some(cause);
                Ok(())
            }
        }
    }

    /// A failure says less than an absence only where nothing failed.
    fn end<T>(self) -> Result<Fetched<T>, UpstreamError> {
        match (self.last_failure(), self.words) {
            (Some(failure), _) => Err(failure),
            (None, words) => Ok(Fetched::Absent {
                words: words.unwrap_or_default(),
            }),
        }
    }
}
