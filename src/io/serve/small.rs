//! A body that is in memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::activity::Activity;

/// Bytes that are there already.
#[derive(Debug, Default)]
pub struct SmallBody {
    bytes: Option<Bytes>,
    activity: Option<Arc<Activity>>,
}

impl SmallBody {
    /// These bytes; the activity is told when they are taken.
    #[must_use]
    pub const fn new(bytes: Bytes, activity: Arc<Activity>) -> Self {
        Self {
            bytes: Some(bytes),
            activity: Some(activity),
        }
    }
}

impl Body for SmallBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(activity) = self.activity.take() {
            activity.progress();
        }
        let bytes = self.bytes.take().filter(|bytes| !bytes.is_empty());
        Poll::Ready(bytes.map(Frame::data).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}
