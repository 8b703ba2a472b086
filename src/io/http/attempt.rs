//! One attempt: a request, and one more for each redirect, within the limits of time.

use std::error::Error;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{
    AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE,
};
use reqwest::{Method, Request, Response, StatusCode, Url, Version};
use tokio::time::Instant;

use super::attempt_clock::AttemptClock;
use super::body;
use super::connect::{Connections, Encoding};
use super::error::{FetchError, ShownUrl, Timeout, escaped, root_cause};
use super::head_start::HeadStarts;
use super::redirect::{self, Trail};
use super::retry;
use super::trace::{Observer, RequestTrace, shown_headers};
use super::transfer::Transfer;

const CANNOT_BE_SENT: &str = "it cannot be sent as it is";

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: FetchError,
    /// How long the server asks us to wait.
    pub(super) retry_after: Option<Duration>,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

/// One attempt, about to be made.
pub(super) struct Attempt<'a, 't> {
    pub(super) connections: &'a Connections,
    pub(super) head_starts: &'a HeadStarts,
    pub(super) observer: Option<&'a Observer>,
    pub(super) number: u32,
    pub(super) clock: AttemptClock,
    pub(super) encoding: Encoding,
    pub(super) transfer: &'a mut Transfer<'t>,
}

/// What became of an attempt.
#[derive(Debug)]
pub(super) enum Arrival {
    /// The sink has the whole body.
    Whole,
    /// There is no such thing.
    Absent { status: u16, message: String },
}

/// What one request led to.
enum Step {
    Arrived(Arrival),
    Redirect(StatusCode, HeaderMap),
}

/// What is known of a request even if it fails later.
#[derive(Default)]
struct Seen {
    status: Option<(u16, Version)>,
    message_bytes: usize,
    time_to_head: Option<Duration>,
    resumed_at: Option<usize>,
    headers: Vec<(String, String)>,
}

impl Attempt<'_, '_> {
    /// The answer of a URL, or of the one to which it redirects.
    pub(super) async fn follow(
        &mut self,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Arrival, Failure> {
        let mut trail = Trail::new();
        let mut authorization = authorization;
        let mut here = url.clone();
        loop {
            match self.observed(&here, authorization).await? {
                Step::Arrived(arrival) => return Ok(arrival),
                Step::Redirect(status, headers) => {
                    let next = trail.next(&here, status, &headers).map_err(|refusal| {
                        FetchError::Redirect {
                            url: ShownUrl::new(&here),
                            refusal,
                        }
                    })?;
                    // Once dropped they stay away, even if another server sends us back.
                    authorization = authorization.filter(|_| redirect::same_server(&here, &next));
                    here = next;
                }
            }
        }
    }

    async fn observed(
        &mut self,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Step, Failure> {
        let (started, started_at) = (Instant::now(), Timestamp::now());
        let mut seen = Seen::default();
        let before = self.transfer.received_bytes;
        let step = self.request(url, authorization, started, &mut seen).await;
        if let Some(observer) = self.observer {
            observer(&RequestTrace {
                url: ShownUrl::new(url),
                attempt: self.number,
                status: seen.status,
                started_at,
                time_to_head: seen.time_to_head,
                resumed_at: seen.resumed_at,
                headers: seen.headers,
                body_bytes: seen.message_bytes
                    + self.transfer.received_bytes.saturating_sub(before),
                elapsed: started.elapsed(),
                error: step.as_ref().err().map(|failure| failure.error.clone()),
            });
        }
        step
    }

    async fn request(
        &mut self,
        url: &Url,
        authorization: Option<&HeaderValue>,
        started: Instant,
        seen: &mut Seen,
    ) -> Result<Step, Failure> {
        let mut request = Request::new(Method::GET, url.clone());
        if let Some(authorization) = authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization.clone());
        }
        if let Some((from, validator)) = self.transfer.resume() {
            let headers = request.headers_mut();
            headers.insert(
                RANGE,
                HeaderValue::from_maybe_shared(format!("bytes={from}-"))
                    .map_err(|_| invalid(url))?,
            );
            headers.insert(IF_RANGE, validator.clone());
            seen.resumed_at = Some(from);
        }
        let client = self.connections.client(url, self.encoding)?;
        let goes_first = self.head_starts.enter(url).await;
        let response = self.clock.wait(url, client.execute(request)).await?;
        drop(goes_first);
        let response = response.map_err(|error| not_sent(url, &error))?;
        seen.status = Some((response.status().as_u16(), response.version()));
        seen.time_to_head = Some(started.elapsed());
        if self.observer.is_some() {
            seen.headers = shown_headers(response.headers());
        }
        self.receive(url, response, seen).await
    }

