//! One file's content on its way: inflated, counted and hashed, and not kept.

use flate2::{Crc, Decompress, FlushDecompress, Status};
use sha2::{Digest, Sha256};

use super::error::FileFault;

/// How much is inflated at a time: more than deflate's window of 32 KiB, and little enough to be
/// hashed while it is in the processor's cache.
const CHUNK_BYTES: usize = 64 << 10;

/// How the content is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflate,
}

/// What a file may have, and what was said about it before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Compressed size and size, if they stand before the content.
    pub(super) declared: Option<(u64, u64)>,
    /// The limit for a file of its name.
    pub(super) own: Option<u64>,
    /// What earlier files left of the limit for all.
    pub(super) left: u64,
    /// The limit for all.
    pub(super) total: u64,
}

/// What the content turned out to be.
pub(super) struct Measured {
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) crc32: u32,
    pub(super) sha256: [u8; 32],
    /// The content, if it was to be kept.
    pub(super) kept: Option<Vec<u8>>,
}

/// Reads the content of one file after the other.
pub(super) struct Content {
    inflate: Decompress,
    chunk: Box<[u8]>,
    method: Method,
    bounds: Bounds,
    compressed: u64,
    size: u64,
    crc: Crc,
    sha256: Sha256,
    kept: Option<Vec<u8>>,
}

impl Content {
    pub(super) fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            chunk: vec![0; CHUNK_BYTES].into_boxed_slice(),
            method: Method::Stored,
            bounds: Bounds {
                declared: None,
                own: None,
                left: 0,
                total: 0,
            },
            compressed: 0,
            size: 0,
            crc: Crc::new(),
            sha256: Sha256::new(),
            kept: None,
        }
    }

    /// Begins a file. What is too large by its own account is refused at once.
    pub(super) fn begin(
        &mut self,
        method: Method,
        bounds: Bounds,
        keep: bool,
    ) -> Result<(), FileFault> {
        self.method = method;
        self.bounds = bounds;
        self.compressed = 0;
        self.size = 0;
        self.kept = keep.then(Vec::new);
        if method == Method::Deflate {
            self.inflate.reset(false);
        }
        bounds.check(bounds.declared.map_or(0, |(_, size)| size))
    }

    /// Takes what belongs to the file off the front of the bytes. Returns the rest, and whether
    /// the file is complete.
    pub(super) fn take<'b>(&mut self, bytes: &'b [u8]) -> Result<(&'b [u8], bool), FileFault> {
        let (mine, after) = match self.bounds.declared {
            None => (bytes, bytes.get(bytes.len()..).unwrap_or_default()),
            Some((compressed, _)) => {
                let missing = compressed.saturating_sub(self.compressed);
                let missing = usize::try_from(missing).unwrap_or(usize::MAX);
                bytes.split_at(missing.min(bytes.len()))
            }
        };
        match self.method {
            Method::Stored => {
                self.store(mine)?;
                let missing = self.bounds.declared.map(|(all, _)| all != self.compressed);
                Ok((after, missing == Some(false)))
            }
            Method::Deflate => self.take_deflated(mine, after, bytes),
        }
    }

    /// What is known of the file now that it is complete.
    pub(super) fn end(&mut self) -> Measured {
        let crc32 = self.crc.sum();
        self.crc.reset();
        Measured {
            compressed: self.compressed,
            size: self.size,
            crc32,
            sha256: self.sha256.finalize_reset().into(),
            kept: self.kept.take(),
        }
    }

    fn take_deflated<'b>(
        &mut self,
        mine: &'b [u8],
        after: &'b [u8],
        all: &'b [u8],
    ) -> Result<(&'b [u8], bool), FileFault> {
        let (unused, ended) = self.inflate(mine)?;
        if let Some((compressed, _)) = self.bounds.declared {
            let missing = compressed.saturating_sub(self.compressed);
            return match (ended, missing) {
                (true, 0) => Ok((after, true)),
                (true, _) => Err(FileFault::AfterDeflate(missing)),
                (false, 0) => Err(FileFault::DeflateUnfinished),
                (false, _) => Ok((after, false)),
            };
        }
        let taken = mine.len().saturating_sub(unused);
        Ok((all.get(taken..).unwrap_or_default(), ended))
    }

    /// Inflates until the bytes or the stream end. Returns how many bytes were left over, and
    /// whether the stream ended.
    fn inflate(&mut self, mut bytes: &[u8]) -> Result<(usize, bool), FileFault> {
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(bytes, &mut self.chunk, FlushDecompress::None)
                .map_err(|_| FileFault::Deflate)?;
            let taken = self.inflate.total_in().saturating_sub(before_in);
            let made = self.inflate.total_out().saturating_sub(before_out);
            self.compressed = self.compressed.saturating_add(taken);
            bytes = usize::try_from(taken)
                .ok()
                .and_then(|taken| bytes.get(taken..))
                .unwrap_or_default();
            let made = usize::try_from(made).unwrap_or(usize::MAX);
            self.hash_inflated(made)?;

            if status == Status::StreamEnd {
                return Ok((bytes.len(), true));
            }
            // A chunk that is full can have more behind it, without more input.
            if made < self.chunk.len() && bytes.is_empty() {
                return Ok((0, false));
            }
            if (taken, made) == (0, 0) {
                return Err(FileFault::Deflate);
            }
        }
    }

    fn hash_inflated(&mut self, made: usize) -> Result<(), FileFault> {
        self.count(made)?;
        let made = self.chunk.get(..made).unwrap_or_default();
        self.crc.update(made);
        self.sha256.update(made);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(made);
        }
        Ok(())
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), FileFault> {
        self.count(bytes.len())?;
        self.compressed = self.size;
        self.crc.update(bytes);
        self.sha256.update(bytes);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Bytes are counted before anything is done with them.
    fn count(&mut self, bytes: usize) -> Result<(), FileFault> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.size = self.size.saturating_add(bytes);
        self.bounds.check(self.size)
    }
}

impl Bounds {
    fn check(&self, size: u64) -> Result<(), FileFault> {
        match (self.declared, self.own) {
            (Some((_, declared)), _) if size > declared => {
                Err(FileFault::LargerThanDeclared(declared))
            }
            (_, Some(own)) if size > own => Err(FileFault::TooLarge(own)),
            _ if size > self.left => Err(FileFault::ContentTooLarge(self.total)),
            _ => Ok(()),
        }
    }
}
