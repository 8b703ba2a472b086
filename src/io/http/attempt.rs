//! One attempt: a request, and one more for each redirect, within the limits of time.

use std::error::Error;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response, StatusCode, Url, Version};
use tokio::time::Instant;

use super::Answer;
use super::attempt_clock::AttemptClock;
use super::body::{self, BodyFailure};
use super::connect::Connections;
use super::error::{FetchError, ShownUrl, Timeout, escaped, root_cause};
use super::head_start::HeadStarts;
use super::redirect::{self, Trail};
use super::retry;
use super::trace::{Observer, RequestTrace};

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
pub(super) struct Attempt<'a> {
    pub(super) connections: &'a Connections,
    pub(super) head_starts: &'a HeadStarts,
    pub(super) observer: Option<&'a Observer>,
    pub(super) number: u32,
    pub(super) clock: AttemptClock,
    pub(super) limit_bytes: usize,
}

/// What one request led to.
enum Step {
    Answer(Answer),
    Redirect(StatusCode, HeaderMap),
}

/// What is known of a request even if it fails later.
#[derive(Default)]
struct Seen {
    status: Option<(u16, Version)>,
    body_bytes: usize,
}

impl Attempt<'_> {
    /// The answer of a URL, or of the one to which it redirects.
    pub(super) async fn follow(
        &self,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Failure> {
        let mut trail = Trail::new();
        let mut authorization = authorization;
        let mut here = url.clone();
        loop {
            match self.observed(&here, authorization).await? {
                Step::Answer(answer) => return Ok(answer),
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
        &self,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Step, Failure> {
        let started = Instant::now();
        let mut seen = Seen::default();
        let step = self.request(url, authorization, &mut seen).await;
        if let Some(observer) = self.observer {
            observer(&RequestTrace {
                url: ShownUrl::new(url),
                attempt: self.number,
                status: seen.status,
                body_bytes: seen.body_bytes,
                elapsed: started.elapsed(),
                error: step.as_ref().err().map(|failure| failure.error.clone()),
            });
        }
        step
    }

    async fn request(
        &self,
        url: &Url,
        authorization: Option<&HeaderValue>,
        seen: &mut Seen,
    ) -> Result<Step, Failure> {
        let mut request = Request::new(Method::GET, url.clone());
        if let Some(authorization) = authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization.clone());
        }
        let client = self.connections.client(url)?;
        let goes_first = self.head_starts.enter(url).await;
        let response = self.clock.wait(url, client.execute(request)).await?;
        drop(goes_first);
        let response = response.map_err(|error| not_sent(url, &error))?;
        seen.status = Some((response.status().as_u16(), response.version()));
        self.receive(url, response, seen).await
    }

    /// Only 200 is an answer: a part (206), nothing (204) or "as before" (304) is not what was
    /// asked for.
    async fn receive(
        &self,
        url: &Url,
        mut response: Response,
        seen: &mut Seen,
    ) -> Result<Step, Failure> {
        let status = response.status();
        match status.as_u16() {
            200 => {
                let body = body::read(url, &mut response, self.limit_bytes, &self.clock).await;
                let body = body.map_err(|BodyFailure { error, read_bytes }| {
                    seen.body_bytes = read_bytes;
                    error
                })?;
                seen.body_bytes = body.len();
                Ok(Step::Answer(Answer::Found(body)))
            }
            code @ (404 | 410) => {
                let message = body::first_words(&mut response, &self.clock).await;
                seen.body_bytes = message.len();
                Ok(Step::Answer(Answer::Absent {
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

/// A web page is not for a terminal.
fn is_page(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// Why no answer began.
fn not_sent(url: &Url, error: &reqwest::Error) -> FetchError {
    let url = ShownUrl::new(url);
    if error.is_builder() {
        FetchError::InvalidUrl {
            url,
            reason: "it cannot be sent as it is",
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
