//! The rows of the database: plain data, which whoever reads it checks again.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A verified head as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHead {
    /// Tree size in records.
    pub size: u64,
    /// Root of the tree.
    pub root: [u8; 32],
    /// The signed note.
    pub note: Vec<u8>,
    /// When it was first seen: UTC, RFC 3339.
    pub seen_at: String,
    /// Where it was first seen.
    pub source: String,
    /// The head that it was tied to.
    pub tied_to_size: Option<u64>,
    /// How: `first`, `extension` of that head, or `prefix` of it.
    pub tie: String,
}

/// When somebody saw a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadDate {
    /// Tree size in records.
    pub size: u64,
    /// Root of the tree.
    pub root: [u8; 32],
    /// UTC, RFC 3339, as [`crate::io::clock::at`] writes it: dates are compared as text.
    pub seen_at: String,
}

/// A verified head to keep.
#[derive(Debug, Clone)]
pub struct NewHead {
    /// Tree size in records.
    pub size: u64,
    /// Root of the tree.
    pub root: [u8; 32],
    /// The signed note.
    pub note: Vec<u8>,
    /// Where it was seen.
    pub source: String,
    /// The head that it is tied to.
    pub tied_to_size: Option<u64>,
    /// How: `first`, `extension` or `prefix`.
    pub tie: &'static str,
}

/// A proven record, kept or to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Module path.
    pub module: String,
    /// Module version.
    pub version: String,
    /// Record index.
    pub record_index: u64,
    /// Text of the record.
    pub text: Vec<u8>,
    /// Inclusion proof: 32 bytes for each hash, lowest first.
    pub proof: Vec<u8>,
    /// Size of the tree under which the proof holds; one of the heads.
    pub proof_head_size: u64,
}

/// What one run keeps.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The log's name.
    pub log_name: String,
    /// The log's verifier key.
    pub verifier_key: String,
    /// Size of the newest stored head when the run began; `None` if there was none.
    pub started_from: Option<u64>,
    /// Heads, the newest last.
    pub heads: Vec<NewHead>,
    /// Records.
    pub records: Vec<StoredRecord>,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// All of it is kept.
    Committed,
    /// Nothing was written: the newest head is not the one that the run started from.
    HeadMoved,
}

/// Which rows of a list are wanted, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// So many at most.
    pub limit: u32,
    /// Only those before this one, by that by which the list is ordered.
    pub before: Option<u64>,
}

impl Rows {
    /// The newest ones.
    #[must_use]
    pub const fn newest(limit: u32) -> Self {
        Self {
            limit,
            before: None,
        }
    }

    /// Of the rows that were found the first ones that somebody may see: what is hidden is not counted.
    pub(super) fn seen<T>(
        self,
        found: impl Iterator<Item = rusqlite::Result<T>>,
        may_be_seen: impl Fn(&T) -> bool,
    ) -> rusqlite::Result<Vec<T>> {
        let seen = found.filter(|row| !row.as_ref().is_ok_and(|row| !may_be_seen(row)));
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        seen.take(limit).collect()
    }

    /// No row is beyond it if nothing is asked.
    pub(super) fn bound(self) -> i64 {
        let before = self.before.and_then(|before| i64::try_from(before).ok());
        before.unwrap_or(i64::MAX)
    }
}

/// Misbehaviour of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// By which people name it.
    pub id: i64,
    /// Name of the log.
    pub log: String,
    /// Its verifier key.
    pub verifier_key: String,
    /// `fork` or `duplicate`.
    pub kind: String,
    /// When it was found: UTC, RFC 3339.
    pub found_at: String,
    /// The file that proves it.
    pub evidence_path: String,
    /// When somebody said to have seen to it: UTC, RFC 3339.
    pub acknowledged_at: Option<String>,
}

pub(super) fn stored_head(row: &Row<'_>) -> rusqlite::Result<StoredHead> {
    Ok(StoredHead {
        size: row.get::<_, Count>(0)?.0,
        root: row.get(1)?,
        note: row.get(2)?,
        seen_at: row.get(3)?,
        source: row.get(4)?,
        tied_to_size: row.get::<_, Option<Count>>(5)?.map(|Count(size)| size),
        tie: row.get(6)?,
    })
}

pub(super) fn stored_record(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord {
        module: row.get(0)?,
        version: row.get(1)?,
        record_index: row.get::<_, Count>(2)?.0,
        text: row.get(3)?,
        proof: row.get(4)?,
        proof_head_size: row.get::<_, Count>(5)?.0,
    })
}

/// A tree size or record index: up to 2^63 - 1, which is all that SQLite's integers hold.
pub(super) struct Count(pub(super) u64);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number = i64::try_from(self.0)
            .map_err(|cause| rusqlite::Error::ToSqlConversionFailure(cause.into()))?;
        Ok(number.into())
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(number))
    }
}
