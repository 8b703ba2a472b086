//! What clients may cost.

use std::time::Duration;

/// The head of a request has a path of at most 2 KiB and a few headers.
pub(super) const MAX_HEAD_BYTES: usize = 32 << 10;

/// Requests at once on one HTTP/2 connection: as many as clients commonly expect.
pub(super) const MAX_STREAMS: u32 = 100;

/// What is kept of an HTTP/2 stream that the client does not read: with [`MAX_STREAMS`], the most
/// that one connection costs.
pub(super) const MAX_SEND_BUFFER_BYTES: usize = 128 << 10;

/// The limits that a test makes smaller.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So long nothing may move on a connection unless the gate is at work: no head, no byte that
    /// is read, no next request. It ends what holds connections without use (slowloris, and clients
    /// that do not read), and the TLS handshake is within it.
    pub stillness: Duration,
    /// More connections than this wait until one is free: each costs memory and a file handle.
    pub connections: usize,
    /// What a shutdown waits for transfers that are under way.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stillness: Duration::from_secs(30),
            connections: 4096,
            drain: Duration::from_secs(30),
        }
    }
}
