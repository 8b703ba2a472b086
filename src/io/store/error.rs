//! Why the state cannot be read or written.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::SCHEMA_VERSION;

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
    /// Everything else: locked, no space, input and output.
    #[error("cannot use {}: {cause}", path.display())]
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
    let damaged = matches!(
        cause.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    ) || matches!(
        cause,
        // The schema is strict: a row of other types is a damaged one.
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    );
    if damaged {
        StoreError::Corrupt { path, cause }
    } else {
        StoreError::Sqlite { path, cause }
    }
}
