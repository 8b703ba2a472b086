//! How far a log was audited, and what was strange in it.

use rusqlite::{OptionalExtension as _, params};

use super::row::Count;
use super::{Store, StoreError, create_log};
use crate::io::clock;
use crate::io::failpoint;

/// What was replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditKind {
    /// Every record.
    Records,
    /// The tiles of hashes; no record was read.
    Hashes,
    /// Every record, into a mirror.
    Mirror,
    /// The tiles of hashes, into a mirror.
    MirrorHashes,
    /// What was asked for, into a mirror.
    MirrorSparse,
}

impl AuditKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Hashes => "hashes",
            Self::Mirror => "mirror",
            Self::MirrorHashes => "mirror-hashes",
            Self::MirrorSparse => "mirror-sparse",
        }
    }
}

/// Everything below this size was read and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditState {
    /// Number of records.
    pub size: u64,
    /// The roots of the perfect subtrees, largest first: 32 bytes for each.
    pub subtree_roots: Vec<u8>,
    /// Size of the newest signed head up to which all is done; 0 for none.
    pub head_size: u64,
    /// Which of the files beside the database count.
    pub files: Vec<u8>,
}

/// A record that is strange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnomaly {
    /// Index of the record.
    pub record_index: u64,
    /// The word for what it is.
    pub kind: String,
    /// Index of the record that it repeats.
    pub earlier: Option<u64>,
    /// The whole record.
    pub text: String,
}

impl Store {
    /// How far a log was audited.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn audit_state(
        &self,
        verifier_key: &str,
        kind: AuditKind,
    ) -> Result<Option<AuditState>, StoreError> {
        self.run(|connection| {
            connection
                .query_row(
                    "SELECT size, subtree_roots, head_size, files
                     FROM audits JOIN logs USING (log_id) WHERE verifier_key = ? AND kind = ?",
                    [verifier_key, kind.as_str()],
                    |row| {
                        let (Count(size), Count(head_size)) = (row.get(0)?, row.get(2)?);
                        Ok(AuditState {
                            size,
                            subtree_roots: row.get(1)?,
                            head_size,
                            files: row.get(3)?,
                        })
                    },
                )
                .optional()
        })
    }

    /// Keeps how far a log was audited, and what was strange since the last time, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_audit(
        &self,
        log_name: &str,
        verifier_key: &str,
        states: &[(AuditKind, AuditState)],
        anomalies: &[StoredAnomaly],
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let log = create_log(&transaction, log_name, verifier_key)?;
            let mut insert = transaction.prepare(
                "INSERT OR IGNORE INTO anomalies (log_id, record_index, kind, earlier, text)
                 VALUES (?, ?, ?, ?, ?)",
            )?;
            for anomaly in anomalies {
                let (index, earlier) = (Count(anomaly.record_index), anomaly.earlier.map(Count));
                insert.execute(params![log, index, anomaly.kind, earlier, anomaly.text])?;
            }
            drop(insert);
            for (kind, state) in states {
                transaction.execute(
                    "INSERT OR REPLACE INTO audits
                         (log_id, kind, size, subtree_roots, head_size, files, audited_at)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                    params![
                        log,
                        kind.as_str(),
                        Count(state.size),
                        state.subtree_roots,
                        Count(state.head_size),
                        state.files,
                        clock::now(),
                    ],
                )?;
            }
            failpoint::pass("audit: all is written and not committed");
            transaction.commit()?;
            failpoint::pass("audit: all is committed");
            Ok(())
        })
    }

    /// Paths and versions of all records of a log that are kept as proven.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn record_names(&self, verifier_key: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT module, version FROM records JOIN logs USING (log_id)
                     WHERE verifier_key = ? ORDER BY module, version",
                )?
                .query_map([verifier_key], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Forgets how far a log was replayed in one way.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn forget_audit(&self, verifier_key: &str, kind: AuditKind) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            connection.execute(
                "DELETE FROM audits WHERE kind = ?
                     AND log_id = (SELECT log_id FROM logs WHERE verifier_key = ?)",
                [kind.as_str(), verifier_key],
            )?;
            Ok(())
        })
    }

    /// What is strange in a log, as far as it was audited, by record.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn anomalies(&self, verifier_key: &str) -> Result<Vec<StoredAnomaly>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT record_index, kind, earlier, text FROM anomalies JOIN logs USING (log_id)
                     WHERE verifier_key = ? ORDER BY record_index, kind",
                )?
                .query_map([verifier_key], |row| {
                    let Count(record_index) = row.get(0)?;
                    let earlier: Option<Count> = row.get(2)?;
                    Ok(StoredAnomaly {
                        record_index,
                        kind: row.get(1)?,
                        earlier: earlier.map(|Count(index)| index),
                        text: row.get(3)?,
                    })
                })?
                .collect()
        })
    }
}
