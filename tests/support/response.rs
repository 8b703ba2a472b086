//! What a server of the tests says, and how it misbehaves while saying it.

use std::time::Duration;

use super::gzip;

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// The request line's target, untouched.
    pub target: String,
    /// The target decoded, without the query and without `/sumdb/NAME`.
    pub path: String,
    /// Whether `/sumdb/NAME` came before the path: asked as a module proxy.
    pub proxied: bool,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Which of the server's connections it came over, counted from 0.
    pub connection: usize,
}

impl Request {
    /// The header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The same request for another path.
    pub fn to_path(&self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }
}

/// A response, told straight unless there is a fault.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub fault: Option<Fault>,
}

/// What goes wrong in the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is ever sent.
    HangBeforeHeaders,
    /// So many bytes of the body, then nothing more.
    HangInBody { after_bytes: usize },
    /// The body, one byte at a time.
    Trickle { every: Duration },
    /// The whole answer from its status line on, one byte at a time.
    TrickleHeaders { every: Duration },
    /// Headers without end.
    EndlessHeaders,
    /// The body again and again, in chunks, for ever.
    EndlessBody,
    /// Content-Length says more by so many bytes, and then the connection is closed.
    ContentLengthTooLong { by_bytes: usize },
    /// Content-Length says less by so many bytes (at most the body's length).
    ContentLengthTooShort { by_bytes: usize },
    /// The connection is closed in an orderly way and nothing was said.
    Close,
    /// The connection is reset and nothing was said.
    Reset,
    /// So many bytes of the body, then a reset.
    ResetInBody { after_bytes: usize },
    /// Not HTTP at all.
    Gibberish,
}

impl Response {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            fault: None,
        }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    /// 404 with these words, which the tested program may show to people.
    pub fn not_found(words: &str) -> Self {
        Self::new(404, words)
    }

    /// 302 to a URL or path.
    pub fn redirect(to: &str) -> Self {
        Self::new(302, "").header("Location", to)
    }

    /// 429 or 503, and when to come back: seconds or a date.
    pub fn busy(status: u16, retry_after: &str) -> Self {
        Self::new(status, "busy").header("Retry-After", retry_after)
    }

    /// 200 with a small gzip body that unpacks into so many zero bytes.
    pub fn gzip_bomb(unpacked_bytes: u64) -> Self {
        Self::ok(gzip::zeros(unpacked_bytes)).header("Content-Encoding", "gzip")
    }

    /// What a hotel's network answers to everything.
    pub fn captive_portal() -> Self {
        Self::ok("<!DOCTYPE html>\n<title>Welcome</title>\n<p>Please log in to use the network.\n")
            .header("Content-Type", "text/html")
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}
