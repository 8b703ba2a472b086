//! The body of an answer, no more of it than was asked for.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Response, Url};
use tokio::time::timeout_at;

use super::attempt_clock::AttemptClock;
use super::error::{FetchError, ShownUrl, root_cause};

/// The words of a 404 are for a person: what the go command says of a module fits in it.
pub(super) const MESSAGE_BYTES: usize = 2048;

/// Words that come later than this after the status are not worth waiting for.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// A body that did not come whole.
pub(super) struct BodyFailure {
    pub(super) error: FetchError,
    /// What had come, decompressed.
    pub(super) read_bytes: usize,
}

/// The whole body, if it has at most `limit_bytes` decompressed bytes; reading ends with the first
/// byte more.
pub(super) async fn read(
    url: &Url,
    response: &mut Response,
    limit_bytes: usize,
    clock: &AttemptClock,
) -> Result<Bytes, BodyFailure> {
    let mut body = Vec::new();
    match append(url, response, &mut body, limit_bytes, clock).await {
        Ok(()) => Ok(Bytes::from(body)),
        Err(error) => Err(BodyFailure {
            error,
            read_bytes: body.len(),
        }),
    }
}

async fn append(
    url: &Url,
    response: &mut Response,
    body: &mut Vec<u8>,
    limit_bytes: usize,
    clock: &AttemptClock,
) -> Result<(), FetchError> {
    let too_large = || FetchError::TooLarge {
        url: ShownUrl::new(url),
        limit_bytes,
    };
    // The length that the server claims, unless the body is compressed.
    let claimed = response
        .content_length()
        .map(|claimed| usize::try_from(claimed).unwrap_or(usize::MAX));
    if let Some(claimed) = claimed {
        if claimed > limit_bytes {
            return Err(too_large());
        }
        body.reserve_exact(claimed);
    }
    let incomplete = |cause| FetchError::Incomplete {
        url: ShownUrl::new(url),
        cause,
    };
    loop {
        let chunk = clock.wait(url, response.chunk()).await?;
        let Some(chunk) = chunk.map_err(|error| incomplete(root_cause(&error)))? else {
            return match claimed {
                // An HTTP/2 stream that is reset with NO_ERROR just ends for the library.
                Some(claimed) if body.len() < claimed => Err(incomplete(format!(
                    "it has {} of its {claimed} bytes",
                    body.len()
                ))),
                _ => Ok(()),
            };
        };
        if chunk.len() > limit_bytes.saturating_sub(body.len()) {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
}

/// The first words of a body that is no answer, as far as they come.
pub(super) async fn first_words(response: &mut Response, clock: &AttemptClock) -> String {
    let mut words = Vec::new();
    let collect = async {
        while words.len() < MESSAGE_BYTES {
            let Ok(Some(chunk)) = response.chunk().await else {
                break;
            };
            words.extend_from_slice(&chunk);
        }
    };
    // Words that are late are as good as none.
    let _ = timeout_at(clock.within(MESSAGE_TIMEOUT), collect).await;
    words.truncate(MESSAGE_BYTES);
    String::from_utf8_lossy(&words).into_owned()
}
