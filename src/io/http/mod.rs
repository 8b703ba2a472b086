//! The HTTP client: GET of small answers from servers that may be hostile.
//!
//! [`HttpClient::get`] brings the bytes of a URL, or says that they are absent, or fails; and
//! whatever the server does, it is bounded: in bytes (decompressed), in time (each silence, each
//! attempt, all attempts, the whole run), in requests (attempts times redirects) and in requests
//! at once. What the bytes are worth is for others to say.

mod attempt;
mod attempt_clock;
mod body;
mod connect;
mod credential;
mod error;
mod file;
mod head_start;
mod limits;
mod post;
mod redirect;
mod retry;
mod trace;
mod transfer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout_at};

use self::attempt::{Arrival, Attempt, Failure};
use self::attempt_clock::AttemptClock;
pub use self::connect::install_crypto;
use self::connect::{Connections, Encoding};
use self::error::without_credentials;
pub use self::error::{FetchError, RedirectRefusal, ShownUrl, Timeout};
use self::head_start::HeadStarts;
use self::limits::{FOR_A_DOWNLOAD, FOR_AN_ANSWER, Patience};
pub use self::trace::{Observer, RequestTrace, SHOWN_HEADERS, shown_headers};
use self::transfer::{InMemory, Transfer};
pub use self::transfer::{Sink, Stop};
use super::netrc::Credentials;

/// Enough to hide a round trip of 100 ms behind others, and fewer than the 100 streams that
/// servers commonly allow on one HTTP/2 connection.
pub const DEFAULT_CONCURRENCY: usize = 64;

/// An HTTP/1.1 connection is free for the next request when its own task and then the pool's have
/// run once more after the body's end.
const TASKS_TO_A_FREE_CONNECTION: usize = 2;

/// How the client behaves.
#[derive(Clone)]
pub struct HttpSettings {
    /// The most requests in flight at once; 0 is taken as 1.
    pub concurrency: usize,
    /// Logins for hosts, for https only.
    pub credentials: Credentials,
    /// The User-Agent header.
    pub user_agent: String,
    /// Is told of each request.
    pub observer: Option<Observer>,
    /// When the run has to end: from then on everything fails at once.
    pub deadline: Option<Instant>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            concurrency: DEFAULT_CONCURRENCY,
            credentials: Credentials::default(),
            user_agent: concat!("sumcheck/", env!("CARGO_PKG_VERSION")).to_owned(),
            observer: None,
            deadline: None,
        }
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpSettings")
            .field("concurrency", &self.concurrency)
            .field("credentials", &self.credentials)
            .field("user_agent", &self.user_agent)
            .field("observer", &self.observer.is_some())
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Status 200 and the whole body.
    Found(Bytes),
    /// The server says that there is no such thing.
    Absent {
        /// 404 or 410.
        status: u16,
        /// The first words of the body, as they came: escape them before they are shown.
        message: String,
    },
}

/// What became of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Download {
    /// Status 200, and the sink has the whole body.
    Whole,
    /// The server says that there is no such thing.
    Absent {
        /// 404 or 410.
        status: u16,
        /// The first words of the body, as they came: escape them before they are shown.
        message: String,
    },
}

/// The client. Making one costs nothing: connections and trusted roots come with the first
/// request.
#[derive(Debug)]
pub struct HttpClient {
    settings: HttpSettings,
    slots: Semaphore,
    connections: Connections,
    head_starts: HeadStarts,
}

