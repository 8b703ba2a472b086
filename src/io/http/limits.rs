//! How long and how often: the limits that several parts share and that errors name.

use std::time::Duration;

/// A TCP and TLS connection takes three round trips: so many seconds are a line that is down.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server may take for an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The longest silence before and within an answer.
    pub(super) silence: Duration,
    /// One attempt. A server that trickles a byte each second is never silent.
    pub(super) attempt: Duration,
    /// All attempts at one URL and the pauses between them. Time in the queue is not counted: a
    /// large input is no reason to give up.
    pub(super) all_attempts: Duration,
    /// Whether a server that was silent is asked again.
    pub(super) again_after_silence: bool,
}

/// Small answers. A log that has to fetch a module for the first time can be slow; one that says
/// nothing for so long is better asked anew. Two rounds of requests depend on each other, so a run
/// that is all time-outs ends well within 60 s.
pub(super) const FOR_AN_ANSWER: Patience = Patience {
    silence: Duration::from_secs(8),
    attempt: Duration::from_secs(15),
    all_attempts: Duration::from_secs(20),
    again_after_silence: true,
};

/// Downloads of up to some hundred megabytes. Somebody waits for them, so a server that is silent
/// for so long has failed, and is not asked again in the same breath; half an hour is 300 kB/s for the largest module.
pub(super) const FOR_A_DOWNLOAD: Patience = Patience {
    silence: Duration::from_secs(20),
    attempt: Duration::from_secs(30 * 60),
    all_attempts: Duration::from_secs(30 * 60),
    again_after_silence: false,
};

/// A download service redirects once or twice; whoever does it more often plays games.
pub(super) const MAX_REDIRECTS: usize = 5;
