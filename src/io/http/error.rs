//! Why a URL gave no answer.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::Url;

use super::limits::{CONNECT_TIMEOUT, MAX_REDIRECTS};

/// An error fits a few lines of a terminal even if a server chose the URL or the words.
const MAX_SHOWN_BYTES: usize = 400;

/// Why a URL gave no answer. Each message is whole: what the layers below said stands in it, so
/// that there is no source to print as well. All text from servers is escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not a URL that can be fetched.
    #[error("cannot fetch {url}: {reason}")]
    InvalidUrl {
        /// What was asked for.
        url: ShownUrl,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A password would travel in clear.
    #[error("refusing to pass credentials to insecure URL {url}: use https, or remove them")]
    InsecureCredentials {
        /// What was asked for.
        url: ShownUrl,
    },
    /// The client could not be set up, before any request.
    #[error("cannot set up the HTTP client: {cause}")]
    Setup {
        /// What the TLS or HTTP library said.
        cause: String,
    },
    /// No connection: no such host, refused, unreachable, or a proxy that does not let us through.
    #[error("cannot connect to {url}: {cause}")]
    Connect {
        /// What was asked for.
        url: ShownUrl,
        /// What the system said.
        cause: String,
    },
    /// The server could not prove who it is, or speaks no TLS that we do.
    #[error("no secure connection to {url}: {cause}")]
    Tls {
        /// What was asked for.
        url: ShownUrl,
        /// What the TLS library said.
        cause: String,
    },
    /// It took too long.
    #[error("{url} took too long: {timeout}")]
    Timeout {
        /// What was asked for.
        url: ShownUrl,
        /// Which limit was reached.
        timeout: Timeout,
    },
    /// The whole run may take no longer.
    #[error("{url} was not fetched: this run's time is over")]
    RunTimeLimit {
        /// What was asked for.
        url: ShownUrl,
    },
    /// A status that is neither an answer nor an absence.
    #[error("{url} answered {status}{}", Words(message))]
    Status {
        /// What was asked for.
        url: ShownUrl,
        /// The status code.
        status: u16,
        /// The first words of the body, escaped; empty if it had none.
        message: String,
    },
    /// A redirect that was not followed.
    #[error("the redirect of {url} was not followed: {refusal}")]
    Redirect {
        /// Where the redirect came from.
        url: ShownUrl,
        /// Why not.
        refusal: RedirectRefusal,
    },
    /// More bytes than such an answer can have, decompressed.
    #[error("the answer of {url} is larger than the {limit_bytes} bytes that it may have")]
    TooLarge {
        /// What was asked for.
        url: ShownUrl,
        /// The most that was asked for.
        limit_bytes: usize,
    },
    /// The connection broke before the answer began.
    #[error("the connection to {url} broke: {cause}")]
    Interrupted {
        /// What was asked for.
        url: ShownUrl,
        /// What the HTTP library said.
        cause: String,
    },
    /// The answer began and did not come whole: cut short, or not what its encoding says.
    #[error("the answer of {url} is incomplete: {cause}")]
    Incomplete {
        /// What was asked for.
        url: ShownUrl,
        /// What the HTTP library said.
        cause: String,
    },
    /// Whoever takes the bytes wants no more of them, and knows why.
    #[error("the answer of {url} was given up: it is not what was asked for")]
    Stopped {
        /// What was asked for.
        url: ShownUrl,
    },
    /// A file of a `file:` URL.
    #[error("cannot read {url}: {cause}")]
    File {
        /// What was asked for.
        url: ShownUrl,
        /// What the system said.
        cause: String,
    },
}

impl FetchError {
    /// Whether it took too long.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::RunTimeLimit { .. })
    }

    /// Whether the server said nothing for too long.
    pub(super) const fn is_silence(&self) -> bool {
        let Self::Timeout { timeout, .. } = self else {
            return false;
        };
        matches!(timeout, Timeout::Silence(_))
    }

    /// Whether the same request may succeed a moment later.
    #[must_use]
    pub fn transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Interrupted { .. } | Self::Incomplete { .. } => true,
            Self::Timeout { timeout, .. } => !matches!(timeout, Timeout::AllAttempts(_)),
            Self::Status { status, .. } => *status == 429 || (500..600).contains(status),
            Self::InvalidUrl { .. }
            | Self::InsecureCredentials { .. }
            | Self::Setup { .. }
            | Self::Tls { .. }
            | Self::RunTimeLimit { .. }
            | Self::Redirect { .. }
            | Self::TooLarge { .. }
            | Self::Stopped { .. }
            | Self::File { .. } => false,
        }
    }
}

/// Which limit of time was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// The connection was not there in time.
    Connect,
    /// The server said nothing for so long, before its answer or within it.
    Silence(Duration),
    /// One attempt took so long, however busy the server was.
    Attempt(Duration),
    /// All attempts and the pauses between them took so long.
    AllAttempts(Duration),
}

impl fmt::Display for Timeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |duration: Duration| duration.as_secs();
        match self {
            Self::Connect => write!(
                formatter,
                "no connection within {} s",
                seconds(CONNECT_TIMEOUT)
            ),
            Self::Silence(limit) => {
                write!(formatter, "nothing came for {} s", seconds(*limit))
            }
            Self::Attempt(limit) => {
                write!(
                    formatter,
                    "the answer was not complete within {} s",
                    seconds(*limit)
                )
            }
            Self::AllAttempts(limit) => {
                write!(
                    formatter,
                    "all attempts together may take {} s",
                    seconds(*limit)
                )
            }
        }
    }
}

/// Why a redirect was not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectRefusal {
    /// No place to go to.
    #[error("the server answered {status} and said no place to go to")]
    NoLocation {
        /// The status code.
        status: u16,
    },
    /// A place that is no URL.
    #[error("\"{location}\" is not a URL")]
    InvalidLocation {
        /// What the server said, escaped.
        location: String,
    },
    /// https to http would give up who answers; a server may not send us to files either.
    #[error("it leads to another scheme, {target}")]
    OtherScheme {
        /// Where it leads.
        target: ShownUrl,
    },
    /// Where we have been already.
    #[error("it leads back to {target}")]
    Loop {
        /// Where it leads.
        target: ShownUrl,
    },
    /// One hop more than is followed.
    #[error("more than {MAX_REDIRECTS} in a row")]
    TooMany,
}

/// A URL as it may be shown: without user name, password and fragment, and cut if it is long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownUrl(String);

impl ShownUrl {
    /// What may be shown of a URL.
    #[must_use]
    pub fn new(url: &Url) -> Self {
        // A serialised URL is plain ASCII: everything else in it is percent-encoded.
        Self(escaped(without_credentials(url).as_str()))
    }
}

impl fmt::Display for ShownUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The URL without user name, password and fragment: what may be sent and shown.
pub(super) fn without_credentials(url: &Url) -> Url {
    let mut plain = url.clone();
    // A URL without a host has no credentials to remove.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    plain
}

/// Text from outside, made harmless and short.
pub(super) fn escaped(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if shown.len() >= MAX_SHOWN_BYTES {
            shown.push('…');
            break;
        }
        shown.extend(character.escape_debug());
    }
    shown
}

/// The innermost cause, which says what happened; the layers around it only say where.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    escaped(&innermost.to_string())
}

/// The server's own words after a status, if there are any.
struct Words<'a>(&'a str);

impl fmt::Display for Words<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(formatter, " and said \"{}\"", self.0)
        }
    }
}
