//! Attacks, each a small layer over an honest handler.
//!
//! A layer is any function from a handler to a handler; [`on`] makes most of them in a line:
//!
//! ```ignore
//! log.serve()
//!     .layer(on("/lookup/*").first(3).answer(Response::busy(503, "1")))
//!     .layer(on("/latest").edit(|response| response.body.reverse()))
//!     .layer(split_after(10, &log.fork_at(700)))
//!     .start()
//! ```

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::log::TestLog;
use super::response::{Fault, Request, Response};
use super::server::Handler;
use super::tile_path::TilePath;

/// Inverts one bit of the answer's body, counted from the highest of its first byte.
pub fn flip_bit(path: &str, bit: usize) -> impl FnOnce(Handler) -> Handler + use<> {
    on(path).edit(move |response| {
        let length = response.body.len();
        let byte = response.body.get_mut(bit / 8);
        *byte.unwrap_or_else(|| panic!("no bit {bit} in {length} bytes")) ^= 0x80 >> (bit % 8);
    })
}

/// 200 with another body.
pub fn replace<B: Into<Vec<u8>>>(path: &str, body: B) -> impl FnOnce(Handler) -> Handler + use<B> {
    on(path).answer(Response::ok(body))
}

/// The honest answer, told with a fault.
pub fn fault(path: &str, fault: Fault) -> impl FnOnce(Handler) -> Handler + use<> {
    on(path).fault(fault)
}

/// This status instead of an answer.
pub fn status(path: &str, status: u16) -> impl FnOnce(Handler) -> Handler + use<> {
    on(path).status(status)
}

/// The same page for every path.
pub fn captive_portal() -> impl FnOnce(Handler) -> Handler {
    on("*").answer(Response::captive_portal())
}

/// Answers everything from another log.
pub fn serve_fork(fork: &TestLog) -> impl FnOnce(Handler) -> Handler + use<> {
    on("*").from(fork)
}

/// Answers the first `requests` honestly and all later ones from another log.
pub fn split_after(requests: usize, fork: &TestLog) -> impl FnOnce(Handler) -> Handler + use<> {
    on("*").after(requests).from(fork)
}

/// /latest stays at an old head, while lookups carry the newest one.
pub fn freeze_latest_at(log: &TestLog, size: u64) -> impl FnOnce(Handler) -> Handler + use<> {
    on("/latest").answer(Response::ok(log.head_at(size)))
}

/// Every lookup carries the head that was the newest when its record was appended, as proxies do
/// that keep old answers.
pub fn old_heads_in_lookups(log: &TestLog) -> impl FnOnce(Handler) -> Handler + use<> {
    let log = log.clone();
    on("/lookup/*").edit(move |response| {
        if let Some(index) = record_index(&response.body) {
            set_head(&mut response.body, &log.head_at(index + 1));
        }
    })
}

/// Every lookup carries this note.
pub fn head_in_lookups(note: Vec<u8>) -> impl FnOnce(Handler) -> Handler {
    on("/lookup/*").edit(move |response| set_head(&mut response.body, &note))
}

/// Lookups have the records of another log, and the honest heads.
pub fn records_from(fork: &TestLog) -> impl FnOnce(Handler) -> Handler + use<> {
    let fork = fork.clone();
    on("/lookup/*").change(move |request, honest| {
        let mut forged = fork.answer(request);
        if let Some(note) = note_of(&honest.body) {
            set_head(&mut forged.body, note);
        }
        forged
    })
}

/// The hash tiles of these levels are another log's.
pub fn tiles_from(
    fork: &TestLog,
    levels: RangeInclusive<u32>,
) -> impl FnOnce(Handler) -> Handler + use<> {
    let of_levels = move |tile: TilePath| tile.level.is_some_and(|level| levels.contains(&level));
    on_tiles(of_levels).from(fork)
}

/// The tile at this path is not to be had.
pub fn withhold_tile(path: &str) -> impl FnOnce(Handler) -> Handler + use<> {
    on(path).status(404)
}

/// Answers a partial tile's path with the full tile where that exists: honest (C2SP tlog-tiles).
pub fn full_tile_for_partial() -> impl FnOnce(Handler) -> Handler {
    instead_of_partial(|full| full)
}

/// A partial tile is gone as soon as the full one exists: honest (C2SP tlog-tiles).
pub fn partial_gone() -> impl FnOnce(Handler) -> Handler {
    instead_of_partial(|_| Response::not_found("not found"))
}

/// Most module proxies serve no data tiles.
pub fn no_data_tiles() -> impl FnOnce(Handler) -> Handler {
    on("/tile/8/data/*").status(403)
}

