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
    /// So long nothing may move on a connection unless the server is at work: no head, no byte that
    /// is read, no next request. It ends what holds connections without use (slowloris, and clients
    /// that do not read), and the TLS handshake is within it.
    pub stillness: Duration,
    /// More connections than this wait until one is free: each costs memory and a file handle.
    pub connections: usize,
    /// What a shutdown waits for transfers that are under way.
    pub drain: Duration,
}

/// What a server needs beside its connections: the database, its logs, transfers, upstreams.
const OTHER_FILES: u64 = 256;

/// A connection has a socket, and perhaps a file that is being sent.
const FILES_OF_CONNECTION: u64 = 2;

const MOST_CONNECTIONS: usize = 4096;

/// Takes as many file handles as the system lets this process have.
#[cfg(unix)]
pub fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With fewer there are fewer connections.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// There is no such limit.
#[cfg(not(unix))]
pub fn raise_file_limit() {}

#[cfg(unix)]
fn file_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn file_limit() -> Option<u64> {
    None
}

/// So many connections leave file handles for what they ask for.
fn connections_within(files: Option<u64>) -> usize {
    let Some(files) = files else {
        return MOST_CONNECTIONS;
    };
    let connections = files.saturating_sub(OTHER_FILES) / FILES_OF_CONNECTION;
    usize::try_from(connections).map_or(MOST_CONNECTIONS, |most| most.clamp(16, MOST_CONNECTIONS))
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stillness: Duration::from_secs(30),
            connections: connections_within(file_limit()),
            drain: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_what_they_ask_for() {
        assert_eq!(connections_within(None), 4096);
        assert_eq!(connections_within(Some(1 << 20)), 4096);
        assert_eq!(connections_within(Some(1024)), 384);
        assert_eq!(connections_within(Some(64)), 16);
    }
}
