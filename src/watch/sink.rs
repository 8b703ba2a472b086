//! Who is told.

mod program;
mod webhook;

use std::io::Write as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;

pub use self::program::Program;
pub use self::webhook::{Secret, SecretError, signature};
use super::event::Document;
use crate::io::http::HttpClient;
use crate::io::store::StoredEvent;

/// Before the second try; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// The longest pause between two tries: it goes on for as long as events are kept.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Somebody who is told, at least once of each event.
#[derive(Debug)]
pub struct Sink {
    /// By which deliveries are remembered.
    pub name: String,
    /// How it is told.
    pub kind: SinkKind,
}

/// How somebody is told.
#[derive(Debug)]
pub enum SinkKind {
    /// A program is run.
    Program(Program),
    /// A URL is posted to.
    Webhook {
        /// Which.
        url: Url,
        /// With which the body is signed.
        secret: Option<Secret>,
    },
    /// Lines of JSON.
    StandardError,
}

/// Why somebody was not told.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Nobody is there: other events need not be tried now.
    #[error("{0}")]
    Away(String),
    /// This event was not taken.
    #[error("{0}")]
    Refused(String),
}

impl Sink {
    /// Tells of an event.
    ///
    /// # Errors
    /// [`SinkError`]; it may have been told all the same.
    pub async fn tell(
        &self,
        http: &HttpClient,
        event: &StoredEvent,
        now: Timestamp,
    ) -> Result<(), SinkError> {
        let document = Document::from(event).to_json();
        match &self.kind {
            SinkKind::Program(program) => program.tell(event, document).await,
            SinkKind::Webhook { url, secret } => {
                webhook::tell(http, url, secret.as_ref(), event, document, now).await
            }
            SinkKind::StandardError => {
                let mut line = document;
                line.push('\n');
                let written = std::io::stderr().lock().write_all(line.as_bytes());
                written.map_err(|error| SinkError::Away(error.to_string()))
            }
        }
    }
}

/// When to try again after so many tries in vain. `lot`, from 0 to 1, spreads those who were sent away
/// together.
#[must_use]
pub fn again_at(now: Timestamp, attempts: u32, lot: f64) -> Timestamp {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempts.min(16));
    let pause = doubled
        .min(LONGEST_PAUSE)
        .mul_f64(0.75 + lot.clamp(0.0, 1.0) / 4.0);
    let pause = SignedDuration::try_from(pause).unwrap_or_default();
    now.checked_add(pause).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let now = Timestamp::UNIX_EPOCH;
        let pause = |attempts| again_at(now, attempts, 1.0).as_second();
        assert_eq!([0, 1, 2, 3].map(pause), [10, 20, 40, 80]);
        assert_eq!(pause(9), 3600);
        assert_eq!(pause(u32::MAX), 3600);
        assert_eq!(again_at(now, 2, 0.0).as_second(), 30);
    }
}
