//! The bytes of a response.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::exchange::Exchange;
use crate::gate::cache::Stamp;

/// Large enough to cost few calls, small enough for many transfers at once.
const CHUNK_BYTES: usize = 128 << 10;

/// The bytes of a response, and what is to be told of them.
#[derive(Debug)]
pub struct Body {
    content: Content,
    exchange: Option<Exchange>,
}

/// Small and in memory, or a file read while it is sent.
#[derive(Debug)]
enum Content {
    Small(Option<Bytes>),
    File(FileBody),
}

/// A part of a file.
#[derive(Debug)]
struct FileBody {
    file: File,
    stamp: Stamp,
    position: u64,
    end: u64,
}

impl Body {
    pub(super) const fn empty() -> Self {
        Self::of(Content::Small(None))
    }

    pub(super) const fn small(bytes: Bytes) -> Self {
        Self::of(Content::Small(Some(bytes)))
    }

    pub(super) const fn file(file: File, stamp: Stamp, position: u64, end: u64) -> Self {
        Self::of(Content::File(FileBody {
            file,
            stamp,
            position,
            end,
        }))
    }

    const fn of(content: Content) -> Self {
        Self {
            content,
            exchange: None,
        }
    }

    /// The exchange lasts as long as this body.
    pub(super) fn with(mut self, exchange: Exchange) -> Self {
        self.exchange = Some(exchange);
        self
    }
}

impl FileBody {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let left = self.end.saturating_sub(self.position);
        let length = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        if length == 0 {
            return Ok(None);
        }
        let mut chunk = BytesMut::zeroed(length);
        read_at(&self.file, &mut chunk, self.position)?;
        self.position = self
            .position
            .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        // The last bytes are held back if somebody wrote to the file meanwhile: the client sees
        // that the answer is cut short.
        if self.position >= self.end && Stamp::of(&self.file)? != self.stamp {
            return Err(io::Error::other("the file was changed while it was sent"));
        }
        Ok(Some(chunk.freeze()))
    }
}

#[cfg(unix)]
fn read_at(file: &File, chunk: &mut [u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, chunk, position)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, chunk: &mut [u8], position: u64) -> io::Result<()> {
    use std::io::{Read as _, Seek as _};
    file.seek(io::SeekFrom::Start(position))?;
    file.read_exact(chunk)
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let body = self.get_mut();
        let next = match &mut body.content {
            Content::Small(bytes) => Ok(bytes.take()),
            Content::File(file) => file.next(),
        };
        if let (Ok(Some(bytes)), Some(exchange)) = (&next, &mut body.exchange) {
            exchange.sent(bytes.len());
        }
        Poll::Ready(next.transpose().map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Small(bytes) => bytes.is_none(),
            Content::File(file) => file.position >= file.end,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.content {
            Content::Small(bytes) => bytes
                .as_ref()
                .map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Content::File(file) => file.end.saturating_sub(file.position),
        })
    }
}
