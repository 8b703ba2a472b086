//! How long and how often: the limits that several parts share and that errors name.

use std::time::Duration;

/// A TCP and TLS connection takes three round trips: so many seconds are a line that is down.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest silence before and within an answer. A log that has to fetch a module for the first
/// time can be slow; one that says nothing for so long is better asked anew.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(8);

/// One attempt. A server that trickles a byte each second is never silent.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// A download service redirects once or twice; whoever does it more often plays games.
pub(super) const MAX_REDIRECTS: usize = 5;

/// All attempts at one URL and the pauses between them. Two rounds of requests depend on each
/// other, so a run that is all time-outs ends well within 60 s. Time in the queue is not counted:
/// a large input is no reason to give up.
pub(super) const GET_BUDGET: Duration = Duration::from_secs(20);