fn instead_of_partial(
    answer: impl Fn(Response) -> Response + Send + Sync + 'static,
) -> impl FnOnce(Handler) -> Handler {
    move |inner| {
        Arc::new(move |request| {
            let partial = TilePath::parse(&request.path).filter(TilePath::is_partial);
            let full = partial.map(|tile| inner(&request.to_path(&tile.full().to_string())));
            match full {
                Some(full) if full.status == 200 => answer(full),
                _ => inner(request),
            }
        })
    }
}

/// A layer for requests of this path; with a `*` at its end, for all paths that so begin.
pub fn on(path: &str) -> On {
    let path = path.to_owned();
    on_requests(move |request| match path.strip_suffix('*') {
        Some(prefix) => request.path.starts_with(prefix),
        None => request.path == path,
    })
}

/// A layer for requests of such tiles.
pub fn on_tiles(wanted: impl Fn(TilePath) -> bool + Send + Sync + 'static) -> On {
    on_requests(move |request| TilePath::parse(&request.path).is_some_and(&wanted))
}

/// A layer for requests like these.
pub fn on_requests(wanted: impl Fn(&Request) -> bool + Send + Sync + 'static) -> On {
    On {
        wanted: Box::new(wanted),
        after: 0,
        count: usize::MAX,
    }
}

/// The beginning of a layer: which requests it is about. The rest of the sentence makes it one.
pub struct On {
    wanted: Box<dyn Fn(&Request) -> bool + Send + Sync>,
    after: usize,
    count: usize,
}

impl On {
    /// Only the first `count` such requests (after those that [`Self::after`] lets pass).
    pub fn first(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// Not the first `count` such requests.
    pub fn after(mut self, count: usize) -> Self {
        self.after = count;
        self
    }

    /// This response.
    pub fn answer(self, response: Response) -> impl FnOnce(Handler) -> Handler {
        self.instead(move |_, _| response.clone())
    }

    /// This status.
    pub fn status(self, status: u16) -> impl FnOnce(Handler) -> Handler {
        self.answer(Response::new(
            status,
            format!("status {status} for a test\n"),
        ))
    }

    /// The answer of another log.
    pub fn from(self, log: &TestLog) -> impl FnOnce(Handler) -> Handler + use<> {
        let log = log.clone();
        self.instead(move |request, _| log.answer(request))
    }

    /// The honest answer, told with a fault.
    pub fn fault(self, fault: Fault) -> impl FnOnce(Handler) -> Handler {
        self.edit_any(move |response| response.fault = Some(fault))
    }

    /// The honest answer after changes, if there is one (status 200).
    pub fn edit(
        self,
        edit: impl Fn(&mut Response) + Send + Sync + 'static,
    ) -> impl FnOnce(Handler) -> Handler {
        self.edit_any(move |response| {
            if response.status == 200 {
                edit(response);
            }
        })
    }

    fn edit_any(
        self,
        edit: impl Fn(&mut Response) + Send + Sync + 'static,
    ) -> impl FnOnce(Handler) -> Handler {
        self.change(move |_, mut response| {
            edit(&mut response);
            response
        })
    }

    /// What becomes of a request and its honest answer.
    pub fn change(
        self,
        change: impl Fn(&Request, Response) -> Response + Send + Sync + 'static,
    ) -> impl FnOnce(Handler) -> Handler {
        self.instead(move |request, inner| change(request, inner(request)))
    }

    /// What is done with a request; the handler below may be asked, even several times.
    pub fn instead(
        self,
        answer: impl Fn(&Request, &Handler) -> Response + Send + Sync + 'static,
    ) -> impl FnOnce(Handler) -> Handler {
        let seen = AtomicUsize::new(0);
        let window = self.after..self.after.saturating_add(self.count);
        move |inner| {
            Arc::new(move |request| {
                if (self.wanted)(request) && window.contains(&seen.fetch_add(1, SeqCst)) {
                    answer(request, &inner)
                } else {
                    inner(request)
                }
            })
        }
    }
}

/// The index that a lookup's answer begins with.
pub fn record_index(reply: &[u8]) -> Option<u64> {
    str::from_utf8(reply).ok()?.lines().next()?.parse().ok()
}

/// The note at the end of a lookup's answer: what follows the first blank line.
pub fn note_of(reply: &[u8]) -> Option<&[u8]> {
    let blank = reply.windows(2).position(|two| two == b"\n\n")?;
    Some(&reply[blank + 2..])
}

/// Puts another note at the end of a lookup's answer.
pub fn set_head(reply: &mut Vec<u8>, note: &[u8]) {
    if let Some(old) = note_of(reply) {
        reply.truncate(reply.len() - old.len());
        reply.extend(note);
    }
}