    /// Only 200 is an answer, and 206 where the rest of one was asked for: nothing (204) or "as
    /// before" (304) is not what was asked for.
    async fn receive(
        &mut self,
        url: &Url,
        mut response: Response,
        seen: &mut Seen,
    ) -> Result<Step, Failure> {
        let status = response.status();
        match status.as_u16() {
            200 => {
                body::begin(url, &response, self.transfer)?;
                self.transfer.validator = strong_validator(self.encoding, response.headers());
                body::read(url, &mut response, self.transfer, &self.clock).await?;
                Ok(Step::Arrived(Arrival::Whole))
            }
            206 if continues(self.transfer, response.headers()) => {
                body::read(url, &mut response, self.transfer, &self.clock).await?;
                Ok(Step::Arrived(Arrival::Whole))
            }
            code @ (404 | 410) => {
                let message = body::first_words(&mut response, &self.clock).await;
                seen.message_bytes = message.len();
                Ok(Step::Arrived(Arrival::Absent {
                    status: code,
                    message,
                }))
            }
            _ if redirect::is_redirect(status) => Ok(Step::Redirect(
                status,
                std::mem::take(response.headers_mut()),
            )),
            code => {
                let retry_after = retry::retry_after(response.headers(), Timestamp::now());
                let page = is_page(response.headers());
                let words = body::first_words(&mut response, &self.clock).await;
                let message = if page {
                    String::new()
                } else {
                    escaped(words.trim())
                };
                let error = FetchError::Status {
                    url: ShownUrl::new(url),
                    status: code,
                    message,
                };
                Err(Failure { error, retry_after })
            }
        }
    }
}

/// The entity tag of a body that can be gone on with. That of a compressed one is of its compressed
/// bytes, and a weak one allows other bytes.
fn strong_validator(encoding: Encoding, headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get(ETAG)?;
    (encoding == Encoding::AsIs && tag.as_bytes().starts_with(b"\"")).then(|| tag.clone())
}

/// Whether a part is all the rest from just where the transfer broke off (RFC 9110 section 14.4).
fn continues(transfer: &Transfer<'_>, headers: &HeaderMap) -> bool {
    let Some((from, _)) = transfer.resume() else {
        return false;
    };
    let range = headers.get(CONTENT_RANGE).and_then(|range| {
        let range = range.to_str().ok()?.strip_prefix("bytes ")?;
        let (part, length) = range.split_once('/')?;
        let (first, last) = part.split_once('-')?;
        let last: u64 = last.parse().ok()?;
        Some((first, last, length.parse::<u64>().ok()?))
    });
    range.is_some_and(|(first, last, length)| {
        first == from.to_string() && last.checked_add(1) == Some(length)
    })
}

fn invalid(url: &Url) -> FetchError {
    FetchError::InvalidUrl {
        url: ShownUrl::new(url),
        reason: CANNOT_BE_SENT,
    }
}

/// A web page is not for a terminal.
fn is_page(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// Why no answer began.
pub(super) fn not_sent(url: &Url, error: &reqwest::Error) -> FetchError {
    let url = ShownUrl::new(url);
    if error.is_builder() {
        FetchError::InvalidUrl {
            url,
            reason: CANNOT_BE_SENT,
        }
    } else if let Some(cause) = tls_cause(error) {
        FetchError::Tls {
            url,
            cause: escaped(&cause.to_string()),
        }
    } else if !error.is_connect() {
        FetchError::Interrupted {
            url,
            cause: root_cause(error),
        }
    } else if error.is_timeout() {
        FetchError::Timeout {
            url,
            timeout: Timeout::Connect,
        }
    } else {
        FetchError::Connect {
            url,
            cause: root_cause(error),
        }
    }
}

/// The TLS library's own error, if it is the cause.
fn tls_cause(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            // It travels inside an I/O error, or several, whose source would be its own source.
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
