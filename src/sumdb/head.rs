//! Tree heads of a checksum database, opened with its key.

use crate::tlog::checkpoint::{Checkpoint, CheckpointError};
use crate::tlog::note::{NoteError, OpenError, SignedNote, VerifierKey};

/// The first line of each checkpoint of a checksum database, whatever the database's name.
///
/// Source: golang.org/x/mod/sumdb/tlog, `FormatTree`.
pub const ORIGIN: &str = "go.sum database tree";

/// Why bytes are no tree head of this database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not signed by the database's key.
    #[error(transparent)]
    Signature(#[from] OpenError),
    /// Signed, but no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Opens a signed tree head, as `/latest` serves it and as it ends a lookup reply.
///
/// # Errors
/// [`HeadError`]: nothing in the bytes may be used then.
pub fn open_head(note: &[u8], key: &VerifierKey) -> Result<Checkpoint, HeadError> {
    let opened = SignedNote::parse(note)?.open(key)?;
    Ok(Checkpoint::from_note(opened, ORIGIN)?)
}
