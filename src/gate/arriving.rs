//! A zip while it arrives: written to a temporary file, read and hashed in the same breath.

use std::io::{self, Seek as _, Write as _};

use super::cache::Incoming;
use crate::golang::dirhash::H1;
use crate::golang::module::ModuleVersion;
use crate::golang::modzip::{Limits, ModZipError, ModZipHasher};
use crate::io::http::{Sink, Stop};

/// Takes a zip into a temporary file.
pub(super) struct ArrivingZip<'m> {
    module: &'m ModuleVersion,
    incoming: Incoming,
    hasher: ModZipHasher,
    fault: Option<ArrivalFault>,
}

/// Why a zip was given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArrivalFault {
    /// It is no zip that every reader reads alike.
    #[error(transparent)]
    Unsound(#[from] ModZipError),
    /// The temporary file cannot be written.
    #[error("cannot keep what arrives: {0}")]
    Disk(#[from] io::Error),
}

impl<'m> ArrivingZip<'m> {
    pub(super) fn new(module: &'m ModuleVersion, incoming: Incoming) -> Result<Self, ArrivalFault> {
        Ok(Self {
            module,
            incoming,
            hasher: ModZipHasher::new(module, Limits::default())?,
            fault: None,
        })
    }

    /// Why the transfer was stopped, if it was stopped here.
    pub(super) fn fault(self) -> Option<ArrivalFault> {
        self.fault
    }

    /// The whole file and its hash.
    pub(super) fn finish(self) -> Result<(Incoming, H1), ArrivalFault> {
        let zip = self.hasher.finish()?;
        Ok((self.incoming, zip.h1()))
    }

    fn stop(&mut self, fault: impl Into<ArrivalFault>) -> Stop {
        self.fault = Some(fault.into());
        Stop
    }
}

impl Sink for ArrivingZip<'_> {
    fn begin(&mut self, _length: Option<u64>) -> Result<(), Stop> {
        match ModZipHasher::new(self.module, Limits::default()) {
            Ok(hasher) => self.hasher = hasher,
            Err(error) => return Err(self.stop(error)),
        }
        let file = &mut self.incoming.file;
        let emptied = file.set_len(0).and_then(|()| file.rewind());
        emptied.map_err(|error| self.stop(error))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if let Err(error) = self.hasher.push(bytes) {
            return Err(self.stop(error));
        }
        let written = self.incoming.file.write_all(bytes);
        written.map_err(|error| self.stop(error))
    }
}
