//! The body of an answer, no more of it than was asked for.

use std::time::Duration;

use reqwest::{Response, Url};
use tokio::task::yield_now;
use tokio::time::timeout_at;

use super::attempt_clock::AttemptClock;
use super::error::{FetchError, ShownUrl, root_cause};
use super::transfer::{Stop, Transfer};

/// The words of a 404 are for a person: what the go command says of a module fits in it.
pub(super) const MESSAGE_BYTES: usize = 2048;

/// Words that come later than this after the status are not worth waiting for.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// The body, as far as it has at most the transfer's limit of bytes, decompressed; reading ends
/// with the first byte more.
pub(super) async fn read(
    url: &Url,
    response: &mut Response,
    transfer: &mut Transfer<'_>,
    clock: &AttemptClock,
) -> Result<(), FetchError> {
    let too_large = |limit_bytes| FetchError::TooLarge {
        url: ShownUrl::new(url),
        limit_bytes,
    };
    // The length that the server claims, unless the body is compressed.
    let claimed = response
        .content_length()
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let claimed = claimed.map(|length| transfer.received_bytes.saturating_add(length));
    let incomplete = |cause| FetchError::Incomplete {
        url: ShownUrl::new(url),
        cause,
    };
    let stopped = |Stop| FetchError::Stopped {
        url: ShownUrl::new(url),
    };
    loop {
        let chunk = clock.wait(url, response.chunk()).await?;
        let Some(chunk) = chunk.map_err(|error| incomplete(root_cause(&error)))? else {
            let received = transfer.received_bytes;
            return match claimed {
                // An HTTP/2 stream that is reset with NO_ERROR just ends for the library.
                Some(claimed) if received < claimed => Err(incomplete(format!(
                    "it has {received} of its {claimed} bytes"
                ))),
                _ => Ok(()),
            };
        };
        let left = transfer.limit_bytes.saturating_sub(transfer.received_bytes);
        if chunk.len() > left {
            return Err(too_large(transfer.limit_bytes));
        }
        transfer.sink.take(&chunk).map_err(stopped)?;
        transfer.received_bytes += chunk.len();
        // Whoever takes it may have much to do with it, and others wait.
        yield_now().await;
    }
}

/// A new body begins in the sink.
pub(super) fn begin(
    url: &Url,
    response: &Response,
    transfer: &mut Transfer<'_>,
) -> Result<(), FetchError> {
    // The length that the server claims, unless the body is compressed.
    let length = response.content_length();
    let limit = u64::try_from(transfer.limit_bytes).unwrap_or(u64::MAX);
    if length.is_some_and(|length| length > limit) {
        return Err(FetchError::TooLarge {
            url: ShownUrl::new(url),
            limit_bytes: transfer.limit_bytes,
        });
    }
    transfer.received_bytes = 0;
    transfer.validator = None;
    transfer
        .sink
        .begin(length)
        .map_err(|Stop| FetchError::Stopped {
            url: ShownUrl::new(url),
        })
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