impl HttpClient {
    /// A client with these settings.
    #[must_use]
    pub fn new(settings: HttpSettings) -> Self {
        let concurrency = settings.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            slots: Semaphore::new(concurrency),
            connections: Connections::new(settings.user_agent.clone(), concurrency),
            head_starts: HeadStarts::default(),
            settings,
        }
    }

    /// The answer of an `https:`, `http:` or `file:` URL, of at most `limit_bytes` decompressed
    /// bytes. What may be better a moment later is tried again.
    ///
    /// # Errors
    /// [`FetchError`]; of several failed attempts, the last one's.
    pub async fn get(&self, url: &Url, limit_bytes: usize) -> Result<Answer, FetchError> {
        let mut body = InMemory::default();
        let mut transfer = Transfer::new(&mut body, limit_bytes);
        let arrival = self
            .transfer(url, &mut transfer, &FOR_AN_ANSWER, Encoding::Any)
            .await?;
        Ok(match arrival {
            Arrival::Whole => Answer::Found(body.into_bytes()),
            Arrival::Absent { status, message } => Answer::Absent { status, message },
        })
    }

    /// Gives the body of a URL, of at most `limit_bytes`, to `sink` while it comes. Where a
    /// connection breaks and the server can tell that the body is still the same, the next attempt
    /// goes on from there.
    ///
    /// # Errors
    /// [`FetchError`]; of several failed attempts, the last one's.
    pub async fn download(
        &self,
        url: &Url,
        limit_bytes: usize,
        sink: &mut dyn Sink,
    ) -> Result<Download, FetchError> {
        let mut transfer = Transfer::new(sink, limit_bytes);
        let arrival = self
            .transfer(url, &mut transfer, &FOR_A_DOWNLOAD, Encoding::AsIs)
            .await?;
        Ok(match arrival {
            Arrival::Whole => Download::Whole,
            Arrival::Absent { status, message } => Download::Absent { status, message },
        })
    }

    async fn transfer(
        &self,
        url: &Url,
        transfer: &mut Transfer<'_>,
        patience: &Patience,
        encoding: Encoding,
    ) -> Result<Arrival, FetchError> {
        match url.scheme() {
            "https" | "http" => {}
            "file" => return file::read(url, transfer).await,
            _ => {
                let reason = "its scheme is none of https, http and file";
                return Err(FetchError::InvalidUrl {
                    url: ShownUrl::new(url),
                    reason,
                });
            }
        }
        let authorization = credential::authorization(url, &self.settings.credentials)?;
        let plain = without_credentials(url);

        let mut delays = retry::delays();
        let mut budget = patience.all_attempts;
        let mut number = 1;
        loop {
            let permit = self.turn(url).await?;
            let started = Instant::now();
            let mut attempt = Attempt {
                connections: &self.connections,
                head_starts: &self.head_starts,
                observer: self.settings.observer.as_ref(),
                number,
                clock: AttemptClock::start(patience, budget, self.settings.deadline),
                encoding,
                transfer,
            };
            let arrival = attempt.follow(&plain, authorization.as_ref()).await;
            let_connection_return().await;
            // Others may go while we pause.
            drop(permit);
            budget = budget.saturating_sub(started.elapsed());
            let Err(Failure { error, retry_after }) = arrival else {
                return arrival.map_err(|failure| failure.error);
            };
            let in_vain = error.is_silence() && !patience.again_after_silence;
            let delay = match delays.next() {
                Some(delay) if error.transient() && !in_vain => {
                    delay.max(retry_after.unwrap_or_default())
                }
                _ => return Err(error),
            };
            // Waiting only to say that it took too long would say less than what happened.
            if delay >= budget || delay >= self.time_left() {
                return Err(error);
            }
            sleep(delay).await;
            budget = budget.saturating_sub(delay);
            number += 1;
        }
    }

    /// Waits until fewer than `concurrency` requests are in flight.
    async fn turn(&self, url: &Url) -> Result<SemaphorePermit<'_>, FetchError> {
        let too_late = || FetchError::RunTimeLimit {
            url: ShownUrl::new(url),
        };
        if self.time_left().is_zero() {
            return Err(too_late());
        }
        let permit = match self.settings.deadline {
            Some(deadline) => timeout_at(deadline, self.slots.acquire())
                .await
                .map_err(|_| too_late())?,
            None => self.slots.acquire().await,
        };
        // The semaphore is never closed.
        permit.map_err(|_| too_late())
    }

    fn time_left(&self) -> Duration {
        self.settings.deadline.map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }
}

/// Lets the connection that was just used go back to the pool before the next request looks for
/// one: else that would open another, and the pool would hold twice as many as are of use.
async fn let_connection_return() {
    for _ in 0..TASKS_TO_A_FREE_CONNECTION {
        yield_now().await;
    }
}
