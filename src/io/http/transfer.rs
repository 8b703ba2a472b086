//! Where the bytes of an answer go, and what is known of a transfer that broke off.

use bytes::Bytes;
use reqwest::header::HeaderValue;

/// Takes the bytes of an answer as they come.
pub trait Sink: Send {
    /// A body begins; whatever came before is void. `length` is what the server claims, in bytes.
    ///
    /// # Errors
    /// [`Stop`]
    fn begin(&mut self, length: Option<u64>) -> Result<(), Stop>;

    /// The next bytes of the body.
    ///
    /// # Errors
    /// [`Stop`]
    fn take(&mut self, bytes: &[u8]) -> Result<(), Stop>;
}

/// A sink wants no more of an answer; it knows itself why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// A body in memory.
#[derive(Debug, Default)]
pub(super) struct InMemory(Vec<u8>);

impl InMemory {
    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from(self.0)
    }
}

impl Sink for InMemory {
    fn begin(&mut self, length: Option<u64>) -> Result<(), Stop> {
        self.0.clear();
        // The length is below the limit of this answer, or the transfer has ended.
        self.0
            .reserve_exact(usize::try_from(length.unwrap_or(0)).unwrap_or(0));
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A transfer over all of its attempts.
pub(super) struct Transfer<'a> {
    pub(super) sink: &'a mut dyn Sink,
    pub(super) limit_bytes: usize,
    /// Bytes of the body that the sink has, decompressed.
    pub(super) received_bytes: usize,
    /// The strong validator of that body (RFC 9110 section 8.8.3), with which a server can tell
    /// that the rest is still of the same one.
    pub(super) validator: Option<HeaderValue>,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, limit_bytes: usize) -> Self {
        Self {
            sink,
            limit_bytes,
            received_bytes: 0,
            validator: None,
        }
    }

    /// From where the next attempt may go on, and what the body must still be.
    pub(super) fn resume(&self) -> Option<(usize, &HeaderValue)> {
        let validator = self.validator.as_ref()?;
        (self.received_bytes > 0).then_some((self.received_bytes, validator))
    }
}
