//! Why the state cannot be read or written.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::{BUSY_TIMEOUT, SCHEMA_VERSION};

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A newer sumcheck wrote it.
    #[error(
        "{} was written by a newer sumcheck (its schema is {found}, this one knows {SCHEMA_VERSION}): \
         update sumcheck, or name another folder with --home",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i64,
    },
    /// Not a database, or a damaged one.
    #[error(
        "{} is damaged ({cause}): move it away and run again; only proofs that can be made again \
         are lost, and the heads that were seen",
        path.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// A database of another program.
    #[error("{} is a database of another program: name another folder with --home", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// A verified head of that size stands there with another root: never overwritten.
    #[error("{} has another verified tree head of {size} records", path.display())]
    ConflictingHead {
        /// The database.
        path: PathBuf,
        /// Tree size in records.
        size: u64,
    },
    /// The file, or the home around it, cannot be written.
    #[error("{} is read-only: make it writable, or name another folder with --home", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// Another process holds the lock.
    #[error(
        "{} has been locked by another process for {} s: wait for it to end and run again",
        path.display(),
        BUSY_TIMEOUT.as_secs()
    )]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// Everything else: no space, input and output.
    #[error(
        "cannot use {}: {cause}: see that it is a file and that its disk has room, or name another \
         folder with --home",
        path.display()
    )]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether the disk is full, or behaves so.
    pub(super) fn is_for_want_of_space(&self) -> bool {
        let Self::Sqlite { cause, .. } = self else {
            return false;
        };
        matches!(
            cause.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen)
        )
    }
}

/// Puts what SQLite says into one of the families that a user can act on.
pub(super) fn classify(path: &Path, cause: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    // The schema is strict: a row that does not read as it was written is a damaged one.
    let row_is_damaged = matches!(
        cause,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    );
    match cause.sqlite_error_code() {
        _ if row_is_damaged => StoreError::Corrupt { path, cause },
        // "Unknown" is SQLite's word for SQL that does not fit: a schema that is not ours any more.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
            StoreError::Corrupt { path, cause }
        }
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
        _ => StoreError::Sqlite { path, cause },
    }
}
